//! HTTP clients: one per TLS setting, made once.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::CertificateDer;
use url::{Host, Url};

use super::{
    options::RegistryOptions,
    settings::{ClientIdentity, RegistrySettings},
};
use crate::limits;

/// The clients; the first trusts the public roots only.
#[derive(Debug)]
pub(super) struct Clients {
    clients: Vec<Client>,
    by_prefix: Vec<(String, usize)>,
}

#[derive(Debug)]
struct Client {
    /// By the proxy that the environment names, if it names one.
    outward: reqwest::Client,
    /// Without a proxy, for loopback.
    direct: reqwest::Client,
}

/// Why no HTTP client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A certificate of `caFile` cannot be used.
    #[error("a certificate for {prefix:?} cannot be used")]
    Certificate {
        /// The prefix it is for.
        prefix: String,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP library refuses its settings.
    #[error("no HTTP client can be made")]
    Http(#[from] reqwest::Error),
}

impl Clients {
    pub(super) fn new(
        settings: &RegistrySettings,
        options: &RegistryOptions,
    ) -> Result<Self, ClientError> {
        let mut clients = vec![Client::new("", &[], None, options)?];
        let mut by_prefix = Vec::new();
        for entry in settings.entries() {
            if !entry.authorities.is_empty() || entry.client_identity().is_some() {
                let prefix = entry.prefix();
                by_prefix.push((prefix.clone(), clients.len()));
                let identity = entry.client_identity();
                clients.push(Client::new(&prefix, &entry.authorities, identity, options)?);
            }
        }
        Ok(Self { clients, by_prefix })
    }

    /// The client for the settings of this prefix.
    pub(super) fn index_of(&self, prefix: &str) -> usize {
        let found = self.by_prefix.iter().find(|(known, _)| known == prefix);
        found.map_or(PUBLIC, |(_, index)| *index)
    }

    pub(super) fn of(&self, index: usize, url: &Url) -> Option<&reqwest::Client> {
        let client = self.clients.get(index)?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        Some(if is_loopback {
            &client.direct
        } else {
            &client.outward
        })
    }
}

impl Client {
    fn new(
        prefix: &str,
        authorities: &[CertificateDer<'static>],
        identity: Option<&ClientIdentity>,
        options: &RegistryOptions,
    ) -> Result<Self, ClientError> {
        let tls = tls_config(prefix, authorities, identity)?;
        let builder = || {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("assay/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(options.connect_timeout)
                .pool_max_idle_per_host(limits::REQUESTS_PER_HOST);
            let stand_ins = options.stand_ins.iter();
            stand_ins.fold(builder, |builder, (host, address)| {
                builder.resolve(host, *address)
            })
        };
        Ok(Self {
            outward: builder().build()?,
            direct: builder().no_proxy().build()?,
        })
    }
}

/// Settings that trust the public roots only.
pub(super) fn public_tls() -> Result<ClientConfig, ClientError> {
    tls_config("", &[], None)
}

fn tls_config(
    prefix: &str,
    authorities: &[CertificateDer<'static>],
    identity: Option<&ClientIdentity>,
) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for certificate in authorities {
        roots
            .add(certificate.clone())
            .map_err(|source| ClientError::Certificate {
                prefix: prefix.to_owned(),
                source,
            })?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The client that trusts the public roots only.
pub(super) const PUBLIC: usize = 0;
