//! Which object is told of, and in which words.

use super::*;
use crate::cluster::events::note::notes;

fn regarding(observation: &Observation) -> Vec<(String, String, String)> {
    notes(observation)
        .map(|note| {
            let Regarding {
                kind, name, uid, ..
            } = note.regarding;
            (kind, name, uid)
        })
        .collect()
}

fn object(kind: &str, name: &str, uid: &str) -> Vec<(String, String, String)> {
    vec![(kind.to_owned(), name.to_owned(), uid.to_owned())]
}

fn without_owner(observation: Observation) -> Observation {
    let object = ObservedObject {
        owner: None,
        ..observation.object
    };
    Observation {
        object,
        ..observation
    }
}

/// A Pod without a controller that is let in, as a webhook sees it.
fn let_in(webhook: &'static str, uid: &str) -> Observation {
    let observation = without_owner(denied());
    Observation {
        webhook,
        verdict: Verdict::Allowed,
        told: vec![told(Action::Audit, "has no signature")],
        object: ObservedObject {
            name: "api".to_owned(),
            uid: uid.to_owned(),
            ..observation.object
        },
        ..observation
    }
}

#[test]
fn of_a_pod_that_is_let_in_as_verified_before_that_is_told() {
    let used = UsedVerified {
        container: "api".to_owned(),
        policy: PolicyId {
            namespace: None,
            name: "shop".to_owned(),
        },
        code: "RegistryUnavailable",
        verified_at: Timestamp::UNIX_EPOCH,
        line: "container \"api\": a:1 let in".to_owned(),
    };
    let observation = Observation {
        told: Vec::new(),
        used_verified: vec![used],
        ..let_in("validate", "uid-1")
    };
    let told: Vec<_> = notes(&observation).map(|it| (it.reason, it.text)).collect();
    let text = "container \"api\": a:1 let in".to_owned();
    assert_eq!(told, [("UsedVerified", text)]);
    let by_mutation = Observation {
        webhook: "mutate",
        ..observation
    };
    assert_eq!(notes(&by_mutation).count(), 0);
}

#[test]
fn of_a_pod_that_is_refused_its_controller_is_told() {
    assert_eq!(
        regarding(&denied()),
        object("ReplicaSet", "api-5d9c", "uid-2")
    );
}

#[test]
fn of_a_pod_without_a_controller_its_namespace_is_told_and_which_pod_it_is() {
    let refused = without_owner(denied());
    assert_eq!(regarding(&refused), object("Namespace", "shop", ""));
    let text = |observation: &Observation| notes(observation).next().unwrap().text;
    assert_eq!(text(&refused), "Pod api-5d9c-*: has no signature");
    let mut named = refused.clone();
    named.object.name = "api".to_owned();
    assert_eq!(text(&named), "Pod api: has no signature");
    let mut unnamed = refused;
    unnamed.object.generate_name = String::new();
    assert_eq!(text(&unnamed), "Pod: has no signature");
}

#[test]
fn a_mirror_pod_does_not_lead_to_its_node_nor_half_an_owner_anywhere() {
    let owned = |change: fn(&mut ObservedOwner)| {
        let mut observation = denied();
        observation.object.owner.as_mut().map(change).unwrap();
        regarding(&observation)
    };
    let namespace = object("Namespace", "shop", "");
    assert_eq!(owned(|owner| owner.kind = "Node".to_owned()), namespace);
    assert_eq!(owned(|owner| owner.uid.clear()), namespace);
    assert_eq!(owned(|owner| owner.name.clear()), namespace);
}

#[test]
fn what_is_let_in_is_told_by_the_validating_webhook_alone_of_the_object_itself() {
    assert_eq!(regarding(&let_in("mutate", "")), []);
    assert_eq!(
        regarding(&let_in("validate", "uid-3")),
        object("Pod", "api", "uid-3")
    );
    assert_eq!(
        regarding(&let_in("validate", "")),
        object("Namespace", "shop", "")
    );
}

#[test]
fn an_object_that_exists_is_told_of_itself_even_when_its_update_is_refused() {
    let refused = Observation {
        verdict: Verdict::Denied,
        ..let_in("mutate", "uid-3")
    };
    assert_eq!(regarding(&refused), object("Namespace", "shop", ""));
    let updated = Observation {
        operation: Operation::Update,
        ..refused
    };
    assert_eq!(regarding(&updated), object("Pod", "api", "uid-3"));
}

#[test]
fn a_denial_by_the_validating_webhook_alone_is_told_and_a_dry_run_is_not() {
    let validated = Observation {
        webhook: "validate",
        ..denied()
    };
    assert_eq!(
        regarding(&validated),
        object("ReplicaSet", "api-5d9c", "uid-2")
    );
    let dry = Observation {
        run: Run::Dry,
        ..denied()
    };
    assert_eq!(regarding(&dry), []);
}

#[test]
fn a_line_is_cut_to_what_an_event_holds() {
    let mut long = without_owner(denied());
    long.told = vec![told(Action::Deny, &"ä".repeat(limits::MESSAGE_BYTES))];
    let text = notes(&long).next().unwrap().text;
    assert!(text.len() <= limits::MESSAGE_BYTES, "{}", text.len());
    assert!(text.starts_with("Pod api-5d9c-*: ä") && text.ends_with('…'));
}

#[test]
fn the_name_of_an_event_is_that_of_its_object_code_and_line_and_of_nothing_else() {
    let name = |observation: &Observation| notes(observation).next().unwrap().name();
    let again = Observation {
        uid: "uid-9".to_owned(),
        user: "bob".to_owned(),
        webhook: "validate",
        ..denied()
    };
    assert_eq!(name(&denied()), name(&again));
    let mut names = vec![name(&denied())];
    let mut changed = |change: fn(&mut Observation)| {
        let mut observation = denied();
        change(&mut observation);
        names.push(name(&observation));
    };
    changed(|it| it.told = vec![told(Action::Deny, "has no signature at all")]);
    changed(|it| it.told[0].code = "KeyMismatch");
    changed(|it| it.object.namespace = "other".to_owned());
    changed(|it| it.object.owner.as_mut().unwrap().uid = "uid-7".to_owned());
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 5);
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
    assert!(
        names
            .iter()
            .all(|name| name.len() == 38 && name.bytes().all(is_plain))
    );
}
