//! The classes of failure, from what the HTTP library says.

use std::{error::Error, io};

use http::Uri;
use rustls::{CertificateError, InvalidMessage, OtherError};
use url::Url;

use super::throttle::RateLimit;
use crate::{
    limits,
    registry::{RegistryError, auth::authority, reach::SpecialAddress},
    telemetry::RequestEnd,
    untrusted::shown,
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

/// What the TLS library says, but for the time at which it says it: the same failure is told in the same words.
fn tls_detail(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the certificate has expired".to_owned(),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the certificate is not valid yet".to_owned(),
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        }) => names_detail(presented),
        rustls::Error::InvalidCertificate(CertificateError::NotValidForName) => names_detail(&[]),
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(reason))) => {
            match reason.downcast_ref::<webpki::Error>() {
                Some(webpki::Error::UnsupportedCertVersion) => {
                    "the certificate is not X.509 version 3".to_owned()
                }
                Some(_) | None => format!("invalid certificate: {reason}"),
            }
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it answers without TLS".to_owned()
        }
        // It may list the names that the certificate is for.
        error => shown(&error.to_string(), limits::SIGNATURE_ERROR_CHARS),
    }
}

/// For which names a certificate is, which the TLS library has in the form `DnsName("r.example")`.
fn names_detail(presented: &[String]) -> String {
    let names: Vec<&str> = presented
        .iter()
        .map(|name| name.split_once('(').map_or(name.as_str(), |(_, name)| name))
        .map(|name| name.trim_matches(['"', '(', ')']))
        .take(NAMES_SHOWN)
        .collect();
    match names.as_slice() {
        [] => "the certificate is for another name".to_owned(),
        names => {
            let names = shown(&names.join(", "), limits::SIGNATURE_ERROR_CHARS);
            format!("the certificate is for another name: {names}")
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

/// How many names of a certificate are shown.
const NAMES_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_certificate_are_cut_whatever_length_they_have() {
        let name = |length: usize| format!("DnsName(\"{}\")", "a".repeat(length));
        let told = names_detail(&[name(3), name(4)]);
        assert_eq!(told, "the certificate is for another name: aaa, aaaa");
        let told = names_detail(&[name(100_000)]);
        assert!(
            told.len() < limits::SIGNATURE_ERROR_CHARS + 100,
            "{}",
            told.len()
        );
    }
}
