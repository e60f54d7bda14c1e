//! What observers are told.

use super::*;
use crate::{
    admission::observed::Found,
    decision::{AdmittedImage, Denial, Obstacle, Outcome, Refusal, Rejection},
    policy::{Action, PolicyId},
    provenance::Facts,
    review::{
        Observation, ObservedImage, ObservedObject, ObservedOwner, Operation, Run, Told, Verdict,
    },
    workload::SlotKind,
};

async fn observed(webhook: Webhook, world: World, review: &Value) -> Option<Observation> {
    whole_answer(webhook, world, review).await.observation
}

#[tokio::test]
async fn the_object_is_told_with_its_controller_and_who_sent_it() {
    let mut pod = pod("registry.example/a:1");
    pod["metadata"] = json!({
        "generateName": "api-", "labels": {},
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": "1"},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api", "uid": "2", "controller": true},
        ],
    });
    let mut review = review("CREATE", &pod, &Value::Null);
    review["request"]["dryRun"] = json!(true);
    let told = observed(Webhook::Mutate, World::default(), &review)
        .await
        .unwrap();
    let object = ObservedObject {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: "shop".to_owned(),
        name: String::new(),
        generate_name: "api-".to_owned(),
        uid: String::new(),
        owner: Some(ObservedOwner {
            api_version: "apps/v1".to_owned(),
            kind: "ReplicaSet".to_owned(),
            name: "api".to_owned(),
            uid: "2".to_owned(),
        }),
    };
    assert_eq!(told.object, object);
    assert_eq!(
        (told.webhook, told.uid.as_str(), told.user.as_str()),
        ("mutate", "uid-1", "alice")
    );
    assert_eq!(
        (told.operation, told.run, told.verdict),
        (Operation::Create, Run::Dry, Verdict::Denied)
    );
    assert_eq!(told.judged, []);
    let image = ObservedImage {
        container: "api".to_owned(),
        image: "registry.example/a:1".to_owned(),
        ..ObservedImage::default()
    };
    assert_eq!(told.images, [image]);
    let [finding] = told.told.as_slice() else {
        panic!("{:?}", told.told)
    };
    assert_eq!(
        (finding.action, finding.code, finding.outcome),
        (Action::Deny, "NoPolicyMatches", Outcome::Rejected)
    );
    assert!(
        finding
            .line
            .starts_with("container \"api\": registry.example/a:1 "),
        "{}",
        finding.line
    );
}

#[tokio::test]
async fn the_identity_of_what_is_created_is_told_as_soon_as_it_is_known() {
    let mut created = pod("a:1");
    created["metadata"] = json!({"generateName": "api-", "name": "api-x7", "uid": "3"});
    let review = review("CREATE", &created, &Value::Null);
    let told = observed(Webhook::Validate, World::default(), &review)
        .await
        .unwrap();
    assert_eq!(
        (told.object.name.as_str(), told.object.uid.as_str()),
        ("api-x7", "3")
    );
}

#[tokio::test]
async fn of_an_update_the_existing_object_is_told() {
    let mut old = pod("a:1");
    old["metadata"]["uid"] = json!("4");
    let mut review = review("UPDATE", &pod("a:2"), &old);
    review["request"]["name"] = json!("api");
    let told = observed(Webhook::Mutate, World::default(), &review)
        .await
        .unwrap();
    assert_eq!(told.operation, Operation::Update);
    assert_eq!(
        (told.object.name.as_str(), told.object.uid.as_str()),
        ("api", "4")
    );
}

#[tokio::test]
async fn what_the_requester_wrote_is_escaped_and_bounded() {
    let mut pod = pod("a:1");
    pod["metadata"] = json!({"generateName": "a\nb\u{202e}", "ownerReferences": [
        {"apiVersion": "v1", "kind": "K\u{1b}[0m", "name": "n".repeat(254), "uid": "\"", "controller": true},
    ]});
    pod["spec"]["containers"][0]["name"] = json!("c\td".repeat(200));
    let mut review = review("CREATE", &pod, &Value::Null);
    review["request"]["userInfo"]["username"] = json!("u".repeat(300));
    let told = observed(Webhook::Mutate, World::default(), &review)
        .await
        .unwrap();
    assert_eq!(told.object.generate_name, "a\\nb\\u{202e}");
    let owner = told.object.owner.unwrap();
    assert_eq!(
        (owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str()),
        ("K\\u{1b}[0m", "", "\\\"")
    );
    assert_eq!(
        told.user,
        format!("{}…", "u".repeat(crate::limits::NAME_BYTES))
    );
    assert!(told.images[0].container.starts_with("c\\tdc\\td"));
    assert!(told.images[0].container.chars().count() <= crate::limits::NAME_BYTES + 1);
    assert!(told.told[0].line.len() <= crate::limits::MESSAGE_BYTES);
}

#[tokio::test]
async fn a_controller_beyond_the_limit_is_none() {
    let owners = |before: usize| {
        let mut owners = vec![json!({"kind": "ConfigMap"}); before];
        owners.push(json!({"kind": "ReplicaSet", "name": "api", "controller": true}));
        let mut pod = pod("a:1");
        pod["metadata"]["ownerReferences"] = json!(owners);
        pod
    };
    let mut found = Vec::new();
    for before in [
        crate::limits::OWNERS_PER_OBJECT - 1,
        crate::limits::OWNERS_PER_OBJECT,
    ] {
        let review = review("CREATE", &owners(before), &Value::Null);
        let told = observed(Webhook::Mutate, World::default(), &review)
            .await
            .unwrap();
        found.push(told.object.owner.is_some());
    }
    assert_eq!(found, [true, false]);
}

#[tokio::test]
async fn an_object_that_cannot_be_judged_is_one_finding() {
    let world = World {
        default_action: None,
        ..World::default()
    };
    let review = review("CREATE", &pod("a:1"), &Value::Null);
    let told = observed(Webhook::Mutate, world, &review).await.unwrap();
    let finding = Told {
        action: Action::Deny,
        code: "PolicyBroken",
        outcome: Outcome::Undetermined,
        policy: None,
        line: "the policies are not loaded yet [PolicyBroken]; try again in a moment".to_owned(),
        lowered_by: None,
    };
    assert_eq!((told.told, told.images), (vec![finding], Vec::new()));
}

#[tokio::test]
async fn of_a_review_without_a_judgement_nothing_is_told() {
    let review = review("UPDATE", &pod("a:1"), &pod("a:1"));
    assert!(
        observed(Webhook::Mutate, World::default(), &review)
            .await
            .is_none()
    );
}

fn policy(name: &str) -> PolicyId {
    PolicyId {
        namespace: None,
        name: name.to_owned(),
    }
}

fn slot(container: &str) -> ImageSlot {
    ImageSlot {
        kind: SlotKind::Container,
        name: container.to_owned(),
        pointer: format!("/spec/{container}"),
        written: format!("registry.example/{container}:1"),
    }
}

fn failure(container: &str, named: &str, cause: impl Into<crate::decision::Cause>) -> Denial {
    Denial {
        slot: slot(container),
        digest: Some(Digest::of(container.as_bytes())),
        policy: Some(policy(named)),
        cause: cause.into(),
        judged: 0,
        help: None,
        lowered_by: None,
    }
}

fn accepted(container: &str, named: &str) -> AdmittedImage {
    AdmittedImage {
        slot: slot(container),
        reference: format!("registry.example/{container}:1").parse().unwrap(),
        digest: Digest::of(container.as_bytes()),
        policies: vec![policy(named)],
        recalled: Vec::new(),
        signatures: Vec::new(),
        attestations: Vec::new(),
        provenance: Facts::default(),
        pin: true,
        pin_workloads: false,
    }
}

#[test]
fn findings_are_told_denials_first_each_with_its_policy_and_images_once() {
    let audited = failure("api", "audit", Rejection::ImageNotFound);
    let refusal = Refusal {
        denials: vec![failure("db", "deny", Obstacle::DeadlineExceeded)],
        images: vec![accepted("api", "deny")],
        warnings: vec![failure("db", "warn", Rejection::ImageNotFound)],
        audits: vec![audited.clone()],
        judged: Vec::new(),
        labels: Vec::new(),
    };
    let found = Found::of_refusal(&refusal);
    let told: Vec<_> = found
        .told()
        .iter()
        .map(|told| (told.action, told.code, told.outcome, told.policy.clone()))
        .collect();
    assert_eq!(
        told,
        [
            (
                Action::Deny,
                "DeadlineExceeded",
                Outcome::Undetermined,
                Some(policy("deny"))
            ),
            (
                Action::Warn,
                "ImageNotFound",
                Outcome::Rejected,
                Some(policy("warn"))
            ),
            (
                Action::Audit,
                "ImageNotFound",
                Outcome::Rejected,
                Some(policy("audit"))
            ),
        ]
    );
    assert_eq!(found.told()[2].line, audited.to_string());
    let image = |container: &str, policies: Vec<PolicyId>| ObservedImage {
        container: container.to_owned(),
        image: format!("registry.example/{container}:1"),
        digest: Some(Digest::of(container.as_bytes())),
        policies,
        ..ObservedImage::default()
    };
    assert_eq!(
        found.images(),
        [image("api", vec![policy("deny")]), image("db", Vec::new())]
    );
}
