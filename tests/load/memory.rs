//! What a replica holds after it has judged many images.

use assay::sandbox::registry::{Referrers, RegistrySettings};

use crate::{
    arguments::Arguments,
    budget::{Line, Verdict},
    client::{drive, share},
    measure::{short, whole},
    plot::{Plot, Series},
    program::Threads,
    report::{Section, Table},
    reviews::{Webhook, pod_request},
    world::{Signed, World},
};

pub(crate) async fn run(arguments: &Arguments) -> Section {
    let settings = RegistrySettings {
        referrers: Referrers::FallbackTag,
        ..RegistrySettings::default()
    };
    let world = World::new(settings).await;
    let replica = world.replica(&arguments.program, Threads::All).await;
    let idle = replica.resident();
    let stages = arguments
        .size
        .pick(&[1_000, 10_000, 100_000][..], &[100, 1_000]);
    let mut table = Table::new(["distinct images judged", "resident in MiB"]);
    table.row(["none yet", &short(idle)]);
    let mut series = Series::new("resident");
    series.point(0.0, idle);
    let mut resident = Vec::new();
    let mut done = 0;
    for stage in stages {
        while done < *stage {
            let wave = (stage - done).min(WAVE);
            judge(&world, &replica.endpoint, done..done + wave).await;
            done += wave;
            series.point(done as f64, replica.resident());
        }
        let now = replica.resident();
        table.row([&whole(*stage as f64), &short(now)]);
        resident.push(now);
    }
    let mut section = Section::new("Memory");
    section.text(
        "Resident memory of one standalone replica, as the kernel tells it, after so many different images (each of a repository of its own, \
         with a signature by a key, ten in a Pod, 16 Pods at a time). Each cache is bounded in bytes, so it ends to grow.",
    );
    section.table(table);
    let mut plot = Plot::new("Memory", "distinct images judged", "resident in MiB");
    plot.series([series]);
    section.plot("memory", plot);
    let many = resident[1.min(resident.len() - 1)];
    section.lines.push(Line {
        place: 9,
        what: "memory, resident: idle / after 10,000 distinct images / after 100,000",
        budget: "under 30 MB / under 64 MB / bounded",
        measured: format!(
            "{} / {} / {} MiB",
            short(idle),
            short(many),
            short(*resident.last().unwrap())
        ),
        verdict: Verdict::all([
            Verdict::at_most(idle * MIB_IN_MB, 30.0),
            Verdict::at_most(many * MIB_IN_MB, 64.0),
        ]),
        held_by: "measured; the bound of each cache by its own test",
    });
    section
}

/// Lets the replica judge these images, each once. The registry then forgets them: it is in another process's budget.
async fn judge(world: &World, endpoint: &crate::client::Endpoint, numbers: std::ops::Range<usize>) {
    let signed = Signed::Keys(1);
    let images: Vec<String> = numbers
        .map(|number| world.push(&signed.repository(number), signed).0)
        .collect();
    let requests = images
        .chunks(10)
        .map(|images| pod_request(Webhook::Mutate, images));
    let load = drive(endpoint, share(requests, 16)).await;
    assert_eq!(load.refused, 0, "{:?}", load.refusal);
    world.registry.clear();
}

/// How many images the registry holds at a time.
const WAVE: usize = 5_000;

const MIB_IN_MB: f64 = 1.048_576;
