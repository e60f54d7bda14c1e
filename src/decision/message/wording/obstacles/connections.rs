//! What to do about a connection that came to nothing: an authority, a proxy and TLS each help with their own failure alone.

use crate::decision::cause::Asked;

/// What to do about a registry that does not answer as it should.
pub(super) fn hint(detail: &str) -> &'static str {
    if detail == "answered 400 to plain HTTP" {
        return "if it speaks TLS, take insecureHttp from its prefix in Assay's registries";
    }
    if !detail.starts_with(BY_PROXY) {
        return TRY_AGAIN;
    }
    if detail.ends_with("(proxy authorization required)") {
        "put user:password@ before the proxy in HTTPS_PROXY of Assay"
    } else {
        "let the proxy lead there, or name the host in NO_PROXY of Assay"
    }
}

/// What to do about a TLS connection that failed. A detail is in the TLS library's words, or in those of the registry client
/// where it knows better.
pub(super) fn tls_hint(asked: &Asked, detail: &str) -> &'static str {
    let says = |alerts: &[&str]| {
        let told = detail.split_once(ALERT).map(|(_, alert)| alert);
        told.is_some_and(|told| alerts.contains(&told))
    };
    match detail {
        "the certificate has expired" => "its operator must renew it",
        "the certificate is not valid yet" => "look at its dates, and at the clock of Assay's node",
        "the certificate is not X.509 version 3" => {
            "its operator must issue it anew with a subject alternative name"
        }
        "it answers without TLS" => {
            "if it has none, say insecureHttp: true for this host and port in Assay's registries"
        }
        detail if detail.starts_with("the certificate is for another name") => {
            "its operator must issue it for the name by which the image is pulled"
        }
        // An alert is what the other side says of us, not what we say of it.
        _ if says(&["CertificateRequired"]) => {
            "name a client certificate in clientCertFile and clientKeyFile of Assay's registries"
        }
        _ if says(&["CertificateExpired"]) => "renew clientCertFile of Assay's registries",
        _ if says(&CLIENT_REFUSED) => {
            "name one in clientCertFile of Assay's registries that it accepts"
        }
        detail if detail.contains(ALERT) => "its operator must let it speak TLS 1.2 or 1.3",
        _ => match asked {
            Asked::Elsewhere { .. } => {
                "name its CA in caFile of Assay's registries, under a prefix of its own"
            }
            Asked::ImageRegistry | Asked::SignatureRepository(_) | Asked::Source(_) => {
                "name the registry's CA in caFile of Assay's registries"
            }
        },
    }
}

pub(super) const TRY_AGAIN: &str = "try again when the registry answers";

/// How the failure to be led somewhere by a proxy begins.
const BY_PROXY: &str = "could not be reached by the proxy ";

const ALERT: &str = "received fatal alert: ";

/// What is said of a client certificate that is not accepted.
const CLIENT_REFUSED: [&str; 7] = [
    "UnknownCA",
    "BadCertificate",
    "UnsupportedCertificate",
    "CertificateRevoked",
    "CertificateUnknown",
    "AccessDenied",
    "DecryptError",
];
