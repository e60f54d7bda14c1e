//! Bundles, as cosign 3 writes them.

use super::*;

#[test]
fn a_keyless_bundle_is_accepted_with_its_identity_time_and_annotations() {
    let signing = WORLD.keyless().annotation("tag", "1.8.2");
    let verified = WORLD.by_certificate(&bundle_of(signing.bundle())).unwrap();
    assert_eq!(verified.image(), &image());
    assert_eq!(verified.layout(), Layout::Bundle);
    assert_eq!(verified.signed_at(), Some(NOW));
    assert!(verified.log_index().unwrap() >= 25_000);
    assert_eq!(
        verified.annotations(),
        &BTreeMap::from([("tag".to_owned(), "1.8.2".to_owned())])
    );
    let Signer::Certificate(identity) = verified.signer() else {
        panic!("expected a certificate, got {:?}", verified.signer());
    };
    assert_eq!(**identity, release_identity());
}

fn release_identity() -> Identity {
    let config = "https://gitlab.com/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.0.0";
    Identity {
        oidc_issuer: "https://gitlab.com".to_owned(),
        san: San::Uri(config.to_owned()),
        build_signer_uri: Some(config.to_owned()),
        runner_environment: Some("gitlab-hosted".to_owned()),
        source_repository_uri: Some("https://gitlab.com/acme/shop/api".to_owned()),
        source_repository_digest: Some("714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e".to_owned()),
        source_repository_ref: Some("refs/tags/v1.0.0".to_owned()),
        source_repository_identifier: Some("45821955".to_owned()),
        build_config_uri: Some(config.to_owned()),
        build_trigger: Some("push".to_owned()),
        run_invocation_uri: Some("https://gitlab.com/acme/shop/api/-/jobs/4316132595".to_owned()),
        deployment_environment: None,
        token_subject: Some("project_path:acme/shop/api:ref_type:tag:ref:v1.0.0".to_owned()),
    }
}

#[test]
fn a_bundle_is_accepted_wherever_its_entry_stands_in_the_log() {
    let world = World::around(PrivateSigstore::new(NOW).unwrap());
    for _ in 0..9 {
        world
            .by_certificate(&bundle_of(world.keyless().bundle()))
            .unwrap();
    }
}

#[test]
fn an_attestation_is_no_signature() {
    let sbom = "https://cyclonedx.org/bom";
    let attestation = bundle_of(WORLD.keyless().predicate_type(sbom).bundle());
    assert_eq!(
        WORLD.by_certificate(&attestation).unwrap_err(),
        SignatureError::PredicateType {
            presented: sbom.to_owned()
        }
    );
}

#[test]
fn a_statement_that_names_another_image_is_refused() {
    let elsewhere = bundle_of(
        WORLD
            .sigstore
            .sign_as(&release_job(), &other_image())
            .bundle(),
    );
    assert_eq!(
        WORLD.by_certificate(&elsewhere).unwrap_err(),
        SignatureError::OtherImage {
            presented: other_image().to_string()
        }
    );
}

#[test]
fn a_statement_with_the_image_among_several_is_accepted_with_the_annotations_of_that_one() {
    let statement = statement_of(&serde_json::json!([
        { "digest": { "sha256": other_image().hex() }, "annotations": { "whose": "other" } },
        { "digest": { "sha256": image().hex() }, "annotations": { "whose": "mine" } },
    ]));
    let verified = WORLD
        .by_certificate(&bundle_of(WORLD.keyless().payload(statement).bundle()))
        .unwrap();
    assert_eq!(
        verified.annotations(),
        &BTreeMap::from([("whose".to_owned(), "mine".to_owned())])
    );
}

#[test]
fn a_digest_in_upper_case_is_another_digest() {
    let upper = image().hex().to_uppercase();
    let statement = statement_of(&serde_json::json!([{ "digest": { "sha256": upper } }]));
    assert!(matches!(
        WORLD
            .by_certificate(&bundle_of(WORLD.keyless().payload(statement).bundle()))
            .unwrap_err(),
        SignatureError::OtherImage { .. } | SignatureError::Invalid { .. }
    ));
}

#[test]
fn more_statement_subjects_than_the_limit_are_refused() {
    let one = serde_json::json!({ "digest": { "sha256": image().hex() } });
    let at_limit = statement_of(&Value::Array(vec![
        one.clone();
        limits::SUBJECTS_PER_STATEMENT
    ]));
    WORLD
        .by_certificate(&bundle_of(WORLD.keyless().payload(at_limit).bundle()))
        .unwrap();
    let above = statement_of(&Value::Array(vec![one; limits::SUBJECTS_PER_STATEMENT + 1]));
    assert_eq!(
        WORLD
            .by_certificate(&bundle_of(WORLD.keyless().payload(above).bundle()))
            .unwrap_err(),
        SignatureError::Limit {
            what: "statement subjects",
            found: 1025,
            limit: 1024
        }
    );
}

fn statement_of(statement_subjects: &Value) -> String {
    serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": statement_subjects,
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
        "predicate": {},
    })
    .to_string()
}

#[test]
fn a_statement_of_an_unknown_type_is_refused() {
    let statement = statement_of(&serde_json::json!([{ "digest": { "sha256": image().hex() } }]))
        .replace("Statement/v1", "Statement/v2");
    assert_eq!(
        WORLD
            .by_certificate(&bundle_of(WORLD.keyless().payload(statement).bundle()))
            .unwrap_err(),
        invalid("the statement is of type \"https://in-toto.io/Statement/v2\"")
    );
}

#[test]
fn an_envelope_of_another_payload_type_is_refused() {
    let other = bundle_of(WORLD.keyless().payload_type("application/json").bundle());
    assert_eq!(
        WORLD.by_certificate(&other).unwrap_err(),
        invalid("the envelope holds \"application/json\", not application/vnd.in-toto+json")
    );
}

#[test]
fn an_envelope_with_two_signatures_is_refused() {
    let twice = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        let signatures = json["dsseEnvelope"]["signatures"].as_array_mut().unwrap();
        signatures.push(signatures[0].clone());
    });
    assert_refused(
        &WORLD.by_certificate(&twice),
        &invalid("not a bundle of version 0.1 to 0.3"),
    );
}

#[test]
fn a_bundle_of_an_unknown_version_or_none_is_refused() {
    for media_type in [
        serde_json::json!("application/vnd.dev.sigstore.bundle.v0.4+json"),
        serde_json::json!("application/vnd.dev.sigstore.bundle.v0.3+json; charset=utf-8"),
        Value::Null,
    ] {
        let other = edited(bundle_of(WORLD.keyless().bundle()), |json| {
            json["mediaType"] = media_type;
        });
        assert_refused(
            &WORLD.by_certificate(&other),
            &invalid("not a bundle of version 0.1 to 0.3"),
        );
    }
    let none = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        json.as_object_mut().unwrap().remove("mediaType");
    });
    assert_refused(
        &WORLD.by_certificate(&none),
        &invalid("not a bundle of version 0.1 to 0.3"),
    );
}

#[test]
fn the_signature_of_an_envelope_is_no_bare_signature_of_the_manifest() {
    let bare = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        let signature = json["dsseEnvelope"]["signatures"][0]["sig"].clone();
        let fields = json.as_object_mut().unwrap();
        fields.remove("dsseEnvelope");
        fields.insert(
            "messageSignature".to_owned(),
            serde_json::json!({ "signature": signature }),
        );
    });
    assert_eq!(
        WORLD.by_certificate(&bare).unwrap_err(),
        invalid("the signature does not verify")
    );
}

#[test]
fn a_junk_signature_beside_a_genuine_certificate_and_log_entry_is_refused() {
    let junk = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        json["dsseEnvelope"]["signatures"][0]["sig"] = STANDARD.encode("junk").into();
    });
    assert_eq!(
        WORLD.by_certificate(&junk).unwrap_err(),
        invalid("the signature does not verify")
    );
}

#[test]
fn the_signature_of_another_image_over_our_statement_is_refused() {
    let ours = json_of(&bundle_of(WORLD.keyless().bundle()));
    let elsewhere = bundle_of(
        WORLD
            .sigstore
            .sign_as(&release_job(), &other_image())
            .bundle(),
    );
    let forged = edited(elsewhere, |json| {
        json["dsseEnvelope"]["payload"] = ours["dsseEnvelope"]["payload"].clone();
    });
    assert_eq!(
        WORLD.by_certificate(&forged).unwrap_err(),
        invalid("the signature does not verify")
    );
}

#[test]
fn more_log_entries_or_timestamps_than_the_limit_are_refused() {
    let entries = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        let one = entry(json).clone();
        json["verificationMaterial"]["tlogEntries"] = Value::Array(vec![one; 33]);
    });
    assert_eq!(
        WORLD.by_certificate(&entries).unwrap_err(),
        SignatureError::Limit {
            what: "transparency log entries",
            found: 33,
            limit: 32
        }
    );
    let timestamps = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        let one = serde_json::json!({ "signedTimestamp": "AAAA" });
        json["verificationMaterial"]["timestampVerificationData"] =
            serde_json::json!({ "rfc3161Timestamps": vec![one; 33] });
    });
    assert_eq!(
        WORLD.by_certificate(&timestamps).unwrap_err(),
        SignatureError::Limit {
            what: "signed timestamps",
            found: 33,
            limit: 32
        }
    );
}

#[test]
fn more_certificates_than_the_limit_are_refused() {
    let chain = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        json["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
        let material = json["verificationMaterial"].as_object_mut().unwrap();
        let leaf = material.remove("certificate").unwrap();
        let above = limits::CERTIFICATES_PER_CHAIN + 1;
        material.insert(
            "x509CertificateChain".to_owned(),
            serde_json::json!({ "certificates": vec![leaf; above] }),
        );
    });
    assert_eq!(
        WORLD.by_certificate(&chain).unwrap_err(),
        SignatureError::Limit {
            what: "certificates",
            found: 11,
            limit: 10
        }
    );
}

#[test]
fn a_bundle_larger_than_the_limit_is_not_even_parsed() {
    let mut large = bundle_of(WORLD.keyless().bundle());
    large.content = vec![b' '; limits::ATTACHMENT_BYTES + 1].into();
    assert_eq!(
        WORLD.by_certificate(&large).unwrap_err(),
        SignatureError::Limit {
            what: "bytes of one signature",
            found: limits::ATTACHMENT_BYTES + 1,
            limit: limits::ATTACHMENT_BYTES,
        }
    );
}

/// Found by fuzzing: other readers refuse such a bundle as a whole.
#[test]
fn a_bundle_that_is_not_utf_8_is_refused_even_where_nobody_looks() {
    let mut odd = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        json["unknown"] = "#".into();
    });
    let mut content = odd.content.to_vec();
    let place = content.iter().position(|byte| *byte == b'#').unwrap();
    content[place] = 0xd4;
    odd.content = content.into();
    let found = WORLD.by_certificate(&odd);
    assert_refused(&found, &invalid("not UTF-8: "));
}

#[test]
fn a_statement_that_is_not_utf_8_is_refused_even_where_nobody_looks() {
    let good = bundle_of(
        WORLD
            .keyless()
            .predicate(serde_json::json!({ "a": "#" }))
            .bundle(),
    );
    let envelope = json_of(&good)["dsseEnvelope"]["payload"].clone();
    let mut statement = STANDARD.decode(envelope.as_str().unwrap()).unwrap();
    let place = statement.iter().position(|byte| *byte == b'#').unwrap();
    statement[place] = 0xd4;
    let odd = bundle_of(WORLD.keyless().payload(statement).bundle());
    let found = WORLD.by_certificate(&odd);
    assert_refused(&found, &invalid("not an in-toto statement: "));
}

#[test]
fn a_malformed_timestamp_token_refuses_the_bundle() {
    let stamped = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        json["verificationMaterial"]["timestampVerificationData"] =
            serde_json::json!({ "rfc3161Timestamps": [{ "signedTimestamp": "MAMCAQA=" }] });
    });
    assert!(matches!(
        WORLD.by_certificate(&stamped).unwrap_err(),
        SignatureError::Timestamp { .. }
    ));
}

#[test]
fn what_an_error_repeats_of_the_signature_is_escaped_and_cut() {
    let odd = format!("\n{}", "x".repeat(limits::SIGNATURE_ERROR_CHARS));
    let attestation = bundle_of(WORLD.keyless().predicate_type(&odd).bundle());
    let kept = "x".repeat(limits::SIGNATURE_ERROR_CHARS - 2);
    assert_eq!(
        WORLD.by_certificate(&attestation).unwrap_err(),
        SignatureError::PredicateType {
            presented: format!("\\n{kept}…")
        }
    );
}
