//! What `/metrics` tells, as Prometheus reads it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions of a test may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{
    reviews::{creation, pod, update},
    world::{IMAGE, World},
};

async fn signed() -> World {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    world
}

/// How many reviews of `/mutate` were answered out of caches, and how many were not.
async fn hits_and_misses(world: &World) -> [u64; 2] {
    let text = world.server.metrics().await;
    ["hit", "miss"].map(|cache| {
        let name =
            format!("assay_review_duration_seconds_count{{webhook=\"mutate\",cache=\"{cache}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap().parse().unwrap()
    })
}

#[tokio::test]
async fn a_review_that_needs_no_registry_is_a_hit_and_every_other_a_miss() {
    let world = signed().await;
    let deployed = creation(&pod(&world.reference(IMAGE)));
    world.server.mutate(&deployed).await;
    assert_eq!(hits_and_misses(&world).await, [0, 1]);
    world.server.mutate(&deployed).await;
    assert_eq!(hits_and_misses(&world).await, [1, 1]);
    let unchanged = update(&pod("a:1"), &pod("a:1"));
    world.server.mutate(&unchanged).await;
    assert_eq!(hits_and_misses(&world).await, [2, 1]);
}

/// Type and labels by name.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// Holds the documentation against what a running server tells, which is `OpenMetrics`: each family of either is in the
/// other, with this type and these labels. Those with a star need not be there.
pub(crate) fn assert_documented(scrape: &str) {
    let (documented, optional) = documented();
    let told = told(scrape);
    for (name, family) in &told {
        assert_eq!(documented.get(name), Some(family), "{name}");
    }
    let missing: Vec<&String> = documented
        .keys()
        .filter(|name| !told.contains_key(*name) && !optional.contains(*name))
        .collect();
    assert_eq!(missing, Vec::<&String>::new());
}

/// The table of docs/metrics.md, and the names that have a star there.
fn documented() -> (Families, BTreeSet<String>) {
    let text = include_str!("../../docs/metrics.md");
    let (mut families, mut optional) = (Families::new(), BTreeSet::new());
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let name = cells[0].split('`').nth(1).unwrap().to_owned();
        let labels = cells[2].split('`').skip(1).step_by(2);
        let family = (cells[1].to_owned(), labels.map(str::to_owned).collect());
        if cells[0].ends_with('*') {
            optional.insert(name.clone());
        }
        families.insert(name, family);
    }
    (families, optional)
}

/// The families that have at least one series.
fn told(scrape: &str) -> Families {
    let mut families = Families::new();
    let (mut name, mut kind) = (String::new(), String::new());
    for line in scrape.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (family, of) = family.split_once(' ').unwrap();
            let suffix = match of {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            (name, kind) = (format!("{family}{suffix}"), of.to_owned());
        } else if !line.starts_with('#') {
            let labels = line.split_once('{').map_or("", |(_, rest)| rest);
            let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
            let labels = labels
                .split("\",")
                .filter_map(|label| label.split_once('='));
            let labels = labels.map(|(label, _)| label.to_owned());
            let family = families.entry(name.clone()).or_default();
            family.0.clone_from(&kind);
            family.1.extend(labels.filter(|label| label != "le"));
        }
    }
    families
}
