//! The documentation keeps up with the code.

use std::{collections::BTreeSet, fs};

use regex::Regex;

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

#[test]
fn every_code_has_a_section_with_a_real_message_and_how_to_fix_and_to_relax_it() {
    let docs = read("docs/denials.md");
    let sections: Vec<&str> = docs.split("\n## ").skip(1).collect();
    let documented: BTreeSet<String> = sections
        .iter()
        .map(|section| section.lines().next().unwrap().to_owned())
        .collect();
    // `Cause::code` is the one place where codes are written.
    let codes = found(
        "=> \\{?\\s*\"([A-Z][A-Za-z]+)\"",
        &read("src/decision/cause/code.rs"),
    );
    assert!(codes.len() > 20, "{codes:?}");
    assert_eq!(documented, codes);
    let snapshots = ["messages", "attestations", "provenance/messages"]
        .map(|name| read(&format!("src/decision/tests/{name}.rs")))
        .concat();
    for section in sections {
        let example = section
            .split("```text\n")
            .nth(1)
            .and_then(|text| text.lines().next());
        let example = example.unwrap_or_else(|| panic!("no example in {section}"));
        assert!(snapshots.contains(example), "no snapshot has: {example}");
        for part in ["- **Fix:**", "- **To relax:**"] {
            assert!(section.contains(part), "{part} in {section}");
        }
    }
}

#[test]
fn every_code_is_counted_from_the_start() {
    let codes = found(
        "=> \\{?\\s*\"([A-Z][A-Za-z]+)\"",
        &read("src/decision/cause/code.rs"),
    );
    let counted = assay::telemetry::CODES.map(str::to_owned);
    assert_eq!(BTreeSet::from(counted), codes);
}

#[test]
fn every_alert_has_a_section_that_says_what_to_do_and_a_test() {
    let rules = read("charts/assay/files/rules.yaml");
    let alerts = found("alert: (Assay[A-Za-z]+)", &rules);
    assert_eq!(
        found(
            "alertname=\"(Assay[A-Za-z]+)\"",
            &read("tests/alerts/rules.yaml")
        ),
        alerts
    );
    let operate = read("docs/operate.md");
    let sections = found("(?m)^### (Assay[A-Za-z]+)$", &operate);
    let anchors: BTreeSet<String> = sections.iter().map(|name| name.to_lowercase()).collect();
    let linked = found(
        "runbook_url: https://assay.dev/docs/operate.md#(.*)",
        &rules,
    );
    assert_eq!(linked, anchors);
    assert_eq!(rules.matches("runbook_url:").count(), alerts.len());
}

#[test]
fn links_between_documents_lead_somewhere() {
    // What stands in code is no link, whatever it looks like.
    let code = Regex::new("`[^`\\n]*`").unwrap();
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/conditions.md",
        "docs/denials.md",
        "docs/events.md",
        "docs/gitlab/README.md",
        "docs/inspect.md",
        "docs/install.md",
        "docs/logging.md",
        "docs/metrics.md",
        "docs/operate.md",
        "docs/policies/README.md",
        "docs/policy.md",
        "docs/provenance.md",
        "docs/rollout.md",
        "docs/status.md",
        "docs/verification.md",
        "docs/decisions/0001-sigstore-verify.md",
        "docs/decisions/0006-own-steps.md",
        "docs/decisions/0007-cel.md",
        "manifests/README.md",
    ] {
        let folder = document
            .rsplit_once('/')
            .map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let text = code.replace_all(&read(document), "").into_owned();
        for link in found(r"\]\(([^):]+)\)", &text) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let file = match file {
                "" => document.to_owned(),
                file => format!("{folder}{file}"),
            };
            let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
            assert!(fs::exists(&path).unwrap(), "{document} links to {link}");
            assert!(
                heading.is_empty() || anchors(&read(&file)).contains(heading),
                "{document} links to {link}, and there is no such heading"
            );
        }
    }
}

/// The anchors of a page's headings, as GitLab and GitHub make them.
fn anchors(page: &str) -> BTreeSet<String> {
    found("(?m)^#+ (.*)$", page)
        .iter()
        .map(|heading| {
            heading.to_lowercase().replace(' ', "-").replace(
                |letter: char| !(letter.is_alphanumeric() || "-_".contains(letter)),
                "",
            )
        })
        .collect()
}

#[test]
fn the_readme_names_every_command() {
    let readme = read("README.md");
    for command in ["serve", "verify", "inspect", "doctor", "crd", "demo"] {
        assert!(
            readme.contains(&format!("| `assay {command}` |")),
            "{command}"
        );
    }
}

#[test]
fn the_policy_of_the_readme_loads() {
    let readme = read("README.md");
    let policy = readme
        .split("```yaml\n")
        .find(|block| block.starts_with("apiVersion: assay.dev/"))
        .and_then(|block| block.split("```").next())
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let loaded = assay::standalone::load(folder.path()).unwrap();
    let names: Vec<&str> = loaded
        .policies
        .iter()
        .map(|(id, _)| id.name.as_str())
        .collect();
    assert_eq!(names, ["shop-production"]);
    assert_eq!(policy.lines().count(), 10);
}

#[test]
fn the_policy_of_the_rollout_guide_loads() {
    let guide = read("docs/rollout.md");
    let blocks: Vec<&str> = guide.split("```yaml\n").skip(1).collect();
    let [block] = blocks[..] else {
        panic!("{} policies", blocks.len())
    };
    let folder = tempfile::tempdir().unwrap();
    let policy = block.split("```").next().unwrap();
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let loaded = assay::standalone::load(folder.path()).unwrap();
    assert_eq!(loaded.policies.iter().count(), 1);
}

#[test]
fn the_examples_of_policies_load() {
    let docs = read("docs/policy.md");
    let fragments: Vec<&str> = docs
        .split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .filter(|block| !block.starts_with("apiVersion:") && !block.starts_with("spec:"))
        .filter(|block| !block.contains("configMapRef"))
        .collect();
    let written: String = fragments.concat();
    for field in ["tags", "provenance", "attestations", "conditions"] {
        assert!(written.contains(&format!("{field}:\n")), "{field}");
    }
    for fragment in fragments {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.yaml"), policy_of(fragment)).unwrap();
        let loaded = assay::standalone::load(folder.path());
        assert!(loaded.is_ok(), "{}\n{fragment}", loaded.unwrap_err());
    }
}

/// A whole policy with this part of a spec, and what it must have beside.
fn policy_of(fragment: &str) -> String {
    let mut spec = format!("match: {{ images: [\"registry.example/**\"] }}\n{fragment}");
    if !spec.contains("\nauthorities:") {
        spec += "authorities: [{ name: release-pipeline, gitlab: { project: acme/shop/api } }]\n";
    }
    format!(
        "apiVersion: assay.dev/v1alpha1\nkind: ClusterImageTrustPolicy\nmetadata: {{ name: example }}\nspec:\n  {}",
        spec.replace('\n', "\n  ")
    )
}
