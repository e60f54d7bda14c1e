//! Registries as they are: what each product does in its own way, and that it is read all the same. One file has one
//! product's whole list.
//!
//! The registry in memory answers under the names that the product has, in plain HTTP so that nobody needs its
//! certificates, and a hook plays what is odd about it.

mod artifactory;
mod docker_hub;
mod ecr;
mod ghcr;
mod gitlab;
mod harbor;
mod media_types;
mod paging;
mod storage;

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    sandbox::{Fault, Referrers, RequestInfo},
    *,
};

/// A registry of some make under its real names.
struct Product {
    registry: MemoryRegistry,
    reader: OciRegistry,
}

impl Product {
    async fn new(hosts: &[&str], referrers: Referrers) -> Self {
        let settings = sandbox::RegistrySettings {
            referrers,
            ..sandbox::RegistrySettings::default()
        };
        Self::with(hosts, settings).await
    }

    async fn with(hosts: &[&str], settings: sandbox::RegistrySettings) -> Self {
        let registry = MemoryRegistry::start(settings).await.expect("a free port");
        let address: SocketAddr = registry.host().parse().expect("an address");
        let stand_ins = hosts.iter().map(|host| ((*host).to_owned(), address));
        let options = RegistryOptions {
            stand_ins: stand_ins.collect(),
            ..options()
        };
        Self {
            reader: reader(hosts, options),
            registry,
        }
    }

    /// What is odd about it: an answer instead of the true one, or none.
    fn plays(&self, oddity: impl Fn(&RequestInfo) -> Option<Fault> + Send + Sync + 'static) {
        self.registry.set_fault(oddity);
    }

    /// What a review does with an image that is signed well, or the error in words.
    async fn review(&self, image: &str, access: &Access) -> Result<Found, String> {
        let image: Reference = image.parse().expect("a reference");
        let digest = self.reader.resolve(&image, access).await;
        let digest = digest.map_err(|error| error.to_string())?;
        self.search(&image, &digest, Search::First, access).await
    }

    /// What is found when nothing is left out.
    async fn search_everywhere(&self, image: &str, digest: &Digest) -> Result<Found, String> {
        let image = image.parse().expect("a reference");
        self.search(&image, digest, Search::Everywhere, &anonymous())
            .await
    }

    async fn search(
        &self,
        image: &Reference,
        digest: &Digest,
        search: Search,
        access: &Access,
    ) -> Result<Found, String> {
        let wanted = Wanted::Signatures;
        let found = self
            .reader
            .attachments(image.repository(), digest, wanted, search, access);
        let found = found.await.map_err(|error| error.to_string())?;
        Ok(summary(&found))
    }

    /// The requests since the last call with the host that each was sent to, sorted; digests as their names.
    fn asked(&self, digests: &[(&str, &Digest)]) -> Vec<String> {
        let mut lines: Vec<String> = self
            .registry
            .requests()
            .iter()
            .map(|record| {
                let line = record.to_string();
                let (method, rest) = line.split_once(' ').expect("a method");
                named(format!("{method} {}{rest}", record.request.host), digests)
            })
            .collect();
        lines.sort();
        self.registry.clear_requests();
        lines
    }
}

/// The digest of which a registry is asked whether it has the referrers API.
fn of_nothing() -> Digest {
    Digest::of(b"")
}

fn named(mut line: String, digests: &[(&str, &Digest)]) -> String {
    for (name, digest) in digests {
        line = line.replace(digest.hex(), name);
    }
    line.replace(of_nothing().hex(), "NOTHING")
}

/// An answer in place of the true one.
fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Fault {
    Fault::answer(status, headers, body)
}

fn challenge(value: &str) -> Fault {
    let errors = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    answer(401, &[("www-authenticate", value)], errors)
}

fn token(token: &str) -> Fault {
    let body = serde_json::json!({"token": token, "expires_in": 300});
    answer(
        200,
        &[("content-type", "application/json")],
        body.to_string(),
    )
}

/// The header by which this login comes.
fn basic(username: &str, password: &str) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{username}:{password}"))
    )
}

/// An access with this login for a host.
fn with_login(host: &str, username: &str, password: &str) -> Access {
    let mut keyring = Keyring::default();
    let credential = Credential {
        origin: "pull secret \"regcred\"".to_owned(),
        username: username.to_owned(),
        password: Secret::new(password.to_owned()),
    };
    keyring.add(host, credential);
    access(keyring)
}

/// Whether this is asked of the referrers API.
fn is_referrers(request: &RequestInfo) -> bool {
    request.path.contains("/referrers/")
}
