//! A timestamp authority (RFC 3161).

mod response;

use jiff::Timestamp;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, KeyUsagePurpose, SubjectPublicKeyInfo};

use super::{
    HashAlgorithm, KeyKind, SandboxError, SigningKeyPair,
    x509::{self, Chain, Validity},
};
use response::Parts;

/// Who answers, and with which certificate.
#[derive(Debug)]
pub(super) struct TimestampAuthority {
    leaf: Vec<u8>,
    intermediate: Vec<u8>,
    root: Vec<u8>,
    key: SigningKeyPair,
}

/// What the certificate of a timestamp authority says it is for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TimestampPurpose {
    /// Timestamps and nothing else, in a critical extension.
    #[default]
    Genuine,
    /// The same, but the extension is not critical.
    NotCritical,
    /// Timestamps and code signing.
    AndCodeSigning,
    /// Code signing.
    CodeSigning,
    /// It does not say.
    Unsaid,
}

/// Which of the authorities of an instance answers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AuthorityName {
    /// The first that the trust root names: P-256 with SHA-256.
    #[default]
    First,
    /// Another that it names: P-384 with SHA-384.
    Second,
    /// One with a name and a key that it does not know.
    Unknown,
    /// One that says it is the first, by issuer and serial number, and has another key.
    Impostor,
}

/// A signed timestamp about to be made.
#[derive(Clone, Debug, Default)]
#[must_use = "it is made when it is given to a signing"]
pub struct TimestampToken {
    pub(super) at: Option<Timestamp>,
    pub(super) authority: AuthorityName,
    pub(super) hash: Option<HashAlgorithm>,
    pub(super) imprinted: Option<Vec<u8>>,
    pub(super) fault: Option<TokenFault>,
}

/// The one thing that is wrong with a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenFault {
    /// The response says that the request was rejected, and holds a good token all the same.
    Rejected,
    /// The authority's signature is over something else.
    WrongSignature,
    /// The signed attributes hold the hash of another content.
    WrongMessageDigest,
    /// The signed attributes name another type of content.
    WrongContentType,
    /// There are no signed attributes, and the signature is over the content.
    NoSignedAttributes,
    /// Two signers.
    TwoSigners,
    /// The content is not a timestamp.
    NotATimestamp,
    /// The imprint names SHA-1 (and holds 32 octets).
    UnknownImprintHash,
    /// The token is cut off after this many octets.
    CutOff(usize),
    /// An octet follows the response.
    Trailing,
}

impl TimestampToken {
    /// A token of the first authority at the time of signing, over what this layout has to imprint.
    pub fn new() -> Self {
        Self::default()
    }

    /// Made at this time; below the second as far as the time goes.
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// By this authority.
    pub fn by(mut self, authority: AuthorityName) -> Self {
        self.authority = authority;
        self
    }

    /// With an imprint of this hash; SHA-256 unless it is said.
    pub fn hash(mut self, hash: HashAlgorithm) -> Self {
        self.hash = Some(hash);
        self
    }

    /// Over these bytes instead.
    pub fn imprinting(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.imprinted = Some(bytes.into());
        self
    }

    /// With one thing wrong.
    pub fn fault(mut self, fault: TokenFault) -> Self {
        self.fault = Some(fault);
        self
    }
}

impl TimestampAuthority {
    pub(super) fn new(
        name: &str,
        kind: KeyKind,
        purpose: TimestampPurpose,
        validity: Validity,
        leaf_validity: Validity,
    ) -> Result<Self, SandboxError> {
        let chain = Chain::new(
            name,
            validity,
            validity.end,
            ExtendedKeyUsagePurpose::TimeStamping,
        )?;
        let key = SigningKeyPair::generate_of(kind)?;
        let mut params = x509::named(&format!("{name} leaf"));
        x509::set_validity(&mut params, leaf_validity)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if let Some((content, critical)) = purpose.extension() {
            let mut extension =
                CustomExtension::from_oid_content(&EXTENDED_KEY_USAGE, content.to_vec());
            extension.set_criticality(critical);
            params.custom_extensions.push(extension);
        }
        let public_key = SubjectPublicKeyInfo::from_der(key.public_der())?;
        let leaf = params.signed_by(&public_key, &chain.issuer)?;
        Ok(Self {
            leaf: leaf.der().to_vec(),
            intermediate: chain.intermediate,
            root: chain.root,
            key,
        })
    }

    /// One with the same certificates and a key of its own, which is not the one they name.
    pub(super) fn impostor(&self) -> Result<Self, SandboxError> {
        Ok(Self {
            leaf: self.leaf.clone(),
            intermediate: self.intermediate.clone(),
            root: self.root.clone(),
            key: SigningKeyPair::generate_of(self.key.kind())?,
        })
    }

    /// Leaf, intermediate, root.
    pub(super) fn certificates(&self) -> [&[u8]; 3] {
        [&self.leaf, &self.intermediate, &self.root]
    }

    /// The DER of a `TimeStampResp`.
    pub(super) fn respond(
        &self,
        token: &TimestampToken,
        imprinted: &[u8],
        at: Timestamp,
    ) -> Result<Vec<u8>, SandboxError> {
        response::encode(&Parts {
            key: &self.key,
            leaf: &self.leaf,
            intermediate: &self.intermediate,
            hash: token.hash.unwrap_or(HashAlgorithm::Sha256),
            imprinted: token.imprinted.as_deref().unwrap_or(imprinted),
            at: token.at.unwrap_or(at),
            fault: token.fault,
        })
    }
}

impl TimestampPurpose {
    /// The value of the extension and whether it is critical.
    fn extension(self) -> Option<(&'static [u8], bool)> {
        match self {
            Self::Genuine => Some((&TIME_STAMPING, true)),
            Self::NotCritical => Some((&TIME_STAMPING, false)),
            Self::AndCodeSigning => Some((&BOTH, true)),
            Self::CodeSigning => Some((&CODE_SIGNING, true)),
            Self::Unsaid => None,
        }
    }
}

const EXTENDED_KEY_USAGE: [u64; 4] = [2, 5, 29, 37];

/// A sequence of the one purpose 1.3.6.1.5.5.7.3.8.
const TIME_STAMPING: [u8; 12] = [
    0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08,
];

/// A sequence of the one purpose 1.3.6.1.5.5.7.3.3.
const CODE_SIGNING: [u8; 12] = [
    0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03,
];

/// A sequence of both.
const BOTH: [u8; 22] = [
    0x30, 0x14, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08, 0x06, 0x08, 0x2b, 0x06,
    0x01, 0x05, 0x05, 0x07, 0x03, 0x03,
];
