//! The rules, over texts.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// What each module may use, beside [`FREE`] ones and itself, and does use. Read it from the bottom: a module uses
/// what stands below it, and this list narrows that further.
const ORDER: [(&str, &[&str]); 26] = [
    ("main", &["commands", "config", "telemetry"]),
    (
        "commands",
        &[
            "app",
            "server",
            "cluster",
            "standalone",
            "review",
            "decision",
            "trust",
            "registry",
            "policy",
            "workload",
            "provenance",
            "verify",
            "key",
            "image",
            "config",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "server",
            "cluster",
            "standalone",
            "review",
            "decision",
            "registry",
            "policy",
            "certificates",
            "config",
            "telemetry",
            "file_watch",
        ],
    ),
    (
        "server",
        &[
            "admission",
            "review",
            "certificates",
            "telemetry",
            "file_watch",
        ],
    ),
    (
        "cluster",
        &[
            "review",
            "trust",
            "registry",
            "policy",
            "workload",
            "certificates",
            "telemetry",
        ],
    ),
    (
        "standalone",
        &[
            "review",
            "trust",
            "registry",
            "policy",
            "workload",
            "image",
            "file_watch",
        ],
    ),
    ("sandbox", &["image"]),
    (
        "admission",
        &["review", "decision", "policy", "workload", "telemetry"],
    ),
    (
        "review",
        &[
            "decision",
            "trust",
            "registry",
            "policy",
            "workload",
            "verify",
            "image",
            "telemetry",
        ],
    ),
    (
        "decision",
        &[
            "policy",
            "condition",
            "workload",
            "provenance",
            "verify",
            "key",
            "image",
        ],
    ),
    ("trust", &["policy", "verify"]),
    ("registry", &["image", "telemetry"]),
    ("policy", &["condition", "key", "image"]),
    ("workload", &[]),
    ("provenance", &["verify", "image"]),
    ("verify", &["key", "image"]),
    ("key", &["image"]),
    ("condition", &[]),
    ("certificates", &[]),
    ("image", &[]),
    ("config", &["policy", "telemetry"]),
    ("telemetry", &[]),
    ("file_watch", &[]),
    ("limits", &[]),
    ("clock", &[]),
    ("untrusted", &[]),
];

/// Modules that all may use, and that use nothing.
const FREE: [&str; 3] = ["limits", "clock", "untrusted"];

/// Modules without a runtime, network or clock, so that they can become a crate of their own.
const PURE: [&str; 9] = [
    "certificates",
    "image",
    "condition",
    "key",
    "workload",
    "policy",
    "verify",
    "provenance",
    "decision",
];

/// Crates and parts of crates that pure modules never name.
const IMPURE: [&[&str]; 11] = [
    &["tokio"],
    &["tokio_util"],
    &["reqwest"],
    &["axum"],
    &["hyper"],
    &["kube", "client"],
    &["kube", "Client"],
    &["kube", "api", "Api"],
    &["kube", "Api"],
    &["kube", "runtime"],
    &["kube", "Config"],
];

/// The only user of the sandbox beside tests.
const SANDBOX_USER: &str = "src/commands/demo";

const MAIN_LINES: usize = 60;
const FILE_LINES: usize = 500;

/// Uses of a module that [`ORDER`] does not list.
pub(super) fn forbidden_edges(sources: &[Source]) -> Vec<String> {
    let order = BTreeMap::from(ORDER);
    let mut found = Vec::new();
    for source in sources {
        let Some(module) = source.module().filter(|_| !source.is_test()) else {
            continue;
        };
        let path = &source.path;
        let Some(allowed) = order.get(module) else {
            found.push(format!("{path}: {module} has no place in the order"));
            continue;
        };
        for used in used_modules(source) {
            let for_demo = used == "sandbox" && path.starts_with(SANDBOX_USER);
            let is_free = FREE.contains(&used.as_str()) && !FREE.contains(&module);
            if used != module && !allowed.contains(&used.as_str()) && !is_free && !for_demo {
                found.push(format!("{path}: {module} must not use {used}"));
            }
        }
    }
    found
}

/// What [`ORDER`] allows these modules and no file of theirs does.
pub(super) fn unused_edges(sources: &[Source]) -> Vec<String> {
    let mut used: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        if let Some(module) = source.module() {
            used.entry(module).or_default().extend(used_modules(source));
        }
    }
    let mut found = Vec::new();
    for (module, allowed) in ORDER {
        let Some(used) = used.get(module) else {
            continue;
        };
        let unused = allowed.iter().filter(|edge| !used.contains(**edge));
        found.extend(unused.map(|edge| format!("{module} may use {edge} and does not")));
    }
    found
}

/// Modules from which a way along [`ORDER`] leads back to them.
pub(super) fn circles() -> Vec<String> {
    let order = BTreeMap::from(ORDER);
    let reached_from = |module: &str| {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&str> = order.get(module).copied().unwrap_or_default().to_vec();
        while let Some(used) = next.pop() {
            if reached.insert(used) {
                next.extend(order.get(used).copied().unwrap_or_default());
            }
        }
        reached
    };
    order
        .keys()
        .filter(|module| reached_from(module).contains(*module))
        .map(ToString::to_string)
        .collect()
}

/// What [`PURE`] modules name of [`IMPURE`].
pub(super) fn impurities(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let Some(module) = source.module().filter(|module| PURE.contains(module)) else {
            continue;
        };
        if source.is_test() {
            continue;
        }
        for parts in IMPURE {
            let (root, rest) = parts.split_first().unwrap_or((&"", &[]));
            let names_it = |path: &Vec<String>| {
                path.len() >= rest.len() && path.iter().zip(rest).all(|(name, part)| name == part)
            };
            if source.paths_from(root).iter().any(names_it) {
                let (path, what) = (&source.path, parts.join("::"));
                found.push(format!("{path}: {module} is pure and names {what}"));
            }
        }
    }
    found
}

/// Files that no chain of `mod` lines from a target's root reaches, and so are never compiled.
pub(super) fn unreached(sources: &[Source], roots: &[String]) -> Vec<String> {
    let by_path: BTreeMap<&str, &Source> = sources
        .iter()
        .map(|source| (source.path.as_str(), source))
        .collect();
    let mut reached = BTreeSet::new();
    let mut next: Vec<String> = roots.to_vec();
    while let Some(path) = next.pop() {
        let Some(source) = by_path.get(path.as_str()) else {
            continue;
        };
        let folder = if roots.contains(&path) {
            path.rsplit_once('/').map_or("", |(folder, _)| folder)
        } else {
            path.trim_end_matches(".rs")
        };
        next.extend(
            source
                .declared_modules()
                .map(|name| format!("{folder}/{name}.rs")),
        );
        reached.insert(path);
    }
    sources
        .iter()
        .filter(|source| !reached.contains(&source.path))
        .map(|source| format!("{}: no mod line reaches it", source.path))
        .collect()
}

/// Files that are too long or have the name of the old module layout.
pub(super) fn misshapen_files(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let path = &source.path;
        if let Some(folder) = path.strip_suffix("/mod.rs") {
            found.push(format!("{path}: write {folder}.rs instead"));
        }
        let most = match path.as_str() {
            "src/main.rs" => MAIN_LINES,
            _ if path.starts_with("src/") => FILE_LINES,
            _ => continue,
        };
        let lines = source.lines();
        if lines > most {
            found.push(format!("{path}: {lines} lines, at most {most}"));
        }
    }
    found
}

/// The top-level modules a file names, by `crate::`, `assay::` or enough `super::`.
fn used_modules(source: &Source) -> BTreeSet<String> {
    let from_crate = ["crate", "assay"]
        .into_iter()
        .flat_map(|root| source.paths_from(root));
    let from_super = source.paths_from("super").into_iter().filter_map(|path| {
        let more = path.iter().take_while(|name| *name == "super").count();
        (1 + more >= source.depth()).then(|| path.into_iter().skip(more).collect::<Vec<_>>())
    });
    from_crate
        .chain(from_super)
        .filter_map(|path| path.into_iter().next())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}
