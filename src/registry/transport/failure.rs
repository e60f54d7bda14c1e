//! The classes of failure, from what the HTTP library says.

use std::{error::Error, io};

use http::Uri;
use url::Url;

use super::throttle::RateLimit;
use crate::{
    registry::{RegistryError, auth::authority, reach::SpecialAddress, tls_error::tls_detail},
    telemetry::RequestEnd,
};

/// Why a call got no answer.
#[derive(Debug)]
pub(in crate::registry) struct Failure {
    pub(in crate::registry) error: RegistryError,
    /// Whether it was another URL than the one asked that failed.
    pub(in crate::registry) is_redirected: bool,
}

/// Why one attempt got no answer.
#[derive(Debug)]
pub(super) enum SendError {
    /// Another attempt may fare better.
    MayPass(RegistryError),
    /// It would not.
    Lasting(RegistryError),
    /// Its answer is on its way, and takes longer than the caller has.
    Flowing(RegistryError),
}

impl From<Failure> for RegistryError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self {
            error,
            is_redirected: false,
        }
    }
}

impl From<RegistryError> for SendError {
    fn from(error: RegistryError) -> Self {
        Self::Lasting(error)
    }
}

impl SendError {
    /// Why a request was not answered that was sent by this proxy, or by none.
    pub(super) fn of(error: &reqwest::Error, url: &Url, proxy: Option<&Uri>) -> Self {
        if let Some(special) = find::<SpecialAddress>(error) {
            return Self::Lasting(special.refusal(url));
        }
        let tls = find::<rustls::Error>(error).map(tls_detail);
        if let Some(detail) = tls.or_else(|| alert(error)) {
            return Self::Lasting(RegistryError::Tls {
                host: authority(url),
                detail,
            });
        }
        if error.is_timeout() {
            return if error.is_connect() {
                Self::Lasting(timeout(url))
            } else {
                // A shared connection turned out to be dead: the next request makes a new one.
                Self::MayPass(timeout(url))
            };
        }
        let detail = match (proxy.and_then(Uri::authority), error.is_dns()) {
            (None, true) => "could not be found (DNS)".to_owned(),
            (None, false) => format!("could not be reached ({})", reason(error)),
            // The name that was not found is the proxy's.
            (Some(proxy), true) => format!("could not be reached by the proxy {proxy} (DNS)"),
            (Some(proxy), false) => {
                format!(
                    "could not be reached by the proxy {proxy} ({})",
                    reason(error)
                )
            }
        };
        Self::MayPass(unavailable(url, &detail))
    }

    /// As it is counted.
    pub(super) fn end(&self) -> RequestEnd {
        let (Self::MayPass(error) | Self::Lasting(error) | Self::Flowing(error)) = self;
        match error {
            RegistryError::Tls { .. } => RequestEnd::Tls,
            RegistryError::Timeout { .. } => RequestEnd::Timeout,
            RegistryError::Deadline { .. } => RequestEnd::Deadline,
            RegistryError::Limit { .. } => RequestEnd::TooLarge,
            RegistryError::NotFound { .. } => RequestEnd::Status(404),
            RegistryError::Unauthorized { status, .. } => RequestEnd::Status(*status),
            RegistryError::RateLimited { .. } => RequestEnd::Status(429),
            RegistryError::Unavailable { .. }
            | RegistryError::Unusable { .. }
            | RegistryError::AddressRefused { .. } => RequestEnd::Unreachable,
        }
    }

    pub(super) fn into_inner(self) -> RegistryError {
        match self {
            Self::MayPass(error) | Self::Lasting(error) | Self::Flowing(error) => error,
        }
    }
}

/// What the other side objects to in a connection that stood already, as to a missing client certificate. HTTP/2 keeps the
/// text of such an error alone.
fn alert(error: &reqwest::Error) -> Option<String> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if let Some(at) = text.find(ALERT) {
            return text.get(at..).map(str::to_owned);
        }
        next = error.source();
    }
    None
}

/// What broke a connection, in few words.
fn reason(error: &reqwest::Error) -> String {
    if let Some(cause) = find::<io::Error>(error) {
        return cause.kind().to_string();
    }
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        // What a proxy said to CONNECT is told by text alone.
        if let Some(said) = error.to_string().strip_prefix("tunnel error: ") {
            return match said {
                "unsuccessful" => "it refuses to lead there".to_owned(),
                said => said.to_owned(),
            };
        }
        next = error.source();
    }
    "the connection broke".to_owned()
}

/// Looks for one kind of error among the sources, and inside of I/O errors, which hide theirs.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inside = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inside| inside as &(dyn Error + 'static));
        if let Some(found) = inside.and_then(find) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

pub(super) fn unavailable(url: &Url, detail: &str) -> RegistryError {
    RegistryError::Unavailable {
        host: authority(url),
        detail: detail.to_owned(),
    }
}

pub(super) fn unusable(url: &Url, detail: &str) -> RegistryError {
    RegistryError::Unusable {
        host: authority(url),
        detail: detail.to_owned(),
    }
}

pub(super) fn limit(url: &Url, detail: String) -> RegistryError {
    RegistryError::Limit {
        host: authority(url),
        detail,
    }
}

pub(super) fn rate_limited(url: &Url, limit: RateLimit) -> RegistryError {
    RegistryError::RateLimited {
        host: authority(url),
        wait: limit.asked,
    }
}

pub(super) fn timeout(url: &Url) -> RegistryError {
    RegistryError::Timeout {
        host: authority(url),
    }
}

pub(super) fn deadline(url: &Url) -> RegistryError {
    RegistryError::Deadline {
        host: authority(url),
    }
}

/// How the TLS library begins to tell of an alert.
const ALERT: &str = "received fatal alert: ";
