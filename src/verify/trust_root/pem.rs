//! Reads a trust root from separate PEM texts, as private instances hand them out.

use jiff::Timestamp;
use rustls_pki_types::pem::{PemObject as _, SectionKind};

use super::super::failure::shown;
use super::{
    CertificateAuthority, Log, Parts, TimestampAuthority, TrustRootError, Window, authority, log,
};
use crate::{key::PublicKey, limits};

/// The texts of separate PEM files. Each text of certificates is one chain, the anchor last; each text of a key is one
/// key.
#[derive(Clone, Copy, Debug, Default)]
pub struct PemParts<'a> {
    /// The chains of the certificate authorities (Fulcio): at least one.
    pub certificate_authorities: &'a [&'a str],
    /// The keys of the transparency logs (Rekor).
    pub logs: &'a [&'a str],
    /// The keys of the certificate logs.
    pub certificate_logs: &'a [&'a str],
    /// The chains of the timestamp authorities.
    pub timestamp_authorities: &'a [&'a str],
}

impl<'a> PemParts<'a> {
    /// Every text with the name of its kind.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
        let of = |name, texts: &'a [&'a str]| texts.iter().map(move |text| (name, *text));
        of(AUTHORITY, self.certificate_authorities)
            .chain(of(LOG, self.logs))
            .chain(of(CERTIFICATE_LOG, self.certificate_logs))
            .chain(of(TIMESTAMP_AUTHORITY, self.timestamp_authorities))
    }
}

/// Reads and examines every part.
pub(super) fn read(parts: &PemParts<'_>) -> Result<Parts, TrustRootError> {
    let found = parts.named().map(|(_, text)| text.len()).sum();
    if found > limits::TRUST_ROOT_BYTES {
        return Err(TrustRootError::TooLarge {
            found,
            limit: limits::TRUST_ROOT_BYTES,
        });
    }
    if parts.certificate_authorities.is_empty() {
        return Err(TrustRootError::NoAuthority);
    }
    Ok(Parts {
        certificate_authorities: authorities(
            AUTHORITY,
            parts.certificate_authorities,
            CertificateAuthority::read,
        )?,
        timestamp_authorities: authorities(
            TIMESTAMP_AUTHORITY,
            parts.timestamp_authorities,
            TimestampAuthority::read,
        )?,
        certificate_logs: logs(CERTIFICATE_LOG, parts.certificate_logs)?,
        logs: logs(LOG, parts.logs)?,
    })
}

fn authorities<A>(
    list: &str,
    texts: &[&str],
    read: fn(&authority::Written<'_>) -> Result<A, TrustRootError>,
) -> Result<Vec<A>, TrustRootError> {
    TrustRootError::within(list, texts.len(), limits::INSTANCES_PER_TRUST_ROOT)?;
    let chains = texts.iter().enumerate().map(|(index, text)| {
        let part = format!("{list}[{index}]");
        let certificates = certificates(&part, text)?;
        read(&authority::Written {
            uri: &part,
            certificates: certificates.iter().map(Vec::as_slice).collect(),
            window: ALWAYS,
            part: part.clone(),
        })
    });
    chains.collect()
}

/// The certificates of one text, which holds nothing else.
fn certificates(part: &str, text: &str) -> Result<Vec<Vec<u8>>, TrustRootError> {
    let mut found = Vec::new();
    for block in <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()) {
        let (kind, der) = block.map_err(|error| {
            TrustRootError::unreadable(part, "the PEM text", &shown(&format!("{error:?}")))
        })?;
        if kind != SectionKind::Certificate {
            let detail = format!("expected PEM blocks `CERTIFICATE`, found {kind:?}");
            return Err(TrustRootError::unusable(part, detail));
        }
        found.push(der);
    }
    // Blocks of a kind that the parser does not know are passed over by it.
    let blocks = text.matches("-----BEGIN ").count();
    if found.len() != blocks {
        let detail = format!(
            "expected PEM blocks `CERTIFICATE` only, found {} in {blocks} blocks",
            found.len()
        );
        return Err(TrustRootError::unusable(part, detail));
    }
    Ok(found)
}

fn logs(list: &str, texts: &[&str]) -> Result<Vec<Log>, TrustRootError> {
    TrustRootError::within(list, texts.len(), limits::INSTANCES_PER_TRUST_ROOT)?;
    let keys = texts.iter().enumerate().map(|(index, text)| {
        let part = format!("{list}[{index}]");
        let key = PublicKey::from_pem(text)
            .map_err(|error| TrustRootError::unusable(&part, error.to_string()))?;
        Log::read(&log::Written {
            part,
            base_url: "",
            key: key.der(),
            key_details: "",
            window: ALWAYS,
            id: None,
            checkpoint_id: None,
        })
    });
    let logs = keys.collect::<Result<Vec<_>, _>>()?;
    Log::distinct(list, &logs)?;
    Ok(logs)
}

const ALWAYS: Window = Window {
    start: Timestamp::MIN,
    end: None,
};

const AUTHORITY: &str = "certificateAuthorities";
const LOG: &str = "logs";
const CERTIFICATE_LOG: &str = "certificateLogs";
const TIMESTAMP_AUTHORITY: &str = "timestampAuthorities";
