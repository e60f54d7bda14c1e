//! A Sigstore of our own on loopback: Fulcio, a timestamp authority and both versions of Rekor, with a certificate log.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rcgen::{KeyPair, PKCS_ED25519};
use serde_json::{Value, json};

use super::{
    assay::runtime,
    certificate_log::CertificateLog,
    component, eventually, free_port,
    process::{Running, run},
    token_issuer::TokenIssuer,
    work_folder,
};

/// Everything that signs keyless, and what those must know who sign and who verify.
pub(crate) struct Sigstore {
    /// Issues the tokens that Fulcio accepts.
    pub(crate) issuer: TokenIssuer,
    /// Fulcio's address.
    pub(crate) fulcio: String,
    /// The address of the log's first version.
    pub(crate) first_rekor: String,
    /// The timestamp authority's endpoint.
    pub(crate) timestamps: String,
    /// The file with what a verifier must know, as `cosign trusted-root create` writes it.
    pub(crate) trusted_root: String,
    /// The file with cosign 3's instructions to get a certificate, a log entry and a timestamp.
    pub(crate) signing_config: String,
    /// The file with those to use the first version of the log instead.
    pub(crate) first_signing_config: String,
    /// The file with those to get a timestamp alone.
    pub(crate) timestamps_only: String,
    folder: PathBuf,
    servers: Running,
    rekor: Rekor,
    certificate_log: CertificateLog,
}

/// The Sigstore that all tests share; the first to come starts it.
pub(crate) fn sigstore() -> &'static Sigstore {
    static SIGSTORE: OnceLock<Sigstore> = OnceLock::new();
    static TRIED: AtomicBool = AtomicBool::new(false);
    SIGSTORE.get_or_init(|| {
        assert!(
            !TRIED.swap(true, Ordering::Relaxed),
            "Sigstore did not start; see the first test that failed"
        );
        Sigstore::start(&work_folder().join("sigstore"))
    })
}

impl Sigstore {
    fn start(folder: &Path) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        fs::create_dir_all(folder).expect("the folder can be made");
        let issuer = TokenIssuer::serve(&folder.join("issuer-ca.pem"));
        let certificate_log = CertificateLog::serve();
        write(folder, "ctlog.pub", &certificate_log.public_key);
        let rekor = Rekor::start(folder);
        let servers = start_servers(folder, &issuer, &certificate_log);
        let addresses = addresses(folder, &servers);
        let file = |name: &str| folder.join(name).display().to_string();
        let sigstore = Self {
            issuer,
            fulcio: address(&addresses, "fulcio"),
            first_rekor: address(&addresses, "rekor"),
            timestamps: format!("{}/api/v1/timestamp", address(&addresses, "timestamp")),
            trusted_root: file("trusted_root.json"),
            signing_config: file("signing_config.json"),
            first_signing_config: file("first_signing_config.json"),
            timestamps_only: file("timestamps_only.json"),
            folder: folder.to_owned(),
            servers,
            rekor,
            certificate_log,
        };
        sigstore.fetch_chains();
        sigstore.describe();
        sigstore
    }

    /// The last lines of the servers' logs.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        format!(
            "fulcio and timestamps:\n{}\nrekor:\n{}",
            self.servers.last_lines(count),
            self.rekor.running.last_lines(count)
        )
    }

    fn fetch_chains(&self) {
        let bundle = fetch(&format!("{}/api/v2/trustBundle", self.fulcio));
        let bundle: Value = serde_json::from_str(&bundle).expect("Fulcio answers JSON");
        let chain = bundle["chains"][0]["certificates"].as_array();
        let chain: Vec<_> = chain
            .expect("Fulcio has one authority")
            .iter()
            .map(|certificate| certificate.as_str().expect("it is PEM"))
            .collect();
        write(&self.folder, "fulcio.pem", &chain.join("\n"));
        let chain = fetch(&format!("{}/certchain", self.timestamps));
        write(&self.folder, "timestamps.pem", &chain);
    }

    /// Has cosign write who is to be trusted.
    fn describe(&self) {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let certified =
            |url: &str, name: &str| format!("url={url},certificate-chain={}", file(name));
        let signing = |url: &str, name: &str| {
            let key = file(name);
            format!("url={url},public-key={key},start-time={START}")
        };
        let second_rekor = signing(&self.rekor.url, "rekor.pub");
        self.cosign(&[
            "trusted-root",
            "create",
            "--fulcio",
            &certified(&self.fulcio, "fulcio.pem"),
            "--ctfe",
            &signing(&self.certificate_log.url, "ctlog.pub"),
            "--rekor",
            &signing(&self.first_rekor, FIRST_REKOR_KEY),
            "--rekor",
            &format!("{second_rekor},origin={ORIGIN}"),
            "--tsa",
            &certified(&self.timestamps, "timestamps.pem"),
            "--out",
            &self.trusted_root,
        ]);
        self.instruct(&self.signing_config, Some((&self.rekor.url, 2)));
        self.instruct(&self.first_signing_config, Some((&self.first_rekor, 1)));
        self.instruct(&self.timestamps_only, None);
    }

    /// Has cosign write whom it is to ask: with a log also Fulcio, without one for timestamps alone.
    fn instruct(&self, file: &str, log: Option<(&str, u8)>) {
        let service = |url: &str, version: u8| {
            format!("url={url},api-version={version},start-time={START},operator=tests")
        };
        let timestamps = service(&self.timestamps, 1);
        let mut arguments = vec!["signing-config", "create", "--out", file];
        arguments.extend(["--tsa", &timestamps, "--tsa-config", "EXACT:1"]);
        let services = log.map(|(url, version)| [service(&self.fulcio, 1), service(url, version)]);
        if let Some([fulcio, rekor]) = &services {
            arguments.extend(["--fulcio", fulcio, "--rekor", rekor]);
            arguments.extend(["--rekor-config", "EXACT:1"]);
        }
        self.cosign(&arguments);
    }

    fn cosign(&self, arguments: &[&str]) {
        run(Command::new(component("ASSAY_COSIGN3", ""))
            .args(arguments)
            .env("HOME", &self.folder)
            // Loopback goes past the proxy, everything else ends here.
            .env("HTTPS_PROXY", "http://127.0.0.1:9"))
        .expect_success();
    }
}

/// Sigstore's second transparency log, with its tree in files.
struct Rekor {
    url: String,
    running: Running,
}

impl Rekor {
    fn start(folder: &Path) -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("keys can be made");
        write(folder, "rekor.key", &key.serialize_pem());
        write(folder, "rekor.pub", &key.public_key_pem());
        let port = free_port();
        let mut command = Command::new(component("ASSAY_SIGSTORE", "rekor-server"));
        command
            .arg("serve")
            .arg(format!("--hostname={ORIGIN}"))
            .arg("--http-address=127.0.0.1")
            .arg(format!("--http-port={port}"))
            .arg(format!("--http-metrics-port={}", free_port()))
            .arg("--grpc-address=127.0.0.1")
            .arg(format!("--grpc-port={}", free_port()))
            .arg(format!("--storage-dir={}", folder.join("rekor").display()))
            .arg(format!(
                "--signer-filepath={}",
                folder.join("rekor.key").display()
            ))
            // It answers once a checkpoint covers the entry: these say how long that takes.
            .args(["--batch-max-age=50ms", "--checkpoint-interval=200ms"]);
        let rekor = Self {
            url: format!("http://127.0.0.1:{port}"),
            running: Running::start(&command, &folder.join("rekor.log")),
        };
        let health = format!("{}/healthz", rekor.url);
        eventually("Rekor to become healthy", || {
            assert!(
                !rekor.running.has_ended(),
                "Rekor has ended:\n{}",
                rekor.running.last_lines(30)
            );
            try_fetch(&health)
        });
        rekor
    }
}

fn start_servers(folder: &Path, issuer: &TokenIssuer, log: &CertificateLog) -> Running {
    // Fulcio tries JSON first, in which its fields have other names: this line makes it YAML.
    let config = format!("---\n{}\n", fulcio_config(&issuer.url));
    write(folder, "fulcio.yaml", &config);
    let mut command = Command::new(component("ASSAY_SIGSTORE", "sigstore-servers"));
    command
        .arg(format!("--config={}", folder.join("fulcio.yaml").display()))
        .arg(format!("--ct-log-url={}", log.url))
        .arg(format!(
            "--ct-log-public-key={}",
            folder.join("ctlog.pub").display()
        ))
        .arg(format!(
            "--rekor-public-key={}",
            folder.join(FIRST_REKOR_KEY).display()
        ))
        .arg(format!("--addresses={}", folder.join(ADDRESSES).display()))
        .env("SSL_CERT_FILE", folder.join("issuer-ca.pem"));
    Running::start(&command, &folder.join("sigstore-servers.log"))
}

/// Where the servers say that they listen.
fn addresses(folder: &Path, servers: &Running) -> Value {
    let text = eventually("Fulcio and the timestamp authority to listen", || {
        assert!(
            !servers.has_ended(),
            "Fulcio or the timestamp authority has ended:\n{}",
            servers.last_lines(30)
        );
        fs::read_to_string(folder.join(ADDRESSES)).ok()
    });
    serde_json::from_str(&text).expect("the servers write JSON")
}

fn address(addresses: &Value, name: &str) -> String {
    addresses[name].as_str().expect("an address").to_owned()
}

fn fetch(url: &str) -> String {
    try_fetch(url).unwrap_or_else(|| panic!("{url} does not answer"))
}

fn try_fetch(url: &str) -> Option<String> {
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("the settings are valid");
    runtime().block_on(async {
        let answer = client.get(url).send().await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    })
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("the folder can be written");
}

/// Fulcio's configuration for one GitLab instance, with the templates of the public-good Fulcio.
fn fulcio_config(instance: &str) -> Value {
    json!({
        "oidc-issuers": {
            instance: {
                "issuer-url": instance,
                "client-id": "sigstore",
                "type": "ci-provider",
                "ci-provider": "gitlab-pipeline",
            },
        },
        "ci-issuer-metadata": {
            "gitlab-pipeline": {
                "default-template-values": { "url": instance, "environment": "" },
                "extension-templates": {
                    "build-signer-uri": "https://{{ .ci_config_ref_uri }}",
                    "build-signer-digest": "ci_config_sha",
                    "runner-environment": "runner_environment",
                    "source-repository-uri": "{{ .url }}/{{ .project_path }}",
                    "source-repository-digest": "sha",
                    "source-repository-ref":
                        "refs/{{if eq .ref_type \"branch\"}}heads/{{ else }}tags/{{end}}{{ .ref }}",
                    "source-repository-identifier": "project_id",
                    "source-repository-owner-uri": "{{ .url }}/{{ .namespace_path }}",
                    "source-repository-owner-identifier": "namespace_id",
                    "build-config-uri": "https://{{ .ci_config_ref_uri }}",
                    "build-config-digest": "ci_config_sha",
                    "build-trigger": "pipeline_source",
                    "run-invocation-uri": "{{ .url }}/{{ .project_path }}/-/jobs/{{ .job_id }}",
                    "source-repository-visibility-at-signing": "project_visibility",
                    "deployment-environment": "environment",
                },
                "subject-alternative-name-template": "https://{{ .ci_config_ref_uri }}",
            },
        },
    })
}

const ADDRESSES: &str = "addresses.json";
const FIRST_REKOR_KEY: &str = "first-rekor.pub";

/// The log's name in its checkpoints: the host of its address, as clients expect.
const ORIGIN: &str = "127.0.0.1";

/// Since when the services are to be trusted: before any test.
const START: &str = "2020-01-01T00:00:00Z";
