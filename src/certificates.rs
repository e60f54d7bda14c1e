//! The certificate authority and the serving certificate that Assay makes for itself.
//!
//! Everything here is a value: what is [kept](Entries) is read into [`Material`], and [`plan()`] says what is to be
//! done about it at a given time. Only the making of keys asks for randomness; nothing reads a clock.
//!
//! The order is what matters. An API server believes the authorities of the `caBundle` that it saw last, so a
//! new authority is published, together with the old ones, before anything is signed by it, and an old one leaves
//! only when nothing has been served by it for a while.

mod authority;
mod entries;
mod names;
mod plan;
mod serving;
#[cfg(test)]
mod tests;
mod x509;

pub use authority::{Bundle, SigningAuthority, TrustedAuthority};
pub use entries::{CA_CRT, CA_KEY, Entries, Material, TLS_CRT, TLS_KEY};
pub use names::{NameError, ServiceNames};
pub use plan::{Found, Reason, Step, plan};
pub use serving::ServingCertificate;
pub use x509::{Validity, expiry};

use std::time::Duration;

use crate::limits;

/// Why nothing could be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The library refused.
    #[error("a certificate could not be made")]
    Library(#[from] rcgen::Error),
    /// The time is one that certificates cannot name.
    #[error("certificates cannot name the time {0}")]
    Time(jiff::Timestamp),
}

/// What is wanted of the certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// What the serving certificate names.
    pub names: ServiceNames,
    /// How long each lives.
    pub lifetimes: Lifetimes,
}

/// How long certificates live. Each is renewed when a third of its life is left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    authority: Duration,
    serving: Duration,
}

/// Why these lifetimes cannot work.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LifetimeError {
    /// There would be no time to renew it.
    #[error("a serving certificate of less than {} seconds cannot be renewed in time", limits::SHORTEST_CERTIFICATE.as_secs())]
    CertificateTooShort,
    /// It would always be cut short.
    #[error("the certificate authority has to live at least twice as long as its certificates")]
    AuthorityTooShort,
    /// It would be in force for ever.
    #[error("a certificate authority of more than {} days is too long", limits::LONGEST_AUTHORITY.as_secs() / 86_400)]
    AuthorityTooLong,
}

impl Lifetimes {
    /// Both lifetimes.
    ///
    /// # Errors
    ///
    /// When a rotation would not fit into them.
    pub fn new(authority: Duration, serving: Duration) -> Result<Self, LifetimeError> {
        if serving < limits::SHORTEST_CERTIFICATE {
            return Err(LifetimeError::CertificateTooShort);
        }
        if authority < serving.saturating_mul(2) {
            return Err(LifetimeError::AuthorityTooShort);
        }
        if authority > limits::LONGEST_AUTHORITY {
            return Err(LifetimeError::AuthorityTooLong);
        }
        Ok(Self { authority, serving })
    }

    /// Of the authority.
    pub fn authority(&self) -> Duration {
        self.authority
    }

    /// Of a serving certificate.
    pub fn serving(&self) -> Duration {
        self.serving
    }

    /// How long every `caBundle` has named a new authority before anything is signed by it, while the old
    /// certificate still serves.
    pub fn settling(&self) -> Duration {
        limits::AUTHORITY_SETTLING.min(self.serving / 6)
    }

    /// The same while nothing serves: the API servers need a moment, and so does nobody else.
    pub fn urgent_settling(&self) -> Duration {
        limits::AUTHORITY_SETTLING_URGENT.min(self.settling())
    }

    /// How long an old authority stays in every `caBundle` after the new certificate is there.
    pub fn overlap(&self) -> Duration {
        limits::AUTHORITY_OVERLAP.min(self.serving / 6)
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            authority: limits::AUTHORITY_LIFETIME,
            serving: limits::CERTIFICATE_LIFETIME,
        }
    }
}
