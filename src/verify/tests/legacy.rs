//! The `.sig` layout of cosign 2.

use super::*;

#[test]
fn a_keyless_payload_is_accepted_with_its_identity_time_and_annotations() {
    let verified = WORLD
        .by_certificate(&legacy_of(
            WORLD.keyless().annotation("tag", "1.8.2").legacy(),
        ))
        .unwrap();
    assert_eq!(verified.image(), &image());
    assert_eq!(verified.layout(), Layout::Legacy);
    assert_eq!(verified.signed_at(), Some(NOW));
    assert!(verified.log_index().unwrap() >= 25_000);
    assert_eq!(
        verified.annotations(),
        &BTreeMap::from([("tag".to_owned(), "1.8.2".to_owned())])
    );
    assert!(matches!(verified.signer(), Signer::Certificate(_)));
}

fn with(mut candidate: Candidate, name: &str, value: &str) -> Candidate {
    candidate
        .annotations
        .insert(name.to_owned(), value.to_owned());
    candidate
}

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const ENTRY: &str = "dev.sigstore.cosign/bundle";

#[test]
fn a_junk_signature_beside_the_genuine_certificate_and_log_entry_of_another_artifact_is_refused() {
    // What an attacker without any key can build: the public certificate and entry of a signature by the
    // trusted identity, beside a payload that names the attacker's image.
    let genuine = legacy_of(
        WORLD
            .sigstore
            .sign_as(&release_job(), &other_image())
            .legacy(),
    );
    let mut forged = genuine.clone();
    forged.content = legacy_of(WORLD.keyless().legacy()).content;
    forged.digest = Digest::of(&forged.content);
    assert_eq!(
        WORLD.by_certificate(&forged).unwrap_err(),
        invalid("the signature does not verify")
    );
    let junk = with(forged, SIGNATURE, &STANDARD.encode("junk"));
    assert_eq!(
        WORLD.by_certificate(&junk).unwrap_err(),
        invalid("the signature does not verify")
    );
}

#[test]
fn the_genuine_certificate_and_entry_beside_a_signature_by_the_attackers_key_are_refused() {
    let attacker = SigningKeyPair::generate().unwrap();
    let own = legacy_of(
        WORLD
            .sigstore
            .sign_with(&attacker, &image())
            .without_log()
            .legacy(),
    );
    let genuine = legacy_of(
        WORLD
            .sigstore
            .sign_as(&release_job(), &other_image())
            .legacy(),
    );
    let forged = [CERTIFICATE, CHAIN, ENTRY]
        .into_iter()
        .fold(own, |candidate, name| {
            with(candidate, name, &genuine.annotations[name])
        });
    assert_eq!(
        WORLD.by_certificate(&forged).unwrap_err(),
        invalid("the signature does not verify")
    );
}

#[test]
fn the_signed_entry_timestamp_of_another_image_is_refused() {
    let other = legacy_of(
        WORLD
            .sigstore
            .sign_as(&release_job(), &other_image())
            .legacy(),
    );
    let stapled = with(
        legacy_of(WORLD.keyless().legacy()),
        ENTRY,
        &other.annotations[ENTRY],
    );
    assert_eq!(
        WORLD.by_certificate(&stapled).unwrap_err(),
        log_entry("the entry is about other content")
    );
}

#[test]
fn the_signed_entry_timestamp_of_another_signature_of_the_same_payload_is_refused() {
    let again = legacy_of(WORLD.keyless().legacy());
    let stapled = with(
        legacy_of(WORLD.keyless().legacy()),
        ENTRY,
        &again.annotations[ENTRY],
    );
    assert_refused(
        &WORLD.by_certificate(&stapled),
        &log_entry("the entry is about another signature"),
    );
}

#[test]
fn a_payload_without_log_entry_is_refused() {
    let unlogged = legacy_of(WORLD.keyless().without_log().legacy());
    assert_eq!(
        WORLD.by_certificate(&unlogged).unwrap_err(),
        log_entry("there is no entry")
    );
}

type Edit = fn(&mut Value);

#[test]
fn each_field_of_the_log_entry_is_covered_by_the_promise() {
    let genuine = legacy_of(WORLD.keyless().legacy());
    let entry: Value = serde_json::from_str(&genuine.annotations[ENTRY]).unwrap();
    let edits: [(&str, Edit); 5] = [
        ("promise", |json| {
            json["SignedEntryTimestamp"] =
                flipped(json["SignedEntryTimestamp"].as_str().unwrap()).into();
        }),
        ("body", |json| {
            json["Payload"]["body"] = flipped(json["Payload"]["body"].as_str().unwrap()).into();
        }),
        ("time", |json| {
            json["Payload"]["integratedTime"] = (NOW.as_second() + 1).into();
        }),
        ("index", |json| json["Payload"]["logIndex"] = 1.into()),
        ("log", |json| {
            json["Payload"]["logID"] = "00".repeat(32).into();
        }),
    ];
    for (name, edit) in edits {
        let mut changed = entry.clone();
        edit(&mut changed);
        let result = WORLD.by_certificate(&with(genuine.clone(), ENTRY, &changed.to_string()));
        assert!(
            matches!(result, Err(SignatureError::LogEntry { .. })),
            "{name}: {result:?}"
        );
    }
}

#[test]
fn a_log_entry_that_is_no_json_or_of_another_kind_is_refused() {
    let genuine = legacy_of(WORLD.keyless().legacy());
    assert_refused(
        &WORLD.by_certificate(&with(genuine.clone(), ENTRY, "{}")),
        &log_entry("the entry is malformed"),
    );
    let mut entry: Value = serde_json::from_str(&genuine.annotations[ENTRY]).unwrap();
    entry["Payload"]["body"] = STANDARD
        .encode(r#"{"apiVersion":"0.0.1","kind":"rekord"}"#)
        .into();
    assert_eq!(
        WORLD
            .by_certificate(&with(genuine, ENTRY, &entry.to_string()))
            .unwrap_err(),
        log_entry("entries of the kind rekord 0.0.1 are not read")
    );
}

#[test]
fn a_payload_that_names_another_image_is_refused() {
    let elsewhere = legacy_of(
        WORLD
            .sigstore
            .sign_as(&release_job(), &other_image())
            .legacy(),
    );
    assert_eq!(
        WORLD.by_certificate(&elsewhere).unwrap_err(),
        SignatureError::OtherImage {
            presented: other_image().to_string()
        }
    );
}

#[test]
fn a_payload_of_another_type_is_refused() {
    let other = legacy_of(
        WORLD
            .keyless()
            .critical_type("atomic container signature")
            .legacy(),
    );
    assert_eq!(
        WORLD.by_certificate(&other).unwrap_err(),
        invalid(
            "the payload is of type \"atomic container signature\", not \"cosign container image signature\""
        )
    );
}

#[test]
fn a_payload_that_two_readers_could_take_differently_is_refused() {
    let image = image();
    let critical = |fields: &str| format!(r#"{{"critical":{{{fields}}},"optional":null}}"#);
    let digest = format!(r#""image":{{"docker-manifest-digest":"{image}"}}"#);
    let other = format!(
        r#""image":{{"docker-manifest-digest":"{}"}}"#,
        other_image()
    );
    let kind = r#""type":"cosign container image signature""#;
    let identity = r#""identity":{"docker-reference":"r"}"#;
    let good = critical(&format!("{identity},{digest},{kind}"));
    let accepted =
        WORLD.by_certificate(&legacy_of(WORLD.keyless().payload(good.as_str()).legacy()));
    accepted.unwrap();
    let upper = format!(
        r#""Image":{{"docker-manifest-digest":"{}"}}"#,
        other_image()
    );
    for payload in [
        critical(&format!("{identity},{digest},{other},{kind}")),
        critical(&format!("{identity},{other},{digest},{kind}")),
        critical(&format!("{identity},{digest},{upper},{kind}")),
        critical(&format!("{identity},{upper},{kind}")),
        critical(&format!("{identity},{digest},{kind},{kind}")),
        good.replace("\"optional\":null", r#""optional":{"a":"b","a":"c"}"#),
        good.replace("\"optional\":null", r#""optional":null,"Critical":{}"#),
        format!("{good}{good}"),
        good.replace("\"type\"", "\"kind\""),
        "null".to_owned(),
    ] {
        let result = WORLD.by_certificate(&legacy_of(
            WORLD.keyless().payload(payload.as_str()).legacy(),
        ));
        assert_refused(&result, &invalid("not a simple-signing payload"));
    }
}

#[test]
fn annotations_that_are_no_texts_are_left_out() {
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":{{"creator":"cosign","timestamp":1700000000}}}}"#,
        image()
    );
    let verified = WORLD
        .by_certificate(&legacy_of(WORLD.keyless().payload(payload).legacy()))
        .unwrap();
    assert_eq!(
        verified.annotations(),
        &BTreeMap::from([("creator".to_owned(), "cosign".to_owned())])
    );
}

#[test]
fn a_layer_without_a_signature_annotation_is_refused() {
    let mut none = legacy_of(WORLD.keyless().legacy());
    none.annotations.remove(SIGNATURE);
    assert_eq!(
        WORLD.by_certificate(&none).unwrap_err(),
        invalid("there is no annotation dev.cosignproject.cosign/signature")
    );
    let blank = with(
        legacy_of(WORLD.keyless().legacy()),
        SIGNATURE,
        "not base64!",
    );
    assert_refused(
        &WORLD.by_certificate(&blank),
        &invalid("the signature is not base64"),
    );
}

#[test]
fn two_leaves_or_an_endless_chain_are_refused() {
    let genuine = legacy_of(WORLD.keyless().legacy());
    let leaf = genuine.annotations[CERTIFICATE].clone();
    assert_eq!(
        WORLD
            .by_certificate(&with(genuine.clone(), CERTIFICATE, &leaf.repeat(2)))
            .unwrap_err(),
        bad_certificate(
            "the annotation dev.sigstore.cosign/certificate holds more or less than one certificate"
        )
    );
    assert_eq!(
        WORLD
            .by_certificate(&with(genuine, CHAIN, &leaf.repeat(10)))
            .unwrap_err(),
        SignatureError::Limit {
            what: "certificates",
            found: 11,
            limit: 10
        }
    );
}

#[test]
fn the_chain_may_be_left_out_as_trust_comes_from_the_root() {
    let mut bare = legacy_of(WORLD.keyless().legacy());
    bare.annotations.remove(CHAIN);
    WORLD.by_certificate(&bare).unwrap();
}
