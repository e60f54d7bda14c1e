//! The registry reader against a registry in memory: what it finds, and how few requests that takes.
#![expect(
    clippy::expect_used,
    reason = "the helpers here are not test functions themselves, but only tests call them"
)]

mod access;
mod addresses;
mod attestations;
mod bans;
mod budgets;
mod challenges;
mod circuits;
mod clouds;
mod connections;
mod contents;
mod deadlines;
mod elsewhere;
mod faults;
mod front;
mod lies;
mod limits;
mod measured;
mod new_logins;
mod places;
mod probes;
mod quirks;
mod refused;
mod renewed;
pub(crate) mod stand_in;
mod tenants;
mod token_limits;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use assay::{
    image::{Digest, Reference, Repository},
    registry::{
        Access, Asked, Attachment, AttachmentPlace, Credential, Keyring, OciRegistry,
        Registry as _, RegistryError, RegistryOptions, RegistrySettings, Search, Secret, Wanted,
    },
    sandbox::registry as sandbox,
};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::sandbox::{Login, MemoryRegistry};

/// A registry and a reader that knows nothing of it yet.
struct Setup {
    registry: MemoryRegistry,
    reader: OciRegistry,
}

/// What a reader found, as far as these tests tell things apart.
type Found = Vec<(AttachmentPlace, String, Vec<u8>)>;

impl Setup {
    async fn new(settings: sandbox::RegistrySettings) -> Self {
        Self::with_options(settings, options()).await
    }

    async fn with_options(settings: sandbox::RegistrySettings, options: RegistryOptions) -> Self {
        let registry = MemoryRegistry::start(settings).await.expect("a free port");
        let reader = reader(&[&registry.host()], options);
        Self { registry, reader }
    }

    fn image(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.registry.host())
            .parse()
            .expect("a reference")
    }

    fn repository(&self, path: &str) -> Repository {
        format!("{}/{path}", self.registry.host())
            .parse()
            .expect("a repository")
    }

    /// A keyring with these logins for the whole registry.
    fn keyring(&self, logins: &[&str]) -> Keyring {
        let mut keyring = Keyring::default();
        for name in logins {
            keyring.add(&self.registry.host(), credential(name));
        }
        keyring
    }

    async fn resolve(&self, image: &str, access: &Access) -> Result<Digest, RegistryError> {
        self.reader.resolve(&self.image(image), access).await
    }

    async fn attachments(
        &self,
        path: &str,
        digest: &Digest,
        search: Search,
        access: &Access,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        self.wanted(path, digest, Wanted::Signatures, search, access)
            .await
    }

    async fn wanted(
        &self,
        path: &str,
        digest: &Digest,
        wanted: Wanted,
        search: Search,
        access: &Access,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let repository = self.repository(path);
        self.reader
            .attachments(&repository, digest, wanted, search, access)
            .await
    }

    /// What is attached, with attestations.
    async fn with_attestations(
        &self,
        path: &str,
        digest: &Digest,
        search: Search,
    ) -> Vec<(AttachmentPlace, String)> {
        let wanted = Wanted::SignaturesAndAttestations;
        let found = self
            .wanted(path, digest, wanted, search, &anonymous())
            .await
            .expect("read");
        found
            .iter()
            .map(|one| {
                (
                    one.place,
                    String::from_utf8_lossy(&one.content).into_owned(),
                )
            })
            .collect()
    }

    /// What a review does with an image that is signed well: resolve and look once.
    async fn review(&self, image: &str, access: &Access) -> Result<Found, RegistryError> {
        let image = self.image(image);
        let digest = self.reader.resolve(&image, access).await?;
        let found = self
            .reader
            .attachments(
                image.repository(),
                &digest,
                Wanted::Signatures,
                Search::First,
                access,
            )
            .await?;
        Ok(summary(&found))
    }

    /// The requests since the last call, one line each, sorted: some are sent at the same time.
    fn requests(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .registry
            .requests()
            .iter()
            .map(ToString::to_string)
            .collect();
        lines.sort();
        self.registry.clear_requests();
        lines
    }

    /// How many requests since the last call, and how deep.
    fn cost(&self) -> (usize, usize) {
        let records = self.registry.requests();
        self.registry.clear_requests();
        (records.len(), sandbox::depth(&records))
    }
}

fn reader(insecure_hosts: &[&str], options: RegistryOptions) -> OciRegistry {
    let mut yaml = "registries: [".to_owned();
    for host in insecure_hosts {
        yaml.push_str("{insecureHttp: true, prefix: \"");
        yaml.push_str(host);
        yaml.push_str("\"},");
    }
    yaml.push(']');
    let settings = RegistrySettings::from_yaml("registries.yaml", &yaml).expect("settings");
    OciRegistry::new(settings, options, &TaskTracker::new()).expect("a reader")
}

/// The usual options, but for pauses that would only cost time here.
fn options() -> RegistryOptions {
    RegistryOptions {
        retry_pause: Duration::from_millis(1),
        ..RegistryOptions::default()
    }
}

fn anonymous() -> Access {
    access(Keyring::default())
}

fn access(keyring: Keyring) -> Access {
    Access {
        keyring: Arc::new(keyring),
        deadline: Instant::now() + Duration::from_secs(20),
        since: Instant::now(),
        asked: Asked::default(),
    }
}

fn credential(name: &str) -> Credential {
    Credential {
        origin: format!("pull secret {name:?}"),
        username: name.to_owned(),
        password: Secret::new(format!("password of {name}")),
    }
}

/// A user of the registry with the password that [`credential`] presents.
fn login(name: &str, repositories: &[&str]) -> Login {
    Login {
        username: name.to_owned(),
        password: format!("password of {name}"),
        repositories: repositories.iter().map(|path| (*path).to_owned()).collect(),
    }
}

fn summary(found: &[Attachment]) -> Found {
    found
        .iter()
        .map(|one| (one.place, one.media_type.clone(), one.content.to_vec()))
        .collect()
}

fn legacy(payload: &str) -> Found {
    let media_type = "application/vnd.dev.cosign.simplesigning.v1+json".to_owned();
    vec![(
        AttachmentPlace::SignatureTag,
        media_type,
        payload.as_bytes().to_vec(),
    )]
}

fn bundle(place: AttachmentPlace, content: &str) -> Found {
    let media_type = "application/vnd.dev.sigstore.bundle.v0.3+json".to_owned();
    vec![(place, media_type, content.as_bytes().to_vec())]
}

fn no_annotations() -> BTreeMap<String, String> {
    BTreeMap::new()
}
