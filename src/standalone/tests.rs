mod directory;
mod reload;

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const POLICY: &str = "\
apiVersion: assay.dev/v1alpha1
kind: ClusterImageTrustPolicy
metadata:
  name: shop
spec:
  match:
    images: [\"registry.example/**\"]
  authorities:
    - name: pipeline
      gitlab:
        project: acme/shop
";

#[test]
fn an_unknown_field_is_named_with_file_line_and_column() {
    let text = POLICY.replace("        project:", "        projct:");
    assert_eq!(
        refusal(&text),
        "shop.yaml:11:9: spec.authorities[0].gitlab.projct: unknown field `projct`, expected one of `instance`, `project`, \
         `projectId`, `ref`, `protectedRef`, `configPath`, `pipelineSources`, `runnerEnvironment`, `environment`, \
         `imageInProject`"
    );
}

#[test]
fn a_missing_field_is_named_with_the_field_around_it() {
    let text = POLICY.replace(
        "        project: acme/shop\n",
        "        ref: refs/heads/main\n",
    );
    assert_eq!(
        refusal(&text),
        "shop.yaml:10:7: spec.authorities[0].gitlab: missing field `project`"
    );
}

#[test]
fn what_does_not_compile_is_named_with_its_place_too() {
    let text = format!("---\n# a comment\n---\n{POLICY}  require: 3\n");
    assert_eq!(
        refusal(&text),
        "shop.yaml:15:3: spec.require: expected 1 to 1, the number of authorities, found 3"
    );
}

#[test]
fn every_problem_of_every_file_is_reported() {
    let directory = directory(&[
        ("a.yaml", &POLICY.replace("registry.example/**", "nginx/x")),
        ("b.yaml", "kind: [\n"),
        (
            "c.yaml",
            &POLICY
                .replace("name: shop", "name: other")
                .replace("Cluster", ""),
        ),
    ]);
    let lines = lines(&load(directory.path()).unwrap_err(), directory.path());
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with("b.yaml:"), "{lines:#?}");
    assert_eq!(
        lines[1],
        "c.yaml:3:1: document 1: metadata.namespace: expected a name"
    );
}

#[test]
fn a_key_that_is_written_twice_is_an_error() {
    let text = POLICY.replace("  name: shop\n", "  name: shop\n  name: other\n");
    let refusal = refusal(&text);
    assert!(refusal.starts_with("shop.yaml:5:3: "), "{refusal}");
    assert!(refusal.contains("duplicate"), "{refusal}");
}

#[test]
fn another_kind_is_an_error_that_names_the_document() {
    let text = format!("{POLICY}---\napiVersion: v1\nkind: Pod\nmetadata: {{ name: x }}\n");
    assert_eq!(
        refusal(&text),
        "shop.yaml:14:1: document 2: expected a policy, an ImageTrustRoot, a Secret, a ConfigMap, a Namespace or a List of them, \
         found kind \"Pod\" of \"v1\""
    );
    assert_eq!(
        refusal("just a text\n"),
        "shop.yaml:1:1: document 1: expected a policy, an ImageTrustRoot, a Secret, a ConfigMap, a Namespace or a List of them, \
         found no object"
    );
}

#[test]
fn another_version_of_our_own_kinds_is_an_error() {
    let text = POLICY.replace("v1alpha1", "v1");
    assert_eq!(
        refusal(&text),
        "shop.yaml:3:1: document 1: expected a kind of assay.dev/v1alpha1, found \"ClusterImageTrustPolicy\" of \"assay.dev/v1\""
    );
}

#[test]
fn one_name_stands_for_one_object() {
    let text = format!("{POLICY}---\n{POLICY}");
    assert_eq!(
        refusal(&text),
        "shop.yaml:16:3: ClusterImageTrustPolicy \"shop\" is already in shop.yaml:4:3"
    );
}

#[test]
fn a_trust_root_that_is_not_there_is_an_error() {
    let text = format!("{POLICY}      trustRootRef: {{ name: acme }}\n");
    assert_eq!(
        refusal(&text),
        "shop.yaml:12:23: spec.authorities[0].trustRootRef.name: expected the name of an ImageTrustRoot in this directory, found \"acme\""
    );
}

#[test]
fn a_secret_that_cannot_be_read_does_not_show_its_value() {
    let text =
        "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata:\n  password: 'hunter2!'\n";
    assert_eq!(
        refusal(text),
        "shop.yaml:5:3: data.password: expected Base64, found something else"
    );
    let text = text.replace("'hunter2!'", "4711");
    assert_eq!(
        refusal(&text),
        "shop.yaml:5:3: data.password: expected a text, found something else"
    );
}

#[test]
fn keys_are_found_in_secrets_and_config_maps_of_the_directory() {
    let pem = sample_key();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys" },
        "stringData": { "a.pub": pem },
    });
    let config_map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "keys" },
        "data": { "b.pub": pem },
    });
    let policy = json!({
        "apiVersion": "assay.dev/v1alpha1",
        "kind": "ClusterImageTrustPolicy",
        "metadata": { "name": "by-key" },
        "spec": {
            "match": { "images": ["registry.example/**"] },
            "authorities": [
                { "name": "a", "key": { "secretRef": { "name": "keys", "key": "a.pub" } } },
                { "name": "b", "key": { "configMapRef": { "name": "keys", "key": "b.pub" } } },
            ],
        },
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [policy, secret, config_map] });
    let directory = directory(&[("all.json", &serde_json::to_string_pretty(&list).unwrap())]);
    assert_eq!(names(&load(directory.path()).unwrap()), ["by-key"]);
}

#[test]
fn json_may_be_indented_with_tabs() {
    let policy: Value = serde_saphyr::from_str(POLICY).unwrap();
    let text = serde_json::to_string_pretty(&policy)
        .unwrap()
        .replace("  ", "\t");
    let directory = directory(&[("shop.json", &text)]);
    assert_eq!(names(&load(directory.path()).unwrap()), ["shop"]);
}

#[test]
fn a_file_may_be_full_of_comments() {
    let comments = "# a line of explanation\n".repeat(200);
    let directory = directory(&[("shop.yaml", &format!("{comments}{POLICY}{comments}"))]);
    assert_eq!(names(&load(directory.path()).unwrap()), ["shop"]);
}

#[tokio::test]
async fn a_namespace_has_the_labels_of_its_object_of_the_command_line_and_its_name() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: { env: test, tier: web }\n";
    let directory = directory(&[("namespace.yaml", namespace)]);
    let overrides = BTreeMap::from([("shop".to_owned(), labels(&[("env", "production")]))]);
    let settings = Settings {
        namespaces: overrides,
        ..Settings::default()
    };
    let standalone = Standalone::new(load(directory.path()).unwrap(), settings);
    assert_eq!(
        standalone.namespace_labels("shop").await.unwrap(),
        labels(&[
            ("env", "production"),
            ("kubernetes.io/metadata.name", "shop"),
            ("tier", "web"),
        ])
    );
    assert_eq!(
        standalone.namespace_labels("other").await.unwrap(),
        labels(&[("kubernetes.io/metadata.name", "other")])
    );
}

#[test]
fn the_sample_policies_load_together_with_what_they_name() {
    let directory = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/samples");
    for entry in fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
    }
    let root = serde_saphyr::to_string(&json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "acme-trusted-root" },
        "data": { "trusted_root.json": sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT },
    }));
    fs::write(directory.path().join("root.yaml"), root.unwrap()).unwrap();
    let loaded = load(directory.path()).unwrap();
    assert_eq!(
        names(&loaded),
        [
            "attested-controller",
            "ingress-controller",
            "platform-key",
            "rotated-key",
            "shop-production",
            "shop-provenance",
            "payments/payments",
        ]
    );
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// What is wrong with this text as `shop.yaml`: one line, without the directory.
fn refusal(text: &str) -> String {
    let directory = directory(&[("shop.yaml", text)]);
    lines(&load(directory.path()).unwrap_err(), directory.path()).join("\n")
}

fn lines(error: &LoadError, directory: &Path) -> Vec<String> {
    let prefix = format!("{}/", directory.display());
    let text = error.to_string().replace(&prefix, "");
    text.lines().map(str::to_owned).collect()
}

fn names(loaded: &Loaded) -> Vec<String> {
    loaded
        .policies
        .iter()
        .map(|(id, _)| id.to_string())
        .collect()
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn sample_key() -> String {
    let sample: Value =
        serde_saphyr::from_str(include_str!("../../manifests/samples/key.yaml")).unwrap();
    let pem = &sample["spec"]["authorities"][0]["key"]["pem"];
    pem.as_str().unwrap().to_owned()
}
