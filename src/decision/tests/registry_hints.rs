//! What to do where a registry answers, and that does not help.

use super::messages::line_of_lookup;
use crate::decision::LookupFailure;

/// The end of the line of an image for which this came of its registry.
fn told(failure: LookupFailure) -> String {
    let line = line_of_lookup(failure);
    line.split_once("could not be checked: ")
        .expect("undetermined")
        .1
        .to_owned()
}

#[test]
fn a_registry_that_lies_is_not_waited_for() {
    for lie in [
        "lists the blob sha256:99aa… and does not have it",
        "lists the manifest sha256:99aa… and does not have it",
        "answered with other content than its digest says (expected sha256:99aa…, found sha256:ab12…)",
    ] {
        let detail = lie.to_owned();
        let told = told(LookupFailure::Unusable { detail });
        let hint = "push and sign the image again; if that does not help, its operator must repair the registry, or what is in front of it";
        assert_eq!(
            told,
            format!("the registry {lie} [RegistryUnavailable]; {hint}")
        );
    }
}

#[test]
fn an_image_is_not_blamed_for_what_all_answers_take_together() {
    let detail = "the answers of registries take all the memory there is for them".to_owned();
    let expected = format!(
        "{detail} [LimitExceeded]; try again in a moment: so much is read at the same time, and the image need not be the cause"
    );
    assert_eq!(told(LookupFailure::Limit { detail }), expected);
}
