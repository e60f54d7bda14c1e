//! Good signatures, and what they are made of.

use assay::{
    image::Digest,
    sandbox::sigstore::{
        Attachment, BundleVersion, Claims, Entry, EntryKind, KeyKind, PrivateSigstore, Signing,
        SigningKeyPair, TimestampToken,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Corpus;

/// Writes the world and the seeds that are signed in it.
pub(super) fn write(corpus: &Corpus) {
    let world = World::new();
    let root = world.sigstore.trusted_root_json();
    corpus.put("world", "trusted_root.json", &root);
    corpus.put("trusted_root", "sandbox.json", &root);
    let public = sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    corpus.put("trusted_root", "public-good.json", public);
    corpus.put(
        "trusted_root",
        "staging.json",
        sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT,
    );
    for (name, pair) in &world.pairs {
        corpus.put("world/keys", &format!("{name}.pem"), pair.public_pem());
        for logged in [true, false] {
            let signing = || {
                let signing = world.sigstore.sign_with(pair, &world.image);
                if logged {
                    signing
                } else {
                    signing.without_log()
                }
            };
            let name = if logged {
                format!("{name}-logged")
            } else {
                (*name).to_owned()
            };
            good(corpus, &name, signing);
        }
    }
    for (name, claims) in claims() {
        let signing = || world.sigstore.sign_as(&claims, &world.image);
        good(corpus, name, signing);
        good(corpus, &format!("{name}-annotated"), || {
            signing()
                .annotation("tag", "1.8.2")
                .annotation("tier", "gold")
        });
    }
    world.every_form(corpus);
    world.refused(corpus);
}

struct World {
    sigstore: PrivateSigstore,
    pairs: Vec<(&'static str, SigningKeyPair)>,
    /// The image that the fuzz targets ask for.
    image: Digest,
}

impl World {
    fn new() -> Self {
        let kinds = [
            ("p256", KeyKind::P256),
            ("p384", KeyKind::P384),
            ("ed25519", KeyKind::Ed25519),
            ("rsa", KeyKind::Rsa),
        ];
        Self {
            sigstore: PrivateSigstore::new(NOW).unwrap(),
            pairs: kinds
                .map(|(name, kind)| (name, SigningKeyPair::generate_of(kind).unwrap()))
                .into(),
            image: Digest::of(b"the image"),
        }
    }

    /// Good bundles with each kind of log entry, of each version, and with a signed timestamp.
    fn every_form(&self, corpus: &Corpus) {
        let claims = Claims::gitlab("acme/shop/api", "refs/heads/main");
        let signing = || self.sigstore.sign_as(&claims, &self.image);
        let stamped = || signing().timestamp(TimestampToken::new());
        let kinds = [
            ("dsse-1", EntryKind::Dsse001),
            ("intoto-2", EntryKind::Intoto002),
            ("hashedrekord-2", EntryKind::HashedRekord002),
            ("dsse-2", EntryKind::Dsse002),
        ];
        for (name, kind) in kinds {
            let bundle = stamped().entry(Entry::of(kind)).bundle().unwrap();
            good_bundle(corpus, name, &bundle);
        }
        let kinds = [
            ("bare-1", EntryKind::HashedRekord001),
            ("bare-2", EntryKind::HashedRekord002),
        ];
        for (name, kind) in kinds {
            let bare = stamped().entry(Entry::of(kind)).message_signature();
            good_bundle(corpus, name, &bare.unwrap());
        }
        for (name, version) in [("v0.1", BundleVersion::V01), ("v0.2", BundleVersion::V02)] {
            good_bundle(corpus, name, &signing().version(version).bundle().unwrap());
        }
        let legacy = legacy(&stamped().legacy().unwrap());
        corpus.put("legacy", "stamped.json", &legacy);
        corpus.put("world/legacy", "stamped.json", &legacy);
    }

    /// Seeds that are no signature of the image.
    fn refused(&self, corpus: &Corpus) {
        let (_, pair) = &self.pairs[0];
        let signing = || self.sigstore.sign_with(pair, &self.image);
        let attestation = signing().predicate_type("https://slsa.dev/provenance/v1");
        let other = self.sigstore.sign_with(pair, &Digest::of(b"another image"));
        // An envelope is not logged so, or not in a bundle.
        for kind in [EntryKind::HashedRekord001, EntryKind::Intoto001] {
            let bundle = signing().entry(Entry::of(kind)).bundle().unwrap();
            corpus.put("bundle", &format!("{kind:?}.json"), bundle.content);
        }
        corpus.put(
            "bundle",
            "attestation.json",
            attestation.bundle().unwrap().content,
        );
        corpus.put(
            "bundle",
            "other-image.json",
            other.bundle().unwrap().content,
        );
        corpus.put(
            "legacy",
            "other-type.json",
            legacy(
                &signing()
                    .critical_type("atomic container signature")
                    .legacy()
                    .unwrap(),
            ),
        );
    }
}

/// A signature in both layouts: seeds, and part of the world that the targets hold mutations against.
fn good<'a>(corpus: &Corpus, name: &str, signing: impl Fn() -> Signing<'a>) {
    good_bundle(corpus, name, &signing().bundle().unwrap());
    let legacy = legacy(&signing().legacy().unwrap());
    for folder in ["legacy", "world/legacy"] {
        corpus.put(folder, &format!("{name}.json"), &legacy);
    }
}

/// A seed, and part of the world.
fn good_bundle(corpus: &Corpus, name: &str, bundle: &Attachment) {
    let name = format!("{name}.json");
    for folder in ["bundle", "world/bundle"] {
        corpus.put(folder, &name, &bundle.content);
    }
    parts(corpus, &name, &bundle.content);
}

/// The input of the target `legacy`.
fn legacy(signature: &Attachment) -> String {
    let payload = std::str::from_utf8(&signature.content).unwrap();
    json!({ "payload": payload, "annotations": signature.annotations }).to_string()
}

/// What a bundle is made of, for the targets that begin further inside.
fn parts(corpus: &Corpus, name: &str, bundle: &[u8]) {
    let bundle: Value = serde_json::from_slice(bundle).unwrap();
    let bytes = |pointer: &str| {
        let text = bundle.pointer(pointer).and_then(Value::as_str)?;
        Some(STANDARD.decode(text).unwrap())
    };
    if let Some(der) = bytes("/verificationMaterial/certificate/rawBytes") {
        corpus.put("certificate", name, der);
    }
    let tokens = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    if let Some(token) = bytes(&format!("{tokens}/0/signedTimestamp")) {
        let imprinted = bytes("/dsseEnvelope/signatures/0/sig")
            .or_else(|| bytes("/messageSignature/signature"))
            .unwrap();
        corpus.put("timestamp", name, &token);
        corpus.put("world/timestamp/tokens", name, token);
        corpus.put("world/timestamp/imprinted", name, imprinted);
    }
    if let Some(statement) = bytes("/dsseEnvelope/payload") {
        corpus.put("statement", name, statement);
    }
}

fn claims() -> [(&'static str, Claims); 3] {
    [
        (
            "gitlab",
            Claims::gitlab("acme/shop/api", "refs/tags/v1.0.0"),
        ),
        (
            "github",
            Claims::github(
                "acme/shop",
                ".github/workflows/release.yml",
                "refs/heads/main",
            ),
        ),
        (
            "email",
            Claims::email("dev@acme.example", "https://accounts.acme.example"),
        ),
    ]
}

/// As in the unit tests: long ago, inside the sandbox's validity.
const NOW: Timestamp = Timestamp::constant(1_767_323_045, 0);
