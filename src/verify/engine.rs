//! The order of the steps, for a certificate and for a key (Sigstore client specification §4).
//!
//! A candidate has been read and bounded when it comes here. What it claims is looked at afterwards, when the
//! signature over the claim has verified.

use jiff::Timestamp;

use super::{
    Against, Identity, LogRequirement, SignatureError, Signer, Transparency, TrustRoot,
    certificate_timestamp, chain,
    log::{self, Logged},
    material::{Credential, Material},
    signature, timestamp,
    trust_root::{CertificateTimestamps, TimestampAuthority},
};
use crate::key::PublicKey;

/// Who signed and when, as far as that is proven.
pub(super) struct Proven {
    pub(super) signer: Signer,
    pub(super) signed_at: Option<Timestamp>,
    pub(super) log_index: Option<u64>,
}

/// Proves who signed, by certificate and log or by key.
pub(super) fn prove(material: &Material, against: Against<'_>) -> Result<Proven, SignatureError> {
    match (&material.credential, against) {
        (Credential::Key, Against::Certificate { .. }) => Err(SignatureError::OtherKind(KEYED)),
        (Credential::Certificate { .. }, Against::Key { .. }) => {
            Err(SignatureError::OtherKind(CERTIFIED))
        }
        (
            Credential::Certificate {
                leaf,
                intermediates,
            },
            Against::Certificate { trust_root },
        ) => by_certificate(material, leaf, intermediates, trust_root),
        (
            Credential::Key,
            Against::Key {
                key,
                log,
                trust_root,
            },
        ) => by_key(material, key, log, trust_root),
    }
}

/// The signature, the log entries and that they are about it, times, chain at every time, certificate timestamp.
///
/// What a key signed is told from what was put beside it before anything beside it is believed: a time of an entry
/// about something else would be a wrong one.
fn by_certificate(
    material: &Material,
    leaf: &[u8],
    intermediates: &[Vec<u8>],
    root: &TrustRoot,
) -> Result<Proven, SignatureError> {
    let key = signature::certified_key(leaf)?;
    if !signature::is_by(&key, &material.signed, &material.signature)? {
        return Err(SignatureError::Invalid {
            detail: "the signature does not verify".to_owned(),
        });
    }
    let entries = match root.switches().transparency {
        Transparency::Required => logged(material, root)?,
        Transparency::InsecureNone => Vec::new(),
    };
    about_this(&entries, material, &key)?;
    let times = times(material, &entries, root.timestamp_authorities())?;
    if times.is_empty() {
        return Err(untimed(root));
    }
    in_use(&entries, &times)?;
    let issuer = chain::verify(leaf, intermediates, &times, root.certificate_authorities())?;
    match root.switches().certificate_timestamps {
        CertificateTimestamps::Required => {
            certificate_timestamp::require(leaf, &issuer, root.certificate_logs())?;
        }
        CertificateTimestamps::InsecureNone => {}
    }
    let signer = Signer::Certificate(Box::new(Identity::from_certificate(leaf)?));
    Ok(Proven::at(signer, &times, &entries))
}

/// The signature first: whose it is decides whether the rest is of interest. Then the log entries and that they are
/// about it, and times.
///
/// A log that is required is required of every trust root, also of one that does without logs for certificates.
fn by_key(
    material: &Material,
    key: &PublicKey,
    log: LogRequirement,
    root: Option<&TrustRoot>,
) -> Result<Proven, SignatureError> {
    if !signature::is_by(key.der(), &material.signed, &material.signature)? {
        return Err(SignatureError::OtherKey);
    }
    let entries = match (log, root) {
        (LogRequirement::Ignore, _) => Vec::new(),
        (LogRequirement::Require, Some(root)) => logged(material, root)?,
        (LogRequirement::Require, None) => {
            return Err(SignatureError::LogEntry {
                detail: "there is no trust root that names a log".to_owned(),
            });
        }
    };
    about_this(&entries, material, key.der())?;
    let times = match root {
        Some(root) => times(material, &entries, root.timestamp_authorities())?,
        None => Vec::new(),
    };
    in_use(&entries, &times)?;
    let signer = Signer::Key {
        fingerprint: key.fingerprint().to_owned(),
    };
    Ok(Proven::at(signer, &times, &entries))
}

impl Proven {
    fn at(signer: Signer, times: &[Timestamp], entries: &[Logged<'_>]) -> Self {
        Self {
            signer,
            signed_at: times.iter().min().copied(),
            log_index: entries.iter().find_map(Logged::signed_index),
        }
    }
}

/// §4.4: the entries of trusted logs, each proven.
fn logged<'a>(
    material: &'a Material,
    root: &'a TrustRoot,
) -> Result<Vec<Logged<'a>>, SignatureError> {
    let entries = material.entries.as_ref().map_err(Clone::clone)?;
    log::require(entries, material.inclusion, root.logs())
}

/// §4.2: every time that somebody trusted has signed. A token of an authority that is not trusted counts for nothing.
fn times(
    material: &Material,
    entries: &[Logged<'_>],
    authorities: &[TimestampAuthority],
) -> Result<Vec<Timestamp>, SignatureError> {
    let tokens = material.tokens.as_ref().map_err(Clone::clone)?;
    let mut times: Vec<Timestamp> = entries.iter().filter_map(Logged::time).collect();
    for token in tokens {
        times.extend(timestamp::verified_time(
            token,
            &material.imprinted,
            authorities,
        )?);
    }
    Ok(times)
}

fn untimed(root: &TrustRoot) -> SignatureError {
    let detail = match root.switches().transparency {
        Transparency::Required => {
            "expected a signed entry timestamp of a trusted log or a signed timestamp of a trusted authority, found neither"
        }
        Transparency::InsecureNone => {
            "expected a signed timestamp of a trusted authority, as the trust root does without a log, found none"
        }
    };
    SignatureError::Timestamp {
        detail: detail.to_owned(),
    }
}

fn in_use(entries: &[Logged<'_>], times: &[Timestamp]) -> Result<(), SignatureError> {
    entries.iter().try_for_each(|entry| entry.in_use(times))
}

fn about_this(
    entries: &[Logged<'_>],
    material: &Material,
    key: &[u8],
) -> Result<(), SignatureError> {
    entries
        .iter()
        .try_for_each(|entry| entry.is_about(material, key))
}

/// A candidate made with a key, where a certificate is wanted.
const KEYED: &str = "signed with a key, not with a certificate";

/// A candidate made with a certificate, where a key is wanted.
const CERTIFIED: &str = "signed with a certificate, not with a key";
