//! The budgets of requests, through the whole webhook. `docs/performance.md` names these tests beside each budget.

use futures::future::join_all;
use serde_json::json;

use assay::{
    image::Digest,
    sandbox::{
        registry::{Access, Referrers, RegistrySettings, depth},
        sigstore::{Claims, SigningKeyPair},
    },
};

use super::codes;
use crate::support::{
    reviews::{creation, pod},
    world::{Making, World, authority},
};

/// How many requests were made, and how long the longest chain was in which each needed the answer before.
type Cost = (usize, usize);

/// A registry that wants a token for each repository, as most do, and answers those that are sent together together.
async fn answering_in_rounds(referrers: Referrers) -> World {
    let access = Access::Token {
        public: (0..11).map(repository).collect(),
        logins: Vec::new(),
    };
    let registry = RegistrySettings {
        referrers,
        access,
        ..RegistrySettings::default()
    };
    let world = World::make(Making {
        registry,
        ..Making::default()
    });
    let world = world.await;
    world.registry.answer_in_rounds();
    world
}

fn repository(number: usize) -> String {
    format!("acme/shop/app{number}")
}

/// Pushes an image into a repository of its own, signed by the world's key in the layout of cosign 2.
fn push_keyed(world: &World, number: usize) -> Digest {
    let repository = repository(number);
    let image = world.registry.push_image(&repository, "1", &repository);
    let signed = world.key_signature(&image);
    let registry = &world.registry;
    registry.attach_legacy(&repository, &image, signed.content, &signed.annotations);
    image
}

/// Pushes an image into a repository of its own, signed by its pipeline in a bundle.
fn push_bundle(world: &World, number: usize) {
    let repository = repository(number);
    let image = world.registry.push_image(&repository, "1", &repository);
    let claims = Claims::gitlab(&repository, "refs/tags/v1.8.2");
    let signed = world.sigstore.sign_as(&claims, &image).bundle().unwrap();
    let registry = &world.registry;
    registry.attach_bundle(&repository, &image, signed.content);
}

fn demand_pipelines(world: &World) {
    world.demand(json!({"authorities": [{
        "name": "pipeline",
        "gitlab": {"project": "acme/shop/*", "ref": "refs/tags/v*"},
        "trustRootRef": {"name": "sandbox"},
    }]}));
}

/// What it costs to let in a Pod with these images, one container each.
async fn cost_of(world: &World, images: &[String]) -> Cost {
    world.registry.clear_requests();
    let containers: Vec<_> = images
        .iter()
        .enumerate()
        .map(|(index, image)| json!({"name": format!("c{index}"), "image": world.reference(image)}))
        .collect();
    let mut review = pod("");
    review["spec"]["containers"] = json!(containers);
    let response = world.server.mutate(&creation(&review)).await;
    assert_eq!(codes(&response), [""; 0]);
    let requests = world.registry.requests();
    (requests.len(), depth(&requests))
}

async fn cost_of_one(world: &World, number: usize) -> Cost {
    cost_of(world, &[format!("{}:1", repository(number))]).await
}

/// Budgets "first image of a registry, keyed, legacy" and "the next image of that registry, legacy".
#[tokio::test]
async fn a_first_keyed_image_costs_seven_requests_and_the_next_five() {
    let world = answering_in_rounds(Referrers::FallbackTag).await;
    world.demand_key();
    push_keyed(&world, 0);
    push_keyed(&world, 1);
    assert_eq!(cost_of_one(&world, 0).await, (7, 5));
    assert_eq!(cost_of_one(&world, 1).await, (5, 4));
}

/// Budgets "the same as a bundle: referrers API" and, for want of one of its own, what the next such image costs.
#[tokio::test]
async fn a_first_bundle_by_the_api_costs_seven_requests_and_the_next_five() {
    let world = answering_in_rounds(Referrers::Api).await;
    demand_pipelines(&world);
    push_bundle(&world, 0);
    push_bundle(&world, 1);
    assert_eq!(cost_of_one(&world, 0).await, (7, 6));
    assert_eq!(cost_of_one(&world, 1).await, (5, 5));
}

/// Budgets "the same as a bundle: fallback tag" and "the next image of that registry, bundle by fallback tag".
#[tokio::test]
async fn a_first_bundle_by_the_fallback_tag_costs_eight_requests_and_the_next_six() {
    let world = answering_in_rounds(Referrers::FallbackTag).await;
    demand_pipelines(&world);
    push_bundle(&world, 0);
    push_bundle(&world, 1);
    assert_eq!(cost_of_one(&world, 0).await, (8, 6));
    assert_eq!(cost_of_one(&world, 1).await, (6, 5));
}

/// Budget "the same image again": nothing by digest, and nothing by tag within the tag's time.
#[tokio::test]
async fn the_same_image_again_costs_nothing() {
    let world = answering_in_rounds(Referrers::FallbackTag).await;
    world.demand_key();
    let image = push_keyed(&world, 0);
    cost_of_one(&world, 0).await;
    assert_eq!(cost_of_one(&world, 0).await, (0, 0));
    let by_digest = format!("{}@{image}", repository(0));
    assert_eq!(cost_of(&world, &[by_digest]).await, (0, 0));
}

/// Budget "a Pod with 8 containers of one image": the cost of one.
#[tokio::test]
async fn eight_containers_of_one_new_image_cost_what_one_does() {
    let world = answering_in_rounds(Referrers::FallbackTag).await;
    world.demand_key();
    push_keyed(&world, 0);
    let image = format!("{}:1", repository(0));
    assert_eq!(cost_of(&world, &vec![image; 8]).await, (7, 5));
}

/// Budget "a Pod of eleven different new images": challenge and probe once, and as deep as one.
#[tokio::test]
async fn eleven_new_images_are_no_deeper_than_one() {
    let world = answering_in_rounds(Referrers::FallbackTag).await;
    world.demand_key();
    let images: Vec<String> = (0..11)
        .map(|number| {
            push_keyed(&world, number);
            format!("{}:1", repository(number))
        })
        .collect();
    // Token, HEAD, two tags and payload for each.
    assert_eq!(cost_of(&world, &images).await, (2 + 11 * 5, 5));
}

/// Budget "100 concurrent reviews of one new image": the requests of one.
#[tokio::test]
async fn a_hundred_concurrent_reviews_of_one_new_image_cost_what_one_does() {
    let world = answering_in_rounds(Referrers::FallbackTag).await;
    world.demand_key();
    push_keyed(&world, 0);
    let review = creation(&pod(&world.reference(&format!("{}:1", repository(0)))));
    let answers = join_all((0..100).map(|_| world.server.mutate(&review))).await;
    assert!(answers.iter().all(|answer| codes(answer).is_empty()));
    let requests = world.registry.requests();
    assert_eq!((requests.len(), depth(&requests)), (7, 5));
}

/// Keys sign the same payload in the layout of cosign 2, one layer for each: it is fetched once, and each counts.
#[tokio::test]
async fn the_signatures_of_two_keys_both_count_and_cost_no_more_than_one() {
    let world = answering_in_rounds(Referrers::FallbackTag).await;
    let other = SigningKeyPair::generate().unwrap();
    world.demand(json!({
        "authorities": [authority("first", &world.key), authority("second", &other)],
        "require": 2,
    }));
    let image = push_keyed(&world, 0);
    let signed = world.sigstore.sign_with(&other, &image).without_log();
    let signed = signed.legacy().unwrap();
    let registry = &world.registry;
    registry.attach_legacy(&repository(0), &image, signed.content, &signed.annotations);
    assert_eq!(cost_of_one(&world, 0).await, (7, 5));
}
