//! What satisfied policies before, kept for the time when a registry does not answer.
//!
//! What is kept is evidence, never a verdict: [`decide`](crate::decision::decide) judges it anew. It is found again only
//! for the same digest in the same repository, read by the same login, under the same whole policy and the same trust
//! roots, so that no tenant profits from what another's secret has opened, and no policy from what another has accepted.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use moka::{Expiry, sync::Cache};
use tokio::time::Instant;

use super::verdicts::Verified;
use crate::{
    decision::{
        AdmittedImage, Decision, Evidence, ImageEvidence, Inquiry, Kept, Method, Plan,
        Recollection, Remembered,
    },
    image::Digest,
    limits::{VERIFIED_AGAIN_AFTER, VERIFIED_MEMORY_BYTES},
    policy::{Policy, PolicyId},
    registry::Keyring,
    telemetry::{CacheReading, Lookups},
    trust::TrustRoots,
};

/// Evidence by what it must be the same for.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    kept: Cache<Digest, Entry>,
    lookups: Lookups,
}

#[derive(Clone, Debug)]
struct Entry {
    remembered: Arc<Remembered>,
    /// When it was put here, by a clock that nobody sets.
    noted: Instant,
    /// How long the policy wants it.
    within: Duration,
    bytes: u32,
}

/// With whose eyes a review looks, and by whose certificates.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) keyring: &'a Keyring,
    pub(super) trust_roots: &'a TrustRoots,
}

impl Default for Memory {
    fn default() -> Self {
        let kept = Cache::builder()
            .max_capacity(VERIFIED_MEMORY_BYTES)
            .weigher(|_, entry: &Entry| entry.bytes)
            .expire_after(Expires);
        Self {
            kept: kept.build(),
            lookups: Lookups::default(),
        }
    }
}

impl Memory {
    /// What satisfied the policies on this image before, where anything of it cannot be looked up now.
    pub(super) fn recall(
        &self,
        inquiry: &Inquiry,
        found: &ImageEvidence,
        view: View<'_>,
        now: Timestamp,
    ) -> BTreeMap<PolicyId, Recollection> {
        let Ok(digest) = &found.digest else {
            return BTreeMap::new();
        };
        if is_whole(found) {
            return BTreeMap::new();
        }
        let wanting = inquiry.policies().filter(|policy| wants(policy));
        let recalled = wanting.filter_map(|policy| {
            let key = view.key(policy, inquiry, digest);
            let entry = self.lookups.count(self.kept.get(&key))?;
            let recollection = Recollection {
                age: entry.age(now),
                remembered: entry.remembered,
            };
            Some((policy.scope.id.clone(), recollection))
        });
        recalled.collect()
    }

    /// Takes note of what a review has found to satisfy policies that want that. What was only recalled is not noted
    /// again: nothing gets younger by being used.
    pub(super) fn note(
        &self,
        plan: &Plan,
        evidence: &Evidence,
        decision: &Decision,
        view: View<'_>,
    ) {
        let mut wanting = plan.inquiries();
        wanting.retain(|inquiry| inquiry.policies().any(wants));
        if wanting.is_empty() {
            return;
        }
        let admitted = admitted(decision).iter();
        let admitted: BTreeMap<&str, &AdmittedImage> = admitted
            .map(|image| (image.reference.written(), image))
            .collect();
        for inquiry in wanting {
            let written = inquiry.reference.written();
            if let (Some(image), Some(found)) =
                (admitted.get(written), evidence.images.get(written))
            {
                self.note_image(image, inquiry, found, evidence, view);
            }
        }
    }

    fn note_image(
        &self,
        image: &AdmittedImage,
        inquiry: &Inquiry,
        found: &ImageEvidence,
        evidence: &Evidence,
        view: View<'_>,
    ) {
        let now = evidence.circumstances.now;
        for policy in inquiry.policies() {
            let Some(within) = policy.outage.verified_for() else {
                continue;
            };
            let id = &policy.scope.id;
            let mut recalled = image.recalled.iter();
            if !image.policies.contains(id)
                || recalled.any(|recalled| recalled.failure.policy.as_ref() == Some(id))
            {
                continue;
            }
            let key = view.key(policy, inquiry, &image.digest);
            let known = self.kept.get(&key);
            if known.is_some_and(|entry| entry.age(now) < VERIFIED_AGAIN_AFTER) {
                continue;
            }
            if let Some(remembered) = Remembered::of(policy, inquiry, found, now) {
                let entry = Entry {
                    bytes: weight(&remembered),
                    remembered: Arc::new(remembered),
                    noted: Instant::now(),
                    within: within.unsigned_abs(),
                };
                self.kept.insert(key, entry);
            }
        }
    }

    /// What is held now.
    pub(super) fn reading(&self) -> CacheReading {
        self.kept.run_pending_tasks();
        let bytes = Some((self.kept.weighted_size(), VERIFIED_MEMORY_BYTES));
        let entries = self.kept.entry_count();
        self.lookups.reading("verified_images", entries, bytes)
    }
}

impl Entry {
    /// How long ago it was verified. The clock of reviews may have been set back since: then at least the time that has
    /// passed here.
    fn age(&self, now: Timestamp) -> SignedDuration {
        let passed = SignedDuration::try_from(self.noted.elapsed());
        let by_clock = now.duration_since(self.remembered.verified_at);
        by_clock.max(passed.unwrap_or(SignedDuration::MAX))
    }
}

impl View<'_> {
    /// Everything that has to be the same.
    fn key(&self, policy: &Policy, inquiry: &Inquiry, image: &Digest) -> Digest {
        let mut bytes = Vec::new();
        let mut part = |part: &[u8]| {
            bytes.extend_from_slice(&part.len().to_be_bytes());
            bytes.extend_from_slice(part);
        };
        part(policy.scope.id.to_string().as_bytes());
        part(policy.content.as_bytes());
        part(image.as_str().as_bytes());
        let places = inquiry.places_for(policy);
        let of_image = [inquiry.reference.repository(), places.source()];
        let repositories: Vec<_> = of_image.into_iter().chain(places.all()).collect();
        part(&repositories.len().to_be_bytes());
        for repository in repositories {
            part(repository.to_string().as_bytes());
            part(self.keyring.login(repository).as_bytes());
        }
        for name in policy.trust_roots() {
            part(name.to_string().as_bytes());
            let root = self.trust_roots.find(&name).ok();
            part(root.map_or(b"", |root| root.version().as_bytes()));
        }
        Digest::of(&bytes)
    }
}

/// Drops what no policy wants any longer. How old it may be is judged by the clock of reviews all the same.
struct Expires;

impl Expiry<Digest, Entry> for Expires {
    fn expire_after_create(
        &self,
        _: &Digest,
        entry: &Entry,
        _: std::time::Instant,
    ) -> Option<Duration> {
        Some(entry.within)
    }

    fn expire_after_update(
        &self,
        _: &Digest,
        entry: &Entry,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.within)
    }
}

/// Whether the policy has a use for what it has verified.
fn wants(policy: &Policy) -> bool {
    policy.outage.verified_for().is_some()
}

/// Whether everything could be looked up.
fn is_whole(found: &ImageEvidence) -> bool {
    let mut places = found.signatures.values().flat_map(BTreeMap::values);
    places.all(|place| place.unread.is_none()) && found.contents.as_ref().is_none_or(Result::is_ok)
}

fn admitted(decision: &Decision) -> &[AdmittedImage] {
    match decision {
        Decision::Admit(admission) => &admission.images,
        Decision::Deny(refusal) => &refusal.images,
    }
}

/// About how many bytes it holds.
fn weight(remembered: &Remembered) -> u32 {
    let kept = remembered.candidates.values().flatten();
    let places = remembered.candidates.len() * PLACE_BYTES;
    let candidates = places + kept.map(kept_bytes).sum::<usize>();
    let contents = remembered.contents.as_ref().map_or(0, |it| it.bytes());
    let held = candidates + contents + size_of::<Remembered>() + ENTRY_BYTES;
    u32::try_from(held).unwrap_or(u32::MAX)
}

fn kept_bytes(kept: &Kept) -> usize {
    let signatures = kept.results.iter().map(|(_, it)| held_bytes(it));
    let attestations = kept.attestations.iter().map(|(_, it)| held_bytes(it));
    let claimed = kept.claimed_type.as_ref().map_or(0, String::len);
    size_of::<Kept>() + DIGEST_BYTES + claimed + signatures.chain(attestations).sum::<usize>()
}

fn held_bytes<V: Verified>(verified: &V) -> usize {
    METHOD_BYTES + VERIFIED_BYTES + verified.bytes()
}

/// The key, the texts of repository and digest, and what the cache keeps per entry.
const ENTRY_BYTES: usize = 512;

/// The usual name of a repository, and what a map keeps for it.
const PLACE_BYTES: usize = 160;

/// What was verified, without its texts. Where a verdict is remembered too, they share it.
const VERIFIED_BYTES: usize = 256;

/// The text of a digest.
const DIGEST_BYTES: usize = 80;

/// A method with the usual name of a trust root. It shares its key with the policy.
const METHOD_BYTES: usize = size_of::<Method>() + 32;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        decision::tests::build::{by_identity, gitlab_identity, inquiry, key_authority, policy},
        image::SignaturePlaces,
        policy::{AuthorityKind, TrustRootName},
        registry::{Credential, Secret},
        verify::{Layout, TrustRoot},
    };

    fn keyring(password: &str) -> Keyring {
        let mut keyring = Keyring::default();
        let credential = Credential {
            origin: "test".to_owned(),
            username: "u".to_owned(),
            password: Secret::new(password.to_owned()),
        };
        keyring.add("r.example", credential);
        keyring
    }

    /// Looks by the public root.
    fn keyed() -> Policy {
        let mut policy = policy(vec![key_authority("release", 0)]);
        for authority in &mut policy.authorities {
            assert!(matches!(authority.kind, AuthorityKind::Keys(_)));
            authority.require_log = true;
        }
        policy
    }

    #[test]
    fn everything_that_has_to_be_the_same_is_in_the_key() {
        let (anonymous, one, other) = (Keyring::default(), keyring("a"), keyring("b"));
        let public = TrustRoots::public_only();
        let absent =
            TrustRoots::public_only().with(TrustRootName::Public, Err("not there".to_owned()));
        let sandbox = crate::sandbox::sigstore::PrivateSigstore::new(Timestamp::UNIX_EPOCH);
        let root = TrustRoot::from_json(&sandbox.unwrap().trusted_root_json()).unwrap();
        let another = TrustRoots::public_only().with(TrustRootName::Public, Ok(Arc::new(root)));
        let image = Digest::of(b"image");
        let app = inquiry("r.example/app:1", Vec::new());
        let elsewhere = inquiry("r.example/other:1", Vec::new());
        let mut copy = app.clone();
        copy.places = SignaturePlaces::new(
            "r.example/source".parse().unwrap(),
            "r.example/app".parse().unwrap(),
            [],
        );
        let mut mirror = copy.clone();
        mirror.places = SignaturePlaces::new(
            "r.example/source".parse().unwrap(),
            "r.example/source".parse().unwrap(),
            ["r.example/app".parse().unwrap()],
        );
        let mut changed = keyed();
        changed.content = "2".to_owned();
        let mut renamed = keyed();
        renamed.scope.id.name = "renamed".to_owned();
        let mut moved = keyed();
        moved.signature_repository = Some("r.example/signatures".parse().unwrap());
        let view = |keyring, trust_roots| View {
            keyring,
            trust_roots,
        };
        let usual = view(&anonymous, &public);
        let keys = BTreeSet::from([
            usual.key(&keyed(), &app, &image),
            usual.key(&changed, &app, &image),
            usual.key(&renamed, &app, &image),
            usual.key(&moved, &app, &image),
            usual.key(&keyed(), &elsewhere, &image),
            usual.key(&keyed(), &copy, &image),
            usual.key(&keyed(), &mirror, &image),
            usual.key(&keyed(), &app, &Digest::of(b"other")),
            view(&one, &public).key(&keyed(), &app, &image),
            view(&other, &public).key(&keyed(), &app, &image),
            view(&anonymous, &absent).key(&keyed(), &app, &image),
            view(&anonymous, &another).key(&keyed(), &app, &image),
        ]);
        assert_eq!(keys.len(), 12);
        let by_another_tag = inquiry("r.example/app:2", Vec::new());
        let same = usual.key(&keyed(), &by_another_tag, &image);
        assert_eq!(same, usual.key(&keyed(), &app, &image));
    }

    #[test]
    fn the_memory_is_bounded_in_bytes() {
        let mut identity = gitlab_identity();
        identity.token_subject = Some("x".repeat(1024 * 1024));
        let method = Method::Certificate {
            trust_root: TrustRootName::Public,
        };
        let kept = Kept {
            layout: Layout::Bundle,
            candidate: Digest::of(b"candidate"),
            claimed_type: None,
            results: [(method, by_identity(identity))].into(),
            attestations: [].into(),
        };
        let remembered = Arc::new(Remembered {
            verified_at: Timestamp::UNIX_EPOCH,
            digest: Digest::of(b"image"),
            candidates: [("r.example/app".parse().unwrap(), [kept].into())].into(),
            contents: None,
        });
        let memory = Memory::default();
        for number in 0..32_u8 {
            let entry = Entry {
                bytes: weight(&remembered),
                remembered: Arc::clone(&remembered),
                noted: Instant::now(),
                within: Duration::from_hours(1),
            };
            memory.kept.insert(Digest::of(&[number]), entry);
        }
        let (size, limit) = memory.reading().bytes.unwrap();
        assert!(size <= limit && size > 1024 * 1024, "{size}");
    }
}
