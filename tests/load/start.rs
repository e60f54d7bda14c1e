//! How long a replica takes to be ready, and how large the program is.

use std::fs;

use assay::sandbox::registry::RegistrySettings;

use crate::{
    arguments::Arguments,
    budget::{Line, Verdict},
    measure::{Spread, short},
    program::Threads,
    report::Section,
    world::World,
};

pub(crate) async fn run(arguments: &Arguments) -> Section {
    let world = World::new(RegistrySettings::default()).await;
    let mut took = Vec::new();
    for _ in 0..arguments.size.pick(21, 3) {
        let replica = world.replica(&arguments.program, Threads::All).await;
        took.push(replica.ready_after.as_secs_f64());
    }
    let took = Spread::of(&took).times(1e3);
    let bytes = fs::metadata(&arguments.program).unwrap().len();
    let megabytes = bytes as f64 / 1e6;
    let mut section = Section::new("Start and size");
    section.text(&format!(
        "From the start of the process until `/readyz` says so, standalone with seven objects to load: {} ms. The program, stripped, is {} MB.",
        took.text(),
        short(megabytes)
    ));
    section.lines.push(Line {
        place: 10,
        what: "start to ready, standalone",
        budget: "under 200 ms",
        measured: format!("{} ms", took.text()),
        verdict: Verdict::at_most(took.median, 200.0),
        held_by: "measured",
    });
    section.lines.push(Line {
        place: 11,
        what: "program, stripped",
        budget: "under 20 MB",
        measured: format!("{} MB", short(megabytes)),
        verdict: Verdict::at_most(megabytes, 20.0),
        held_by: "measured",
    });
    section
}
