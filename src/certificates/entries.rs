//! What is kept: the entries of a Secret, as bytes and as what they mean.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Bundle, ServingCertificate, SigningAuthority};

/// The entry with every authority that is to be trusted, newest first.
pub const CA_CRT: &str = "ca.crt";
/// The entry with the key of the newest authority.
pub const CA_KEY: &str = "ca.key";
/// The entry with the serving certificate.
pub const TLS_CRT: &str = "tls.crt";
/// The entry with its key.
pub const TLS_KEY: &str = "tls.key";

/// Entries by name. Holds keys, so it is never printed.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Entries(BTreeMap<String, Vec<u8>>);

/// What the entries mean. Each part stands for itself: garbage in one does not take away the others.
#[derive(Debug, Default)]
pub struct Material {
    /// Every authority that is to be trusted.
    pub bundle: Bundle,
    /// The one that signs, when its key is there.
    pub signer: Option<SigningAuthority>,
    /// The serving certificate, when its key belongs to it.
    pub serving: Option<Arc<ServingCertificate>>,
}

impl Entries {
    /// Of these names and contents.
    pub fn new(entries: BTreeMap<String, Vec<u8>>) -> Self {
        Self(entries)
    }

    /// The entries that a new authority changes: it is trusted first, and those of `keep` with it.
    pub fn of_authority(signer: &SigningAuthority, keep: &Bundle) -> Self {
        let bundle = keep.iter().cloned().fold(
            Bundle::default().with(signer.certificate().clone()),
            Bundle::with,
        );
        let mut entries = Self::of_bundle(&bundle);
        entries.put(CA_KEY, &signer.key_pem());
        entries
    }

    /// The entry that other authorities to trust change.
    pub fn of_bundle(bundle: &Bundle) -> Self {
        let mut entries = Self::default();
        entries.put(CA_CRT, &bundle.pem());
        entries
    }

    /// The entries that a new serving certificate changes.
    pub fn of_serving(serving: &ServingCertificate) -> Self {
        let mut entries = Self::default();
        entries.put(TLS_CRT, &serving.certificate_pem());
        entries.put(TLS_KEY, serving.key_pem());
        entries
    }

    /// Every entry.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, content)| (name.as_str(), content.as_slice()))
    }

    fn put(&mut self, name: &str, content: &str) {
        self.0.insert(name.to_owned(), content.as_bytes().to_vec());
    }

    fn entry(&self, name: &str) -> &[u8] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Material {
    /// Reads what can be read.
    pub fn read(entries: &Entries) -> Self {
        let bundle = Bundle::read(entries.entry(CA_CRT));
        Self {
            signer: SigningAuthority::read(&bundle, entries.entry(CA_KEY)),
            serving: ServingCertificate::read(entries.entry(TLS_CRT), entries.entry(TLS_KEY))
                .map(Arc::new),
            bundle,
        }
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// DER as PEM (RFC 7468).
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(PEM_LINE));
        lines.push_str(line);
        lines.push('\n');
        rest = next;
    }
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

const PEM_LINE: usize = 64;
