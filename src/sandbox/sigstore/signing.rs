//! One signature in the making.

mod attachment;
mod content;
mod credential;

pub use attachment::{Attachment, BundleVersion};

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use self::credential::Signer;
use super::{
    CertificateFault, CertificateTimestamp, Claims, Entry, KeyKind, PrivateSigstore,
    SigningKeyPair, TimestampToken,
};
use crate::{image::Digest, sandbox::build::Predicate};

/// A signature about to be made. Every setter changes one thing from what cosign would do.
#[derive(Debug)]
#[must_use = "nothing is signed before one of the layouts is asked for"]
pub struct Signing<'a> {
    sigstore: &'a PrivateSigstore,
    signer: Signer<'a>,
    image: Digest,
    at: Timestamp,
    logged_at: Timestamp,
    entries: Entries,
    tokens: Vec<TimestampToken>,
    timestamp: CertificateTimestamp,
    certificate_fault: Option<CertificateFault>,
    certificate_key: KeyKind,
    version: BundleVersion,
    annotations: BTreeMap<String, String>,
    statement_type: String,
    subjects: Vec<Value>,
    predicate_type: Option<String>,
    predicate: Value,
    payload_type: String,
    critical_type: String,
    payload: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Entries {
    /// The one that cosign makes for the layout.
    Usual,
    /// These.
    These(Vec<Entry>),
}

impl<'a> Signing<'a> {
    pub(super) fn keyless(sigstore: &'a PrivateSigstore, claims: Claims, image: &Digest) -> Self {
        Self::new(sigstore, Signer::Keyless(Box::new(claims)), image)
    }

    pub(super) fn keyed(
        sigstore: &'a PrivateSigstore,
        key: &'a SigningKeyPair,
        image: &Digest,
    ) -> Self {
        Self::new(sigstore, Signer::Keyed(key), image)
    }

    fn new(sigstore: &'a PrivateSigstore, signer: Signer<'a>, image: &Digest) -> Self {
        Self {
            sigstore,
            signer,
            image: image.clone(),
            at: sigstore.now,
            logged_at: sigstore.now,
            entries: Entries::Usual,
            tokens: Vec::new(),
            timestamp: CertificateTimestamp::Genuine,
            certificate_fault: None,
            certificate_key: KeyKind::P256,
            version: BundleVersion::V03,
            annotations: BTreeMap::new(),
            statement_type: "https://in-toto.io/Statement/v1".to_owned(),
            subjects: Vec::new(),
            predicate_type: None,
            predicate: Value::Object(serde_json::Map::new()),
            payload_type: "application/vnd.in-toto+json".to_owned(),
            critical_type: "cosign container image signature".to_owned(),
            payload: None,
        }
    }

    /// Signs and logs at this time. The certificate is issued then and lives ten minutes.
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = at;
        self.logged_at = at;
        self
    }

    /// Logs at this time, which may lie outside the certificate's validity.
    pub fn logged_at(mut self, at: Timestamp) -> Self {
        self.logged_at = at;
        self
    }

    /// Makes no log entry.
    pub fn without_log(mut self) -> Self {
        self.entries = Entries::These(Vec::new());
        self
    }

    /// Makes this entry, instead of the usual one and beside those that were asked for before. The older
    /// layouts have room for one: the first.
    pub fn entry(mut self, entry: Entry) -> Self {
        match &mut self.entries {
            Entries::Usual => self.entries = Entries::These(vec![entry]),
            Entries::These(entries) => entries.push(entry),
        }
        self
    }

    /// Adds a signed timestamp. The older layouts have room for one: the first.
    pub fn timestamp(mut self, token: TimestampToken) -> Self {
        self.tokens.push(token);
        self
    }

    /// Chooses which certificate timestamp the certificate carries.
    pub fn certificate_timestamp(mut self, timestamp: CertificateTimestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// Puts one thing wrong into the certificate.
    pub fn certificate_fault(mut self, fault: CertificateFault) -> Self {
        self.certificate_fault = Some(fault);
        self
    }

    /// Chooses the kind of the key that a certificate is issued for.
    pub fn certificate_key(mut self, kind: KeyKind) -> Self {
        self.certificate_key = kind;
        self
    }

    /// Chooses which version of the format a bundle has.
    pub fn version(mut self, version: BundleVersion) -> Self {
        self.version = version;
        self
    }

    /// Adds an annotation, as `cosign sign --annotations` does.
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Replaces the statement's `_type`, as in `https://in-toto.io/Statement/v0.1`.
    pub fn statement_type(mut self, statement_type: &str) -> Self {
        statement_type.clone_into(&mut self.statement_type);
        self
    }

    /// Adds an element to the statement's `subject`, after the image's own.
    pub fn also_about(mut self, statement_subject: Value) -> Self {
        self.subjects.push(statement_subject);
        self
    }

    /// Replaces the predicate type of the statement.
    pub fn predicate_type(mut self, predicate_type: &str) -> Self {
        self.predicate_type = Some(predicate_type.to_owned());
        self
    }

    /// Replaces the predicate of the statement.
    pub fn predicate(mut self, predicate: Value) -> Self {
        self.predicate = predicate;
        self
    }

    /// Replaces the predicate of the statement and its type.
    pub fn stating(self, predicate: &Predicate) -> Self {
        self.predicate_type(&predicate.predicate_type)
            .predicate(predicate.content.clone())
    }

    /// Replaces the payload type of the envelope.
    pub fn payload_type(mut self, payload_type: &str) -> Self {
        payload_type.clone_into(&mut self.payload_type);
        self
    }

    /// Replaces `critical.type` of the older layout.
    pub fn critical_type(mut self, critical_type: &str) -> Self {
        critical_type.clone_into(&mut self.critical_type);
        self
    }

    /// Signs exactly these bytes instead of the statement or payload.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(payload.into());
        self
    }
}
