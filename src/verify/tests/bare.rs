//! Bundles with a bare signature over the image's manifest.

use super::*;

const MANIFEST: &[u8] = br#"{"schemaVersion":2}"#;

/// A bundle around a signature over these bytes, with or without what it says to be over.
fn bare(signed: &[u8], hint: Option<(&str, &[u8])>) -> Candidate {
    let signing = WORLD.keyed().payload(signed).without_log();
    let signature =
        signing.legacy().unwrap().annotations["dev.cosignproject.cosign/signature"].clone();
    let digest = hint.map(|(algorithm, content)| {
        let digest = sigstore_crypto::sha256(content);
        serde_json::json!({ "algorithm": algorithm, "digest": STANDARD.encode(digest.as_bytes()) })
    });
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": { "hint": "" } },
        "messageSignature": { "messageDigest": digest, "signature": signature },
    });
    Candidate {
        layout: Layout::Bundle,
        digest: Digest::of(bundle.to_string().as_bytes()),
        content: bundle.to_string().into(),
        annotations: BTreeMap::new(),
    }
}

fn verified(candidate: &Candidate) -> Result<VerifiedSignature, SignatureError> {
    let against = Against::Key {
        key: &WORLD.key,
        log: LogRequirement::Ignore,
        trust_root: None,
    };
    verify(candidate, &Digest::of(MANIFEST), against)
}

#[test]
fn a_bare_signature_over_the_manifest_is_a_signature_without_annotations() {
    for hint in [None, Some(("SHA2_256", MANIFEST))] {
        let signature = verified(&bare(MANIFEST, hint)).unwrap();
        assert_eq!(signature.image(), &Digest::of(MANIFEST));
        assert_eq!(signature.annotations(), &BTreeMap::new());
    }
}

#[test]
fn a_bare_signature_over_anything_else_is_refused() {
    let other = b"another manifest";
    assert_eq!(
        verified(&bare(other, Some(("SHA2_256", other)))).unwrap_err(),
        SignatureError::OtherImage {
            presented: Digest::of(other).to_string()
        }
    );
    // What it says to be over is no proof.
    for hint in [None, Some(("SHA2_256", MANIFEST))] {
        assert_eq!(
            verified(&bare(other, hint)).unwrap_err(),
            SignatureError::OtherKey
        );
    }
    assert_eq!(
        verified(&bare(MANIFEST, Some(("SHA2_512", MANIFEST)))).unwrap_err(),
        invalid("the bare signature is over a digest of the algorithm \"SHA2_512\", not SHA2_256")
    );
}

#[test]
fn a_digest_that_is_as_long_as_a_book_is_cut_in_the_refusal() {
    let long = edited(bare(MANIFEST, Some(("SHA2_256", MANIFEST))), |json| {
        json["messageSignature"]["messageDigest"]["digest"] = STANDARD.encode([0xab; 4096]).into();
    });
    let Err(SignatureError::OtherImage { presented }) = verified(&long) else {
        panic!("another image's signature is accepted");
    };
    let begin = format!("sha256:{}", "ab".repeat(32));
    assert!(presented.starts_with(&begin), "{presented}");
    // One more for the sign that something is left out.
    assert_eq!(presented.chars().count(), limits::SIGNATURE_ERROR_CHARS + 1);
}

#[test]
fn a_bare_signature_is_no_attestation() {
    let against = Against::Key {
        key: &WORLD.key,
        log: LogRequirement::Ignore,
        trust_root: None,
    };
    let image = Digest::of(MANIFEST);
    assert_eq!(
        verify_attestation(&bare(MANIFEST, None), &image, against).unwrap_err(),
        SignatureError::NotAttestation
    );
}

#[test]
fn a_bundle_with_two_contents_or_two_credentials_is_refused() {
    let envelope = json_of(&bundle_of(WORLD.keyed().bundle()))["dsseEnvelope"].clone();
    let both = edited(bare(MANIFEST, None), |json| json["dsseEnvelope"] = envelope);
    assert_eq!(
        verified(&both).unwrap_err(),
        invalid("the bundle holds more or less than one signature")
    );
    let certificate =
        json_of(&bundle_of(WORLD.keyless().bundle()))["verificationMaterial"]["certificate"]
            .clone();
    let both = edited(bare(MANIFEST, None), |json| {
        json["verificationMaterial"]["certificate"] = certificate;
    });
    assert_eq!(
        verified(&both).unwrap_err(),
        invalid("the bundle names more or less than one key, certificate or chain")
    );
}
