//! Pull credentials, matched as the kubelet matches them.

mod docker_config;
mod location;
mod own;
#[cfg(test)]
mod tests;

pub use docker_config::NoLogin;
pub use own::OwnCredentials;

use std::{
    collections::BTreeMap,
    iter,
    sync::{Arc, OnceLock},
};

use aws_lc_rs::digest::{Context, SHA256};

use self::location::Location;
use super::prefix::{Prefix, Spelling};
use crate::image::Repository;

/// A text that never shows in logs.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Secret(String);

/// One user name and password, and where they came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credential {
    /// As messages name it: `pull secret "regcred"`.
    pub origin: String,
    /// The user name.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

/// Tells credentials apart without revealing them: results are cached per id.
///
/// It is salted anew in every process, so it means nothing outside of it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CredentialId([u8; 32]);

/// The credentials that one Pod (or Assay itself) may use, with the images each is for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Keyring {
    first: Ring,
    then: Vec<Ring>,
    forbidden: Vec<String>,
    holder: Holder,
    /// Of the Pod whose they are, if it is one's.
    namespace: Arc<str>,
    /// The origins of secrets that were read.
    read: Vec<String>,
    /// Why others are of no use for any image.
    useless: Vec<String>,
}

/// Whose credentials they are: who reads of a refused login is told what to do by that.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Holder {
    /// A Pod's.
    #[default]
    Pod,
    /// Those of the person or job that runs a command.
    Person,
    /// Those of a server without a cluster, whatever Pod it is asked about.
    Server,
}

/// Who has a login presented: who can make many wrong ones is not to spoil it for others.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Asker {
    /// Whoever writes Pods and secrets in this namespace.
    Namespace(Arc<str>),
    /// Assay itself.
    Assay,
}

/// Why a docker config cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DockerConfigError {
    /// Not JSON of the expected shape.
    #[error("{origin} is not a docker config: {detail}")]
    Malformed {
        /// Where it came from.
        origin: String,
        /// What is wrong; never the text itself.
        detail: String,
    },
}

/// One keyring of the kubelet's: its own look-up order, its own Docker Hub rule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Ring {
    /// Sorted as text; looked up from the end, so that longer paths come before shorter ones.
    by_location: BTreeMap<Location, Vec<Credential>>,
    /// Where it is used, when not everywhere.
    only_below: Option<Prefix>,
}

impl Secret {
    /// Wraps a text.
    pub fn new(text: String) -> Self {
        Self(text)
    }
    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl CredentialId {
    /// Nobody's.
    pub const ANONYMOUS: Self = Self([0; 32]);

    /// The id of one user name and password; where they came from makes no difference.
    pub fn of(credential: &Credential) -> Self {
        Self::hash([
            credential.username.as_bytes(),
            credential.password.reveal().as_bytes(),
        ])
    }

    /// The id of these credentials in this order; anonymous when there are none.
    pub fn of_all<'a>(credentials: impl IntoIterator<Item = &'a Credential>) -> Self {
        let ids: Vec<Self> = credentials.into_iter().map(Self::of).collect();
        if ids.is_empty() {
            return Self::ANONYMOUS;
        }
        Self::hash(ids.iter().map(|id| id.0.as_slice()))
    }

    /// It as bytes, for keys made of several things.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id of these credentials followed by something else, of this name.
    pub(super) fn and_also(&self, name: &str) -> Self {
        Self::hash([self.0.as_slice(), name.as_bytes()])
    }

    fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        static SALT: OnceLock<[u8; 32]> = OnceLock::new();
        let mut context = Context::new(&SHA256);
        context.update(SALT.get_or_init(rand::random));
        for part in parts {
            // The length first, so that no two lists of parts read the same.
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut id = [0; 32];
        id.copy_from_slice(context.finish().as_ref());
        Self(id)
    }
}

impl Credential {
    /// A token that is exchanged for others, instead of a user name and password; docker stores it as `identitytoken`.
    pub(super) fn of_identity_token(origin: &str, token: String) -> Self {
        Self {
            origin: origin.to_owned(),
            username: IDENTITY_TOKEN_USER.to_owned(),
            password: Secret::new(token),
        }
    }

    /// That token, when this is one.
    pub(super) fn identity_token(&self) -> Option<&Secret> {
        (self.username == IDENTITY_TOKEN_USER).then_some(&self.password)
    }
}

impl Keyring {
    /// Adds the `auths` of a `.dockerconfigjson` text; `origin` as messages name it.
    ///
    /// # Errors
    ///
    /// When the text or one of its entries cannot be read: then, as with the kubelet, none of it is added.
    pub fn add_docker_config_json(
        &mut self,
        origin: &str,
        text: &str,
    ) -> Result<(), DockerConfigError> {
        let entries = docker_config::parse_config_json(origin, text)?;
        self.add_entries(origin, entries)
    }

    /// The `auths` of a docker config that is there to hold logins; `origin` as messages name it.
    ///
    /// # Errors
    ///
    /// As for [`Self::add_docker_config_json`]; and when it holds none, with the reason.
    pub fn of_docker_config(
        origin: &str,
        text: &str,
    ) -> Result<Result<Self, NoLogin>, DockerConfigError> {
        let mut keyring = Self::default();
        keyring.add_docker_config_json(origin, text)?;
        Ok(if keyring.is_empty() {
            Err(NoLogin::of(text))
        } else {
            Ok(keyring)
        })
    }

    /// Adds the entries of an old `.dockercfg` text.
    ///
    /// # Errors
    ///
    /// As for [`Self::add_docker_config_json`].
    pub fn add_dockercfg(&mut self, origin: &str, text: &str) -> Result<(), DockerConfigError> {
        let entries = docker_config::parse_dockercfg(origin, text)?;
        self.add_entries(origin, entries)
    }

    /// Adds one credential for a `host[:port][/path]` prefix. A prefix without a host is never matched.
    pub fn add(&mut self, prefix: &str, credential: Credential) {
        if let Some(location) = Location::parse(prefix) {
            self.first.add(location, credential);
        }
    }

    /// Appends all entries of another keyring after this one's.
    pub fn append(&mut self, other: &Self) {
        let rings = iter::once(&other.first).chain(&other.then);
        self.then
            .extend(rings.filter(|ring| !ring.by_location.is_empty()).cloned());
        self.forbidden.extend(other.forbidden.iter().cloned());
    }

    /// The same credentials for what lies below this prefix alone: whole path segments of one registry, whatever else
    /// the entries are for.
    pub(super) fn below(mut self, prefix: &Prefix) -> Self {
        for ring in iter::once(&mut self.first).chain(&mut self.then) {
            ring.only_below = Some(prefix.clone());
        }
        self
    }

    /// Whether any credential may be for what lies below this prefix.
    pub(super) fn may_be_for(&self, prefix: &Prefix) -> bool {
        let rings = iter::once(&self.first).chain(&self.then);
        let mut locations = rings.flat_map(|ring| ring.by_location.keys());
        locations.any(|location| location.meets(prefix))
    }

    /// Whether it holds no credential.
    fn is_empty(&self) -> bool {
        let mut rings = iter::once(&self.first).chain(&self.then);
        rings.all(|ring| ring.by_location.is_empty())
    }

    /// Remembers what may hold further credentials and may not be read; `what` as messages name it.
    pub fn add_forbidden(&mut self, what: String) {
        self.forbidden.push(what);
    }

    /// What may hold further credentials and may not be read, as in `pull secret "regcred" of namespace "shop"`.
    pub fn forbidden(&self) -> &[String] {
        &self.forbidden
    }

    /// The same credentials, of a Pod of this namespace but for those that were appended.
    #[must_use]
    pub fn of_namespace(self, name: &str) -> Self {
        Self {
            namespace: name.into(),
            ..self
        }
    }

    /// The namespace of the Pod whose they are.
    pub(super) fn namespace(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.namespace)).filter(|namespace| !namespace.is_empty())
    }

    /// Who has each of the credentials for this repository presented, in their order. What was appended is Assay's own, and
    /// so is all of it where there is no Pod.
    pub(super) fn askers(&self, repository: &Repository) -> impl Iterator<Item = Asker> {
        let of_pod = self.namespace().map(Asker::Namespace).into_iter();
        let of_pod =
            of_pod.flat_map(|asker| iter::repeat_n(asker, self.first.lookup(repository).len()));
        of_pod.chain(iter::repeat(Asker::Assay))
    }

    /// The same credentials as this one's.
    #[must_use]
    pub fn held_by(self, holder: Holder) -> Self {
        Self { holder, ..self }
    }

    /// Whose they are.
    pub fn holder(&self) -> Holder {
        self.holder
    }

    /// Remembers that this secret was read, whatever its entries are for.
    pub fn add_read(&mut self, origin: String) {
        self.read.push(origin);
    }

    /// Remembers a secret that holds no credential, as in `pull secret "regcred" does not exist`.
    pub fn add_useless(&mut self, what: String) {
        self.useless.push(what);
    }

    /// Why secrets that were named hold no credential for this repository.
    pub fn useless(&self, repository: &Repository) -> Vec<String> {
        let found = self.lookup(repository);
        let is_used = |origin: &String| found.iter().any(|found| found.origin == *origin);
        let unused = self.read.iter().filter(|origin| !is_used(origin));
        let host = repository.host();
        let without_login = unused.map(|origin| format!("{origin} has no login for {host}"));
        self.useless.iter().cloned().chain(without_login).collect()
    }

    /// The credentials for this repository, most specific first; empty means anonymous.
    pub fn lookup(&self, repository: &Repository) -> Vec<&Credential> {
        iter::once(&self.first)
            .chain(&self.then)
            .flat_map(|ring| ring.lookup(repository))
            .collect()
    }

    /// Tells the credentials for this repository, in their order, from others.
    pub fn login(&self, repository: &Repository) -> CredentialId {
        CredentialId::of_all(self.lookup(repository))
    }

    fn add_entries(
        &mut self,
        origin: &str,
        entries: docker_config::Entries,
    ) -> Result<(), DockerConfigError> {
        let mut found = Vec::new();
        for (prefix, entry) in entries {
            for credential in entry.into_credentials(origin, &prefix)? {
                found.push((prefix.clone(), credential));
            }
        }
        for (prefix, credential) in found {
            self.add(&prefix, credential);
        }
        Ok(())
    }
}

impl Ring {
    fn add(&mut self, location: Location, credential: Credential) {
        let credentials = self.by_location.entry(location).or_default();
        if !credentials.contains(&credential) {
            credentials.push(credential);
        }
    }

    fn lookup(&self, repository: &Repository) -> Vec<&Credential> {
        let (host, path) = (repository.host().as_str(), repository.path());
        let is_used = |prefix: &Prefix| prefix.covers(host, path, Spelling::Any);
        if !self.only_below.as_ref().is_none_or(is_used) {
            return Vec::new();
        }
        let matching: Vec<&Credential> = self
            .by_location
            .iter()
            .rev()
            .filter(|(location, _)| location.matches(repository))
            .flat_map(|(_, credentials)| credentials)
            .collect();
        if matching.is_empty() && repository.host().as_str() == "docker.io" {
            return self.docker_hub();
        }
        matching
    }

    /// What `docker login` writes for Docker Hub, used when nothing is stored for `docker.io` itself.
    fn docker_hub(&self) -> Vec<&Credential> {
        self.by_location
            .iter()
            .filter(|(location, _)| location.is_docker_hub())
            .flat_map(|(_, credentials)| credentials)
            .collect()
    }
}

/// The user name that says so, as docker and containerd have it.
const IDENTITY_TOKEN_USER: &str = "<token>";
