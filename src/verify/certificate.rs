//! The identity a Fulcio certificate names (Fulcio's `oid-info.md`).

use std::collections::BTreeMap;

use x509_cert::der::{Decode as _, asn1::Utf8StringRef, oid::ObjectIdentifier};
use x509_cert::{
    Certificate,
    ext::{
        Extension,
        pkix::{KeyUsage, SubjectAltName, name::GeneralName},
    },
};

use super::{SignatureError, failure::text};

/// The one subject alternative name of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum San {
    /// A URI, as CI systems have.
    Uri(String),
    /// An email address.
    Email(String),
}

/// Who a verified certificate says signed. Absent extensions are `None`; a rule on one of them fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Extension .8 (or .1 where .8 is absent; refused when both differ).
    pub oidc_issuer: String,
    /// The subject alternative name.
    pub san: San,
    /// Extension .9.
    pub build_signer_uri: Option<String>,
    /// Extension .11.
    pub runner_environment: Option<String>,
    /// Extension .12.
    pub source_repository_uri: Option<String>,
    /// Extension .13: the commit.
    pub source_repository_digest: Option<String>,
    /// Extension .14: the full ref.
    pub source_repository_ref: Option<String>,
    /// Extension .15.
    pub source_repository_identifier: Option<String>,
    /// Extension .18.
    pub build_config_uri: Option<String>,
    /// Extension .20: the pipeline source.
    pub build_trigger: Option<String>,
    /// Extension .21: the job.
    pub run_invocation_uri: Option<String>,
    /// Extension .23.
    pub deployment_environment: Option<String>,
    /// Extension .24.
    pub token_subject: Option<String>,
}

impl San {
    /// The text, whatever its kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Uri(text) | Self::Email(text) => text,
        }
    }
}

impl Identity {
    /// Reads what a verified leaf certificate says. Anything that could be read in two ways is refused.
    pub(super) fn from_certificate(der: &[u8]) -> Result<Self, SignatureError> {
        let certificate =
            Certificate::from_der(der).map_err(|error| unreadable("the leaf", &error))?;
        let extensions = certificate.tbs_certificate.extensions.unwrap_or_default();
        signs(&extensions)?;
        let san = one_san(&extensions)?;
        let mut claims = claims(&extensions)?;
        Ok(Self {
            oidc_issuer: oidc_issuer(&mut claims)?,
            san,
            build_signer_uri: claims.remove(&9),
            runner_environment: claims.remove(&11),
            source_repository_uri: claims.remove(&12),
            source_repository_digest: claims.remove(&13),
            source_repository_ref: claims.remove(&14),
            source_repository_identifier: claims.remove(&15),
            build_config_uri: claims.remove(&18),
            build_trigger: claims.remove(&20),
            run_invocation_uri: claims.remove(&21),
            deployment_environment: claims.remove(&23),
            token_subject: claims.remove(&24),
        })
    }
}

/// The key may sign. The extended usage is judged with the chain; this one nobody else looks at.
fn signs(extensions: &[Extension]) -> Result<(), SignatureError> {
    let extension = only(extensions, KEY_USAGE, "key usage")?;
    let usage = KeyUsage::from_der(extension.extn_value.as_bytes())
        .map_err(|error| unreadable("the key usage", &error))?;
    if usage.digital_signature() {
        Ok(())
    } else {
        Err(refused("its key is not for signing"))
    }
}

/// Exactly one subject alternative name, of a kind that is understood.
fn one_san(extensions: &[Extension]) -> Result<San, SignatureError> {
    let extension = only(extensions, SUBJECT_ALT_NAME, "subject alternative name")?;
    let names = SubjectAltName::from_der(extension.extn_value.as_bytes())
        .map_err(|error| unreadable("the subject alternative name", &error))?;
    match names.0.as_slice() {
        [GeneralName::UniformResourceIdentifier(uri)] if !uri.as_str().is_empty() => {
            Ok(San::Uri(uri.as_str().to_owned()))
        }
        [GeneralName::Rfc822Name(address)] if !address.as_str().is_empty() => {
            Ok(San::Email(address.as_str().to_owned()))
        }
        [_] => Err(refused(
            "its subject alternative name is neither a URI nor an email address",
        )),
        _ => Err(refused(
            "it has more or less than one subject alternative name",
        )),
    }
}

fn only<'a>(
    extensions: &'a [Extension],
    oid: ObjectIdentifier,
    what: &str,
) -> Result<&'a Extension, SignatureError> {
    let mut found = extensions
        .iter()
        .filter(|extension| extension.extn_id == oid);
    match (found.next(), found.next()) {
        (Some(extension), None) => Ok(extension),
        (None, _) => Err(refused(&format!("it has no {what}"))),
        (Some(_), Some(_)) => Err(refused(&format!("it has the extension {what} twice"))),
    }
}

/// Fulcio's extensions by number: .1 as it is, .8 to .24 as DER `UTF8String`. The others of the deprecated
/// ones repeat what these say and are not read.
fn claims(extensions: &[Extension]) -> Result<BTreeMap<u32, String>, SignatureError> {
    let mut claims = BTreeMap::new();
    for extension in extensions {
        let Some(number) = fulcio_number(&extension.extn_id) else {
            continue;
        };
        let bytes = extension.extn_value.as_bytes();
        let name = format!("extension .{number}");
        let claim = match number {
            1 => std::str::from_utf8(bytes).map_err(|error| unreadable(&name, &error))?,
            8..=24 => Utf8StringRef::from_der(bytes)
                .map_err(|error| unreadable(&name, &error))?
                .as_str(),
            _ => continue,
        };
        if claims.insert(number, claim.to_owned()).is_some() {
            return Err(refused(&format!("it has {name} twice")));
        }
    }
    Ok(claims)
}

/// Extension .8; the deprecated .1 only where .8 is absent, and refused where both are there and differ.
fn oidc_issuer(claims: &mut BTreeMap<u32, String>) -> Result<String, SignatureError> {
    match (claims.remove(&8), claims.remove(&1)) {
        (Some(current), Some(deprecated)) if current != deprecated => Err(refused(
            "its extensions .1 and .8 name different OIDC issuers",
        )),
        (Some(oidc_issuer), _) | (None, Some(oidc_issuer)) if !oidc_issuer.is_empty() => {
            Ok(oidc_issuer)
        }
        _ => Err(refused("it names no OIDC issuer")),
    }
}

/// `N` of 1.3.6.1.4.1.57264.1.N.
fn fulcio_number(oid: &ObjectIdentifier) -> Option<u32> {
    (oid.parent()? == FULCIO)
        .then(|| oid.arcs().last())
        .flatten()
}

fn refused(detail: &str) -> SignatureError {
    SignatureError::Certificate {
        detail: detail.to_owned(),
    }
}

fn unreadable(what: &str, error: &dyn std::fmt::Display) -> SignatureError {
    SignatureError::Certificate {
        detail: text(&format!("{what} cannot be read"), error),
    }
}

const FULCIO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

#[cfg(test)]
mod tests;
