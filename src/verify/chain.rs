//! X.509 paths from a certificate to an authority of the trust root (client specification §4.2, RFC 5280 §6).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use der::{Any, Decode as _, Encode as _, Tag, oid::ObjectIdentifier};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeId,
    KeyPurposeIdIter, VerifiedPath,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use super::{
    SignatureError,
    failure::{presented, shown, within},
    trust_root::{CertificateAuthority, Chain},
};
use crate::limits;

/// What a certificate is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    CodeSigning,
    TimeStamping,
}

/// The leaf chains to one of the authorities at every one of `times`, is for signing code, and was issued inside that
/// authority's window. Returns the key of the certificate that issued it, from the path that was verified.
///
/// What the candidate brings along is believed for no authority that names its own intermediates: one that was taken
/// out of the trust root must not come back in by way of the candidate.
pub(super) fn verify(
    leaf: &[u8],
    intermediates: &[Vec<u8>],
    times: &[Timestamp],
    authorities: &[CertificateAuthority],
) -> Result<Vec<u8>, SignatureError> {
    within(
        "certificates",
        intermediates.len() + 1,
        limits::CERTIFICATES_PER_CHAIN,
    )?;
    let mut issuers = BTreeSet::new();
    for &time in times {
        issuers.insert(issued_at(leaf, intermediates, time, authorities)?);
    }
    match (issuers.pop_first(), issuers.pop_first()) {
        (Some(issuer), None) => Ok(issuer),
        (Some(_), Some(_)) => Err(refused("its authority differs from time to time")),
        (None, _) => Err(SignatureError::Timestamp {
            detail: "there is none to judge the certificate at".to_owned(),
        }),
    }
}

/// The path at one time, through whichever authority may have issued then.
fn issued_at(
    leaf: &[u8],
    intermediates: &[Vec<u8>],
    time: Timestamp,
    authorities: &[CertificateAuthority],
) -> Result<Vec<u8>, SignatureError> {
    let mut failure = None;
    for authority in authorities
        .iter()
        .filter(|authority| authority.window.covers(time))
    {
        let own = &authority.chain.intermediates;
        let brought = if own.is_empty() { intermediates } else { &[] };
        match path(leaf, brought, &authority.chain, time, Purpose::CodeSigning) {
            Ok(issuer) => return Ok(issuer),
            Err(found) if found.tells_more_than(failure.as_ref()) => failure = Some(found),
            Err(_) => {}
        }
    }
    Err(failure.map_or_else(
        || refused(&no_authority(time, authorities)),
        |failure| refused(&failure.to_string()),
    ))
}

/// Which windows there are, since the time lies in none of them.
fn no_authority(time: Timestamp, authorities: &[CertificateAuthority]) -> String {
    let windows: Vec<String> = authorities
        .iter()
        .take(WINDOWS_SHOWN)
        .map(|CertificateAuthority { uri, window, .. }| {
            let end = window
                .end
                .map_or("on".to_owned(), |end| format!("to {end}"));
            format!("{} from {} {end}", presented(uri), window.start)
        })
        .collect();
    if windows.is_empty() {
        return "the trust root has no certificate authority".to_owned();
    }
    format!(
        "no certificate authority of the trust root covers its time {time}: {}",
        windows.join(", ")
    )
}

/// Why there is no path.
#[derive(Debug, thiserror::Error)]
pub(super) enum PathFailure {
    /// Nobody that is trusted issued it.
    #[error("it was issued by no authority of the trust root")]
    Stranger,
    /// It was issued by one that is trusted, or says so, and cannot be accepted.
    #[error("{0}")]
    Refused(String),
}

impl PathFailure {
    fn tells_more_than(&self, other: Option<&Self>) -> bool {
        match (self, other) {
            (_, None) | (Self::Refused(_), Some(Self::Stranger)) => true,
            (Self::Stranger | Self::Refused(_), Some(_)) => false,
        }
    }
}

/// RFC 5280 §6.1 at one time: signatures, validity, basic constraints, path lengths, name constraints, key usages, no
/// critical extension that is not understood. Returns the key of the issuing certificate.
pub(super) fn path(
    leaf: &[u8],
    brought: &[Vec<u8>],
    chain: &Chain,
    time: Timestamp,
    purpose: Purpose,
) -> Result<Vec<u8>, PathFailure> {
    has_purpose(leaf, purpose)?;
    let leaf = CertificateDer::from(leaf);
    let end_entity = EndEntityCert::try_from(&leaf).map_err(|error| explained(&error))?;
    few_namesakes(brought)?;
    let brought = brought
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()));
    let intermediates: Vec<_> = chain.intermediates.iter().cloned().chain(brought).collect();
    let anchors = std::slice::from_ref(&chain.anchor);
    let at = |second| {
        let path = end_entity
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                anchors,
                &intermediates,
                second,
                purpose,
                None,
                None,
            )
            .map_err(|error| explained(&error))?;
        within_length(&path, chain)?;
        may_issue(&path)?;
        issuing_key(&path)
    };
    // Validity is in whole seconds: a time between two of them must fit both.
    let mut issuer = at(unix(time, 0)?)?;
    if time.subsec_nanosecond() != 0 {
        issuer = at(unix(time, 1)?)?;
    }
    Ok(issuer)
}

/// Refuses more certificates of one name than are tried: every order of them is a path of its own, and nine of one name
/// would cost a second.
fn few_namesakes(brought: &[Vec<u8>]) -> Result<(), PathFailure> {
    let mut names: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for certificate in brought
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
    {
        let name = certificate.tbs_certificate.subject.to_der();
        *names.entry(name.unwrap_or_default()).or_default() += 1;
    }
    match names.into_values().max() {
        Some(found) if found > limits::NAMESAKES_PER_CHAIN => Err(PathFailure::Refused(format!(
            "{found} of the certificates beside it have one name, at most {} are tried",
            limits::NAMESAKES_PER_CHAIN
        ))),
        Some(_) | None => Ok(()),
    }
}

/// The leaf says that it is for this purpose. [`Purpose`] as a validator sees every certificate of the path and lets
/// pass what says nothing.
fn has_purpose(leaf: &[u8], purpose: Purpose) -> Result<(), PathFailure> {
    let certificate = Certificate::from_der(leaf)
        .map_err(|error| PathFailure::Refused(format!("it cannot be read: {}", shown(&error))))?;
    let usage = certificate.tbs_certificate.get::<ExtendedKeyUsage>();
    let (critical, purposes) = match usage {
        Ok(Some((critical, ExtendedKeyUsage(purposes)))) => (critical, purposes),
        Ok(None) => return Err(not_for(purpose)),
        Err(error) => {
            let detail = format!("its extended key usage cannot be read: {}", shown(&error));
            return Err(PathFailure::Refused(detail));
        }
    };
    match purpose {
        Purpose::CodeSigning if purposes.contains(&purpose.oid()) => Ok(()),
        // RFC 3161 §2.3: critical, and no other.
        Purpose::TimeStamping if critical && purposes == [purpose.oid()] => Ok(()),
        Purpose::CodeSigning | Purpose::TimeStamping => Err(not_for(purpose)),
    }
}

fn not_for(purpose: Purpose) -> PathFailure {
    PathFailure::Refused(match purpose {
        Purpose::CodeSigning => "it is not for signing code (extended key usage)".to_owned(),
        Purpose::TimeStamping => {
            "it is not for timestamps alone (critical extended key usage)".to_owned()
        }
    })
}

impl Purpose {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::CodeSigning => CODE_SIGNING,
            Self::TimeStamping => TIME_STAMPING,
        }
    }
}

impl ExtendedKeyUsageValidator for Purpose {
    /// An authority that says what it issues for must say this.
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let (oid, any) = (self.oid(), ANY_PURPOSE);
        let wanted = [
            KeyPurposeId::new(oid.as_bytes()),
            KeyPurposeId::new(any.as_bytes()),
        ];
        let mut silent = true;
        for found in purposes {
            silent = false;
            if wanted.contains(&found?) {
                return Ok(());
            }
        }
        if silent {
            return Ok(());
        }
        Err(Error::EmptyEkuExtension)
    }
}

/// An anchor's own constraint, which webpki does not look at.
fn within_length(path: &VerifiedPath<'_>, chain: &Chain) -> Result<(), PathFailure> {
    let found = path.intermediate_certificates().count();
    match chain.path_length {
        Some(limit) if found > usize::from(limit) => Err(PathFailure::Refused(format!(
            "its chain has {found} intermediates, its authority allows {limit}"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// RFC 5280 §6.1.4 (n): a key usage that is there must allow signing certificates. webpki does not look at it.
fn may_issue(path: &VerifiedPath<'_>) -> Result<(), PathFailure> {
    for issuer in path.intermediate_certificates() {
        let certificate = Certificate::from_der(&issuer.der());
        let usage = certificate.and_then(|issuer| issuer.tbs_certificate.get::<KeyUsage>());
        match usage {
            Ok(Some((_, usage))) if usage.key_cert_sign() => {}
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => {
                return Err(PathFailure::Refused(
                    "an intermediate's key is not for signing certificates".to_owned(),
                ));
            }
        }
    }
    Ok(())
}

/// The key of the certificate above the leaf.
fn issuing_key(path: &VerifiedPath<'_>) -> Result<Vec<u8>, PathFailure> {
    if let Some(issuer) = path.intermediate_certificates().next() {
        return Ok(issuer.subject_public_key_info().to_vec());
    }
    // An anchor holds what is inside of the sequence.
    let inside = path.anchor().subject_public_key_info.as_ref();
    Any::new(Tag::Sequence, inside)
        .and_then(|key| key.to_der())
        .map_err(|error| PathFailure::Refused(shown(&error)))
}

fn unix(time: Timestamp, more: u64) -> Result<UnixTime, PathFailure> {
    u64::try_from(time.as_second())
        .map(|seconds| {
            UnixTime::since_unix_epoch(Duration::from_secs(seconds.saturating_add(more)))
        })
        .map_err(|_| PathFailure::Refused(format!("{time} is before certificates existed")))
}

/// webpki's word in ours.
fn explained(error: &Error) -> PathFailure {
    let told = match error {
        Error::UnknownIssuer => return PathFailure::Stranger,
        Error::CertExpired { time, not_after } => format!(
            "its chain had expired: valid to {}, signed at {}",
            moment(*not_after),
            moment(*time)
        ),
        Error::CertNotValidYet { time, not_before } => format!(
            "its chain was not valid yet: valid from {}, signed at {}",
            moment(*not_before),
            moment(*time)
        ),
        Error::InvalidSignatureForPublicKey => {
            "a certificate of its chain was not signed by the one that it names".to_owned()
        }
        Error::UnsupportedCriticalExtension => {
            "its chain has a critical extension that is not known".to_owned()
        }
        Error::EmptyEkuExtension | Error::RequiredEkuNotFoundContext(_) => {
            "its chain is not for this purpose (extended key usage)".to_owned()
        }
        Error::CaUsedAsEndEntity => "it is an authority's".to_owned(),
        Error::EndEntityUsedAsCa => "it was issued by a certificate that may not issue".to_owned(),
        Error::PathLenConstraintViolated => {
            "its chain is longer than an intermediate allows".to_owned()
        }
        // The enum is open; what is left are forms that X.509 does not have and limits.
        other => format!("its chain is not valid: {}", shown(&format!("{other:?}"))),
    };
    PathFailure::Refused(told)
}

fn moment(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .map_or_else(|_| format!("second {seconds}"), |time| time.to_string())
}

fn refused(detail: &str) -> SignatureError {
    SignatureError::Certificate {
        detail: detail.to_owned(),
    }
}

const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// The most windows of authorities that an error lists.
const WINDOWS_SHOWN: usize = 4;

#[cfg(test)]
mod tests;
