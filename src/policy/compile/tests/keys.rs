//! Keys and when they may sign.

use super::*;
use crate::{
    key::PublicKey,
    limits::KEYS_PER_AUTHORITY,
    policy::{DatedKey, Validity},
};

pub(super) fn of(policy: &Policy) -> &[DatedKey] {
    match &policy.authorities[0].kind {
        AuthorityKind::Keys(keys) => keys,
        other => panic!("{other:?}"),
    }
}

pub(super) fn dated(
    key: &PublicKey,
    not_before: Option<&str>,
    not_after: Option<&str>,
) -> DatedKey {
    let time = |text: &str| text.parse().unwrap();
    DatedKey {
        key: key.clone(),
        validity: Validity {
            not_before: not_before.map(time),
            not_after: not_after.map(time),
        },
    }
}

fn other_pem() -> String {
    include_str!("../../../../tests/vectors/keys/ecdsa-p384.pem").to_owned()
}

fn third_pem() -> String {
    include_str!("../../../../tests/vectors/keys/ed25519.pem").to_owned()
}

#[test]
fn a_key_has_the_validity_that_is_written_beside_it() {
    let key = PublicKey::from_pem(&pem()).unwrap();
    let policy = compiled(with(json!({
        "name": "a",
        "key": { "pem": pem(), "notAfter": "2027-01-01T00:00:00Z" },
    })));
    assert_eq!(
        of(&policy),
        [dated(&key, None, Some("2027-01-01T00:00:00Z"))]
    );
    let policy = compiled(with(json!({
        "name": "a",
        "key": {
            "pem": pem(),
            "notBefore": "2026-01-01T02:00:00+02:00",
            "notAfter": "2026-01-01T00:00:00.5Z",
        },
    })));
    assert_eq!(
        of(&policy),
        [dated(
            &key,
            Some("2026-01-01T00:00:00Z"),
            Some("2026-01-01T00:00:00.5Z")
        )]
    );
}

#[test]
fn several_keys_are_one_authority() {
    let policy = compiled(with(json!({
        "name": "a",
        "keys": [{ "pem": pem(), "notAfter": "2027-01-01T00:00:00Z" }, { "pem": other_pem() }],
    })));
    let (old, new) = (
        PublicKey::from_pem(&pem()).unwrap(),
        PublicKey::from_pem(&other_pem()).unwrap(),
    );
    assert_eq!(
        of(&policy),
        [
            dated(&old, None, Some("2027-01-01T00:00:00Z")),
            dated(&new, None, None)
        ]
    );
    assert!(!policy.authorities[0].require_log);
}

#[test]
fn a_time_is_written_as_rfc_3339_with_its_zone() {
    for text in [
        "",
        "2027-01-01",
        "2027-01-01T00:00:00",
        "2027-01-01 00:00:00Z",
        "2027-13-01T00:00:00Z",
        "20270101T000000Z0000",
        "2027-01-01T00:00:00+00:00[UTC]",
        "1798761600",
    ] {
        let spec = with(json!({ "name": "a", "key": { "pem": pem(), "notAfter": text } }));
        assert_eq!(
            problems(spec),
            [format!(
                "spec.authorities[0].key.notAfter: expected a time with its zone, such as 2027-01-01T00:00:00Z, found \"{text}\""
            )]
        );
    }
}

#[test]
fn a_key_cannot_end_before_it_begins() {
    let spec = with(json!({
        "name": "a",
        "keys": [{
            "pem": pem(),
            "notBefore": "2027-01-01T00:00:00Z",
            "notAfter": "2026-12-31T23:59:59Z",
        }],
    }));
    assert_eq!(
        problems(spec),
        [
            "spec.authorities[0].keys[0].notAfter: expected a time that is not before notBefore, 2027-01-01T00:00:00Z, found 2026-12-31T23:59:59Z"
        ]
    );
}

#[test]
fn a_key_stands_once_in_a_list_and_where_a_threshold_counts_once_in_the_policy() {
    let twice = with(json!({ "name": "a", "keys": [{ "pem": pem() }, { "pem": pem() }] }));
    assert_eq!(
        problems(twice),
        [
            "spec.authorities[0].keys[1]: expected a key that is not in the list already, found that of [0]"
        ]
    );
    let mut shared =
        with(json!({ "name": "a", "keys": [{ "pem": pem() }, { "pem": other_pem() }] }));
    add(
        &mut shared,
        json!({ "name": "b", "keys": [{ "pem": third_pem() }, { "pem": other_pem() }] }),
    );
    assert!(object(shared.clone()).compile(&Texts(Vec::new())).is_ok());
    shared["require"] = json!(2);
    assert_eq!(
        problems(shared),
        [
            "spec.authorities[1].keys[1]: expected a key that no other authority has, found that of \"a\""
        ]
    );
}

#[test]
fn a_list_of_keys_is_bounded_and_not_empty() {
    let problems_of = |count: usize| {
        let keys = vec![json!({ "pem": pem() }); count];
        problems(with(json!({ "name": "a", "keys": keys })))
    };
    assert_eq!(
        problems_of(0),
        ["spec.authorities[0].keys: expected 1 to 16 keys, found 0"]
    );
    assert_eq!(
        problems_of(KEYS_PER_AUTHORITY + 1),
        ["spec.authorities[0].keys: expected 1 to 16 keys, found 17"]
    );
}

#[test]
fn several_keys_in_one_text_are_refused_with_the_field_that_takes_them() {
    let spec = with(json!({ "name": "a", "key": { "pem": pem() + &other_pem() } }));
    assert_eq!(
        problems(spec),
        [
            "spec.authorities[0].key.pem: expected one PEM block `PUBLIC KEY`, found 2 blocks: list several keys under `keys`"
        ]
    );
}

#[test]
fn keys_come_from_objects_and_are_listed_among_them() {
    let spec = with(json!({ "name": "a", "keys": [
        { "secretRef": { "name": "s", "key": "old" } },
        { "configMapRef": { "name": "c", "key": "new" } },
    ] }));
    let object = object(spec);
    let entries: Vec<_> = object.entries().map(|entry| entry.to_string()).collect();
    assert_eq!(
        entries,
        [
            "key \"old\" of Secret \"s\"",
            "key \"new\" of ConfigMap \"c\""
        ]
    );
    let source = Texts(vec![
        (entries[0].clone(), pem()),
        (entries[1].clone(), other_pem()),
    ]);
    assert_eq!(of(&object.compile(&source).unwrap()).len(), 2);
}
