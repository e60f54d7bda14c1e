//! Another verifier accepts what is made, and refuses it with one thing wrong.

use sigstore_trust_root::TrustedRoot;
use sigstore_types::{Artifact, Bundle, DerPublicKey};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

use super::*;

const IMAGE: &[u8] = b"the image";

fn claims() -> Claims {
    Claims::gitlab("acme/shop/api", "refs/heads/main")
}

fn keyless(sigstore: &PrivateSigstore) -> Signing<'_> {
    sigstore.sign_as(&claims(), &Digest::of(IMAGE))
}

/// The times that the other verifier finds proven, or what it says.
fn judged(sigstore: &PrivateSigstore, bundle: &Attachment) -> Result<Vec<Timestamp>, String> {
    let root = TrustedRoot::from_json(&sigstore.trusted_root_json()).unwrap();
    let bundle = Bundle::from_json(std::str::from_utf8(&bundle.content).unwrap())
        .map_err(|error| error.to_string())?;
    let result = Verifier::new(&root)
        .unwrap()
        .verify(
            Artifact::from(IMAGE),
            &bundle,
            &VerificationPolicy::any_identity(),
        )
        .map_err(|error| error.to_string())?;
    Ok(result.verified_timestamps().to_vec())
}

#[test]
fn every_kind_of_entry_that_it_knows_is_accepted() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    for kind in [
        EntryKind::Dsse001,
        EntryKind::Intoto002,
        EntryKind::HashedRekord002,
    ] {
        for log in [LogName::First, LogName::Second] {
            let signed = keyless(&sigstore)
                .entry(Entry::of(kind).in_log(log))
                .timestamp(TimestampToken::new())
                .bundle();
            let times = judged(&sigstore, &signed.unwrap());
            assert!(
                times.as_ref().is_ok_and(|times| times.contains(&NOW)),
                "{kind:?} {log:?} {times:?}"
            );
        }
    }
    for kind in [EntryKind::HashedRekord001, EntryKind::HashedRekord002] {
        let signed = keyless(&sigstore)
            .entry(Entry::of(kind))
            .timestamp(TimestampToken::new())
            .message_signature();
        let times = judged(&sigstore, &signed.unwrap());
        assert!(times.is_ok(), "{kind:?} {times:?}");
    }
}

#[test]
fn every_version_of_the_bundle_is_accepted() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    for version in [
        BundleVersion::V03,
        BundleVersion::V03Parameter,
        BundleVersion::V02,
        BundleVersion::V01,
    ] {
        let signed = keyless(&sigstore).version(version).bundle().unwrap();
        assert_eq!(judged(&sigstore, &signed), Ok(vec![NOW]), "{version:?}");
    }
}

#[test]
fn timestamps_of_both_authorities_and_all_hashes_are_accepted() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    for authority in [AuthorityName::First, AuthorityName::Second] {
        for hash in [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            let token = TimestampToken::new().by(authority).hash(hash);
            let signed = keyless(&sigstore)
                .entry(Entry::of(EntryKind::HashedRekord002))
                .timestamp(token);
            let times = judged(&sigstore, &signed.bundle().unwrap());
            assert_eq!(times, Ok(vec![NOW]), "{authority:?} {hash:?}");
        }
    }
}

#[test]
fn keys_of_the_kinds_that_it_knows_are_accepted() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let root = TrustedRoot::from_json(&sigstore.trusted_root_json()).unwrap();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa] {
        let key = SigningKeyPair::generate_of(kind).unwrap();
        let signed = sigstore.sign_with(&key, &Digest::of(IMAGE)).bundle();
        let signed = signed.unwrap();
        let bundle = Bundle::from_json(std::str::from_utf8(&signed.content).unwrap()).unwrap();
        let policy = PublicKeyVerificationPolicy::new(DerPublicKey::from_bytes(key.public_der()));
        Verifier::new(&root)
            .unwrap()
            .verify(Artifact::from(IMAGE), &bundle, &policy)
            .unwrap_or_else(|error| panic!("{kind:?} {error}"));
    }
}

#[test]
fn each_wrong_entry_is_refused() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    for fault in [
        EntryFault::OfAnotherSignature,
        EntryFault::OfAnotherKey,
        EntryFault::OfAnotherContent,
        EntryFault::NoPromise,
        EntryFault::PromiseOfAnotherKey,
        EntryFault::PromiseOfAnotherEntry,
        EntryFault::TimeNotPromised,
        EntryFault::NoProof,
        EntryFault::ProofOfAnotherLeaf,
        EntryFault::NoCheckpoint,
        EntryFault::CheckpointOfAnotherKey,
        EntryFault::CheckpointOfAnotherTree,
    ] {
        let entry = Entry::of(EntryKind::Dsse001).fault(fault);
        let signed = keyless(&sigstore).entry(entry).bundle().unwrap();
        assert!(judged(&sigstore, &signed).is_err(), "{fault:?}");
    }
}

#[test]
fn each_wrong_timestamp_is_refused() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let refused = |token: TimestampToken| {
        let signed = keyless(&sigstore)
            .entry(Entry::of(EntryKind::HashedRekord002))
            .timestamp(token.clone());
        let times = judged(&sigstore, &signed.bundle().unwrap());
        assert!(times.is_err(), "{token:?} {times:?}");
    };
    for fault in [
        TokenFault::Rejected,
        TokenFault::WrongSignature,
        TokenFault::WrongMessageDigest,
        TokenFault::NoSignedAttributes,
        TokenFault::NotATimestamp,
        TokenFault::UnknownImprintHash,
        TokenFault::CutOff(100),
        TokenFault::Trailing,
    ] {
        refused(TimestampToken::new().fault(fault));
    }
    refused(TimestampToken::new().by(AuthorityName::Unknown));
    refused(TimestampToken::new().by(AuthorityName::Impostor));
    refused(TimestampToken::new().imprinting(*b"another"));
    refused(TimestampToken::new().at(NOW + jiff::SignedDuration::from_mins(11)));
}

#[test]
fn each_wrong_certificate_is_refused() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    for fault in [
        CertificateFault::WrongPurpose,
        CertificateFault::NoPurpose,
        // It does not ask whether the key may sign.
        CertificateFault::UnknownCriticalExtension,
        CertificateFault::IsAuthority,
        CertificateFault::ForeignIssuer,
    ] {
        let signed = keyless(&sigstore).certificate_fault(fault).bundle();
        let times = judged(&sigstore, &signed.unwrap());
        assert!(times.is_err(), "{fault:?}");
    }
    for (timestamp, accepted) in [
        (CertificateTimestamp::Genuine, true),
        (CertificateTimestamp::WithExtensions, true),
        (CertificateTimestamp::Missing, false),
        (CertificateTimestamp::OfAnother, false),
        (CertificateTimestamp::OfAnotherIssuer, false),
        (CertificateTimestamp::OfUnknownLog, false),
        (CertificateTimestamp::EmptyList, false),
        (CertificateTimestamp::At(1_000_000), false),
    ] {
        let signed = keyless(&sigstore).certificate_timestamp(timestamp).bundle();
        let times = judged(&sigstore, &signed.unwrap());
        assert_eq!(times.is_ok(), accepted, "{timestamp:?} {times:?}");
    }
}
