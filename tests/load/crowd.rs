//! A Pod with as many containers as anybody has.

use std::time::{Duration, Instant};

use assay::sandbox::registry::{Referrers, RegistrySettings};

use crate::{
    arguments::Arguments,
    budget::{Line, Verdict},
    client::is_admission,
    measure::{Spread, whole},
    program::Threads,
    report::{Section, Table},
    reviews::{Webhook, pod_request},
    world::{Signed, World},
};

pub(crate) async fn run(arguments: &Arguments) -> Section {
    let count = arguments.size.pick(100, 20);
    let mut section = Section::new("A Pod of 100 containers");
    section.text(
        "A hundred different new images, each with two signatures by two keys that the policy both demands, in a registry whose every \
         answer takes 50 ms; the replica has just been started. Ratify published 3.1 s for a Pod of 100 images with two signatures each.",
    );
    let mut table = Table::new([
        "signatures",
        "token for each repository",
        "requests",
        "time in ms",
    ]);
    let mut slowest: f64 = 0.0;
    for (name, signed, referrers) in [
        ("`.sig` tag", Signed::Keys(2), Referrers::FallbackTag),
        (
            "bundles by referrers API",
            Signed::KeyBundles(2),
            Referrers::Api,
        ),
    ] {
        for (wants_tokens, answer) in [(false, "no"), (true, "yes")] {
            let (requests, took) = sample(arguments, count, signed, referrers, wants_tokens).await;
            let took = Spread::of(&took).times(1e3);
            slowest = slowest.max(took.median);
            table.row([name, answer, &requests.to_string(), &took.text()]);
        }
    }
    section.table(table);
    section.lines.push(Line {
        place: 12,
        what: "a Pod of 100 containers × 2 signatures, registry 50 ms away",
        budget: "under 1 s",
        measured: format!("{} ms, the slowest of four ways to sign", whole(slowest)),
        verdict: Verdict::at_most(slowest, 1000.0),
        held_by: "measured",
    });
    section
}

/// How many requests such a Pod needs, and how long it takes, run by run.
async fn sample(
    arguments: &Arguments,
    count: usize,
    signed: Signed,
    referrers: Referrers,
    wants_tokens: bool,
) -> (usize, Vec<f64>) {
    let settings = RegistrySettings {
        referrers,
        ..RegistrySettings::default()
    };
    let repositories = signed.repositories(count);
    let world = if wants_tokens {
        World::with_tokens(settings, &repositories).await
    } else {
        World::new(settings).await
    };
    let images = repositories
        .iter()
        .map(|repository| world.push(repository, signed).0);
    let request = pod_request(Webhook::Mutate, &images.collect::<Vec<_>>());
    world.registry.set_delay(Duration::from_millis(50));
    let mut took = Vec::new();
    for _ in 0..arguments.size.pick(7, 1) {
        let replica = world.replica(&arguments.program, Threads::All).await;
        let mut connection = replica.endpoint.connect().await;
        world.registry.clear_requests();
        let began = Instant::now();
        let answer = connection.send(&request).await;
        assert!(is_admission(answer), "{answer}");
        took.push(began.elapsed().as_secs_f64());
    }
    (world.registry.requests().len(), took)
}
