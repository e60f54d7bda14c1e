//! Signatures that lie elsewhere than beside the image: at the source of a copy, or in a repository for them.

use std::collections::BTreeMap;

use assay::{
    image::Digest,
    sandbox::registry::{Access, Fault, Login, RegistrySettings},
};
use serde_json::{Value, json};

use super::{codes, message, patch};
use crate::support::{
    reviews::{creation, pod},
    world::{Making, World, authority},
};

/// `copy` is a copy of `source`.
const MIRROR: &str = "- {prefix: HOST/copy, mirrorOf: HOST/source, insecureHttp: true}";

async fn mirror() -> World {
    let world = World::make(Making {
        settings: MIRROR,
        ..Making::default()
    })
    .await;
    world.demand_key();
    world
}

/// Pushes the same image to both.
fn push_to_both(world: &World) -> Digest {
    world.registry.push_image("source/api", "1", "the image");
    world.registry.push_image("copy/api", "1", "the image")
}

/// Signs this image by the key, in this repository.
fn sign_in(world: &World, repository: &str, image: &Digest) {
    let signed = world.key_signature(image);
    world
        .registry
        .attach_legacy(repository, image, signed.content, &signed.annotations);
}

async fn deploy(world: &World, image: &str) -> Value {
    world
        .server
        .mutate(&creation(&pod(&world.reference(image))))
        .await
}

/// Every request, shortened and in order of text.
fn requests(world: &World, image: &Digest) -> Vec<String> {
    let mut all: Vec<String> = world
        .registry
        .requests()
        .iter()
        .map(|record| {
            let request = &record.request;
            let path = request.path.replace(image.hex(), "IMAGE");
            let path = path.replace(Digest::of(b"").hex(), "EMPTY");
            let path = match path.split_once("/blobs/") {
                Some((repository, _)) => format!("{repository}/blobs/…"),
                None => path,
            };
            format!("{} {path} {}", request.method, record.status.unwrap())
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_copy_is_admitted_by_the_signature_at_its_source_without_a_look_beside_it() {
    let world = mirror().await;
    let image = push_to_both(&world);
    sign_in(&world, "source/api", &image);
    let response = deploy(&world, "copy/api:1").await;
    assert_eq!(codes(&response), Vec::<String>::new());
    let pinned = format!("{}@{image}", world.reference("copy/api:1"));
    assert_eq!(patch(&response)[1]["value"], json!(pinned));
    assert_eq!(
        requests(&world, &image),
        [
            "GET /v2/source/api/blobs/… 200",
            "GET /v2/source/api/manifests/sha256-IMAGE.sig 200",
            "GET /v2/source/api/referrers/sha256:IMAGE 200",
            "HEAD /v2/copy/api/manifests/1 200",
        ]
    );
    world.registry.clear_requests();
    assert_eq!(
        codes(&deploy(&world, "copy/api:1").await),
        Vec::<String>::new()
    );
    assert_eq!(world.registry.requests(), []);
}

#[tokio::test]
async fn a_copy_is_admitted_by_a_signature_beside_it_once_the_source_has_none() {
    let world = mirror().await;
    let image = push_to_both(&world);
    sign_in(&world, "copy/api", &image);
    assert_eq!(
        codes(&deploy(&world, "copy/api:1").await),
        Vec::<String>::new()
    );
    assert_eq!(
        requests(&world, &image),
        [
            "GET /v2/copy/api/blobs/… 200",
            "GET /v2/copy/api/manifests/sha256-IMAGE.sig 200",
            "GET /v2/copy/api/referrers/sha256:IMAGE 200",
            "GET /v2/source/api/manifests/sha256-IMAGE.sig 404",
            "GET /v2/source/api/referrers/sha256:IMAGE 200",
            "HEAD /v2/copy/api/manifests/1 200",
        ]
    );
}

#[tokio::test]
async fn two_signers_may_have_signed_in_different_places() {
    let world = mirror().await;
    let other = assay::sandbox::sigstore::SigningKeyPair::generate().unwrap();
    world.demand(json!({
        "authorities": [authority("one", &world.key), authority("other", &other)],
        "require": 2,
    }));
    let image = push_to_both(&world);
    sign_in(&world, "source/api", &image);
    let signed = world.sigstore.sign_with(&other, &image);
    let signed = signed.without_log().legacy().unwrap();
    let registry = &world.registry;
    registry.attach_legacy("copy/api", &image, signed.content, &signed.annotations);
    assert_eq!(
        codes(&deploy(&world, "copy/api:1").await),
        Vec::<String>::new()
    );
    // The same signature in both places is one.
    let image = registry.push_image("copy/api", "2", "the next image");
    sign_in(&world, "source/api", &image);
    sign_in(&world, "copy/api", &image);
    assert_eq!(
        codes(&deploy(&world, "copy/api:2").await),
        ["ThresholdNotMet"]
    );
}

#[tokio::test]
async fn a_signature_of_the_sources_own_image_is_none_of_a_copy_with_other_content() {
    let world = mirror().await;
    let original = world.registry.push_image("source/api", "1", "the image");
    let changed = world.registry.push_image("copy/api", "1", "another image");
    sign_in(&world, "source/api", &original);
    let response = deploy(&world, "copy/api:1").await;
    assert_eq!(codes(&response), ["SignatureMissing"]);
    let host = world.registry.host();
    let expected = format!(
        "container \"api\": {host}/copy/api:1 ({}) has no signature (looked in {host}/source/api and {host}/copy/api) \
         [SignatureMissing]; sign it with an accepted key: cosign sign --key <your private key> {host}/source/api@{changed}",
        changed.short()
    );
    assert_eq!(message(&response), expected);
    // Nor is it when it lies where one of the copy would.
    let signed = world.key_signature(&original);
    let registry = &world.registry;
    let changed = registry.push_image("copy/api", "2", "yet another image");
    registry.attach_legacy("source/api", &changed, signed.content, &signed.annotations);
    assert_eq!(
        codes(&deploy(&world, "copy/api:2").await),
        ["SignatureInvalid"]
    );
}

#[tokio::test]
async fn a_copy_with_other_content_is_judged_by_its_own_digest() {
    let world = mirror().await;
    world.registry.push_image("source/api", "1", "the image");
    let changed = world.registry.push_image("copy/api", "1", "another image");
    sign_in(&world, "source/api", &changed);
    let response = deploy(&world, "copy/api:1").await;
    assert_eq!(codes(&response), Vec::<String>::new());
    let pinned = format!("{}@{changed}", world.reference("copy/api:1"));
    assert_eq!(patch(&response)[1]["value"], json!(pinned));
}

#[tokio::test]
async fn a_source_that_does_not_answer_is_no_source_without_signatures() {
    let world = mirror().await;
    push_to_both(&world);
    world.registry.set_fault(|request| {
        let is_source = request.path.contains("/source/");
        is_source.then(|| Fault::Status {
            status: 503,
            headers: Vec::new(),
            body: Vec::new(),
        })
    });
    let response = deploy(&world, "copy/api:1").await;
    assert_eq!(codes(&response), ["RegistryUnavailable"]);
    let host = world.registry.host();
    let expected = format!("source {host}/source/api answered 503");
    assert!(message(&response).contains(&expected), "{response}");
    // What lies beside the image is found all the same.
    let image = world.registry.push_image("copy/api", "2", "the next image");
    sign_in(&world, "copy/api", &image);
    assert_eq!(
        codes(&deploy(&world, "copy/api:2").await),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn signatures_are_looked_for_in_the_repository_that_the_settings_name_unless_the_policy_names_another()
 {
    let world = World::make(Making {
        settings: "- {prefix: HOST/app, signatureRepository: HOST/signatures, insecureHttp: true}",
        ..Making::default()
    })
    .await;
    world.demand_key();
    let image = world.registry.push_image("app/api", "1", "the image");
    sign_in(&world, "signatures", &image);
    assert_eq!(
        codes(&deploy(&world, "app/api:1").await),
        Vec::<String>::new()
    );
    let beside = |world: &World| {
        let requests = world.registry.requests();
        let paths = requests.iter().map(|record| record.request.path.clone());
        paths
            .filter(|path| path.contains("/app/api/") && path.contains("sha256"))
            .count()
    };
    assert_eq!(beside(&world), 0);
    let elsewhere = world.reference("elsewhere");
    world.demand(json!({
        "authorities": [authority("key", &world.key)],
        "signatureRepository": elsewhere,
    }));
    let response = deploy(&world, "app/api:1").await;
    assert_eq!(codes(&response), ["SignatureMissing"]);
    let expected = format!("has no signature (looked in {elsewhere})");
    assert!(message(&response).contains(&expected), "{response}");
    let other = world.registry.push_image("app/api", "2", "the other image");
    sign_in(&world, "elsewhere", &other);
    assert_eq!(
        codes(&deploy(&world, "app/api:2").await),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn one_tenants_login_for_the_source_opens_nothing_for_another() {
    let login = |name: &str, repositories: &[&str]| Login {
        username: name.to_owned(),
        password: "hunter2".to_owned(),
        repositories: repositories.iter().map(|&path| path.to_owned()).collect(),
    };
    let world = World::make(Making {
        settings: MIRROR,
        registry: RegistrySettings {
            access: Access::Token {
                public: Vec::new(),
                logins: vec![
                    login("alice", &["copy/api", "source/api"]),
                    login("bob", &["copy/api"]),
                ],
            },
            ..RegistrySettings::default()
        },
        secrets: BTreeMap::from([("alice", ("alice", "hunter2")), ("bob", ("bob", "hunter2"))]),
        ..Making::default()
    })
    .await;
    world.demand_key();
    let image = push_to_both(&world);
    sign_in(&world, "source/api", &image);
    let mut judged = Vec::new();
    for namespace in ["alice", "bob"] {
        let mut review = creation(&pod(&world.reference("copy/api:1")));
        review["request"]["namespace"] = json!(namespace);
        judged.push(codes(&world.server.mutate(&review).await));
    }
    assert_eq!(
        judged,
        [Vec::new(), vec!["RegistryUnauthorized".to_owned()]]
    );
}

#[tokio::test]
async fn a_pipelines_image_is_in_its_project_when_its_source_is() {
    let world = World::make(Making {
        settings: "- {prefix: HOST/copy, mirrorOf: HOST, insecureHttp: true}",
        ..Making::default()
    })
    .await;
    world.demand_pipeline("refs/tags/v*");
    let sign = |repository: &str, image: &Digest| {
        let signed = world.pipeline_signature("refs/tags/v1", image);
        world
            .registry
            .attach_bundle(repository, image, signed.content);
    };
    let ours = world
        .registry
        .push_image("copy/acme/shop/api", "1", "the image");
    sign("acme/shop/api", &ours);
    assert_eq!(
        codes(&deploy(&world, "copy/acme/shop/api:1").await),
        Vec::<String>::new()
    );
    // What the project signed is not let in as another project's image.
    world
        .registry
        .push_image("copy/acme/shop/other", "1", "the image");
    sign("acme/shop/other", &ours);
    let response = deploy(&world, "copy/acme/shop/other:1").await;
    assert_eq!(codes(&response), ["ImageNotInProject"]);
    let expected = "but acme/shop/other is not its registry path";
    assert!(message(&response).contains(expected), "{response}");
}
