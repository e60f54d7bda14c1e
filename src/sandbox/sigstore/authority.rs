//! The certificate authority and its certificate log (RFC 6962).

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
    SerialNumber, SubjectPublicKeyInfo,
};
use x509_cert::der::{Decode as _, Encode as _};

use super::{Claims, SandboxError, SigningKeyPair, claims::Name, claims::der_length};

/// A root and the intermediate that issues.
#[derive(Debug)]
pub(super) struct CertificateAuthority {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// The log that vouches for having seen a certificate.
#[derive(Debug)]
pub(super) struct CertificateLog {
    key: SigningKeyPair,
}

/// Which certificate timestamp a certificate carries.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CertificateTimestamp {
    /// The log's signature over this very certificate.
    #[default]
    Genuine,
    /// None.
    Missing,
    /// The log's signature over another certificate of the same authority.
    OfAnother,
}

impl CertificateAuthority {
    pub(super) fn new(
        start: Timestamp,
        end: Timestamp,
        intermediate_end: Timestamp,
    ) -> Result<Self, SandboxError> {
        let root_key = KeyPair::generate()?;
        let root_params =
            authority_params("assay sandbox", start, end, BasicConstraints::Unconstrained)?;
        let root = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root_params, root_key);
        let key = KeyPair::generate()?;
        let params = authority_params(
            "assay sandbox intermediate",
            start,
            intermediate_end,
            BasicConstraints::Constrained(0),
        )?;
        let intermediate = params.signed_by(&key, &root_issuer)?;
        Ok(Self {
            root: root.der().to_vec(),
            intermediate: intermediate.der().to_vec(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Intermediate, then root.
    pub(super) fn chain(&self) -> [&[u8]; 2] {
        [&self.intermediate, &self.root]
    }

    /// Issues a certificate that is valid for ten minutes from `at`, as Fulcio does.
    pub(super) fn issue(
        &self,
        claims: &Claims,
        public_der: &[u8],
        at: Timestamp,
        log: &CertificateLog,
        timestamp: CertificateTimestamp,
    ) -> Result<Vec<u8>, SandboxError> {
        let public_key = SubjectPublicKeyInfo::from_der(public_der)?;
        let mut params = leaf_params(claims, at)?;
        let precertificate = params.signed_by(&public_key, &self.issuer)?;
        let logged = match timestamp {
            CertificateTimestamp::Missing => return Ok(precertificate.der().to_vec()),
            CertificateTimestamp::Genuine => precertificate,
            CertificateTimestamp::OfAnother => {
                let mut another = params.clone();
                another.serial_number = Some(SerialNumber::from_slice(&[0x2a]));
                another.signed_by(&public_key, &self.issuer)?
            }
        };
        let issuer_spki = self.issuer.key().subject_public_key_info();
        let timestamp_list = log.timestamp_list(&logged, &issuer_spki, at)?;
        let mut extension = CustomExtension::from_oid_content(&SCT_LIST, timestamp_list);
        extension.set_criticality(false);
        params.custom_extensions.push(extension);
        Ok(params.signed_by(&public_key, &self.issuer)?.der().to_vec())
    }
}

impl CertificateLog {
    pub(super) fn new() -> Result<Self, SandboxError> {
        Ok(Self {
            key: SigningKeyPair::generate()?,
        })
    }

    pub(super) fn key(&self) -> &SigningKeyPair {
        &self.key
    }

    /// RFC 6962 §3.2 and §3.3: a list of one timestamp, as the value of the certificate extension.
    fn timestamp_list(
        &self,
        precertificate: &Certificate,
        issuer_spki: &[u8],
        at: Timestamp,
    ) -> Result<Vec<u8>, SandboxError> {
        let parsed = x509_cert::Certificate::from_der(precertificate.der())?;
        let tbs = parsed.tbs_certificate.to_der()?;
        let milliseconds = at.as_millisecond().to_be_bytes();

        let mut signed = vec![V1, CERTIFICATE_TIMESTAMP];
        signed.extend(milliseconds);
        signed.extend(PRECERT_ENTRY);
        signed.extend(sigstore_crypto::sha256(issuer_spki).as_bytes());
        signed.extend(vector::<3>(&tbs)?);
        signed.extend(NO_EXTENSIONS);

        let mut timestamp = vec![V1];
        timestamp.extend(self.key.id());
        timestamp.extend(milliseconds);
        timestamp.extend(NO_EXTENSIONS);
        timestamp.extend(SHA256_ECDSA);
        timestamp.extend(vector::<2>(&self.key.sign(&signed)?)?);

        let list = vector::<2>(&vector::<2>(&timestamp)?)?;
        let mut octet_string = vec![0x04];
        octet_string.extend(der_length(list.len()));
        octet_string.extend(list);
        Ok(octet_string)
    }
}

fn authority_params(
    name: &str,
    start: Timestamp,
    end: Timestamp,
    constraints: BasicConstraints,
) -> Result<CertificateParams, SandboxError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "assay.test");
    params.distinguished_name.push(DnType::CommonName, name);
    set_validity(&mut params, start, end)?;
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf_params(claims: &Claims, at: Timestamp) -> Result<CertificateParams, SandboxError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    set_validity(&mut params, at, at + jiff::SignedDuration::from_mins(10))?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.use_authority_key_identifier_extension = true;
    params.subject_alt_names = claims
        .sans
        .iter()
        .map(subject_alternative_name)
        .collect::<Result<_, _>>()?;
    params.custom_extensions = claims
        .extensions
        .iter()
        .map(|(number, bytes)| {
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, *number], bytes.clone())
        })
        .collect();
    Ok(params)
}

fn subject_alternative_name(name: &Name) -> Result<SanType, SandboxError> {
    let unwritable = |_| SandboxError::Unwritable {
        what: "the subject alternative name",
    };
    Ok(match name {
        Name::Uri(text) => SanType::URI(text.as_str().try_into().map_err(unwritable)?),
        Name::Email(text) => SanType::Rfc822Name(text.as_str().try_into().map_err(unwritable)?),
    })
}

/// Sets both ends. The library's type for times is not ours to name: it is reached by adding to an epoch.
fn set_validity(
    params: &mut CertificateParams,
    start: Timestamp,
    end: Timestamp,
) -> Result<(), SandboxError> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(start)?;
    params.not_after = epoch + since_epoch(end)?;
    Ok(())
}

fn since_epoch(at: Timestamp) -> Result<Duration, SandboxError> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| SandboxError::Time { at })?;
    Ok(Duration::from_secs(seconds))
}

/// A TLS vector: a length of `N` octets, then the bytes.
fn vector<const N: usize>(bytes: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let length = bytes.len().to_be_bytes();
    let (zeroes, kept) = length.split_at(length.len() - N);
    if zeroes.iter().any(|&octet| octet != 0) {
        return Err(SandboxError::Unwritable {
            what: "the certificate",
        });
    }
    let mut encoded = kept.to_vec();
    encoded.extend(bytes);
    Ok(encoded)
}

const SCT_LIST: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
const V1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const PRECERT_ENTRY: [u8; 2] = [0, 1];
const NO_EXTENSIONS: [u8; 2] = [0, 0];
const SHA256_ECDSA: [u8; 2] = [4, 3];
