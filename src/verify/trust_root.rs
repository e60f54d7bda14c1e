//! The authorities and logs whose word counts.

mod authority;
mod failure;
mod json;
mod log;
mod pem;

pub(super) use authority::{CertificateAuthority, Chain, TimestampAuthority};
pub use failure::TrustRootError;
pub(super) use log::Log;
pub use pem::PemParts;

use jiff::Timestamp;
use sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

use crate::image::Digest;

/// Certificate authorities, logs and timestamp authorities, parsed and ready to verify with.
pub struct TrustRoot {
    parts: Parts,
    switches: Switches,
    version: String,
}

/// What a root asks for beyond a signature. The default asks for everything.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Switches {
    /// Whether a certificate must have been logged when it was issued.
    pub certificate_timestamps: CertificateTimestamps,
    /// Whether a signature must have been logged.
    pub transparency: Transparency,
}

/// Whether a certificate must carry the timestamp of a certificate log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CertificateTimestamps {
    /// One that verifies is required.
    #[default]
    Required,
    /// None is asked for, for an authority without certificate log. A certificate must still chain to it; that it was
    /// issued in secret is no longer ruled out.
    InsecureNone,
}

/// Whether a signature must be in a transparency log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transparency {
    /// An entry that verifies is required.
    #[default]
    Required,
    /// None is asked for and none counts, for an instance without transparency log. The time of signing must still be
    /// proven, by a timestamp authority; that it was signed in secret is no longer ruled out.
    InsecureNone,
}

/// What is in a trust root.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Summary {
    /// How many certificate authorities.
    pub certificate_authorities: usize,
    /// How many transparency logs.
    pub logs: usize,
    /// How many certificate logs.
    pub certificate_logs: usize,
    /// How many timestamp authorities.
    pub timestamp_authorities: usize,
    /// When the last of its certificate authorities ends: from then on nothing new can be signed under it.
    pub ends: Option<Timestamp>,
}

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Window {
    pub(super) start: Timestamp,
    pub(super) end: Option<Timestamp>,
}

/// The parsed content, however it was written down.
struct Parts {
    certificate_authorities: Vec<CertificateAuthority>,
    timestamp_authorities: Vec<TimestampAuthority>,
    certificate_logs: Vec<Log>,
    logs: Vec<Log>,
}

impl TrustRoot {
    /// The public-good Sigstore instance, as built in.
    pub fn public_good() -> Result<Self, TrustRootError> {
        Self::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT)
    }

    /// Reads a `trusted_root.json` (v0.1 or v0.2) that asks for everything.
    ///
    /// # Errors
    /// As [`TrustRoot::from_json_with`].
    pub fn from_json(text: &str) -> Result<Self, TrustRootError> {
        Self::from_json_with(text, Switches::default())
    }

    /// Reads a `trusted_root.json` (v0.1 or v0.2).
    ///
    /// # Errors
    /// A key, certificate or window that cannot be used fails the whole text: half a trust root would
    /// refuse signatures for reasons nobody could see.
    pub fn from_json_with(text: &str, switches: Switches) -> Result<Self, TrustRootError> {
        let parts = json::read(text)?;
        Self::around(parts, switches, &[("json", text)])
    }

    /// Reads keys and certificates from separate PEM texts. They say no times, so certificates are good as long as
    /// they say themselves and logs for ever.
    ///
    /// # Errors
    /// A text that cannot be used fails the whole root.
    pub fn from_pem(parts: &PemParts<'_>, switches: Switches) -> Result<Self, TrustRootError> {
        let content = parts.named().collect::<Vec<_>>();
        Self::around(pem::read(parts)?, switches, &content)
    }

    fn around(
        parts: Parts,
        switches: Switches,
        content: &[(&str, &str)],
    ) -> Result<Self, TrustRootError> {
        parts.fit(switches)?;
        Ok(Self {
            version: version(switches, content),
            parts,
            switches,
        })
    }

    /// Names the content and the switches: equal versions verify alike.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What is in it.
    pub fn summary(&self) -> Summary {
        let ends = |authority: &CertificateAuthority| authority.window.end;
        Summary {
            certificate_authorities: self.parts.certificate_authorities.len(),
            logs: self.parts.logs.len(),
            certificate_logs: self.parts.certificate_logs.len(),
            timestamp_authorities: self.parts.timestamp_authorities.len(),
            ends: self
                .parts
                .certificate_authorities
                .iter()
                .filter_map(ends)
                .max(),
        }
    }

    pub(super) fn certificate_authorities(&self) -> &[CertificateAuthority] {
        &self.parts.certificate_authorities
    }

    pub(super) fn timestamp_authorities(&self) -> &[TimestampAuthority] {
        &self.parts.timestamp_authorities
    }

    /// The logs of certificates.
    pub(super) fn certificate_logs(&self) -> &[Log] {
        &self.parts.certificate_logs
    }

    /// The transparency logs.
    pub(super) fn logs(&self) -> &[Log] {
        &self.parts.logs
    }

    pub(super) fn switches(&self) -> Switches {
        self.switches
    }
}

impl Parts {
    /// Without the logs that are asked for nothing could ever be verified, for reasons nobody could see.
    fn fit(&self, switches: Switches) -> Result<(), TrustRootError> {
        match switches.transparency {
            Transparency::Required if self.logs.is_empty() => return Err(TrustRootError::NoLog),
            Transparency::Required | Transparency::InsecureNone => {}
        }
        let issues = !self.certificate_authorities.is_empty();
        match switches.certificate_timestamps {
            CertificateTimestamps::Required if issues && self.certificate_logs.is_empty() => {
                Err(TrustRootError::NoCertificateLog)
            }
            CertificateTimestamps::Required | CertificateTimestamps::InsecureNone => Ok(()),
        }
    }
}

impl Window {
    /// Whether the time lies in it.
    pub(super) fn covers(&self, time: Timestamp) -> bool {
        self.start <= time && self.end.is_none_or(|end| time <= end)
    }
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot")
            .field("version", &self.version)
            .field("switches", &self.switches)
            .finish_non_exhaustive()
    }
}

/// The digest of every text under its name and length, so that no two contents have the same bytes.
fn version(switches: Switches, content: &[(&str, &str)]) -> String {
    let mut bytes = format!("{switches:?}\n").into_bytes();
    for (name, text) in content {
        bytes.extend(format!("{name} {}\n{text}\n", text.len()).into_bytes());
    }
    Digest::of(&bytes).hex().to_owned()
}
