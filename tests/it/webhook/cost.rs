//! What reviews cost the registry, through the whole webhook.

use futures::future::join_all;
use serde_json::json;

use super::codes;
use crate::support::{
    reviews::{creation, pod},
    world::{IMAGE, World},
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
