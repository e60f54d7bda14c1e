//! The files that the settings of registries name.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::{
    super::{
        credentials::{Keyring, Secret},
        prefix::Prefix,
        tls_error::tls_detail,
    },
    SettingsProblem,
};
use crate::limits;

/// Reads files beside the settings, up to a number of bytes together.
pub(super) struct NamedFiles<'a> {
    folder: &'a Path,
    left: Cell<usize>,
    read: RefCell<BTreeSet<PathBuf>>,
}

impl<'a> NamedFiles<'a> {
    pub(super) fn beside(file: &'a str) -> Self {
        Self {
            folder: Path::new(file).parent().unwrap_or(Path::new("")),
            left: Cell::new(limits::REGISTRY_SETTINGS_FILES_BYTES),
            read: RefCell::default(),
        }
    }

    /// Which were read.
    pub(super) fn into_read(self) -> BTreeSet<PathBuf> {
        self.read.into_inner()
    }

    /// Certificates that are trusted.
    pub(super) fn authorities(
        &self,
        name: &str,
    ) -> Result<Vec<CertificateDer<'static>>, SettingsProblem> {
        let certificates = self.certificates(name, limits::AUTHORITIES_PER_REGISTRY)?;
        let mut roots = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            roots
                .add(certificate.clone())
                .map_err(|error| SettingsProblem::Certificate {
                    name: name.to_owned(),
                    number: index + 1,
                    reason: tls_detail(&error),
                })?;
        }
        Ok(certificates)
    }

    /// A client's certificate with what leads from it to an authority.
    pub(super) fn chain(
        &self,
        name: &str,
    ) -> Result<Vec<CertificateDer<'static>>, SettingsProblem> {
        self.certificates(name, limits::CLIENT_CERTIFICATES)
    }

    pub(super) fn private_key(
        &self,
        name: &str,
    ) -> Result<PrivateKeyDer<'static>, SettingsProblem> {
        let pem = self.read(name)?;
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| SettingsProblem::NoKey {
            name: name.to_owned(),
        })
    }

    pub(super) fn password(&self, name: &str) -> Result<Secret, SettingsProblem> {
        let text = self.text(name)?;
        // Editors end a file with a line break, which is none of the password.
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            let name = name.to_owned();
            return Err(SettingsProblem::NoPassword { name });
        }
        Ok(Secret::new(password.to_owned()))
    }

    /// The logins of a docker config that is there for what lies below this prefix.
    pub(super) fn docker_config(
        &self,
        name: &str,
        prefix: &Prefix,
    ) -> Result<Keyring, SettingsProblem> {
        let text = self.text(name)?;
        let origin = format!("docker config {name} for {:?}", prefix.to_string());
        let named = || name.to_owned();
        let keyring = Keyring::of_docker_config(&origin, &text)
            .map_err(SettingsProblem::DockerConfig)?
            .map_err(|reason| SettingsProblem::NoLogin {
                name: named(),
                reason,
            })?;
        if keyring.may_be_for(prefix) {
            Ok(keyring)
        } else {
            Err(SettingsProblem::OtherLogins {
                name: named(),
                prefix: prefix.to_string(),
            })
        }
    }

    fn certificates(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Vec<CertificateDer<'static>>, SettingsProblem> {
        let pem = self.read(name)?;
        let name = || name.to_owned();
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(certificates) if certificates.len() > limit => {
                Err(SettingsProblem::TooManyCertificates {
                    name: name(),
                    found: certificates.len(),
                    limit,
                })
            }
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            Ok(_) => Err(SettingsProblem::NoCertificate { name: name() }),
            Err(_) => Err(SettingsProblem::BrokenPem { name: name() }),
        }
    }

    fn text(&self, name: &str) -> Result<String, SettingsProblem> {
        String::from_utf8(self.read(name)?).map_err(|_| SettingsProblem::File {
            name: self.shown(name),
            reason: "not UTF-8".to_owned(),
        })
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, SettingsProblem> {
        let unreadable = |error: io::Error| SettingsProblem::File {
            name: self.shown(name),
            reason: match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                kind => kind.to_string(),
            },
        };
        let limit = limits::REGISTRY_SETTINGS_BYTES;
        let mut content = Vec::new();
        let path = self.folder.join(name);
        std::fs::File::open(&path)
            .map_err(unreadable)?
            .take(limit as u64 + 1)
            .read_to_end(&mut content)
            .map_err(unreadable)?;
        if content.len() > limit {
            let name = self.shown(name);
            return Err(SettingsProblem::FileTooLarge { name, limit });
        }
        let left =
            self.left
                .get()
                .checked_sub(content.len())
                .ok_or(SettingsProblem::FilesTooLarge {
                    limit: limits::REGISTRY_SETTINGS_FILES_BYTES,
                })?;
        self.left.set(left);
        self.read.borrow_mut().insert(path);
        Ok(content)
    }

    /// The whole path, for who looks for the file.
    fn shown(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}
