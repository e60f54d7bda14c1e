//! Images whose signatures lie elsewhere than beside them.

use insta::assert_snapshot;

use super::{build::*, judging::two_keys};
use crate::{
    decision::{Candidates, Checked, Decision, LookupFailure, Question, Reader, decide},
    image::{Repository, SignaturePlaces},
    policy::Policy,
};

/// A copy of [`IMAGE`].
const COPY: &str = "mirror.example/gitlab/acme/shop/api:1.8.2";

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

fn source() -> Repository {
    repository("registry.gitlab.com/acme/shop/api")
}

fn copy() -> Repository {
    repository("mirror.example/gitlab/acme/shop/api")
}

type Place = Result<Vec<Checked>, LookupFailure>;

/// What comes of [`COPY`] when its source and its own repository hold this.
fn judged_copy(policy: Policy, at_source: Place, beside: Place) -> Decision {
    let places = SignaturePlaces::new(source(), source(), [copy()]);
    judged_at(policy, places, [(source(), at_source), (copy(), beside)])
}

fn judged_at<const N: usize>(
    policy: Policy,
    places: SignaturePlaces,
    found: [(Repository, Place); N],
) -> Decision {
    let mut plan = plan_of(vec![("api", COPY)], vec![policy]);
    if let Question::Judge(inquiry) = &mut plan.images[0].question {
        inquiry.places = places.clone();
    }
    let found = found.map(|(place, found)| (place, found.map(Candidates::from)));
    let image = found_in(places, found);
    decide(&plan, &evidence_of(COPY, image))
}

const TIMEOUT: Place = Err(LookupFailure::Timeout);

#[test]
fn a_signature_in_either_place_is_enough_whatever_becomes_of_the_other() {
    let policy = two_keys(1);
    let signed = || Ok(vec![checked_by_key(&policy, 1, 0)]);
    let none = || Ok(Vec::new());
    for (at_source, beside) in [
        (signed(), none()),
        (none(), signed()),
        (signed(), TIMEOUT),
        (TIMEOUT, signed()),
    ] {
        let decision = judged_copy(policy.clone(), at_source, beside);
        assert_eq!(codes(&decision), Vec::<&str>::new());
    }
}

#[test]
fn the_signatures_of_both_places_count_together() {
    let policy = two_keys(2);
    let at_source = Ok(vec![checked_by_key(&policy, 1, 0)]);
    let beside = || Ok(vec![checked_by_key(&policy, 2, 1)]);
    let decision = judged_copy(policy.clone(), at_source.clone(), beside());
    assert_eq!(codes(&decision), Vec::<&str>::new());
    let twice = judged_copy(policy, at_source.clone(), at_source);
    assert_eq!(codes(&twice), ["ThresholdNotMet"]);
}

#[test]
fn an_image_is_unsigned_only_when_every_place_has_said_so() {
    let none = || Ok(Vec::new());
    let policy = two_keys(1);
    for (at_source, beside, code) in [
        (none(), none(), "SignatureMissing"),
        (TIMEOUT, none(), "RegistryTimeout"),
        (none(), TIMEOUT, "RegistryTimeout"),
        (
            Err(LookupFailure::RateLimited { wait: None }),
            TIMEOUT,
            "RegistryRateLimited",
        ),
        // An outage may be bridged by what was verified before; a certificate that is refused may not.
        (
            TIMEOUT,
            Err(LookupFailure::Tls {
                detail: "unknown issuer".to_owned(),
            }),
            "RegistryTlsFailed",
        ),
    ] {
        let decision = judged_copy(policy.clone(), at_source, beside);
        assert_eq!(codes(&decision), [code]);
    }
    // A place that was not looked at has said nothing.
    let places = SignaturePlaces::new(source(), source(), [copy()]);
    let decision = judged_at(policy, places, [(source(), none())]);
    assert_eq!(codes(&decision), ["DeadlineExceeded"]);
}

#[test]
fn a_signature_that_does_not_count_is_told_only_when_every_place_was_looked_at() {
    let policy = policy(vec![key_authority("release-key", 0)]);
    let by_another = || Ok(vec![checked_by_key(&policy, 1, 1)]);
    let decision = judged_copy(policy.clone(), by_another(), Ok(Vec::new()));
    assert_eq!(codes(&decision), ["KeyMismatch"]);
    let decision = judged_copy(policy.clone(), by_another(), TIMEOUT);
    assert_eq!(codes(&decision), ["RegistryTimeout"]);
}

#[test]
fn the_line_names_where_was_looked_and_how_to_sign_at_the_source() {
    let policy = || policy(vec![key_authority("release-key", 0)]);
    let none = || Ok(Vec::new());
    assert_snapshot!(line(&judged_copy(policy(), none(), none())), @r#"container "api": mirror.example/gitlab/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature (looked in registry.gitlab.com/acme/shop/api and mirror.example/gitlab/acme/shop/api) [SignatureMissing]; sign it with an accepted key: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
    let signatures = repository("mirror.example/signatures");
    let places = SignaturePlaces::new(source(), signatures.clone(), [source()]);
    let found = [(signatures, none()), (source(), none())];
    assert_snapshot!(line(&judged_at(policy(), places, found)), @r#"container "api": mirror.example/gitlab/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature (looked in mirror.example/signatures and registry.gitlab.com/acme/shop/api) [SignatureMissing]; sign it with an accepted key: COSIGN_REPOSITORY=mirror.example/signatures cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn the_line_names_the_place_that_could_not_be_looked_at() {
    let policy = || policy(vec![key_authority("release-key", 0)]);
    let refused = Err(LookupFailure::Unauthorized {
        status: 401,
        tried: Vec::new(),
        forbidden: Vec::new(),
        reader: Reader::Pod {
            useless: Vec::new(),
        },
    });
    assert_snapshot!(line(&judged_copy(policy(), refused, Ok(Vec::new()))), @r#"container "api": mirror.example/gitlab/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: source registry.gitlab.com/acme/shop/api refused anonymous access (401) [RegistryUnauthorized]; add a pull secret whose token has read_registry"#);
    assert_snapshot!(line(&judged_copy(policy(), Ok(Vec::new()), TIMEOUT)), @r#"container "api": mirror.example/gitlab/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry did not answer in time [RegistryTimeout]; try again when the registry answers"#);
}

/// The codes for a copy that lies at this path of the mirror, of what the project acme/shop/api has signed.
fn in_project(path: &str, source: &str) -> Vec<&'static str> {
    let policy = policy(vec![gitlab_authority()]);
    let signed = checked_by_identity(&policy, 1, &gitlab_identity());
    let (source, copy) = (repository(source), repository(path));
    let places = SignaturePlaces::new(source.clone(), source.clone(), [copy.clone()]);
    let found = [(source, Ok(vec![signed])), (copy, Ok(Vec::new()))];
    codes(&judged_at(policy, places, found))
}

#[test]
fn it_is_the_source_that_has_to_be_in_the_project() {
    let ours = "registry.gitlab.com/acme/shop/api";
    let fork = "registry.gitlab.com/acme/fork/api";
    assert_eq!(
        in_project("mirror.example/gitlab/acme/shop/api", ours),
        Vec::<&str>::new()
    );
    assert_eq!(
        in_project("mirror.example/renamed", ours),
        Vec::<&str>::new()
    );
    // What the copy is called does not make it the project's.
    assert_eq!(
        in_project("mirror.example/acme/shop/api", fork),
        ["ImageNotInProject"]
    );
}
