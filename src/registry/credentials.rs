//! Pull credentials, matched as the kubelet matches them (formats.md §6.5).

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
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CredentialId([u8; 32]);

/// The credentials that one Pod (or Assay itself) may use, with the images each is for.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    // by the implementer
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

impl Keyring {
    /// Adds the `auths` of a `.dockerconfigjson` text; `origin` as messages name it.
    pub fn add_docker_config_json(
        &mut self,
        _origin: &str,
        _text: &str,
    ) -> Result<(), DockerConfigError> {
        todo!()
    }
    /// Adds the entries of an old `.dockercfg` text.
    pub fn add_dockercfg(&mut self, _origin: &str, _text: &str) -> Result<(), DockerConfigError> {
        todo!()
    }
    /// Adds one credential for a `host[:port][/path]` prefix.
    pub fn add(&mut self, _prefix: &str, _credential: Credential) {
        todo!()
    }
    /// Appends all entries of another keyring after this one's.
    pub fn append(&mut self, _other: &Self) {
        todo!()
    }
    /// The credentials for this repository, most specific first; empty means anonymous.
    pub fn lookup(&self, _repository: &Repository) -> Vec<&Credential> {
        todo!()
    }
}
