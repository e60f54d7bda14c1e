//! Measures a whole replica: the release build of `assay serve`, as a process of its own, with reviews over TLS and a
//! registry beside it, and writes `docs/performance.md`.
//!
//! Run with `just load`; `.ci/load --quick` only looks whether everything still works. What is counted here is also
//! asserted by tests; what takes time is only told, with its spread.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::print_stderr,
    reason = "a measurement that cannot be made ends loudly, and its numbers are small enough for a float"
)]

mod arguments;
mod budget;
mod certificate;
mod client;
mod constant;
mod counts;
mod crowd;
mod latency;
mod machine;
mod measure;
mod memory;
mod plot;
mod program;
mod report;
mod reviews;
mod start;
mod throttled;
mod throughput;
mod world;

use std::{env, process::ExitCode, time::Instant};

use self::{
    arguments::{Arguments, Task},
    report::{Report, Section},
};

fn main() -> ExitCode {
    let task = match Task::parse(env::args().skip(1)) {
        Ok(task) => task,
        Err(problem) => {
            eprintln!("load: {problem}");
            return ExitCode::from(64);
        }
    };
    // Fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match task {
        Task::Explain => eprintln!("load: nothing is measured; run .ci/load"),
        Task::ConstantServer => runtime.block_on(constant::serve()),
        Task::Measure(arguments) => runtime.block_on(measure(&arguments)),
    }
    // Registries are still serving: nobody waits for them.
    runtime.shutdown_background();
    ExitCode::SUCCESS
}

async fn measure(arguments: &Arguments) {
    let began = Instant::now();
    let mut report = Report::new(arguments);
    for part in PARTS {
        if arguments.only.as_ref().is_some_and(|only| only != part) {
            continue;
        }
        let started = Instant::now();
        report.add(run(part, arguments).await);
        eprintln!("{part}: {:.1} s", started.elapsed().as_secs_f64());
    }
    report.write(began.elapsed());
}

async fn run(part: &str, arguments: &Arguments) -> Section {
    match part {
        "counts" => counts::run(arguments).await,
        "latency" => latency::run(arguments).await,
        "crowd" => crowd::run(arguments).await,
        "throughput" => throughput::run(arguments).await,
        "throttled" => throttled::run(arguments).await,
        "memory" => memory::run(arguments).await,
        _ => start::run(arguments).await,
    }
}

/// In the order of the report.
const PARTS: [&str; 7] = [
    "counts",
    "latency",
    "crowd",
    "throughput",
    "throttled",
    "memory",
    "start",
];
