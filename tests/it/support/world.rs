//! A whole world: a registry, a private Sigstore, policies, and our server that judges by them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use assay::{
    clock::{Clock, SystemClock},
    image::Digest,
    policy::{DefaultAction, KeySource, ObjectEntry, PolicyObject, PolicySet, TrustRootName},
    registry::{Credential, Keyring, OciRegistry, RegistryOptions, RegistrySettings, Secret},
    review::{PullSecrets, Reviewer, Snapshot},
    sandbox::{
        registry::{self as sandbox, MemoryRegistry},
        sigstore::{Attachment, Claims, PrivateSigstore, SigningKeyPair},
    },
    trust::TrustRoots,
    verify::TrustRoot,
    workload::PullReferences,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::{TestServer, policies::Policies};

/// Everything that one test needs; nothing of it is shared with another.
pub(crate) struct World {
    pub(crate) registry: Arc<MemoryRegistry>,
    pub(crate) sigstore: PrivateSigstore,
    pub(crate) key: SigningKeyPair,
    /// By which reviews are judged.
    pub(crate) clock: Hands,
    policies: Policies,
    pub(crate) server: TestServer,
    _tasks: TaskTracker,
}

/// What differs from one world to another.
#[derive(Default)]
pub(crate) struct Making {
    pub(crate) registry: sandbox::RegistrySettings,
    /// User name and password by namespace; `HOST` in a prefix is the registry.
    pub(crate) secrets: BTreeMap<&'static str, (&'static str, &'static str)>,
    /// When everything happens; none means now.
    pub(crate) at: Option<Timestamp>,
    /// How registries are read, where that is not for the usual times.
    pub(crate) reading: Option<RegistryOptions>,
    /// More entries of the registry settings, one a line; `HOST` is the registry.
    pub(crate) settings: &'static str,
    /// Further entries of the registries' settings.
    pub(crate) registries: Vec<String>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::make(Making::default()).await
    }

    pub(crate) async fn make(making: Making) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let registry = Arc::new(
            MemoryRegistry::start(making.registry.clone())
                .await
                .unwrap(),
        );
        let policies = Policies::none(DefaultAction::Deny);
        let tasks = TaskTracker::new();
        let reviewer = Reviewer::new(
            Arc::new(reader(&registry, &making, &tasks)),
            Arc::new(policies.clone()),
            Arc::new(Secrets::new(&registry, making.secrets)),
        );
        let now = making.at.unwrap_or_else(|| SystemClock.now());
        let clock = Hands::default();
        clock.set(now);
        let reviewer = reviewer.with_clock(Arc::new(clock.clone())).remembering();
        Self {
            server: TestServer::start(reviewer).await,
            sigstore: PrivateSigstore::new(now).unwrap(),
            key: SigningKeyPair::generate().unwrap(),
            registry,
            clock,
            policies,
            _tasks: tasks,
        }
    }

    /// Puts one policy over every image of the registry in force, and no other.
    pub(crate) fn demand(&self, spec: Value) {
        assert_eq!(self.demand_unchecked(spec), None);
    }

    /// The same for a policy that may not compile. Gives the reason why not.
    pub(crate) fn demand_unchecked(&self, mut spec: Value) -> Option<String> {
        spec["match"] = json!({"images": [format!("{}/**", self.registry.host())]});
        self.put_in_force(json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": "ClusterImageTrustPolicy",
            "metadata": {"name": "demand"},
            "spec": spec,
        }))
    }

    /// Puts this policy in force, and no other. Its public trust root is the sandbox's too. Gives the reason why it
    /// does not compile.
    pub(crate) fn put_in_force(&self, object: Value) -> Option<String> {
        let object = PolicyObject::from_json(object).unwrap();
        let policies = PolicySet::default().update([&object], &NoEntries);
        let reason = policies
            .iter()
            .find_map(|(_, state)| state.reason().map(str::to_owned));
        let root = Arc::new(TrustRoot::from_json(&self.sigstore.trusted_root_json()).unwrap());
        let sandbox = TrustRootName::Named("sandbox".to_owned());
        let roots = TrustRoots::public_only()
            .with(TrustRootName::Public, Ok(Arc::clone(&root)))
            .with(sandbox, Ok(root));
        self.policies.set(Snapshot {
            policies: Arc::new(policies),
            trust_roots: Arc::new(roots),
            modes: DefaultAction::Deny.into(),
        });
        reason
    }

    /// Leaves the demand, and judges by other trust roots.
    pub(crate) fn replace_roots(&self, roots: TrustRoots) {
        self.policies.replace_roots(roots);
    }

    /// Demands a signature by [`Self::key`].
    pub(crate) fn demand_key(&self) {
        self.demand(json!({"authorities": [authority("key", &self.key)]}));
    }

    /// Demands a signature by a pipeline of [`PROJECT`] for this ref.
    pub(crate) fn demand_pipeline(&self, git_ref: &str) {
        self.demand(json!({"authorities": [{
            "name": "pipeline",
            "gitlab": {"project": PROJECT, "ref": git_ref},
            "trustRootRef": {"name": "sandbox"},
        }]}));
    }

    /// A reference to something in the registry.
    pub(crate) fn reference(&self, path: &str) -> String {
        format!("{}/{path}", self.registry.host())
    }

    /// Pushes [`IMAGE`].
    pub(crate) fn push_image(&self) -> Digest {
        let (repository, tag) = IMAGE.split_once(':').unwrap();
        self.registry.push_image(repository, tag, "the image")
    }

    /// Demands a signature and an attestation of this type by a pipeline of [`PROJECT`], or only the attestation.
    pub(crate) fn demand_attestation(&self, require: u32, predicate_type: &str) {
        self.demand(json!({
            "authorities": [{
                "name": "pipeline",
                "gitlab": {"project": PROJECT, "ref": "refs/tags/v*"},
                "trustRootRef": {"name": "sandbox"},
            }],
            "require": require,
            "attestations": [{"predicateType": predicate_type}],
        }));
    }

    /// Attaches what was signed to an image of [`PROJECT`], in the layout it was signed in.
    pub(crate) fn attach(&self, image: &Digest, signed: Attachment) {
        if signed.media_type.contains("bundle") {
            self.registry.attach_bundle(PROJECT, image, signed.content);
        } else if signed.media_type.contains("dsse") {
            self.registry.attach_legacy_attestation(
                PROJECT,
                image,
                signed.content,
                &signed.annotations,
            );
        } else {
            self.registry
                .attach_legacy(PROJECT, image, signed.content, &signed.annotations);
        }
    }

    /// A signature by [`Self::key`] in cosign 2's layout, not logged.
    pub(crate) fn key_signature(&self, image: &Digest) -> Attachment {
        let signing = self.sigstore.sign_with(&self.key, image);
        signing.without_log().legacy().unwrap()
    }

    /// A signature by a pipeline of [`PROJECT`] in cosign 3's layout.
    pub(crate) fn pipeline_signature(&self, git_ref: &str, image: &Digest) -> Attachment {
        let claims = Claims::gitlab(PROJECT, git_ref);
        self.sigstore.sign_as(&claims, image).bundle().unwrap()
    }
}

/// An authority that stands for one key.
pub(crate) fn authority(name: &str, key: &SigningKeyPair) -> Value {
    json!({"name": name, "key": {"pem": key.public_pem()}})
}

/// A clock that a test sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hands(Arc<Mutex<Timestamp>>);

impl Hands {
    pub(crate) fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// How registries are read in tests: nobody waits long for one that does not answer.
pub(crate) fn impatient() -> RegistryOptions {
    RegistryOptions {
        connect_timeout: Duration::from_millis(500),
        answer_timeout: Duration::from_millis(500),
        body_pause_timeout: Duration::from_millis(300),
        retry_pause: Duration::from_millis(10),
        ..RegistryOptions::default()
    }
}

fn reader(registry: &MemoryRegistry, making: &Making, tasks: &TaskTracker) -> OciRegistry {
    let host = registry.host();
    let settings = making.settings.replace("HOST", &host);
    let further: Vec<String> = making
        .registries
        .iter()
        .map(|entry| format!("- {entry}\n"))
        .collect();
    let further = further.concat();
    let yaml =
        format!("registries:\n- {{prefix: \"{host}\", insecureHttp: true}}\n{further}{settings}");
    let reading = making.reading.clone();
    let settings = RegistrySettings::from_yaml("registries.yaml", &yaml).unwrap();
    OciRegistry::new(settings, reading.unwrap_or_else(impatient), tasks).unwrap()
}

/// One credential for each namespace that has one.
#[derive(Debug)]
struct Secrets(BTreeMap<&'static str, Arc<Keyring>>);

impl Secrets {
    fn new(
        registry: &MemoryRegistry,
        logins: BTreeMap<&'static str, (&'static str, &'static str)>,
    ) -> Self {
        let keyring = |(username, password): (&str, &str)| {
            let mut keyring = Keyring::default();
            let credential = Credential {
                origin: "pull secret \"regcred\"".to_owned(),
                username: username.to_owned(),
                password: Secret::new(password.to_owned()),
            };
            keyring.add(&registry.host(), credential);
            Arc::new(keyring)
        };
        Self(
            logins
                .into_iter()
                .map(|(namespace, login)| (namespace, keyring(login)))
                .collect(),
        )
    }
}

impl PullSecrets for Secrets {
    fn keyring<'a>(
        &'a self,
        namespace: &'a str,
        _: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>> {
        Box::pin(async move { Ok(self.0.get(namespace).cloned().unwrap_or_default()) })
    }
}

struct NoEntries;

impl KeySource for NoEntries {
    fn text(&self, _: &ObjectEntry) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

/// The project whose pipeline signs, and the repository of its images.
pub(crate) const PROJECT: &str = "acme/shop/api";

/// The image that tests deploy.
pub(crate) const IMAGE: &str = "acme/shop/api:1.8.2";
