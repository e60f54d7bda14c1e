//! What the real cosigns write, with keys and keyless against a Sigstore on this machine, is admitted.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    assay::verify,
    cluster, eventually,
    image::{Cosign, Image},
    scene::{Scene, pod},
    sigstore_servers::{Sigstore, sigstore},
};

#[test]
#[ignore = "needs a cluster"]
fn cosign_3_by_a_key_with_a_timestamp_is_admitted() {
    let stage = Stage::new("key-timestamp-3");
    let config = stage.sigstore.timestamps_only.as_str();
    let root = stage.sigstore.trusted_root.as_str();
    let image = stage.sign_by_key(
        Cosign::Three,
        &["--signing-config", config, "--trusted-root", root],
    );
    stage.key_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_2_by_a_key_with_a_timestamp_is_admitted() {
    let stage = Stage::new("key-timestamp-2");
    let timestamps = ["--timestamp-server-url", &stage.sigstore.timestamps];
    let image = stage.sign_by_key(Cosign::Two, &[&NO_LOG, &timestamps[..]].concat());
    stage.key_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn a_bundle_of_cosign_2_by_a_key_is_admitted() {
    let stage = Stage::new("key-bundle-2");
    let image = stage.sign_by_key(Cosign::Two, &[NO_LOG, BUNDLE].concat());
    stage.key_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn a_bundle_of_cosign_2_by_a_key_with_a_timestamp_is_admitted() {
    let stage = Stage::new("key-timestamp-bundle-2");
    let timestamps = ["--timestamp-server-url", &stage.sigstore.timestamps];
    let image = stage.sign_by_key(Cosign::Two, &[&NO_LOG, &BUNDLE, &timestamps[..]].concat());
    stage.key_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_3_by_a_gitlab_job_is_admitted() {
    let stage = Stage::new("job-3");
    let image = stage.sign_in_job(Cosign::Three, &stage.project(), &stage.all_services());
    stage.job_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_3_by_a_job_of_another_project_is_refused() {
    let stage = Stage::new("fork-3");
    let image = stage.sign_in_job(Cosign::Three, "acme/fork", &stage.all_services());
    stage.trust(ROOT, &json!({}));
    stage.demand(&stage.job(ROOT));
    let line = stage
        .scene
        .rejects(&pod("app", &image.tagged), "IdentityMismatch");
    let signer = format!("was signed by {}/acme/fork", stage.host());
    assert!(line.contains(&signer), "{line}");
}

/// A test's namespace, and a repository that is also a GitLab project.
struct Stage {
    name: &'static str,
    scene: Scene,
    sigstore: &'static Sigstore,
}

impl Stage {
    fn new(name: &'static str) -> Self {
        let sigstore = sigstore();
        let scene = Scene::new(name);
        Self {
            name,
            scene,
            sigstore,
        }
    }

    fn project(&self) -> String {
        format!("acme/{}", self.name)
    }

    /// The GitLab instance as messages name it.
    fn host(&self) -> &str {
        self.sigstore.issuer.url.trim_start_matches("https://")
    }

    fn push(&self) -> Image {
        let repository = format!("{}/app", self.project());
        let cluster = cluster();
        cluster.signer.push(&cluster.registry, &repository, "v1")
    }

    /// A new image, signed with the shared key.
    fn sign_by_key(&self, cosign: Cosign, arguments: &[&str]) -> Image {
        let image = self.push();
        let arguments = [&["--key", "cosign.key"], arguments].concat();
        cluster().signer.sign_as(cosign, &arguments, None, &image);
        image
    }

    /// A new image, signed by a job of this project.
    fn sign_in_job(&self, cosign: Cosign, project: &str, arguments: &[&str]) -> Image {
        let image = self.push();
        let token = self.sigstore.issuer.token(project);
        let signer = &cluster().signer;
        signer.sign_as(cosign, arguments, Some(&token), &image);
        image
    }

    /// For a certificate, an entry of Rekor v2 and a timestamp.
    fn all_services(&self) -> [&str; 4] {
        let root = self.sigstore.trusted_root.as_str();
        let config = self.sigstore.signing_config.as_str();
        ["--signing-config", config, "--trusted-root", root]
    }

    fn key_admits(&self, image: &Image) {
        self.trust(ROOT, &json!({}));
        self.demand(&json!({
            "name": "release-key",
            "key": { "pem": cluster().signer.public_key },
            "trustRootRef": { "name": ROOT },
        }));
        self.admits(image);
        let key = cluster().signer.public_key_file().display().to_string();
        let root = self.sigstore.trusted_root.as_str();
        self.verifies(&["--key", &key, "--trust-root", root], image);
    }

    fn job_admits(&self, image: &Image) {
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
    fn job(&self, root: &str) -> Value {
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
    fn trust(&self, name: &str, further: &Value) {
        let text = std::fs::read_to_string(&self.sigstore.trusted_root).expect("cosign wrote it");
        let mut spec = further.clone();
        spec["trustedRoot"] = json!(text);
        self.put("ImageTrustRoot", name, &spec);
    }

    /// Puts a policy over the repository in force.
    fn demand(&self, authority: &Value) {
        let images = format!("{}/{}/**", cluster().registry.host, self.project());
        let spec = json!({ "match": { "images": [images] }, "authorities": [authority] });
        self.put("ClusterImageTrustPolicy", self.name, &spec);
    }

    fn put(&self, kind: &str, name: &str, spec: &Value) {
        self.scene
            .apply(&json!({
                "apiVersion": "assay.dev/v1alpha1",
                "kind": kind,
                "metadata": { "name": name },
                "spec": spec,
            }))
            .expect_success();
        eventually("the object to be ready", || {
            let object = self.scene.get(&[kind, name]);
            let conditions = object["status"]["conditions"].as_array()?;
            let is_latest =
                object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let is_ready = conditions
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            (is_latest && is_ready).then_some(())
        });
    }

    fn admits(&self, image: &Image) {
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

const NO_LOG: [&str; 1] = ["--tlog-upload=false"];
const BUNDLE: [&str; 1] = ["--new-bundle-format"];

/// The name of the `ImageTrustRoot` that holds all of our Sigstore.
const ROOT: &str = "tests";
