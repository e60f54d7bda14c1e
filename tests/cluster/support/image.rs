//! Images made for the tests, pushed by skopeo and signed by the real cosigns.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{component, installed, process::run, registry::Registry};

/// An image in a registry.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// `host/repository:tag`.
    pub(crate) tagged: String,
    /// `sha256:…` of what the tag names.
    pub(crate) digest: String,
    /// For an index, the digests of its manifests.
    pub(crate) children: Vec<String>,
}

impl Image {
    /// `host/repository:tag@sha256:…`, as a pinned Pod reads.
    pub(crate) fn pinned(&self) -> String {
        format!("{}@{}", self.tagged, self.digest)
    }

    /// `host/repository@sha256:…`.
    pub(crate) fn by_digest(&self) -> String {
        format!("{}@{}", self.repository(), self.digest)
    }

    /// `host/repository`.
    pub(crate) fn repository(&self) -> &str {
        self.tagged.rsplit_once(':').expect("there is a tag").0
    }
}

/// A generation of cosign.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cosign {
    /// Writes bundles.
    Three,
    /// Writes the legacy layout, and bundles when asked to.
    Two,
}

/// Makes images and signs them.
pub(crate) struct Signer {
    folder: PathBuf,
    /// The public key, PEM.
    pub(crate) public_key: String,
    images: AtomicUsize,
}

impl Signer {
    /// With a new key pair.
    pub(crate) fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let signer = Self {
            folder: folder.to_owned(),
            public_key: String::new(),
            images: AtomicUsize::new(0),
        };
        signer.cosign("ASSAY_COSIGN3", &["generate-key-pair"]);
        // Nothing is to be looked up or logged outside this machine.
        signer.cosign(
            "ASSAY_COSIGN3",
            &["signing-config", "create", "--out", "signing.json"],
        );
        Self {
            public_key: fs::read_to_string(folder.join("cosign.pub")).expect("cosign wrote it"),
            ..signer
        }
    }

    /// The file with the public key.
    pub(crate) fn public_key_file(&self) -> PathBuf {
        self.folder.join("cosign.pub")
    }

    /// The private key, PEM, under an empty password.
    pub(crate) fn private_key(&self) -> String {
        fs::read_to_string(self.folder.join("cosign.key")).expect("cosign wrote it")
    }

    /// A new private key, PEM, under an empty password.
    pub(crate) fn another_private_key(&self) -> String {
        let number = self.images.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("other-{number}");
        self.cosign(
            "ASSAY_COSIGN3",
            &["generate-key-pair", "--output-key-prefix", &prefix],
        );
        let file = self.folder.join(format!("{prefix}.key"));
        fs::read_to_string(file).expect("cosign wrote it")
    }

    /// Pushes a new image; no two are alike.
    pub(crate) fn push(&self, registry: &Registry, repository: &str, tag: &str) -> Image {
        let layout = self.new_layout();
        let descriptor = layout.add_manifest("amd64");
        layout.name(&descriptor);
        copy(&layout, registry, repository, tag, &descriptor, &[])
    }

    /// Pushes a new image for two platforms.
    pub(crate) fn push_index(&self, registry: &Registry, repository: &str, tag: &str) -> Image {
        let layout = self.new_layout();
        let children = ["amd64", "arm64"].map(|architecture| layout.add_manifest(architecture));
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children });
        let descriptor = layout.add(INDEX, &index);
        layout.name(&descriptor);
        copy(&layout, registry, repository, tag, &descriptor, &children)
    }

    /// Signs with cosign 3: a bundle, found by referrers.
    pub(crate) fn sign(&self, registry: &Registry, image: &Image) {
        let mut arguments = vec!["sign", "--yes", "--key", "cosign.key", "--signing-config"];
        arguments.extend(["signing.json", "--allow-http-registry"]);
        self.cosign_image("ASSAY_COSIGN3", &arguments, registry, image);
    }

    /// Signs with cosign 2: the legacy layout, in the tag `sha256-….sig`.
    pub(crate) fn sign_legacy(&self, registry: &Registry, image: &Image) {
        let mut arguments = vec![
            "sign",
            "--yes",
            "--key",
            "cosign.key",
            "--tlog-upload=false",
        ];
        arguments.push("--allow-http-registry");
        self.cosign_image("ASSAY_COSIGN2", &arguments, registry, image);
    }

    /// Signs in an open registry with either cosign, as these arguments say.
    ///
    /// An ID token is where cosign finds it in a GitLab job.
    pub(crate) fn sign_as(
        &self,
        cosign: Cosign,
        arguments: &[&str],
        id_token: Option<&str>,
        image: &Image,
    ) {
        let which = match cosign {
            Cosign::Three => "ASSAY_COSIGN3",
            Cosign::Two => "ASSAY_COSIGN2",
        };
        let mut command = self.command(which);
        command
            .args(["sign", "--yes", "--allow-http-registry"])
            .args(arguments)
            .arg(image.by_digest());
        if let Some(token) = id_token {
            command.env("SIGSTORE_ID_TOKEN", token);
        }
        run(&mut command).expect_success();
    }

    fn cosign_image(&self, which: &str, arguments: &[&str], registry: &Registry, image: &Image) {
        let reference = image.by_digest();
        let mut arguments = arguments.to_vec();
        if let Some((user, password)) = registry.login {
            arguments.extend(["--registry-username", user, "--registry-password", password]);
        }
        arguments.push(&reference);
        let mut command = self.command(which);
        if let Some(file) = &registry.authority {
            command.env("SSL_CERT_FILE", file);
        }
        run(command.args(&arguments)).expect_success();
    }

    fn cosign(&self, which: &str, arguments: &[&str]) {
        run(self.command(which).args(arguments)).expect_success();
    }

    fn command(&self, which: &str) -> Command {
        let mut command = Command::new(component(which, ""));
        command
            .current_dir(&self.folder)
            .env("COSIGN_PASSWORD", "")
            .env("HOME", &self.folder)
            // Loopback goes past the proxy, everything else ends here.
            .env("HTTPS_PROXY", "http://127.0.0.1:9");
        command
    }

    fn new_layout(&self) -> Layout {
        let number = self.images.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("image-{number}"));
        fs::create_dir_all(folder.join("blobs/sha256")).expect("the folder can be made");
        fs::write(
            folder.join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .expect("it can be written");
        Layout { folder, number }
    }
}

/// An OCI layout folder.
struct Layout {
    folder: PathBuf,
    number: usize,
}

impl Layout {
    fn add_manifest(&self, architecture: &str) -> Value {
        let labels = json!({ "number": self.number.to_string() });
        let config = self.add(
            "application/vnd.oci.image.config.v1+json",
            &json!({
                "architecture": architecture,
                "os": "linux",
                "config": { "Labels": labels },
                "rootfs": { "type": "layers", "diff_ids": [] },
            }),
        );
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
        });
        let mut descriptor = self.add(MANIFEST, &manifest);
        descriptor["platform"] = json!({ "architecture": architecture, "os": "linux" });
        descriptor
    }

    fn add(&self, media_type: &str, content: &Value) -> Value {
        let bytes = content.to_string();
        let hex = hex(digest(&SHA256, bytes.as_bytes()).as_ref());
        fs::write(self.folder.join("blobs/sha256").join(&hex), &bytes).expect("it can be written");
        json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() })
    }

    fn name(&self, descriptor: &Value) {
        let mut descriptor = descriptor.clone();
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": NAME });
        let index = json!({ "schemaVersion": 2, "manifests": [descriptor] });
        fs::write(self.folder.join("index.json"), index.to_string()).expect("it can be written");
    }
}

/// Pushes what a layout names.
fn copy(
    layout: &Layout,
    registry: &Registry,
    repository: &str,
    tag: &str,
    descriptor: &Value,
    children: &[Value],
) -> Image {
    let tagged = format!("{}/{repository}:{tag}", registry.host);
    let mut command = Command::new(installed("skopeo", "skopeo"));
    command.args([
        "copy",
        "--quiet",
        "--all",
        "--preserve-digests",
        "--dest-tls-verify=false",
    ]);
    command.args(["--insecure-policy"]);
    if let Some((user, password)) = registry.login {
        command.args(["--dest-creds", &format!("{user}:{password}")]);
    }
    command.arg(format!("oci:{}:{NAME}", layout.folder.display()));
    command.arg(format!("docker://{tagged}"));
    run(&mut command).expect_success();
    let digest_of = |value: &Value| value["digest"].as_str().expect("a descriptor").to_owned();
    Image {
        tagged,
        digest: digest_of(descriptor),
        children: children.iter().map(digest_of).collect(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("texts can grow");
        text
    })
}

const NAME: &str = "image";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
