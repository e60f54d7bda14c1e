//! What an operator says about registries: `--registries FILE`.

mod client_identity;
mod entry;
mod error;
mod named;
#[cfg(test)]
mod tests;

pub(super) use client_identity::ClientIdentity;
pub use error::{SettingsError, SettingsProblem};

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use rustls_pki_types::CertificateDer;
use serde_saphyr::Location;

use self::{
    entry::{Entry, File},
    error::Located,
    named::NamedFiles,
};
use super::{
    credentials::Keyring,
    prefix::{Prefix, Spelling},
};
use crate::{
    image::{RegistryHost, Repository, SignaturePlaces},
    limits,
};

/// How registries are to be reached, by prefix; the longest prefix counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RegistrySettings {
    /// The longest prefix first.
    entries: Vec<RegistrySetting>,
    files: BTreeSet<PathBuf>,
}

/// What holds for the repositories below one prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct RegistrySetting {
    prefix: Prefix,
    /// What these repositories are copies of.
    mirror_of: Option<Prefix>,
    /// Where their signatures and attestations lie, when not beside them.
    signature_repository: Option<Repository>,
    /// Which token service may see the logins for them, besides one of the registry's own house.
    pub(super) token_service: Option<RegistryHost>,
    /// Plain HTTP: whoever is on the way can read credentials and withhold answers. What is verified is
    /// still verified.
    pub(super) insecure_http: bool,
    /// Trusted besides the public roots.
    pub(super) authorities: Vec<CertificateDer<'static>>,
    client_identity: Option<ClientIdentity>,
    keyring: Keyring,
}

impl RegistrySettings {
    /// Reads the text of a settings file, and the files it names: those are looked for beside it.
    ///
    /// # Errors
    ///
    /// When any of it cannot be read or a field is not known; nothing is skipped.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, SettingsError> {
        let files = NamedFiles::beside(file);
        let entries = parse(text)
            .and_then(|entries| read(&entries, &files))
            .map_err(|located| located.in_file(file))?;
        Ok(Self {
            entries,
            files: files.into_read(),
        })
    }

    /// The credentials named here: Assay's own. Each is used below its prefix alone, that of the longest prefix first.
    pub fn keyring(&self) -> Keyring {
        let mut keyring = Keyring::default();
        for entry in &self.entries {
            keyring.append(&entry.keyring);
        }
        keyring
    }

    /// Where the signatures of this repository's images are looked for, in this order: the signature repository of its
    /// prefix, the repository that it mirrors (or where signatures of that one lie), and itself where its prefix has no
    /// signature repository. A mirror's source is not taken for a mirror in its turn.
    pub fn signature_places(&self, repository: &Repository) -> SignaturePlaces {
        let setting = self.find(repository.host().as_str(), repository.path());
        let own = self.place_of(repository);
        let source = setting.and_then(|setting| setting.source_of(repository));
        let is_told = setting.is_some_and(|setting| setting.signature_repository.is_some());
        match source {
            None => SignaturePlaces::new(repository.clone(), own.clone(), []),
            Some(source) => {
                let of_source = self.place_of(&source).clone();
                let (first, then) = if is_told {
                    (own.clone(), of_source)
                } else {
                    (of_source, own.clone())
                };
                SignaturePlaces::new(source, first, [then])
            }
        }
    }

    /// The signature repository of what covers this repository, or itself.
    fn place_of<'a>(&'a self, repository: &'a Repository) -> &'a Repository {
        self.find(repository.host().as_str(), repository.path())
            .and_then(|setting| setting.signature_repository.as_ref())
            .unwrap_or(repository)
    }

    /// What holds for this repository path of this registry.
    pub(super) fn find(&self, host: &str, path: &str) -> Option<&RegistrySetting> {
        let covering = self.entries.iter().filter(|entry| entry.covers(host, path));
        covering.max_by_key(|entry| (entry.prefix.path().len(), entry.prefix.is_spelled(host)))
    }

    /// The registries that the settings name.
    pub fn hosts(&self) -> BTreeSet<String> {
        let hosts = self.entries.iter().flat_map(RegistrySetting::hosts);
        hosts.map(str::to_owned).collect()
    }

    /// The files that the settings name.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    pub(super) fn entries(&self) -> &[RegistrySetting] {
        &self.entries
    }
}

impl RegistrySetting {
    /// `host[:port][/path]`, which tells entries apart.
    pub(super) fn prefix(&self) -> String {
        self.prefix.to_string()
    }

    /// What is shown to a registry that wants to know its clients.
    pub(super) fn client_identity(&self) -> Option<&ClientIdentity> {
        self.client_identity.as_ref()
    }

    /// The repository that this one is a copy of.
    fn source_of(&self, repository: &Repository) -> Option<Repository> {
        let rest = self.prefix.rest(repository.path())?;
        self.mirror_of.as_ref()?.join(rest)
    }

    fn covers(&self, host: &str, path: &str) -> bool {
        let spelling = if self.insecure_http {
            Spelling::Exact
        } else {
            Spelling::Any
        };
        self.prefix.covers(host, path, spelling)
    }

    fn hosts(&self) -> impl Iterator<Item = &str> {
        let signatures = self.signature_repository.as_ref().map(Repository::host);
        let source = self.mirror_of.as_ref().map(Prefix::host);
        let hosts = [Some(self.prefix.host()), source, signatures];
        hosts.into_iter().flatten().map(RegistryHost::registry)
    }
}

fn parse(text: &str) -> Result<Vec<Entry>, Located> {
    let limit = limits::REGISTRY_SETTINGS_BYTES;
    if text.len() > limit {
        let size = text.len();
        return Err(SettingsProblem::TooLarge { size, limit }.at(Location::UNKNOWN));
    }
    let parsed: File = serde_saphyr::from_str(text).map_err(|cause| {
        let location = cause.location().unwrap_or(Location::UNKNOWN);
        malformed(&cause).at(location)
    })?;
    let Some(entries) = parsed.registries else {
        return Err(SettingsProblem::Nothing.at(Location::UNKNOWN));
    };
    let limit = limits::REGISTRY_SETTINGS_ENTRIES;
    match entries.get(limit) {
        Some(first_beyond) => {
            let found = entries.len();
            let problem = SettingsProblem::TooMany { found, limit };
            Err(problem.at(first_beyond.prefix.referenced))
        }
        None => Ok(entries),
    }
}

fn read(entries: &[Entry], files: &NamedFiles<'_>) -> Result<Vec<RegistrySetting>, Located> {
    let mut settings: Vec<RegistrySetting> = Vec::with_capacity(entries.len());
    for entry in entries {
        let setting = entry.read(files)?;
        let is_plain = |setting: &RegistrySetting| setting.insecure_http;
        let is_same = |known: &RegistrySetting| {
            known.prefix == setting.prefix
                || (known.prefix.is_spelled_otherwise(&setting.prefix)
                    && !is_plain(known)
                    && !is_plain(&setting))
        };
        if settings.iter().any(is_same) {
            let presented = setting.prefix();
            return Err(SettingsProblem::Repeated { presented }.at(entry.prefix.referenced));
        }
        settings.push(setting);
    }
    settings.sort_by_key(|setting| Reverse(setting.prefix.path().len()));
    Ok(settings)
}

fn malformed(cause: &serde_saphyr::Error) -> SettingsProblem {
    let location = cause.location().unwrap_or(Location::UNKNOWN);
    // The snippet of the text that the parser would add may show what is next to the mistake.
    let cause = cause.without_snippet();
    let detail = match cause {
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "a second document begins, expected one".to_owned()
        }
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("{key:?} is written twice")
        }
        cause => {
            let text = cause.to_string();
            let line = text.lines().next().unwrap_or_default();
            let place = format!(" at line {}, column {}", location.line(), location.column());
            line.strip_suffix(&place).unwrap_or(line).to_owned()
        }
    };
    SettingsProblem::Malformed { detail }
}
