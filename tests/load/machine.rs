//! The machine, without its name, and what processes use of it.

use std::fs;

/// As in `2 cores of an Intel Xeon at 2.5 GHz, 23 GiB of memory, Linux 6.8`.
pub(crate) fn description() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = cpu
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model.trim())
        .collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let memory: f64 = memory
        .and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: Vec<&str> = kernel.trim().split('.').take(2).collect();
    format!(
        "{cores} cores ({}), {:.0} GiB of memory, Linux {}",
        models.first().unwrap_or(&"of unknown kind"),
        memory / 1024.0 / 1024.0,
        kernel.join(".")
    )
}

/// What a process has used of the processor so far, in seconds.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    // Fields 14 and 15 of proc(5), user and system time, in hundredths of a second.
    (ticks(11) + ticks(12)) / 100.0
}
