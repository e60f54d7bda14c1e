//! GitLab jobs of instances other than gitlab.com, as the public Fulcio and private ones certify them.

use rstest::rstest;

use super::{other_fact, repository};
use crate::{
    decision::{authority::Mismatch, signer_text, tests::build::*},
    policy::{AuthorityKind, GitLabJob},
    provenance::job_url,
    verify::{Identity, San, Signer},
};

const ROOT: &str = "https://git.example/gitlab";
const PORT: &str = "https://git.example:8443";

/// The certificate of a tag's job in `acme/shop/api`: the SAN has the instance's host and port, and never its relative
/// root; what stands before the project in .12 and .21 is set in Fulcio.
fn identity(instance: &str, source_prefix: &str) -> Identity {
    let host = instance.strip_prefix("https://").unwrap();
    let host = host.split('/').next().unwrap();
    let san = format!("https://{host}/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.8.2");
    Identity {
        oidc_issuer: instance.to_owned(),
        san: San::Uri(san),
        source_repository_uri: Some(format!("{source_prefix}acme/shop/api")),
        run_invocation_uri: Some(format!("{source_prefix}acme/shop/api/-/jobs/7")),
        ..gitlab_identity()
    }
}

fn accepts(instance: &str, identity: &Identity) -> Result<(), Mismatch> {
    let job = GitLabJob {
        instance: instance.to_owned(),
        ..gitlab_job()
    };
    let authority = authority("release", AuthorityKind::GitLab(Box::new(job)));
    let image = repository("registry.git.example/acme/shop/api");
    authority.accepts(by_identity(identity.clone()).signer(), &image)
}

#[rstest]
#[case::public_fulcio("https://gitlab.archlinux.org", "https://gitlab.com/")]
#[case::private_fulcio("https://git.example", "https://git.example/")]
#[case::public_text_in_a_private_fulcio("https://git.example", "https://gitlab.com/")]
#[case::with_a_port(PORT, "https://git.example:8443/")]
#[case::without_the_port(PORT, "https://git.example/")]
#[case::below_the_root(ROOT, "https://git.example/gitlab/")]
#[case::without_the_root(ROOT, "https://git.example/")]
#[case::public_text_for_an_instance_below_a_root(ROOT, "https://gitlab.com/")]
#[case::root_and_port("https://git.example:8443/gitlab", "https://git.example:8443/gitlab/")]
#[case::a_slash_too_many("https://git.example", "https://git.example//")]
#[case::without_tls("https://git.example", "http://git.example/")]
fn every_form_that_a_fulcio_writes_is_read(#[case] instance: &str, #[case] prefix: &str) {
    let identity = identity(instance, prefix);
    assert_eq!(accepts(instance, &identity), Ok(()));
    let host = instance.split('/').nth(2).unwrap();
    assert_eq!(
        signer_text(&Signer::Certificate(Box::new(identity))),
        format!("{host}/acme/shop/api ref refs/tags/v1.8.2")
    );
}

#[rstest]
#[case::the_other_port(PORT, "https://git.example")]
#[case::no_root("https://git.example", ROOT)]
#[case::another_root("https://git.example/git", ROOT)]
#[case::only_the_beginning("https://git.example", "https://git.example.evil")]
#[case::gitlab_com("https://gitlab.com", "https://git.example")]
fn an_instance_is_matched_whole(#[case] accepted: &str, #[case] presented: &str) {
    let identity = identity(presented, &format!("{presented}/"));
    assert_eq!(accepts(accepted, &identity), Err(Mismatch::OtherSigner));
}

#[rstest]
#[case("https://git.example/gitlab/mallory/api")]
#[case("https://git.example/mallory/api")]
#[case("https://git.example/evil/gitlab/acme/shop/api")]
#[case("https://gitlab.com/gitlab/mallory/api")]
#[case("https://git.example/gitlab/acme/shop/api/x")]
fn a_fork_is_refused_below_a_root_too(#[case] source: &str) {
    let identity = Identity {
        source_repository_uri: Some(source.to_owned()),
        ..identity(ROOT, "https://git.example/gitlab/")
    };
    assert_eq!(accepts(ROOT, &identity), Err(Mismatch::OtherProject));
}

#[rstest]
#[case("acme/shop/api")]
#[case("ssh://git.example/acme/shop/api")]
#[case("https://git.example")]
fn a_source_that_is_no_url_is_refused(#[case] source: &str) {
    let identity = Identity {
        source_repository_uri: Some(source.to_owned()),
        ..identity("https://git.example", "https://git.example/")
    };
    let expected = other_fact("source repository", Some(source), "acme/shop/api");
    assert_eq!(accepts("https://git.example", &identity), expected);
}

#[rstest]
#[case(
    ROOT,
    "https://gitlab.com/",
    "https://git.example/gitlab/acme/shop/api/-/jobs/7"
)]
#[case(
    ROOT,
    "https://git.example/gitlab/",
    "https://git.example/gitlab/acme/shop/api/-/jobs/7"
)]
#[case(
    PORT,
    "https://gitlab.com/",
    "https://git.example:8443/acme/shop/api/-/jobs/7"
)]
fn a_job_is_linked_at_its_own_instance(
    #[case] instance: &str,
    #[case] prefix: &str,
    #[case] link: &str,
) {
    assert_eq!(job_url(&identity(instance, prefix)).as_deref(), Some(link));
}
