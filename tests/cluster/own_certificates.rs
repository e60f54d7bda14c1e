//! Assay makes its own certificate, and the API server believes it, whatever happens to what is kept.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{
    assay::{assay, runtime},
    eventually, free_port,
    process::Running,
    scene::{Scene, pod},
};

#[test]
#[ignore = "needs a cluster"]
fn a_pod_goes_through_the_api_server_with_the_certificate_that_assay_has_made() {
    let guarded = Guarded::new("own-certificate");
    let replica = guarded.serve("one", &[]);
    guarded.wait_until_admitted();
    assert!(replica.metric("assay_reviews_total{") > 0.0);
    let expiry = replica.metric("assay_certificate_expiry_timestamp_seconds");
    assert!(expiry > 1.7e9, "{expiry}");
    let data = guarded.secret();
    for entry in ["ca.crt", "ca.key", "tls.crt", "tls.key"] {
        assert!(data[entry].is_string(), "{entry}");
    }
    for bundle in guarded.bundles() {
        assert_eq!(bundle, data["ca.crt"]);
    }
}

#[test]
#[ignore = "needs a cluster"]
fn no_review_fails_while_the_secret_is_deleted_and_spoilt() {
    let guarded = Guarded::new("lost-secret");
    let replica = guarded.serve("one", &[]);
    guarded.wait_until_admitted();
    let mut before = guarded.secret();
    let spoilt = json!({ "data": { "ca.crt": "", "tls.crt": "Z2FyYmFnZQ==", "ca.key": null } });
    let patch = [
        "patch",
        "secret",
        &guarded.name,
        "--type=merge",
        "-p",
        &spoilt.to_string(),
    ];
    for spoil in [&["delete", "secret", &guarded.name][..], &patch] {
        guarded.own(spoil);
        eventually("a new certificate that is served", || {
            guarded.admitted().expect("every review is answered");
            let now = guarded.secret();
            let is_new = now["tls.crt"] != before["tls.crt"] && now["tls.crt"] != "Z2FyYmFnZQ==";
            (now["tls.crt"].is_string() && is_new && replica.serves(&now["tls.crt"])).then_some(())
        });
        guarded.admitted().expect("every review is answered");
        before = guarded.secret();
    }
}

#[test]
#[ignore = "needs a cluster"]
fn a_wiped_ca_bundle_and_a_new_configuration_are_put_right() {
    let guarded = Guarded::new("wiped-bundle");
    let _replica = guarded.serve("one", &[]);
    guarded.wait_until_admitted();
    let before = guarded.bundles();
    let wipe = json!([{ "op": "remove", "path": "/webhooks/0/clientConfig/caBundle" }]);
    guarded.patch_configurations(&wipe.to_string());
    eventually("the caBundle", || {
        (guarded.bundles() == before).then_some(())
    });
    guarded.wait_until_admitted();
    guarded.delete_configurations();
    guarded.configure();
    eventually("the caBundle", || {
        (guarded.bundles() == before).then_some(())
    });
    guarded.wait_until_admitted();
}

#[test]
#[ignore = "needs a cluster"]
fn two_replicas_that_start_at_once_end_with_one_authority_and_a_restart_changes_nothing() {
    let guarded = Guarded::new("two-replicas");
    let first = guarded.serve("one", &[]);
    let second = guarded.serve_elsewhere("two");
    let data = eventually("both to serve one certificate", || {
        let data = guarded.secret();
        let served = data["tls.crt"].is_string()
            && first.serves(&data["tls.crt"])
            && second.serves(&data["tls.crt"]);
        served.then_some(data)
    });
    let authorities = STANDARD.decode(data["ca.crt"].as_str().unwrap()).unwrap();
    let authorities = String::from_utf8(authorities).unwrap();
    assert_eq!(authorities.matches("BEGIN CERTIFICATE").count(), 1);
    drop((first, second));
    let again = guarded.serve("one", &[]);
    guarded.wait_until_admitted();
    assert!(again.serves(&data["tls.crt"]));
    assert_eq!(guarded.secret(), data);
}

#[test]
#[ignore = "needs a cluster"]
fn no_review_fails_while_certificates_and_their_authorities_are_rotated() {
    let guarded = Guarded::new("own-rotation");
    let short = ["--ca-lifetime=60s", "--certificate-lifetime=30s"];
    let _replica = guarded.serve("one", &short);
    guarded.wait_until_admitted();
    let began = Instant::now();
    let mut authorities = BTreeSet::new();
    let mut certificates = BTreeSet::new();
    while authorities.len() < 5 {
        guarded.admitted().expect("every review is answered");
        let data = guarded.secret();
        authorities.insert(data["ca.crt"].to_string());
        certificates.insert(data["tls.crt"].to_string());
        assert!(began.elapsed() < Duration::from_mins(4), "no rotation");
    }
    // One alone, old and new, the new one alone, and so on.
    assert!(certificates.len() >= 3, "{}", certificates.len());
}

/// A namespace that is guarded by replicas of its own, beside the one that all tests share.
struct Guarded {
    scene: Scene,
    name: String,
    port: u16,
    client: reqwest::Client,
}

struct Replica {
    _running: Running,
    address: String,
    metrics: String,
}

impl Guarded {
    fn new(name: &str) -> Self {
        let scene = Scene::new(name);
        let ca = std::fs::read(scene.cluster.control_plane.ca_file()).unwrap();
        let guarded = Self {
            scene,
            name: name.to_owned(),
            port: free_port(),
            client: reqwest::Client::builder()
                .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
                .no_proxy()
                .build()
                .unwrap(),
        };
        guarded.permit();
        guarded.configure();
        guarded
    }

    /// Where the API server sends reviews.
    fn serve(&self, replica: &str, flags: &[&str]) -> Replica {
        self.serve_at(self.port, replica, flags)
    }

    fn serve_elsewhere(&self, replica: &str) -> Replica {
        self.serve_at(free_port(), replica, &[])
    }

    fn serve_at(&self, port: u16, replica: &str, flags: &[&str]) -> Replica {
        let address = format!("127.0.0.1:{port}");
        let metrics = format!("127.0.0.1:{}", free_port());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cluster");
        let folder = folder.join(std::process::id().to_string());
        let mut command = assay();
        command
            .args(["serve", "--listen", &address, "--metrics-listen", &metrics])
            .args(["--webhook-configuration", &self.name])
            .args(["--certificate-secret", &self.name, "--lease", &self.name])
            .args(["--replica", replica, "--certificate-name", "127.0.0.1"])
            .args(flags)
            .env(
                "KUBECONFIG",
                self.scene.cluster.control_plane.assay_kubeconfig(),
            )
            .env("POD_NAMESPACE", "assay-system")
            .env("HOME", &folder);
        let log = folder.join(format!("{}-{replica}.log", self.name));
        Replica {
            _running: Running::start(&command, &log),
            address,
            metrics,
        }
    }

    /// Lets Assay's account do here what the manifests let it do with its own names.
    fn permit(&self) {
        let account = json!({
            "kind": "ServiceAccount", "name": "assay", "namespace": "assay-system",
        });
        let group = "rbac.authorization.k8s.io";
        let version = format!("{group}/v1");
        let objects = [
            json!({
                "apiVersion": version, "kind": "ClusterRole", "metadata": { "name": self.name },
                "rules": [{
                    "apiGroups": ["admissionregistration.k8s.io"],
                    "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
                    "resourceNames": [self.name],
                    "verbs": ["get", "list", "watch", "patch"],
                }, {
                    "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                    "resourceNames": [self.name], "verbs": ["get", "update", "patch"],
                }, {
                    "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                    "verbs": ["create"],
                }],
            }),
            json!({
                "apiVersion": version, "kind": "ClusterRoleBinding",
                "metadata": { "name": self.name }, "subjects": [account],
                "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": self.name },
            }),
        ];
        for object in objects {
            self.scene.apply(&object).expect_success();
        }
    }

    /// The webhook configurations, as somebody installs them: without a caBundle.
    fn configure(&self) {
        for (kind, path) in [("Mutating", "mutate"), ("Validating", "validate")] {
            let object = json!({
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": format!("{kind}WebhookConfiguration"),
                "metadata": { "name": self.name },
                "webhooks": [{
                    "name": format!("{path}.{}.example", self.name),
                    "admissionReviewVersions": ["v1"],
                    "clientConfig": { "url": format!("https://127.0.0.1:{}/{path}", self.port) },
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "timeoutSeconds": 10,
                    "namespaceSelector": { "matchLabels": {
                        "kubernetes.io/metadata.name": self.scene.namespace,
                    }},
                    "rules": [{
                        "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                        "operations": ["CREATE"], "scope": "Namespaced",
                    }],
                }],
            });
            self.scene.apply(&object).expect_success();
        }
    }

    fn patch_configurations(&self, patch: &str) {
        for kind in KINDS {
            let arguments = ["patch", kind, &self.name, "--type=json", "-p", patch];
            self.scene.kubectl(&arguments).expect_success();
        }
    }

    fn delete_configurations(&self) {
        for kind in KINDS {
            let arguments = ["delete", kind, &self.name];
            self.scene.kubectl(&arguments).expect_success();
        }
    }

    /// kubectl in Assay's own namespace.
    fn own(&self, arguments: &[&str]) {
        let mut all = vec!["--namespace", "assay-system"];
        all.extend(arguments);
        let plane = &self.scene.cluster.control_plane;
        plane.kubectl(&all).expect_success();
    }

    /// The entries of the Secret; null when there is none.
    fn secret(&self) -> Value {
        let arguments = ["--namespace", "assay-system", "get", "secret", &self.name];
        let mut arguments = arguments.to_vec();
        arguments.extend(["--ignore-not-found", "-o", "json"]);
        let plane = &self.scene.cluster.control_plane;
        let text = plane.kubectl(&arguments).expect_success();
        let secret: Value = serde_json::from_str(&text).unwrap_or_default();
        secret["data"].clone()
    }

    fn bundles(&self) -> Vec<Value> {
        KINDS
            .iter()
            .map(|kind| {
                let configuration = self.scene.get(&[kind, &self.name]);
                configuration["webhooks"][0]["clientConfig"]["caBundle"].clone()
            })
            .collect()
    }

    /// Whether a Pod is let in, which it is only when the API server believes the webhook.
    fn admitted(&self) -> Result<(), String> {
        let plane = &self.scene.cluster.control_plane;
        let pods = format!(
            "{}/api/v1/namespaces/{}/pods?dryRun=All",
            plane.url(),
            self.scene.namespace
        );
        let request = self
            .client
            .post(pods)
            .bearer_auth(crate::support::control_plane::ControlPlane::admin_token())
            .header("content-type", "application/json")
            .body(pod("app", "registry.example/app:1").to_string());
        runtime().block_on(async {
            let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
            let status = answer.status();
            let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
            if status.is_success() {
                Ok(())
            } else {
                Err(text)
            }
        })
    }

    fn wait_until_admitted(&self) {
        eventually("a Pod to be let in", || self.admitted().ok());
    }
}

impl Drop for Guarded {
    /// What would go on to guard Pods without anybody to answer for it.
    fn drop(&mut self) {
        for kind in KINDS {
            self.scene.kubectl(&["delete", kind, &self.name]);
        }
    }
}

impl Replica {
    /// Whether new connections are shown this certificate (PEM in base64).
    fn serves(&self, certificate: &Value) -> bool {
        use rustls_pki_types::{CertificateDer, pem::PemObject};
        let pem = STANDARD.decode(certificate.as_str().unwrap()).unwrap();
        let Ok(wanted) = CertificateDer::from_pem_slice(&pem) else {
            return false;
        };
        // What it shows is what is asked here; that it is believed, the API server says.
        let client = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .tls_info(true)
            .no_proxy()
            .build()
            .unwrap();
        let url = format!("https://{}/readyz", self.address);
        let answer = runtime().block_on(async { client.get(url).send().await.ok() });
        let shown = answer.and_then(|answer| {
            let info = answer.extensions().get::<reqwest::tls::TlsInfo>()?;
            info.peer_certificate().map(<[u8]>::to_vec)
        });
        shown.as_deref() == Some(wanted.as_ref())
    }

    /// The sum of the metrics that begin so.
    fn metric(&self, prefix: &str) -> f64 {
        let url = format!("http://{}/metrics", self.metrics);
        let text = runtime().block_on(async {
            let answer = reqwest::get(url).await.expect("metrics are served");
            answer.text().await.expect("they are text")
        });
        text.lines()
            .filter(|line| line.starts_with(prefix))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    }
}

const KINDS: [&str; 2] = [
    "mutatingwebhookconfiguration",
    "validatingwebhookconfiguration",
];
