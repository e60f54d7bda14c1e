//! What is deployed in the demonstration, and what should come of it.

use serde_json::{Value, json};

use super::stage::{MOVING_REPOSITORY, MOVING_TAG, Stage};

/// One `kubectl apply`.
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) before: Before,
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    /// Containers and their images.
    pub(super) images: Vec<(&'static str, String)>,
    pub(super) expected: Expected,
}

/// What happens before a scene.
#[derive(Clone, Copy)]
pub(super) enum Before {
    Nothing,
    /// Someone with push rights lets the tag name another image.
    MoveTag,
}

/// What kind of object is applied.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Pod,
    Deployment,
}

/// What should come of it.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    Admitted,
    Refused(&'static [&'static str]),
}

/// The whole programme.
pub(super) fn all(stage: &Stage) -> Vec<Scene> {
    let mut scenes = Vec::from(signed(stage));
    scenes.extend(refused(stage));
    scenes.extend(built(stage));
    scenes.push(deployment(stage));
    scenes.extend(moving_tag(stage));
    scenes
}

/// The review of the first scene that is refused: the one to try by hand.
pub(super) fn review_to_try(scenes: &[Scene]) -> Value {
    scenes
        .iter()
        .find(|scene| matches!(scene.expected, Expected::Refused(_)))
        .map(|scene| scene.review(&scene.object()))
        .unwrap_or_default()
}

fn signed(stage: &Stage) -> [Scene; 2] {
    [
        Scene::pod(
            "Signed by the release pipeline of its GitLab project (cosign 3 bundle)",
            ("api", stage.image("shop/api:1.8.2")),
            Expected::Admitted,
        ),
        Scene::pod(
            "Signed with the platform team's key (cosign 2 layout)",
            ("base", stage.image("ops/base:3")),
            Expected::Admitted,
        ),
    ]
}

fn refused(stage: &Stage) -> [Scene; 6] {
    [
        Scene::pod(
            "Not signed",
            ("db", stage.image("shop/db:2")),
            Expected::Refused(&["SignatureMissing"]),
        ),
        Scene::pod(
            "Signed by a pipeline of somebody's fork",
            ("web", stage.image("shop/web:5")),
            Expected::Refused(&["IdentityMismatch"]),
        ),
        Scene::pod(
            "Tampered with: carries the signature of another image",
            ("crm", stage.image("shop/crm:7")),
            Expected::Refused(&["SignatureInvalid"]),
        ),
        Scene::pod(
            "Tampered with: a genuine certificate and log entry beside a signature of something else",
            ("ads", stage.image("shop/ads:4")),
            Expected::Refused(&["SignatureInvalid"]),
        ),
        Scene::pod(
            "Signed with another key",
            ("tool", stage.image("ops/tool:1")),
            Expected::Refused(&["KeyMismatch"]),
        ),
        Scene::pod(
            "From a repository whose name only begins like an allowed one",
            ("lookalike", stage.image("shop.evil/api:1.8.2")),
            Expected::Refused(&["NoPolicyMatches"]),
        ),
    ]
}

fn built(stage: &Stage) -> [Scene; 3] {
    [
        Scene::pod(
            "Built as the policy asks, as its signed provenance says",
            ("cards", stage.image("bank/cards:714a630e")),
            Expected::Admitted,
        ),
        Scene::pod(
            "Built on a runner that somebody registered for a project",
            ("loans", stage.image("bank/loans:714a630e")),
            Expected::Refused(&["RunnerNotAllowed"]),
        ),
        Scene::pod(
            "Built from another commit than its tag says",
            ("rates", stage.image("bank/rates:714a630e")),
            Expected::Refused(&["CommitMismatch"]),
        ),
    ]
}

fn deployment(stage: &Stage) -> Scene {
    let images = [
        ("api", "shop/api:1.8.2"),
        ("db", "shop/db:2"),
        ("web", "shop/web:5"),
    ];
    Scene {
        title: "A Deployment is told at once, and of every image that is refused",
        before: Before::Nothing,
        kind: Kind::Deployment,
        name: "shop",
        images: images.map(|(name, path)| (name, stage.image(path))).into(),
        expected: Expected::Refused(&["SignatureMissing", "IdentityMismatch"]),
    }
}

fn moving_tag(stage: &Stage) -> [Scene; 3] {
    let tagged = stage.image(&format!("{MOVING_REPOSITORY}:{MOVING_TAG}"));
    let pinned = format!("{tagged}@{}", stage.original);
    let mut moved = Scene::pod(
        "The same tag, after somebody let it name another image",
        ("pay", tagged.clone()),
        Expected::Refused(&["SignatureMissing"]),
    );
    moved.before = Before::MoveTag;
    [
        Scene::pod(
            "A tag, while it names the image that was signed",
            ("pay", tagged),
            Expected::Admitted,
        ),
        moved,
        Scene::pod(
            "What was pinned before the tag moved is still what runs",
            ("pay", pinned),
            Expected::Admitted,
        ),
    ]
}

impl Scene {
    /// A Pod with one container of the same name.
    fn pod(title: &'static str, container: (&'static str, String), expected: Expected) -> Self {
        Self {
            title,
            before: Before::Nothing,
            kind: Kind::Pod,
            name: container.0,
            images: vec![container],
            expected,
        }
    }

    /// The file it is written in, as kubectl names it.
    pub(super) fn file(&self) -> String {
        format!("{}.yaml", self.name)
    }

    /// As kubectl names the object: `pod/api`.
    pub(super) fn object_name(&self) -> String {
        let kind = match self.kind {
            Kind::Pod => "pod",
            Kind::Deployment => "deployment.apps",
        };
        format!("{kind}/{}", self.name)
    }

    /// The object that is applied.
    pub(super) fn object(&self) -> Value {
        let containers: Vec<Value> = self
            .images
            .iter()
            .map(|(name, image)| json!({"name": name, "image": image}))
            .collect();
        let spec = json!({"containers": containers});
        let metadata = json!({"name": self.name, "namespace": NAMESPACE});
        match self.kind {
            Kind::Pod => {
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
            }
            Kind::Deployment => json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata,
                "spec": {
                    "selector": {"matchLabels": {"app": self.name}},
                    "template": {"metadata": {"labels": {"app": self.name}}, "spec": spec},
                },
            }),
        }
    }

    /// The review that the API server would post for it, with the object as it is by now.
    pub(super) fn review(&self, object: &Value) -> Value {
        let (group, resource, kind) = match self.kind {
            Kind::Pod => ("", "pods", "Pod"),
            Kind::Deployment => ("apps", "deployments", "Deployment"),
        };
        json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "c5a3b7a2-5d0f-4c61-9a57-000000000001",
                "kind": {"group": group, "version": "v1", "kind": kind},
                "resource": {"group": group, "version": "v1", "resource": resource},
                "name": self.name,
                "namespace": NAMESPACE,
                "operation": "CREATE",
                "userInfo": {"username": "you"},
                "object": object,
            },
        })
    }
}

const NAMESPACE: &str = "shop";
