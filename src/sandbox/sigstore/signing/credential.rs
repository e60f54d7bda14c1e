//! Who signs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{BundleVersion, Signing};
use crate::sandbox::sigstore::{
    CertificateFault, Claims, SandboxError, SigningKeyPair, authority::Request,
};

#[derive(Debug)]
pub(super) enum Signer<'a> {
    Keyless(Box<Claims>),
    Keyed(&'a SigningKeyPair),
}

/// What signs, once there is a certificate for it.
pub(super) struct Credential<'a> {
    key: KeyRef<'a>,
    /// The leaf, then what issued it, then the root.
    pub(super) chain: Vec<Vec<u8>>,
}

enum KeyRef<'a> {
    Held(&'a SigningKeyPair),
    Ephemeral(SigningKeyPair),
}

impl<'a> Signing<'a> {
    pub(super) fn credential(&self) -> Result<Credential<'a>, SandboxError> {
        match &self.signer {
            Signer::Keyed(key) => Ok(Credential {
                key: KeyRef::Held(key),
                chain: Vec::new(),
            }),
            Signer::Keyless(claims) => self.certified(claims),
        }
    }

    fn certified(&self, claims: &Claims) -> Result<Credential<'a>, SandboxError> {
        let key = SigningKeyPair::generate_of(self.certificate_key)?;
        let authority = if self.certificate_fault == Some(CertificateFault::ForeignIssuer) {
            &self.sigstore.foreign_authority
        } else {
            &self.sigstore.authority
        };
        let request = Request {
            claims,
            public_der: key.public_der(),
            at: self.at,
            timestamp: self.timestamp,
            fault: self.certificate_fault,
        };
        let mut chain = vec![authority.issue(&request, &self.sigstore.certificate_logs)?];
        chain.extend(authority.chain().map(<[u8]>::to_vec));
        Ok(Credential {
            key: KeyRef::Ephemeral(key),
            chain,
        })
    }
}

impl Credential<'_> {
    pub(super) fn key(&self) -> &SigningKeyPair {
        match &self.key {
            KeyRef::Held(key) => key,
            KeyRef::Ephemeral(key) => key,
        }
    }

    pub(super) fn certificate(&self) -> Option<&[u8]> {
        self.chain.first().map(Vec::as_slice)
    }

    /// What names the signer in a bundle's `verificationMaterial`.
    pub(super) fn material(&self, version: BundleVersion) -> serde_json::Map<String, Value> {
        let raw = |der: &[u8]| json!({ "rawBytes": STANDARD.encode(der) });
        let (name, value) = match (self.certificate(), version) {
            (None, _) => (
                "publicKey",
                json!({ "hint": STANDARD.encode(self.key().id()) }),
            ),
            (Some(leaf), BundleVersion::V03 | BundleVersion::V03Parameter) => {
                ("certificate", raw(leaf))
            }
            (Some(_), BundleVersion::V01 | BundleVersion::V02) => {
                let listed: Vec<_> = self.chain.iter().map(|der| raw(der)).collect();
                ("x509CertificateChain", json!({ "certificates": listed }))
            }
        };
        serde_json::Map::from_iter([(name.to_owned(), value)])
    }
}
