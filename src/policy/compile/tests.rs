#![expect(
    clippy::needless_pass_by_value,
    reason = "json!(…) reads better without a borrow in front"
)]

mod attestation;
mod condition;
mod content;
mod identity;
mod keys;
mod outage;
mod provenance;
mod tags;
mod trust_root;

use serde_json::{Value, json};

use super::*;
use crate::{
    image::Pattern,
    limits,
    policy::{AuthorityKind, PolicyObject},
};

const KEY: &str = include_str!("../../../manifests/samples/key.yaml");

#[test]
fn a_policy_by_gitlab_job_compiles_to_what_it_says() {
    let policy = compiled(json!({
        "match": { "images": ["registry.gitlab.com/acme/shop/**"] },
        "action": "Warn",
        "pin": false,
        "pinWorkloads": true,
        "signatureRepository": "registry.example/signatures",
        "authorities": [{
            "name": "pipeline",
            "gitlab": {
                "project": "acme/shop/*",
                "projectId": "4711",
                "ref": "refs/tags/v*",
                "protectedRef": true,
                "configPath": ".gitlab-ci.yml",
                "pipelineSources": ["push"],
                "runnerEnvironment": "self-hosted",
                "environment": "production",
                "imageInProject": false,
            },
        }],
        "help": "ask #release",
    }));
    assert_eq!(policy.scope.action, Action::Warn);
    assert!(!policy.pin);
    assert!(policy.pin_workloads);
    assert_eq!(
        policy.signature_repository,
        Some("registry.example/signatures".parse().unwrap())
    );
    assert_eq!(policy.require, 1);
    assert_eq!(policy.help.as_deref(), Some("ask #release"));
    let [authority] = policy.authorities.as_slice() else {
        panic!("{:?}", policy.authorities)
    };
    assert!(authority.require_log);
    assert_eq!(authority.trust_root, None);
    let AuthorityKind::GitLab(job) = &authority.kind else {
        panic!("{authority:?}")
    };
    assert_eq!(job.instance, "https://gitlab.com");
    assert_eq!(job.project, pattern("acme/shop/*"));
    assert_eq!(job.project_id.as_deref(), Some("4711"));
    assert_eq!(job.ref_pattern, Some(pattern("refs/tags/v*")));
    assert!(job.protected_ref);
    assert_eq!(job.config_path.as_deref(), Some(".gitlab-ci.yml"));
    assert_eq!(job.pipeline_sources, ["push"]);
    assert_eq!(job.runner_environment.as_deref(), Some("self-hosted"));
    assert_eq!(job.environment.as_deref(), Some("production"));
    assert!(!job.image_in_project);
}

#[test]
fn what_is_not_written_has_the_documented_default() {
    let policy = compiled(with(
        json!({ "name": "a", "gitlab": { "project": "acme/shop" } }),
    ));
    assert_eq!(policy.scope.action, Action::Deny);
    assert!(policy.pin);
    assert!(!policy.pin_workloads);
    assert_eq!(policy.signature_repository, None);
    assert_eq!(policy.require, 1);
    assert_eq!(policy.help, None);
    let AuthorityKind::GitLab(job) = &policy.authorities[0].kind else {
        panic!("{policy:?}")
    };
    assert_eq!(job.instance, "https://gitlab.com");
    assert!(job.image_in_project);
    assert!(!job.protected_ref);
    assert_eq!(job.pipeline_sources, [""; 0]);
}

#[test]
fn a_key_needs_a_log_entry_only_where_the_policy_says_so() {
    let key = |log: Value| {
        let mut authority = json!({ "name": "a", "key": { "pem": pem() } });
        if !log.is_null() {
            authority["transparencyLog"] = log;
        }
        compiled(with(authority)).authorities[0].require_log
    };
    assert!(!key(Value::Null));
    assert!(!key(json!("Ignore")));
    assert!(key(json!("Require")));
}

#[test]
fn keys_come_from_secrets_and_config_maps_too() {
    for (field, kind) in [("secretRef", "Secret"), ("configMapRef", "ConfigMap")] {
        let spec =
            with(json!({ "name": "a", "key": { field: { "name": "keys", "key": "a.pub" } } }));
        let asked = format!("key \"a.pub\" of {kind} \"keys\"");
        let source = Texts(vec![(asked, pem())]);
        let policy = object(spec).compile(&source).unwrap();
        let expected = crate::key::PublicKey::from_pem(&pem()).unwrap();
        assert_eq!(keys::of(&policy), [keys::dated(&expected, None, None)]);
    }
}

#[test]
fn a_missing_key_is_reported_with_where_it_was_looked_for() {
    let spec =
        with(json!({ "name": "a", "key": { "secretRef": { "name": "keys", "key": "a.pub" } } }));
    assert_eq!(
        problems(spec),
        [
            "spec.authorities[0].key.secretRef: key \"a.pub\" of Secret \"keys\" cannot be had: there is none"
        ]
    );
}

#[test]
fn every_problem_is_reported_not_only_the_first() {
    assert_eq!(
        problems(json!({
            "match": { "images": ["nginx/x"], "namespaceSelector": { "matchExpressions": [{ "key": "env", "operator": "In" }] } },
            "authorities": [
                { "name": "A b", "github": { "repository": "acme", "ref": "v1" } },
                { "name": "two", "keyless": { "issuer": "https://*.example", "san": "**" }, "transparencyLog": "Ignore" },
                { "name": "two", "key": {} },
                { "name": "none" },
            ],
            "require": 5,
        })),
        [
            "spec.match.images[0]: the pattern \"nginx/x\" names no registry, write \"docker.io/nginx/x\" or another host in front",
            "spec.match.namespaceSelector.matchExpressions[0].values: expected at least one value, found none",
            "spec.authorities[0].name: expected up to 63 of a-z, 0-9, - and ., found \"A b\"",
            "spec.authorities[0].github.repository: expected owner/name, the owner without wildcards, found \"acme\"",
            "spec.authorities[0].github.ref: expected a full ref such as refs/heads/main or refs/tags/v*, found \"v1\"",
            "spec.authorities[1].transparencyLog: expected Require, since keyless signatures need the log's time, found Ignore",
            "spec.authorities[1].keyless.issuer: expected an exact URL without wildcards, found \"https://*.example\"",
            "spec.authorities[1].keyless.san: expected more than wildcards, which would accept everybody the issuer knows, found \"**\"",
            "spec.authorities[2].name: expected a name that no other authority has, found \"two\"",
            "spec.authorities[2].key: expected exactly one of pem, secretRef, configMapRef, found none of them",
            "spec.authorities[3]: expected exactly one of key, keys, keyless, gitlab, github, found none of them",
            "spec.require: expected 1 to 4, the number of authorities, found 5",
        ]
    );
}

#[test]
fn a_policy_without_images_or_authorities_is_refused() {
    assert_eq!(
        problems(json!({ "match": { "images": [] }, "authorities": [] })),
        [
            "spec.match.images: expected at least one pattern, found none",
            "spec.authorities: expected at least one authority, found none",
        ]
    );
}

#[test]
fn more_authorities_than_the_limit_are_one_problem_and_not_looked_at() {
    let mut spec = with(json!({ "name": "a", "github": { "repository": "acme/shop" } }));
    let one = spec["authorities"][0].clone();
    spec["authorities"] = (0..100_000)
        .map(|number| {
            let mut authority = one.clone();
            authority["name"] = format!("a{number}").into();
            authority
        })
        .collect();
    spec["require"] = json!(2);
    let expected = format!(
        "spec.authorities: expected at most {}, found 100000",
        limits::AUTHORITIES_PER_POLICY
    );
    assert_eq!(problems(spec).first(), Some(&expected));
}

#[test]
fn of_problems_without_end_so_many_are_told_as_the_limit() {
    let mut spec = with(json!({ "name": "a", "github": { "repository": "acme/shop" } }));
    spec["match"]["images"] = json!(vec!["Upper"; PROBLEMS_PER_OBJECT + 1]);
    assert_eq!(problems(spec).len(), PROBLEMS_PER_OBJECT);
}

#[test]
fn no_threshold_of_zero() {
    let mut spec = with(json!({ "name": "a", "gitlab": { "project": "acme/shop" } }));
    spec["require"] = json!(0);
    assert_eq!(
        problems(spec),
        [
            "spec.require: expected at least 1 where neither provenance nor attestations are asked for, found 0"
        ]
    );
}

#[test]
fn one_key_under_two_names_cannot_meet_a_threshold() {
    let mut spec = with(json!({ "name": "a", "key": { "pem": pem() } }));
    add(&mut spec, json!({ "name": "b", "key": { "pem": pem() } }));
    assert!(object(spec.clone()).compile(&Texts(Vec::new())).is_ok());
    spec["require"] = json!(2);
    assert_eq!(
        problems(spec),
        [
            "spec.authorities[1].key: expected a key that no other authority has, found that of \"a\""
        ]
    );
}

#[test]
fn a_broken_key_is_named_with_its_field() {
    let spec = with(json!({ "name": "a", "key": { "pem": "ssh-ed25519 AAAA" } }));
    assert_eq!(
        problems(spec),
        ["spec.authorities[0].key.pem: expected a PEM block `PUBLIC KEY`"]
    );
}

#[test]
fn the_content_follows_the_spec_and_the_referenced_keys() {
    let spec =
        with(json!({ "name": "a", "key": { "secretRef": { "name": "keys", "key": "a.pub" } } }));
    let asked = "key \"a.pub\" of Secret \"keys\"".to_owned();
    let content = |spec: &Value, key: String| {
        let source = Texts(vec![(asked.clone(), key)]);
        object(spec.clone()).compile(&source).unwrap().content
    };
    let first = content(&spec, pem());
    assert_eq!(first.len(), 64);
    assert_eq!(first, content(&spec, pem()));
    assert_ne!(first, content(&spec, format!("{}\n", pem())));
    let mut other = spec.clone();
    other["help"] = json!("x");
    assert_ne!(first, content(&other, pem()));
    let mut defaults = spec.clone();
    defaults["require"] = json!(1);
    assert_eq!(first, content(&defaults, pem()));
}

#[test]
fn the_objects_a_policy_refers_to_are_listed() {
    let mut spec = with(json!({
        "name": "a",
        "key": { "secretRef": { "name": "s", "key": "k" } },
        "trustRootRef": { "name": "acme" },
    }));
    add(
        &mut spec,
        json!({
            "name": "b",
            "key": { "configMapRef": { "name": "c", "key": "k" } },
            "trustRootRef": { "name": "public" },
        }),
    );
    let object = object(spec);
    assert_eq!(
        object.entries().collect::<Vec<_>>(),
        [
            ObjectEntry::Secret {
                name: "s".to_owned(),
                key: "k".to_owned()
            },
            ObjectEntry::ConfigMap {
                name: "c".to_owned(),
                key: "k".to_owned()
            },
        ]
    );
    let roots: Vec<_> = object.spec().unwrap().trust_root_names().collect();
    assert_eq!(roots, [(0, "acme")]);
}

/// Texts by the name of their entry.
struct Texts(Vec<(String, String)>);

impl KeySource for Texts {
    fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
        self.0
            .iter()
            .find(|(name, _)| *name == entry.to_string())
            .map(|(_, text)| text.clone())
            .ok_or_else(|| "there is none".to_owned())
    }
}

fn with(authority: Value) -> Value {
    json!({ "match": { "images": ["registry.example/**"] }, "authorities": [authority] })
}

fn add(spec: &mut Value, authority: Value) {
    spec["authorities"].as_array_mut().unwrap().push(authority);
}

fn object(spec: Value) -> PolicyObject {
    PolicyObject::from_json(json!({
        "apiVersion": "assay.dev/v1alpha1",
        "kind": "ClusterImageTrustPolicy",
        "metadata": { "name": "p" },
        "spec": spec,
    }))
    .unwrap()
}

fn compiled(spec: Value) -> Policy {
    object(spec).compile(&Texts(Vec::new())).unwrap()
}

fn problems(spec: Value) -> Vec<String> {
    let error = object(spec).compile(&Texts(Vec::new())).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

/// The key of the sample policy.
fn pem() -> String {
    let sample: Value = serde_saphyr::from_str(KEY).unwrap();
    sample["spec"]["authorities"][0]["key"]["pem"]
        .as_str()
        .unwrap()
        .to_owned()
}
