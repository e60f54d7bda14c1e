//! What `kubectl` shows of policies and trust roots, and what their statuses say of bad input.

use std::{fs, path::Path, time::Duration};

use regex::Regex;
use serde_json::{Value, json};

use crate::support::{
    eventually,
    scene::{Scene, pod},
    work_folder,
};

#[test]
#[ignore = "needs a cluster"]
fn the_page_about_statuses_shows_what_kubectl_prints() {
    let scene = Scene::new("status");
    let host = &scene.cluster.registry.host;
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "status/app", "v1");
    let images = format!("{host}/status/**");
    for object in objects(&images) {
        scene.apply(&object).expect_success();
    }
    let ready = |kind: &str, name: &str, truth: &str| {
        eventually("the status", || {
            let object = scene.get(&[kind, name]);
            let ready = &object["status"]["conditions"][0];
            (ready["type"] == "Ready" && ready["status"] == truth).then_some(())
        });
    };
    ready("citp", "shop-production", "True");
    ready("citp", "shop-payments", "False");
    ready("citp", "shop-partner", "False");
    ready("itr", "partner", "False");
    // Those whose keys are not there refuse it as well.
    scene.apply(&pod("app", &image.tagged)).expect_failure();
    wait_for_counts(&scene);

    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(folder.join("docs/status.md")).expect("the page is there");
    let shown = rewritten(&page, |command| {
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let output = scene.kubectl(&arguments).expect_success();
        normalised(&output, host)
    });
    for kind in [
        "citp/shop-production",
        "citp/shop-payments",
        "citp/shop-partner",
        "itr/partner",
    ] {
        scene.kubectl(&["delete", kind]).expect_success();
    }
    if shown != page {
        let file = work_folder().join("status.md");
        fs::write(&file, shown).expect("the folder is ours");
        panic!(
            "docs/status.md differs from what kubectl prints; as it should be: {}",
            file.display()
        );
    }
}

/// Counts are written about once a minute.
fn wait_for_counts(scene: &Scene) {
    for _ in 0..100 {
        let found = scene.get(&["citp", "shop-production"]);
        if found["status"]["images"]["denied"] == 1 {
            return;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    panic!("waited in vain for the counts");
}

fn objects(images: &str) -> [Value; 4] {
    let policy = |name: &str, authority: Value| {
        json!({
            "apiVersion": "assay.dev/v1alpha1", "kind": "ClusterImageTrustPolicy",
            "metadata": { "name": name },
            "spec": { "match": { "images": [images] }, "authorities": [authority] },
        })
    };
    let san = "https://partner.example/*";
    [
        policy(
            "shop-production",
            json!({ "name": "release-pipeline", "gitlab": { "project": "acme/shop", "ref": "refs/tags/v*" } }),
        ),
        policy(
            "shop-payments",
            json!({ "name": "release-key", "key": { "secretRef": { "name": "payments", "key": "cosign.pub" } } }),
        ),
        policy(
            "shop-partner",
            json!({
                "name": "partner", "trustRootRef": { "name": "partner" },
                "keyless": { "issuer": "https://issuer.example", "san": san },
            }),
        ),
        json!({
            "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustRoot",
            "metadata": { "name": "partner" },
            "spec": { "configMapRef": { "name": "partner", "key": "trusted_root.json" } },
        }),
    ]
}

/// The page with what each command in it prints now.
fn rewritten(page: &str, mut print: impl FnMut(&str) -> String) -> String {
    let block = Regex::new(r"(?s)```console\n\$ (kubectl [^\n]*)\n.*?```").expect("a pattern");
    let replaced = block.replace_all(page, |found: &regex::Captures<'_>| {
        let command = found[1].to_owned();
        format!("```console\n$ {command}\n{}```", print(&command))
    });
    replaced.into_owned()
}

/// Without what differs from run to run, and without the objects of other tests.
fn normalised(output: &str, host: &str) -> String {
    let mut text = output.replace(host, "registry.example");
    for (pattern, instead) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-21T12:00:00Z"),
        (r"(UID: +)\S+", "${1}0a1b2c3d-0000-4000-8000-000000000000"),
        (r"(Resource Version: +)\d+", "${1}4711"),
        (r"[ \t]+\n", "\n"),
    ] {
        let pattern = Regex::new(pattern).expect("a pattern");
        text = pattern.replace_all(&text, instead).into_owned();
    }
    if text.starts_with("NAME ") {
        text = table(&text);
    }
    text
}

/// The rows of this page, with columns as wide as they have to be.
fn table(text: &str) -> String {
    let gap = Regex::new(" {2,}").expect("a pattern");
    let head = text.lines().next().unwrap_or_default();
    let starts: Vec<usize> = std::iter::once(0)
        .chain(gap.find_iter(head).map(|gap| gap.end()))
        .collect();
    let rows: Vec<Vec<String>> = text
        .lines()
        .filter(|line| {
            ["NAME", "shop-p", "partner"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .map(|line| {
            let ends = starts.iter().skip(1).copied().chain([line.len()]);
            let cells = starts.iter().zip(ends);
            cells
                .map(|(start, end)| line.get(*start..end.min(line.len())).unwrap_or_default())
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .map(|mut row: Vec<String>| {
            if let Some(age) = row.last_mut().filter(|age| *age != "AGE") {
                "5m".clone_into(age);
            }
            row
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate();
        let padded: Vec<String> = cells
            .map(|(column, cell)| format!("{cell:<width$}", width = width(column)))
            .collect();
        format!("{}\n", padded.join("   ").trim_end())
    });
    lines.collect()
}
