//! Whether the webhook answers as the API server would ask it.

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::Client;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use url::Url;

use super::{Finding, webhooks::Target};
use crate::registry::ServerVerifier;

/// What asking came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// A replica answered, and its certificate comes from one of the authorities.
    Answered {
        /// The status of `/readyz`.
        status: u16,
        /// The beginning of what it said.
        text: String,
    },
    /// The certificate is not from one of them, or not for this name, or not for now.
    Untrusted(String),
    /// Nobody answered.
    Unreachable(String),
}

/// Asks one replica whether it is ready, trusting the target's authorities and nobody else.
pub(super) async fn ask(target: &Target, address: Option<SocketAddr>) -> Answer {
    let client = match client(target, address) {
        Ok(client) => client,
        Err(answer) => return answer,
    };
    let asked = client.get(format!("{}/readyz", target.url)).send().await;
    let mut response = match asked {
        Ok(response) => response,
        Err(error) => return failed(&error),
    };
    let status = response.status().as_u16();
    let chunk = response.chunk().await.ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(chunk.get(..TEXT_BYTES).unwrap_or(&chunk))
        .trim()
        .to_owned();
    Answer::Answered { status, text }
}

/// What an answer says about the certificate and about the replicas.
pub(super) fn judge(target: &Target, namespace: &str, answer: Answer) -> Vec<Finding> {
    let url = &target.url;
    let trusted = || {
        let fact =
            format!("the certificate of {url} is from the authority in the webhook configurations");
        Finding::Fine(fact)
    };
    match answer {
        Answer::Answered { status: 200, .. } => {
            let ready = Finding::Fine(format!("a replica behind {url} is ready"));
            vec![trusted(), ready]
        }
        Answer::Answered { status, text } => {
            let fact = format!("the replica behind {url} is not ready ({status}, {text})");
            let advice = format!(
                "look at what it logs: kubectl --namespace {namespace} logs --selector app.kubernetes.io/name=assay --tail 50"
            );
            vec![trusted(), Finding::wrong(fact, advice)]
        }
        Answer::Untrusted(reason) => vec![Finding::wrong(
            format!(
                "the certificate of {url} is not from the authority in the webhook configurations ({reason})"
            ),
            "with one that Assay makes, it repairs this by itself while a replica leads; otherwise set the caBundle of the one that signed it",
        )],
        Answer::Unreachable(reason) => vec![Finding::wrong(
            format!("nobody answers at {url} ({reason})"),
            "from outside the cluster give --address, with kubectl port-forward; inside, see that replicas run",
        )],
    }
}

/// Trusts whom the API server trusts: a serving certificate that is the `caBundle` itself, too.
fn client(target: &Target, address: Option<SocketAddr>) -> Result<Client, Answer> {
    let authorities: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&target.authorities).collect();
    let authorities = authorities.unwrap_or_default();
    let config = tls_config(&authorities)
        .map_err(|error| Answer::Untrusted(format!("the caBundle holds no authority: {error}")))?;
    let mut builder = Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .timeout(PATIENCE);
    let host = Url::parse(&target.url).ok();
    if let (Some(address), Some(host)) = (address, host.as_ref().and_then(Url::host_str)) {
        builder = builder.resolve(host, address);
    }
    builder.build().map_err(|error| failed(&error))
}

fn tls_config(authorities: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let verifier = ServerVerifier::new(RootCertStore::empty(), authorities)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn failed(error: &reqwest::Error) -> Answer {
    let mut reason = error.to_string();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(next) = cause {
        reason = next.to_string();
        // rustls is wrapped in an I/O error that does not name it as its source.
        if reason.contains("certificate") {
            return Answer::Untrusted(reason);
        }
        cause = next.source();
    }
    Answer::Unreachable(reason)
}

const PATIENCE: Duration = Duration::from_secs(10);
const TEXT_BYTES: usize = 200;
