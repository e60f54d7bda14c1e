//! HTTP clients: a few per TLS setting, made once.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::Resolve;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::CertificateDer;
use url::Url;

use super::{
    RegistryError,
    options::RegistryOptions,
    proxies::on_the_way,
    reach::{Authority, Guarded, Reach, Unguarded, is_loopback},
    settings::{ClientIdentity, RegistrySettings},
};
use crate::limits;

/// The clients; the first trust the public roots only.
#[derive(Debug)]
pub(super) struct Clients {
    trusts: Vec<Trust>,
    by_prefix: Vec<(String, usize)>,
    reach: Reach,
    proxied: Matcher,
}

/// The clients that trust the same certificate authorities.
#[derive(Debug)]
struct Trust {
    ways: Ways,
    /// Those that show who they are, and the only host and port that they show it to: not a token service elsewhere, and not
    /// where a registry redirects to.
    identified: Option<(Authority, Ways)>,
}

/// The clients that differ only in how they find a host.
#[derive(Debug)]
struct Ways {
    /// For hosts that the settings name: without a proxy, to whatever address.
    named: reqwest::Client,
    /// For all others: without a proxy, to no special address.
    guarded: reqwest::Client,
    /// By the proxies that the environment names, if it names one. It is the proxy that finds the host then.
    proxied: Option<reqwest::Client>,
}

/// How a host is asked.
#[derive(Debug)]
pub(super) struct Route<'a> {
    pub(super) client: &'a reqwest::Client,
    /// What is between, without the login for it.
    pub(super) proxy: Option<Uri>,
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
    /// There is no host to show a client certificate to.
    #[error("{prefix:?} names no host that a client certificate can be shown to")]
    Host {
        /// The prefix it is for.
        prefix: String,
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
        let mut trusts = vec![Trust {
            ways: Ways::new(&tls_config("", &[], None)?, options)?,
            identified: None,
        }];
        let mut by_prefix = Vec::new();
        for entry in settings.entries() {
            let identity = entry.client_identity();
            if entry.authorities.is_empty() && identity.is_none() {
                continue;
            }
            let prefix = entry.prefix();
            let ways = |identity| {
                let tls = tls_config(&prefix, &entry.authorities, identity)?;
                Ways::new(&tls, options)
            };
            let identified = match identity {
                Some(identity) => {
                    let authority = Authority::of_entry(entry).ok_or_else(|| {
                        let prefix = prefix.clone();
                        ClientError::Host { prefix }
                    })?;
                    Some((authority, ways(Some(identity))?))
                }
                None => None,
            };
            let ways = ways(None)?;
            by_prefix.push((prefix, trusts.len()));
            trusts.push(Trust { ways, identified });
        }
        Ok(Self {
            trusts,
            by_prefix,
            reach: Reach::new(settings),
            proxied: options.proxies.matcher(),
        })
    }

    /// The clients for the settings of this prefix, when they say anything about TLS.
    pub(super) fn index_of(&self, prefix: &str) -> Option<usize> {
        let found = self.by_prefix.iter().find(|(known, _)| known == prefix);
        found.map(|(_, index)| *index)
    }

    /// Refuses a host that is a special address, or a name for one, unless the settings name it. What only the DNS knows
    /// is refused when a connection is made.
    pub(super) fn permit(&self, url: &Url) -> Result<(), RegistryError> {
        self.reach.permit(url)
    }

    /// How this host is asked, with the TLS settings of this index.
    pub(super) fn route(&self, index: usize, url: &Url) -> Option<Route<'_>> {
        let ways = self.trusts.get(index)?.ways_to(url);
        if let (Some(client), false) = (&ways.proxied, is_loopback(url))
            && let Some(proxy) = on_the_way(&self.proxied, url)
        {
            let proxy = Some(proxy);
            return Some(Route { client, proxy });
        }
        let client = if self.reach.is_named(url) {
            &ways.named
        } else {
            &ways.guarded
        };
        Some(Route {
            client,
            proxy: None,
        })
    }
}

impl Trust {
    fn ways_to(&self, url: &Url) -> &Ways {
        match &self.identified {
            Some((authority, identified)) if *authority == Authority::of(url) => identified,
            Some(_) | None => &self.ways,
        }
    }
}

impl Ways {
    fn new(tls: &ClientConfig, options: &RegistryOptions) -> Result<Self, ClientError> {
        let unguarded = || Unguarded(Arc::clone(&options.names));
        let guarded = Guarded(Arc::clone(&options.names));
        let proxied = || builder(tls, options, unguarded());
        Ok(Self {
            named: builder(tls, options, unguarded()).no_proxy().build()?,
            guarded: builder(tls, options, guarded).no_proxy().build()?,
            proxied: options.proxies.client(proxied)?,
        })
    }
}

/// What every client is made with, whomever it asks: it does what it is told, once.
pub(super) fn obedient(
    tls: &ClientConfig,
    connect_timeout: Duration,
    stand_ins: &BTreeMap<String, SocketAddr>,
) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("assay/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(connect_timeout);
    stand_ins.iter().fold(builder, |builder, (host, address)| {
        builder.resolve(host, *address)
    })
}

/// Settings that trust the public roots only.
pub(super) fn public_tls() -> Result<ClientConfig, ClientError> {
    tls_config("", &[], None)
}

fn builder<R: Resolve + 'static>(
    tls: &ClientConfig,
    options: &RegistryOptions,
    resolver: R,
) -> reqwest::ClientBuilder {
    obedient(tls, options.connect_timeout, &options.stand_ins)
        .pool_max_idle_per_host(limits::REQUESTS_PER_HOST)
        // A connection whose other end is gone without a word would otherwise serve every later request, for ever.
        .http2_keep_alive_interval(options.keep_alive)
        .http2_keep_alive_timeout(options.keep_alive)
        .dns_resolver(resolver)
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

/// The clients that trust the public roots only.
pub(super) const PUBLIC: usize = 0;
