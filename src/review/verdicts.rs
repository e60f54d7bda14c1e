//! Verifying candidates, each once.

use aws_lc_rs::digest::{Context, SHA256};
use moka::sync::Cache;

use crate::{
    decision::{CheckFailure, Method, TimeUse},
    image::Digest,
    limits::VERDICT_CACHE_BYTES,
    policy::TrustRootName,
    telemetry::{CacheReading, Lookups},
    trust::{Absence, TrustRoots},
    verify::{
        Against, Candidate, Identity, Layout, LogRequirement, SignatureError, Signer, TrustRoot,
        VerifiedAttestation, VerifiedSignature, verify, verify_attestation,
    },
};

/// What came of verifying a candidate as one of these.
type Verdict<V> = Result<V, SignatureError>;

/// What candidates are verified as. The results of the two ways are kept apart by their types.
pub(super) trait Verified: Clone + Send + Sync + 'static {
    /// Verifies.
    fn verify(candidate: &Candidate, image: &Digest, against: Against<'_>) -> Verdict<Self>;

    /// Where its results are kept.
    fn kept(verdicts: &Verdicts) -> &Kept<Self>;

    /// About how many bytes it holds.
    fn bytes(&self) -> usize;
}

/// The SHA-256 of everything that a verdict depends on.
type Key = [u8; 32];

/// The results of earlier verifications.
///
/// Verification reads no clock, so a result stays right. Its key is everything that it depends on: the image's digest,
/// the candidate's bytes and annotations, the method, and the content of the trust root.
#[derive(Clone, Debug)]
pub(super) struct Verdicts {
    signatures: Kept<VerifiedSignature>,
    attestations: Kept<VerifiedAttestation>,
}

/// Results of one way to verify, and how often they were of use.
#[derive(Clone, Debug)]
pub(super) struct Kept<V: Verified> {
    cache: Cache<Key, Verdict<V>>,
    lookups: Lookups,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self {
            signatures: Kept::new(),
            attestations: Kept::new(),
        }
    }
}

impl Verdicts {
    /// What is held now.
    pub(super) fn read_caches(&self) -> Vec<CacheReading> {
        vec![
            self.signatures.reading("signature_verdicts"),
            self.attestations.reading("attestation_verdicts"),
        ]
    }
}

impl<V: Verified> Kept<V> {
    fn new() -> Self {
        let cache = Cache::builder()
            .max_capacity(VERDICT_CACHE_BYTES / 2)
            .weigher(|_, verdict: &Verdict<V>| weight(verdict))
            .build();
        Self {
            cache,
            lookups: Lookups::default(),
        }
    }

    fn get_with(&self, key: Key, verify: impl FnOnce() -> Verdict<V>) -> Verdict<V> {
        let entry = self.cache.entry(key).or_insert_with(verify);
        self.lookups.count_found(!entry.is_fresh());
        entry.into_value()
    }

    fn reading(&self, name: &'static str) -> CacheReading {
        self.cache.run_pending_tasks();
        let bytes = Some((self.cache.weighted_size(), VERDICT_CACHE_BYTES / 2));
        self.lookups.reading(name, self.cache.entry_count(), bytes)
    }
}

impl Verified for VerifiedSignature {
    fn verify(candidate: &Candidate, image: &Digest, against: Against<'_>) -> Verdict<Self> {
        verify(candidate, image, against)
    }

    fn kept(verdicts: &Verdicts) -> &Kept<Self> {
        &verdicts.signatures
    }

    fn bytes(&self) -> usize {
        let annotations = self.annotations().iter();
        let annotations: usize = annotations
            .map(|(name, value)| name.len() + value.len() + MAP_ENTRY_BYTES)
            .sum();
        annotations + signer_bytes(self.signer())
    }
}

impl Verified for VerifiedAttestation {
    fn verify(candidate: &Candidate, image: &Digest, against: Against<'_>) -> Verdict<Self> {
        verify_attestation(candidate, image, against)
    }

    fn kept(verdicts: &Verdicts) -> &Kept<Self> {
        &verdicts.attestations
    }

    fn bytes(&self) -> usize {
        self.statement().len() + self.predicate_type().len() + signer_bytes(self.signer())
    }
}

/// Verifies under the trust roots of one review.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verifier<'a> {
    pub(super) verdicts: &'a Verdicts,
    pub(super) trust_roots: &'a TrustRoots,
}

impl Verifier<'_> {
    /// Verifies a candidate as a signature of `image`, or as an attestation about it.
    pub(super) fn verify<V: Verified>(
        &self,
        candidate: &Candidate,
        image: &Digest,
        method: &Method,
    ) -> Result<V, CheckFailure> {
        let against = match self.against(method) {
            Ok(against) => against,
            Err(unavailable) => {
                return Err(self.without_root::<V>(candidate, image, method, unavailable));
            }
        };
        self.verdict(candidate, image, against)
            .map_err(CheckFailure::Signature)
    }

    fn verdict<V: Verified>(
        &self,
        candidate: &Candidate,
        image: &Digest,
        against: Against<'_>,
    ) -> Verdict<V> {
        let key = cache_key(candidate, image, against);
        V::kept(self.verdicts).get_with(key, || V::verify(candidate, image, against))
    }

    /// A signature that is wrong whatever its time is need not wait for the trust root that tells the time.
    fn without_root<V: Verified>(
        &self,
        candidate: &Candidate,
        image: &Digest,
        method: &Method,
        unavailable: CheckFailure,
    ) -> CheckFailure {
        let Method::Key {
            key,
            log: LogRequirement::Ignore,
            ..
        } = method
        else {
            return unavailable;
        };
        let against = Against::Key {
            key,
            log: LogRequirement::Ignore,
            trust_root: None,
        };
        match self.verdict::<V>(candidate, image, against) {
            Ok(_) => unavailable,
            Err(error) => CheckFailure::Signature(error),
        }
    }

    fn against<'a>(&'a self, method: &'a Method) -> Result<Against<'a>, CheckFailure> {
        Ok(match method {
            Method::Key {
                key,
                log,
                trust_root,
                time,
            } => Against::Key {
                key,
                log: *log,
                trust_root: match trust_root.as_ref().map(|name| self.trust_root(name)) {
                    None => None,
                    Some(Ok(root)) => Some(root),
                    Some(Err(unavailable)) => match (log, time) {
                        (LogRequirement::Ignore, TimeUse::Informs) => None,
                        (LogRequirement::Require, _) | (_, TimeUse::Decides) => {
                            return Err(unavailable);
                        }
                    },
                },
            },
            Method::Certificate { trust_root } => Against::Certificate {
                trust_root: self.trust_root(trust_root)?,
            },
        })
    }

    fn trust_root(&self, name: &TrustRootName) -> Result<&TrustRoot, CheckFailure> {
        match self.trust_roots.find(name) {
            Ok(root) => Ok(root),
            Err(Absence::Unavailable { reason }) => Err(CheckFailure::TrustRoot { reason }),
            Err(Absence::Expired { since }) => Err(CheckFailure::TrustRootExpired { since }),
        }
    }
}

/// Each part of what a verdict depends on goes with its length, so that no two lists of parts read alike. The legacy
/// layout keeps the signature itself in the annotations.
fn cache_key(candidate: &Candidate, image: &Digest, against: Against<'_>) -> Key {
    let mut parts: Vec<&[u8]> = vec![
        image.as_str().as_bytes(),
        candidate.digest.as_str().as_bytes(),
    ];
    parts.push(match candidate.layout {
        Layout::Legacy => b"legacy",
        Layout::LegacyAttestation => b"legacy attestation",
        Layout::Bundle => b"bundle",
    });
    match against {
        Against::Key {
            key,
            log,
            trust_root,
        } => {
            parts.push(match log {
                LogRequirement::Require => b"key with log",
                LogRequirement::Ignore => b"key",
            });
            parts.push(key.der());
            parts.push(trust_root.map_or(b"", |root| root.version().as_bytes()));
        }
        Against::Certificate { trust_root } => {
            parts.extend([b"certificate".as_slice(), trust_root.version().as_bytes()]);
        }
    }
    for (name, value) in &candidate.annotations {
        parts.extend([name.as_bytes(), value.as_bytes()]);
    }
    let mut hashed = Context::new(&SHA256);
    for part in parts {
        hashed.update(&part.len().to_be_bytes());
        hashed.update(part);
    }
    let mut key = Key::default();
    key.copy_from_slice(hashed.finish().as_ref());
    key
}

/// About how many bytes an entry holds. The signer's annotations and the texts of certificates have no fixed size.
fn weight<V: Verified>(verdict: &Verdict<V>) -> u32 {
    let held = match verdict {
        Ok(verified) => verified.bytes(),
        Err(error) => error.to_string().len(),
    };
    u32::try_from(held + ENTRY_BYTES).unwrap_or(u32::MAX)
}

fn signer_bytes(signer: &Signer) -> usize {
    match signer {
        Signer::Key { fingerprint } => fingerprint.len(),
        Signer::Certificate(identity) => identity_bytes(identity),
    }
}

fn identity_bytes(identity: &Identity) -> usize {
    let extensions = [
        &identity.build_signer_uri,
        &identity.runner_environment,
        &identity.source_repository_uri,
        &identity.source_repository_digest,
        &identity.source_repository_ref,
        &identity.source_repository_identifier,
        &identity.build_config_uri,
        &identity.build_trigger,
        &identity.run_invocation_uri,
        &identity.deployment_environment,
        &identity.token_subject,
    ];
    let extensions: usize = extensions.into_iter().flatten().map(String::len).sum();
    size_of::<Identity>() + identity.oidc_issuer.len() + identity.san.as_str().len() + extensions
}

/// The key, the verdict's own fields and what the cache keeps per entry.
const ENTRY_BYTES: usize = 640;

/// What a map keeps per entry beside the texts.
const MAP_ENTRY_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::tests::build::{by_identity, gitlab_identity, key};

    fn candidate() -> Candidate {
        Candidate {
            layout: Layout::Legacy,
            digest: Digest::of(b"payload"),
            content: b"payload".as_slice().into(),
            annotations: [("a".to_owned(), "b".to_owned())].into(),
        }
    }

    fn against(key: &crate::key::PublicKey) -> Against<'_> {
        Against::Key {
            key,
            log: LogRequirement::Ignore,
            trust_root: None,
        }
    }

    #[test]
    fn everything_that_a_verdict_depends_on_is_in_its_key() {
        let image = Digest::of(b"image");
        let (one, two) = (key(0), key(1));
        let root = TrustRoot::public_good().unwrap();
        let logged = Against::Key {
            key: &one,
            log: LogRequirement::Require,
            trust_root: Some(&root),
        };
        let certificate = Against::Certificate { trust_root: &root };
        let bundle = Candidate {
            layout: Layout::Bundle,
            ..candidate()
        };
        let other_bytes = Candidate {
            digest: Digest::of(b"other"),
            ..candidate()
        };
        let moved = Candidate {
            annotations: [("ab".to_owned(), String::new())].into(),
            ..candidate()
        };
        let keys = std::collections::BTreeSet::from([
            cache_key(&candidate(), &image, against(&one)),
            cache_key(&candidate(), &image, against(&two)),
            cache_key(&candidate(), &image, logged),
            cache_key(&candidate(), &image, certificate),
            cache_key(&candidate(), &Digest::of(b"other"), against(&one)),
            cache_key(&bundle, &image, against(&one)),
            cache_key(&other_bytes, &image, against(&one)),
            cache_key(&moved, &image, against(&one)),
        ]);
        assert_eq!(keys.len(), 8);
    }

    #[test]
    fn a_long_certificate_weighs_what_it_holds() {
        let mut identity = gitlab_identity();
        let before = weight(&Ok(by_identity(identity.clone())));
        identity.token_subject = Some("x".repeat(10_000));
        assert_eq!(weight(&Ok(by_identity(identity))) - before, 10_000);
    }

    #[test]
    fn the_cache_is_bounded_in_bytes() {
        let verdicts = Verdicts::default();
        let mut identity = gitlab_identity();
        identity.token_subject = Some("x".repeat(1024 * 1024));
        let large = Ok(by_identity(identity));
        let cache = &verdicts.signatures.cache;
        for number in 0..32_u8 {
            cache.insert([number; 32], large.clone());
        }
        cache.run_pending_tasks();
        assert!(cache.weighted_size() <= VERDICT_CACHE_BYTES / 2);
    }
}
