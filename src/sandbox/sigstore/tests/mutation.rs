use std::collections::BTreeSet;

use super::*;

fn places(signed: &Attachment) -> BTreeSet<String> {
    mutations(signed)
        .into_iter()
        .map(|(place, _)| place.split(": ").next().unwrap_or_default().to_owned())
        .collect()
}

fn keyless(sigstore: &PrivateSigstore) -> Signing<'_> {
    let claims = Claims::gitlab("acme/shop/api", "refs/heads/main");
    sigstore.sign_as(&claims, &Digest::of(b"the image"))
}

#[test]
fn every_mutation_is_another_signature_of_another_name() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let signing = || keyless(&sigstore).timestamp(TimestampToken::new());
    for signed in [
        signing().bundle().unwrap(),
        signing().message_signature().unwrap(),
        signing().legacy().unwrap(),
        signing().legacy_attestation().unwrap(),
    ] {
        let mutated = mutations(&signed);
        let names: BTreeSet<_> = mutated.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(names.len(), mutated.len());
        assert!(names.len() > 100, "only {} mutations", names.len());
        for (place, changed) in &mutated {
            assert_ne!(changed, &signed, "{place}");
        }
    }
}

#[test]
fn the_fields_of_a_bundle_are_all_among_them() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let signed = keyless(&sigstore).timestamp(TimestampToken::new()).bundle();
    let found = places(&signed.unwrap());
    let entry = "/verificationMaterial/tlogEntries/0";
    for place in [
        "/mediaType".to_owned(),
        "/dsseEnvelope/payload#/subject/0/digest/sha256".to_owned(),
        "/dsseEnvelope/payloadType".to_owned(),
        "/dsseEnvelope/signatures/0/sig".to_owned(),
        "/verificationMaterial/certificate/rawBytes".to_owned(),
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp"
            .to_owned(),
        format!("{entry}/canonicalizedBody"),
        format!("{entry}/canonicalizedBody#/spec/signatures/0/signature"),
        format!("{entry}/canonicalizedBody#/spec/signatures/0/verifier"),
        format!("{entry}/inclusionPromise/signedEntryTimestamp"),
        format!("{entry}/inclusionProof/checkpoint/envelope origin"),
        format!("{entry}/inclusionProof/checkpoint/envelope root"),
        format!("{entry}/inclusionProof/checkpoint/envelope signature"),
        format!("{entry}/inclusionProof/checkpoint/envelope size"),
        format!("{entry}/inclusionProof/hashes/0"),
        format!("{entry}/inclusionProof/logIndex"),
        format!("{entry}/inclusionProof/rootHash"),
        format!("{entry}/inclusionProof/treeSize"),
        format!("{entry}/integratedTime"),
        format!("{entry}/kindVersion/kind"),
        format!("{entry}/kindVersion/version"),
        format!("{entry}/logId/keyId"),
        format!("{entry}/logIndex"),
    ] {
        assert!(found.contains(&place), "{place} is not in {found:#?}");
    }
}

#[test]
fn what_nothing_signs_is_in_no_mutation() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let key = SigningKeyPair::generate().unwrap();
    let signed = [
        sigstore.sign_with(&key, &Digest::of(b"i")).bundle(),
        keyless(&sigstore).version(BundleVersion::V01).bundle(),
        keyless(&sigstore).legacy(),
        keyless(&sigstore).legacy_attestation(),
    ];
    for signed in signed {
        let found = places(&signed.unwrap());
        for (unsigned, reason) in UNSIGNED {
            assert!(!found.iter().any(|place| place.contains(unsigned)));
            assert!(!reason.is_empty());
        }
    }
}
