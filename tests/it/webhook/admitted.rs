//! What is let in, and how it is pinned.

use assay::sandbox::registry::{Referrers, RegistrySettings};
use serde_json::{Value, json};

use super::{codes, patch};
use crate::support::{
    reviews::{creation, pod},
    world::{IMAGE, Making, PROJECT, World, authority},
};

#[tokio::test]
async fn an_image_signed_by_the_pipeline_is_pinned_and_told_about() {
    let world = World::new().await;
    world.demand_pipeline("refs/tags/v*");
    let image = world.push_image();
    world.attach(&image, world.pipeline_signature("refs/tags/v1.8.2", &image));
    let response = world.deploy(IMAGE).await;
    assert_eq!(codes(&response), Vec::<String>::new());
    let reference = world.reference(IMAGE);
    let patch = patch(&response);
    assert_eq!(
        patch[0],
        json!({"op": "test", "path": "/spec/containers/0/image", "value": reference})
    );
    assert_eq!(
        patch[1],
        json!({"op": "replace", "path": "/spec/containers/0/image", "value": format!("{reference}@{image}")})
    );
    let annotation = patch.as_array().unwrap().last().unwrap();
    assert_eq!(
        annotation["path"],
        "/metadata/annotations/assay.dev~1images"
    );
    let told: Value = serde_json::from_str(annotation["value"].as_str().unwrap()).unwrap();
    assert_eq!(told["api"]["digest"], image.as_str());
    assert_eq!(told["api"]["policies"], json!(["demand"]));
    let signer = told["api"]["signer"].as_str().unwrap();
    assert!(signer.contains(PROJECT), "{signer}");
    assert!(
        told["api"]["commit"].is_string() && told["api"]["job"].is_string(),
        "{told}"
    );
    assert_eq!(
        response["auditAnnotations"],
        json!({
            "decision": "allowed",
            "images": format!("api={reference}@{image}"),
            "facts": annotation["value"],
        })
    );
}

#[tokio::test]
async fn the_audit_annotation_shows_what_the_object_holds_and_beside_it_the_digest_that_was_judged()
{
    for (more, is_pinned) in [
        (json!({}), true),
        (json!({ "pin": false }), false),
        (json!({ "action": "Audit" }), false),
    ] {
        let world = World::new().await;
        let mut spec = json!({ "authorities": [authority("key", &world.key)] });
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        world.demand(spec);
        let image = world.push_image();
        world.attach(&image, world.key_signature(&image));
        let reference = world.reference(IMAGE);
        let told = if is_pinned {
            format!("api={reference}@{image}")
        } else {
            format!("api={reference} ({image})")
        };
        let response = world.deploy(IMAGE).await;
        assert_eq!(response["auditAnnotations"]["images"], told, "{more}");
    }
}

#[tokio::test]
async fn every_layout_and_place_of_a_signature_is_found() {
    for referrers in [Referrers::Api, Referrers::FallbackTag, Referrers::Both] {
        let making = || Making {
            registry: RegistrySettings {
                referrers,
                ..RegistrySettings::default()
            },
            ..Making::default()
        };
        let world = World::make(making()).await;
        world.demand_key();
        let image = world.push_image();
        world.attach(&image, world.key_signature(&image));
        assert_eq!(
            world.codes().await,
            Vec::<String>::new(),
            "legacy, {referrers:?}"
        );

        let world = World::make(making()).await;
        world.demand_key();
        let image = world.push_image();
        let signing = world.sigstore.sign_with(&world.key, &image).without_log();
        world.attach(&image, signing.bundle().unwrap());
        assert_eq!(
            world.codes().await,
            Vec::<String>::new(),
            "bundle, {referrers:?}"
        );
    }
}

#[tokio::test]
async fn the_signed_index_is_pinned_and_not_one_of_its_children() {
    let world = World::new().await;
    world.demand_key();
    let children = ["amd64", "arm64"].map(|it| world.registry.push_image(PROJECT, it, it));
    let index = world.registry.push_index(PROJECT, "1.8.2", &children);
    world.attach(&index, world.key_signature(&index));
    let response = world.deploy(IMAGE).await;
    assert_eq!(
        patch(&response)[1]["value"],
        format!("{}@{index}", world.reference(IMAGE))
    );
}

#[tokio::test]
async fn what_is_pinned_is_what_was_verified_when_the_tag_moves_meanwhile() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let impostor = world.registry.push_image(PROJECT, "impostor", "impostor");
    let registry = std::sync::Arc::downgrade(&world.registry);
    world.registry.set_fault(move |request| {
        // Once the tag is resolved, every later look at it would find the other image.
        if request.index > 0 {
            registry.upgrade()?.move_tag(PROJECT, "1.8.2", &impostor);
        }
        None
    });
    let response = world.deploy(IMAGE).await;
    assert_eq!(
        patch(&response)[1]["value"],
        format!("{}@{image}", world.reference(IMAGE))
    );
}

#[tokio::test]
async fn the_validating_webhook_judges_the_pinned_pod_again_and_never_patches() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let pinned = format!("{}@{image}", world.reference(IMAGE));
    let response = world.server.validate(&creation(&pod(&pinned))).await;
    assert_eq!(codes(&response), Vec::<String>::new());
    assert_eq!(response.get("patch"), None);
    let again = world.server.mutate(&creation(&pod(&pinned))).await;
    let changed = patch(&again).as_array().unwrap().clone();
    assert!(
        changed.iter().all(|it| it["path"]
            .as_str()
            .unwrap()
            .starts_with("/metadata/annotations")),
        "{changed:?}"
    );
}

#[tokio::test]
async fn a_template_is_judged_and_stays_as_it_was_written() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    world.registry.push_image(PROJECT, "unsigned", "unsigned");
    let deployment = |path: &str| creation_of_deployment(&pod(&world.reference(path)));
    let admitted = world.server.mutate(&deployment(IMAGE)).await;
    assert_eq!(codes(&admitted), Vec::<String>::new());
    assert_eq!(admitted.get("patch"), None);
    let refused = world
        .server
        .mutate(&deployment("acme/shop/api:unsigned"))
        .await;
    assert_eq!(codes(&refused), ["SignatureMissing"]);
    assert_eq!(
        refused["status"]["details"]["causes"][0]["field"],
        "spec.template.spec.containers[0].image"
    );
}

#[tokio::test]
async fn a_condition_sees_the_template_of_a_workload_as_it_sees_a_pod() {
    let world = World::new().await;
    world.demand(json!({
        "authorities": [authority("key", &world.key)],
        "conditions": [{
            "expression": "pod.metadata.labels.team == 'shop' && pod.spec.containers.all(c, c.name == 'api')",
            "message": "it is not the shop's",
        }],
    }));
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    for (team, expected) in [("shop", [].as_slice()), ("web", &["ConditionFailed"])] {
        let mut pod = pod(&world.reference(IMAGE));
        pod["metadata"]["labels"] = json!({"team": team});
        for review in [creation(&pod), creation_of_deployment(&pod)] {
            let response = world.server.mutate(&review).await;
            assert_eq!(codes(&response), expected, "{review}");
        }
    }
}

fn creation_of_deployment(template: &Value) -> Value {
    let mut review = creation(&json!({
        "metadata": {"labels": {"team": "of the Deployment itself"}},
        "spec": {"template": template},
    }));
    review["request"]["resource"] =
        json!({"group": "apps", "version": "v1", "resource": "deployments"});
    review
}
