//! Policy objects, in YAML or JSON: one that compiles demands something, and one that does not covers no less than
//! it would have.

#![no_main]

use assay::{
    image::Repository,
    policy::{
        KeySource, ObjectEntry, Place, Policy, PolicyObject, PolicySet, PolicyState,
        TrustRootObject,
    },
    standalone::fuzzing::objects,
};
use assay_fuzz::mutate_as_json;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for object in objects(text) {
        if let Ok(root) = TrustRootObject::from_json(&object) {
            let _ = root.definition(&Nothing);
        }
        if let Ok(policy) = PolicyObject::from_json(object.clone()) {
            compiles_to_a_demand(&policy);
            broken_covers_no_less(&policy, object);
        }
    }
});

mutate_as_json!();

fn compiles_to_a_demand(object: &PolicyObject) {
    let compiled = object.compile(&Nothing);
    let again = object.compile(&Nothing);
    assert_eq!(format!("{compiled:?}"), format!("{again:?}"));
    match compiled {
        Ok(policy) => {
            assert!(!policy.scope.images.is_empty());
            assert!(!policy.authorities.is_empty());
            // Nothing but an attestation stands in for a signature.
            let least = usize::from(policy.provenance.is_none() && policy.attestations.is_empty());
            assert!((least..=policy.authorities.len()).contains(&policy.require));
            assert!(!policy.content.is_empty());
            asks_for_no_nothing(&policy);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A rule that is there has something to it.
fn asks_for_no_nothing(policy: &Policy) {
    if let Some(tags) = &policy.tags {
        assert!(!tags.allow.is_empty());
    }
    if let Some(provenance) = &policy.provenance {
        assert!(!provenance.authorities.is_empty());
        assert!(
            provenance
                .authorities
                .iter()
                .all(|index| *index < policy.authorities.len())
        );
        assert!(provenance.max_age.is_none_or(|age| age.is_positive()));
    }
}

/// The same object with a field that nobody knows must cover every image that the good one covers.
fn broken_covers_no_less(good: &PolicyObject, mut object: Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    spec.insert("unknownField".to_owned(), json!(1));
    let broken = PolicyObject::from_json(object).expect("which object it is has not changed");
    assert!(broken.compile(&Nothing).is_err());
    let good = PolicySet::default().update([good], &Nothing);
    let broken = PolicySet::default().update([&broken], &Nothing);
    assert!(
        broken
            .iter()
            .all(|(_, state)| matches!(state, PolicyState::Broken { .. }))
    );
    for place in places(&good) {
        for repository in REPOSITORIES {
            let repository: Repository = repository.parse().expect("a repository");
            let (before, after) = (
                good.demands(&repository, &place),
                broken.demands(&repository, &place),
            );
            assert!(
                before.len() <= after.len(),
                "{repository} is no longer covered"
            );
        }
    }
}

/// Places that the policy speaks of, as far as it can be told from outside, and one that it does not.
fn places(policies: &PolicySet) -> Vec<Place> {
    let scopes = policies.iter().map(|(id, _)| id);
    let namespaces = scopes.filter_map(|id| id.namespace.clone());
    let labels = || {
        [("env".to_owned(), "production".to_owned())]
            .into_iter()
            .collect()
    };
    namespaces
        .chain(["shop".to_owned()])
        .map(|namespace| Place {
            namespace,
            namespace_labels: labels(),
            object_labels: labels(),
        })
        .chain([Place::default()])
        .collect()
}

/// No Secret or ConfigMap is there.
struct Nothing;

impl KeySource for Nothing {
    fn text(&self, _: &ObjectEntry) -> Result<String, String> {
        Err("there is no such object".to_owned())
    }
}

const REPOSITORIES: [&str; 5] = [
    "registry.gitlab.com/acme/shop/api",
    "registry.gitlab.com/acme/payments/api",
    "registry.example/platform/base",
    "ghcr.io/acme/ingress-controller",
    "docker.io/library/nginx",
];
