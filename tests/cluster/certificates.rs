//! The serving certificate is replaced while reviews go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::support::{
    assay::runtime,
    cluster,
    control_plane::ControlPlane,
    scene::{Scene, pod},
};

#[test]
#[ignore = "needs a cluster"]
fn no_review_fails_while_the_certificate_is_replaced_again_and_again() {
    let scene = Scene::guarded_by_key(
        "rotation",
        &format!("{}/rotation/**", cluster().registry.host),
    );
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "rotation/app", "v1");
    scene.cluster.signer.sign(&scene.cluster.registry, &image);
    let body = pod("app", &image.tagged).to_string();
    let runtime = runtime();
    let load = Load::new(&scene, body, &image.pinned());
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| runtime.spawn(Arc::clone(&load).run()))
        .collect();
    for _ in 0..ROTATIONS {
        let certificate = scene.cluster.assay.rotate();
        let before = load.admitted.load(Ordering::Relaxed);
        runtime.block_on(until_served(&scene, &certificate.der));
        // Reviews have gone through since, so that a rotation is never between two loads.
        runtime.block_on(async {
            while load.admitted.load(Ordering::Relaxed) < before + 2 * WORKERS {
                tokio::time::sleep(Duration::from_millis(5)).await;
                assert!(!load.failed(), "{:?}", load.failures());
            }
        });
    }
    load.done.store(true, Ordering::Relaxed);
    for worker in workers {
        runtime.block_on(worker).expect("the load does not panic");
    }
    assert_eq!(load.failures(), Vec::<String>::new());
}

/// Dry-run creations of a signed Pod through the API server, and reviews sent to Assay over new connections.
struct Load {
    api: reqwest::Client,
    webhook: reqwest::Client,
    pods: String,
    readyz: String,
    body: String,
    pinned: String,
    admitted: AtomicUsize,
    failures: std::sync::Mutex<Vec<String>>,
    done: AtomicBool,
}

impl Load {
    fn new(scene: &Scene, body: String, pinned: &str) -> Arc<Self> {
        let plane = &scene.cluster.control_plane;
        let ca = std::fs::read(plane.ca_file()).expect("it was written at the start");
        let ca = reqwest::Certificate::from_pem(&ca).expect("our own certificate is readable");
        let api = reqwest::Client::builder()
            .tls_certs_only([ca])
            .no_proxy()
            .build()
            .expect("the settings are valid");
        Arc::new(Self {
            api,
            webhook: scene.cluster.assay.client(),
            pods: format!(
                "{}/api/v1/namespaces/{}/pods?dryRun=All",
                plane.url(),
                scene.namespace
            ),
            readyz: format!("https://{}/readyz", scene.cluster.assay.address),
            body,
            pinned: pinned.to_owned(),
            admitted: AtomicUsize::new(0),
            failures: std::sync::Mutex::default(),
            done: AtomicBool::new(false),
        })
    }

    async fn run(self: Arc<Self>) {
        while !self.done.load(Ordering::Relaxed) && !self.failed() {
            let outcome = match self.review().await {
                Ok(()) => self.connect().await,
                Err(reason) => Err(reason),
            };
            match outcome {
                Ok(()) => {
                    self.admitted.fetch_add(1, Ordering::Relaxed);
                }
                Err(reason) => self
                    .failures
                    .lock()
                    .expect("no panic while it is held")
                    .push(reason),
            }
        }
    }

    async fn review(&self) -> Result<(), String> {
        let request = self
            .api
            .post(&self.pods)
            .bearer_auth(ControlPlane::admin_token())
            .header("content-type", "application/json")
            .body(self.body.clone());
        let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
        let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
        let object: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if object["spec"]["containers"][0]["image"] == json!(self.pinned) {
            Ok(())
        } else {
            Err(text)
        }
    }

    async fn connect(&self) -> Result<(), String> {
        let answer = self.webhook.get(&self.readyz).send().await;
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        answer
            .error_for_status()
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn failed(&self) -> bool {
        !self.failures().is_empty()
    }

    fn failures(&self) -> Vec<String> {
        self.failures
            .lock()
            .expect("no panic while it is held")
            .clone()
    }
}

/// Waits until new connections are answered with this certificate.
async fn until_served(scene: &Scene, certificate: &[u8]) {
    let url = format!("https://{}/readyz", scene.cluster.assay.address);
    for _ in 0..PATIENCE {
        // A new client each time: one that resumes a TLS session still names the certificate it began with.
        let client = scene.cluster.assay.client();
        let answer = client
            .get(&url)
            .send()
            .await
            .expect("every handshake succeeds");
        let served = answer
            .extensions()
            .get::<reqwest::tls::TlsInfo>()
            .and_then(reqwest::tls::TlsInfo::peer_certificate)
            .map(<[u8]>::to_vec);
        if served.as_deref() == Some(certificate) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the new certificate is not served");
}

const WORKERS: usize = 8;
const ROTATIONS: usize = 10;

/// Tries, 20 ms apart.
const PATIENCE: usize = 1_000;
