//! How long one verification takes, form by form, beside the signature checks that it cannot do without.
//!
//! Run with `cargo bench --bench verification`. What stands between a form and its bare checks is parsing, hashing,
//! building the certificate path and comparing.

#![expect(
    clippy::expect_used,
    reason = "a benchmark whose world cannot be built has nothing to measure"
)]

use assay::{
    clock::{Clock, SystemClock},
    image::Digest,
    key::PublicKey,
    sandbox::sigstore::{
        Attachment, Claims, Entry, EntryKind, PrivateSigstore, SandboxError, SigningKeyPair,
        TimestampToken,
    },
    verify::{Against, Candidate, Layout, LogRequirement, TrustRoot, verify, verify_attestation},
};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use criterion::{Criterion, criterion_group, criterion_main};
use x509_cert::{der::Decode, spki::SubjectPublicKeyInfoRef};

criterion_group!(benches, verifications);
criterion_main!(benches);

/// A form, how many signatures are checked in it, and what it is verified with.
struct Case {
    name: &'static str,
    /// Its own; the log's promise and checkpoint; the certificate log's; those of the certificates; the timestamp's.
    checks: usize,
    candidate: Candidate,
    asked: Asked,
}

impl Case {
    fn new(
        name: &'static str,
        checks: usize,
        asked: Asked,
        signed: Result<Attachment, SandboxError>,
    ) -> Self {
        Self {
            name,
            checks,
            candidate: candidate(&signed.expect("a signature")),
            asked,
        }
    }
}

#[derive(Clone, Copy)]
enum Asked {
    Certificate,
    LoggedKey,
    Key,
}

struct World {
    sigstore: PrivateSigstore,
    root: TrustRoot,
    pair: SigningKeyPair,
    key: PublicKey,
    image: Digest,
}

fn verifications(criterion: &mut Criterion) {
    let world = World::new();
    let mut group = criterion.benchmark_group("verification");
    let cases = world.cases();
    for case in &cases {
        let name = format!("{} ({} checks)", case.name, case.checks);
        group.bench_function(name, |bencher| bencher.iter(|| world.verify(case)));
    }
    let most = cases.iter().map(|case| case.checks).max();
    for checks in 1..=most.unwrap_or_default() {
        if !cases.iter().any(|case| case.checks == checks) {
            continue;
        }
        group.bench_function(format!("bare: {checks} checks"), |bencher| {
            let verify_bare = world.bare_verification();
            bencher.iter(|| (0..checks).for_each(|_| verify_bare()));
        });
    }
    group.finish();
}

impl World {
    fn new() -> Self {
        let sigstore = PrivateSigstore::new(SystemClock.now()).expect("a Sigstore");
        let pair = SigningKeyPair::generate().expect("a key");
        Self {
            root: TrustRoot::from_json(&sigstore.trusted_root_json()).expect("a trust root"),
            key: PublicKey::from_pem(&pair.public_pem()).expect("a public key"),
            image: Digest::of(b"the image"),
            sigstore,
            pair,
        }
    }

    fn cases(&self) -> Vec<Case> {
        let mut cases = self.keyed();
        cases.extend(self.keyless());
        cases
    }

    fn keyed(&self) -> Vec<Case> {
        let sign = || self.sigstore.sign_with(&self.pair, &self.image);
        let unlogged = || sign().without_log();
        let second = || sign().entry(Entry::of(EntryKind::HashedRekord002));
        vec![
            Case::new("key, legacy", 1, Asked::Key, unlogged().legacy()),
            Case::new("key, bundle", 1, Asked::Key, unlogged().bundle()),
            Case::new(
                "key, legacy, Rekor v1",
                2,
                Asked::LoggedKey,
                sign().legacy(),
            ),
            Case::new(
                "key, bundle, Rekor v1",
                3,
                Asked::LoggedKey,
                sign().bundle(),
            ),
            Case::new(
                "key, bundle, Rekor v2",
                2,
                Asked::LoggedKey,
                second().bundle(),
            ),
        ]
    }

    fn keyless(&self) -> Vec<Case> {
        let claims = Claims::gitlab("acme/shop/api", "refs/tags/v1.8.2");
        let sign = || self.sigstore.sign_as(&claims, &self.image);
        let logged = |kind| sign().entry(Entry::of(kind));
        let stamped = |kind| logged(kind).timestamp(TimestampToken::new()).bundle();
        let attested = logged(EntryKind::Intoto001)
            .predicate_type("https://slsa.dev/provenance/v0.2")
            .legacy_attestation();
        let case = |name, checks, signed| Case::new(name, checks, Asked::Certificate, signed);
        vec![
            case("certificate, legacy, Rekor v1", 5, sign().legacy()),
            case("certificate, bundle, Rekor v1", 6, sign().bundle()),
            case(
                "certificate, bundle, Rekor v1, timestamp",
                11,
                stamped(EntryKind::Dsse001),
            ),
            case(
                "certificate, bundle, Rekor v2, timestamp",
                8,
                stamped(EntryKind::HashedRekord002),
            ),
            case("certificate, legacy attestation, intoto 0.0.1", 5, attested),
        ]
    }

    fn verify(&self, case: &Case) {
        let keyed = |log, trust_root| Against::Key {
            key: &self.key,
            log,
            trust_root,
        };
        let against = match case.asked {
            Asked::Certificate => Against::Certificate {
                trust_root: &self.root,
            },
            Asked::LoggedKey => keyed(LogRequirement::Require, Some(&self.root)),
            Asked::Key => keyed(LogRequirement::Ignore, None),
        };
        match case.candidate.layout {
            Layout::LegacyAttestation => {
                verify_attestation(&case.candidate, &self.image, against)
                    .expect("a good attestation");
            }
            Layout::Legacy | Layout::Bundle => {
                verify(&case.candidate, &self.image, against).expect("a good signature");
            }
        }
    }

    /// One ECDSA P-256 check of a short message, as each step of a verification does it.
    fn bare_verification(&self) -> impl Fn() + use<> {
        let message = b"a message of some length";
        let signature = self.pair.sign(message).expect("a signature");
        let info = SubjectPublicKeyInfoRef::from_der(self.key.der()).expect("a public key");
        let key = info.subject_public_key.raw_bytes().to_vec();
        move || {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key)
                .verify(message, &signature)
                .expect("a good signature");
        }
    }
}

fn candidate(signed: &Attachment) -> Candidate {
    let layout = match signed.media_type {
        "application/vnd.dev.cosign.simplesigning.v1+json" => Layout::Legacy,
        "application/vnd.dsse.envelope.v1+json" => Layout::LegacyAttestation,
        _ => Layout::Bundle,
    };
    Candidate {
        layout,
        digest: Digest::of(&signed.content),
        content: signed.content.clone(),
        annotations: signed.annotations.clone(),
    }
}
