//! Signatures made with a key, in either layout.

use super::*;
use crate::sandbox::sigstore::KeyKind;
use LogRequirement::{Ignore, Require};

fn both(signing: impl Fn() -> Signing<'static>) -> [Candidate; 2] {
    [bundle_of(signing().bundle()), legacy_of(signing().legacy())]
}

#[test]
fn a_keyed_signature_is_accepted_with_its_log_entry() {
    for candidate in both(|| WORLD.keyed().annotation("a", "b")) {
        let verified = WORLD.by_key(&candidate, Require).unwrap();
        assert_eq!(
            verified.signer(),
            &Signer::Key {
                fingerprint: WORLD.key.fingerprint().to_owned()
            }
        );
        assert_eq!(verified.signed_at(), Some(NOW));
        assert!(verified.log_index().is_some());
        assert_eq!(
            verified.annotations(),
            &BTreeMap::from([("a".to_owned(), "b".to_owned())])
        );
    }
}

#[test]
fn where_the_log_is_ignored_an_entry_is_neither_needed_nor_believed() {
    let logged = both(|| WORLD.keyed());
    let unlogged = both(|| WORLD.keyed().without_log());
    for candidate in logged.iter().chain(&unlogged) {
        let verified = WORLD.by_key(candidate, Ignore).unwrap();
        assert_eq!((verified.signed_at(), verified.log_index()), (None, None));
    }
}

#[test]
fn where_the_log_is_ignored_a_broken_entry_does_no_harm() {
    let mut legacy = legacy_of(WORLD.keyed().legacy());
    legacy
        .annotations
        .insert("dev.sigstore.cosign/bundle".to_owned(), "junk".to_owned());
    legacy.annotations.insert(
        "dev.sigstore.cosign/rfc3161timestamp".to_owned(),
        "junk".to_owned(),
    );
    let without_root = Against::Key {
        key: &WORLD.key,
        log: Ignore,
        trust_root: None,
    };
    verify(&legacy, &image(), without_root).unwrap();
    // A trust root may name timestamp authorities, so there a timestamp is looked at.
    assert_refused(
        &WORLD.by_key(&legacy, Ignore),
        &SignatureError::Timestamp {
            detail: "the annotation is malformed".to_owned(),
        },
    );
    legacy
        .annotations
        .remove("dev.sigstore.cosign/rfc3161timestamp");
    WORLD.by_key(&legacy, Ignore).unwrap();
    let bundle = edited(bundle_of(WORLD.keyed().bundle()), |json| {
        let signed_at = &mut entry(json)["integratedTime"];
        *signed_at = "1".into();
    });
    assert_eq!(WORLD.by_key(&bundle, Ignore).unwrap().signed_at(), None);
    assert_refused(
        &WORLD.by_key(&bundle, Require),
        &log_entry("the signed entry timestamp does not verify with the log's key"),
    );
}

#[test]
fn without_a_trust_root_only_an_ignored_log_verifies() {
    for candidate in both(|| WORLD.keyed()) {
        let against = |log| Against::Key {
            key: &WORLD.key,
            log,
            trust_root: None,
        };
        verify(&candidate, &image(), against(Ignore)).unwrap();
        assert_eq!(
            verify(&candidate, &image(), against(Require)).unwrap_err(),
            log_entry("there is no trust root that names a log")
        );
    }
}

#[test]
fn a_required_log_entry_that_is_not_there_is_missed() {
    for candidate in both(|| WORLD.keyed().without_log()) {
        assert_eq!(
            WORLD.by_key(&candidate, Require).unwrap_err(),
            log_entry("there is no entry")
        );
    }
}

#[test]
fn the_log_entry_of_another_image_is_refused() {
    let other = || WORLD.sigstore.sign_with(&WORLD.pair, &other_image());
    let mut legacy = legacy_of(WORLD.keyed().legacy());
    let stapled = legacy_of(other().legacy()).annotations["dev.sigstore.cosign/bundle"].clone();
    legacy
        .annotations
        .insert("dev.sigstore.cosign/bundle".to_owned(), stapled);
    assert_eq!(
        WORLD.by_key(&legacy, Require).unwrap_err(),
        log_entry("the entry is about other content")
    );
    let stapled = json_of(&bundle_of(other().bundle()));
    let bundle = edited(bundle_of(WORLD.keyed().bundle()), |json| {
        *entry(json) = stapled["verificationMaterial"]["tlogEntries"][0].clone();
    });
    assert_eq!(
        WORLD.by_key(&bundle, Require).unwrap_err(),
        log_entry("the entry is about other content")
    );
}

#[test]
fn a_log_entry_about_the_same_content_under_another_key_is_refused() {
    let other = SigningKeyPair::generate().unwrap();
    let theirs = || WORLD.sigstore.sign_with(&other, &image());
    let mut legacy = legacy_of(WORLD.keyed().legacy());
    let stapled = legacy_of(theirs().legacy()).annotations["dev.sigstore.cosign/bundle"].clone();
    legacy
        .annotations
        .insert("dev.sigstore.cosign/bundle".to_owned(), stapled);
    assert_refused(
        &WORLD.by_key(&legacy, Require),
        &log_entry("the entry is about another signature"),
    );
    let stapled = json_of(&bundle_of(theirs().bundle()));
    let bundle = edited(bundle_of(WORLD.keyed().bundle()), |json| {
        *entry(json) = stapled["verificationMaterial"]["tlogEntries"][0].clone();
    });
    assert_refused(
        &WORLD.by_key(&bundle, Require),
        &log_entry("the entry is about another signature"),
    );
}

#[test]
fn the_promise_of_the_older_layout_is_verified() {
    let mut legacy = legacy_of(WORLD.keyed().legacy());
    let text = legacy.annotations["dev.sigstore.cosign/bundle"].clone();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json["SignedEntryTimestamp"] = flipped(json["SignedEntryTimestamp"].as_str().unwrap()).into();
    legacy
        .annotations
        .insert("dev.sigstore.cosign/bundle".to_owned(), json.to_string());
    assert_refused(
        &WORLD.by_key(&legacy, Require),
        &log_entry("the signed entry timestamp does not verify with the log's key"),
    );
    assert_eq!(WORLD.by_key(&legacy, Ignore).unwrap().log_index(), None);
}

#[test]
fn a_key_that_is_not_listed_is_told_from_a_broken_signature_by_nobody() {
    let other = SigningKeyPair::generate().unwrap();
    let theirs = || WORLD.sigstore.sign_with(&other, &image());
    for candidate in [bundle_of(theirs().bundle()), legacy_of(theirs().legacy())] {
        assert_eq!(
            WORLD.by_key(&candidate, Ignore).unwrap_err(),
            SignatureError::OtherKey
        );
        assert_eq!(
            WORLD.by_key(&candidate, Require).unwrap_err(),
            SignatureError::OtherKey
        );
    }
}

#[test]
fn a_signature_of_another_image_by_the_right_key_names_that_image() {
    let elsewhere = || WORLD.sigstore.sign_with(&WORLD.pair, &other_image());
    for candidate in [
        bundle_of(elsewhere().bundle()),
        legacy_of(elsewhere().legacy()),
    ] {
        assert_eq!(
            WORLD.by_key(&candidate, Ignore).unwrap_err(),
            SignatureError::OtherImage {
                presented: other_image().to_string()
            }
        );
    }
}

#[test]
fn key_and_certificate_are_never_taken_for_each_other() {
    for candidate in both(|| WORLD.keyed()) {
        assert_eq!(
            WORLD.by_certificate(&candidate).unwrap_err(),
            SignatureError::OtherKind("signed with a key, not with a certificate")
        );
    }
    for candidate in both(|| WORLD.keyless()) {
        assert_eq!(
            WORLD.by_key(&candidate, Ignore).unwrap_err(),
            SignatureError::OtherKind("signed with a certificate, not with a key")
        );
    }
}

#[test]
fn an_attestation_by_the_right_key_is_no_signature() {
    let provenance = "https://slsa.dev/provenance/v1";
    let attestation = bundle_of(WORLD.keyed().predicate_type(provenance).bundle());
    assert_eq!(
        WORLD.by_key(&attestation, Ignore).unwrap_err(),
        SignatureError::PredicateType {
            presented: provenance.to_owned()
        }
    );
}

#[test]
fn keys_of_other_kinds_verify_with_the_log_ignored() {
    for kind in [KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa] {
        let pair = SigningKeyPair::generate_of(kind).unwrap();
        let key = PublicKey::from_pem(&pair.public_pem()).unwrap();
        let against = Against::Key {
            key: &key,
            log: Ignore,
            trust_root: None,
        };
        let signing = || WORLD.sigstore.sign_with(&pair, &image());
        verify(&bundle_of(signing().bundle()), &image(), against).unwrap();
        verify(&legacy_of(signing().legacy()), &image(), against).unwrap();
    }
}

/// Made with `openssl dgst -sha256 -sign` and a key on P-384.
#[test]
fn a_large_curve_with_the_small_hash_of_cosign_2_verifies() {
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}}"#,
        image()
    );
    let signature = "MGYCMQDPUjNRq+VOjsJl87AQc0IpdqQ+FJOyvQ5FluOA7RbkW4pwg0aKYRLle2FNtyEAi48CMQDBlb9TAfkc+ydSI/St6P6HqwUqI4e4oGjFKCqWH+wcFMPEEeotvhDGLbHeSa3gtVA=";
    let key = PublicKey::from_pem(
        "-----BEGIN PUBLIC KEY-----\n\
         MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEE8EesgLYHZlkfuqOsEwB845Z6rpfQvs8\n\
         tHS84DPN3WS/YTMrc6K13o+zTyytxJZmhujU0KNgK9uL8EGFBL1nPUCKlbXwXgYE\n\
         M0nCxmaP32hy64YpPPIXI5r8/D4jC6IU\n\
         -----END PUBLIC KEY-----\n",
    )
    .unwrap();
    let legacy = Candidate {
        layout: Layout::Legacy,
        digest: Digest::of(payload.as_bytes()),
        content: payload.into(),
        annotations: BTreeMap::from([(
            "dev.cosignproject.cosign/signature".to_owned(),
            signature.to_owned(),
        )]),
    };
    let against = |log| Against::Key {
        key: &key,
        log,
        trust_root: Some(&WORLD.root),
    };
    verify(&legacy, &image(), against(Ignore)).unwrap();
    assert_eq!(
        verify(&legacy, &image(), against(Require)).unwrap_err(),
        log_entry("there is no entry")
    );
}
