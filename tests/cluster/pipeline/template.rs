//! The jobs of a template of `docs/gitlab`, as GitLab reads them.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

/// A pipeline's file.
pub(super) struct Template(Value);

/// One of its jobs, with what it inherits.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// What it sets in its environment.
    pub(super) variables: BTreeMap<String, String>,
    /// The variable and the audience of the ID token that it asks for.
    pub(super) id_token: Option<(String, String)>,
    script: Vec<String>,
}

impl Template {
    pub(super) fn read(name: &str) -> Self {
        Self(serde_saphyr::from_str(&read(name)).expect("it is YAML"))
    }

    pub(super) fn job(&self, name: &str) -> Job {
        let mut job = self.0[name].clone();
        let mut extended = job["extends"].take();
        while let Some(parent) = extended.as_str() {
            let parent = &self.0[parent];
            for (key, value) in parent.as_object().expect("a job is a map") {
                if job[key].is_null() && key != "extends" {
                    job[key] = value.clone();
                }
            }
            extended = parent["extends"].clone();
        }
        let texts = |value: &Value| -> Vec<String> {
            serde_json::from_value(value.clone()).expect("a script is a list of texts")
        };
        let mut variables = texts_by_name(&self.0["variables"]);
        variables.extend(texts_by_name(&job["variables"]));
        let id_token = job["id_tokens"].as_object().map(|tokens| {
            let (name, token) = tokens.iter().next().expect("there is one");
            let audience = token["aud"].as_str().expect("it is text");
            (name.clone(), audience.to_owned())
        });
        Job {
            script: [
                texts(&self.0["default"]["before_script"]),
                texts(&job["script"]),
            ]
            .concat(),
            variables,
            id_token,
        }
    }
}

impl Job {
    /// Everything its shell runs.
    pub(super) fn shell_script(&self) -> String {
        self.script.join("\n")
    }

    /// The job as somebody has edited it: with a line of theirs before this script.
    pub(super) fn tampered(&self, before: &str, line: &str) -> Self {
        let mut job = self.clone();
        job.script.insert(self.position(before), line.to_owned());
        job
    }

    /// The job with this alone after its login.
    pub(super) fn only(&self, script: &str) -> Self {
        let keep = [self.position("login"), self.position(script)];
        self.with(keep.map(|index| self.script[index].clone()).to_vec())
    }

    /// The job without this.
    pub(super) fn without(&self, script: &str) -> Self {
        let mut job = self.clone();
        job.script.remove(self.position(script));
        job
    }

    fn with(&self, script: Vec<String>) -> Self {
        Self {
            script,
            ..self.clone()
        }
    }

    fn position(&self, script: &str) -> usize {
        let text = read(&format!("scripts/{script}.sh"));
        let found = self.script.iter().position(|item| *item == text);
        found.unwrap_or_else(|| panic!("the job does not run {script}"))
    }
}

fn texts_by_name(value: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

/// A file of `docs/gitlab`.
pub(super) fn read(name: &str) -> String {
    let path = format!("{}/docs/gitlab/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
