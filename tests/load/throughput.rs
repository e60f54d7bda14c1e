//! Warm reviews: how many, how fast, and what they cost beside a server that does nothing.

use std::sync::Arc;

use assay::sandbox::registry::RegistrySettings;

use crate::{
    arguments::Arguments,
    budget::{Line, Verdict},
    client::{Endpoint, drive, share},
    constant::Constant,
    machine::cpu_seconds,
    measure::{Spread, quantile, short, whole},
    plot::{Plot, Series},
    program::Threads,
    report::{Section, Table},
    reviews::{Webhook, pod_request},
    world::{Signed, World},
};

/// Reviews of images that are all known.
struct Warm {
    world: World,
    requests: Vec<Arc<[u8]>>,
}

/// What came of one run against one server.
struct Run {
    per_second: f64,
    /// What the server itself used of a processor for one answer, in microseconds.
    cpu: f64,
    took: Vec<f64>,
}

/// What came of all runs.
#[derive(Default)]
struct Found {
    per_second: Vec<f64>,
    cpu: Vec<f64>,
    took: Vec<f64>,
}

pub(crate) async fn run(arguments: &Arguments) -> Section {
    let warm = Warm::new().await;
    let mut section = Section::new("Warm reviews");
    let bytes: usize = warm.requests.iter().map(|request| request.len()).sum();
    section.text(&format!(
        "{IMAGES} images that the replica knows, in Pods as a ReplicaSet makes them ({} bytes each), posted to `/mutate` by tag and to \
         `/validate` by digest in turn, over kept TLS connections. The log is written as in a cluster, one JSON line for each review. Beside \
         it, in the same run and taking turns, a server of the same libraries (axum, hyper, rustls) that answers every request with the same \
         bytes. The load generator shares the machine with both. *Processor time* is what the server itself used for one answer.",
        whole((bytes / warm.requests.len()) as f64)
    ));
    let rate = together(arguments, &warm, &mut section).await;
    alone(arguments, &warm, &mut section, rate).await;
    section
}

/// As many as two cores do.
async fn together(arguments: &Arguments, warm: &Warm, section: &mut Section) -> f64 {
    let replica = warm.world.replica(&arguments.program, Threads::All).await;
    let constant = Constant::start(warm.world.folder());
    let servers = [
        ("constant answer", &constant.endpoint, constant.id()),
        ("assay", &replica.endpoint, replica.id()),
    ];
    let count = arguments.size.pick(60_000, 4_000);
    let mut found = [Found::default(), Found::default()];
    for (_, endpoint, id) in servers {
        warm.drive(endpoint, id, count / 4, CONNECTIONS).await;
    }
    let mut ratios = Vec::new();
    for _ in 0..arguments.size.pick(5, 1) {
        for (found, (_, endpoint, id)) in found.iter_mut().zip(servers) {
            found.add(warm.drive(endpoint, id, count, CONNECTIONS).await);
        }
        ratios.push(found[1].per_second.last().unwrap() / found[0].per_second.last().unwrap());
    }
    let mut table = Table::new([
        "server",
        "answers a second",
        "processor time in µs",
        "p50 in ms",
        "p99 in ms",
    ]);
    let mut plot = Plot::new("Warm reviews, 32 connections", "run", "answers a second");
    for ((name, ..), found) in servers.iter().zip(&found) {
        table.row([
            name,
            &Spread::of(&found.per_second).text(),
            &Spread::of(&found.cpu).text(),
            &short(quantile(&found.took, 0.5) * 1e3),
            &short(quantile(&found.took, 0.99) * 1e3),
        ]);
        let mut series = Series::new(name);
        for (run, per_second) in found.per_second.iter().enumerate() {
            series.point((run + 1) as f64, *per_second);
        }
        plot.series([series]);
    }
    section.text(&format!(
        "{CONNECTIONS} connections, each with one request under way, as many threads as the machine has cores; assay answers {} times as many as the constant server:",
        Spread::of(&ratios).text()
    ));
    section.table(table);
    section.plot("warm", plot);
    Spread::of(&found[1].per_second).median
}

/// One core, one review at a time: how long a review takes when nothing else waits.
async fn alone(arguments: &Arguments, warm: &Warm, section: &mut Section, rate: f64) {
    let replica = warm.world.replica(&arguments.program, Threads::One).await;
    let count = arguments.size.pick(30_000, 2_000);
    warm.drive(&replica.endpoint, replica.id(), count / 4, 1)
        .await;
    let before = replica.warm_reviews().await;
    let run = warm.drive(&replica.endpoint, replica.id(), count, 1).await;
    let inside = replica.warm_reviews().await.since(&before);
    let quantiles = [0.5, 0.99];
    let [p50, p99] = quantiles.map(|part| inside.quantile_ms(part));
    let [seen_p50, seen_p99] = quantiles.map(|part| quantile(&run.took, part) * 1e3);
    section.text(&format!(
        "One thread, one connection: inside the process, from the head of a request to its answer, p50 {} ms, p99 {} ms (by the buckets of \
         `assay_review_duration_seconds`: {}); seen by the client, TLS and the way there and back included, p50 {} ms, p99 {} ms; \
         processor time {} µs a review.",
        short(p50),
        short(p99),
        inside.text(),
        short(seen_p50),
        short(seen_p99),
        short(run.cpu)
    ));
    section.lines.push(Line {
        place: 8,
        what: "warm review over TLS, one core; throughput on two cores, the load generator included",
        budget: "p50 under 0.3 ms, p99 under 2 ms; over 10,000 a second",
        measured: format!("p50 {} ms, p99 {} ms; {} a second", short(p50), short(p99), whole(rate)),
        verdict: Verdict::all([
            Verdict::at_most(p50, 0.3),
            Verdict::at_most(p99, 2.0),
            Verdict::at_least(rate, 10_000.0),
        ]),
        held_by: "measured",
    });
}

impl Warm {
    async fn new() -> Self {
        let world = World::new(RegistrySettings::default()).await;
        let mut requests = Vec::new();
        for number in 0..IMAGES {
            let signed = if number % 2 == 0 {
                Signed::Keys(1)
            } else {
                Signed::Pipeline
            };
            let (image, digest) = world.push(&signed.repository(number), signed);
            let pinned = format!("{image}@{digest}");
            requests.push(pod_request(Webhook::Mutate, &[image]));
            requests.push(pod_request(Webhook::Validate, &[pinned]));
        }
        Self { world, requests }
    }

    async fn drive(
        &self,
        endpoint: &Endpoint,
        process: u32,
        count: usize,
        connections: usize,
    ) -> Run {
        let requests = self.requests.iter().cycle().take(count).cloned();
        let before = cpu_seconds(process);
        let load = drive(endpoint, share(requests, connections)).await;
        assert_eq!(load.refused, 0, "{:?}", load.refusal);
        let answers = load.took.len() as f64;
        Run {
            per_second: answers / load.seconds,
            cpu: (cpu_seconds(process) - before) * 1e6 / answers,
            took: load.took,
        }
    }
}

impl Found {
    fn add(&mut self, run: Run) {
        self.per_second.push(run.per_second);
        self.cpu.push(run.cpu);
        self.took.extend(run.took);
    }
}

const IMAGES: usize = 100;

/// As many as a few API servers keep.
const CONNECTIONS: usize = 32;
