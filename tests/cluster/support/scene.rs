//! One test's namespace, and what its user does there.

use serde_json::{Value, json};

use super::{Cluster, cluster, eventually, process::Finished};

/// A namespace of its own. When its test fails, events and logs are printed.
pub(crate) struct Scene {
    /// The shared cluster.
    pub(crate) cluster: &'static Cluster,
    /// The namespace.
    pub(crate) namespace: String,
}

impl Scene {
    /// Makes the namespace, and waits until Pods can be made in it.
    pub(crate) fn new(name: &str) -> Self {
        let scene = Self {
            cluster: cluster(),
            namespace: name.to_owned(),
        };
        scene
            .cluster
            .control_plane
            .kubectl(&["create", "namespace", name])
            .expect_success();
        eventually("the namespace's service account", || {
            (scene.kubectl(&["get", "serviceaccount", "default"]).code == Some(0)).then_some(())
        });
        scene
    }

    /// A namespace with a policy: images of this repository must be signed with the shared key.
    pub(crate) fn guarded_by_key(name: &str, images: &str) -> Self {
        let scene = Self::new(name);
        scene.demand_key("signed", images, &scene.cluster.signer.public_key);
        scene
    }

    /// Adds or replaces a policy, and waits until it is in force.
    pub(crate) fn demand_key(&self, policy: &str, images: &str, pem: &str) {
        self.apply(&self.policy(policy, images, pem))
            .expect_success();
        self.wait_for_policy(policy, "True");
    }

    /// A policy that demands a signature by a key.
    pub(crate) fn policy(&self, name: &str, images: &str, pem: &str) -> Value {
        json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": "ImageTrustPolicy",
            "metadata": { "name": name, "namespace": self.namespace },
            "spec": {
                "match": { "images": [images] },
                "authorities": [{ "name": "release-key", "key": { "pem": pem } }],
            },
        })
    }

    /// Waits until the status of a policy's latest form says this of Ready; answers that condition.
    pub(crate) fn wait_for_policy(&self, name: &str, ready: &str) -> Value {
        eventually("the policy's status", || {
            let policy = self.get(&["imagetrustpolicy", name]);
            let condition = policy["status"]["conditions"]
                .as_array()?
                .iter()
                .find(|condition| condition["type"] == "Ready")?
                .clone();
            let is_latest =
                policy["status"]["observedGeneration"] == policy["metadata"]["generation"];
            (is_latest && condition["status"] == ready).then_some(condition)
        })
    }

    /// Applies an object of the whole cluster, and waits until its status says Ready of its latest form.
    pub(crate) fn put(&self, kind: &str, name: &str, spec: &Value) {
        self.apply(&json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": kind,
            "metadata": { "name": name },
            "spec": spec,
        }))
        .expect_success();
        eventually("the object to be ready", || {
            let object = self.get(&[kind, name]);
            let conditions = object["status"]["conditions"].as_array()?;
            let is_latest =
                object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let is_ready = conditions
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            (is_latest && is_ready).then_some(())
        });
    }

    /// kubectl in this namespace.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Finished {
        let mut all = vec!["--namespace", &self.namespace];
        all.extend(arguments);
        self.cluster.control_plane.kubectl(&all)
    }

    /// `kubectl get … -o json` in this namespace.
    pub(crate) fn get(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--namespace", &self.namespace];
        all.extend(arguments);
        self.cluster.control_plane.get(&all)
    }

    /// `kubectl apply -f -` in this namespace.
    pub(crate) fn apply(&self, object: &Value) -> Finished {
        let arguments = ["--namespace", &self.namespace, "apply", "-f", "-"];
        self.cluster
            .control_plane
            .kubectl_with_input(&arguments, &object.to_string())
    }

    /// Applies an object that must be let in, and answers how it reads then.
    #[track_caller]
    pub(crate) fn accepts(&self, object: &Value) -> Value {
        self.apply(object).expect_success();
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .expect("it is text")
        };
        self.get(&[text("/kind"), text("/metadata/name")])
    }

    /// Applies an object that must be refused with this code, and answers our part of what kubectl printed.
    #[track_caller]
    pub(crate) fn rejects(&self, object: &Value, code: &str) -> String {
        let stderr = self.apply(object).expect_failure();
        denial(&stderr, code)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let events = self.kubectl(&["get", "events"]);
            eprintln!(
                "events of {}:\n{}{}",
                self.namespace, events.stdout, events.stderr
            );
            eprintln!("assay:\n{}", self.cluster.assay.last_lines(40));
            eprintln!("{}", self.cluster.control_plane.last_lines(15));
        }
    }
}

/// Our part of a refusal that kubectl printed, which must be a `Forbidden` with this code.
#[track_caller]
pub(crate) fn denial(stderr: &str, code: &str) -> String {
    assert!(
        stderr.starts_with("Error from server (Forbidden): "),
        "{stderr}"
    );
    let (_, ours) = stderr
        .split_once("denied the request: ")
        .unwrap_or_else(|| panic!("no admission webhook refused this: {stderr}"));
    assert!(
        ours.contains(&format!("[{code}]")),
        "{code} is not in: {ours}"
    );
    ours.trim_end().to_owned()
}

/// A Pod with one container.
pub(crate) fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": { "containers": [{ "name": "app", "image": image }] },
    })
}

/// A Deployment with one container.
pub(crate) fn deployment(name: &str, image: &str, replicas: usize) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "app", "image": image }] },
            },
        },
    })
}
