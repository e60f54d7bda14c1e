//! Statements that are more than signatures, in the layouts that hold them.

use super::*;

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// The same signed envelope as a layer of an `.att` manifest.
fn attached(bundle: &Candidate) -> Candidate {
    let mut json = json_of(bundle);
    let material = &json["verificationMaterial"];
    let entry = &material["tlogEntries"][0];
    let hex = |text: &Value| encoding::hex(&STANDARD.decode(text.as_str().unwrap()).unwrap());
    let number = |text: &Value| text.as_str().unwrap().parse::<u64>().unwrap();
    let logged = serde_json::json!({
        "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        "Payload": {
            "body": entry["canonicalizedBody"],
            "integratedTime": number(&entry["integratedTime"]),
            "logIndex": number(&entry["logIndex"]),
            "logID": hex(&entry["logId"]["keyId"]),
        },
    });
    let mut annotations = BTreeMap::from([
        (
            "dev.cosignproject.cosign/signature".to_owned(),
            String::new(),
        ),
        ("dev.sigstore.cosign/bundle".to_owned(), logged.to_string()),
        // What the annotation says is never believed.
        (
            "predicateType".to_owned(),
            "https://spdx.dev/Document".to_owned(),
        ),
    ]);
    if let Some(leaf) = material["certificate"]["rawBytes"].as_str() {
        let leaf = sigstore_types::DerCertificate::from_base64(leaf).unwrap();
        annotations.insert("dev.sigstore.cosign/certificate".to_owned(), leaf.to_pem());
    }
    let envelope = json["dsseEnvelope"].take().to_string();
    Candidate {
        layout: Layout::LegacyAttestation,
        digest: Digest::of(envelope.as_bytes()),
        content: envelope.into(),
        annotations,
    }
}

fn by_certificate(candidate: &Candidate) -> Result<VerifiedAttestation, SignatureError> {
    let trust_root = &WORLD.root;
    verify_attestation(candidate, &image(), Against::Certificate { trust_root })
}

#[test]
fn an_attestation_is_accepted_in_both_layouts_with_the_type_that_is_signed() {
    let bundle = bundle_of(WORLD.keyless().predicate_type(PROVENANCE).bundle());
    for candidate in [attached(&bundle), bundle] {
        let verified = by_certificate(&candidate).unwrap();
        assert_eq!(verified.predicate_type(), PROVENANCE);
        assert_eq!(verified.layout(), candidate.layout);
        assert_eq!(verified.image(), &image());
        assert_eq!(verified.signed_at(), Some(NOW));
        assert!(verified.log_index().is_some());
        assert!(matches!(verified.signer(), Signer::Certificate(_)));
        let statement: Value = serde_json::from_slice(verified.statement()).unwrap();
        assert_eq!(statement["predicateType"], PROVENANCE);
        assert_eq!(
            WORLD.by_certificate(&candidate).unwrap_err(),
            SignatureError::PredicateType {
                presented: PROVENANCE.to_owned()
            }
        );
    }
}

#[test]
fn an_attestation_by_key_is_accepted_in_both_layouts() {
    let bundle = bundle_of(WORLD.keyed().predicate_type(PROVENANCE).bundle());
    for candidate in [attached(&bundle), bundle] {
        for log in [LogRequirement::Require, LogRequirement::Ignore] {
            let against = Against::Key {
                key: &WORLD.key,
                log,
                trust_root: Some(&WORLD.root),
            };
            let verified = verify_attestation(&candidate, &image(), against).unwrap();
            assert_eq!(verified.predicate_type(), PROVENANCE);
        }
    }
}

#[test]
fn a_signature_is_no_attestation_in_any_layout() {
    let bundle = bundle_of(WORLD.keyless().bundle());
    for candidate in [
        attached(&bundle),
        bundle,
        legacy_of(WORLD.keyless().legacy()),
    ] {
        assert_eq!(
            by_certificate(&candidate).unwrap_err(),
            SignatureError::NotAttestation
        );
    }
}

#[test]
fn an_attestation_of_another_image_or_an_unsigned_one_is_refused() {
    let elsewhere = WORLD.sigstore.sign_as(&release_job(), &other_image());
    let elsewhere = bundle_of(elsewhere.predicate_type(PROVENANCE).bundle());
    assert_eq!(
        by_certificate(&attached(&elsewhere)).unwrap_err(),
        SignatureError::OtherImage {
            presented: other_image().to_string()
        }
    );
    let mut bare = attached(&elsewhere);
    bare.annotations.clear();
    assert_eq!(
        by_certificate(&bare).unwrap_err(),
        SignatureError::OtherKind("signed with a key, not with a certificate")
    );
}

#[test]
fn an_envelope_whose_payload_was_changed_is_refused() {
    let good = attached(&bundle_of(
        WORLD.keyless().predicate_type(PROVENANCE).bundle(),
    ));
    let changed = edited(good, |json| {
        let payload = flipped(json["payload"].as_str().unwrap());
        json["payload"] = payload.into();
    });
    assert_eq!(
        by_certificate(&changed).unwrap_err(),
        invalid("the signature does not verify")
    );
}

fn statement(fields: &Value) -> String {
    serde_json::json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": [{ "name": "any", "digest": fields["digest"] }],
        "predicateType": PROVENANCE,
        "predicate": fields["predicate"],
    })
    .to_string()
}

fn of_statement(statement: String) -> Result<VerifiedAttestation, SignatureError> {
    by_certificate(&bundle_of(WORLD.keyless().payload(statement).bundle()))
}

#[test]
fn more_digests_of_one_statement_subject_than_the_limit_are_refused() {
    let digests = |count: usize| {
        let mut digests = serde_json::json!({ "sha256": image().hex() });
        for number in 1..count {
            digests[format!("other{number}")] = "00".into();
        }
        statement(&serde_json::json!({ "digest": digests }))
    };
    of_statement(digests(limits::DIGESTS_PER_SUBJECT)).unwrap();
    assert_eq!(
        of_statement(digests(limits::DIGESTS_PER_SUBJECT + 1)).unwrap_err(),
        SignatureError::Limit {
            what: "digests of a statement subject",
            found: 33,
            limit: 32
        }
    );
}

#[test]
fn a_statement_nested_deeper_than_the_limit_is_refused_and_brackets_in_texts_do_not_count() {
    let nested = |levels: usize| {
        let mut predicate = serde_json::json!(r#"[[[ \"{{{"#);
        // The statement itself is one level.
        for _ in 1..levels {
            predicate = Value::Array(vec![predicate]);
        }
        statement(&serde_json::json!({
            "digest": { "sha256": image().hex() },
            "predicate": predicate,
        }))
    };
    of_statement(nested(limits::STATEMENT_DEPTH)).unwrap();
    assert_eq!(
        of_statement(nested(limits::STATEMENT_DEPTH + 1)).unwrap_err(),
        SignatureError::Limit {
            what: "levels of one statement",
            found: 65,
            limit: 64
        }
    );
}

#[test]
fn a_statement_larger_than_the_limit_is_refused() {
    let sized = |bytes: usize| {
        let fields = |filler: usize| {
            statement(&serde_json::json!({
                "digest": { "sha256": image().hex() },
                "predicate": "x".repeat(filler),
            }))
        };
        fields(bytes - fields(0).len())
    };
    of_statement(sized(limits::STATEMENT_BYTES)).unwrap();
    assert_eq!(
        of_statement(sized(limits::STATEMENT_BYTES + 1)).unwrap_err(),
        SignatureError::Limit {
            what: "bytes of one statement",
            found: limits::STATEMENT_BYTES + 1,
            limit: limits::STATEMENT_BYTES,
        }
    );
}

#[test]
fn a_digest_that_is_named_twice_is_refused() {
    let text = statement(&serde_json::json!({ "digest": { "sha256": image().hex() } }));
    let twice = text.replace(
        r#""digest":{"#,
        &format!(r#""digest":{{"sha256":"{}","#, other_image().hex()),
    );
    assert!(matches!(
        of_statement(twice).unwrap_err(),
        SignatureError::Invalid { .. }
    ));
}
