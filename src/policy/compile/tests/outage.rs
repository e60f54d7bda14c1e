//! What counts while a registry does not answer.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{compiled, problems, with};
use crate::{
    limits::{LONGEST_USE_OF_VERIFIED, USE_OF_VERIFIED},
    policy::RegistryOutage,
};

fn spec(fields: &Value) -> Value {
    let mut spec = with(json!({ "name": "a", "gitlab": { "project": "acme/shop" } }));
    for (name, value) in fields.as_object().unwrap() {
        spec[name] = value.clone();
    }
    spec
}

fn use_verified(within: &str) -> Value {
    spec(&json!({ "whenRegistryUnavailable": "UseVerified", "useVerifiedFor": within }))
}

fn within(seconds: i64) -> RegistryOutage {
    RegistryOutage::UseVerified {
        within: SignedDuration::from_secs(seconds),
    }
}

#[test]
fn what_cannot_be_judged_is_refused_unless_a_policy_says_otherwise() {
    assert_eq!(compiled(spec(&json!({}))).outage, RegistryOutage::Deny);
    let deny = json!({ "whenRegistryUnavailable": "Deny" });
    assert_eq!(compiled(spec(&deny)).outage, RegistryOutage::Deny);
}

#[test]
fn what_was_verified_is_used_for_a_day_or_as_long_as_the_policy_says() {
    let unset = json!({ "whenRegistryUnavailable": "UseVerified" });
    let day = within(USE_OF_VERIFIED.as_secs());
    assert_eq!(compiled(spec(&unset)).outage, day);
    assert_eq!(compiled(use_verified("1h30m")).outage, within(5400));
    let longest = format!("{}s", LONGEST_USE_OF_VERIFIED.as_secs());
    let week = within(LONGEST_USE_OF_VERIFIED.as_secs());
    assert_eq!(compiled(use_verified(&longest)).outage, week);
}

#[test]
fn no_time_at_all_and_more_than_a_week_are_refused() {
    let longer = format!("{}s", LONGEST_USE_OF_VERIFIED.as_secs() + 1);
    for text in ["", "0s", "1d", "-1h", "24", longer.as_str()] {
        let expected =
            "expected a duration in hours, minutes and seconds of at most 168h, as in 24h";
        let found = problems(use_verified(text));
        let [problem] = found.as_slice() else {
            panic!("{text:?}: {found:?}");
        };
        assert!(
            problem.starts_with(&format!("spec.useVerifiedFor: {expected}, found ")),
            "{problem}"
        );
    }
}

#[test]
fn a_time_for_what_is_not_used_is_refused() {
    let alone = spec(&json!({ "useVerifiedFor": "1h" }));
    assert_eq!(
        problems(alone),
        [
            "spec.useVerifiedFor: expected whenRegistryUnavailable: UseVerified beside it, found Deny"
        ]
    );
}

#[test]
fn another_word_is_refused() {
    let found = problems(spec(&json!({ "whenRegistryUnavailable": "Allow" })));
    assert_eq!(
        found,
        ["spec.whenRegistryUnavailable: unknown variant `Allow`, expected `Deny` or `UseVerified`"]
    );
}
