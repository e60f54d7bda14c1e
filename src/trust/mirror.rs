//! A TUF repository over HTTP: bounded in bytes and time, and never led elsewhere.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use sigstore_tuf::{Error, Repository, transport::FetchFuture};
use url::{Host, Url};

use crate::limits;

/// How long a mirror may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience {
    /// Until a connection stands.
    pub connect: Duration,
    /// For one file, from the request to its last byte.
    pub file: Duration,
    /// For everything that one refresh needs.
    pub refresh: Duration,
}

/// Why no way to a mirror can be made.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP library refuses its settings.
    #[error("no HTTP client can be made")]
    Http(#[from] reqwest::Error),
}

/// The way to one mirror.
#[derive(Clone, Debug)]
pub(super) struct Mirror {
    /// Ends in a slash.
    base: Url,
    client: reqwest::Client,
    file: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: limits::CONNECT_TIMEOUT,
            file: limits::TUF_FILE_TIMEOUT,
            refresh: limits::TUF_REFRESH_TIMEOUT,
        }
    }
}

impl Mirror {
    pub(super) fn new(base: Url, patience: Patience) -> Result<Self, MirrorError> {
        let mut client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config()?)
            .user_agent(concat!("assay/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(patience.connect);
        if is_loopback(&base) {
            client = client.no_proxy();
        }
        Ok(Self {
            base,
            client: client.build()?,
            file: patience.file,
        })
    }

    async fn fetch(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let url = self.base.join(path).ok();
        // A name from the metadata must not lead out of the folder.
        let url = url
            .filter(|url| url.origin() == self.base.origin())
            .filter(|url| url.path().starts_with(self.base.path()))
            .ok_or_else(|| Error::transport("the name of a file leads out of the mirror"))?;
        let read = tokio::time::timeout(self.file, self.read(url, path, most));
        read.await
            .unwrap_or_else(|_| Err(Error::transport(format!("{path} did not come in time"))))
    }

    async fn read(&self, url: Url, path: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let broken = |error: reqwest::Error| {
            Error::transport_with_source(
                format!("{path} could not be fetched"),
                error.without_url(),
            )
        };
        let too_large = || Error::transport(format!("{path} is larger than {most} bytes"));
        let mut answer = self.client.get(url).send().await.map_err(broken)?;
        match answer.status().as_u16() {
            200 => {}
            // Object stores say 403 of what is not there.
            403 | 404 => return Ok(None),
            status => {
                return Err(Error::transport(format!(
                    "{path} was answered with {status}"
                )));
            }
        }
        if answer.content_length().is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if body.len().saturating_add(chunk.len()) as u64 > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }
}

impl Repository for Mirror {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.fetch(name, max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move { self.fetch(&format!("targets/{path}"), max_length).await })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
