//! The pipeline templates of `docs/gitlab` are whole: what runs them for real is among the tests of `tests/cluster`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "functions of a test may fail loudly"
)]

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use serde_json::{Value, json};

const TEMPLATES: [&str; 2] = ["keyless.gitlab-ci.yml", "key.gitlab-ci.yml"];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gitlab"))
}

fn template(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The scripts by their names.
fn scripts() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder().join("scripts")).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// What a job runs, each item by the name of the script whose text it has.
fn steps(script: &Value) -> Vec<String> {
    let scripts = scripts();
    let items = script.as_array().unwrap().iter();
    items
        .map(|item| {
            let found = scripts.iter().find(|(_, text)| *text == item);
            let (name, _) = found.unwrap_or_else(|| panic!("no script has this text: {item}"));
            name.clone()
        })
        .collect()
}

#[test]
fn the_templates_run_the_very_scripts_in_order() {
    for name in TEMPLATES {
        let template = template(name);
        let login = steps(&template["default"]["before_script"]);
        let build = steps(&template["build"]["script"]);
        let deploy = steps(&template[".deploy"]["script"]);
        assert_eq!(login, ["login"], "{name}");
        assert_eq!(build, ["build", "predicate", "sign", "attest"], "{name}");
        assert_eq!(deploy, ["verify", "deploy"], "{name}");
        let mut all = [login, build, deploy].concat();
        all.sort();
        assert!(all.iter().eq(scripts().keys()), "{name}: {all:?}");
    }
}

#[test]
fn the_scripts_are_read_by_a_plain_shell() {
    for name in scripts().keys() {
        let file = folder().join("scripts").join(name).with_extension("sh");
        let read = Command::new("/bin/sh")
            .arg("-n")
            .arg(&file)
            .output()
            .unwrap();
        assert!(read.status.success(), "{name}: {read:?}");
    }
    for (name, text) in scripts() {
        assert!(text.starts_with("#!/bin/sh\n# "), "{name}");
        assert!(text.contains("\nset -eu\n"), "{name}");
    }
}

#[test]
fn both_environments_are_verified_before_they_get_the_image() {
    for name in TEMPLATES {
        let template = template(name);
        assert_eq!(
            template["stages"],
            json!(["build", "staging", "production"])
        );
        for environment in ["staging", "production"] {
            let job = &template[environment];
            assert_eq!(job["extends"], ".deploy", "{name}");
            assert_eq!(job["stage"], environment, "{name}");
            assert_eq!(job["environment"], environment, "{name}");
            assert_eq!(job["script"], Value::Null, "{name}");
        }
        assert_eq!(template["production"]["when"], "manual", "{name}");
        for job in ["build", ".deploy"] {
            assert_eq!(template[job]["extends"], ".release", "{name}");
        }
        let first = json!({
            "if": r#"$CI_PIPELINE_SOURCE == "merge_request_event""#, "when": "never",
        });
        assert_eq!(template[".release"]["rules"][0], first, "{name}");
    }
}

#[test]
fn only_the_job_that_signs_has_what_signs() {
    let token = json!({ "SIGSTORE_ID_TOKEN": { "aud": "sigstore" } });
    for (name, tokens, key) in [
        (TEMPLATES[0], token, Value::Null),
        (TEMPLATES[1], Value::Null, json!("env://COSIGN_PRIVATE_KEY")),
    ] {
        let template = template(name);
        for (job, content) in template.as_object().unwrap() {
            let signs = job == "build";
            let expected = |value: &Value| if signs { value.clone() } else { Value::Null };
            assert_eq!(content["id_tokens"], expected(&tokens), "{name}: {job}");
            assert_eq!(
                content["variables"]["COSIGN_KEY"],
                expected(&key),
                "{name}: {job}"
            );
        }
    }
}

#[test]
fn the_page_leads_to_every_file() {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let files = fs::read_dir(folder()).unwrap();
    for file in files.map(|file| file.unwrap().file_name()) {
        let name = file.to_str().unwrap();
        let link = format!("]({name})");
        assert!(
            name == "README.md" || page.contains(&link),
            "no link to {name}"
        );
    }
}
