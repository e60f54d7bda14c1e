//! The certificate authority: issues to anybody, as Fulcio does or with one thing wrong.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, PublicKeyData as _, SanType, SerialNumber, SubjectPublicKeyInfo,
};

use super::{
    Claims, SandboxError,
    certificate_log::{self, CertificateLog},
    claims::Name,
    x509::{self, Chain, Validity},
};

/// A root and the intermediate that issues.
#[derive(Debug)]
pub(super) struct CertificateAuthority {
    chain: Chain,
}

/// The logs of certificates: one that the trust root names, and one that it does not.
#[derive(Debug)]
pub(super) struct CertificateLogs {
    pub(super) known: CertificateLog,
    pub(super) unknown: CertificateLog,
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
    /// Genuine, with extension bytes in it.
    WithExtensions,
    /// Of a log that the trust root does not name.
    OfUnknownLog,
    /// Of a log that the trust root does not name, and a genuine one after it.
    OfUnknownLogThenGenuine,
    /// The log's signature, made for another issuing key.
    OfAnotherIssuer,
    /// A list with nothing in it.
    EmptyList,
    /// Genuine, of this second since 1970.
    At(i64),
}

/// The one thing that is wrong with a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateFault {
    /// It is for servers.
    WrongPurpose,
    /// It does not say what it is for.
    NoPurpose,
    /// Its key may not sign.
    NoDigitalSignature,
    /// It has a critical extension that nobody knows.
    UnknownCriticalExtension,
    /// It is an authority itself.
    IsAuthority,
    /// Another authority of the same names issued it.
    ForeignIssuer,
}

/// What is to be issued.
pub(super) struct Request<'a> {
    pub(super) claims: &'a Claims,
    pub(super) public_der: &'a [u8],
    pub(super) at: Timestamp,
    pub(super) timestamp: CertificateTimestamp,
    pub(super) fault: Option<CertificateFault>,
}

impl CertificateAuthority {
    pub(super) fn new(
        validity: Validity,
        intermediate_end: Timestamp,
    ) -> Result<Self, SandboxError> {
        let purpose = ExtendedKeyUsagePurpose::CodeSigning;
        Ok(Self {
            chain: Chain::new("assay sandbox", validity, intermediate_end, purpose)?,
        })
    }

    /// Intermediate, then root.
    pub(super) fn chain(&self) -> [&[u8]; 2] {
        [&self.chain.intermediate, &self.chain.root]
    }

    /// Issues a certificate that is valid for ten minutes, as Fulcio does.
    pub(super) fn issue(
        &self,
        request: &Request<'_>,
        logs: &CertificateLogs,
    ) -> Result<Vec<u8>, SandboxError> {
        let public_key = SubjectPublicKeyInfo::from_der(request.public_der)?;
        let mut params = leaf_params(request)?;
        if let Some(timestamps) = self.timestamps(request, &params, &public_key, logs)? {
            let list = certificate_log::timestamp_list(&timestamps)?;
            let mut extension = CustomExtension::from_oid_content(&SCT_LIST, list);
            extension.set_criticality(false);
            params.custom_extensions.push(extension);
        }
        let issued = params.signed_by(&public_key, &self.chain.issuer)?;
        Ok(issued.der().to_vec())
    }

    /// The timestamps for the certificate that these parameters describe; none when it shall have no list.
    fn timestamps(
        &self,
        request: &Request<'_>,
        params: &CertificateParams,
        public_key: &SubjectPublicKeyInfo,
        logs: &CertificateLogs,
    ) -> Result<Option<Vec<Vec<u8>>>, SandboxError> {
        let own_key = self.chain.issuer.key().subject_public_key_info();
        let this = params.signed_by(public_key, &self.chain.issuer)?;
        let genuine = |at, extensions: &[u8]| logs.known.timestamp(&this, &own_key, at, extensions);
        Ok(Some(match request.timestamp {
            CertificateTimestamp::Missing => return Ok(None),
            CertificateTimestamp::Genuine => vec![genuine(request.at, &[])?],
            CertificateTimestamp::WithExtensions => vec![genuine(request.at, b"extension")?],
            CertificateTimestamp::At(second) => {
                let at = Timestamp::from_second(second)
                    .map_err(|_| SandboxError::Time { at: request.at })?;
                vec![genuine(at, &[])?]
            }
            CertificateTimestamp::OfAnother => {
                let mut another = params.clone();
                another.serial_number = Some(SerialNumber::from_slice(&[0x2a]));
                let another = another.signed_by(public_key, &self.chain.issuer)?;
                vec![logs.known.timestamp(&another, &own_key, request.at, &[])?]
            }
            CertificateTimestamp::OfAnotherIssuer => {
                let another = super::SigningKeyPair::generate()?;
                vec![
                    logs.known
                        .timestamp(&this, another.public_der(), request.at, &[])?,
                ]
            }
            CertificateTimestamp::OfUnknownLog => {
                vec![logs.unknown.timestamp(&this, &own_key, request.at, &[])?]
            }
            CertificateTimestamp::OfUnknownLogThenGenuine => vec![
                logs.unknown.timestamp(&this, &own_key, request.at, &[])?,
                genuine(request.at, &[])?,
            ],
            CertificateTimestamp::EmptyList => Vec::new(),
        }))
    }
}

impl CertificateLogs {
    pub(super) fn new() -> Result<Self, SandboxError> {
        Ok(Self {
            known: CertificateLog::new()?,
            unknown: CertificateLog::new()?,
        })
    }
}

fn leaf_params(request: &Request<'_>) -> Result<CertificateParams, SandboxError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let validity = Validity {
        start: request.at,
        end: request.at + jiff::SignedDuration::from_mins(10),
    };
    x509::set_validity(&mut params, validity)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.use_authority_key_identifier_extension = true;
    let claims = request.claims;
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
    if let Some(fault) = request.fault {
        fault.put_into(&mut params);
    }
    Ok(params)
}

impl CertificateFault {
    fn put_into(self, params: &mut CertificateParams) {
        match self {
            Self::WrongPurpose => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }
            Self::NoPurpose => params.extended_key_usages.clear(),
            Self::NoDigitalSignature => {
                params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
            }
            Self::UnknownCriticalExtension => {
                // A DER null.
                let mut extension =
                    CustomExtension::from_oid_content(&UNKNOWN_EXTENSION, vec![5, 0]);
                extension.set_criticality(true);
                params.custom_extensions.push(extension);
            }
            Self::IsAuthority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            // The caller takes another authority.
            Self::ForeignIssuer => {}
        }
    }
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

const SCT_LIST: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];

/// An arc of the enterprise number of examples (RFC 5612).
const UNKNOWN_EXTENSION: [u64; 8] = [1, 3, 6, 1, 4, 1, 32473, 1];
