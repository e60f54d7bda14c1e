//! Certificate timestamps inside a certificate (RFC 6962 §3.2 and §3.3).

use der::{Decode as _, Encode as _, oid::AssociatedOid as _};
use jiff::Timestamp;
use sigstore_crypto::{KeyAlgorithm, SigningScheme};
use sigstore_types::{DerPublicKey, SignatureBytes};
use x509_cert::Certificate;
use x509_cert::ext::pkix::sct::{
    HashAlgorithm, SignatureAlgorithm, SignatureAndHashAlgorithm, SignedCertificateTimestamp,
    SignedCertificateTimestampList, Version,
};

use super::{SignatureError, failure::text, failure::within, trust_root::Log};
use crate::limits;

/// At least one timestamp of a known log over this leaf verifies, made while that log was to be believed.
///
/// The specification asks for one that verifies. One that names a known log and does not verify is refused even beside
/// another that does: an authority puts in what its logs gave it, so something is wrong with that certificate.
pub(super) fn require(leaf: &[u8], issuer_spki: &[u8], logs: &[Log]) -> Result<(), SignatureError> {
    let certificate = Certificate::from_der(leaf)
        .map_err(|error| refused(text("the leaf cannot be read", &error)))?;
    let timestamps = embedded(&certificate)?;
    let precertificate = precertificate(certificate)?;
    let mut verified = 0;
    for timestamp in &timestamps {
        match of_known_log(timestamp, logs)? {
            Some(log) => genuine(
                timestamp,
                &signed(timestamp, issuer_spki, &precertificate)?,
                log,
            )?,
            None => continue,
        }
        verified += 1;
    }
    if verified == 0 {
        let known = logs.len();
        return Err(refused(format!(
            "none of its {} certificate timestamps is by one of the {known} certificate logs of the trust root",
            timestamps.len()
        )));
    }
    Ok(())
}

/// §3.3: the list in the extension.
fn embedded(certificate: &Certificate) -> Result<Vec<SignedCertificateTimestamp>, SignatureError> {
    let list = certificate
        .tbs_certificate
        .get::<SignedCertificateTimestampList>()
        .map_err(|error| refused(text("its certificate timestamps cannot be read", &error)))?;
    let Some((_, list)) = list else {
        return Err(refused("it has no certificate timestamp".to_owned()));
    };
    let entries = list
        .parse_timestamps()
        .map_err(|error| unreadable(&error))?;
    within(
        "certificate timestamps",
        entries.len(),
        limits::TIMESTAMPS_PER_CERTIFICATE,
    )?;
    entries
        .iter()
        .map(|entry| entry.parse_timestamp().map_err(|error| unreadable(&error)))
        .collect()
}

/// §3.2: the certificate as it was before the timestamps were put in.
fn precertificate(certificate: Certificate) -> Result<Vec<u8>, SignatureError> {
    let mut precertificate = certificate.tbs_certificate;
    if let Some(extensions) = &mut precertificate.extensions {
        extensions.retain(|extension| extension.extn_id != SignedCertificateTimestampList::OID);
    }
    precertificate
        .to_der()
        .map_err(|error| refused(text("the leaf cannot be read", &error)))
}

/// The log that it names, if it is known and was to be believed then.
fn of_known_log<'a>(
    timestamp: &SignedCertificateTimestamp,
    logs: &'a [Log],
) -> Result<Option<&'a Log>, SignatureError> {
    let Some(log) = logs.iter().find(|log| log.id == timestamp.log_id.key_id) else {
        return Ok(None);
    };
    let time = i64::try_from(timestamp.timestamp)
        .ok()
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
        .ok_or_else(|| {
            refused("the time of its certificate timestamp cannot be read".to_owned())
        })?;
    if log.window.covers(time) {
        return Ok(Some(log));
    }
    Err(refused(format!(
        "its certificate timestamp of {time} lies outside of the time its log is believed"
    )))
}

/// §3.2: what the log signed.
fn signed(
    timestamp: &SignedCertificateTimestamp,
    issuer_spki: &[u8],
    precertificate: &[u8],
) -> Result<Vec<u8>, SignatureError> {
    let Version::V1 = timestamp.version;
    let mut signed = vec![V1, CERTIFICATE_TIMESTAMP];
    signed.extend(timestamp.timestamp.to_be_bytes());
    signed.extend(PRECERT_ENTRY);
    signed.extend(sigstore_crypto::sha256(issuer_spki).as_bytes());
    let too_long = || refused("it is too long to have been logged".to_owned());
    let length = u32::try_from(precertificate.len()).map_err(|_| too_long())?;
    let [0, length @ ..] = length.to_be_bytes() else {
        return Err(too_long());
    };
    signed.extend(length);
    signed.extend(precertificate);
    let extensions = timestamp.extensions.as_slice();
    signed.extend(
        u16::try_from(extensions.len())
            .map_err(|_| too_long())?
            .to_be_bytes(),
    );
    signed.extend(extensions);
    Ok(signed)
}

fn genuine(
    timestamp: &SignedCertificateTimestamp,
    signed: &[u8],
    log: &Log,
) -> Result<(), SignatureError> {
    let key = DerPublicKey::from_bytes(&log.spki);
    let signature = SignatureBytes::from_bytes(timestamp.signature.signature.as_slice());
    let scheme = scheme(&timestamp.signature.algorithm, &key).ok_or_else(|| {
        refused("the algorithm of its certificate timestamp is not the log's".to_owned())
    })?;
    sigstore_crypto::verify_signature(&key, signed, &signature, scheme).map_err(|_| {
        refused("its certificate timestamp does not verify with the key of its log".to_owned())
    })
}

/// RFC 5246 §7.4.1.4.1, with the key of the log.
fn scheme(algorithm: &SignatureAndHashAlgorithm, key: &DerPublicKey) -> Option<SigningScheme> {
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    use KeyAlgorithm::{EcdsaP256, EcdsaP384};
    let key = KeyAlgorithm::from_spki(key).ok()?;
    Some(match (&algorithm.signature, &algorithm.hash, key) {
        (SignatureAlgorithm::Ecdsa, Sha256, EcdsaP256) => SigningScheme::EcdsaP256Sha256,
        (SignatureAlgorithm::Ecdsa, Sha384, EcdsaP256) => SigningScheme::EcdsaP256Sha384,
        (SignatureAlgorithm::Ecdsa, Sha256, EcdsaP384) => SigningScheme::EcdsaP384Sha256,
        (SignatureAlgorithm::Ecdsa, Sha384, EcdsaP384) => SigningScheme::EcdsaP384Sha384,
        (SignatureAlgorithm::Rsa, Sha256, KeyAlgorithm::Rsa) => SigningScheme::RsaPkcs1Sha256,
        (SignatureAlgorithm::Rsa, Sha384, KeyAlgorithm::Rsa) => SigningScheme::RsaPkcs1Sha384,
        (SignatureAlgorithm::Rsa, Sha512, KeyAlgorithm::Rsa) => SigningScheme::RsaPkcs1Sha512,
        _ => return None,
    })
}

fn refused(detail: String) -> SignatureError {
    SignatureError::Certificate { detail }
}

fn unreadable(error: &x509_cert::ext::pkix::sct::Error) -> SignatureError {
    refused(text(
        "its certificate timestamps cannot be read",
        &format!("{error:?}"),
    ))
}

const V1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const PRECERT_ENTRY: [u8; 2] = [0, 1];
