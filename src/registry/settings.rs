//! What an operator says about registries: `--registries FILE`.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    io::{self, Read as _},
    path::Path,
};

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::credentials::{Credential, Keyring, Secret};
use crate::{image::RegistryHost, limits};

/// How registries are to be reached, by prefix; the longest prefix counts.
#[derive(Clone, Debug, Default)]
pub struct RegistrySettings {
    /// The longest prefix first.
    entries: Vec<RegistrySetting>,
}

/// What holds for the repositories below one prefix.
#[derive(Clone, Debug)]
pub(super) struct RegistrySetting {
    host: RegistryHost,
    /// Without slashes at its ends; empty for the whole registry.
    path: String,
    /// Plain HTTP: whoever is on the way can read credentials and withhold answers. What is verified is
    /// still verified.
    pub(super) insecure_http: bool,
    /// Trusted besides the public roots.
    pub(super) authorities: Vec<CertificateDer<'static>>,
    credential: Option<Credential>,
}

/// Why a settings file is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub struct SettingsError {
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 when the problem has no place.
    pub line: u64,
    /// The column, from 1; 0 when the problem has no place.
    pub column: u64,
    /// What is wrong there.
    pub problem: SettingsProblem,
}

/// What is wrong with a settings file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsProblem {
    /// More than is read.
    #[error("the file has {size} bytes, at most {limit} are read")]
    TooLarge {
        /// What it has.
        size: usize,
        /// What it may have.
        limit: usize,
    },
    /// Not YAML of the expected shape.
    #[error("{detail}")]
    Malformed {
        /// What the parser said.
        detail: String,
    },
    /// Not `host[:port][/path]`.
    #[error("prefix {presented:?} is not host[:port][/path]")]
    Prefix {
        /// What stands there.
        presented: String,
    },
    /// The same prefix a second time.
    #[error("prefix {presented:?} is listed twice")]
    Repeated {
        /// The prefix.
        presented: String,
    },
    /// Only one of `username` and `passwordFile`.
    #[error("username and passwordFile need each other")]
    HalfLogin,
    /// A file that is named cannot be read.
    #[error("{name} cannot be read: {reason}")]
    File {
        /// The file.
        name: String,
        /// Why.
        reason: String,
    },
    /// `caFile` holds no certificate.
    #[error("{name} holds no PEM certificate")]
    NoCertificate {
        /// The file.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    registries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Entry {
    prefix: Spanned<String>,
    #[serde(default)]
    insecure_http: bool,
    ca_file: Option<String>,
    username: Option<String>,
    password_file: Option<String>,
}

impl RegistrySettings {
    /// Reads the text of a settings file, and the files it names: those are looked for beside it.
    ///
    /// # Errors
    ///
    /// When any of it cannot be read or a field is not known; nothing is skipped.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, SettingsError> {
        let error = |location: Location, problem| SettingsError {
            file: file.to_owned(),
            line: location.line(),
            column: location.column(),
            problem,
        };
        let limit = limits::REGISTRY_SETTINGS_BYTES;
        if text.len() > limit {
            let size = text.len();
            let problem = SettingsProblem::TooLarge { size, limit };
            return Err(error(Location::UNKNOWN, problem));
        }
        let parsed: File = serde_saphyr::from_str(text).map_err(|cause| {
            let location = cause.location().unwrap_or(Location::UNKNOWN);
            error(location, malformed(&cause))
        })?;
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let mut seen = BTreeSet::new();
        let mut entries = Vec::with_capacity(parsed.registries.len());
        for entry in parsed.registries {
            let location = entry.prefix.referenced;
            let setting =
                RegistrySetting::read(entry, folder).map_err(|problem| error(location, problem))?;
            if !seen.insert(setting.prefix()) {
                let presented = setting.prefix();
                return Err(error(location, SettingsProblem::Repeated { presented }));
            }
            entries.push(setting);
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.path.len()));
        Ok(Self { entries })
    }

    /// The credentials named here: Assay's own.
    pub fn keyring(&self) -> Keyring {
        let mut keyring = Keyring::default();
        for entry in &self.entries {
            if let Some(credential) = &entry.credential {
                keyring.add(&entry.prefix(), credential.clone());
            }
        }
        keyring
    }

    /// What holds for this repository path of this registry.
    pub(super) fn find(&self, host: &str, path: &str) -> Option<&RegistrySetting> {
        self.entries
            .iter()
            .find(|entry| entry.host.as_str() == host && entry.covers(path))
    }

    /// The registries that the settings name.
    pub fn hosts(&self) -> BTreeSet<String> {
        let entries = self.entries.iter();
        entries
            .map(|entry| entry.host.registry().to_owned())
            .collect()
    }

    pub(super) fn entries(&self) -> &[RegistrySetting] {
        &self.entries
    }
}

impl RegistrySetting {
    /// `host[:port][/path]`, which tells entries apart.
    pub(super) fn prefix(&self) -> String {
        if self.path.is_empty() {
            self.host.to_string()
        } else {
            format!("{}/{}", self.host, self.path)
        }
    }

    /// Whole path segments only: `group/app` does not cover `group/app2`.
    fn covers(&self, path: &str) -> bool {
        self.path.is_empty()
            || path
                .strip_prefix(self.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn read(entry: Entry, folder: &Path) -> Result<Self, SettingsProblem> {
        let prefix = entry.prefix.value;
        let (host, path) = parse_prefix(&prefix)?;
        let authorities = match entry.ca_file {
            Some(name) => read_certificates(folder, &name)?,
            None => Vec::new(),
        };
        let credential = match (entry.username, entry.password_file) {
            (None, None) => None,
            (Some(username), Some(name)) => Some(Credential {
                origin: format!("the login for {prefix:?} in the registry settings"),
                username,
                password: read_password(folder, &name)?,
            }),
            (Some(_), None) | (None, Some(_)) => return Err(SettingsProblem::HalfLogin),
        };
        Ok(Self {
            host,
            path,
            insecure_http: entry.insecure_http,
            authorities,
            credential,
        })
    }
}

fn malformed(cause: &serde_saphyr::Error) -> SettingsProblem {
    // The snippet of the text that the parser would add may show what is next to the mistake.
    let text = cause.without_snippet().to_string();
    let detail = text.lines().next().unwrap_or_default().to_owned();
    SettingsProblem::Malformed { detail }
}

fn parse_prefix(prefix: &str) -> Result<(RegistryHost, String), SettingsProblem> {
    let problem = || SettingsProblem::Prefix {
        presented: prefix.to_owned(),
    };
    let (host, path) = match prefix.split_once('/') {
        Some((host, path)) => (host, path),
        None => (prefix, ""),
    };
    let host: RegistryHost = host.parse().map_err(|_| problem())?;
    let is_path_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let is_segment = |segment: &str| !segment.is_empty() && segment.chars().all(is_path_char);
    if prefix.contains('/') && !path.split('/').all(is_segment) {
        return Err(problem());
    }
    Ok((host, path.to_owned()))
}

fn read_certificates(
    folder: &Path,
    name: &str,
) -> Result<Vec<CertificateDer<'static>>, SettingsProblem> {
    let pem = read_file(folder, name)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(SettingsProblem::NoCertificate {
            name: name.to_owned(),
        }),
    }
}

fn read_password(folder: &Path, name: &str) -> Result<Secret, SettingsProblem> {
    let bytes = read_file(folder, name)?;
    let text = String::from_utf8(bytes).map_err(|_| SettingsProblem::File {
        name: name.to_owned(),
        reason: "not UTF-8".to_owned(),
    })?;
    // Editors end a file with a line break, which is none of the password.
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read_file(folder: &Path, name: &str) -> Result<Vec<u8>, SettingsProblem> {
    let unreadable = |error: io::Error| SettingsProblem::File {
        name: name.to_owned(),
        reason: error.kind().to_string(),
    };
    let limit = limits::REGISTRY_SETTINGS_BYTES;
    let mut content = Vec::new();
    std::fs::File::open(folder.join(name))
        .map_err(unreadable)?
        .take(limit as u64 + 1)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    if content.len() > limit {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(content)
}
