//! Reviews sent to Assay without the API server between, as by another API server of the same cluster.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use super::scene::pod;

/// A client of the webhook that opens a connection for each review.
#[derive(Clone)]
pub(crate) struct Direct {
    client: reqwest::Client,
    port: u16,
}

impl Direct {
    /// To this address, trusting these authorities (PEM); none when they are none.
    pub(crate) fn new(address: SocketAddr, authorities: &[u8]) -> Option<Self> {
        let authorities = reqwest::Certificate::from_pem_bundle(authorities).ok()?;
        let client = reqwest::Client::builder()
            .tls_certs_only(authorities)
            .tls_info(true)
            .resolve(NAME, address)
            .timeout(PATIENCE)
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build();
        Some(Self {
            client: client.expect("the settings are valid"),
            port: address.port(),
        })
    }

    /// What the review of a Pod with this image answers: its `response`.
    pub(crate) async fn review(&self, namespace: &str, image: &str) -> Result<Value, String> {
        let resource = json!({ "group": "", "version": "v1", "resource": "pods" });
        let kind = json!({ "group": "", "version": "v1", "kind": "Pod" });
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
                "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
                "namespace": namespace, "operation": "CREATE", "dryRun": true,
                "userInfo": { "username": "another" },
                "object": pod("direct", image),
            },
        });
        let url = format!("https://{NAME}:{}/validate?timeout=10s", self.port);
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json");
        let answer = request.body(review.to_string()).send().await;
        let text = answer.map_err(|error| format!("{error:?}"))?.text().await;
        let text = text.map_err(|error| format!("{error:?}"))?;
        let mut review: Value = serde_json::from_str(&text).map_err(|_| text)?;
        Ok(review["response"].take())
    }

    /// The certificate that is shown to new connections (DER), if one is.
    pub(crate) async fn certificate(&self) -> Option<Vec<u8>> {
        let url = format!("https://{NAME}:{}/healthz", self.port);
        let answer = self.client.get(url).send().await.ok()?;
        let information = answer.extensions().get::<reqwest::tls::TlsInfo>()?;
        information.peer_certificate().map(<[u8]>::to_vec)
    }
}

/// The name in the certificate.
const NAME: &str = "assay.assay-system.svc";

/// As long as the API server waits.
const PATIENCE: Duration = Duration::from_secs(10);
