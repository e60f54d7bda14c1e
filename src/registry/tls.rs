//! HTTP clients: a few per TLS setting, made once.

mod verifier;

pub use verifier::ServerVerifier;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use ::aws_lc_rs::digest::{Context, SHA256};
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
    settings::{ClientIdentity, RegistrySetting, RegistrySettings},
};
use crate::limits;

/// The clients.
#[derive(Debug)]
pub(super) struct Clients {
    public: Arc<Trust>,
    by_prefix: BTreeMap<String, Arc<Trust>>,
    reach: Reach,
    proxied: Matcher,
}

/// The clients that trust the same certificate authorities.
#[derive(Debug)]
pub(super) struct Trust {
    id: TrustId,
    ways: Ways,
    /// Those that show who they are, and the only host and port that they show it to: not a token service elsewhere, and not
    /// where a registry redirects to.
    identified: Option<(Authority, Ways)>,
}

/// Tells TLS settings apart by what they are: the prefix, whom they trust and what they show.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct TrustId([u8; 32]);

/// The clients that differ only in how they find a host.
#[derive(Debug)]
pub(super) struct Ways {
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
    /// Those for these settings. Clients that were made before of the same are taken over, with their connections.
    pub(super) fn new(
        settings: &RegistrySettings,
        options: &RegistryOptions,
        before: Option<&Self>,
    ) -> Result<Self, ClientError> {
        let public = match before {
            Some(before) => Arc::clone(&before.public),
            None => Arc::new(Trust::public(options)?),
        };
        let mut by_prefix = BTreeMap::new();
        for entry in settings.entries() {
            if entry.authorities.is_empty() && entry.client_identity().is_none() {
                continue;
            }
            let prefix = entry.prefix();
            let same = before
                .and_then(|before| before.by_prefix.get(&prefix))
                .filter(|trust| trust.id == TrustId::of(entry));
            let trust = match same {
                Some(trust) => Arc::clone(trust),
                None => Arc::new(Trust::new(entry, options)?),
            };
            by_prefix.insert(prefix, trust);
        }
        Ok(Self {
            public,
            by_prefix,
            reach: Reach::new(settings),
            proxied: options.proxies.matcher(),
        })
    }

    /// Whether any of them trust these.
    pub(super) fn hold(&self, id: TrustId) -> bool {
        let mut all = self.by_prefix.values().chain([&self.public]);
        all.any(|trust| trust.id == id)
    }

    /// The clients that trust the public roots only.
    pub(super) fn public(&self) -> &Arc<Trust> {
        &self.public
    }

    /// The clients for what this setting covers, when it says anything about TLS.
    pub(super) fn own(&self, setting: &RegistrySetting) -> Option<&Arc<Trust>> {
        self.by_prefix.get(&setting.prefix())
    }

    /// Refuses a host that is a special address, or a name for one, unless the settings name it. What only the DNS knows
    /// is refused when a connection is made.
    pub(super) fn permit(&self, url: &Url) -> Result<(), RegistryError> {
        self.reach.permit(url)
    }

    /// Which of these clients asks this host.
    pub(super) fn route<'a>(&self, ways: &'a Ways, url: &Url) -> Route<'a> {
        if let (Some(client), false) = (&ways.proxied, is_loopback(url))
            && let Some(proxy) = on_the_way(&self.proxied, url)
        {
            let proxy = Some(proxy);
            return Route { client, proxy };
        }
        let client = if self.reach.is_named(url) {
            &ways.named
        } else {
            &ways.guarded
        };
        Route {
            client,
            proxy: None,
        }
    }
}

impl Trust {
    /// The public roots only.
    fn public(options: &RegistryOptions) -> Result<Self, ClientError> {
        Ok(Self {
            id: TrustId::PUBLIC,
            ways: Ways::new(&public_tls()?, options)?,
            identified: None,
        })
    }

    fn new(entry: &RegistrySetting, options: &RegistryOptions) -> Result<Self, ClientError> {
        let prefix = entry.prefix();
        let ways = |identity| {
            let tls = tls_config(&prefix, &entry.authorities, identity)?;
            Ways::new(&tls, options)
        };
        let identified = match entry.client_identity() {
            Some(identity) => {
                let authority = Authority::of_entry(entry).ok_or_else(|| {
                    let prefix = prefix.clone();
                    ClientError::Host { prefix }
                })?;
                Some((authority, ways(Some(identity))?))
            }
            None => None,
        };
        Ok(Self {
            id: TrustId::of(entry),
            ways: ways(None)?,
            identified,
        })
    }

    pub(super) fn id(&self) -> TrustId {
        self.id
    }

    /// The clients for this host, which show it the certificate if it is the one that they show it to.
    pub(super) fn ways_to(&self, url: &Url) -> &Ways {
        match &self.identified {
            Some((authority, identified)) if *authority == Authority::of(url) => identified,
            Some(_) | None => self.unidentified(),
        }
    }

    /// The clients that show no certificate to anybody.
    pub(super) fn unidentified(&self) -> &Ways {
        &self.ways
    }
}

impl TrustId {
    /// The public roots only.
    pub(super) const PUBLIC: Self = Self([0; 32]);

    pub(super) fn of(entry: &RegistrySetting) -> Self {
        let chain = entry.client_identity().map(ClientIdentity::chain);
        let certificates = [entry.authorities.as_slice(), chain.unwrap_or_default()];
        let scheme = if entry.insecure_http { "http" } else { "https" };
        let mut context = Context::new(&SHA256);
        // The length first, so that no two lists of parts read the same.
        let mut add = |part: &[u8]| {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        };
        add(scheme.as_bytes());
        add(entry.prefix().as_bytes());
        for certificates in certificates {
            add(&certificates.len().to_be_bytes());
            for certificate in certificates {
                add(certificate);
            }
        }
        let mut id = [0; 32];
        id.copy_from_slice(context.finish().as_ref());
        Self(id)
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
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let verifier =
        ServerVerifier::new(roots, authorities).map_err(|source| ClientError::Certificate {
            prefix: prefix.to_owned(),
            source,
        })?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
