//! What attachments are verified with, and what comes of it.

use crate::{
    image::Digest,
    key::PublicKey,
    verify::{
        Against, Candidate, LogRequirement, SignatureError, TrustRoot, VerifiedAttestation,
        VerifiedSignature, verify, verify_attestation,
    },
};

/// Keys and a trust root.
#[derive(Debug)]
pub(super) struct Lens {
    keys: Vec<PublicKey>,
    trust_root: TrustRoot,
}

impl Lens {
    /// With these keys and this trust root.
    pub(super) fn new(keys: Vec<PublicKey>, trust_root: TrustRoot) -> Self {
        Self { keys, trust_root }
    }

    /// The candidate as a signature, else why it is none.
    pub(super) fn signature(
        &self,
        candidate: &Candidate,
        image: &Digest,
    ) -> Result<VerifiedSignature, String> {
        self.first(|against| verify(candidate, image, against))
    }

    /// The candidate as an attestation, else why it is none.
    pub(super) fn attestation(
        &self,
        candidate: &Candidate,
        image: &Digest,
    ) -> Result<VerifiedAttestation, String> {
        self.first(|against| verify_attestation(candidate, image, against))
    }

    /// By the first way that works.
    fn first<V>(
        &self,
        verified: impl Fn(Against<'_>) -> Result<V, SignatureError>,
    ) -> Result<V, String> {
        let by_certificate = Against::Certificate {
            trust_root: &self.trust_root,
        };
        let by_key = self.keys.iter().map(|key| Against::Key {
            key,
            log: LogRequirement::Ignore,
            trust_root: Some(&self.trust_root),
        });
        let mut failures = Vec::new();
        for against in std::iter::once(by_certificate).chain(by_key) {
            match verified(against) {
                Ok(verified) => return Ok(verified),
                Err(error) => failures.push(error),
            }
        }
        Err(self.told(&failures))
    }

    /// Why no way has worked, in one line. A certificate's failure says nothing about what a key has signed, and the
    /// reverse: those are left out while another reason is there.
    fn told(&self, failures: &[SignatureError]) -> String {
        let telling = failures
            .iter()
            .filter(|error| !matches!(error, SignatureError::OtherKind(_)));
        let mut reasons: Vec<String> = telling.map(ToString::to_string).collect();
        reasons.dedup();
        if reasons.is_empty() && self.keys.is_empty() {
            return "signed with a key: give it with --key".to_owned();
        }
        if reasons.is_empty() {
            reasons = failures.iter().map(ToString::to_string).collect();
        }
        reasons.join("; ")
    }
}
