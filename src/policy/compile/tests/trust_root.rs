//! Trust roots, from the wire.

use super::*;
use crate::policy::{
    CertificateTimestampDemand, LogDemand, PemTexts, TrustRootDefinition, TrustRootSource,
    crd::ImageTrustRootSpec,
};

fn definition(spec: Value) -> Result<TrustRootDefinition, String> {
    let spec: ImageTrustRootSpec = serde_json::from_value(spec).unwrap();
    let entry = "key \"r\" of ConfigMap \"c\"".to_owned();
    let texts = Texts(vec![(entry, "{}".to_owned())]);
    spec.definition(&texts).map_err(|error| error.to_string())
}

fn source(spec: Value) -> Result<TrustRootSource, String> {
    definition(spec).map(|definition| definition.source)
}

#[test]
fn a_trust_root_has_exactly_one_source() {
    let entry = json!({ "name": "c", "key": "r" });
    let json = |text: &str| Ok(TrustRootSource::Json(text.to_owned()));
    assert_eq!(source(json!({ "trustedRoot": "{ }" })), json("{ }"));
    assert_eq!(source(json!({ "configMapRef": entry })), json("{}"));
    assert_eq!(
        source(json!({ "secretRef": entry })),
        Err("spec.secretRef: key \"r\" of Secret \"c\" cannot be had: there is none".to_owned())
    );
    let expected =
        "spec: expected exactly one of trustedRoot, configMapRef, secretRef, pem, tuf, found";
    assert_eq!(source(json!({})), Err(format!("{expected} none of them")));
    assert_eq!(
        source(json!({ "trustedRoot": "x", "secretRef": entry })),
        Err(format!("{expected} trustedRoot and secretRef"))
    );
}

#[test]
fn the_switches_are_off_unless_they_are_set() {
    let switches = |spec| {
        let definition = definition(spec).unwrap();
        (
            definition.certificate_timestamps,
            definition.transparency_log,
        )
    };
    assert_eq!(
        switches(json!({ "trustedRoot": "x" })),
        (CertificateTimestampDemand::Required, LogDemand::Required)
    );
    assert_eq!(
        switches(json!({
            "trustedRoot": "x", "insecureNoSct": true, "insecureNoTransparencyLog": true,
        })),
        (
            CertificateTimestampDemand::InsecureNone,
            LogDemand::InsecureNone
        )
    );
}

#[test]
fn pem_files_need_a_certificate_authority() {
    assert_eq!(
        source(json!({ "pem": {
            "certificateAuthorities": ["ca"], "transparencyLogs": ["rekor"],
            "certificateLogs": ["ct"], "timestampAuthorities": ["tsa"],
        } })),
        Ok(TrustRootSource::Pem(PemTexts {
            certificate_authorities: vec!["ca".to_owned()],
            transparency_logs: vec!["rekor".to_owned()],
            certificate_logs: vec!["ct".to_owned()],
            timestamp_authorities: vec!["tsa".to_owned()],
        }))
    );
    assert_eq!(
        source(json!({ "pem": { "certificateAuthorities": [] } })),
        Err(
            "spec.pem.certificateAuthorities: expected at least one certificate chain, found none"
                .to_owned()
        )
    );
}

#[test]
fn a_mirror_is_reached_over_https_or_on_the_machine_itself() {
    let mirror = |mirror: &str| {
        source(json!({ "tuf": { "mirror": mirror, "root": "{}" } })).map(|source| match source {
            TrustRootSource::Tuf(repository) => repository.mirror.to_string(),
            other => panic!("{other:?}"),
        })
    };
    for (written, read) in [
        ("https://tuf.example", "https://tuf.example/"),
        ("https://tuf.example/acme", "https://tuf.example/acme/"),
        ("http://localhost:8080", "http://localhost:8080/"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        ("http://[::1]/", "http://[::1]/"),
    ] {
        assert_eq!(mirror(written), Ok(read.to_owned()), "{written}");
    }
    for refused in [
        "http://tuf.example",
        "http://localhost.evil.example",
        "https://user@tuf.example",
        "https://tuf.example?x",
        "https://tuf.example#x",
        "ftp://tuf.example",
        "tuf.example",
        "",
    ] {
        let error = mirror(refused).unwrap_err();
        assert!(
            error.starts_with("spec.tuf.mirror: expected an https URL, as in https://tuf.example"),
            "{refused}: {error}"
        );
    }
}

#[test]
fn a_target_stays_in_the_folder_of_targets() {
    let target = |target: &str| {
        source(json!({ "tuf": { "mirror": "https://t.example", "root": "{}", "target": target } }))
    };
    assert!(target("registry/trusted_root.json").is_ok());
    for refused in [
        "", "../x", "/x", "a//b", "a/", ".x", "a/../b", "a%2e", "a?b",
    ] {
        assert!(target(refused).is_err(), "{refused}");
    }
}

#[test]
fn the_root_of_a_tuf_repository_comes_from_one_place() {
    let error = |tuf: Value| source(json!({ "tuf": tuf })).unwrap_err();
    let expected = "spec.tuf: expected exactly one of root, rootConfigMapRef, found";
    assert_eq!(
        error(json!({ "mirror": "https://t.example" })),
        format!("{expected} none of them")
    );
    let entry = json!({ "name": "c", "key": "r" });
    assert_eq!(
        error(json!({ "mirror": "https://t.example", "root": "{}", "rootConfigMapRef": entry })),
        format!("{expected} root and rootConfigMapRef")
    );
    assert!(
        source(json!({ "tuf": { "mirror": "https://t.example", "rootConfigMapRef": entry } }))
            .is_ok()
    );
}
