//! Several certificates of one name, from which many paths can be tried.

use super::*;

#[test]
fn more_namesakes_than_the_limit_are_not_tried_in_every_order() {
    let root = root_of(ca_params("root"));
    let mesh: Vec<_> = (0..limits::NAMESAKES_PER_CHAIN)
        .map(|_| root_of(ca_params("mesh")))
        .collect();
    let leaf = mesh[0].issue(leaf_params());
    let mut mesh: Vec<_> = mesh.iter().collect();
    let stranger = "certificate: it was issued by no authority of the trust root";
    assert_eq!(verified(&leaf, &mesh, &[&root]), Err(stranger.to_owned()));
    let another = root.issue(ca_params("mesh"));
    mesh.push(&another);
    let found = limits::NAMESAKES_PER_CHAIN + 1;
    assert_eq!(
        verified(&leaf, &mesh, &[&root]),
        Err(format!(
            "certificate: {found} of the certificates beside it have one name, at most {} are tried",
            limits::NAMESAKES_PER_CHAIN
        ))
    );
}

#[test]
fn an_intermediate_that_two_authorities_have_certified_may_come_along_twice() {
    let (root, old) = (root_of(ca_params("root")), root_of(ca_params("old root")));
    let key = KeyPair::generate().unwrap();
    let pem = key.serialize_pem();
    let by_old = old.issue_with(ca_params("intermediate"), key);
    let by_root = root.issue_with(ca_params("intermediate"), KeyPair::from_pem(&pem).unwrap());
    let leaf = by_root.issue(leaf_params());
    assert_eq!(
        verified(&leaf, &[&by_old, &by_root], &[&root]),
        Ok(by_root.spki.clone())
    );
}
