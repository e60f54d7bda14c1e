//! Many Pods against a registry that limits the rate of requests.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use assay::sandbox::registry::{Fault, Referrers, RegistrySettings};

use crate::{
    arguments::Arguments,
    client::{Load, drive, share},
    measure::{quantile, short, whole},
    plot::{Plot, Series},
    program::Threads,
    report::{Section, Table},
    reviews::{Webhook, pod_request},
    world::{Signed, World},
};

/// So many answers in each second; what comes beyond is refused with 429.
#[derive(Default)]
struct Throttle {
    window: Mutex<Option<Window>>,
}

struct Window {
    began: Instant,
    answered: usize,
    /// Since the registry was started.
    all_answered: usize,
    all_refused: usize,
}

/// Pods that are created at some time.
struct Phase {
    name: &'static str,
    reviews: Vec<Arc<[u8]>>,
}

pub(crate) async fn run(arguments: &Arguments) -> Section {
    let workloads = arguments.size.pick(1_000, 20);
    let settings = RegistrySettings {
        referrers: Referrers::FallbackTag,
        ..RegistrySettings::default()
    };
    let world = World::new(settings).await;
    let phases = phases(&world, workloads);
    let throttle = Arc::new(Throttle::default());
    let hook = Arc::clone(&throttle);
    world.registry.set_fault(move |_| hook.refusal());
    let replica = world.replica(&arguments.program, Threads::All).await;
    let mut section = Section::new("10,000 Pods against a registry that throttles");
    section.text(&scene(workloads));
    let mut table = Table::new(COLUMNS);
    let mut plot = Plot::new(
        "Reviews while the registry throttles",
        "part of all reviews in %",
        "time in ms",
    );
    for phase in phases {
        let name = phase.name;
        let before = throttle.counts();
        let load = drive(&replica.endpoint, share(phase.reviews, CONNECTIONS)).await;
        let after = throttle.counts();
        if let Some(refusal) = &load.refusal {
            let said = message(refusal);
            section.text(&format!("One of those that were refused, {name}: `{said}`"));
        }
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|part| short(quantile(&load.took, part) * 1e3));
        let [number, refused, answered, throttled] = [
            load.took.len(),
            load.refused,
            after.0 - before.0,
            after.1 - before.1,
        ]
        .map(|count| whole(count as f64));
        table.row([
            name, &number, &refused, &p50, &p95, &p99, &answered, &throttled,
        ]);
        plot.series([distribution(name, &load)]);
        world.registry.clear_requests();
    }
    section.table(table);
    let resident = short(replica.resident());
    section.text(&format!(
        "Afterwards the replica has {resident} MiB resident."
    ));
    section.text(RIVAL);
    section.plot("throttled", plot);
    section
}

const COLUMNS: [&str; 8] = [
    "reviews",
    "number",
    "refused",
    "P50 in ms",
    "P95 in ms",
    "P99 in ms",
    "requests answered",
    "429",
];

/// What is measured, in words.
fn scene(workloads: usize) -> String {
    format!(
        "{} workloads of ten Pods; each Pod has ten containers with images of its workload, each image five signatures by five keys, all of \
         which the policy demands: {} Pods, {} different images. The registry answers at most {} requests in a second, and the others with 429 and \
         `Retry-After: 1`. {CONNECTIONS} reviews are under way at any time. First every workload's first Pod is created, then all the others.",
        whole(workloads as f64),
        whole((workloads * PODS) as f64),
        whole((workloads * IMAGES) as f64),
        whole(ANSWERS_PER_SECOND as f64),
    )
}

/// First seen by tag; the other Pods by tag; and every Pod again by the digest that it was pinned to.
fn phases(world: &World, workloads: usize) -> [Phase; 3] {
    let signed = Signed::Keys(5);
    let mut pods = Vec::new();
    let mut pinned_pods = Vec::new();
    for workload in 0..workloads {
        let images = (0..IMAGES).map(|image| {
            let (image, digest) = world.push(&signed.repository(workload * IMAGES + image), signed);
            let pinned = format!("{image}@{digest}");
            (image, pinned)
        });
        let (images, pinned): (Vec<_>, Vec<_>) = images.unzip();
        pods.push(pod_request(Webhook::Mutate, &images));
        pinned_pods.push(pod_request(Webhook::Validate, &pinned));
    }
    // A workload's Pods come together, as its controller makes them.
    let times = |requests: &[Arc<[u8]>], count: usize| {
        let repeated = requests
            .iter()
            .flat_map(|request| vec![Arc::clone(request); count]);
        repeated.collect::<Vec<_>>()
    };
    [
        Phase {
            name: "first seen, by tag (mutate)",
            reviews: pods.clone(),
        },
        Phase {
            name: "cached, by tag, which is asked for again after 10 s (mutate)",
            reviews: times(&pods, PODS - 1),
        },
        Phase {
            name: "cached, by digest (validate)",
            reviews: times(&pinned_pods, PODS),
        },
    ]
}

/// How long which part of the reviews took at most.
fn distribution(name: &str, load: &Load) -> Series {
    let mut series = Series::new(name);
    for part in (0..=99).step_by(3) {
        let part = f64::from(part) / 100.0;
        series.point(part * 100.0, quantile(&load.took, part) * 1e3);
    }
    series
}

/// What the answer says, without the rest.
fn message(answer: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    let text = answer["response"]["status"]["message"]
        .as_str()
        .unwrap_or("another answer");
    text.lines().next().unwrap_or_default().to_owned()
}

impl Throttle {
    fn refusal(&self) -> Option<Fault> {
        let mut window = self.window.lock().unwrap();
        let now = Instant::now();
        let window = window.get_or_insert(Window {
            began: now,
            answered: 0,
            all_answered: 0,
            all_refused: 0,
        });
        if now - window.began >= Duration::from_secs(1) {
            (window.began, window.answered) = (now, 0);
        }
        if window.answered < ANSWERS_PER_SECOND {
            window.answered += 1;
            window.all_answered += 1;
            return None;
        }
        window.all_refused += 1;
        Some(Fault::Status {
            status: 429,
            headers: vec![("retry-after".to_owned(), "1".to_owned())],
            body: Vec::new(),
        })
    }

    /// How many requests were answered and refused so far.
    fn counts(&self) -> (usize, usize) {
        let window = self.window.lock().unwrap();
        window
            .as_ref()
            .map_or((0, 0), |window| (window.all_answered, window.all_refused))
    }
}

/// What somebody else has published.
const RIVAL: &str = "For comparison, published by Ratify in 2023 for the same numbers of Pods, images and signatures, on a cluster of its own: P95 24 ms cached, \
    0.9 to 4 s first seen, three replicas of 189 MiB, and 9,492 time-outs with a shared cache against 13 without it. The machines differ, \
    so the times do not compare to the digit; the number of refusals does.";

const PODS: usize = 10;
const IMAGES: usize = 10;
const ANSWERS_PER_SECOND: usize = 1_000;
const CONNECTIONS: usize = 32;
