//! What the parts of a trust root must be, in JSON and in PEM.

use serde_json::json;
use sigstore_trust_root::{SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT};

use super::*;

/// Nothing about logs is asked for.
const INSECURE: Switches = Switches {
    certificate_timestamps: CertificateTimestamps::InsecureNone,
    transparency: Transparency::InsecureNone,
};

fn root_with(edit: impl FnOnce(&mut Value)) -> Result<TrustRoot, TrustRootError> {
    let mut json: Value = serde_json::from_str(&WORLD.sigstore.trusted_root_json()).unwrap();
    edit(&mut json);
    TrustRoot::from_json(&json.to_string())
}

fn pem(label: &str, base64: &str) -> String {
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

#[test]
fn the_roots_of_the_public_instances_are_read_whole() {
    assert_eq!(
        TrustRoot::public_good().unwrap().summary(),
        Summary {
            certificate_authorities: 2,
            logs: 2,
            certificate_logs: 2,
            timestamp_authorities: 1,
            ends: Some("2031-10-05T13:56:58Z".parse().unwrap()),
        }
    );
    let staging = TrustRoot::from_json(SIGSTORE_STAGING_TRUSTED_ROOT)
        .unwrap()
        .summary();
    assert_eq!((staging.logs, staging.certificate_logs), (5, 5));
    // GitHub's own instance has no logs.
    assert_eq!(
        TrustRoot::from_json(SIGSTORE_GITHUB_TRUSTED_ROOT).unwrap_err(),
        TrustRootError::NoLog
    );
    let github = TrustRoot::from_json_with(SIGSTORE_GITHUB_TRUSTED_ROOT, INSECURE).unwrap();
    assert_eq!(github.summary().timestamp_authorities, 6);
}

#[test]
fn hosts_and_ids_of_the_public_logs_are_those_of_their_checkpoints() {
    let root = TrustRoot::public_good().unwrap();
    let hosts: Vec<_> = root.logs().iter().map(|log| log.host.as_deref()).collect();
    assert_eq!(
        hosts,
        [
            Some("rekor.sigstore.dev"),
            Some("log2025-1.rekor.sigstore.dev")
        ]
    );
    assert_eq!(root.logs()[0].id[..4], [0xc0, 0xd2, 0x3d, 0x6a]);
    assert_eq!(root.logs()[1].id[..4], [0xcf, 0x11, 0x99, 0x15]);
    assert_eq!(root.logs()[0].checkpoint_hint, None);
}

#[test]
fn a_root_is_another_when_its_switches_are() {
    let text = WORLD.sigstore.trusted_root_json();
    let lax = TrustRoot::from_json_with(&text, INSECURE).unwrap();
    assert_ne!(lax.version(), WORLD.root.version());
    assert_eq!(lax.switches(), INSECURE);
    assert_eq!(WORLD.root.switches(), Switches::default());
}

#[test]
fn each_refusal_names_the_part_what_was_expected_and_what_is_there() {
    for (edit, begins) in REFUSALS {
        let error = root_with(edit).unwrap_err().to_string();
        assert!(
            error.starts_with(begins),
            "expected {begins}\n   found {error}"
        );
    }
}

#[test]
fn operators_and_checkpoint_ids_of_version_0_2_are_read() {
    let root = root_with(|json| {
        json["mediaType"] = "application/vnd.dev.sigstore.trustedroot.v0.2+json".into();
        json["tlogs"][0]["operator"] = "assay.test".into();
        json["certificateAuthorities"][0]["operator"] = "assay.test".into();
        json["tlogs"][0]["checkpointKeyId"] = json!({ "keyId": STANDARD.encode([1, 2, 3, 4, 5]) });
    })
    .unwrap();
    assert_eq!(root.logs()[0].checkpoint_hint, Some([1, 2, 3, 4]));
}

#[test]
fn more_logs_authorities_or_certificates_than_the_limits_are_refused() {
    let crowded = |list: &str| {
        root_with(|json| {
            let one = json[list][0].clone();
            json[list] = vec![one; limits::INSTANCES_PER_TRUST_ROOT + 1].into();
        })
    };
    for list in ["tlogs", "ctlogs", "certificateAuthorities"] {
        assert_eq!(
            crowded(list).unwrap_err(),
            TrustRootError::TooMany {
                part: list.to_owned(),
                found: limits::INSTANCES_PER_TRUST_ROOT + 1,
                limit: limits::INSTANCES_PER_TRUST_ROOT
            }
        );
    }
    let chained = |count: usize| {
        root_with(|json| {
            let chain = &mut json["certificateAuthorities"][0]["certChain"]["certificates"];
            let root = chain[1].clone();
            *chain = vec![root; count].into();
        })
    };
    chained(limits::CERTIFICATES_PER_CHAIN).unwrap();
    assert_eq!(
        chained(limits::CERTIFICATES_PER_CHAIN + 1).unwrap_err(),
        TrustRootError::TooMany {
            part: "certificateAuthorities[0].certChain".to_owned(),
            found: limits::CERTIFICATES_PER_CHAIN + 1,
            limit: limits::CERTIFICATES_PER_CHAIN
        }
    );
}

#[test]
fn pem_files_say_the_same_as_the_json() {
    fn borrowed(texts: &[String]) -> Vec<&str> {
        texts.iter().map(String::as_str).collect()
    }
    let texts = WORLD.sigstore.pem_texts();
    let chain = texts.certificate_authorities[0].as_str();
    let parts = PemParts {
        certificate_authorities: &borrowed(&texts.certificate_authorities),
        logs: &borrowed(&texts.transparency_logs),
        certificate_logs: &borrowed(&texts.certificate_logs),
        timestamp_authorities: &borrowed(&texts.timestamp_authorities),
    };
    let root = TrustRoot::from_pem(&parts, Switches::default()).unwrap();
    assert_eq!(root.summary(), WORLD.root.summary());
    let keys = |logs: &[crate::verify::trust_root::Log]| -> Vec<Vec<u8>> {
        logs.iter().map(|log| log.spki.clone()).collect()
    };
    assert_eq!(keys(root.logs()), keys(WORLD.root.logs()));
    assert_eq!(
        keys(root.certificate_logs()),
        keys(WORLD.root.certificate_logs())
    );
    assert_eq!(root.logs()[0].id, WORLD.root.logs()[0].id);
    assert_eq!(root.logs()[0].host, None);
    let without_logs = PemParts {
        logs: &[],
        certificate_logs: &[],
        ..parts
    };
    assert_eq!(
        TrustRoot::from_pem(&without_logs, Switches::default()).unwrap_err(),
        TrustRootError::NoLog
    );
    let lax = TrustRoot::from_pem(&without_logs, INSECURE).unwrap();
    assert_ne!(lax.version(), root.version());
    // The same text in another place is another root.
    let moved = PemParts {
        timestamp_authorities: &[chain],
        ..parts
    };
    assert_ne!(
        TrustRoot::from_pem(&moved, Switches::default())
            .unwrap()
            .version(),
        root.version()
    );
}

#[test]
fn pem_files_that_hold_something_else_are_refused() {
    let texts = WORLD.sigstore.pem_texts();
    let (chain, log) = (
        &texts.certificate_authorities[0],
        &texts.transparency_logs[0],
    );
    let private = pem("PRIVATE KEY", "AAAA");
    let odd = format!("{chain}{}", pem("SOMETHING", "AAAA"));
    let both = format!("{chain}{log}");
    for (text, detail) in [
        (
            private.as_str(),
            "expected PEM blocks `CERTIFICATE`, found PrivateKey",
        ),
        (
            &odd,
            "expected PEM blocks `CERTIFICATE` only, found 2 in 3 blocks",
        ),
        (&both, "expected PEM blocks `CERTIFICATE`, found PublicKey"),
        (
            "",
            ".certChain: expected at least one certificate, found none",
        ),
        (
            "junk",
            ".certChain: expected at least one certificate, found none",
        ),
    ] {
        let parts = PemParts {
            certificate_authorities: &[text],
            ..PemParts::default()
        };
        let error = TrustRoot::from_pem(&parts, INSECURE)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("certificateAuthorities[0]"), "{error}");
        assert!(error.ends_with(detail), "{error}");
    }
    let keys = PemParts {
        certificate_authorities: &[chain],
        logs: &[chain],
        ..PemParts::default()
    };
    let error = TrustRoot::from_pem(&keys, INSECURE)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("logs[0]: expected"), "{error}");
    assert_eq!(
        TrustRoot::from_pem(&PemParts::default(), INSECURE).unwrap_err(),
        TrustRootError::NoAuthority
    );
}

#[test]
fn pem_files_above_the_limit_together_are_not_parsed() {
    let blank = " ".repeat(limits::TRUST_ROOT_BYTES / 2 + 1);
    let parts = PemParts {
        certificate_authorities: &[&blank, &blank],
        ..PemParts::default()
    };
    assert_eq!(
        TrustRoot::from_pem(&parts, INSECURE).unwrap_err(),
        TrustRootError::TooLarge {
            found: limits::TRUST_ROOT_BYTES + 2,
            limit: limits::TRUST_ROOT_BYTES
        }
    );
}

/// A change and how the refusal of it begins.
type Refusal = (fn(&mut Value), &'static str);

const REFUSALS: [Refusal; 14] = [
    (
        |json| json["tlogs"][0]["publicKey"]["rawBytes"] = "?".into(),
        "not a trusted root: tlogs[0].publicKey.rawBytes: expected Base64",
    ),
    (
        |json| json["tlogs"][0]["publicKey"]["validFor"] = json!({}),
        "not a trusted root: tlogs[0].publicKey.validFor: missing field `start`",
    ),
    (
        |json| {
            json["ctlogs"][0]["publicKey"]
                .as_object_mut()
                .unwrap()
                .remove("validFor");
        },
        "not a trusted root: ctlogs[0].publicKey: missing field `validFor`",
    ),
    (
        |json| {
            json["certificateAuthorities"][0]["validFor"] =
                json!({ "start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z" });
        },
        "certificateAuthorities[0].validFor: it ends at 2026-01-01T00:00:00Z, before it starts at 2026-01-02T00:00:00Z",
    ),
    (
        |json| json["certificateAuthorities"][0]["valid_for"] = json!({}),
        "not a trusted root: certificateAuthorities[0].valid_for: unknown field `valid_for`",
    ),
    (
        |json| json["tlogs"][0]["hashAlgorithm"] = "SHA2_512".into(),
        "not a trusted root: tlogs[0].hashAlgorithm: unknown variant `SHA2_512`, expected `SHA2_256`",
    ),
    (
        |json| json["tlogs"][0]["logId"]["keyId"] = "AAAA".into(),
        "tlogs[0]: expected a log id of 32 bytes, found 3",
    ),
    (
        |json| json["tlogs"][0]["logId"]["keyId"] = STANDARD.encode([7; 32]).into(),
        "tlogs[0]: the log id is not the SHA-256 of the key: expected ",
    ),
    (
        |json| json["tlogs"][0]["publicKey"]["rawBytes"] = "AAAA".into(),
        "tlogs[0]: the key cannot be read: ",
    ),
    (
        |json| json["tlogs"][0]["checkpointKeyId"] = json!({ "keyId": "AAAA" }),
        "tlogs[0]: expected a checkpoint key id of 4 bytes or more, found 3",
    ),
    (
        |json| {
            let log = json["ctlogs"][0].clone();
            json["ctlogs"].as_array_mut().unwrap().push(log);
        },
        "ctlogs[1]: the log id ",
    ),
    (
        |json| json["certificateAuthorities"][0]["certChain"]["certificates"] = json!([]),
        "certificateAuthorities[0].certChain: expected at least one certificate, found none",
    ),
    (
        |json| {
            let chain = &mut json["certificateAuthorities"][0]["certChain"]["certificates"];
            chain.as_array_mut().unwrap().reverse();
        },
        "certificateAuthorities[0].certChain.certificates[1]: expected the issuer of the certificate before it, ",
    ),
    (
        |json| {
            json["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] =
                "MAA=".into();
        },
        "certificateAuthorities[0].certChain.certificates[0]: the certificate cannot be read: ",
    ),
];
