//! What a failure means, namespace by namespace, as kubectl and the API server's audit log tell it.

use serde_json::{Value, json};

use crate::support::{
    cluster, eventually,
    image::Image,
    process::Finished,
    scene::{Scene, deployment, pod},
};

/// An image that nobody signed, and the pattern that matches it.
fn unsigned(scene: &Scene) -> Image {
    let repository = format!("{}/app", scene.namespace);
    let registry = &scene.cluster.registry;
    scene.cluster.signer.push(registry, &repository, "v1")
}

fn policy(scene: &Scene, action: &str) -> Value {
    let images = format!("{}/{}/**", scene.cluster.registry.host, scene.namespace);
    let mut policy = scene.policy("signed", &images, &scene.cluster.signer.public_key);
    policy["spec"]["action"] = json!(action);
    policy
}

fn put(scene: &Scene, action: &str) {
    scene.apply(&policy(scene, action)).expect_success();
    scene.wait_for_policy("signed", "True");
}

fn label(scene: &Scene, label: &str) {
    let arguments = ["label", "namespace", &scene.namespace, label, "--overwrite"];
    scene.kubectl(&arguments).expect_success();
}

/// The warnings that kubectl printed.
fn warnings(finished: &Finished) -> Vec<&str> {
    let lines = finished.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix("Warning: "))
        .collect()
}

/// Applies a Pod until the answer is as expected: labels reach Assay by its watch.
fn applied_until(
    scene: &Scene,
    name: &str,
    image: &Image,
    wanted: fn(&Finished) -> bool,
) -> Finished {
    eventually("the mode to be in force", || {
        scene.kubectl(&["delete", "pod", name, "--ignore-not-found", "--force"]);
        let finished = scene.apply(&pod(name, &image.tagged));
        wanted(&finished).then_some(finished)
    })
}

fn is_warned(finished: &Finished) -> bool {
    finished.code == Some(0) && !warnings(finished).is_empty()
}

fn is_refused(finished: &Finished) -> bool {
    finished.code != Some(0)
}

/// The audit annotations of the last request that made this object, without the webhooks' names.
fn audited(scene: &Scene, resource: &str, name: &str, webhook: &str) -> Value {
    eventually("the audit log to tell of it", || {
        let events = scene.cluster.control_plane.audit_events();
        let event = events.iter().rev().find(|event| {
            let object = &event["objectRef"];
            object["resource"] == resource
                && object["namespace"] == scene.namespace.as_str()
                && object["name"] == name
                && event["verb"] == "create"
        })?;
        let annotations = event["annotations"].as_object()?;
        let prefix = format!("{webhook}.assay.dev/");
        let own = annotations.iter().filter_map(|(key, value)| {
            Some((key.strip_prefix(&prefix)?.to_owned(), value.clone()))
        });
        Some(Value::Object(own.collect()))
    })
}

#[test]
#[ignore = "needs a cluster"]
fn a_warning_policy_warns_once_per_image_and_leaves_the_whole_line_in_the_audit_log() {
    let scene = Scene::new("warned");
    let image = unsigned(&scene);
    put(&scene, "Warn");
    let finished = scene.apply(&pod("app", &image.tagged));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let [line] = warnings(&finished)[..] else {
        panic!("{}", finished.stderr)
    };
    // Both webhooks say the same, and the API server says it once.
    assert!(line.chars().count() <= 120, "{line}");
    assert!(line.starts_with("container \"app\": "), "{line}");
    assert!(line.ends_with(" [SignatureMissing]"), "{line}");
    for webhook in ["mutate", "validate"] {
        let audit = audited(&scene, "pods", "app", webhook);
        assert_eq!(audit["decision"], "allowed", "{audit}");
        let whole = audit["warned"].as_str().expect("it was warned of");
        assert!(whole.contains("[SignatureMissing]; "), "{whole}");
        assert!(whole.contains("cosign sign"), "{whole}");
    }
    let finished = scene.apply(&deployment("app", &image.tagged, 0));
    assert_eq!(warnings(&finished).len(), 1, "{}", finished.stderr);
}

#[test]
#[ignore = "needs a cluster"]
fn an_auditing_policy_tells_only_the_audit_log() {
    let scene = Scene::new("audited");
    let image = unsigned(&scene);
    put(&scene, "Audit");
    let finished = scene.apply(&pod("app", &image.tagged));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(warnings(&finished), [""; 0]);
    let audit = audited(&scene, "pods", "app", "validate");
    let whole = audit["reported"].as_str().expect("it was reported");
    assert!(whole.contains("[SignatureMissing]; "), "{whole}");
    assert_eq!(audit["warned"], Value::Null);
}

#[test]
#[ignore = "needs a cluster"]
fn a_label_lowers_what_a_policy_denies_and_the_audit_log_says_so() {
    let scene = Scene::new("lowered");
    let image = unsigned(&scene);
    put(&scene, "Deny");
    scene.rejects(&pod("before", &image.tagged), "SignatureMissing");
    label(&scene, "assay.dev/action=Warn");
    let finished = applied_until(&scene, "app", &image, is_warned);
    assert_eq!(warnings(&finished).len(), 1, "{}", finished.stderr);
    let audit = audited(&scene, "pods", "app", "validate");
    let whole = audit["warned"].as_str().expect("it was warned of");
    let end = "; lowered from Deny to Warn by the namespace's label assay.dev/action";
    assert!(whole.ends_with(end), "{whole}");
    assert_eq!(
        audit["labels"],
        "assay.dev/action=Warn lowers what policies deny to a warning"
    );
    label(&scene, "assay.dev/action-");
    applied_until(&scene, "after", &image, is_refused);
}

#[test]
#[ignore = "needs a cluster"]
fn a_label_refuses_what_no_policy_matches() {
    let scene = Scene::new("closed");
    let image = unsigned(&scene);
    scene.accepts(&pod("before", &image.tagged));
    label(&scene, "assay.dev/default-action=Deny");
    let finished = applied_until(&scene, "app", &image, is_refused);
    assert!(
        finished.stderr.contains("[NoPolicyMatches]; "),
        "{}",
        finished.stderr
    );
    label(&scene, "assay.dev/default-action=deny");
    let let_in = applied_until(&scene, "app", &image, |it| it.code == Some(0));
    assert_eq!(warnings(&let_in), [""; 0]);
    assert_eq!(
        audited(&scene, "pods", "app", "validate")["labels"],
        "assay.dev/default-action=deny does not count: expected Allow, Warn or Deny"
    );
}

#[test]
#[ignore = "needs a cluster"]
fn the_rollout_guide_works_as_it_is_written() {
    let guide = include_str!("../../docs/rollout.md");
    let scene = Scene::new("shop");
    let image = unsigned(&scene);
    put_the_policy_of(guide, &scene);
    // Helm has tests of its own, and the API server's audit log is a file here.
    let commands: Vec<&str> = blocks(guide, "sh")
        .into_iter()
        .flat_map(str::lines)
        .filter(|line| line.starts_with("kubectl ") && !line.contains("apply -f"))
        .collect();
    let [look, mark, deny, unmark, left, default @ ..] = commands.as_slice() else {
        panic!("{commands:?}")
    };
    assert!(run(&scene, look).contains("Audit"));
    let silent = scene.apply(&pod("looked", &image.tagged));
    assert_eq!((silent.code, silent.stderr.as_str()), (Some(0), ""));
    // Not every namespace: other tests have theirs.
    run(&scene, &mark.replace("--all", "shop"));
    run(&scene, deny);
    applied_until(&scene, "told", &image, is_warned);
    assert!(run(&scene, left).contains("shop"));
    run(&scene, unmark);
    let refused = applied_until(&scene, "refused", &image, is_refused);
    assert!(
        refused.stderr.contains("[SignatureMissing]; "),
        "{}",
        refused.stderr
    );
    let left = scene.kubectl(&["get", "namespaces", "-l", "assay.dev/action=Warn"]);
    assert!(!left.stdout.contains("shop"), "{}", left.stdout);
    close(&scene, default);
    for back in going_back(guide) {
        run(&scene, &back);
    }
    let back = applied_until(&scene, "back", &image, |it| it.code == Some(0));
    assert_eq!(warnings(&back), [""; 0]);
    run(
        &scene,
        &format!("kubectl delete clusterimagetrustpolicy {SHOWN_POLICY}"),
    );
}

/// Puts the one policy of the guide in force, over this cluster's registry and with its key.
fn put_the_policy_of(guide: &str, scene: &Scene) {
    let [yaml] = blocks(guide, "yaml")[..] else {
        panic!("one policy is shown")
    };
    let policy = yaml.replace("registry.gitlab.com/acme", &cluster().registry.host);
    let mut policy: Value = serde_saphyr::from_str(&policy).expect("it is YAML");
    policy["spec"]["authorities"][0]["key"]["pem"] = json!(scene.cluster.signer.public_key);
    scene.put("ClusterImageTrustPolicy", OWN_POLICY, &policy["spec"]);
}

/// Refuses what no policy matches, by the commands of the guide.
fn close(scene: &Scene, commands: &[&str]) {
    let [warn, deny, unmark] = commands else {
        panic!("{commands:?}")
    };
    let registry = &scene.cluster.registry;
    let other = scene.cluster.signer.push(registry, "rest/app", "v1");
    run(scene, warn);
    applied_until(scene, "rest", &other, is_warned);
    run(scene, deny);
    applied_until(scene, "rest", &other, is_refused);
    run(scene, &unmark.replace("--all", "shop"));
    applied_until(scene, "rest", &other, |it| it.code == Some(0));
}

/// Runs a command of the guide as the cluster's administrator.
#[track_caller]
fn run(scene: &Scene, command: &str) -> String {
    let words = shell_words(&command.replace(SHOWN_POLICY, OWN_POLICY));
    let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    scene
        .cluster
        .control_plane
        .kubectl(&arguments)
        .expect_success()
}

/// The blocks of a document in this language.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let start = format!("```{language}\n");
    let after = document.split(start.as_str()).skip(1);
    after.filter_map(|rest| rest.split("```").next()).collect()
}

/// The commands of the table at the end.
fn going_back(guide: &str) -> Vec<String> {
    let rows = guide.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| Some(row.split('`').nth(1)?.to_owned()))
        .filter(|command| command.starts_with("kubectl "))
        .collect()
}

/// The words of a command line: only single quotes are used.
fn shell_words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in command.chars() {
        match (character, quoted) {
            ('\'', _) => quoted = !quoted,
            (' ', false) => words.push(String::new()),
            _ => words.last_mut().expect("there is one").push(character),
        }
    }
    words
}

/// The policy of the guide, and what it is called here: other tests have one of that name.
const SHOWN_POLICY: &str = "shop-release";
const OWN_POLICY: &str = "shop-rollout";
