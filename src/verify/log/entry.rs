//! What the body of an entry is about, for every kind that cosign has logged signatures as.
//!
//! The body is what the log signed for. Read here are the fields that tie it to a signature; the others say nothing
//! that is relied on.

mod body;

use super::{malformed, mismatch, missing};
use crate::verify::{
    SignatureError,
    failure::presented,
    material::{Claim, Credential, Entry, Material, Signed},
};
use body::{About, Hash, LoggedSignature, Verifier};

/// The kind and version of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A signature over content of which the hash is logged.
    HashedRekord0_0_1,
    /// The same in the second generation, also for an envelope, by the hash of what is signed.
    HashedRekord0_0_2,
    /// An envelope.
    Dsse0_0_1,
    /// The same in the second generation, by older clients.
    Dsse0_0_2,
    /// An envelope, by its hash alone.
    Intoto0_0_1,
    /// An envelope, with its signatures.
    Intoto0_0_2,
}

impl Kind {
    /// What the body says it is. What stands beside the body must agree, as nobody signs it.
    pub(super) fn of(entry: &Entry) -> Result<Self, SignatureError> {
        let (kind, version) = body::kind(&entry.body)?;
        if let Some((beside, beside_version)) = &entry.kind
            && (*beside != kind || *beside_version != version)
        {
            return Err(mismatch(
                "the kind stated beside the entry's body",
                &format!("{kind} {version}"),
                &format!("{beside} {beside_version}"),
            ));
        }
        match (kind.as_str(), version.as_str()) {
            ("hashedrekord", "0.0.1") => Ok(Self::HashedRekord0_0_1),
            ("hashedrekord", "0.0.2") => Ok(Self::HashedRekord0_0_2),
            ("dsse", "0.0.1") => Ok(Self::Dsse0_0_1),
            ("dsse", "0.0.2") => Ok(Self::Dsse0_0_2),
            ("intoto", "0.0.1") => Ok(Self::Intoto0_0_1),
            ("intoto", "0.0.2") => Ok(Self::Intoto0_0_2),
            _ => Err(SignatureError::LogEntry {
                detail: format!(
                    "entries of the kind {} are not read",
                    presented(&format!("{kind} {version}"))
                ),
            }),
        }
    }

    /// Of a log that gives no times: a tile-based one.
    pub(super) fn is_second_generation(self) -> bool {
        match self {
            Self::HashedRekord0_0_2 | Self::Dsse0_0_2 => true,
            Self::HashedRekord0_0_1 | Self::Dsse0_0_1 | Self::Intoto0_0_1 | Self::Intoto0_0_2 => {
                false
            }
        }
    }
}

/// That the body is about this signature.
pub(super) fn bind(
    kind: Kind,
    body: &[u8],
    material: &Material,
    key: &[u8],
) -> Result<(), SignatureError> {
    let about = About::read(kind, body)?;
    let verifier = match about {
        About::Signed {
            hash,
            signature,
            verifier,
        } => {
            if kind == Kind::HashedRekord0_0_1 && matches!(material.claim, Claim::Envelope { .. }) {
                return Err(missing("an envelope is not logged as hashedrekord 0.0.1"));
            }
            content(signed_is(&material.signed, &hash)?)?;
            same_signature(&signature, material)?;
            verifier
        }
        About::Payload { hash, signatures } => {
            content(hash.is_of(envelope(material)?.payload.as_bytes())?)?;
            let one = only(signatures)?;
            same_signature(&one.signature, material)?;
            one.verifier
        }
        About::Envelope { hash, verifier } => {
            content(hash.is_of(blob(material)?)?)?;
            verifier
        }
        About::PayloadOfType {
            hash,
            payload_type,
            signatures,
        } => {
            let envelope = envelope(material)?;
            content(hash.is_of(envelope.payload.as_bytes())?)?;
            content(envelope.payload_type == payload_type)?;
            let one = only(signatures)?;
            same_signature(&one.signature, material)?;
            one.verifier
        }
    };
    same_verifier(&verifier, material, key)
}

fn content(same: bool) -> Result<(), SignatureError> {
    if same {
        Ok(())
    } else {
        Err(missing("the entry is about other content"))
    }
}

fn signed_is(signed: &Signed, hash: &Hash) -> Result<bool, SignatureError> {
    match signed {
        Signed::Bytes(message) => hash.is_of(message),
        Signed::Sha256(digest) => Ok(hash.is_sha256(digest)),
    }
}

fn same_signature(logged: &[u8], material: &Material) -> Result<(), SignatureError> {
    if logged == material.signature {
        Ok(())
    } else {
        Err(missing("the entry is about another signature"))
    }
}

/// The very certificate, or the very key.
fn same_verifier(
    verifier: &Verifier,
    material: &Material,
    key: &[u8],
) -> Result<(), SignatureError> {
    let same = match (verifier, &material.credential) {
        (Verifier::Certificate(logged), Credential::Certificate { leaf, .. }) => logged == leaf,
        (Verifier::Key(logged), Credential::Key) => logged == key,
        (Verifier::Certificate(_), Credential::Key)
        | (Verifier::Key(_), Credential::Certificate { .. }) => false,
    };
    if same {
        Ok(())
    } else {
        Err(missing("the entry names another key or certificate"))
    }
}

fn envelope(material: &Material) -> Result<&sigstore_types::DsseEnvelope, SignatureError> {
    match &material.claim {
        Claim::Envelope { envelope, .. } => Ok(envelope),
        Claim::Payload(_) | Claim::Manifest => Err(missing("the entry is about an envelope")),
    }
}

/// The envelope as it was logged. A bundle does not keep it, and another spelling of its JSON has another hash.
fn blob(material: &Material) -> Result<&[u8], SignatureError> {
    envelope(material)?;
    match &material.claim {
        Claim::Envelope {
            blob: Some(blob), ..
        } => Ok(blob),
        Claim::Envelope { blob: None, .. } | Claim::Payload(_) | Claim::Manifest => Err(missing(
            "an entry of the kind intoto 0.0.1 is about an envelope as it was written, which a bundle does not keep",
        )),
    }
}

/// An envelope has one signature here, so an entry about several is about another envelope.
fn only(signatures: Vec<LoggedSignature>) -> Result<LoggedSignature, SignatureError> {
    let found = signatures.len();
    let mut signatures = signatures.into_iter();
    match (signatures.next(), signatures.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(malformed(
            "the entry is about more or less than one signature",
            &found,
        )),
    }
}

#[cfg(test)]
mod tests;
