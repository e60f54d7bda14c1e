//! The program under test: the built `assay`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    certificate::{Authority, ServerCertificate},
    control_plane::ControlPlane,
    eventually, free_port,
    mounted::{Files, MountedFolder},
    process::{Finished, Running, run},
    registry::Registry,
};

/// A running `assay serve`.
pub(crate) struct Assay {
    /// Where it answers reviews: `127.0.0.1:port`.
    pub(crate) address: String,
    /// Where it answers `/metrics`: `127.0.0.1:port`.
    pub(crate) metrics: String,
    /// Signs its certificates.
    pub(crate) authority: Authority,
    tls: Mutex<MountedFolder>,
    running: Running,
}

impl Assay {
    /// Starts it against an API server, and waits until it is ready.
    pub(crate) fn serve(folder: &Path, plane: &ControlPlane, registries: &[&Registry]) -> Self {
        let authority = Authority::new();
        let tls = MountedFolder::new(&folder.join("tls"), files(&authority.server()));
        let address = format!("127.0.0.1:{}", free_port());
        let metrics = format!("127.0.0.1:{}", free_port());
        let mut command = assay();
        command
            .args(["serve", "--namespaces-may-lower"])
            .args(["--listen", &address, "--metrics-listen", &metrics])
            .arg("--tls-cert")
            .arg(tls.folder.join("tls.crt"))
            .arg("--tls-key")
            .arg(tls.folder.join("tls.key"))
            .arg("--registries")
            .arg(registries_file(folder, registries))
            .env("KUBECONFIG", plane.assay_kubeconfig())
            .env("POD_NAMESPACE", "assay-system")
            .env("HOME", folder);
        let assay = Self {
            running: Running::start(&command, &folder.join("assay.log")),
            address,
            metrics,
            authority,
            tls: Mutex::new(tls),
        };
        let client = assay.client();
        let runtime = runtime();
        eventually("assay to become ready", || {
            let ready = format!("https://{}/readyz", assay.address);
            let answer = runtime.block_on(async { client.get(&ready).send().await.ok() });
            assert!(
                !assay.running.has_ended(),
                "assay serve has ended:\n{}",
                assay.last_lines(30)
            );
            answer?.status().is_success().then_some(())
        });
        assay
    }

    /// Leads the API server's webhook calls here: a Service's address leads nowhere without a node.
    pub(crate) fn register(&self, plane: &ControlPlane) {
        for (kind, index, path) in WEBHOOKS {
            let pointer = format!("/webhooks/{index}/clientConfig");
            let patch = json!([{ "op": "replace", "path": pointer, "value": {
                "url": format!("https://{}{path}", self.address),
                "caBundle": STANDARD.encode(self.authority.pem()),
            }}]);
            let configuration = format!("{kind}webhookconfiguration");
            plane
                .kubectl(&[
                    "patch",
                    &configuration,
                    "assay",
                    "--type=json",
                    "-p",
                    &patch.to_string(),
                ])
                .expect_success();
        }
    }

    /// Replaces its certificate as the kubelet does, by swapping the link to the folder.
    pub(crate) fn rotate(&self) -> ServerCertificate {
        let certificate = self.authority.server();
        self.tls
            .lock()
            .expect("no panic while it is held")
            .replace(files(&certificate));
        certificate
    }

    /// An HTTP client that trusts its certificates and keeps no connection.
    pub(crate) fn client(&self) -> reqwest::Client {
        let ca = reqwest::Certificate::from_pem(self.authority.pem().as_bytes())
            .expect("our own certificate is readable");
        reqwest::Client::builder()
            .tls_certs_only([ca])
            .pool_max_idle_per_host(0)
            .tls_info(true)
            .no_proxy()
            .build()
            .expect("the settings are valid")
    }

    /// The last lines of its log.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        self.running.last_lines(count)
    }
}

/// `assay verify` with these arguments.
pub(crate) fn verify(folder: &Path, registries: &[&Registry], arguments: &[&str]) -> Finished {
    run(assay()
        .arg("verify")
        .arg("--registries")
        .arg(registries_file(folder, registries))
        .args(arguments)
        .env("HOME", folder))
}

/// `assay doctor`, as the cluster's administrator.
pub(crate) fn doctor(folder: &Path, plane: &ControlPlane) -> Finished {
    run(assay()
        .arg("doctor")
        .env("KUBECONFIG", plane.admin_kubeconfig())
        .env("HOME", folder))
}

/// A runtime for the few things that are asked over HTTP.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started")
}

/// The program, with nothing of the environment that would set its flags.
pub(crate) fn assay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    for (name, _) in std::env::vars() {
        if name.starts_with("ASSAY_") {
            command.env_remove(name);
        }
    }
    command.env_remove("DOCKER_CONFIG");
    command
}

fn registries_file(folder: &Path, registries: &[&Registry]) -> PathBuf {
    let entries: Vec<_> = registries
        .iter()
        .map(|registry| match &registry.authority {
            Some(file) => json!({ "prefix": registry.host, "caFile": file }),
            None => json!({ "prefix": registry.host, "insecureHttp": true }),
        })
        .collect();
    fs::create_dir_all(folder).expect("the folder can be made");
    let file = folder.join("registries.yaml");
    // JSON is YAML.
    fs::write(&file, json!({ "registries": entries }).to_string()).expect("it can be written");
    file
}

fn files(certificate: &ServerCertificate) -> Files {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    Files::from([
        file("tls.crt", &certificate.certificate),
        file("tls.key", &certificate.key),
    ])
}

/// Each webhook of the manifests: its kind, where it stands in its configuration, and its path.
const WEBHOOKS: [(&str, usize, &str); 3] = [
    ("mutating", 0, "/mutate"),
    ("validating", 0, "/validate"),
    ("validating", 1, "/validate-policies"),
];
