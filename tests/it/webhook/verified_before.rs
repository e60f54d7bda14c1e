//! A registry that is down, under policies that use what they have verified.

use assay::{
    clock::Clock as _,
    image::Digest,
    registry::RegistryOptions,
    sandbox::registry::{Access, Fault, Login, RegistrySettings},
    trust::TrustRoots,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::time::Duration;

use super::{codes, message, patch};
use crate::support::{
    reviews::{creation, pod},
    world::{IMAGE, Making, PROJECT, World, authority, impatient},
};

/// A world whose registry holds a signed image, and that believes no list of signatures for any time.
async fn world(settings: RegistrySettings) -> (World, Digest) {
    world_beside(settings, Vec::new()).await
}

/// The same with these entries in the settings besides.
async fn world_beside(settings: RegistrySettings, registries: Vec<String>) -> (World, Digest) {
    let world = World::make(Making {
        registry: settings,
        registries,
        secrets: [("tenant-a", ("tenant-a", "secret-a"))].into(),
        reading: Some(RegistryOptions {
            attachments_ttl: Duration::ZERO,
            no_attachments_ttl: Duration::ZERO,
            ..impatient()
        }),
        ..Making::default()
    })
    .await;
    use_verified(&world, &json!({}));
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    (world, image)
}

async fn open_world() -> (World, Digest) {
    world(RegistrySettings::default()).await
}

fn use_verified(world: &World, more: &Value) {
    let mut spec = json!({
        "authorities": [authority("key", &world.key)],
        "whenRegistryUnavailable": "UseVerified",
        "useVerifiedFor": "1h",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        spec[name] = value.clone();
    }
    world.demand(spec);
}

fn by_digest(image: &Digest) -> String {
    format!("{PROJECT}@{image}")
}

fn down(world: &World) {
    world.registry.set_fault(|_| {
        Some(Fault::Status {
            status: 503,
            headers: Vec::new(),
            body: Vec::new(),
        })
    });
}

#[tokio::test]
async fn an_image_that_was_verified_goes_on_and_everybody_is_told() {
    let (world, image) = open_world().await;
    let first = world.deploy(IMAGE).await;
    assert_eq!(codes(&first), [""; 0]);
    assert_eq!(first["warnings"], Value::Null);
    assert_eq!(first["auditAnnotations"]["used-verified"], Value::Null);
    down(&world);
    let again = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&again), [""; 0]);
    let host = world.registry.host();
    let short = image.short();
    let what = format!("container \"api\": {host}/{PROJECT} ({short})");
    assert_eq!(
        again["warnings"],
        json!([format!(
            "{what} let in as verified before [RegistryUnavailable]"
        )])
    );
    let told = again["auditAnnotations"]["used-verified"].as_str().unwrap();
    let (line, at) = told.split_once(", verified at ").unwrap();
    let expected = format!(
        "{what} could not be checked: the registry answered 503 [RegistryUnavailable]; let in as verified before by policy \"demand\""
    );
    assert_eq!(line, expected);
    let annotated = patch(&again);
    let annotation = annotated.as_array().unwrap().iter().find_map(|op| {
        let value = op["value"]
            .as_str()
            .or_else(|| op["value"]["assay.dev/images"].as_str())?;
        value.contains("usedVerified").then(|| value.to_owned())
    });
    let facts: Value = serde_json::from_str(&annotation.unwrap()).unwrap();
    assert_eq!(facts["api"]["usedVerified"], at);
    assert_eq!(facts["api"]["policies"], json!(["demand"]));
    assert_eq!(facts["api"]["digest"], image.to_string());
}

#[tokio::test]
async fn once_the_registry_answers_again_nothing_is_said_any_more() {
    let (world, image) = open_world().await;
    world.deploy(IMAGE).await;
    down(&world);
    world.deploy(&by_digest(&image)).await;
    world.registry.clear_fault();
    let after = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&after), [""; 0]);
    assert_eq!(after["warnings"], Value::Null);
}

#[tokio::test]
async fn a_tag_goes_on_as_long_as_it_is_believed_to_name_its_digest() {
    let (world, _) = open_world().await;
    world.deploy(IMAGE).await;
    down(&world);
    assert_eq!(world.codes().await, [""; 0]);
    let other = world.deploy(&format!("{PROJECT}:2")).await;
    assert_eq!(codes(&other), ["RegistryUnavailable"]);
}

#[tokio::test]
async fn what_was_never_verified_is_refused() {
    let (world, _) = open_world().await;
    world.deploy(IMAGE).await;
    down(&world);
    let never = Digest::of(b"never seen");
    let response = world.deploy(&by_digest(&never)).await;
    assert_eq!(
        codes(&response),
        ["RegistryUnavailable"],
        "{}",
        message(&response)
    );
}

/// What is signed by somebody else was refused while the registry answered, and stays so.
#[tokio::test]
async fn what_was_refused_before_is_not_let_in_by_an_outage() {
    let (world, _) = open_world().await;
    let unsigned = world
        .registry
        .push_image(PROJECT, "unsigned", "another image");
    let response = world.deploy(&by_digest(&unsigned)).await;
    assert_eq!(codes(&response), ["SignatureMissing"]);
    down(&world);
    let response = world.deploy(&by_digest(&unsigned)).await;
    let found = codes(&response);
    assert!(
        found == ["RegistryUnavailable"] || found == ["SignatureMissing"],
        "{found:?}"
    );
}

#[tokio::test]
async fn a_policy_without_it_denies() {
    let (world, image) = open_world().await;
    world.demand(json!({
        "authorities": [authority("key", &world.key)],
        "whenRegistryUnavailable": "Deny",
    }));
    world.deploy(IMAGE).await;
    down(&world);
    let response = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&response), ["RegistryUnavailable"]);
}

#[tokio::test]
async fn a_policy_that_has_changed_has_verified_nothing_yet() {
    let (world, image) = open_world().await;
    world.deploy(IMAGE).await;
    down(&world);
    use_verified(&world, &json!({"help": "another sentence"}));
    let response = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&response), ["RegistryUnavailable"]);
    use_verified(&world, &json!({}));
    assert_eq!(codes(&world.deploy(&by_digest(&image)).await), [""; 0]);
}

#[tokio::test]
async fn what_another_trust_root_has_verified_does_not_count() {
    let (world, _) = open_world().await;
    world.demand(json!({
        "authorities": [{
            "name": "pipeline",
            "gitlab": {"project": PROJECT, "ref": "refs/tags/v*"},
            "trustRootRef": {"name": "sandbox"},
        }],
        "whenRegistryUnavailable": "UseVerified",
    }));
    let image = world
        .registry
        .push_image(PROJECT, "2", "an image of a pipeline");
    world.attach(&image, world.pipeline_signature("refs/tags/v2", &image));
    assert_eq!(codes(&world.deploy(&by_digest(&image)).await), [""; 0]);
    down(&world);
    assert_eq!(codes(&world.deploy(&by_digest(&image)).await), [""; 0]);
    world.replace_roots(TrustRoots::public_only());
    let response = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&response), ["RegistryUnavailable"]);
}

#[tokio::test]
async fn after_the_time_that_the_policy_gives_it_denies() {
    let (world, image) = open_world().await;
    let began = world.clock.now();
    world.deploy(IMAGE).await;
    down(&world);
    world.clock.set(began + SignedDuration::from_hours(1));
    assert_eq!(codes(&world.deploy(&by_digest(&image)).await), [""; 0]);
    world.clock.set(began + SignedDuration::from_secs(3601));
    let response = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&response), ["RegistryUnavailable"]);
}

#[tokio::test]
async fn what_the_secret_of_one_tenant_has_opened_is_not_told_to_another() {
    let (world, image) = world(RegistrySettings {
        access: Access::Token {
            public: Vec::new(),
            logins: vec![Login {
                username: "tenant-a".to_owned(),
                password: "secret-a".to_owned(),
                repositories: vec![PROJECT.to_owned()],
            }],
        },
        ..RegistrySettings::default()
    })
    .await;
    let review_in = |namespace: &str| {
        let mut review = creation(&pod(&world.reference(&by_digest(&image))));
        review["request"]["namespace"] = json!(namespace);
        review
    };
    let first = world.server.mutate(&review_in("tenant-a")).await;
    assert_eq!(codes(&first), [""; 0]);
    down(&world);
    let own = world.server.mutate(&review_in("tenant-a")).await;
    assert_eq!(codes(&own), [""; 0]);
    let other = world.server.mutate(&review_in("tenant-b")).await;
    assert_eq!(codes(&other), ["RegistryUnavailable"]);
}

/// Who is refused access has lost it: that is an answer, and no outage.
#[tokio::test]
async fn a_registry_that_refuses_access_is_not_down() {
    let (world, image) = open_world().await;
    world.deploy(IMAGE).await;
    world.registry.set_fault(|_| {
        Some(Fault::Status {
            status: 403,
            headers: Vec::new(),
            body: Vec::new(),
        })
    });
    let response = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&response), ["RegistryUnauthorized"]);
}

/// Whoever may push can put anything in the place of a signature. That it cannot be read is no outage.
#[tokio::test]
async fn a_registry_that_answers_what_cannot_be_read_is_not_down() {
    let (world, image) = open_world().await;
    world.deploy(IMAGE).await;
    world.registry.set_fault(|request| {
        let is_blob = request.path.contains("/blobs/");
        is_blob.then_some(Fault::WrongContent)
    });
    let changed = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&changed), ["RegistryUnavailable"]);
    let expected = "answered with other content than its digest says";
    assert!(message(&changed).contains(expected), "{changed}");
    world.registry.clear_fault();
    let tag = format!("sha256-{}.sig", image.hex());
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let registry = &world.registry;
    registry.push_manifest(PROJECT, Some(&tag), media_type, "nonsense");
    let overwritten = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&overwritten), ["RegistryUnavailable"]);
    let expected = "answered a malformed manifest";
    assert!(message(&overwritten).contains(expected), "{overwritten}");
}

/// As GitHub's registry leads who asks for referrers to another host. That host's silence is no outage of the registry, by
/// which whoever withdraws a signature, or has it withdrawn, would only have to wait.
#[tokio::test]
async fn a_host_that_the_registry_leads_to_does_not_bring_back_what_was_withdrawn() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = listener.local_addr().unwrap().to_string();
    // Nobody listens there any more.
    drop(listener);
    let entry = format!("{{prefix: \"{elsewhere}\", insecureHttp: true}}");
    let (world, image) = world_beside(RegistrySettings::default(), vec![entry]).await;
    assert_eq!(codes(&world.deploy(IMAGE).await), [""; 0]);
    let target = format!("http://{elsewhere}/referrers");
    world.registry.set_fault(move |request| {
        let path = &request.path;
        if path.contains("/referrers/") {
            Some(Fault::Redirect(target.clone()))
        } else if path.contains("/manifests/sha256-") {
            Some(Fault::Html404)
        } else {
            None
        }
    });
    let response = world.deploy(&by_digest(&image)).await;
    assert_eq!(codes(&response), ["RegistryUnavailable"]);
    let told = message(&response);
    assert!(told.contains("to which the registry leads"), "{told}");
}
