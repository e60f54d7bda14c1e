//! Which servers are believed: those that an authority vouches for, and those whose own certificate was named as one.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::aws_lc_rs,
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Believes what the TLS library believes, and a server whose certificate is an authority's (`openssl req -x509` makes no
/// other) when that very certificate was named.
///
/// What is written in Go does so too: the kubelet's runtime pulls from such a registry, and the API server calls such a webhook.
/// The name and the validity count as ever.
#[derive(Debug)]
pub struct ServerVerifier {
    by_authorities: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerVerifier {
    /// Trusts these besides the roots.
    ///
    /// # Errors
    ///
    /// When one of them cannot be an authority, with which of them it is, or when there is nobody to trust.
    pub fn new(mut roots: RootCertStore, named: &[CertificateDer<'static>]) -> Result<Self, Error> {
        for certificate in named {
            roots.add(certificate.clone())?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let by_authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self {
            by_authorities: by_authorities.map_err(|error| Error::General(error.to_string()))?,
            named: named.to_vec(),
        })
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.by_authorities.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The library has looked at the validity before this, and at nothing after it.
            Err(error) if is_of_authority(&error) => {
                if !self.named.contains(end_entity) {
                    return Err(CertificateError::UnknownIssuer.into());
                }
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authorities
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authorities
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authorities.supported_verify_schemes()
    }
}

/// Whether the certificate was refused only because it is one of an authority.
fn is_of_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(reason))) = error else {
        return false;
    };
    let reason = reason.downcast_ref::<webpki::Error>();
    reason == Some(&webpki::Error::CaUsedAsEndEntity)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;

    /// For one name, in the year 2026, by itself.
    fn of_authority() -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["r.example".to_owned()]).expect("a name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("signed").der().clone()
    }

    fn said(
        named: &CertificateDer<'static>,
        served: &CertificateDer<'static>,
        name: &'static str,
        now: &str,
    ) -> Result<(), String> {
        let verifier = ServerVerifier::new(RootCertStore::empty(), std::slice::from_ref(named));
        let now: jiff::Timestamp = now.parse().expect("a time");
        let since = std::time::Duration::from_secs(now.as_second().unsigned_abs());
        let name = ServerName::try_from(name).expect("a name");
        let now = UnixTime::since_unix_epoch(since);
        let verifier = verifier.expect("a verifier");
        let judged = verifier.verify_server_cert(served, &[], &name, &[], now);
        judged.map(drop).map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::ExpiredContext { .. }) => "expired".into(),
            Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }) => {
                "other name".into()
            }
            error => error.to_string(),
        })
    }

    #[test]
    fn the_certificate_of_an_authority_is_believed_for_a_server_only_when_it_was_named() {
        let (named, other) = (of_authority(), of_authority());
        let june = "2026-06-01T00:00:00Z";
        assert_eq!(said(&named, &named, "r.example", june), Ok(()));
        let problem = "invalid peer certificate: UnknownIssuer";
        let refused = |problem: &str| Err(problem.to_owned());
        assert_eq!(said(&named, &other, "r.example", june), refused(problem));
        let name = said(&named, &named, "s.example", june);
        assert_eq!(name, refused("other name"));
        let later = "2027-06-01T00:00:00Z";
        let expired = said(&named, &named, "r.example", later);
        assert_eq!(expired, refused("expired"));
    }
}
