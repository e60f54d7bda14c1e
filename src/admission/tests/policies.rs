//! Reviews of policies and trust roots themselves.

#![expect(
    clippy::needless_pass_by_value,
    reason = "json!(…) reads better without a borrow in front"
)]

use super::*;
use crate::{
    clock::FixedClock,
    limits,
    policy::{KeySource, ObjectEntry, TrustRootName},
    sandbox::sigstore::PrivateSigstore,
};

/// What is there when an object is judged.
#[derive(Clone, Debug, Default)]
struct There {
    /// The entries of Secrets and `ConfigMap`s; none where nothing is known of them.
    entries: Option<Vec<(ObjectEntry, String)>>,
    trust_roots: Option<TrustRoots>,
}

impl KeySource for There {
    fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
        let mut entries = self.entries.iter().flatten();
        let found = entries.find(|(known, _)| known == entry);
        found
            .map(|(_, text)| text.clone())
            .ok_or_else(|| "there is no such object in namespace \"assay-system\"".to_owned())
    }
}

impl Snapshots for There {
    fn current(&self) -> Option<Snapshot> {
        Some(Snapshot {
            policies: Arc::default(),
            trust_roots: Arc::new(self.trust_roots.clone()?),
            modes: DefaultAction::Allow.into(),
        })
    }

    fn entries(&self) -> Option<Arc<dyn KeySource + Send + Sync>> {
        self.entries.as_ref()?;
        Some(Arc::new(self.clone()))
    }

    fn namespace_labels<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        panic!("no labels are needed")
    }
}

impl There {
    fn known(entries: &[(ObjectEntry, &str)]) -> Self {
        let entry = |(entry, text): &(ObjectEntry, &str)| (entry.clone(), (*text).to_owned());
        Self {
            entries: Some(entries.iter().map(entry).collect()),
            trust_roots: Some(TrustRoots::public_only()),
        }
    }
}

fn answer_of(there: There, request: Value) -> Value {
    let reviewer = Reviewer::new(Arc::new(NotAsked), Arc::new(there), Arc::new(NotAsked))
        .with_clock(Arc::new(FixedClock(
            "2031-01-01T00:00:00Z".parse().unwrap(),
        )));
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
    });
    let answer = answer_policies(review.to_string().as_bytes(), &reviewer).unwrap();
    assert!(answer.observation.is_none() && answer.codes.is_empty());
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["response"].take()
}

fn request(kind: &str, operation: &str, object: Value, old: Value) -> Value {
    let resource = match kind {
        "ClusterImageTrustPolicy" => "clusterimagetrustpolicies",
        "ImageTrustPolicy" => "imagetrustpolicies",
        _ => "imagetrustroots",
    };
    let namespace = if kind == "ImageTrustPolicy" {
        "shop"
    } else {
        ""
    };
    json!({
        "uid": "1",
        "kind": { "group": "assay.dev", "version": "v1alpha1", "kind": kind },
        "resource": { "group": "assay.dev", "version": "v1alpha1", "resource": resource },
        "name": "mine", "namespace": namespace, "operation": operation,
        "object": object, "oldObject": old,
    })
}

fn object(kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": kind,
        "metadata": { "name": "mine" }, "spec": spec,
    })
}

/// What is answered when this object is made.
fn created(there: There, kind: &str, spec: Value) -> Value {
    answer_of(
        there,
        request(kind, "CREATE", object(kind, spec), Value::Null),
    )
}

fn spec(key: Value) -> Value {
    json!({
        "match": { "images": ["registry.example/shop/**"] },
        "authorities": [{ "name": "release", "key": key }],
    })
}

fn by_secret() -> Value {
    spec(json!({ "secretRef": { "name": "release-key", "key": "cosign.pub" } }))
}

fn secret() -> ObjectEntry {
    ObjectEntry::Secret {
        name: "release-key".to_owned(),
        key: "cosign.pub".to_owned(),
    }
}

fn nonsense() -> Value {
    json!({
        "match": { "images": ["https://registry.example/shop:1"] },
        "authorities": [{ "name": "release", "key": { "pem": "no key" } }],
        "conditions": [{ "expression": "img.digest != ''" }],
    })
}

fn admitted() -> Value {
    json!({ "uid": "1", "allowed": true })
}

const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDYQUMsansb9AHyVxBiGQ8kVC089T
Ql6PnVr2Ze0isYsIr4QHntuHYcv9vlXsJfVkJLiXpZrBzHBPxrd5i7+cYw==
-----END PUBLIC KEY-----
";

#[test]
fn nonsense_is_refused_and_every_field_is_named() {
    for kind in ["ClusterImageTrustPolicy", "ImageTrustPolicy"] {
        let answer = created(There::known(&[]), kind, nonsense());
        let status = &answer["status"];
        assert_eq!(answer["allowed"], json!(false));
        assert_eq!(
            (&status["code"], &status["reason"]),
            (&json!(422), &json!("Invalid"))
        );
        assert_eq!(status["details"]["kind"], json!(kind));
        assert_eq!(status["details"]["name"], json!("mine"));
        let causes = status["details"]["causes"].as_array().unwrap();
        let lines: Vec<String> = causes
            .iter()
            .map(|cause| {
                assert_eq!(cause["reason"], json!("FieldValueInvalid"));
                let text = |name: &str| cause[name].as_str().unwrap().to_owned();
                format!("{}: {}", text("field"), text("message"))
            })
            .collect();
        assert_eq!(status["message"], json!(lines.join("\n")));
        let fields: Vec<&str> = causes
            .iter()
            .map(|it| it["field"].as_str().unwrap())
            .collect();
        assert_eq!(
            fields,
            [
                "spec.match.images[0]",
                "spec.authorities[0].key.pem",
                "spec.conditions[0].expression",
            ]
        );
    }
}

#[test]
fn a_field_of_a_later_version_is_named() {
    let mut later = spec(json!({ "pem": KEY }));
    later["promotion"] = json!({});
    let answer = created(There::known(&[]), "ClusterImageTrustPolicy", later);
    let message = answer["status"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("spec.promotion: unknown field `promotion`, "),
        "{message}"
    );
    assert!(
        message.ends_with("; this version of Assay does not know it"),
        "{message}"
    );
}

#[test]
fn what_makes_sense_is_stored_without_a_word() {
    let there = There::known(&[(secret(), KEY)]);
    for spec in [spec(json!({ "pem": KEY })), by_secret()] {
        assert_eq!(
            created(there.clone(), "ClusterImageTrustPolicy", spec),
            admitted()
        );
    }
}

#[test]
fn what_cannot_be_had_yet_is_only_warned_of() {
    let answer = created(There::known(&[]), "ImageTrustPolicy", by_secret());
    let warning =
        "spec.authorities[0].key.secretRef: there is no such object in namespace \"assay-system\"";
    let warned = json!({ "uid": "1", "allowed": true, "warnings": [warning] });
    assert_eq!(answer, warned);
    // A Secret can be corrected as it can be made.
    let garbage = There::known(&[(secret(), "no key")]);
    let answer = created(garbage, "ImageTrustPolicy", by_secret());
    assert_eq!(answer["allowed"], json!(true));
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("spec.authorities[0].key.secretRef: "),
        "{warning}"
    );
    // Where nothing is known of Secrets, none is missing.
    assert_eq!(
        created(There::default(), "ImageTrustPolicy", by_secret()),
        admitted()
    );
}

#[test]
fn a_trust_root_that_is_not_there_yet_is_only_warned_of() {
    let mut spec = spec(json!({ "pem": KEY }));
    spec["authorities"][0]["trustRootRef"] = json!({ "name": "private" });
    let answer = created(There::known(&[]), "ClusterImageTrustPolicy", spec.clone());
    let warning = "spec.authorities[0].trustRootRef.name: there is no ImageTrustRoot \"private\"; until there is, it admits nothing";
    let warned = json!({ "uid": "1", "allowed": true, "warnings": [warning] });
    assert_eq!(answer, warned);
    let mut there = There::known(&[]);
    let name = TrustRootName::Named("private".to_owned());
    there.trust_roots = there
        .trust_roots
        .map(|roots| roots.with(name, Err("later".to_owned())));
    assert_eq!(created(there, "ClusterImageTrustPolicy", spec), admitted());
}

#[test]
fn a_policy_that_leaves_out_all_that_it_matches_is_warned_of() {
    let mut spec = spec(json!({ "pem": KEY }));
    for (left_out, expected) in [
        (json!(["**"]), 1),
        (json!(["registry.example/shop/**"]), 1),
        (json!(["registry.example/shop/api"]), 0),
    ] {
        spec["match"]["excludeImages"] = left_out;
        let answer = created(There::known(&[]), "ClusterImageTrustPolicy", spec.clone());
        let warnings = answer["warnings"].as_array().map_or(0, Vec::len);
        assert_eq!((warnings, &answer["allowed"]), (expected, &json!(true)));
    }
}

#[test]
fn a_broken_object_that_keeps_its_spec_can_be_changed_otherwise() {
    for kind in [
        "ClusterImageTrustPolicy",
        "ImageTrustPolicy",
        "ImageTrustRoot",
    ] {
        let old = object(kind, nonsense());
        let mut new = old.clone();
        new["metadata"]["finalizers"] = json!([]);
        new["status"] = json!({ "conditions": [] });
        let update = |new: &Value, old: &Value| request(kind, "UPDATE", new.clone(), old.clone());
        assert_eq!(answer_of(There::known(&[]), update(&new, &old)), admitted());
        new["spec"]["action"] = json!("Audit");
        let changed = answer_of(There::known(&[]), update(&new, &old));
        assert_eq!(changed["allowed"], json!(false));
        let gone = request(kind, "DELETE", Value::Null, old);
        assert_eq!(answer_of(There::known(&[]), gone), admitted());
    }
}

#[test]
fn a_subresource_and_other_objects_are_none_of_its_business() {
    let kind = "ClusterImageTrustPolicy";
    let mut status = request(
        kind,
        "UPDATE",
        object(kind, nonsense()),
        object(kind, json!({})),
    );
    status["subResource"] = json!("status");
    assert_eq!(answer_of(There::known(&[]), status), admitted());
    let mut pod = request(kind, "CREATE", json!({ "kind": "Pod" }), Value::Null);
    pod["resource"] = json!({ "group": "", "version": "v1", "resource": "pods" });
    assert_eq!(answer_of(There::known(&[]), pod), admitted());
}

#[test]
fn an_object_whose_name_is_yet_to_be_chosen_is_judged() {
    let kind = "ClusterImageTrustPolicy";
    let mut unnamed = object(kind, nonsense());
    unnamed["metadata"] = json!({ "generateName": "mine-" });
    let answer = answer_of(
        There::known(&[]),
        request(kind, "CREATE", unnamed, Value::Null),
    );
    assert_eq!(answer["allowed"], json!(false));
}

#[test]
fn a_trust_root_is_parsed_before_it_is_stored() {
    let config_map = ObjectEntry::ConfigMap {
        name: "root".to_owned(),
        key: "trusted_root.json".to_owned(),
    };
    let by_reference = json!({ "configMapRef": { "name": "root", "key": "trusted_root.json" } });
    let refused = created(
        There::known(&[]),
        "ImageTrustRoot",
        json!({ "trustedRoot": "{}" }),
    );
    assert_eq!(refused["allowed"], json!(false));
    assert_eq!(
        refused["status"]["details"]["causes"][0]["field"],
        json!("spec.trustedRoot")
    );
    let there = There::known(&[(config_map, "{}")]);
    let warned = created(there, "ImageTrustRoot", by_reference.clone());
    assert_eq!(warned["allowed"], json!(true));
    assert!(
        warned["warnings"][0]
            .as_str()
            .unwrap()
            .starts_with("spec.configMapRef: ")
    );
    let missing = created(There::known(&[]), "ImageTrustRoot", by_reference);
    assert_eq!(
        missing["warnings"],
        json!(["spec.configMapRef: there is no such object in namespace \"assay-system\""])
    );
    let two = json!({ "trustedRoot": "{}", "secretRef": { "name": "a", "key": "b" } });
    let refused = created(There::known(&[]), "ImageTrustRoot", two);
    assert_eq!(
        refused["status"]["details"]["causes"][0]["field"],
        json!("spec")
    );
}

#[test]
fn switches_that_weaken_a_trust_root_are_warned_of() {
    let sigstore = PrivateSigstore::new("2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let root = sigstore.trusted_root_json();
    let spec = json!({
        "trustedRoot": root, "insecureNoSct": true, "insecureNoTransparencyLog": true,
    });
    let answer = created(There::known(&[]), "ImageTrustRoot", spec);
    assert_eq!(answer["allowed"], json!(true));
    let warnings = answer["warnings"].as_array().unwrap();
    assert_eq!(
        warnings[..2],
        [
            json!(
                "spec.insecureNoSct: whoever can make this Fulcio issue a certificate can do so unseen"
            ),
            json!(
                "spec.insecureNoTransparencyLog: signatures can be made unseen; nothing logs them"
            ),
        ]
    );
}

#[test]
fn what_is_told_is_bounded_and_on_lines_of_its_own() {
    let mut spec = spec(json!({ "pem": KEY }));
    let pattern = format!("no\npattern{}", "x".repeat(limits::PROBLEM_CHARS));
    spec["match"]["images"] = json!(vec![pattern; limits::PROBLEMS_PER_REVIEW + 2]);
    let answer = created(There::known(&[]), "ClusterImageTrustPolicy", spec);
    let message = answer["status"]["message"].as_str().unwrap();
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), limits::PROBLEMS_PER_REVIEW + 1, "{message}");
    assert_eq!(lines.last(), Some(&"and 2 more"));
    assert!(
        lines
            .iter()
            .all(|line| line.chars().count() <= limits::PROBLEM_CHARS)
    );
    let causes = answer["status"]["details"]["causes"].as_array().unwrap();
    assert_eq!(causes.len(), limits::PROBLEMS_PER_REVIEW + 1);
    // A name that leaves no room for what is to be said of it is cut, never the number of lines.
    let mut spec = by_secret();
    let name = "n".repeat(limits::WARNING_CHARS);
    spec["authorities"][0]["trustRootRef"] = json!({ "name": name });
    let answer = created(There::known(&[]), "ClusterImageTrustPolicy", spec);
    let warnings = answer["warnings"].as_array().unwrap();
    let lengths: Vec<usize> = warnings
        .iter()
        .map(|it| it.as_str().unwrap().chars().count())
        .collect();
    assert_eq!(lengths.len(), 2, "{warnings:?}");
    assert!(
        lengths
            .iter()
            .all(|length| *length <= limits::WARNING_CHARS),
        "{warnings:?}"
    );
}
