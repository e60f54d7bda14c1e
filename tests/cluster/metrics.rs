//! The dashboard and the alert rules, held against what a real Prometheus has scraped of a running Assay.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use assay::sandbox::sigstore::PrivateSigstore;
use regex::Regex;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{
    assay::runtime,
    eventually, free_port, installed,
    process::{Running, run},
    scene::{Scene, pod},
    tuf::{Mirror, Repository},
    work_folder,
};

/// A Prometheus that scrapes one Assay every second, with its rules.
struct Prometheus {
    address: String,
    runtime: Runtime,
    _running: Running,
}

impl Prometheus {
    fn start(folder: &Path, assay: &str) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [RULES],
            "scrape_configs": [{ "job_name": "assay", "static_configs": [
                { "targets": [assay], "labels": { "namespace": "assay-system" } },
            ] }],
        });
        let file = folder.join("prometheus.yml");
        // JSON is YAML.
        fs::write(&file, config.to_string()).expect("it can be written");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(installed("prometheus", "prometheus"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        Self {
            address,
            runtime: runtime(),
            _running: Running::start(&command, &folder.join("prometheus.log")),
        }
    }

    /// The data of an answer of its HTTP API; none when it is an error, or does not answer.
    fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let answer = self.runtime.block_on(async {
            let answer = client.get(url).query(query).send().await.ok()?;
            serde_json::from_str::<Value>(&answer.text().await.ok()?).ok()
        })?;
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// Whether anything was ever scraped that a selector names.
    fn knows(&self, selector: &str) -> bool {
        let series = self.ask("series", &[("match[]", selector)]);
        series.is_some_and(|series| series.as_array().is_some_and(|all| !all.is_empty()))
    }
}

#[test]
#[ignore = "needs a cluster"]
fn no_panel_and_no_rule_names_a_metric_that_does_not_exist() {
    let scene = Scene::new("measured");
    deploy_one_of_each(&scene);
    let runtime = runtime();
    let _mirror = follow_a_mirror(&scene, &runtime);
    let assay = &scene.cluster.assay;
    let prometheus = Prometheus::start(&work_folder().join("prometheus"), &assay.metrics);
    eventually("the first scrape of everything", || {
        let known = |selector: &&str| prometheus.knows(selector);
        AT_LAST.iter().all(known).then_some(())
    });
    let rules = prometheus.ask("rules", &[]).expect("it answers");
    let expressions: Vec<String> = rule_expressions(&rules)
        .into_iter()
        .chain(panel_expressions())
        .collect();
    assert!(expressions.len() > 50, "{expressions:#?}");
    for expression in &expressions {
        let answer = prometheus.ask("query", &[("query", expression)]);
        assert!(answer.is_some(), "{expression}");
    }
    let unknown: BTreeSet<String> = expressions
        .iter()
        .flat_map(|expression| selectors(expression))
        .filter(|selector| !prometheus.knows(selector))
        .collect();
    assert_eq!(unknown, BTreeSet::new());
}

#[test]
#[ignore = "needs a cluster"]
fn both_formats_of_the_metrics_are_what_prometheus_reads() {
    let scene = Scene::new("formats");
    deploy_one_of_each(&scene);
    let url = format!("http://{}/metrics", scene.cluster.assay.metrics);
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let text = runtime().block_on(async {
        let answer = client.get(url).send().await.expect("it answers");
        answer.text().await.expect("it is text")
    });
    let linted = crate::support::process::run_with_input(
        Command::new(installed("promtool", "prometheus")).args(["check", "metrics"]),
        &text,
    );
    assert_eq!(
        (linted.code, linted.stderr.as_str()),
        (Some(0), ""),
        "{}",
        linted.stdout
    );
}

#[test]
#[ignore = "needs a cluster"]
fn each_alert_fires_when_it_should_and_not_when_it_need_not() {
    let promtool = installed("promtool", "prometheus");
    run(Command::new(&promtool).args(["check", "rules", RULES])).expect_success();
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/alerts/rules.yaml");
    run(Command::new(&promtool).args(["test", "rules", tests])).expect_success();
}

/// Reviews that are allowed, denied, warned of and not judged.
fn deploy_one_of_each(scene: &Scene) {
    let (registry, signer) = (&scene.cluster.registry, &scene.cluster.signer);
    let name = &scene.namespace;
    let denying = format!("{}/{name}/**", registry.host);
    scene.demand_key("denying", &denying, &signer.public_key);
    let mut warning = scene.policy(
        "warning",
        &format!("{}/{name}-warned/**", registry.host),
        &signer.public_key,
    );
    warning["spec"]["action"] = json!("Warn");
    scene.apply(&warning).expect_success();
    scene.wait_for_policy("warning", "True");
    let good = signer.push(registry, &format!("{name}/signed"), "v1");
    signer.sign(registry, &good);
    let unsigned = signer.push(registry, &format!("{name}/unsigned"), "v1");
    let warned = signer.push(registry, &format!("{name}-warned/app"), "v1");
    for attempt in ["first", "second"] {
        scene.accepts(&pod(attempt, &good.tagged));
        scene.accepts(&pod(&format!("{attempt}-warned"), &warned.tagged));
        scene.rejects(&pod("unsigned", &unsigned.tagged), "SignatureMissing");
    }
}

/// A trust root that has to be refreshed, and the mirror that it is refreshed from.
fn follow_a_mirror(scene: &Scene, runtime: &Runtime) -> Mirror {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let trusted_root = PrivateSigstore::new(now).expect("keys").trusted_root_json();
    let repository = Repository::lasting(&trusted_root);
    let mirror = runtime.block_on(Mirror::start(&repository));
    scene
        .apply(&json!({
            "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustRoot",
            "metadata": { "name": "measured" },
            "spec": { "tuf": { "mirror": mirror.url, "root": repository.pinned_root() } },
        }))
        .expect_success();
    mirror
}

fn rule_expressions(rules: &Value) -> Vec<String> {
    let groups = rules["groups"].as_array().expect("there are groups");
    let all = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("with rules"));
    all.map(|rule| rule["query"].as_str().expect("an expression").to_owned())
        .collect()
}

/// The expressions of the dashboard, with all that can be chosen chosen.
fn panel_expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/charts/assay/files/dashboard.json"
    )))
    .expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("there are panels");
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    targets
        .flatten()
        .map(|target| {
            let expression = target["expr"].as_str().expect("an expression");
            expression
                .replace("$namespace", ".*")
                .replace("$job", ".*")
                .replace("$__rate_interval", "1m")
        })
        .collect()
}

/// What an expression reads: each metric with its labels.
fn selectors(expression: &str) -> Vec<String> {
    let selector = Regex::new(r"\b(?:assay|process)_[a-z_]+(?:\{[^}]*\})?").expect("it is valid");
    let found = selector.find_iter(expression);
    found.map(|found| found.as_str().to_owned()).collect()
}

/// What appears last: when all of this is there, the rest is.
const AT_LAST: [&str; 4] = [
    "assay_trust_root_expiry_timestamp_seconds{root=\"measured\"}",
    "assay_policy_images_total{policy=\"measured/denying\"}",
    "assay_review_duration_seconds_bucket{cache=\"miss\"}",
    "assay_cache_bytes",
];

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/assay/files/rules.yaml");
