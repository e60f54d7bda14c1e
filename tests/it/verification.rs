//! What is accepted and what is refused, as `docs/verification.md` says: each cell of its tables is made and verified.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "functions of a test may fail loudly"
)]

mod accepted;
mod changed;
mod refused;

use std::sync::LazyLock;

use assay::{
    image::Digest,
    key::PublicKey,
    sandbox::sigstore::{Attachment, Claims, PrivateSigstore, SandboxError, SigningKeyPair},
    verify::{
        Against, Candidate, Layout, LogRequirement, SignatureError, TrustRoot, verify,
        verify_attestation,
    },
};
use jiff::Timestamp;

/// Everything that is signed here is signed by this instance at [`NOW`].
static WORLD: LazyLock<World> = LazyLock::new(World::new);

struct World {
    sigstore: PrivateSigstore,
    root: TrustRoot,
    key: SigningKeyPair,
    image: Digest,
}

/// Who signs, and what is asked of it.
#[derive(Clone, Copy)]
enum Asked {
    Certificate,
    LoggedKey,
    Key,
}

impl World {
    fn new() -> Self {
        let sigstore = PrivateSigstore::new(NOW).unwrap();
        Self {
            root: TrustRoot::from_json(&sigstore.trusted_root_json()).unwrap(),
            sigstore,
            key: SigningKeyPair::generate().unwrap(),
            image: Digest::of(b"the image"),
        }
    }

    fn judge(&self, signed: Result<Attachment, SandboxError>, asked: Asked) -> String {
        self.judge_by(signed, asked, &self.key, &self.root)
    }

    fn judge_by(
        &self,
        signed: Result<Attachment, SandboxError>,
        asked: Asked,
        key: &SigningKeyPair,
        root: &TrustRoot,
    ) -> String {
        let candidate = candidate(&signed.unwrap());
        let key = PublicKey::from_pem(&key.public_pem()).unwrap();
        let keyed = |log| Against::Key {
            key: &key,
            log,
            trust_root: Some(root),
        };
        let against = match asked {
            Asked::Certificate => Against::Certificate { trust_root: root },
            Asked::LoggedKey => keyed(LogRequirement::Require),
            Asked::Key => keyed(LogRequirement::Ignore),
        };
        verdict(
            &verify(&candidate, &self.image, against)
                .map(|_| ())
                .or_else(|error| match error {
                    // What is no signature may be an attestation, and is judged as one.
                    SignatureError::PredicateType { .. } => {
                        verify_attestation(&candidate, &self.image, against).map(|_| ())
                    }
                    error => Err(error),
                }),
        )
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

/// The pipeline that signs with a certificate.
fn pipeline() -> Claims {
    Claims::gitlab("acme/shop/api", "refs/tags/v1.8.2")
}

/// How the tables put it: accepted, or the code that the policy's line would carry.
fn verdict(result: &Result<(), SignatureError>) -> String {
    match result {
        Ok(()) => "accepted",
        Err(SignatureError::Invalid { .. } | SignatureError::OtherImage { .. }) => {
            "`SignatureInvalid`"
        }
        Err(SignatureError::OtherKey | SignatureError::OtherKind(_)) => "`KeyMismatch`",
        Err(SignatureError::PredicateType { .. } | SignatureError::NotAttestation) => {
            "`PredicateMismatch`"
        }
        Err(SignatureError::Certificate { .. }) => "`CertificateInvalid`",
        Err(SignatureError::Timestamp { .. }) => "`TimestampMissing`",
        Err(SignatureError::LogEntry { .. }) => "`LogEntryInvalid`",
        Err(SignatureError::Limit { .. }) => "`LimitExceeded`",
    }
    .to_owned()
}

/// A row of a table.
fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A table with these heads.
fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = row(heads.iter().map(|&head| head.to_owned()));
    table += &row(heads.iter().map(|_| "---".to_owned()));
    table.extend(rows.into_iter().map(row));
    table
}

/// The page has this table in this place.
fn assert_documented(name: &str, expected: &str) {
    let begin = format!("<!-- table: {name} -->\n");
    let (_, rest) = PAGE.split_once(&begin).unwrap();
    let (written, _) = rest.split_once("<!-- end -->").unwrap();
    assert!(
        written == expected,
        "docs/verification.md says otherwise; table {name} is:\n{expected}"
    );
}

const PAGE: &str = include_str!("../../docs/verification.md");

/// 2026-06-01T12:00:00Z.
const NOW: Timestamp = Timestamp::constant(1_780_315_200, 0);
