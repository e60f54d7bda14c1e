//! Authorities that issue certificates or timestamps.

use der::Decode as _;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

use super::{TrustRootError, Window};
use crate::limits;

/// Who issues certificates for signing.
#[derive(Debug)]
pub(in crate::verify) struct CertificateAuthority {
    /// What it calls itself.
    pub(in crate::verify) uri: String,
    /// When it may have issued: the part of its window in which all of its certificates are valid.
    pub(in crate::verify) window: Window,
    pub(in crate::verify) chain: Chain,
}

/// Who signs times (RFC 3161).
#[derive(Debug)]
pub(in crate::verify) struct TimestampAuthority {
    /// When it may have signed: the part of its window in which all of its certificates are valid.
    pub(in crate::verify) window: Window,
    /// The certificate that signs, where the root names it: then no other does.
    pub(in crate::verify) signer: Option<CertificateDer<'static>>,
    pub(in crate::verify) chain: Chain,
}

/// An anchor and the intermediates below it.
#[derive(Debug)]
pub(in crate::verify) struct Chain {
    pub(in crate::verify) anchor: TrustAnchor<'static>,
    /// How many intermediates the anchor allows below it.
    pub(in crate::verify) path_length: Option<u8>,
    pub(in crate::verify) intermediates: Vec<CertificateDer<'static>>,
}

/// An authority as it is written down.
pub(super) struct Written<'a> {
    /// Where it stands.
    pub(super) part: String,
    pub(super) uri: &'a str,
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) window: Window,
}

impl CertificateAuthority {
    pub(super) fn read(written: &Written<'_>) -> Result<Self, TrustRootError> {
        let parsed = parsed(written)?;
        for (index, certificate) in parsed.iter().enumerate() {
            issues(&at(written, index), certificate)?;
        }
        Ok(Self {
            uri: written.uri.to_owned(),
            window: narrowed(written, &parsed)?,
            chain: chain(written, &parsed, 0)?,
        })
    }
}

impl TimestampAuthority {
    /// The first certificate is the one that signs, unless it is an authority's: then the tokens bring theirs.
    pub(super) fn read(written: &Written<'_>) -> Result<Self, TrustRootError> {
        let parsed = parsed(written)?;
        let signer = parsed
            .first()
            .is_some_and(|first| !may_issue(first))
            .then(|| written.certificates.first().map(|der| owned(der)))
            .flatten();
        let below = usize::from(signer.is_some());
        for (index, certificate) in parsed.iter().enumerate().skip(below) {
            issues(&at(written, index), certificate)?;
        }
        Ok(Self {
            window: narrowed(written, &parsed)?,
            // A lone certificate that signs is its own anchor.
            chain: chain(written, &parsed, below)?,
            signer,
        })
    }
}

/// The certificates, each issued by the next.
fn parsed(written: &Written<'_>) -> Result<Vec<Certificate>, TrustRootError> {
    let part = format!("{}.certChain", written.part);
    TrustRootError::within(
        &part,
        written.certificates.len(),
        limits::CERTIFICATES_PER_CHAIN,
    )?;
    let mut chain: Vec<Certificate> = Vec::new();
    for (index, der) in written.certificates.iter().enumerate() {
        let place = at(written, index);
        let certificate = Certificate::from_der(der)
            .map_err(|error| TrustRootError::unreadable(&place, "the certificate", &error))?;
        if let Some(below) = chain.last()
            && below.tbs_certificate.issuer != certificate.tbs_certificate.subject
        {
            return Err(out_of_order(&place, below, &certificate));
        }
        chain.push(certificate);
    }
    if chain.is_empty() {
        return Err(TrustRootError::unusable(
            &part,
            "expected at least one certificate, found none",
        ));
    }
    Ok(chain)
}

fn out_of_order(place: &str, below: &Certificate, found: &Certificate) -> TrustRootError {
    use super::super::failure::presented;
    let expected = presented(&below.tbs_certificate.issuer.to_string());
    let found = presented(&found.tbs_certificate.subject.to_string());
    TrustRootError::unusable(
        place,
        format!(
            "expected the issuer of the certificate before it, \"{expected}\", found \"{found}\""
        ),
    )
}

fn at(written: &Written<'_>, index: usize) -> String {
    format!("{}.certChain.certificates[{index}]", written.part)
}

/// The last certificate as anchor; those from `first` on, but for it, as intermediates.
fn chain(
    written: &Written<'_>,
    parsed: &[Certificate],
    first: usize,
) -> Result<Chain, TrustRootError> {
    let last = parsed.len().saturating_sub(1);
    let place = at(written, last);
    let der = CertificateDer::from(written.certificates.last().copied().unwrap_or_default());
    let anchor = webpki::anchor_from_trusted_cert(&der)
        .map_err(|error| TrustRootError::unreadable(&place, "the certificate", &error))?
        .to_owned();
    Ok(Chain {
        anchor,
        path_length: parsed.last().and_then(path_length),
        intermediates: written
            .certificates
            .iter()
            .take(last)
            .skip(first)
            .map(|der| owned(der))
            .collect(),
    })
}

fn owned(der: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from(der.to_vec())
}

/// Refuses a certificate that may not issue others.
fn issues(place: &str, certificate: &Certificate) -> Result<(), TrustRootError> {
    if !may_issue(certificate) {
        return Err(TrustRootError::unusable(
            place,
            "expected a certificate of an authority (basic constraints CA), found another",
        ));
    }
    let signs_certificates = usage(certificate).is_none_or(|usage| usage.key_cert_sign());
    if signs_certificates {
        Ok(())
    } else {
        Err(TrustRootError::unusable(
            place,
            "its key usage does not let it sign certificates",
        ))
    }
}

fn may_issue(certificate: &Certificate) -> bool {
    constraints(certificate).is_some_and(|constraints| constraints.ca)
}

fn path_length(certificate: &Certificate) -> Option<u8> {
    constraints(certificate).and_then(|constraints| constraints.path_len_constraint)
}

fn constraints(certificate: &Certificate) -> Option<BasicConstraints> {
    let found = certificate.tbs_certificate.get::<BasicConstraints>();
    found.ok().flatten().map(|(_, constraints)| constraints)
}

fn usage(certificate: &Certificate) -> Option<KeyUsage> {
    let found = certificate.tbs_certificate.get::<KeyUsage>();
    found.ok().flatten().map(|(_, usage)| usage)
}

/// The part of an authority's window in which all of its certificates are valid.
///
/// An anchor's own expiry is looked at by nobody else, and an expired intermediate must not go on issuing
/// (GO-2026-4529).
fn narrowed(written: &Written<'_>, chain: &[Certificate]) -> Result<Window, TrustRootError> {
    let mut window = written.window;
    for certificate in chain {
        let validity = certificate.tbs_certificate.validity;
        let start = timestamp(&written.part, &validity.not_before)?;
        let end = timestamp(&written.part, &validity.not_after)?;
        window.start = window.start.max(start);
        window.end = Some(window.end.map_or(end, |known| known.min(end)));
    }
    if window.end.is_some_and(|end| end < window.start) {
        return Err(TrustRootError::never_valid(written.uri));
    }
    Ok(window)
}

fn timestamp(part: &str, time: &x509_cert::time::Time) -> Result<Timestamp, TrustRootError> {
    Timestamp::try_from(time.to_system_time())
        .map_err(|error| TrustRootError::unreadable(part, "a certificate's validity", &error))
}
