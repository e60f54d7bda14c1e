//! What reviews cost the registry, through the whole webhook.

use futures::future::join_all;
use serde_json::json;

use assay::{
    image::Digest,
    sandbox::{
        registry::{Referrers, RegistrySettings},
        sigstore::{Attachment, Claims},
    },
};

use super::codes;
use crate::support::{
    reviews::{creation, pod},
    world::{IMAGE, Making, PROJECT, World},
};

async fn signed() -> World {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    world
}

async fn cost_of_one() -> usize {
    let world = signed().await;
    world.codes().await;
    world.registry.requests().len()
}

#[tokio::test]
async fn the_second_review_of_an_image_costs_nothing_by_tag_or_digest() {
    let world = signed().await;
    assert_eq!(world.codes().await, Vec::<String>::new());
    world.registry.clear_requests();
    let response = world.deploy(IMAGE).await;
    let pinned = super::patch(&response)[1]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let response = world.server.validate(&creation(&pod(&pinned))).await;
    assert_eq!(codes(&response), Vec::<String>::new());
    assert_eq!(world.registry.requests(), []);
}

#[tokio::test]
async fn eight_containers_of_one_image_cost_as_much_as_one() {
    let world = signed().await;
    let containers: Vec<_> = (0..8)
        .map(|index| json!({"name": format!("c{index}"), "image": world.reference(IMAGE)}))
        .collect();
    let mut many = pod("");
    many["spec"]["containers"] = json!(containers);
    let response = world.server.mutate(&creation(&many)).await;
    assert_eq!(codes(&response), Vec::<String>::new());
    assert_eq!(world.registry.requests().len(), cost_of_one().await);
}

#[tokio::test]
async fn a_hundred_reviews_at_once_cost_as_much_as_one() {
    let world = signed().await;
    let answers = join_all((0..100).map(|_| world.codes())).await;
    assert_eq!(answers, vec![Vec::<String>::new(); 100]);
    assert_eq!(world.registry.requests().len(), cost_of_one().await);
}

/// The objects of a Deployment of three replicas, as the API server brings them: each to both webhooks, Pods pinned in
/// between. What `before` does comes before each.
async fn roll_out(world: &World, before: impl AsyncFn()) -> usize {
    let image = world.reference(IMAGE);
    let template =
        json!({"metadata": {}, "spec": {"containers": [{"name": "api", "image": image}]}});
    let workload = |kind: &str, resource: &str| {
        let object = json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"replicas": 3, "template": template},
        });
        let mut review = creation(&object);
        for (field, name) in [("kind", kind), ("requestKind", kind)] {
            review["request"][field] = json!({"group": "apps", "version": "v1", "kind": name});
        }
        for field in ["resource", "requestResource"] {
            let resource = json!({"group": "apps", "version": "v1", "resource": resource});
            review["request"][field] = resource;
        }
        review
    };
    let mut calls = 0;
    for review in [
        workload("Deployment", "deployments"),
        workload("ReplicaSet", "replicasets"),
    ] {
        before().await;
        assert_eq!(codes(&world.server.mutate(&review).await), [""; 0]);
        assert_eq!(codes(&world.server.validate(&review).await), [""; 0]);
        calls += 2;
    }
    for _ in 0..3 {
        before().await;
        let mutated = world.server.mutate(&creation(&pod(&image))).await;
        assert_eq!(codes(&mutated), [""; 0]);
        let patched = super::patch(&mutated);
        let pinned = patched.as_array().unwrap().iter().find_map(|op| {
            let value = op["value"].as_str()?;
            value.contains("@sha256:").then_some(value)
        });
        let pinned = creation(&pod(pinned.unwrap()));
        assert_eq!(codes(&world.server.validate(&pinned).await), [""; 0]);
        calls += 2;
    }
    calls
}

#[tokio::test]
async fn a_deployment_of_three_replicas_costs_the_requests_of_one_image() {
    let world = signed().await;
    assert_eq!(roll_out(&world, async || {}).await, 10);
    let requests = world.registry.requests().len();
    assert_eq!(requests, cost_of_one().await);
    // What the first object has asked, the others have no need to.
    assert_eq!(requests, 4);
}

/// A controller may be slow: what the Deployment has found is there for its Pods, and only the tag is looked at again.
#[tokio::test]
async fn a_tag_whose_time_has_passed_in_between_costs_one_request_more() {
    let world = signed().await;
    world.codes().await;
    world.registry.clear_requests();
    let times = std::cell::Cell::new(0);
    let before = async || {
        times.set(times.get() + 1);
        // Before the third object: the first Pod comes late.
        if times.get() == 3 {
            tokio::time::pause();
            tokio::time::advance(assay::limits::TAG_TTL).await;
            tokio::time::resume();
        }
    };
    assert_eq!(roll_out(&world, before).await, 10);
    let requests = world.registry.requests();
    let lines: Vec<String> = requests.iter().map(ToString::to_string).collect();
    assert_eq!(lines, [HEAD]);
}

/// A world that asks for provenance and whose registry lists referrers like this.
async fn provenance_world(referrers: Referrers) -> World {
    let registry = RegistrySettings {
        referrers,
        ..RegistrySettings::default()
    };
    let making = Making {
        registry,
        ..Making::default()
    };
    let world = World::make(making).await;
    world.demand_attestation(0, SLSA);
    world
}

/// Provenance by the pipeline that is asked for, in cosign 2's layout and in cosign 3's.
fn provenance(world: &World, image: &Digest) -> [Attachment; 2] {
    let claims = Claims::gitlab(PROJECT, "refs/tags/v1.8.2");
    let signing = || world.sigstore.sign_as(&claims, image).predicate_type(SLSA);
    [
        signing().legacy_attestation().unwrap(),
        signing().bundle().unwrap(),
    ]
}

/// The requests of letting the image in, one line each, sorted; `IMAGE` is its digest's hex, and blobs and manifests
/// by other digests are named by their kind.
fn requests(world: &World, image: &Digest) -> Vec<String> {
    let records = world.registry.requests();
    let lines = records.iter().map(|record| {
        let line = record.to_string().replace(image.hex(), "IMAGE");
        match line.split_once("/sha256:") {
            Some((before, after)) if !after.starts_with("IMAGE") => {
                let status = after.rsplit_once(' ').unwrap().1;
                format!("{before}/… {status}")
            }
            _ => line,
        }
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

const BLOB: &str = "GET /v2/acme/shop/api/blobs/… 200";
const HEAD: &str = "HEAD /v2/acme/shop/api/manifests/1.8.2 200";
const SLSA: &str = "https://slsa.dev/provenance/v1";

#[tokio::test]
async fn provenance_in_the_layout_of_cosign_2_costs_six_requests() {
    let world = provenance_world(Referrers::FallbackTag).await;
    let image = world.push_image();
    let [legacy, _] = provenance(&world, &image);
    world.attach(&image, legacy);
    assert_eq!(world.codes().await, [""; 0]);
    let expected = [
        BLOB,
        "GET /v2/acme/shop/api/manifests/sha256-IMAGE 404",
        "GET /v2/acme/shop/api/manifests/sha256-IMAGE.att 200",
        "GET /v2/acme/shop/api/manifests/sha256-IMAGE.sig 404",
        "GET /v2/acme/shop/api/referrers/sha256:IMAGE 404",
        HEAD,
    ];
    assert_eq!(requests(&world, &image), expected);
}

#[tokio::test]
async fn provenance_in_a_bundle_costs_four_requests_by_the_referrers_api() {
    let world = provenance_world(Referrers::Api).await;
    let image = world.push_image();
    let [_, bundle] = provenance(&world, &image);
    world.attach(&image, bundle);
    assert_eq!(world.codes().await, [""; 0]);
    let expected = [
        BLOB,
        "GET /v2/acme/shop/api/manifests/… 200",
        "GET /v2/acme/shop/api/referrers/sha256:IMAGE 200",
        HEAD,
    ];
    assert_eq!(requests(&world, &image), expected);
}

#[tokio::test]
async fn provenance_in_a_bundle_costs_seven_requests_by_the_fallback_tag() {
    let world = provenance_world(Referrers::FallbackTag).await;
    let image = world.push_image();
    let [_, bundle] = provenance(&world, &image);
    world.attach(&image, bundle);
    assert_eq!(world.codes().await, [""; 0]);
    let expected = [
        BLOB,
        "GET /v2/acme/shop/api/manifests/sha256-IMAGE 200",
        "GET /v2/acme/shop/api/manifests/sha256-IMAGE.att 404",
        "GET /v2/acme/shop/api/manifests/sha256-IMAGE.sig 404",
        "GET /v2/acme/shop/api/manifests/… 200",
        "GET /v2/acme/shop/api/referrers/sha256:IMAGE 404",
        HEAD,
    ];
    assert_eq!(requests(&world, &image), expected);
}

#[tokio::test]
async fn the_second_review_of_provenance_costs_nothing() {
    let world = provenance_world(Referrers::FallbackTag).await;
    let image = world.push_image();
    let [legacy, _] = provenance(&world, &image);
    world.attach(&image, legacy);
    assert_eq!(world.codes().await, [""; 0]);
    world.registry.clear_requests();
    assert_eq!(world.codes().await, [""; 0]);
    assert_eq!(world.registry.requests(), []);
}
