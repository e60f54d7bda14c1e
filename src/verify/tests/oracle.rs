//! Another verifier (`sigstore-verify`) as a second opinion: whatever it can judge and refuses, ours refuses.
//!
//! What ours accepts and the other does not, on purpose, has its own tests and is not compared here: entries of the
//! kind `intoto` 0.0.1, entries and timestamps of strangers (they count for nothing, where the other refuses all), keys
//! on P-521 and RSASSA-PSS, signatures with SHA-256 inside an envelope by a key on P-384, bare signatures by a hash
//! alone, and times that lie in the future of the machine's clock.

use sigstore_trust_root::TrustedRoot;
use sigstore_types::{Artifact, Bundle, DerPublicKey, Sha256Hash};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

use super::*;

static ORACLE: LazyLock<Verifier> = LazyLock::new(|| {
    let root = TrustedRoot::from_json(&WORLD.sigstore.trusted_root_json()).unwrap();
    Verifier::new(&root).unwrap()
});

/// Whether the other verifier accepts it.
fn oracle_accepts(candidate: &Candidate, key: Option<&PublicKey>) -> bool {
    let json = match candidate.layout {
        Layout::Bundle => String::from_utf8(candidate.content.to_vec()).ok(),
        Layout::Legacy => as_bundle(candidate),
        Layout::LegacyAttestation => None,
    };
    let Some(bundle) = json.and_then(|json| serde_json::from_str::<Bundle>(&json).ok()) else {
        return false;
    };
    let image = image();
    let artifact: Artifact<'_> = match candidate.layout {
        Layout::Bundle | Layout::LegacyAttestation => {
            Sha256Hash::from_hex(image.hex()).unwrap().into()
        }
        Layout::Legacy => candidate.content.as_ref().into(),
    };
    match key {
        None => ORACLE.verify(artifact, &bundle, &VerificationPolicy::any_identity()),
        Some(key) => {
            let key = DerPublicKey::from_bytes(key.der());
            ORACLE.verify(artifact, &bundle, &PublicKeyVerificationPolicy::new(key))
        }
    }
    .is_ok()
}

/// The older layout as a bundle of version 0.1: the other verifier reads nothing else.
fn as_bundle(candidate: &Candidate) -> Option<String> {
    let annotation = |name: &str| candidate.annotations.get(name);
    let pem = |text: &String| sigstore_types::DerCertificate::from_pem(text).ok();
    let material = match annotation("dev.sigstore.cosign/certificate") {
        Some(leaf) => serde_json::json!({
            "x509CertificateChain": { "certificates": [{ "rawBytes": STANDARD.encode(pem(leaf)?) }] }
        }),
        None => serde_json::json!({ "publicKey": { "hint": "" } }),
    };
    let entry: Value = serde_json::from_str(annotation("dev.sigstore.cosign/bundle")?).ok()?;
    let logged = &entry["Payload"];
    let mut bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": material,
        "messageSignature": { "signature": annotation("dev.cosignproject.cosign/signature")? },
    });
    bundle["verificationMaterial"]["tlogEntries"] = serde_json::json!([{
        "logIndex": logged["logIndex"].to_string(),
        "logId": { "keyId": STANDARD.encode(encoding::unhex(logged["logID"].as_str()?)?) },
        "kindVersion": { "kind": "hashedrekord", "version": "0.0.1" },
        "integratedTime": logged["integratedTime"].to_string(),
        "inclusionPromise": { "signedEntryTimestamp": entry["SignedEntryTimestamp"] },
        "canonicalizedBody": logged["body"],
    }]);
    Some(bundle.to_string())
}

/// How many ours accepts, of which the other must accept each.
fn accepted_by_both(candidates: Vec<(String, Candidate)>, key: Option<&PublicKey>) -> usize {
    let ours = |candidate: &Candidate| match key {
        None => WORLD.by_certificate(candidate).is_ok(),
        Some(_) => WORLD.by_key(candidate, LogRequirement::Require).is_ok(),
    };
    candidates
        .into_iter()
        .filter(|(_, candidate)| ours(candidate))
        .inspect(|(place, candidate)| {
            assert!(
                oracle_accepts(candidate, key),
                "{place}: the other verifier refuses it"
            );
        })
        .count()
}

/// The candidate itself and all its changes.
fn with_changes(candidate: &Candidate) -> Vec<(String, Candidate)> {
    let mut candidates = vec![("unchanged".to_owned(), candidate.clone())];
    candidates.extend(match candidate.layout {
        Layout::Bundle => protected::changes(candidate),
        Layout::Legacy | Layout::LegacyAttestation => changed_annotations(candidate),
    });
    candidates
}

fn changed_annotations(good: &Candidate) -> Vec<(String, Candidate)> {
    let places = good.annotations.iter().flat_map(|(name, text)| {
        let length = text.len();
        (0..length)
            .step_by(length / 40 + 1)
            .map(move |at| (name, text, at))
    });
    places
        .map(|(name, text, at)| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let mut candidate = good.clone();
            candidate
                .annotations
                .insert(name.clone(), String::from_utf8(bytes).unwrap());
            (format!("{name} at {at}"), candidate)
        })
        .collect()
}

#[test]
fn what_ours_accepts_by_certificate_the_other_verifier_accepts() {
    for good in [
        bundle_of(WORLD.keyless().annotation("a", "b").bundle()),
        legacy_of(WORLD.keyless().annotation("a", "b").legacy()),
    ] {
        let candidates = with_changes(&good);
        assert!(candidates.len() > 40, "only {} changes", candidates.len());
        assert!(accepted_by_both(candidates, None) >= 1);
    }
}

#[test]
fn what_ours_accepts_by_key_the_other_verifier_accepts() {
    for good in [
        bundle_of(WORLD.keyed().bundle()),
        legacy_of(WORLD.keyed().legacy()),
    ] {
        let candidates = with_changes(&good);
        assert!(candidates.len() > 40, "only {} changes", candidates.len());
        assert!(accepted_by_both(candidates, Some(&WORLD.key)) >= 1);
    }
}

#[test]
fn the_parts_of_other_signatures_are_taken_for_ours_by_neither() {
    let ours = bundle_of(WORLD.keyless().bundle());
    let elsewhere = WORLD.sigstore.sign_as(&release_job(), &other_image());
    for other in [
        bundle_of(WORLD.keyless().bundle()),
        bundle_of(elsewhere.bundle()),
        bundle_of(WORLD.keyed().bundle()),
    ] {
        let other = json_of(&other);
        for place in [
            "/dsseEnvelope",
            "/dsseEnvelope/payload",
            "/dsseEnvelope/signatures",
            "/verificationMaterial/certificate",
            "/verificationMaterial/tlogEntries",
            "/verificationMaterial/tlogEntries/0/inclusionPromise",
            "/verificationMaterial/tlogEntries/0/inclusionProof",
            "/verificationMaterial/tlogEntries/0/canonicalizedBody",
        ] {
            let theirs = match other.pointer(place) {
                Some(theirs) if json_of(&ours).pointer(place) != Some(theirs) => theirs,
                // Not there, or the same in both.
                _ => continue,
            };
            let mixed = edited(ours.clone(), |json| {
                *json.pointer_mut(place).unwrap() = theirs.clone();
            });
            assert!(WORLD.by_certificate(&mixed).is_err(), "{place}");
            assert!(!oracle_accepts(&mixed, None), "{place}");
        }
    }
}
