//! One entry of the settings, from its text.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::{
    super::{
        credentials::{Credential, Keyring},
        prefix::Prefix,
        tls_error::tls_detail,
    },
    ClientIdentity, RegistrySetting, SettingsProblem,
    error::Located,
    named::NamedFiles,
};
use crate::image::{ReferenceError, RegistryHost, Repository};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// None where nothing follows it.
    pub(super) registries: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) prefix: Spanned<String>,
    #[serde(default, deserialize_with = "said")]
    mirror_of: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    signature_repository: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    token_service: Option<Spanned<String>>,
    #[serde(default)]
    insecure_http: bool,
    #[serde(default, deserialize_with = "said")]
    ca_file: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    client_cert_file: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    client_key_file: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    username: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    password_file: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    docker_config_file: Option<Spanned<String>>,
}

/// What a field says: one that is written and says nothing was meant to say something.
fn said<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Spanned<String>>, D::Error> {
    Spanned::deserialize(field).map(Some)
}

impl Entry {
    pub(super) fn read(&self, files: &NamedFiles<'_>) -> Result<RegistrySetting, Located> {
        let prefix = parse_prefix("prefix", &self.prefix)?;
        let authorities = match &self.ca_file {
            Some(name) => read(name, |name| files.authorities(name))?,
            None => Vec::new(),
        };
        Ok(RegistrySetting {
            mirror_of: self.mirror_of(&prefix)?,
            signature_repository: self.signature_repository()?,
            token_service: self.token_service()?,
            insecure_http: self.insecure_http,
            authorities,
            client_identity: self.client_identity(files)?,
            keyring: self.keyring(&prefix, files)?,
            prefix,
        })
    }

    fn mirror_of(&self, prefix: &Prefix) -> Result<Option<Prefix>, Located> {
        let Some(written) = &self.mirror_of else {
            return Ok(None);
        };
        let source = parse_prefix("mirrorOf", written)?;
        if source == *prefix {
            let presented = written.value.clone();
            let problem = SettingsProblem::MirrorOfItself { presented };
            return Err(problem.at(written.referenced));
        }
        Ok(Some(source))
    }

    fn signature_repository(&self) -> Result<Option<Repository>, Located> {
        let Some(written) = &self.signature_repository else {
            return Ok(None);
        };
        read(written, |text| {
            let problem = |source: Option<ReferenceError>| SettingsProblem::SignatureRepository {
                presented: text.to_owned(),
                source,
            };
            // A name without a host would be one on Docker Hub, which nobody means here.
            let has_host = text
                .split_once('/')
                .is_some_and(|(host, _)| Prefix::parse(host).is_ok());
            if !has_host {
                return Err(problem(None));
            }
            text.parse().map_err(|error| problem(Some(error)))
        })
        .map(Some)
    }

    fn token_service(&self) -> Result<Option<RegistryHost>, Located> {
        let Some(written) = &self.token_service else {
            return Ok(None);
        };
        read(written, |text| {
            let presented = || text.to_owned();
            text.parse().map_err(|_| SettingsProblem::TokenService {
                presented: presented(),
            })
        })
        .map(Some)
    }

    fn client_identity(&self, files: &NamedFiles<'_>) -> Result<Option<ClientIdentity>, Located> {
        let pair = both(
            ("clientCertFile", &self.client_cert_file),
            ("clientKeyFile", &self.client_key_file),
        )?;
        let Some((certificate, key)) = pair else {
            return Ok(None);
        };
        if self.insecure_http {
            return Err(SettingsProblem::CertificateInPlain.at(certificate.referenced));
        }
        let chain = read(certificate, |name| files.chain(name))?;
        let private_key = read(key, |name| files.private_key(name))?;
        let identity = ClientIdentity::new(chain, private_key).map_err(|error| {
            let problem = SettingsProblem::ClientIdentity {
                certificate: certificate.value.clone(),
                key: key.value.clone(),
                reason: tls_detail(&error),
            };
            problem.at(key.referenced)
        })?;
        Ok(Some(identity))
    }

    /// The credentials of this entry, for what lies below its prefix.
    fn keyring(&self, prefix: &Prefix, files: &NamedFiles<'_>) -> Result<Keyring, Located> {
        let mut keyring = Keyring::default();
        let login = both(
            ("username", &self.username),
            ("passwordFile", &self.password_file),
        )?;
        if let Some((username, file)) = login {
            if username.value.is_empty() {
                let field = "username";
                return Err(SettingsProblem::Empty { field }.at(username.referenced));
            }
            let credential = Credential {
                origin: format!(
                    "the login for {:?} in the registry settings",
                    prefix.to_string()
                ),
                username: username.value.clone(),
                password: read(file, |name| files.password(name))?,
            };
            for spelling in self.spellings(prefix) {
                keyring.add(&spelling, credential.clone());
            }
        }
        if let Some(name) = &self.docker_config_file {
            keyring.append(&read(name, |name| files.docker_config(name, prefix))?);
        }
        Ok(keyring.below(prefix))
    }

    /// The hosts by which the registry of this entry is asked for.
    fn spellings(&self, prefix: &Prefix) -> BTreeSet<String> {
        let host = prefix.host().as_str();
        let registry = prefix.host().registry();
        let mut spellings = BTreeSet::from([host.to_owned()]);
        let has_port = registry.contains(':');
        if !self.insecure_http && !has_port {
            spellings.extend([registry.to_owned(), format!("{registry}:443")]);
        }
        spellings
    }
}

/// Two fields that need each other.
type Pair<'a> = (&'a Spanned<String>, &'a Spanned<String>);

/// Both of two fields that need each other, or neither.
fn both<'a>(
    (one_name, one): (&'static str, &'a Option<Spanned<String>>),
    (other_name, other): (&'static str, &'a Option<Spanned<String>>),
) -> Result<Option<Pair<'a>>, Located> {
    let (alone, present, missing) = match (one, other) {
        (None, None) => return Ok(None),
        (Some(one), Some(other)) => return Ok(Some((one, other))),
        (Some(one), None) => (one, one_name, other_name),
        (None, Some(other)) => (other, other_name, one_name),
    };
    Err(SettingsProblem::Half { present, missing }.at(alone.referenced))
}

fn parse_prefix(field: &'static str, written: &Spanned<String>) -> Result<Prefix, Located> {
    read(written, |text| {
        Prefix::parse(text).map_err(|fault| SettingsProblem::Prefix {
            field,
            presented: text.to_owned(),
            fault,
        })
    })
}

/// Reads a field; what is wrong with it is wrong where it stands.
fn read<T>(
    written: &Spanned<String>,
    read: impl FnOnce(&str) -> Result<T, SettingsProblem>,
) -> Result<T, Located> {
    read(&written.value).map_err(|problem| problem.at(written.referenced))
}
