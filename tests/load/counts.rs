//! How many requests reviews cost a registry, and how many of them one after another: exact.

use std::{sync::Arc, time::Duration};

use assay::sandbox::registry::{Referrers, RegistrySettings, depth};
use tokio::time::sleep;

use crate::{
    arguments::{Arguments, Size},
    budget::{Line, Verdict},
    client::{Load, drive},
    program::{Replica, Threads},
    report::{Section, Table},
    reviews::{Webhook, deployment_requests, pod_request},
    world::{Signed, World},
};

/// How many requests were made, and how long the longest chain was in which each needed the answer before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cost {
    requests: usize,
    depth: usize,
}

/// A registry, a replica that has never asked it anything, and two images of its own.
struct Scene {
    world: World,
    replica: Replica,
    first: String,
    first_pinned: String,
    next: String,
}

pub(crate) async fn run(arguments: &Arguments) -> Section {
    let mut lines = first_images(arguments).await;
    lines.push(again(arguments).await);
    lines.extend(shared(arguments).await);
    let mut table = Table::new([
        "what",
        "requests (one after another)",
        "budget",
        "asserted by",
    ]);
    for line in &lines {
        table.row([line.what, &line.measured, line.budget, line.held_by]);
    }
    let mut section = Section::new("Requests");
    section.text(
        "Counted by the registry, whose answers take 30 ms so that requests sent together overlap; in brackets the longest chain in \
         which each request needed the answer before it. The registry wants a token for each repository. These numbers are exact: \
         every run gives the same, and tests assert them, most of them in `tests/it/webhook/budgets.rs`.",
    );
    section.table(table);
    section.lines = lines;
    section
}

async fn first_images(arguments: &Arguments) -> Vec<Line> {
    let layouts = [
        (Signed::Keys(1), Referrers::FallbackTag),
        (Signed::Pipeline, Referrers::Api),
        (Signed::Pipeline, Referrers::FallbackTag),
    ];
    let mut costs = Vec::new();
    for (signed, referrers) in layouts {
        let scene = Scene::new(arguments, signed, referrers).await;
        let first = scene.cost_of(&[&scene.first]).await;
        let next = scene.cost_of(&[&scene.next]).await;
        costs.push((first, next));
    }
    let [(legacy, legacy_next), (api, _), (tag, tag_next)] = costs[..] else {
        unreachable!("there are three layouts")
    };
    vec![
        Line {
            place: 0,
            what: "first image of a registry, keyed, `.sig` tag, nothing known",
            budget: "at most 7 (5)",
            measured: legacy.text(),
            verdict: legacy.within(7, 5),
            held_by: "`a_first_keyed_image_costs_seven_requests_and_the_next_five`",
        },
        Line {
            place: 1,
            what: "the same as a bundle: referrers API / fallback tag",
            budget: "at most 7 (6) / 8 (6)",
            measured: format!("{} / {}", api.text(), tag.text()),
            verdict: Verdict::all([api.within(7, 6), tag.within(8, 6)]),
            held_by: "`a_first_bundle_by_the_api_costs_seven_requests_and_the_next_five`, `a_first_bundle_by_the_fallback_tag_costs_eight_requests_and_the_next_six`",
        },
        Line {
            place: 2,
            what: "the next image of that registry, other repository: `.sig` tag / bundle by fallback tag",
            budget: "at most 5 (4) / 6 (5)",
            measured: format!("{} / {}", legacy_next.text(), tag_next.text()),
            verdict: Verdict::all([legacy_next.within(5, 4), tag_next.within(6, 5)]),
            held_by: "`a_first_keyed_image_costs_seven_requests_and_the_next_five`, `a_first_bundle_by_the_fallback_tag_costs_eight_requests_and_the_next_six`",
        },
    ]
}

async fn again(arguments: &Arguments) -> Line {
    let scene = Scene::new(arguments, Signed::Keys(1), Referrers::FallbackTag).await;
    scene.cost_of(&[&scene.first]).await;
    let by_tag = scene.cost_of(&[&scene.first]).await;
    let by_digest = scene.cost_of(&[&scene.first_pinned]).await;
    let later = match arguments.size {
        Size::Full => {
            sleep(PAST_THE_TAG_TTL).await;
            scene.cost_of(&[&scene.first]).await.text()
        }
        Size::Quick => "not measured".to_owned(),
    };
    Line {
        place: 3,
        what: "the same image again: by digest / by tag / by tag after 10 s",
        budget: "0 / 0 / 1",
        measured: format!("{} / {} / {later}", by_digest.text(), by_tag.text()),
        verdict: Verdict::all([by_tag.within(0, 0), by_digest.within(0, 0)]),
        held_by: "`the_same_image_again_costs_nothing`, `the_same_tag_costs_one_head_after_the_tag_ttl`",
    }
}

async fn shared(arguments: &Arguments) -> Vec<Line> {
    let new = || Scene::new(arguments, Signed::Keys(1), Referrers::FallbackTag);
    let scene = new().await;
    let eight = scene.cost_of(&[scene.first.as_str(); 8]).await;
    let scene = new().await;
    let review = pod_request(Webhook::Mutate, std::slice::from_ref(&scene.first));
    let hundred = scene.cost(vec![vec![review]; 100]).await;
    let scene = new().await;
    let calls = deployment_requests(&scene.first);
    let deployment = scene
        .cost(calls.into_iter().map(|call| vec![call]).collect())
        .await;
    vec![
        Line {
            place: 4,
            what: "a Pod with 8 containers of one new image",
            budget: "the cost of one: 7 (5)",
            measured: eight.text(),
            verdict: eight.within(7, 5),
            held_by: "`eight_containers_of_one_new_image_cost_what_one_does`",
        },
        Line {
            place: 6,
            what: "100 concurrent reviews of one new image",
            budget: "the cost of one: 7 (5)",
            measured: hundred.text(),
            verdict: hundred.within(7, 5),
            held_by: "`a_hundred_concurrent_reviews_of_one_new_image_cost_what_one_does`",
        },
        Line {
            place: 7,
            what: "3-replica Deployment of one new image: 5 objects, 10 webhook calls",
            budget: "the cost of one: 7 (5); a rival needs 23",
            measured: deployment.text(),
            verdict: deployment.within(7, 5),
            held_by: "`a_deployment_of_three_replicas_costs_the_requests_of_one_image`",
        },
    ]
}

impl Scene {
    async fn new(arguments: &Arguments, signed: Signed, referrers: Referrers) -> Self {
        let settings = RegistrySettings {
            referrers,
            ..RegistrySettings::default()
        };
        let world = World::with_tokens(settings, &signed.repositories(2)).await;
        let (first, digest) = world.push(&signed.repository(0), signed);
        let (next, _) = world.push(&signed.repository(1), signed);
        let replica = world.replica(&arguments.program, Threads::All).await;
        world.registry.set_delay(DELAY);
        Self {
            first_pinned: format!("{first}@{digest}"),
            first,
            next,
            world,
            replica,
        }
    }

    /// What a Pod with these images costs.
    async fn cost_of(&self, images: &[&str]) -> Cost {
        let images: Vec<String> = images.iter().map(ToString::to_string).collect();
        self.cost(vec![vec![pod_request(Webhook::Mutate, &images)]])
            .await
    }

    /// What these reviews cost when they are sent at the same time.
    async fn cost(&self, reviews: Vec<Vec<Arc<[u8]>>>) -> Cost {
        self.world.registry.clear_requests();
        let load: Load = drive(&self.replica.endpoint, reviews).await;
        assert_eq!(load.refused, 0, "{:?}", load.refusal);
        let requests = self.world.registry.requests();
        Cost {
            requests: requests.len(),
            depth: depth(&requests),
        }
    }
}

impl Cost {
    fn text(self) -> String {
        match self.requests {
            0 => "0".to_owned(),
            requests => format!("{requests} ({})", self.depth),
        }
    }

    fn within(self, requests: usize, depth: usize) -> Verdict {
        if self.requests <= requests && self.depth <= depth {
            Verdict::Within
        } else {
            Verdict::Over
        }
    }
}

/// Long enough for requests that are sent together to overlap.
const DELAY: Duration = Duration::from_millis(30);

const PAST_THE_TAG_TTL: Duration = Duration::from_millis(10_500);
