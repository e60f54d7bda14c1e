//! What the TLS library objects to, in the words of who is to mend it.

use rustls::{CertificateError, InconsistentKeys, InvalidMessage, OtherError};

use crate::{limits, untrusted::shown};

/// What the TLS library says, but for the time at which it says it: the same failure is told in the same words.
pub(super) fn tls_detail(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the certificate has expired".to_owned(),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the certificate is not valid yet".to_owned(),
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        }) => names_detail(presented),
        rustls::Error::InvalidCertificate(CertificateError::NotValidForName) => names_detail(&[]),
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(reason))) => {
            match reason.downcast_ref::<webpki::Error>() {
                Some(webpki::Error::UnsupportedCertVersion) => {
                    "the certificate is not X.509 version 3".to_owned()
                }
                Some(_) | None => format!("invalid certificate: {reason}"),
            }
        }
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the key is not that of the first certificate".to_owned()
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it answers without TLS".to_owned()
        }
        // It may list the names that the certificate is for.
        error => shown(&error.to_string(), limits::SIGNATURE_ERROR_CHARS),
    }
}

/// For which names a certificate is, which the TLS library has in the form `DnsName("r.example")`.
fn names_detail(presented: &[String]) -> String {
    let names: Vec<&str> = presented
        .iter()
        .map(|name| name.split_once('(').map_or(name.as_str(), |(_, name)| name))
        .map(|name| name.trim_matches(['"', '(', ')']))
        .take(NAMES_SHOWN)
        .collect();
    match names.as_slice() {
        [] => "the certificate is for another name".to_owned(),
        names => {
            let names = shown(&names.join(", "), limits::SIGNATURE_ERROR_CHARS);
            format!("the certificate is for another name: {names}")
        }
    }
}

/// How many names of a certificate are shown.
const NAMES_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_certificate_are_cut_whatever_length_they_have() {
        let name = |length: usize| format!("DnsName(\"{}\")", "a".repeat(length));
        let told = names_detail(&[name(3), name(4)]);
        assert_eq!(told, "the certificate is for another name: aaa, aaaa");
        let told = names_detail(&[name(100_000)]);
        assert!(
            told.len() < limits::SIGNATURE_ERROR_CHARS + 100,
            "{}",
            told.len()
        );
    }
}
