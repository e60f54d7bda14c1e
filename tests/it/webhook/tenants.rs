//! Namespaces with different pull secrets: none sees what another's has opened, and each line names what was tried.

use std::collections::BTreeSet;

use assay::sandbox::registry::{Access, Login, RegistrySettings};
use serde_json::{Value, json};

use super::{codes, message};
use crate::support::{
    reviews::{creation, pod},
    world::{IMAGE, Making, PROJECT, World, authority},
};

/// A registry whose tokens are GitLab's: `one` opens the project, `other` is let in and opens another, `stale` is not let
/// in any more. A fourth namespace has no secret.
async fn world() -> World {
    let login = |name: &str, repository: &str| Login {
        username: name.to_owned(),
        password: format!("secret of {name}"),
        repositories: vec![repository.to_owned()],
    };
    let access = Access::Token {
        public: Vec::new(),
        logins: vec![login("one", PROJECT), login("other", "other/own")],
    };
    let world = World::make(Making {
        registry: RegistrySettings {
            access,
            ..RegistrySettings::default()
        },
        secrets: [
            ("one", ("one", "secret of one")),
            ("other", ("other", "secret of other")),
            ("stale", ("one", "an older secret")),
        ]
        .into(),
        ..Making::default()
    })
    .await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    world
}

async fn deploy_in(world: &World, namespace: &str) -> Value {
    let mut review = creation(&pod(&world.reference(IMAGE)));
    review["request"]["namespace"] = json!(namespace);
    world.server.mutate(&review).await
}

#[tokio::test]
async fn a_pod_of_one_tenant_with_the_credential_of_another() {
    let world = world().await;
    // The first fills every cache there is; what is refused to others does not empty them.
    for namespace in ["one", "other", "stale", "none", "one"] {
        let review = deploy_in(&world, namespace).await;
        let expected: &[&str] = match namespace {
            "one" => &[],
            _ => &["RegistryUnauthorized"],
        };
        assert_eq!(codes(&review), expected, "{namespace}");
    }
}

#[tokio::test]
async fn each_line_names_what_was_tried_and_what_to_do() {
    let world = world().await;
    for (namespace, tried, hint) in [
        (
            "stale",
            "pull secret \"regcred\" (403)",
            "renew it: it is wrong, has expired or may not read this (in GitLab: lacks read_registry)",
        ),
        (
            "other",
            "pull secret \"regcred\" (401)",
            "renew it: it is wrong, has expired or may not read this (in GitLab: lacks read_registry)",
        ),
        (
            "none",
            "anonymous access (401)",
            "add a pull secret that may read it (in GitLab: with read_registry)",
        ),
    ] {
        let review = deploy_in(&world, namespace).await;
        let image = world.reference(IMAGE);
        let line = format!(
            "container \"api\": {image} could not be checked: the registry refused {tried} [RegistryUnauthorized]; {hint}"
        );
        assert_eq!(message(&review), line);
    }
}

/// What a repository is asked for a Pod with an image of this one, when a policy of the namespace demands this.
async fn asked_of_vault(repository: &str, demand: Value) -> BTreeSet<String> {
    let world = World::new().await;
    let host = world.registry.host();
    let mut spec = demand;
    spec["match"] = json!({"images": [format!("{host}/**")]});
    spec["authorities"] = json!([authority("key", &world.key)]);
    if let Some(repository) = spec.get_mut("signatureRepository") {
        *repository = json!(world.reference("private/vault"));
    }
    let reason = world.put_in_force(json!({
        "apiVersion": "assay.dev/v1alpha1",
        "kind": "ImageTrustPolicy",
        "metadata": {"name": "own", "namespace": "shop"},
        "spec": spec,
    }));
    assert_eq!(reason, None);
    let image = world.registry.push_image(repository, "1", "the image");
    let response = world.deploy(&format!("{repository}@{image}")).await;
    assert_eq!(codes(&response), ["SignatureMissing"]);
    let requests = world.registry.requests();
    let lines = requests.iter().map(ToString::to_string);
    lines
        .filter(|line| line.contains("/private/vault/"))
        .collect()
}

/// Such a policy is a tenant's, and the repository that it names need not be: it is read as for a Pod that names an image there.
#[tokio::test]
async fn a_signature_repository_of_a_tenant_s_policy_is_asked_nothing_that_its_pods_could_not_ask()
{
    let elsewhere = json!({"signatureRepository": "vault"});
    let by_policy = asked_of_vault("tenant/api", elsewhere).await;
    let by_pod = asked_of_vault("private/vault", json!({})).await;
    assert!(!by_policy.is_empty());
    assert_eq!(by_policy.difference(&by_pod).collect::<Vec<_>>(), [""; 0]);
}
