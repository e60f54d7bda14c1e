//! The policies of `docs/policies`, each run on an image that it admits and on one that it refuses.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions of a test may fail loudly"
)]

use std::{collections::BTreeSet, fs, path::Path};

use assay::{
    image::Digest,
    sandbox::{
        build::{Build, Predicate},
        registry::{DescribedImage, DescribedIndex},
        sigstore::Signing,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{
    reviews::{creation, pod},
    world::{Making, World},
};

#[test]
fn every_policy_is_loaded_as_it_is_and_listed_with_a_test() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    let loaded = assay::standalone::load(&folder()).unwrap();
    let names: BTreeSet<String> = loaded
        .policies
        .iter()
        .map(|(id, state)| {
            assert_eq!(state.reason(), None, "{id}");
            id.name.clone()
        })
        .collect();
    assert_eq!(names, files);
    let listed = fs::read_to_string(folder().join("README.md")).unwrap();
    let tests = include_str!("policies.rs");
    for name in files {
        assert!(listed.contains(&format!("[{name}]({name}.yaml)")), "{name}");
        assert!(tests.contains(&format!("\"{name}\", ")), "{name}");
    }
}

#[tokio::test]
async fn the_readme_quotes_what_its_provenance_policy_says() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let block = |beginning: &str| {
        let mut blocks = readme.split("```yaml\n").skip(1);
        let block = blocks.find(|block| block.starts_with(beginning)).unwrap();
        block.split("```").next().unwrap()
    };
    let provenance = block("  provenance:");
    assert_eq!(provenance.lines().count(), 5);
    let policy = format!("{}{provenance}", block("apiVersion: assay.dev/"));
    let build = Build::gitlab(PROJECT, TAG).base_image(
        "registry.gitlab.com/acme/base/debian:12",
        &Digest::of(b"base"),
    );
    let image = Image::of(build);
    assert_eq!(deployed(&policy, &image).await.1["allowed"], true);
    let (host, response) = deployed(&policy, &image.tagged("a1b2c3d4")).await;
    let line = response["status"]["message"].as_str().unwrap();
    let line = line.replace(&host, "registry.gitlab.com");
    assert!(readme.contains(&format!("```text\n{line}\n```")), "{line}");
}

#[tokio::test]
async fn release_tags() {
    admits("release-tags", release()).await;
    refuses("release-tags", release().tagged("latest"), "TagNotAllowed").await;
    let branch = Image::of(Build::gitlab(PROJECT, "refs/heads/v1.8.2"));
    refuses("release-tags", branch, "IdentityMismatch").await;
}

#[tokio::test]
async fn protected_refs() {
    admits("protected-refs", release()).await;
    let unprotected = Image::of(Build::gitlab(PROJECT, TAG).unprotected());
    refuses("protected-refs", unprotected, "IdentityMismatch").await;
}

#[tokio::test]
async fn our_runners() {
    let on = |runner: &str| Image::of(Build::gitlab(PROJECT, TAG).runner(runner));
    admits("our-runners", release()).await;
    admits(
        "our-runners",
        on("https://gitlab.com/groups/acme/-/runners/7"),
    )
    .await;
    let other = on("https://gitlab.com/acme/shop/api/-/runners/666");
    refuses("our-runners", other, "RunnerNotAllowed").await;
}

#[tokio::test]
async fn base_images() {
    let upon = |name: &str| {
        let digest = Digest::of(b"base");
        Image::of(Build::gitlab(PROJECT, TAG).base_image(name, &digest))
    };
    let ours = "registry.gitlab.com/acme/base/debian:12";
    admits("base-images", upon(ours)).await;
    let theirs = "docker.io/library/debian:12";
    refuses("base-images", upon(theirs), "BaseImageNotAllowed").await;
}

#[tokio::test]
async fn tag_is_the_git_tag() {
    admits("tag-is-the-git-tag", release()).await;
    let other = release().tagged("v1.8.3");
    refuses("tag-is-the-git-tag", other, "RefMismatch").await;
}

#[tokio::test]
async fn tag_is_the_commit() {
    admits("tag-is-the-commit", release().tagged("714a630e")).await;
    let other = release().tagged("a1b2c3d4");
    refuses("tag-is-the-commit", other, "CommitMismatch").await;
}

#[tokio::test]
async fn no_old_builds() {
    admits("no-old-builds", release()).await;
    let finished_on = "2025-09-01T00:00:00Z".parse().unwrap();
    let old = Image::of(Build::gitlab(PROJECT, TAG).finished_on(finished_on));
    refuses("no-old-builds", old, "BuildTooOld").await;
}

#[tokio::test]
async fn sbom() {
    let of = |components: Value| {
        let content = json!({"bomFormat": "CycloneDX", "components": components});
        release().attested(Predicate::new("https://cyclonedx.org/bom", content))
    };
    admits("sbom", of(json!([{"name": "openssl"}]))).await;
    refuses("sbom", of(json!([])), "ConditionFailed").await;
    refuses("sbom", release(), "PredicateMismatch").await;
}

#[tokio::test]
async fn scan() {
    let of = |vulnerabilities: Value| {
        let target = json!({"Target": "debian", "Vulnerabilities": vulnerabilities});
        let report = json!({"Results": [{"Target": "Cargo.lock"}, target]});
        let content =
            json!({"scanner": {"uri": "pkg:github/aquasecurity/trivy", "result": report}});
        release().attested(Predicate::new(
            "https://cosign.sigstore.dev/attestation/vuln/v1",
            content,
        ))
    };
    admits("scan", of(json!([{"Severity": "LOW"}]))).await;
    let critical = of(json!([{"Severity": "LOW"}, {"Severity": "CRITICAL"}]));
    refuses("scan", critical, "ConditionFailed").await;
}

#[tokio::test]
async fn github_actions() {
    let built_for = |git_ref: &str| {
        let build = Build::github("acme/controller", ".github/workflows/release.yml", git_ref);
        let provenance = build.stated_by_github();
        let mut image = Image::of(build);
        image.signed = false;
        image.attested = vec![provenance];
        image.repository = "acme/controller";
        image
    };
    admits("github-actions", built_for(TAG)).await;
    let branch = built_for("refs/heads/main");
    refuses("github-actions", branch, "RefMismatch").await;
}

#[tokio::test]
async fn self_managed_gitlab() {
    let built_for = |git_ref: &str| {
        let build = Build::gitlab_at("https://gitlab.acme.example", "shop/api", git_ref);
        let mut image = Image::of(build);
        image.by_key = true;
        image.repository = "shop/api";
        image
    };
    admits("self-managed-gitlab", built_for(TAG)).await;
    let branch = built_for("refs/heads/main");
    refuses("self-managed-gitlab", branch, "RefMismatch").await;
}

#[tokio::test]
async fn two_signers() {
    let mut both = release();
    both.signed_by_key = true;
    admits("two-signers", both).await;
    refuses("two-signers", release(), "ThresholdNotMet").await;
}

#[tokio::test]
async fn annotation_names_the_pipeline() {
    let of = |pipeline: &str| {
        let mut image = release();
        image.index = image
            .index
            .annotation("com.gitlab.ci.pipeline_id", pipeline);
        image
    };
    admits("annotation-names-the-pipeline", of("1077352011")).await;
    let other = of("7");
    refuses("annotation-names-the-pipeline", other, "ConditionFailed").await;
}

/// An image with what is attached to it.
struct Image {
    repository: &'static str,
    tag: &'static str,
    index: DescribedIndex,
    build: Build,
    attested: Vec<Predicate>,
    /// Whether whoever built it signed it.
    signed: bool,
    /// Whether the key signed it too.
    signed_by_key: bool,
    /// Whether all is signed with the key instead of a certificate.
    by_key: bool,
}

impl Image {
    /// One that this build signed and attested, tagged as the release.
    fn of(build: Build) -> Self {
        Self {
            repository: PROJECT,
            tag: "v1.8.2",
            index: DescribedIndex::default().image(DescribedImage::new("amd64", "the image")),
            attested: vec![build.stated_by_job()],
            build,
            signed: true,
            signed_by_key: false,
            by_key: false,
        }
    }

    fn tagged(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    fn attested(mut self, predicate: Predicate) -> Self {
        self.attested.push(predicate);
        self
    }

    fn push(&self, world: &World) {
        let (repository, registry) = (self.repository, &world.registry);
        let (image, _) = registry.push_described_index(repository, self.tag, &self.index);
        let with_key = || world.sigstore.sign_with(&world.key, &image).without_log();
        let signing = || -> Signing<'_> {
            if self.by_key {
                with_key()
            } else {
                world.sigstore.sign_as(&self.build.claims(), &image)
            }
        };
        let signatures = [
            self.signed.then(&signing),
            self.signed_by_key.then(with_key),
        ];
        let attestations = self.attested.iter().map(|it| signing().stating(it));
        for signing in signatures.into_iter().flatten().chain(attestations) {
            let bundle = signing.bundle().unwrap();
            registry.attach_bundle(repository, &image, bundle.content);
        }
    }
}

/// The release, built and attested as it should be.
fn release() -> Image {
    Image::of(Build::gitlab(PROJECT, TAG))
}

async fn admits(policy: &str, image: Image) {
    assert_eq!(codes(policy, &image).await, [""; 0], "{policy}");
}

async fn refuses(policy: &str, image: Image, code: &str) {
    assert_eq!(codes(policy, &image).await, [code], "{policy}");
}

async fn codes(policy: &str, image: &Image) -> Vec<String> {
    let text = fs::read_to_string(folder().join(format!("{policy}.yaml"))).unwrap();
    let (_, response) = deployed(&text, image).await;
    let causes = response["status"]["details"]["causes"].as_array();
    let causes = causes.into_iter().flatten();
    let codes: Vec<String> = causes
        .map(|cause| cause["reason"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(response["allowed"], json!(codes.is_empty()), "{response}");
    codes
}

/// What the webhook answers under this policy, and where the registry stood.
async fn deployed(policy: &str, image: &Image) -> (String, Value) {
    let making = Making {
        at: Some(NOW),
        ..Making::default()
    };
    let world = World::make(making).await;
    assert_eq!(world.put_in_force(filled_in(policy, &world)), None);
    image.push(&world);
    let reference = world.reference(&format!("{}:{}", image.repository, image.tag));
    let response = world.server.mutate(&creation(&pod(&reference))).await;
    (world.registry.host(), response)
}

/// The policy as it is, but for where the registry stands and for the public key.
fn filled_in(policy: &str, world: &World) -> Value {
    let mut object: Value = serde_saphyr::from_str(policy).unwrap();
    for pattern in object["spec"]["match"]["images"].as_array_mut().unwrap() {
        let (_, path) = pattern.as_str().unwrap().split_once('/').unwrap();
        *pattern = json!(world.reference(path));
    }
    for authority in object["spec"]["authorities"].as_array_mut().unwrap() {
        if let Some(pem) = authority.pointer_mut("/key/pem") {
            *pem = json!(world.key.public_pem());
        }
    }
    object
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies")
}

const PROJECT: &str = "acme/shop/api";

const TAG: &str = "refs/tags/v1.8.2";

/// Some days after a [`Build`] that says no other time.
const NOW: Timestamp = Timestamp::constant(1_767_700_000, 0);
