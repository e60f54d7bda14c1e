//! The DER of a response: a status, and a token that is CMS `SignedData` around a `TSTInfo`.

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{
        CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo,
        SignerInfos,
    },
};
use der::{
    Any, AnyRef, Decode as _, Encode as _, Sequence, Tag,
    asn1::{ObjectIdentifier, OctetString, SetOfVec},
};
use jiff::{Timestamp, tz::TimeZone};
use x509_cert::{
    Certificate,
    attr::{Attribute, Attributes},
    spki::AlgorithmIdentifierOwned,
};

use super::TokenFault;
use crate::sandbox::sigstore::{HashAlgorithm, KeyKind, SandboxError, SigningKeyPair};

/// What a response is made of.
pub(super) struct Parts<'a> {
    pub(super) key: &'a SigningKeyPair,
    pub(super) leaf: &'a [u8],
    pub(super) intermediate: &'a [u8],
    pub(super) hash: HashAlgorithm,
    pub(super) imprinted: &'a [u8],
    pub(super) at: Timestamp,
    pub(super) fault: Option<TokenFault>,
}

/// RFC 3161 §2.4.2.
#[derive(Sequence)]
struct TimeStampResp {
    status: PkiStatusInfo,
    token: Option<ContentInfo>,
}

#[derive(Sequence)]
struct PkiStatusInfo {
    status: u8,
}

#[derive(Sequence)]
struct TstInfo {
    version: u8,
    policy: ObjectIdentifier,
    message_imprint: MessageImprint,
    serial_number: u64,
    /// A `GeneralizedTime`; the library's own type has no fractions.
    gen_time: Any,
    accuracy: Option<Accuracy>,
}

#[derive(Sequence)]
struct MessageImprint {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

#[derive(Sequence)]
struct Accuracy {
    seconds: u64,
}

/// RFC 5035: the signer's certificate by its SHA-256, as RFC 5816 asks for.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certificates: Vec<CertificateId>,
}

#[derive(Sequence)]
struct CertificateId {
    hash: OctetString,
}

pub(super) fn encode(parts: &Parts<'_>) -> Result<Vec<u8>, SandboxError> {
    let status = if parts.fault == Some(TokenFault::Rejected) {
        REJECTION
    } else {
        GRANTED
    };
    let response = TimeStampResp {
        status: PkiStatusInfo { status },
        token: Some(parts.token()?),
    };
    let mut encoded = response.to_der()?;
    if let Some(TokenFault::CutOff(length)) = parts.fault {
        encoded.truncate(length);
    }
    if parts.fault == Some(TokenFault::Trailing) {
        encoded.push(0);
    }
    Ok(encoded)
}

impl Parts<'_> {
    fn token(&self) -> Result<ContentInfo, SandboxError> {
        let content = self.info()?.to_der()?;
        let content_type = if self.fault == Some(TokenFault::NotATimestamp) {
            ID_DATA
        } else {
            TST_INFO
        };
        let mut signers = vec![self.signer(&content, content_type, self.key)?];
        if self.fault == Some(TokenFault::TwoSigners) {
            let another = SigningKeyPair::generate_of(self.key.kind())?;
            signers.push(self.signer(&content, content_type, &another)?);
        }
        let certificates = [self.leaf, self.intermediate]
            .into_iter()
            .map(|der| Certificate::from_der(der).map(CertificateChoices::Certificate))
            .collect::<Result<Vec<_>, _>>()?;
        let signed = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![self.signer_hash()])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: content_type,
                econtent: Some(Any::new(Tag::OctetString, content)?),
            },
            certificates: Some(CertificateSet(SetOfVec::try_from(certificates)?)),
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(signers)?),
        };
        Ok(ContentInfo {
            content_type: SIGNED_DATA,
            content: Any::encode_from(&signed)?,
        })
    }

    fn info(&self) -> Result<TstInfo, SandboxError> {
        let hash_algorithm = if self.fault == Some(TokenFault::UnknownImprintHash) {
            algorithm(SHA_1)
        } else {
            algorithm(self.hash.oid())
        };
        Ok(TstInfo {
            version: 1,
            policy: POLICY,
            message_imprint: MessageImprint {
                hash_algorithm,
                hashed_message: OctetString::new(self.hash.digest(self.imprinted))?,
            },
            serial_number: 4711,
            gen_time: Any::new(Tag::GeneralizedTime, generalized_time(self.at))?,
            accuracy: Some(Accuracy { seconds: 1 }),
        })
    }

    fn signer(
        &self,
        content: &[u8],
        content_type: ObjectIdentifier,
        key: &SigningKeyPair,
    ) -> Result<SignerInfo, SandboxError> {
        let leaf = Certificate::from_der(self.leaf)?.tbs_certificate;
        let attributes = self.attributes(content, content_type)?;
        let signed_attrs =
            (self.fault != Some(TokenFault::NoSignedAttributes)).then_some(attributes);
        let mut signed = match &signed_attrs {
            Some(attributes) => attributes.to_der()?,
            None => content.to_vec(),
        };
        if self.fault == Some(TokenFault::WrongSignature) {
            signed.push(0);
        }
        Ok(SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: leaf.issuer,
                serial_number: leaf.serial_number,
            }),
            digest_alg: self.signer_hash(),
            signed_attrs,
            signature_algorithm: signature_algorithm(key),
            signature: OctetString::new(key.sign(&signed)?)?,
            unsigned_attrs: None,
        })
    }

    /// RFC 5652 §11 and RFC 5816.
    fn attributes(
        &self,
        content: &[u8],
        content_type: ObjectIdentifier,
    ) -> Result<Attributes, SandboxError> {
        let named_type = if self.fault == Some(TokenFault::WrongContentType) {
            ID_DATA
        } else {
            content_type
        };
        let mut hashed = self.key.hash().digest(content);
        if self.fault == Some(TokenFault::WrongMessageDigest) {
            hashed.reverse();
        }
        let certificate = SigningCertificateV2 {
            certificates: vec![CertificateId {
                hash: OctetString::new(HashAlgorithm::Sha256.digest(self.leaf))?,
            }],
        };
        let attributes = [
            (CONTENT_TYPE, Any::encode_from(&named_type)?),
            (MESSAGE_DIGEST, Any::new(Tag::OctetString, hashed)?),
            (SIGNING_CERTIFICATE_V2, Any::encode_from(&certificate)?),
        ]
        .into_iter()
        .map(|(oid, value)| {
            Ok(Attribute {
                oid,
                values: SetOfVec::try_from(vec![value])?,
            })
        })
        .collect::<Result<Vec<_>, der::Error>>()?;
        Ok(SetOfVec::try_from(attributes)?)
    }

    fn signer_hash(&self) -> AlgorithmIdentifierOwned {
        algorithm(self.key.hash().oid())
    }
}

impl HashAlgorithm {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
            Self::Sha384 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
            Self::Sha512 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
        }
    }
}

fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    }
}

/// RFC 5754 §3: the algorithm of the signature names its hash for ECDSA; for RSA the key is named.
fn signature_algorithm(key: &SigningKeyPair) -> AlgorithmIdentifierOwned {
    match key.kind() {
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => algorithm(match key.hash() {
            HashAlgorithm::Sha256 => ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
            HashAlgorithm::Sha384 => ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"),
            HashAlgorithm::Sha512 => ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"),
        }),
        KeyKind::Ed25519 => algorithm(ObjectIdentifier::new_unwrap("1.3.101.112")),
        KeyKind::Rsa | KeyKind::Rsa3072 | KeyKind::Rsa4096 => AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
            parameters: Some(AnyRef::NULL.into()),
        },
    }
}

/// X.690 §11.7: the fraction without trailing zeros, and without its point when nothing is left.
fn generalized_time(at: Timestamp) -> Vec<u8> {
    let utc = at.to_zoned(TimeZone::UTC);
    let mut text = utc.strftime("%Y%m%d%H%M%S").to_string();
    let fraction = format!("{:09}", utc.subsec_nanosecond());
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text.push('Z');
    text.into_bytes()
}

const GRANTED: u8 = 0;
const REJECTION: u8 = 2;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// The policy of Sigstore's public timestamp authority.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");
