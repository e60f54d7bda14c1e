//! A registry, policies and secrets that answer as a test says, and count what they are asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::{
    decision::{Decision, Enforcement, message, tests::build::slot},
    image::{Contents, Digest, Part, Reference, Repository, SignaturePlaces},
    policy::{ClusterModes, KeySource, ObjectEntry, Place, PolicyObject, PolicySet},
    registry::{
        Access, Asked, Attachment, AttachmentPlace, Keyring, Registry, RegistryError, Search,
        Wanted,
    },
    review::{PullSecrets, Request, ReviewError, Reviewer, Snapshot, Snapshots},
    sandbox::sigstore::{PrivateSigstore, SigningKeyPair},
    trust::TrustRoots,
    workload::PullReferences,
};

/// Everything a reviewer asks. By default every image resolves to [`image()`] and nothing is signed.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    /// Errors and digests of references, by their written form.
    pub(super) resolved: BTreeMap<String, Result<Digest, RegistryError>>,
    /// What is attached: by the first search, then what a search everywhere adds.
    pub(super) attached: BTreeMap<(String, Digest), [Vec<Attachment>; 2]>,
    /// What only a fresh look finds, wherever it is asked for.
    pub(super) attached_since: Vec<Attachment>,
    /// Repositories whose attachments cannot be read.
    pub(super) broken: BTreeMap<String, RegistryError>,
    /// Repositories whose attachments cannot be read but by the first search.
    pub(super) broken_beyond: BTreeMap<String, RegistryError>,
    /// Where the signatures of these repositories lie, each place first to last; beside the image by default.
    pub(super) places: BTreeMap<String, Vec<Repository>>,
    /// The manifests of every index.
    pub(super) children: Vec<Digest>,
    /// What every image says about itself.
    pub(super) contents: Said,
    /// How long each answer takes.
    pub(super) delay: Duration,
    /// References that are never answered.
    pub(super) silent: Vec<String>,
    pub(super) policies: Option<Arc<PolicySet>>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) no_labels: Option<String>,
    pub(super) no_keyring: Option<String>,
    pub(super) keyring: Keyring,
    pub(super) calls: Arc<Calls>,
}

/// What an image says about itself, or why it cannot be read; nothing by default.
#[derive(Clone, Debug)]
pub(super) struct Said(pub(super) Result<Contents, RegistryError>);

impl Default for Said {
    fn default() -> Self {
        Self(Ok(Contents::default()))
    }
}

/// What was asked.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) log: Mutex<Vec<String>>,
    pub(super) under_way: AtomicUsize,
    pub(super) most_at_once: AtomicUsize,
}

/// Keys that sign in every test.
pub(super) struct Signers {
    sigstore: PrivateSigstore,
    pub(super) release: SigningKeyPair,
    pub(super) stranger: SigningKeyPair,
}

pub(super) static SIGNERS: LazyLock<Signers> = LazyLock::new(|| Signers {
    sigstore: PrivateSigstore::new(Timestamp::constant(1_767_323_045, 0)).unwrap(),
    release: SigningKeyPair::generate().unwrap(),
    stranger: SigningKeyPair::generate().unwrap(),
});

pub(super) fn image() -> Digest {
    Digest::of(b"the image")
}

/// A legacy signature of `digest`.
pub(super) fn signed_by(pair: &SigningKeyPair, digest: &Digest) -> Attachment {
    let signature = SIGNERS
        .sigstore
        .sign_with(pair, digest)
        .without_log()
        .legacy()
        .unwrap();
    Attachment {
        place: AttachmentPlace::SignatureTag,
        media_type: signature.media_type.to_owned(),
        digest: Digest::of(&signature.content),
        content: signature.content,
        annotations: signature.annotations.into_iter().collect(),
        manifest: Digest::of(b"the signature manifest"),
    }
}

/// A bundle of a signature of `digest`.
pub(super) fn bundled_by(pair: &SigningKeyPair, digest: &Digest) -> Attachment {
    let signature = SIGNERS
        .sigstore
        .sign_with(pair, digest)
        .without_log()
        .bundle()
        .unwrap();
    Attachment {
        place: AttachmentPlace::ReferrersApi,
        media_type: signature.media_type.to_owned(),
        digest: Digest::of(&signature.content),
        content: signature.content,
        annotations: Arc::default(),
        manifest: Digest::of(b"the bundle manifest"),
    }
}

/// A policy over `images` that accepts the release key, with this spec beside it.
pub(super) fn policy(name: &str, images: &str, more: &serde_json::Value) -> PolicyObject {
    let mut spec = serde_json::json!({
        "match": { "images": [images] },
        "authorities": [{ "name": "release", "key": { "pem": SIGNERS.release.public_pem() } }],
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    PolicyObject::from_json(serde_json::json!({
        "apiVersion": "assay.dev/v1alpha1",
        "kind": "ClusterImageTrustPolicy",
        "metadata": { "name": name },
        "spec": spec,
    }))
    .unwrap()
}

impl World {
    /// One policy over `r.example/**`.
    pub(super) fn guarded() -> Self {
        Self::under(&[policy("shop", "r.example/**", &serde_json::Value::Null)])
    }

    pub(super) fn under(policies: &[PolicyObject]) -> Self {
        let policies = PolicySet::default().update(policies, &NoKeys);
        Self {
            policies: Some(Arc::new(policies)),
            ..Self::default()
        }
    }

    /// Attaches to [`image()`] what a first search finds.
    pub(super) fn attach(self, repository: &str, attachments: Vec<Attachment>) -> Self {
        self.attach_to(repository, &image(), [attachments, Vec::new()])
    }

    pub(super) fn attach_to(
        mut self,
        repository: &str,
        digest: &Digest,
        found: [Vec<Attachment>; 2],
    ) -> Self {
        self.attached
            .insert((repository.to_owned(), digest.clone()), found);
        self
    }

    pub(super) fn reviewer(&self) -> Reviewer {
        let world = Arc::new(self.clone());
        Reviewer::new(world.clone(), world.clone(), world)
    }

    pub(super) async fn review(&self, images: &[&str]) -> Result<Decision, ReviewError> {
        self.reviewer().review(request(images)).await
    }

    /// The codes of all denials, in order.
    pub(super) async fn codes(&self, images: &[&str]) -> Vec<&'static str> {
        crate::decision::tests::build::codes(&self.review(images).await.unwrap())
    }

    /// The message of the refusal.
    pub(super) async fn refusal(&self, images: &[&str]) -> String {
        match self.review(images).await.unwrap() {
            Decision::Admit(_) => "admitted".to_owned(),
            Decision::Deny(refusal) => message(&refusal),
        }
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.log.lock().unwrap().clone()
    }

    async fn answer<T>(&self, call: String, name: &str, answer: T) -> T {
        self.calls.log.lock().unwrap().push(call);
        let now = self.calls.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.calls.most_at_once.fetch_max(now, Ordering::SeqCst);
        if self.silent.iter().any(|silent| silent == name) {
            std::future::pending::<()>().await;
        }
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        self.calls.under_way.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

/// These images in containers named after their place, with ten seconds' time.
pub(super) fn request(images: &[&str]) -> Request {
    let slots = images
        .iter()
        .enumerate()
        .map(|(index, image)| slot(&format!("c{index}"), image))
        .collect();
    Request {
        slots,
        place: Place {
            namespace: "team".to_owned(),
            ..Place::default()
        },
        pod: Arc::default(),
        pull: PullReferences::default(),
        enforcement: Enforcement::AsPolicySays,
        deadline: Instant::now() + Duration::from_secs(10),
        asked: Asked::default(),
    }
}

impl Registry for World {
    fn signature_places(&self, repository: &Repository) -> SignaturePlaces {
        let places = self.places.get(&repository.to_string());
        match places.and_then(|places| places.split_first()) {
            Some((first, others)) => {
                SignaturePlaces::new(first.clone(), first.clone(), others.iter().cloned())
            }
            None => SignaturePlaces::beside(repository.clone()),
        }
    }

    fn resolve<'a>(
        &'a self,
        image: &'a Reference,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        let written = image.written();
        let digest = self
            .resolved
            .get(written)
            .cloned()
            .unwrap_or_else(|| Ok(self::image()));
        self.answer(format!("resolve {written}"), written, digest)
            .boxed()
    }

    fn attachments<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        _: Wanted,
        search: Search,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<[Attachment]>, RegistryError>> {
        access.asked.note();
        let name = repository.to_string();
        let found = self
            .attached
            .get(&(name.clone(), digest.clone()))
            .cloned()
            .unwrap_or_default();
        let [first, more] = found;
        let broken = self.broken.get(&name);
        let broken = broken.or_else(|| {
            let beyond = self.broken_beyond.get(&name);
            beyond.filter(|_| search != Search::First)
        });
        let found = match (broken, search) {
            (Some(error), _) => Err(error.clone()),
            (None, Search::First) => Ok(first.into()),
            (None, Search::Everywhere) => Ok([first, more].concat().into()),
            (None, Search::Afresh) => {
                Ok([first, more, self.attached_since.clone()].concat().into())
            }
        };
        async move {
            self.answer(format!("{search:?} {name}"), &name, found)
                .await
        }
        .boxed()
    }

    fn children<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Vec<Digest>, RegistryError>> {
        let name = repository.to_string();
        let children = Ok(self.children.clone());
        async move {
            self.answer(format!("children {name}"), &name, children)
                .await
        }
        .boxed()
    }

    fn contents<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        parts: &'a BTreeSet<Part>,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<Contents>, RegistryError>> {
        let name = repository.to_string();
        let contents = self.contents.0.clone().map(Arc::new);
        async move {
            let call = format!("contents {name} {parts:?}");
            self.answer(call, &name, contents).await
        }
        .boxed()
    }
}

impl Snapshots for World {
    fn current(&self) -> Option<Snapshot> {
        Some(Snapshot {
            policies: self.policies.clone()?,
            trust_roots: Arc::new(TrustRoots::public_only()),
            modes: ClusterModes::default(),
        })
    }

    fn namespace_labels<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        let labels = match &self.no_labels {
            Some(reason) => Err(reason.clone()),
            None => Ok(self.labels.clone()),
        };
        async move { labels }.boxed()
    }
}

impl PullSecrets for World {
    fn keyring<'a>(
        &'a self,
        namespace: &'a str,
        _: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>> {
        let keyring = match &self.no_keyring {
            Some(reason) => Err(reason.clone()),
            None => Ok(Arc::new(self.keyring.clone())),
        };
        self.answer(format!("keyring {namespace}"), "keyring", keyring)
            .boxed()
    }
}

struct NoKeys;

impl KeySource for NoKeys {
    fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
        Err(format!("{entry:?} is not there"))
    }
}
