//! The Helm chart, by the real helm and on the real API server.

mod tables;

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use self::tables::{NONSENSE, RIGHTS};
use crate::support::{
    assay::doctor,
    cluster, component,
    control_plane::ControlPlane,
    process::{Finished, run},
    work_folder,
};

#[test]
#[ignore = "needs helm"]
fn values_that_make_no_sense_are_refused_with_a_sentence() {
    for (values, sentence) in NONSENSE {
        let stderr = template("assay", &["--set", values]).expect_failure();
        assert!(
            stderr.contains(sentence),
            "{values} should say {sentence:?} and says:\n{stderr}"
        );
    }
}

#[test]
#[ignore = "needs helm"]
fn nothing_differs_between_two_renders() {
    for values in FORMS {
        let render = || template("assay", &file(values)).expect_success();
        assert_eq!(render(), render(), "{values}");
    }
}

#[test]
#[ignore = "needs a cluster"]
fn every_form_of_the_chart_passes_the_api_servers_strict_dry_run() {
    let plane = &cluster().control_plane;
    for definition in foreign_definitions() {
        plane
            .kubectl_with_input(&["apply", "-f", "-"], &definition.to_string())
            .expect_success();
    }
    plane
        .kubectl(&[
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=60s",
        ])
        .expect_success();
    // A Pod is refused without its account, also in a dry run.
    plane
        .kubectl(&[
            "--namespace",
            "assay-system",
            "create",
            "serviceaccount",
            "dry-run-assay-doctor",
        ])
        .expect_success();
    for values in FORMS {
        let rendered = template("dry-run", &file(values)).expect_success();
        let told = plane
            .kubectl_with_input(
                &[
                    "apply",
                    "--server-side",
                    "--force-conflicts",
                    "--dry-run=server",
                    "--validate=strict",
                    "-f",
                    "-",
                ],
                &rendered,
            )
            .expect_success();
        assert!(
            told.contains("deployment.apps/dry-run-assay serverside-applied (server dry run)"),
            "{told}"
        );
    }
}

#[test]
#[ignore = "needs a cluster"]
fn an_upgrade_leaves_alone_what_assay_has_written_and_uninstalling_leaves_nothing() {
    let release = Release::new("upgraded");
    release.helm("install", &["--create-namespace"]);
    release.write_as_assay();
    let written = release.written();
    release.helm(
        "upgrade",
        &["--set", "webhook.timeoutSeconds=11,replicas=3"],
    );
    assert_eq!(release.written(), written);
    let upgraded = release.get("mutatingwebhookconfiguration", "upgraded-assay");
    assert_eq!(upgraded["webhooks"][0]["timeoutSeconds"], 11);

    release.helm("uninstall", &["--wait"]);
    let left = release
        .plane
        .kubectl(&[
            "--namespace",
            "upgraded",
            "get",
            KINDS,
            "--selector",
            "app.kubernetes.io/instance=upgraded",
            "--output",
            "name",
        ])
        .expect_success();
    assert_eq!(left, "");
}

#[test]
#[ignore = "needs a cluster"]
fn the_documented_commands_break_the_glass_and_an_upgrade_mends_it() {
    let release = Release::new("broken-glass");
    release.helm("install", &["--create-namespace"]);
    let webhooks = || {
        [
            "mutatingwebhookconfiguration",
            "validatingwebhookconfiguration",
        ]
        .map(|kind| {
            let webhook = release.get(kind, "broken-glass-assay")["webhooks"][0].clone();
            (
                webhook["failurePolicy"].clone(),
                webhook["namespaceSelector"]["matchExpressions"].clone(),
            )
        })
    };
    let whole = webhooks();
    release.break_glass("# break-glass\n");
    assert_eq!(webhooks().map(|(policy, _)| policy), ["Ignore", "Ignore"]);
    release.break_glass("# break-glass for everything\n");
    let nowhere = json!([{ "key": "assay.dev/switched-off", "operator": "Exists" }]);
    assert_eq!(
        webhooks().map(|(_, selected)| selected),
        [nowhere.clone(), nowhere]
    );
    release.helm("upgrade", &[]);
    assert_eq!(webhooks(), whole);
    release.helm("uninstall", &[]);
}

#[test]
#[ignore = "needs a cluster"]
fn applying_what_helm_renders_again_leaves_alone_what_assay_has_written() {
    let release = Release::new("applied");
    release
        .plane
        .kubectl(&["create", "namespace", "applied"])
        .expect_success();
    let apply = |options: &[&str], values: &str| {
        let mut arguments = vec!["--skip-tests", "--set", QUIET, "--set", values];
        arguments.extend(["--namespace", "applied"]);
        let rendered = template("applied", &arguments).expect_success();
        let mut all = vec!["apply", "-f", "-"];
        all.extend(options);
        release
            .plane
            .kubectl_with_input(&all, &rendered)
            .expect_success();
    };
    apply(&[], "replicas=2");
    release.write_as_assay();
    let written = release.written();
    apply(&[], "replicas=3");
    assert_eq!(release.written(), written);
    apply(&["--server-side", "--force-conflicts"], "replicas=2");
    assert_eq!(release.written(), written);
    apply(&["--server-side"], "replicas=4");
    assert_eq!(release.written(), written);
}

#[test]
#[ignore = "needs a cluster"]
fn the_rights_are_those_that_the_values_say_and_no_more() {
    let release = Release::new("rights");
    for namespace in ["rights-listed", "rights-other"] {
        release
            .plane
            .kubectl(&["create", "namespace", namespace])
            .expect_success();
    }
    release.helm("install", &["--create-namespace"]);
    assert_eq!(release.may("get secrets", "rights-other"), "yes");
    assert_eq!(release.may("list secrets", "rights-other"), "no");
    release.helm(
        "upgrade",
        &[
            "--set",
            "pullSecrets.scope=Namespaces,pullSecrets.namespaces={rights-listed}",
        ],
    );
    for (what, namespace, expected) in RIGHTS {
        assert_eq!(
            release.may(what, namespace),
            expected,
            "{what} in {namespace}"
        );
    }
    release.helm("uninstall", &[]);
}

#[test]
#[ignore = "needs a cluster"]
fn running_pods_are_looked_at_where_the_webhook_is_asked_about_them_and_nowhere_else() {
    let release = Release::new("looked-at");
    let values = "webhook.namespaces=Labelled,webhook.excludedNamespaces={legacy}";
    release.helm("install", &["--create-namespace", "--set", values]);
    let webhook = release.get("mutatingwebhookconfiguration", "looked-at-assay");
    let deployment = release.get("deployment", "looked-at-assay");
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let mut arguments = arguments.as_array().expect("a list").iter();
    let selector = arguments
        .find_map(|argument| argument.as_str()?.strip_prefix("--warm-up-namespaces="))
        .expect("the flag");
    let selector: Value = serde_json::from_str(selector).expect("JSON");
    assert_eq!(selector, webhook["webhooks"][0]["namespaceSelector"]);
    release.helm("uninstall", &[]);
}

#[test]
#[ignore = "needs a cluster"]
fn the_doctor_says_of_each_part_that_it_works() {
    let cluster = cluster();
    let told = doctor(&work_folder(), &cluster.control_plane).stdout;
    let url = format!("https://{}", cluster.assay.address);
    // The policies are those of other tests, and some of them are broken on purpose.
    for line in [
        "ok     the 3 custom resource definitions are those of this version".to_owned(),
        "ok     the webhook configurations \"assay\" say where to ask and whom to trust".to_owned(),
        format!(
            "ok     the certificate of {url} is from the authority in the webhook configurations"
        ),
        format!("ok     a replica behind {url} is ready"),
    ] {
        assert!(
            told.lines().any(|told| told == line),
            "{line:?} is not in:\n{told}"
        );
    }
    assert!(told.lines().any(|line| line.ends_with(" leads")), "{told}");
}

/// A release that intercepts nothing, so that it disturbs no other test.
struct Release {
    name: &'static str,
    plane: &'static ControlPlane,
}

impl Release {
    fn new(name: &'static str) -> Self {
        let plane = &cluster().control_plane;
        Self { name, plane }
    }

    fn helm(&self, command: &str, options: &[&str]) {
        let mut helm = helm();
        helm.env("KUBECONFIG", self.plane.admin_kubeconfig())
            .args([command, self.name]);
        if command != "uninstall" {
            helm.arg(CHART).args(["--set", QUIET]);
        }
        helm.args(["--namespace", self.name]).args(options);
        run(&mut helm).expect_success();
    }

    fn get(&self, kind: &str, name: &str) -> Value {
        self.plane.get(&["--namespace", self.name, kind, name])
    }

    /// What Assay writes into objects of the chart: its certificate, the authority of it, and who leads.
    fn write_as_assay(&self) {
        let name = format!("{}-assay", self.name);
        let authority = json!({ "webhooks": [
            { "name": "mutate.assay.dev", "clientConfig": { "caBundle": CERTIFICATE } },
        ]});
        self.patch("mutatingwebhookconfiguration", &name, &authority);
        let authority = json!({ "webhooks": [
            { "name": "validate.assay.dev", "clientConfig": { "caBundle": CERTIFICATE } },
        ]});
        self.patch("validatingwebhookconfiguration", &name, &authority);
        let secret = json!({ "data": { "tls.crt": "Y3J0", "tls.key": "a2V5" } });
        self.patch("secret", &format!("{name}-webhook-certificate"), &secret);
        let lease = json!({ "spec": { "holderIdentity": "one", "leaseDurationSeconds": 15 } });
        self.patch("lease", &name, &lease);
    }

    fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let kind_of_patch = if kind == "lease" {
            "merge"
        } else {
            "strategic"
        };
        self.plane
            .kubectl(&[
                "--namespace",
                self.name,
                "patch",
                kind,
                name,
                "--field-manager=assay",
                "--type",
                kind_of_patch,
                "-p",
                &patch.to_string(),
            ])
            .expect_success();
    }

    fn written(&self) -> [Value; 4] {
        let name = format!("{}-assay", self.name);
        let bundle =
            |kind: &str| self.get(kind, &name)["webhooks"][0]["clientConfig"]["caBundle"].clone();
        let written = [
            bundle("mutatingwebhookconfiguration"),
            bundle("validatingwebhookconfiguration"),
            self.get("secret", &format!("{name}-webhook-certificate"))["data"].clone(),
            self.get("lease", &name)["spec"].clone(),
        ];
        assert!(written.iter().all(|value| !value.is_null()), "{written:?}");
        written
    }

    /// The very command of the documentation, for this release's names.
    fn break_glass(&self, which: &str) {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/install.md");
        let docs = fs::read_to_string(docs).expect("it is there");
        let command = docs
            .split("```sh\n")
            .find_map(|block| block.strip_prefix(which))
            .and_then(|block| block.split("```").next())
            .expect("it says how");
        let command = command
            .replace("/assay", &format!("/{}-assay", self.name))
            .replace(
                "kubectl",
                &component("ASSAY_KUBE_BIN", "kubectl").display().to_string(),
            );
        run(Command::new("/bin/sh")
            .args(["-euc", &command])
            .env("KUBECONFIG", self.plane.admin_kubeconfig()))
        .expect_success();
    }

    /// Whether Assay's service account may do this, as `yes` or `no`.
    fn may(&self, what: &str, namespace: &str) -> String {
        let account = format!("--as=system:serviceaccount:{0}:{0}-assay", self.name);
        let mut arguments = vec!["auth", "can-i", &account, "--namespace", namespace];
        arguments.extend(what.split(' '));
        let answer = self.plane.kubectl(&arguments).stdout;
        answer.trim().to_owned()
    }
}

fn template(release: &str, options: &[&str]) -> Finished {
    let mut helm = helm();
    helm.args(["template", release, CHART]);
    if !options.contains(&"--namespace") {
        helm.args(["--namespace", "assay-system"]);
    }
    run(helm.args(options))
}

fn helm() -> Command {
    let mut helm = Command::new(component("ASSAY_HELM", ""));
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm");
    helm.env("HOME", home).env_remove("KUBECONFIG");
    helm
}

/// The option that names one of [`FORMS`].
fn file(values: &str) -> Vec<&str> {
    match values {
        "" => Vec::new(),
        values => vec!["--values", values],
    }
}

/// The kinds of others that the chart can make objects of: known to the API server, their fields unknown.
fn foreign_definitions() -> Vec<Value> {
    [
        ("monitoring.coreos.com", "ServiceMonitor", "servicemonitors"),
        ("monitoring.coreos.com", "PrometheusRule", "prometheusrules"),
        ("cert-manager.io", "Issuer", "issuers"),
        ("cert-manager.io", "Certificate", "certificates"),
    ]
    .map(|(group, kind, plural)| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{plural}.{group}") },
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    }},
                }],
            },
        })
    })
    .into()
}

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/assay");

/// Files of values, each another form of the chart; the first is its defaults.
const FORMS: [&str; 4] = [
    "",
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/charts/assay/ci/everything.yaml"
    ),
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/charts/assay/ci/cert-manager.yaml"
    ),
    concat!(env!("CARGO_MANIFEST_DIR"), "/charts/assay/ci/provided.yaml"),
];

/// Nothing is labelled, so nothing is intercepted; the definitions are there already.
const QUIET: &str = "webhook.namespaces=Labelled,webhook.policies.enabled=false,crds.install=false";

/// What the release consists of. No garbage collector runs here, which would remove the Pods.
const KINDS: &str = "services,deployments,secrets,configmaps,leases,roles,rolebindings,clusterroles,clusterrolebindings,\
    serviceaccounts,poddisruptionbudgets,mutatingwebhookconfigurations,validatingwebhookconfigurations";

/// The API server looks only whether a bundle is one: any certificate will do.
const CERTIFICATE: &str = include_str!("chart/certificate.base64");
