//! Each refusal changes one thing in a signature that is accepted.

mod attacks;
mod attestation;
mod bare;
mod bundle;
mod bundle_log;
mod certificate;
mod keyed;
mod legacy;
mod log_time;
mod logged_certificate;
mod oracle;
mod protected;
mod recorded;
mod root_files;
mod trust_root;

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::*;
use crate::sandbox::sigstore::{
    Attachment, Claims, PrivateSigstore, SandboxError, Signing, SigningKeyPair,
};

/// When everything is signed: long ago for the machine's clock, inside the sandbox's validity.
const NOW: Timestamp = Timestamp::constant(1_767_323_045, 0);

/// A sandbox with its trust root, and a key.
struct World {
    sigstore: PrivateSigstore,
    root: TrustRoot,
    pair: SigningKeyPair,
    key: PublicKey,
}

static WORLD: LazyLock<World> = LazyLock::new(|| World::around(PrivateSigstore::new(NOW).unwrap()));

impl World {
    fn around(sigstore: PrivateSigstore) -> Self {
        let pair = SigningKeyPair::generate().unwrap();
        Self {
            root: TrustRoot::from_json(&sigstore.trusted_root_json()).unwrap(),
            key: PublicKey::from_pem(&pair.public_pem()).unwrap(),
            pair,
            sigstore,
        }
    }

    fn keyless(&self) -> Signing<'_> {
        self.sigstore.sign_as(&release_job(), &image())
    }

    fn keyed(&self) -> Signing<'_> {
        self.sigstore.sign_with(&self.pair, &image())
    }

    fn by_certificate(&self, candidate: &Candidate) -> Result<VerifiedSignature, SignatureError> {
        verify(
            candidate,
            &image(),
            Against::Certificate {
                trust_root: &self.root,
            },
        )
    }

    fn by_key(
        &self,
        candidate: &Candidate,
        log: LogRequirement,
    ) -> Result<VerifiedSignature, SignatureError> {
        verify(
            candidate,
            &image(),
            Against::Key {
                key: &self.key,
                log,
                trust_root: Some(&self.root),
            },
        )
    }
}

fn release_job() -> Claims {
    Claims::gitlab("acme/shop/api", "refs/tags/v1.0.0")
}

fn image() -> Digest {
    Digest::of(b"the image")
}

fn other_image() -> Digest {
    Digest::of(b"another image")
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn candidate(layout: Layout, attachment: Attachment) -> Candidate {
    Candidate {
        layout,
        digest: Digest::of(&attachment.content),
        content: attachment.content,
        annotations: attachment.annotations,
    }
}

fn bundle_of(attachment: Result<Attachment, SandboxError>) -> Candidate {
    candidate(Layout::Bundle, attachment.unwrap())
}

fn legacy_of(attachment: Result<Attachment, SandboxError>) -> Candidate {
    candidate(Layout::Legacy, attachment.unwrap())
}

/// Changes the JSON of a bundle.
fn edited(mut bundle: Candidate, edit: impl FnOnce(&mut Value)) -> Candidate {
    let mut json: Value = serde_json::from_slice(&bundle.content).unwrap();
    edit(&mut json);
    bundle.content = json.to_string().into();
    bundle
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

fn json_of(bundle: &Candidate) -> Value {
    serde_json::from_slice(&bundle.content).unwrap()
}

/// A base64 text with one bit of its middle octet changed.
fn flipped(text: &str) -> String {
    let mut bytes = STANDARD.decode(text).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    STANDARD.encode(bytes)
}

/// A root like the world's, changed.
fn root_with(edit: impl FnOnce(&mut Value)) -> TrustRoot {
    let mut json: Value = serde_json::from_str(&WORLD.sigstore.trusted_root_json()).unwrap();
    edit(&mut json);
    TrustRoot::from_json(&json.to_string()).unwrap()
}

fn invalid(detail: &str) -> SignatureError {
    SignatureError::Invalid {
        detail: detail.to_owned(),
    }
}

fn log_entry(detail: &str) -> SignatureError {
    SignatureError::LogEntry {
        detail: detail.to_owned(),
    }
}

fn bad_certificate(detail: &str) -> SignatureError {
    SignatureError::Certificate {
        detail: detail.to_owned(),
    }
}

/// For refusals whose words are the verifier's: the kind and how the words begin.
#[track_caller]
fn assert_refused(result: &Result<VerifiedSignature, SignatureError>, begins: &SignatureError) {
    use SignatureError::{Certificate, Invalid, LogEntry, Timestamp};
    let error = result.as_ref().unwrap_err();
    match (error, begins) {
        (Invalid { detail }, Invalid { detail: begin })
        | (Certificate { detail }, Certificate { detail: begin })
        | (LogEntry { detail }, LogEntry { detail: begin })
        | (Timestamp { detail }, Timestamp { detail: begin })
            if detail.starts_with(begin) => {}
        _ => panic!("expected {begins:?}, got {error:?}"),
    }
}

#[test]
fn the_media_type_of_a_layer_says_how_it_is_stored() {
    for (media_type, layout) in [
        (
            "application/vnd.dev.cosign.simplesigning.v1+json",
            Some(Layout::Legacy),
        ),
        (
            "application/vnd.dsse.envelope.v1+json",
            Some(Layout::LegacyAttestation),
        ),
        (
            "application/vnd.dev.sigstore.bundle.v0.3+json",
            Some(Layout::Bundle),
        ),
        (
            "application/vnd.dev.sigstore.bundle+json;version=0.1",
            Some(Layout::Bundle),
        ),
        ("application/vnd.in-toto+json", None),
    ] {
        assert_eq!(Layout::of_media_type(media_type), layout, "{media_type}");
    }
}
