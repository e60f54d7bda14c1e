//! One test's namespace and images, and what is said of them.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    assay::verify,
    cluster,
    image::{Cosign, Image},
    scene::{Scene, pod},
    sigstore_servers::{Sigstore, sigstore},
};

/// A test's namespace, and a repository that is also a GitLab project.
pub(super) struct Stage {
    name: &'static str,
    /// The namespace.
    pub(super) scene: Scene,
    /// Who signs keyless.
    pub(super) sigstore: &'static Sigstore,
}

impl Stage {
    pub(super) fn new(name: &'static str) -> Self {
        let sigstore = sigstore();
        let scene = Scene::new(name);
        Self {
            name,
            scene,
            sigstore,
        }
    }

    pub(super) fn project(&self) -> String {
        format!("acme/{}", self.name)
    }

    fn push(&self) -> Image {
        let repository = format!("{}/app", self.project());
        let cluster = cluster();
        cluster.signer.push(&cluster.registry, &repository, "v1")
    }

    /// A new image, signed with the shared key.
    pub(super) fn sign_by_key(&self, cosign: Cosign, arguments: &[&str]) -> Image {
        let image = self.push();
        let arguments = [&["--key", "cosign.key"], arguments].concat();
        cluster().signer.sign_as(cosign, &arguments, None, &image);
        image
    }

    /// A new image, signed by a job of this project.
    pub(super) fn sign_in_job(&self, cosign: Cosign, project: &str, arguments: &[&str]) -> Image {
        let image = self.push();
        let token = self.sigstore.issuer.token(project);
        let signer = &cluster().signer;
        signer.sign_as(cosign, arguments, Some(&token), &image);
        image
    }

    /// For a certificate, an entry of Rekor v2 and a timestamp.
    pub(super) fn all_services(&self) -> [&str; 4] {
        let root = self.sigstore.trusted_root.as_str();
        let config = self.sigstore.signing_config.as_str();
        ["--signing-config", config, "--trusted-root", root]
    }

    /// Certificates, as cosign 2 is told where to get them.
    pub(super) fn certificates(&self) -> [&str; 4] {
        let root = self.sigstore.trusted_root.as_str();
        [
            "--fulcio-url",
            &self.sigstore.fulcio,
            "--trusted-root",
            root,
        ]
    }

    pub(super) fn first_log(&self) -> [&str; 2] {
        ["--rekor-url", &self.sigstore.first_rekor]
    }

    pub(super) fn timestamps(&self) -> [&str; 2] {
        ["--timestamp-server-url", &self.sigstore.timestamps]
    }

    pub(super) fn refuses_the_fork(&self, image: &Image) {
        self.trust(ROOT, &json!({}));
        self.demand(&self.job(ROOT));
        let line = self
            .scene
            .rejects(&pod("app", &image.tagged), "IdentityMismatch");
        let host = self.sigstore.issuer.url.trim_start_matches("https://");
        let signer = format!("was signed by {host}/acme/fork");
        assert!(line.contains(&signer), "{line}");
    }

    pub(super) fn key_admits(&self, image: &Image) {
        self.trust(ROOT, &json!({}));
        self.demand(&shared_key());
        self.admits(image);
        let key = cluster().signer.public_key_file().display().to_string();
        let root = self.sigstore.trusted_root.as_str();
        self.verifies(&["--key", &key, "--trust-root", root], image);
    }

    pub(super) fn job_admits(&self, image: &Image) {
        self.trust(ROOT, &json!({}));
        self.demand(&self.job(ROOT));
        self.admits(image);
        let project = self.project();
        let root = self.sigstore.trusted_root.as_str();
        let instance = self.sigstore.issuer.url.as_str();
        let flags = ["--gitlab-project", &project, "--gitlab-instance", instance];
        self.verifies(&[&flags[..], &["--trust-root", root]].concat(), image);
    }

    /// The jobs of this project as an authority.
    pub(super) fn job(&self, root: &str) -> Value {
        json!({
            "name": "release-pipeline",
            "gitlab": {
                "instance": self.sigstore.issuer.url,
                "project": self.project(),
                "projectId": "45821955",
                "ref": "refs/heads/main",
                "pipelineSources": ["push"],
                "runnerEnvironment": "self-hosted",
            },
            "trustRootRef": { "name": root },
        })
    }

    /// Adds the `ImageTrustRoot` of our Sigstore with these further fields, and waits until it is loaded.
    pub(super) fn trust(&self, name: &str, further: &Value) {
        let text = std::fs::read_to_string(&self.sigstore.trusted_root).expect("cosign wrote it");
        let mut spec = further.clone();
        spec["trustedRoot"] = json!(text);
        self.scene.put("ImageTrustRoot", name, &spec);
    }

    /// Puts a policy over the repository in force.
    pub(super) fn demand(&self, authority: &Value) {
        let images = format!("{}/{}/**", cluster().registry.host, self.project());
        let spec = json!({ "match": { "images": [images] }, "authorities": [authority] });
        self.scene.put("ClusterImageTrustPolicy", self.name, &spec);
    }

    pub(super) fn admits(&self, image: &Image) {
        let admitted = self.scene.accepts(&pod("app", &image.tagged));
        assert_eq!(admitted["spec"]["containers"][0]["image"], image.pinned());
    }

    /// `assay verify` says the same, from the same file.
    fn verifies(&self, flags: &[&str], image: &Image) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name);
        let arguments = [flags, &[&image.tagged]].concat();
        let finished = verify(&folder, &[&cluster().registry], &arguments);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.stdout, format!("{}\n", image.pinned()));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.sigstore.last_lines(20));
        }
    }
}

/// The shared key as an authority.
pub(super) fn shared_key() -> Value {
    json!({
        "name": "release-key",
        "key": { "pem": cluster().signer.public_key },
        "trustRootRef": { "name": ROOT },
    })
}

/// The name of the `ImageTrustRoot` that holds all of our Sigstore.
pub(super) const ROOT: &str = "tests";
