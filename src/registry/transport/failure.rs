//! The classes of failure, from what the HTTP library says.

use std::{error::Error, io};

use rustls::CertificateError;
use url::Url;

use crate::{
    registry::{RegistryError, auth::authority},
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
    pub(super) fn of(error: &reqwest::Error, url: &Url) -> Self {
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Lasting(RegistryError::Tls {
                host: authority(url),
                detail: tls_detail(tls),
            });
        }
        if error.is_timeout() {
            return Self::Lasting(timeout(url));
        }
        if error.is_dns() {
            return Self::MayPass(unavailable(url, "could not be found (DNS)"));
        }
        let reason = match find::<io::Error>(error) {
            Some(cause) => cause.kind().to_string(),
            None => "the connection broke".to_owned(),
        };
        Self::MayPass(unavailable(
            url,
            &format!("could not be reached ({reason})"),
        ))
    }

    /// As it is counted.
    pub(super) fn end(&self) -> RequestEnd {
        let (Self::MayPass(error) | Self::Lasting(error)) = self;
        match error {
            RegistryError::Tls { .. } => RequestEnd::Tls,
            RegistryError::Timeout { .. } => RequestEnd::Timeout,
            RegistryError::Deadline { .. } => RequestEnd::Deadline,
            RegistryError::Limit { .. } => RequestEnd::TooLarge,
            RegistryError::NotFound { .. } => RequestEnd::Status(404),
            RegistryError::Unauthorized { status, .. } => RequestEnd::Status(*status),
            RegistryError::RateLimited { .. } => RequestEnd::Status(429),
            RegistryError::Unavailable { .. } => RequestEnd::Unreachable,
        }
    }

    pub(super) fn into_inner(self) -> RegistryError {
        match self {
            Self::MayPass(error) | Self::Lasting(error) => error,
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
        error => error.to_string(),
    }
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

pub(super) fn limit(url: &Url, detail: String) -> RegistryError {
    RegistryError::Limit {
        host: authority(url),
        detail,
    }
}

pub(super) fn rate_limited(url: &Url) -> RegistryError {
    RegistryError::RateLimited {
        host: authority(url),
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
