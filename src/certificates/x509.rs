//! What is common to both kinds of certificate: reading X.509, and time.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use der::{Decode as _, Encode as _};
use jiff::Timestamp;
use rcgen::CertificateParams;
use rustls_pki_types::CertificateDer;
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, SubjectAltName, name::GeneralName},
    time::Time,
};

use super::MakeError;
use crate::limits;

/// From when to when a certificate is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    start: Timestamp,
    end: Timestamp,
}

/// When this certificate (DER) expires, if it can be read.
pub fn expiry(der: &[u8]) -> Option<Timestamp> {
    let read = Certificate::from_der(der).ok()?;
    timestamp(read.tbs_certificate.validity.not_after)
}

impl Validity {
    /// Of what is made now: it begins a while earlier, for clocks that are behind.
    pub(super) fn from_now(now: Timestamp, lifetime: Duration) -> Result<Self, MakeError> {
        let start = now
            .checked_sub(limits::CERTIFICATE_BACKDATE)
            .map_err(|_| MakeError::Time(now))?;
        let end = now
            .checked_add(lifetime)
            .map_err(|_| MakeError::Time(now))?;
        Ok(Self { start, end })
    }

    /// The same, with no later end than this.
    #[must_use]
    pub(super) fn until(self, end: Timestamp) -> Self {
        Self {
            end: self.end.min(end),
            ..self
        }
    }

    /// When it ends.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// When it begins.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Whether it has ended.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end <= now
    }

    /// When a third of its life is left. Life begins when it was made, not at the backdated start.
    ///
    /// One that begins in the future is none to renew: whose clock is wrong cannot be known here.
    pub fn renewal(&self) -> Timestamp {
        let made = self
            .start
            .checked_add(limits::CERTIFICATE_BACKDATE)
            .unwrap_or(self.start);
        let life = self.end.duration_since(made);
        self.end.checked_sub(life / 3).unwrap_or(self.end)
    }

    pub(super) fn set(&self, params: &mut CertificateParams) -> Result<(), MakeError> {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        params.not_before = epoch + since_epoch(self.start)?;
        params.not_after = epoch + since_epoch(self.end)?;
        Ok(())
    }
}

/// The parts of a certificate that matter here.
pub(super) struct Parts {
    pub(super) validity: Validity,
    pub(super) public_key: Vec<u8>,
    pub(super) is_authority: bool,
    pub(super) names: BTreeSet<String>,
}

impl Parts {
    /// None when it cannot be read.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?.tbs_certificate;
        let constraints = certificate.get::<BasicConstraints>().ok()?;
        let names = certificate.get::<SubjectAltName>().ok()?;
        Some(Self {
            validity: Validity {
                start: timestamp(certificate.validity.not_before)?,
                end: timestamp(certificate.validity.not_after)?,
            },
            public_key: certificate.subject_public_key_info.to_der().ok()?,
            is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
            names: names
                .iter()
                .flat_map(|(_, names)| &names.0)
                .map(text_of)
                .collect(),
        })
    }
}

fn text_of(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => name.to_string(),
        GeneralName::IpAddress(address) => {
            let bytes = address.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
            v4.or(v6)
                .map_or_else(|_| format!("{bytes:?}"), |address| address.to_string())
        }
        // None of ours, so that a certificate with one is made anew.
        other => format!("{other:?}"),
    }
}

fn timestamp(time: Time) -> Option<Timestamp> {
    Timestamp::try_from(time.to_system_time()).ok()
}

fn since_epoch(at: Timestamp) -> Result<Duration, MakeError> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| MakeError::Time(at))?;
    Ok(Duration::from_secs(seconds))
}
