//! The one form that every layout is read into: what was signed, by what, and what is said to prove it.
//!
//! Parsed and bounded, and none of it is proven.

use bytes::Bytes;
use jiff::Timestamp;
use sigstore_types::{DerCertificate, DsseEnvelope};

use super::{
    SignatureError, asn1,
    failure::{text, within},
    log::Inclusion,
};
use crate::limits;

/// What one candidate brings along.
pub(super) struct Material {
    /// The bytes that the signature covers.
    pub(super) signed: Signed,
    /// What those bytes say.
    pub(super) claim: Claim,
    /// The signature itself.
    pub(super) signature: Vec<u8>,
    /// What is said to have made it.
    pub(super) credential: Credential,
    /// The log entries. That they are malformed matters only to those who ask for them.
    pub(super) entries: Result<Vec<Entry>, SignatureError>,
    /// How the layout proves that an entry is in its log.
    pub(super) inclusion: Inclusion,
    /// The signed timestamps, likewise.
    pub(super) tokens: Result<Vec<Vec<u8>>, SignatureError>,
    /// What a signed timestamp of this layout is about.
    pub(super) imprinted: Bytes,
}

/// What a signature is over.
pub(super) enum Signed {
    /// These bytes.
    Bytes(Bytes),
    /// A message of which only the SHA-256 is known.
    Sha256([u8; 32]),
}

/// What is claimed, once the signature over it has verified.
pub(super) enum Claim {
    /// An envelope with a statement. `blob` is the envelope as it was written, where the layout keeps it.
    Envelope {
        /// The envelope.
        envelope: DsseEnvelope,
        /// Its JSON, byte for byte.
        blob: Option<Bytes>,
    },
    /// A simple-signing payload.
    Payload(Bytes),
    /// The image's manifest itself: the bare signature says no more than that it is over these bytes.
    Manifest,
}

/// What is said to have signed.
pub(super) enum Credential {
    /// A key that the verifier must know.
    Key,
    /// A certificate, and what may help to build a path from it: no proof of anything.
    Certificate {
        /// In DER.
        leaf: Vec<u8>,
        /// In DER.
        intermediates: Vec<Vec<u8>>,
    },
}

/// One transparency log entry.
#[derive(Clone)]
pub(super) struct Entry {
    /// The index over all shards of the log.
    pub(super) index: u64,
    /// Which log is said to have it.
    pub(super) log_id: Vec<u8>,
    /// The kind and version stated beside the body, where the layout states them.
    pub(super) kind: Option<(String, String)>,
    /// Proves nothing without the promise.
    pub(super) integrated: Option<Timestamp>,
    /// The signed entry timestamp.
    pub(super) promise: Option<Vec<u8>>,
    /// The inclusion proof.
    pub(super) proof: Option<Proof>,
    /// The canonical body, as it was hashed into the log.
    pub(super) body: Vec<u8>,
}

/// A path from an entry to a checkpoint. Root and size repeat what the checkpoint signs.
#[derive(Clone)]
pub(super) struct Proof {
    /// The index in the shard.
    pub(super) index: Option<u64>,
    /// Said to be the checkpoint's.
    pub(super) root: Option<[u8; 32]>,
    /// Said to be the checkpoint's.
    pub(super) size: Option<u64>,
    /// The path.
    pub(super) hashes: Vec<[u8; 32]>,
    /// The signed note.
    pub(super) checkpoint: String,
}

impl Claim {
    /// What the signature of an envelope covers (DSSE protocol, "PAE").
    pub(super) fn of_envelope(envelope: DsseEnvelope, blob: Option<Bytes>) -> (Signed, Self) {
        let signed = Signed::Bytes(envelope.pae().into());
        (signed, Self::Envelope { envelope, blob })
    }
}

impl Credential {
    /// A leaf and what is said to have issued it, as many as are read.
    pub(super) fn certificate(
        leaf: Vec<u8>,
        intermediates: Vec<Vec<u8>>,
    ) -> Result<Self, SignatureError> {
        within(
            "certificates",
            intermediates.len() + 1,
            limits::CERTIFICATES_PER_CHAIN,
        )?;
        for certificate in intermediates.iter().chain([&leaf]) {
            let found = certificate.len();
            within("bytes of one certificate", found, limits::CERTIFICATE_BYTES)?;
            asn1::sortable(certificate)?;
        }
        Ok(Self::Certificate {
            leaf,
            intermediates,
        })
    }
}

/// Every certificate of a PEM text, in DER.
pub(super) fn pem_certificates(pem: &str) -> Result<Vec<Vec<u8>>, SignatureError> {
    pem.split_inclusive(PEM_END)
        .filter(|block| !block.trim().is_empty())
        .map(|block| {
            DerCertificate::from_pem(block)
                .map(|certificate| certificate.as_bytes().to_vec())
                .map_err(|error| SignatureError::Certificate {
                    detail: text("not PEM", &error),
                })
        })
        .collect()
}

const PEM_END: &str = "-----END CERTIFICATE-----";
