//! etcd, kube-apiserver and kube-controller-manager, and kubectl to talk to them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use rcgen::KeyPair;
use serde_json::{Value, json};

use super::{
    certificate::Authority,
    component, eventually, free_port, installed,
    process::{Finished, Running, run, run_with_input},
};

/// The Kubernetes programs that answer and act; no kubelet, so that Pods are made but never run.
pub(crate) struct ControlPlane {
    // In this order they are dropped: the API server before etcd.
    controllers: Option<Running>,
    api_server: Mutex<Running>,
    _etcd: Running,
    etcd_url: String,
    folder: PathBuf,
    port: u16,
    url: String,
    ca_file: PathBuf,
}

impl ControlPlane {
    /// Starts all of them and waits until the API server is ready. These controllers run beside the usual ones.
    pub(crate) fn start(folder: &Path, more_controllers: &[&str]) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let etcd_url = format!("http://127.0.0.1:{}", free_port());
        let etcd = start_etcd(folder, &etcd_url);
        let port = free_port();
        let authority = Authority::new();
        let server = authority.server();
        let accounts = KeyPair::generate().expect("keys can be made");
        write(folder, "ca.crt", &authority.pem());
        write(folder, "server.crt", &server.certificate);
        write(folder, "server.key", &server.key);
        write(folder, "accounts.key", &accounts.serialize_pem());
        write(folder, "accounts.pub", &accounts.public_key_pem());
        write(folder, "tokens.csv", TOKENS);
        write(folder, "audit.yaml", AUDIT_POLICY);
        let url = format!("https://127.0.0.1:{port}");
        for user in [ADMIN, ASSAY] {
            write(
                folder,
                &format!("{user}.kubeconfig"),
                &kubeconfig(folder, &url, user),
            );
        }
        let api_server = start_api_server(folder, &etcd_url, port);
        let mut plane = Self {
            controllers: None,
            api_server: Mutex::new(api_server),
            _etcd: etcd,
            etcd_url,
            ca_file: folder.join("ca.crt"),
            folder: folder.to_owned(),
            port,
            url,
        };
        plane.wait_until_ready();
        plane.controllers = Some(start_controllers(folder, more_controllers));
        plane
    }

    fn wait_until_ready(&self) {
        eventually("the API server to become ready", || {
            let finished = self.kubectl(&["get", "--raw", "/readyz"]);
            let api_server = self.api_server.lock().expect("no panic while it is held");
            assert!(
                !api_server.has_ended(),
                "kube-apiserver has ended:\n{}",
                api_server.last_lines(20)
            );
            (finished.stdout == "ok").then_some(())
        });
    }

    /// Kills the API server and starts it again, as on a machine that lost power.
    pub(crate) fn restart_api_server(&self) {
        {
            let mut running = self.api_server.lock().expect("no panic while it is held");
            running.stop();
            *running = start_api_server(&self.folder, &self.etcd_url, self.port);
        }
        self.wait_until_ready();
    }

    /// Makes etcd forget all history, as it does every five minutes in a cluster, over its HTTP gateway.
    pub(crate) async fn compact(&self) {
        let client = reqwest::Client::new();
        let call = |path: &str, body: Value| {
            let request = client.post(format!("{}/v3/{path}", self.etcd_url));
            request.body(body.to_string()).send()
        };
        // Any key will do: the answer's head says where history stands.
        let head = call("kv/range", json!({ "key": "YQ==" })).await;
        let head = head
            .expect("etcd answers")
            .text()
            .await
            .expect("etcd answers");
        let head: Value = serde_json::from_str(&head).expect("etcd answers in JSON");
        let revision = head["header"]["revision"].clone();
        let compacted = call(
            "kv/compaction",
            json!({ "revision": revision, "physical": true }),
        );
        let status = compacted.await.expect("etcd answers").status();
        assert!(status.is_success(), "etcd did not compact: {status}");
    }

    /// The last lines of the components' logs.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        let api_server = self.api_server.lock().expect("no panic while it is held");
        let mut text = format!("kube-apiserver:\n{}\n", api_server.last_lines(count));
        drop(api_server);
        if let Some(controllers) = &self.controllers {
            text.push_str("kube-controller-manager:\n");
            text.push_str(&controllers.last_lines(count));
        }
        text
    }

    /// What the API server's audit log says so far, oldest first.
    pub(crate) fn audit_events(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.join(AUDIT_LOG)).expect("there is an audit log");
        let lines = log.lines();
        // The last line may be half written.
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// kubectl as the cluster's administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Finished {
        run(self.kubectl_command().args(arguments))
    }

    /// kubectl with a text as its input.
    pub(crate) fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        run_with_input(self.kubectl_command().args(arguments), input)
    }

    /// `kubectl get … -o json`.
    pub(crate) fn get(&self, arguments: &[&str]) -> Value {
        let text = run(self
            .kubectl_command()
            .arg("get")
            .args(arguments)
            .args(["-o", "json"]))
        .expect_success();
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// The kubeconfig with which Assay talks to the API server: as its service account, with no more rights.
    pub(crate) fn assay_kubeconfig(&self) -> PathBuf {
        self.folder.join(format!("{ASSAY}.kubeconfig"))
    }

    /// The kubeconfig of the cluster's administrator.
    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.join(format!("{ADMIN}.kubeconfig"))
    }

    /// The API server's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The administrator's token.
    pub(crate) fn admin_token() -> &'static str {
        "admin-token"
    }

    /// The authority that signed the API server's certificate.
    pub(crate) fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    fn kubectl_command(&self) -> Command {
        let mut command = Command::new(component("ASSAY_KUBE_BIN", "kubectl"));
        command
            .env("KUBECONFIG", self.admin_kubeconfig())
            .env("HOME", &self.folder);
        command
    }
}

fn start_etcd(folder: &Path, url: &str) -> Running {
    let peer = format!("http://127.0.0.1:{}", free_port());
    let mut command = Command::new(installed("etcd", "etcd-server"));
    command
        .arg("--data-dir")
        .arg(folder.join("etcd"))
        .args(["--listen-client-urls", url, "--advertise-client-urls", url])
        .args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ])
        .args(["--initial-cluster", &format!("default={peer}")]);
    Running::start(&command, &folder.join("etcd.log"))
}

fn start_api_server(folder: &Path, etcd_url: &str, port: u16) -> Running {
    let file = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
    let mut command = Command::new(component("ASSAY_KUBE_BIN", "kube-apiserver"));
    command.args([
        format!("--etcd-servers={etcd_url}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // Loopback addresses: the node of these tests listens on them (`node/proxy.rs`).
        "--service-cluster-ip-range=127.96.0.0/16".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        file("service-account-key-file", "accounts.pub"),
        file("service-account-signing-key-file", "accounts.key"),
        file("tls-cert-file", "server.crt"),
        file("tls-private-key-file", "server.key"),
        file("token-auth-file", "tokens.csv"),
        file("cert-dir", "certs"),
        file("audit-policy-file", "audit.yaml"),
        file("audit-log-path", AUDIT_LOG),
    ]);
    Running::start(&command, &folder.join("kube-apiserver.log"))
}

fn start_controllers(folder: &Path, more: &[&str]) -> Running {
    let file = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
    let mut command = Command::new(component("ASSAY_KUBE_BIN", "kube-controller-manager"));
    command.args([
        file("kubeconfig", &format!("{ADMIN}.kubeconfig")),
        file("root-ca-file", "ca.crt"),
        file("cert-dir", "controller-certs"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", free_port()),
        "--leader-elect=false".to_owned(),
        format!(
            "--controllers={}",
            [&CONTROLLERS[..], more].concat().join(",")
        ),
    ]);
    Running::start(&command, &folder.join("kube-controller-manager.log"))
}

fn kubeconfig(folder: &Path, url: &str, user: &str) -> String {
    let ca = folder.join("ca.crt");
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: test, cluster: {{server: \"{url}\", certificate-authority: \"{}\"}}}}]\n\
         users: [{{name: test, user: {{token: {user}-token}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n",
        ca.display()
    )
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("the folder can be written");
}

const ADMIN: &str = "admin";
const ASSAY: &str = "assay";

/// Assay is known by the very names a service account's token gives it, so that RBAC is tested too.
const TOKENS: &str = "\
admin-token,admin,admin,system:masters
assay-token,system:serviceaccount:assay-system:assay,assay,\"system:serviceaccounts,system:serviceaccounts:assay-system\"
";

const AUDIT_LOG: &str = "audit.log";

/// What is done to Pods and workloads, without what they hold: annotations come with every level.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch]
    resources:
      - { group: '', resources: [pods] }
      - { group: apps, resources: [deployments] }
  - level: None
";

const CONTROLLERS: [&str; 9] = [
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "replicationcontroller-controller",
    "serviceaccount-controller",
    "statefulset-controller",
];
