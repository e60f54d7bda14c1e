//! What to do about a login that was refused, or that is missing.

use super::cut_short;
use crate::{
    decision::{cause::Asked, evidence::Reader},
    image::RegistryHost,
};

/// A refusal.
pub(super) struct Refused<'a> {
    /// The registry, where the image's name tells it.
    pub(super) registry: Option<RegistryHost>,
    pub(super) asked: &'a Asked,
    pub(super) status: u16,
    pub(super) tried: &'a [String],
    pub(super) reader: &'a Reader,
}

pub(super) fn hint(refused: &Refused<'_>) -> String {
    let is_of = |mark: &str| refused.tried.iter().all(|origin| origin.contains(mark));
    match (refused.tried, refused.status) {
        ([], _) => refused.missing_hint(),
        (tried, _) if tried.iter().all(|origin| origin.starts_with(IDENTITY)) => {
            format!("let that identity pull there, or {}", refused.addition())
        }
        (_, _) if is_of(NOT_SENT) => {
            "its token service must share the registry's parent domain, or be named in tokenService of Assay's registries"
                .to_owned()
        }
        (_, _) if is_of(NOT_ASKED) => {
            "its operator must let it ask for one: 401 with WWW-Authenticate: Basic or Bearer"
                .to_owned()
        }
        (_, _) if is_of(UNFIT) => "give it a user name and a password".to_owned(),
        (_, _) if is_of(HELD) => {
            "try again then; other wrong pull secrets are the cause, and the registry would ban the cluster for more of them"
                .to_owned()
        }
        (_, status) => refused.wrong_hint(status),
    }
}

/// What to do about pull secrets that cannot be read.
pub(super) fn unreadable_hint(detail: &str) -> &'static str {
    if detail.contains(" is not a docker config: ") {
        "write it again, as kubectl create secret docker-registry does"
    } else if detail.ends_with(" are read") {
        "name fewer"
    } else {
        "see that the secret exists and that Assay may read it"
    }
}

impl Refused<'_> {
    /// Nothing was presented.
    fn missing_hint(&self) -> String {
        match (self.asked, self.reader) {
            (Asked::Elsewhere { .. }, Reader::Pod { .. } | Reader::Person | Reader::Server) => {
                format!(
                    "if it is the token service: {}; if it is the storage: mend the registry's access to it",
                    self.addition()
                )
            }
            (_, Reader::Pod { useless }) if !useless.is_empty() => format!(
                "write one with a login for {}, as kubectl create secret docker-registry does",
                self.host()
            ),
            (_, Reader::Pod { .. }) if self.is_gitlab() => {
                "add a pull secret whose token has read_registry".to_owned()
            }
            (_, Reader::Pod { .. }) => {
                "add a pull secret that may read it (in GitLab: with read_registry)".to_owned()
            }
            (_, Reader::Person | Reader::Server) => self.addition(),
        }
    }

    /// What was presented is wrong, or lacks a right.
    fn wrong_hint(&self, status: u16) -> String {
        match (self.reader, status) {
            (Reader::Pod { .. }, 403) if self.is_gitlab() => "the deploy token needs read_registry",
            (Reader::Pod { .. } | Reader::Person | Reader::Server, _) if self.is_gitlab() => {
                "renew it: the token is wrong, has expired or lacks read_registry"
            }
            (Reader::Pod { .. } | Reader::Person | Reader::Server, _) => {
                "renew it: it is wrong, has expired or may not read this (in GitLab: lacks read_registry)"
            }
        }
        .to_owned()
    }

    /// How a login is added.
    fn addition(&self) -> String {
        match self.reader {
            Reader::Pod { .. } => "add a pull secret".to_owned(),
            Reader::Person => {
                let host = self.host();
                format!("docker login {host}, or name a login in --registries")
            }
            Reader::Server => {
                let host = self.host();
                format!("name a login for {host} in --registries or --docker-config")
            }
        }
    }

    fn host(&self) -> String {
        match &self.registry {
            Some(host) => cut_short(host.registry()),
            None => "the registry".to_owned(),
        }
    }

    /// Whether the registry is named as one of GitLab's.
    fn is_gitlab(&self) -> bool {
        let is_label = |host: &RegistryHost| {
            let mut labels = host.as_str().split(['.', ':', '-']);
            labels.any(|label| label == "gitlab")
        };
        self.registry.as_ref().is_some_and(is_label)
    }
}

/// How the name of what a cloud gives to Assay begins; all others are secrets and logins that somebody wrote.
const IDENTITY: &str = "the workload identity for ";

/// How a login is told of that was kept from a token service.
const NOT_SENT: &str = "(not sent to ";

/// How a login is told of that a registry did not ask for.
const NOT_ASKED: &str = "(not sent: the registry asks for no login that Assay knows)";

/// How a token is told of that is no user name and password.
const UNFIT: &str = "(not sent: the registry takes user name and password only)";

/// How a login is told of that is held because too many others were refused.
const HELD: &str = "(not sent for up to ";
