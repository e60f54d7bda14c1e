//! What a token says, before any of it is believed.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::{
    Any, AnyRef, Decode as _, Encode as _, Sequence,
    asn1::{BitStringRef, IntRef, OctetStringRef, SequenceRef},
    oid::ObjectIdentifier,
};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::{Extensions, pkix::SubjectKeyIdentifier};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::super::{
    SignatureError,
    failure::{text, within},
};
use super::time::GeneralizedTime;
use crate::limits;

/// A token, taken apart.
pub(super) struct Token {
    /// When it says it was made.
    pub(super) time: Timestamp,
    /// How what it is over was hashed, and to what.
    pub(super) imprint_algorithm: ObjectIdentifier,
    pub(super) imprint: Vec<u8>,
    /// The signed content: the `TSTInfo`, in DER.
    pub(super) content: Vec<u8>,
    /// The hash of the content in the signed attributes.
    pub(super) digest_algorithm: ObjectIdentifier,
    pub(super) signature_algorithm: AlgorithmIdentifierOwned,
    pub(super) signature: Vec<u8>,
    /// The certificates that came with it, in DER.
    pub(super) certificates: Vec<Vec<u8>>,
    signer: SignerInfo,
}

/// A certificate, named by its digest.
pub(super) struct NamedCertificate {
    /// The hash; the older form of the attribute has SHA-1 and does not say so.
    pub(super) algorithm: Option<ObjectIdentifier>,
    pub(super) digest: Vec<u8>,
}

/// RFC 3161 §2.4.2.
#[derive(Sequence)]
struct TimeStampResp<'a> {
    status: PkiStatusInfo<'a>,
    #[asn1(optional = "true")]
    time_stamp_token: Option<ContentInfo>,
}

#[derive(Sequence)]
struct PkiStatusInfo<'a> {
    status: u8,
    #[asn1(optional = "true")]
    status_string: Option<SequenceRef<'a>>,
    #[asn1(optional = "true")]
    fail_info: Option<BitStringRef<'a>>,
}

#[derive(Sequence)]
struct TstInfo<'a> {
    version: u8,
    policy: ObjectIdentifier,
    message_imprint: MessageImprint<'a>,
    serial_number: IntRef<'a>,
    gen_time: GeneralizedTime<'a>,
    #[asn1(optional = "true")]
    accuracy: Option<SequenceRef<'a>>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<IntRef<'a>>,
    #[asn1(context_specific = "0", optional = "true")]
    tsa: Option<AnyRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct MessageImprint<'a> {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetStringRef<'a>,
}

/// RFC 2634 §5.4 and RFC 5035 §5.4.
#[derive(Sequence)]
struct SigningCertificate<'a> {
    certs: Vec<AnyRef<'a>>,
    #[asn1(optional = "true")]
    policies: Option<SequenceRef<'a>>,
}

#[derive(Sequence)]
struct EssCertId<'a> {
    cert_hash: OctetStringRef<'a>,
    #[asn1(optional = "true")]
    issuer_serial: Option<SequenceRef<'a>>,
}

#[derive(Sequence)]
struct EssCertIdV2<'a> {
    #[asn1(optional = "true")]
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    cert_hash: OctetStringRef<'a>,
    #[asn1(optional = "true")]
    issuer_serial: Option<SequenceRef<'a>>,
}

impl Token {
    /// Takes a `TimeStampResp` apart: granted, one signer, a `TSTInfo` of version 1.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, SignatureError> {
        let response = TimeStampResp::from_der(bytes).map_err(|error| malformed(&error))?;
        if !GRANTED.contains(&response.status.status) {
            return Err(refused("the signed timestamp was not granted"));
        }
        let token = response
            .time_stamp_token
            .filter(|token| token.content_type == SIGNED_DATA)
            .ok_or_else(|| refused("the signed timestamp holds no signed data"))?;
        let message: SignedData = token
            .content
            .decode_as()
            .map_err(|error| malformed(&error))?;
        let content = content(&message)?;
        let info = TstInfo::from_der(&content).map_err(|error| malformed(&error))?;
        let time = moment(&info)?;
        let signer = one_signer(&message)?;
        Ok(Self {
            time,
            imprint_algorithm: info.message_imprint.hash_algorithm.oid,
            imprint: info.message_imprint.hashed_message.as_bytes().to_vec(),
            digest_algorithm: signer.digest_alg.oid,
            signature_algorithm: signer.signature_algorithm.clone(),
            signature: signer.signature.as_bytes().to_vec(),
            certificates: certificates(&message)?,
            signer,
            content,
        })
    }

    /// Whether it says that this certificate signed it.
    pub(super) fn is_signed_by(&self, der: &[u8]) -> Result<bool, SignatureError> {
        let certificate = Certificate::from_der(der).map_err(|error| malformed(&error))?;
        let certificate = certificate.tbs_certificate;
        match &self.signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(named) => Ok(named.issuer
                == certificate.issuer
                && named.serial_number == certificate.serial_number),
            SignerIdentifier::SubjectKeyIdentifier(named) => {
                let found = certificate.get::<SubjectKeyIdentifier>();
                let found = found.map_err(|error| malformed(&error))?;
                Ok(found.is_some_and(|(_, found)| found == *named))
            }
        }
    }

    /// The certificate that it says signed it, if it brings it along.
    pub(super) fn own_signer(&self) -> Result<Option<CertificateDer<'static>>, SignatureError> {
        for der in &self.certificates {
            if self.is_signed_by(der)? {
                return Ok(Some(CertificateDer::from(der.clone())));
            }
        }
        Ok(None)
    }

    /// The signed attribute `content-type`.
    pub(super) fn content_type(&self) -> Result<ObjectIdentifier, SignatureError> {
        self.one_attribute(CONTENT_TYPE, "content type")?
            .decode_as()
            .map_err(|error| malformed(&error))
    }

    /// The signed attribute `message-digest`.
    pub(super) fn message_digest(&self) -> Result<Vec<u8>, SignatureError> {
        let value = self.one_attribute(MESSAGE_DIGEST, "message digest")?;
        let digest: OctetStringRef<'_> = value.decode_as().map_err(|error| malformed(&error))?;
        Ok(digest.as_bytes().to_vec())
    }

    /// The signing certificate as the signed attributes name it, in either form.
    pub(super) fn signing_certificates(&self) -> Result<Vec<NamedCertificate>, SignatureError> {
        let mut digests = Vec::new();
        if let Some(value) = self.attribute(SIGNING_CERTIFICATE)? {
            let EssCertId { cert_hash, .. } = first_certificate(value)?;
            digests.push(NamedCertificate {
                algorithm: None,
                digest: cert_hash.as_bytes().to_vec(),
            });
        }
        if let Some(value) = self.attribute(SIGNING_CERTIFICATE_V2)? {
            let found: EssCertIdV2<'_> = first_certificate(value)?;
            let algorithm = found
                .hash_algorithm
                .map_or(super::SHA256, |named| named.oid);
            digests.push(NamedCertificate {
                algorithm: Some(algorithm),
                digest: found.cert_hash.as_bytes().to_vec(),
            });
        }
        Ok(digests)
    }

    /// RFC 5652 §5.4: what was signed is the attributes as a SET of their own.
    pub(super) fn signed_attributes(&self) -> Result<Vec<u8>, SignatureError> {
        match &self.signer.signed_attrs {
            Some(attributes) => attributes.to_der().map_err(|error| malformed(&error)),
            None => Err(refused("the signed timestamp has no signed attributes")),
        }
    }

    fn one_attribute(&self, oid: ObjectIdentifier, what: &str) -> Result<&Any, SignatureError> {
        self.attribute(oid)?
            .ok_or_else(|| refused(&format!("the signed timestamp has no signed {what}")))
    }

    /// The value of a signed attribute: it is there once, with one value, or not at all.
    fn attribute(&self, oid: ObjectIdentifier) -> Result<Option<&Any>, SignatureError> {
        let Some(attributes) = &self.signer.signed_attrs else {
            return Err(refused("the signed timestamp has no signed attributes"));
        };
        let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(Attribute { values, .. }), None) if values.len() == 1 => Ok(values.get(0)),
            (Some(_), _) => Err(refused(
                "a signed attribute of the signed timestamp is not single",
            )),
        }
    }
}

/// The first certificate that an attribute names is the signer's; the others are of its chain.
fn first_certificate<'a, T: Sequence<'a>>(value: &'a Any) -> Result<T, SignatureError> {
    let attribute: SigningCertificate<'a> = value.decode_as().map_err(|error| malformed(&error))?;
    let first = attribute.certs.first().ok_or_else(|| {
        refused("a signed attribute of the signed timestamp names no certificate")
    })?;
    first.decode_as().map_err(|error| malformed(&error))
}

/// The `TSTInfo` in DER.
fn content(message: &SignedData) -> Result<Vec<u8>, SignatureError> {
    let encapsulated = &message.encap_content_info;
    let content = match &encapsulated.econtent {
        Some(content) if encapsulated.econtent_type == TST_INFO => content,
        Some(_) | None => return Err(refused("the signed timestamp holds something else")),
    };
    let octets: OctetStringRef<'_> = content.decode_as().map_err(|error| malformed(&error))?;
    Ok(octets.as_bytes().to_vec())
}

/// The time of a `TSTInfo` that says nothing that is not understood.
fn moment(info: &TstInfo<'_>) -> Result<Timestamp, SignatureError> {
    if info.version != 1 {
        return Err(refused("the signed timestamp is of another version than 1"));
    }
    let extensions = info.extensions.iter().flatten();
    if extensions.into_iter().any(|extension| extension.critical) {
        return Err(refused(
            "the signed timestamp has a critical extension that is not known",
        ));
    }
    info.gen_time
        .moment()
        .ok_or_else(|| refused("the time of the signed timestamp cannot be read"))
}

fn one_signer(message: &SignedData) -> Result<SignerInfo, SignatureError> {
    match message.signer_infos.0.as_slice() {
        [signer] => Ok(signer.clone()),
        others => Err(refused(&format!(
            "the signed timestamp has {} signers, expected one",
            others.len()
        ))),
    }
}

fn certificates(message: &SignedData) -> Result<Vec<Vec<u8>>, SignatureError> {
    let Some(set) = &message.certificates else {
        return Ok(Vec::new());
    };
    within(
        "certificates of one signed timestamp",
        set.0.len(),
        limits::CERTIFICATES_PER_CHAIN,
    )?;
    let mut found = Vec::new();
    for choice in set.0.iter() {
        match choice {
            CertificateChoices::Certificate(certificate) => {
                found.push(certificate.to_der().map_err(|error| malformed(&error))?);
            }
            CertificateChoices::Other(_) => {}
        }
    }
    Ok(found)
}

fn refused(detail: &str) -> SignatureError {
    SignatureError::Timestamp {
        detail: detail.to_owned(),
    }
}

/// The token is not in DER, or not what RFC 3161 says.
pub(super) fn malformed(error: &dyn std::fmt::Display) -> SignatureError {
    SignatureError::Timestamp {
        detail: text("the signed timestamp cannot be read", error),
    }
}

/// `granted` and `grantedWithMods`.
const GRANTED: [u8; 2] = [0, 1];

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// `id-ct-TSTInfo`.
pub(super) const TST_INFO: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
