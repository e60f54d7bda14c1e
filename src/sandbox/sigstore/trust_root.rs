//! What a verifier of the instance must trust, in both forms.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{AuthorityName, PrivateSigstore, SigningKeyPair, VALIDITY, x509};

/// The parts of a trust root, which a private instance may lack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RootPart {
    /// `certificateAuthorities`.
    CertificateAuthorities,
    /// `ctlogs`.
    CertificateLogs,
    /// `tlogs`.
    TransparencyLogs,
    /// `timestampAuthorities`.
    TimestampAuthorities,
}

/// A trust root as separate PEM files: each text is one chain, or one key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PemTexts {
    /// The chain of each certificate authority, from what issues to the root.
    pub certificate_authorities: Vec<String>,
    /// The key of each certificate log.
    pub certificate_logs: Vec<String>,
    /// The key of each transparency log.
    pub transparency_logs: Vec<String>,
    /// The chain of each timestamp authority, from what signs to the root.
    pub timestamp_authorities: Vec<String>,
}

impl PrivateSigstore {
    /// The text of the `trusted_root.json` that a verifier of this instance needs.
    pub fn trusted_root_json(&self) -> String {
        self.trusted_root().to_string()
    }

    /// The text of a `trusted_root.json` in which these parts are empty.
    pub fn trusted_root_json_without(&self, parts: &[RootPart]) -> String {
        let mut root = self.trusted_root();
        if let Some(fields) = root.as_object_mut() {
            for part in parts {
                fields.insert(part.field().to_owned(), json!([]));
            }
        }
        root.to_string()
    }

    /// The `trusted_root.json` as a value, for changing it.
    pub fn trusted_root(&self) -> Value {
        let window = json!({ "start": VALIDITY.start.to_string() });
        let log_key = self.certificate_logs.known.key();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": self
                .transparency_logs
                .known()
                .map(|log| log.root_json(&window))
                .collect::<Vec<_>>(),
            "certificateAuthorities": [{
                "subject": { "organization": "assay.test", "commonName": "assay sandbox" },
                "uri": "https://fulcio.assay.test",
                "certChain": certificates_json(&self.authority.chain()),
                "validFor": window,
            }],
            "ctlogs": [log_json("https://ctfe.assay.test", log_key, &log_key.id(), &window)],
            "timestampAuthorities": self
                .known_timestamp_chains()
                .map(|chain| json!({
                    "subject": { "organization": "assay.test", "commonName": "assay timestamps" },
                    "uri": "https://timestamp.assay.test",
                    "certChain": certificates_json(&chain),
                    "validFor": window,
                }))
                .collect::<Vec<_>>(),
        })
    }

    /// The same as separate PEM files.
    pub fn pem_texts(&self) -> PemTexts {
        PemTexts {
            certificate_authorities: vec![chain_pem(&self.authority.chain())],
            certificate_logs: vec![self.certificate_logs.known.key().public_pem()],
            transparency_logs: self
                .transparency_logs
                .known()
                .map(|log| log.key().public_pem())
                .collect(),
            timestamp_authorities: self
                .known_timestamp_chains()
                .map(|chain| chain_pem(&chain))
                .collect(),
        }
    }

    fn known_timestamp_chains(&self) -> impl Iterator<Item = [&[u8]; 3]> {
        self.timestamp_authorities
            .iter()
            .filter(|(name, _)| matches!(name, AuthorityName::First | AuthorityName::Second))
            .map(|(_, authority)| authority.certificates())
    }
}

impl RootPart {
    fn field(self) -> &'static str {
        match self {
            Self::CertificateAuthorities => "certificateAuthorities",
            Self::CertificateLogs => "ctlogs",
            Self::TransparencyLogs => "tlogs",
            Self::TimestampAuthorities => "timestampAuthorities",
        }
    }
}

fn certificates_json(chain: &[&[u8]]) -> Value {
    let certificates: Vec<_> = chain
        .iter()
        .map(|der| json!({ "rawBytes": STANDARD.encode(der) }))
        .collect();
    json!({ "certificates": certificates })
}

fn chain_pem(chain: &[&[u8]]) -> String {
    chain.iter().map(|der| x509::pem(*der)).collect()
}

pub(super) fn log_json(base_url: &str, key: &SigningKeyPair, id: &[u8], window: &Value) -> Value {
    json!({
        "baseUrl": base_url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(key.public_der()),
            "keyDetails": key.details(),
            "validFor": window,
        },
        "logId": { "keyId": STANDARD.encode(id) },
    })
}
