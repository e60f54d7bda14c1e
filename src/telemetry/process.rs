//! What `/metrics` tells of the process, under the names that every exporter uses.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Registry, Unit},
};

/// The process, as the system tells of it. What it does not tell stays at zero.
#[derive(Debug, Default)]
pub(super) struct ProcessMetrics {
    resident: Gauge,
    limit: Gauge,
    cpu: Counter<f64, AtomicU64>,
    open_files: Gauge,
    most_files: Gauge,
    started: Gauge<f64, AtomicU64>,
}

impl ProcessMetrics {
    /// Reads it anew.
    pub(super) fn refresh(&self) {
        let status = read("/proc/self/status");
        self.resident.set(kilobytes(&status, "VmRSS:").unwrap_or(0));
        self.limit.set(memory_limit().unwrap_or(0));
        let stat = Stat::parse(&read("/proc/self/stat")).unwrap_or_default();
        self.cpu
            .inner()
            .store(stat.cpu.to_bits(), Ordering::Relaxed);
        let booted = number_after(&read("/proc/stat"), "btime ").unwrap_or(0.0);
        self.started.set(booted + stat.started);
        // The folder that is being read is open too.
        let open = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1));
        self.open_files.set(i64::try_from(open).unwrap_or(i64::MAX));
        let most = number_after(&read("/proc/self/limits"), "Max open files");
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number of files is small"
        )]
        self.most_files.set(most.unwrap_or(0.0) as i64);
    }

    /// `plain` puts nothing before the names.
    pub(super) fn register(&self, plain: &mut Registry) {
        plain.register_with_unit(
            "process_resident_memory",
            "Resident memory",
            Unit::Bytes,
            self.resident.clone(),
        );
        plain.register_with_unit(
            "process_cpu",
            "User and system CPU time spent",
            Unit::Seconds,
            self.cpu.clone(),
        );
        plain.register(
            "process_open_fds",
            "Open file descriptors",
            self.open_files.clone(),
        );
        plain.register(
            "process_max_fds",
            "The most file descriptors that may be open",
            self.most_files.clone(),
        );
        plain.register_with_unit(
            "process_start_time",
            "When the process started, in seconds since 1970",
            Unit::Seconds,
            self.started.clone(),
        );
        let ours = plain.sub_registry_with_prefix("assay");
        ours.register_with_unit(
            "memory_limit",
            "How much memory the container may have; without a limit, what the machine has",
            Unit::Bytes,
            self.limit.clone(),
        );
    }
}

/// What is read of `/proc/self/stat`, in seconds.
#[derive(Debug, Default, PartialEq)]
struct Stat {
    cpu: f64,
    /// Since the machine has started.
    started: f64,
}

impl Stat {
    /// The program's name, in brackets, may hold anything: the fields are counted from the last bracket on.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let seconds = |index: usize| Some(fields.get(index)?.parse::<f64>().ok()? / TICKS);
        Some(Self {
            cpu: seconds(USER_TIME)? + seconds(SYSTEM_TIME)?,
            started: seconds(START_TIME)?,
        })
    }
}

/// The container's limit, else the machine's memory.
fn memory_limit() -> Option<i64> {
    let of_machine = kilobytes(&read("/proc/meminfo"), "MemTotal:");
    let of_container = CGROUP_LIMITS
        .iter()
        .find_map(|file| read(file).trim().parse::<i64>().ok());
    match (of_container, of_machine) {
        (Some(container), Some(machine)) => Some(container.min(machine)),
        (container, machine) => container.or(machine),
    }
}

/// A line as in `VmRSS:     1234 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

/// The first number of the line that begins like this.
fn number_after(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// Clock ticks per second, as Linux tells user programs on every machine that we build for.
const TICKS: f64 = 100.0;

/// The places of fields behind the program's name, by proc(5): 14, 15 and 22 of all, of which two come before.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;
const START_TIME: usize = 19;

/// Version 2 and version 1, as a container sees its own.
const CGROUP_LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn a_program_whose_name_looks_like_fields_is_read_all_the_same() {
        let text = "7 (a) R 1 2) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 12345 1 2";
        let stat = Stat::parse(text);
        assert_eq!(
            stat,
            Some(Stat {
                cpu: 3.0,
                started: 123.45
            })
        );
        assert_eq!(Stat::parse("7 (a"), None);
    }

    #[test]
    fn this_process_is_told() {
        let text = Metrics::new().encode();
        let value = |name: &str| number_after(&text, &format!("{name} ")).unwrap();
        assert!(value("process_resident_memory_bytes") > 1e6, "{text}");
        assert!(value("assay_memory_limit_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_start_time_seconds") > 1.6e9, "{text}");
        assert!(value("process_open_fds") > 2.0, "{text}");
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!(text.contains("process_cpu_seconds_total "), "{text}");
    }
}
