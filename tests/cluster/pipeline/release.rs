//! One test's releases: its pipelines, its policy, and its namespace.

use std::{process::Command, sync::OnceLock};

use regex::Regex;
use serde_json::{Value, json};

use super::{
    runner::{Checkout, Pipeline},
    template::{Job, Template, read},
};
use crate::support::{
    cluster,
    image::Cosign,
    installed,
    process::{Finished, run},
    scene::{Scene, pod},
    sigstore_servers::sigstore,
};

/// A template, the policy that goes with it in force, a checkout, and a namespace that may pull.
pub(super) struct Release {
    /// The namespace.
    pub(super) scene: Scene,
    /// Where the jobs run.
    pub(super) checkout: Checkout,
    template: Template,
    kind: Kind,
}

/// How a template signs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Keyless,
    Key,
}

impl Kind {
    /// Puts what is in force in the whole cluster there, for the first test of its kind.
    fn put_once(self, scene: &Scene, policies: &[Value]) {
        static PUT: [OnceLock<()>; 2] = [OnceLock::new(), OnceLock::new()];
        PUT[usize::from(self == Self::Key)].get_or_init(|| {
            for policy in policies {
                let text = |value: &Value| value.as_str().expect("it is text").to_owned();
                let name = text(&policy["metadata"]["name"]);
                scene.put(&text(&policy["kind"]), &name, &policy["spec"]);
            }
        });
    }
}

impl Release {
    /// By `keyless.gitlab-ci.yml`.
    pub(super) fn keyless(name: &str) -> Self {
        Self::new(name, Kind::Keyless, Cosign::Three)
    }

    /// By `key.gitlab-ci.yml`.
    pub(super) fn by_key(name: &str, cosign: Cosign) -> Self {
        Self::new(name, Kind::Key, cosign)
    }

    fn new(name: &str, kind: Kind, cosign: Cosign) -> Self {
        push_bases();
        let scene = Scene::new(name);
        let label = ["label", "namespace", name, "env=production"];
        scene.kubectl(&label).expect_success();
        add_pull_secret(&scene);
        let (template, policies) = match kind {
            Kind::Keyless => ("keyless", vec![trust_root(), keyless_policy()]),
            Kind::Key => ("key", vec![key_policy()]),
        };
        kind.put_once(&scene, &policies);
        Self {
            scene,
            checkout: Checkout::new(cosign, &policies),
            template: Template::read(&format!("{template}.gitlab-ci.yml")),
            kind,
        }
    }

    /// The pipeline of a tag, with what its project's settings hold.
    pub(super) fn pipeline(&self, tag: &'static str) -> Pipeline {
        let host = &cluster().guarded.host;
        let base = format!("{host}/acme/base/debian:12");
        let project = match self.kind {
            Kind::Keyless => "acme/shop/api",
            Kind::Key => "acme/ledger/api",
        };
        let pipeline = Pipeline::of_tag(project, tag)
            .with("BASE_IMAGE", &base)
            .with("DEPLOY_NAMESPACE", &self.scene.namespace);
        match self.kind {
            Kind::Keyless => pipeline
                .with("COSIGN_SIGNING_CONFIG", &sigstore().signing_config)
                .with("COSIGN_TRUSTED_ROOT", &sigstore().trusted_root),
            Kind::Key => self.with_key(pipeline, &cluster().signer.private_key()),
        }
    }

    /// With this signing key in the project's settings.
    pub(super) fn with_key(&self, pipeline: Pipeline, key: &str) -> Pipeline {
        assert_eq!(self.kind, Kind::Key);
        pipeline
            .with("COSIGN_PRIVATE_KEY", key)
            .with("COSIGN_PASSWORD", "")
    }

    pub(super) fn job(&self, name: &str) -> Job {
        self.template.job(name)
    }

    /// Runs a job that must pass.
    #[track_caller]
    pub(super) fn run(&self, pipeline: &Pipeline, job: &Job) -> Finished {
        let finished = self.checkout.run(pipeline, job);
        finished.clone().expect_success();
        finished
    }

    /// Builds, signs and attests; answers the tagged reference and the digest.
    #[track_caller]
    pub(super) fn build(&self, pipeline: &Pipeline) -> (String, String) {
        self.run(pipeline, &self.job("build"));
        self.checkout.release()
    }

    /// The same with the predicate as this filter of jq changes it, before it is signed.
    #[track_caller]
    pub(super) fn build_with_predicate(&self, pipeline: &Pipeline, filter: &str) {
        let line = format!("jq '{filter}' provenance.json >changed && mv changed provenance.json");
        self.run(pipeline, &self.job("build").tampered("sign", &line));
    }

    /// The same words of the API server and of the job, in whole, with names as in the world.
    #[track_caller]
    pub(super) fn says(&self, pipeline: &Pipeline, code: &str, expected: &str) {
        assert_eq!(in_the_world(&self.refuses(pipeline, code)), expected);
    }

    /// The API server refuses what was built, and so does the job before production, in the same words.
    ///
    /// Answers what is said of the image, without its name and digest.
    #[track_caller]
    pub(super) fn refuses(&self, pipeline: &Pipeline, code: &str) -> String {
        let (image, digest) = self.checkout.release();
        let said = self.rejects(&format!("{image}@{digest}"), code);
        assert_eq!(self.rejects(&image, code), said);
        let finished = self.checkout.run(pipeline, &self.job("production"));
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains(&said), "{said}\n{finished:?}");
        said
    }

    /// What the API server says of this reference, which must be refused, without the image's name and digest.
    #[track_caller]
    pub(super) fn rejects(&self, reference: &str, code: &str) -> String {
        let line = self.scene.rejects(&pulling(reference), code);
        let (_, said) = line.split_once("…) ").expect("the digest is named");
        said.to_owned()
    }
}

/// A Pod that may pull.
pub(super) fn pulling(reference: &str) -> Value {
    let mut object = pod("app", reference);
    object["spec"]["imagePullSecrets"] = json!([{ "name": "deploy-token" }]);
    object
}

/// A text with the names that it would have in the world, in place of those of this machine and of this run.
pub(super) fn in_the_world(text: &str) -> String {
    let instance = sigstore().issuer.url.trim_start_matches("https://");
    let text = text
        .replace(&cluster().guarded.host, "registry.example")
        .replace(instance, "gitlab.example");
    let digest = Regex::new("sha256:[0-9a-f]{12,64}").expect("it is a pattern");
    digest.replace_all(&text, "sha256:DIGEST").into_owned()
}

/// Copies an image to another repository or tag.
pub(super) fn copy(from: &str, to: &str) {
    skopeo(&["--preserve-digests", "--all"], from, to);
}

/// Copies what cosign 3 keeps beside an image of this digest: what lies in the index of the tag `sha256-…`, and that index.
pub(super) fn copy_bundles(from: &str, to: &str, digest: &str) {
    let tag = |image: &str| beside(image, digest, "");
    let (user, password) = cluster().guarded.login.expect("it wants one");
    let index = run(Command::new(installed("skopeo", "skopeo"))
        .args(["inspect", "--raw", "--tls-verify=false"])
        .args(["--creds", &format!("{user}:{password}")])
        .arg(format!("docker://{}", tag(from))))
    .expect_success();
    let index: Value = serde_json::from_str(&index).expect("the registry answers JSON");
    for bundle in index["manifests"].as_array().expect("it is an index") {
        let digest = bundle["digest"].as_str().expect("it is a descriptor");
        let manifest = |image: &str| format!("{}@{digest}", repository(image));
        copy(&manifest(from), &manifest(to));
    }
    skopeo(&["--multi-arch", "index-only"], &tag(from), &tag(to));
}

/// The tag under which cosign keeps what belongs to a digest.
pub(super) fn beside(image: &str, digest: &str, suffix: &str) -> String {
    format!("{}:{}{suffix}", repository(image), digest.replace(':', "-"))
}

fn repository(image: &str) -> &str {
    image.rsplit_once(':').expect("there is a tag").0
}

fn skopeo(arguments: &[&str], from: &str, to: &str) {
    let (user, password) = cluster().guarded.login.expect("it wants one");
    let login = format!("{user}:{password}");
    run(Command::new(installed("skopeo", "skopeo"))
        .args(["copy", "--quiet", "--insecure-policy"])
        .args(["--src-tls-verify=false", "--src-creds", &login])
        .args(["--dest-tls-verify=false", "--dest-creds", &login])
        .args(arguments)
        .args([format!("docker://{from}"), format!("docker://{to}")]))
    .expect_success();
}

/// A base image that the policies accept, and one that they do not.
fn push_bases() {
    static PUSHED: OnceLock<()> = OnceLock::new();
    PUSHED.get_or_init(|| {
        let cluster = cluster();
        for repository in ["acme/base/debian", "acme/elsewhere/debian"] {
            cluster.signer.push(&cluster.guarded, repository, "12");
        }
    });
}

/// The account of a deploy token: the token of a job would have died with it.
fn add_pull_secret(scene: &Scene) {
    let registry = &scene.cluster.guarded;
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "deploy-token" },
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": registry.docker_config() },
    });
    scene.apply(&secret).expect_success();
}

fn trust_root() -> Value {
    let text = std::fs::read_to_string(&sigstore().trusted_root).expect("cosign wrote it");
    json!({
        "apiVersion": "assay.dev/v1alpha1",
        "kind": "ImageTrustRoot",
        "metadata": { "name": ROOT },
        "spec": { "trustedRoot": text },
    })
}

/// `policy-keyless.yaml`, with this machine's registry, instance and Sigstore.
fn keyless_policy() -> Value {
    let mut policy = policy(
        "policy-keyless.yaml",
        "registry.gitlab.com",
        "https://gitlab.com",
    );
    let authority = &mut policy["spec"]["authorities"][0];
    authority["gitlab"]["instance"] = json!(sigstore().issuer.url);
    authority["trustRootRef"] = json!({ "name": ROOT });
    policy
}

/// `policy-key.yaml`, with this machine's registry, instance and key.
fn key_policy() -> Value {
    let instance = "https://gitlab.acme.example";
    let mut policy = policy("policy-key.yaml", "registry.acme.example", instance);
    policy["spec"]["authorities"][0]["key"]["pem"] = json!(cluster().signer.public_key);
    policy
}

fn policy(name: &str, registry: &str, instance: &str) -> Value {
    let text = read(name)
        .replace(registry, &cluster().guarded.host)
        .replace(instance, &sigstore().issuer.url);
    serde_saphyr::from_str(&text).expect("it is YAML")
}

const ROOT: &str = "release";
