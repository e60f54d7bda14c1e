//! What the demonstration plays on: the registry with its images, the policies, the webhook.

use std::{
    collections::BTreeMap, fs, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration,
};

use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::DemoError;
use crate::{
    clock::{Clock, SystemClock},
    image::Digest,
    policy::{DefaultAction, KeySource, ObjectEntry, PolicyObject, PolicySet, TrustRootName},
    registry::{Holder, Keyring, OciRegistry, RegistryOptions, RegistrySettings},
    review::Reviewer,
    sandbox::{
        build::Build,
        registry::{self, MemoryRegistry},
        sigstore::{Attachment, Claims, PrivateSigstore, SandboxError, SigningKeyPair},
    },
    server::{CertificateSource, Drain, Server, ServerSettings},
    standalone::{FixedKeyring, Loaded, Settings, Standalone},
    telemetry::Metrics,
    trust::TrustRoots,
    verify::TrustRoot,
};

/// All that runs.
pub(super) struct Stage {
    registry: MemoryRegistry,
    /// What the moving tag names in the end: an image that nobody signed.
    impostor: Digest,
    /// What the moving tag names at first.
    pub(super) original: Digest,
    pub(super) webhook: SocketAddr,
    pub(super) certificate_pem: String,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Two files that a person can call the webhook with.
pub(super) struct FilesToTry {
    folder: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) review: PathBuf,
}

impl Stage {
    pub(super) async fn build() -> Result<Self, DemoError> {
        // Fails only when another one is installed already, which does as well.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let registry = MemoryRegistry::start(registry::RegistrySettings::default())
            .await
            .map_err(DemoError::Registry)?;
        let sigstore = PrivateSigstore::new(SystemClock.now())?;
        let key = SigningKeyPair::generate()?;
        let images = Images {
            registry: &registry,
            sigstore: &sigstore,
            key: &key,
        };
        let (original, impostor) = images.push()?;
        let tasks = TaskTracker::new();
        let reviewer = Reviewer::new(
            Arc::new(reader(&registry.host(), &tasks)?),
            Arc::new(policies(&registry.host(), &sigstore, &key)?),
            Arc::new(FixedKeyring::new(Keyring::default(), Holder::Pod)),
        );
        let server = Server::bind(
            ServerSettings {
                listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                metrics_listen: None,
                certificate: CertificateSource::SelfSigned,
                observers: Vec::new(),
                drain: Drain {
                    delay: Duration::ZERO,
                    bound: Duration::from_secs(1),
                },
            },
            Arc::new(reviewer),
            Arc::new(Metrics::new()),
        )
        .await?;
        let webhook = server.address().ok_or(DemoError::Unreachable)?;
        let certificate_pem = server.self_signed_pem().ok_or(DemoError::Unreachable)?;
        let certificate_pem = certificate_pem.to_owned();
        let stop = CancellationToken::new();
        tasks.spawn(server.run(stop.clone()));
        Ok(Self {
            registry,
            impostor,
            original,
            webhook,
            certificate_pem,
            stop,
            tasks,
        })
    }

    /// The registry's host and port, as references name it.
    pub(super) fn host(&self) -> String {
        self.registry.host()
    }

    /// A reference to something in the registry.
    pub(super) fn image(&self, path: &str) -> String {
        format!("{}/{path}", self.host())
    }

    /// Lets the tag of the payment image name what its signer never saw.
    pub(super) fn move_tag(&self) {
        self.registry
            .move_tag(MOVING_REPOSITORY, MOVING_TAG, &self.impostor);
    }

    /// Writes what `curl` needs into a new folder.
    pub(super) fn files_to_try(&self, review: &str) -> io::Result<FilesToTry> {
        let folder = std::env::temp_dir().join(format!("assay-demo-{}", self.webhook.port()));
        fs::create_dir(&folder)?;
        let files = FilesToTry {
            certificate: folder.join("ca.pem"),
            review: folder.join("review.json"),
            folder,
        };
        fs::write(&files.certificate, &self.certificate_pem)?;
        fs::write(&files.review, review)?;
        Ok(files)
    }

    /// Ends the webhook and the registry.
    pub(super) async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.registry.stop().await;
    }
}

impl FilesToTry {
    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "the demonstration's files stay behind");
        }
    }
}

/// What fills the registry.
struct Images<'a> {
    registry: &'a MemoryRegistry,
    sigstore: &'a PrivateSigstore,
    key: &'a SigningKeyPair,
}

impl Images<'_> {
    /// Pushes and signs (or not) every image of the scenes; gives the two that one tag names one after the other.
    fn push(&self) -> Result<(Digest, Digest), SandboxError> {
        let registry = self.registry;
        let api = registry.push_image("shop/api", "1.8.2", "api");
        let signature = self.by_pipeline("shop/api", &api)?;
        registry.attach_bundle("shop/api", &api, signature.content.clone());

        let base = registry.push_image("ops/base", "3", "base");
        let signed = self
            .sigstore
            .sign_with(self.key, &base)
            .without_log()
            .legacy()?;
        self.attach_legacy("ops/base", &base, &signed);

        registry.push_image("shop/db", "2", "db");

        let web = registry.push_image("shop/web", "5", "web");
        let fork = self.by_pipeline("mallory/web", &web)?;
        registry.attach_bundle("shop/web", &web, fork.content);

        let crm = registry.push_image("shop/crm", "7", "crm");
        registry.attach_bundle("shop/crm", &crm, signature.content);

        self.push_junk()?;
        self.push_built()?;

        let tool = registry.push_image("ops/tool", "1", "tool");
        let stolen = SigningKeyPair::generate()?;
        let signed = self
            .sigstore
            .sign_with(&stolen, &tool)
            .without_log()
            .legacy()?;
        self.attach_legacy("ops/tool", &tool, &signed);

        let original = registry.push_image(MOVING_REPOSITORY, MOVING_TAG, "pay");
        let signature = self.by_pipeline(MOVING_REPOSITORY, &original)?;
        registry.attach_bundle(MOVING_REPOSITORY, &original, signature.content);
        let impostor = registry.push_image(MOVING_REPOSITORY, "impostor", "not pay");
        Ok((original, impostor))
    }

    /// A genuine certificate and log entry of another image, beside a payload that names this one.
    fn push_junk(&self) -> Result<(), SandboxError> {
        let repository = "shop/ads";
        let ads = self.registry.push_image(repository, "4", "ads");
        let claims = Claims::gitlab(repository, "refs/tags/v4.0.0");
        let other = Digest::of(b"another image");
        let genuine = self.sigstore.sign_as(&claims, &other).legacy()?;
        let named = self.sigstore.sign_as(&claims, &ads).legacy()?;
        let junk = Attachment {
            content: named.content,
            ..genuine
        };
        self.attach_legacy(repository, &ads, &junk);
        Ok(())
    }

    /// Attested images under the tag of one commit. The first alone is as it should be.
    fn push_built(&self) -> Result<(), SandboxError> {
        let build = |repository| {
            let runner = format!("https://gitlab.com/{repository}/-/runners/{GROUP_RUNNER}");
            Build::gitlab(repository, "refs/heads/main").runner(&runner)
        };
        self.attest("bank/cards", &build("bank/cards"))?;
        let loans = "bank/loans";
        self.attest(loans, &Build::gitlab(loans, "refs/heads/main"))?;
        let other_commit = "8f3c2d1e0b9a48576655443322110ffeeddccbba";
        self.attest("bank/rates", &build("bank/rates").commit(other_commit))
    }

    /// As a job attests with cosign 3 what it has built.
    fn attest(&self, repository: &str, build: &Build) -> Result<(), SandboxError> {
        let image = self.registry.push_image(repository, "714a630e", repository);
        let signing = self.sigstore.sign_as(&build.claims(), &image);
        let bundle = signing.stating(&build.stated_by_job()).bundle()?;
        self.registry
            .attach_bundle(repository, &image, bundle.content);
        Ok(())
    }

    /// As cosign 3 signs in the tag pipeline of a GitLab project.
    fn by_pipeline(&self, project: &str, image: &Digest) -> Result<Attachment, SandboxError> {
        let claims = Claims::gitlab(project, "refs/tags/v1.8.2");
        self.sigstore.sign_as(&claims, image).bundle()
    }

    fn attach_legacy(&self, repository: &str, image: &Digest, signed: &Attachment) {
        let Attachment {
            content,
            annotations,
            ..
        } = signed;
        self.registry
            .attach_legacy(repository, image, content.clone(), annotations);
    }
}

/// Reads the registry in memory as any other; tags are looked up each time, because one will move.
fn reader(host: &str, tasks: &TaskTracker) -> Result<OciRegistry, DemoError> {
    let prop = |source| DemoError::Prop {
        what: "the registry settings",
        source,
    };
    let yaml = format!("registries: [{{prefix: \"{host}\", insecureHttp: true}}]");
    let settings =
        RegistrySettings::from_yaml("demo", &yaml).map_err(|error| prop(error.into()))?;
    let options = RegistryOptions {
        tag_ttl: Duration::ZERO,
        ..RegistryOptions::default()
    };
    OciRegistry::new(settings, options, tasks).map_err(|error| prop(error.into()))
}

fn policies(
    host: &str,
    sigstore: &PrivateSigstore,
    key: &SigningKeyPair,
) -> Result<Standalone, DemoError> {
    let root = TrustRoot::from_json(&sigstore.trusted_root_json()).map(Arc::new);
    let root_name = TrustRootName::Named("demo".to_owned());
    let roots = TrustRoots::public_only().with(root_name, root.map_err(|error| error.to_string()));
    let loaded = Loaded {
        policies: Arc::new(compiled(host, &key.public_pem())?),
        trust_roots: Arc::new(roots),
        from_tuf: BTreeMap::new(),
        namespaces: BTreeMap::new(),
    };
    let settings = Settings {
        modes: DefaultAction::Deny.into(),
        ..Settings::default()
    };
    Ok(Standalone::new(loaded, settings))
}

fn compiled(host: &str, public_pem: &str) -> Result<PolicySet, DemoError> {
    let prop = |source| DemoError::Prop {
        what: "a policy",
        source,
    };
    // A JSON string is a YAML string too, its line breaks included.
    let text = POLICIES
        .replace("REGISTRY", host)
        .replace("PUBLIC_KEY", &Value::from(public_pem).to_string());
    let documents: Vec<Value> =
        serde_saphyr::from_str(&text).map_err(|error| prop(error.into()))?;
    let objects = documents
        .into_iter()
        .map(PolicyObject::from_json)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| prop(error.into()))?;
    let policies = PolicySet::default().update(&objects, &NoEntries);
    let reason = policies
        .iter()
        .find_map(|(_, state)| state.reason().map(str::to_owned));
    match reason {
        Some(reason) => Err(prop(reason.into())),
        None => Ok(policies),
    }
}

/// The demonstration's policies refer to no Secret and no `ConfigMap`.
struct NoEntries;

impl KeySource for NoEntries {
    fn text(&self, _: &ObjectEntry) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

/// The id of the runner that all projects of the group `bank` share.
const GROUP_RUNNER: u32 = 7;
const POLICIES: &str = include_str!("policies.yaml");
pub(super) const MOVING_REPOSITORY: &str = "shop/pay";
pub(super) const MOVING_TAG: &str = "1.0.0";
