//! What the status of a policy says.

use serde_json::{Map, Value};

use super::{
    assemble::{generation, seen_status},
    mirror::Mirror,
    status::{Report, Told, Truth, Wanted},
};
use crate::{
    policy::{CompileError, Policy, PolicyId, PolicyState, Problem, Remedy},
    trust::{Absence, TrustRoots},
};

/// What this policy's object is to say.
pub(super) fn policy_report(
    mirror: &Mirror,
    id: &PolicyId,
    state: &PolicyState,
    roots: &TrustRoots,
) -> Option<Report> {
    let key = (id.namespace.clone(), id.name.clone());
    let object = mirror.objects().get(&key)?;
    let keys_loaded = keys_loaded(state, roots);
    let in_force = match state {
        PolicyState::Ready(_) => "Latest",
        PolicyState::Stale { .. } => "LastGood",
        PolicyState::Broken { .. } => "Nothing",
    };
    Some(Report {
        resource: mirror.resource().clone(),
        key,
        seen: seen_status(object),
        wanted: Wanted {
            generation: generation(object),
            conditions: vec![ready(state, &keys_loaded), compiled(state), keys_loaded],
            fields: Map::from_iter([("inForce".to_owned(), Value::from(in_force))]),
        },
    })
}

/// Whether the latest form is in force and everything is there that it needs.
fn ready(state: &PolicyState, keys_loaded: &Told) -> Told {
    let (truth, reason, message) = match state {
        PolicyState::Ready(_) if keys_loaded.truth != Truth::True => (
            Truth::False,
            keys_loaded.reason,
            format!(
                "{}; until then images are refused that no other authority accepts",
                keys_loaded.message
            ),
        ),
        PolicyState::Ready(_) => (Truth::True, "Compiled", "in force".to_owned()),
        PolicyState::Stale { reason, .. } => (
            Truth::False,
            "LastGoodInForce",
            format!("{reason}; the last good form stays in force"),
        ),
        PolicyState::Broken { reason, .. } => (
            Truth::False,
            if problems(state, Remedy::Object).is_empty() {
                KEY_UNAVAILABLE
            } else {
                "NotCompiled"
            },
            format!("{reason}; every image that it may cover is refused"),
        ),
    };
    Told {
        kind: "Ready",
        truth,
        reason,
        message,
    }
}

/// Whether every field of the latest form is understood.
fn compiled(state: &PolicyState) -> Told {
    let faults = problems(state, Remedy::Object);
    let (truth, reason, message) = if faults.is_empty() {
        let message = "every field is understood".to_owned();
        (Truth::True, "Compiled", message)
    } else if faults.iter().any(|fault| fault.is_unknown_word()) {
        let message = format!(
            "{}; if it is of a newer version of Assay, this one ({}) does not know it",
            listed(&faults),
            env!("CARGO_PKG_VERSION")
        );
        (Truth::False, "UnknownField", message)
    } else {
        (Truth::False, "InvalidField", listed(&faults))
    };
    Told {
        kind: "Compiled",
        truth,
        reason,
        message,
    }
}

/// Whether all keys and trust roots could be had that the policy names.
fn keys_loaded(state: &PolicyState, roots: &TrustRoots) -> Told {
    let missing = problems(state, Remedy::Referenced);
    let (truth, reason, message) = if missing.is_empty() {
        match (state.in_force(), state) {
            (Some(policy), _) => trust_roots(policy, roots),
            (None, _) => (
                Truth::Unknown,
                "NotCompiled",
                "what it refers to is looked up once it compiles".to_owned(),
            ),
        }
    } else {
        (Truth::False, KEY_UNAVAILABLE, listed(&missing))
    };
    Told {
        kind: "KeysLoaded",
        truth,
        reason,
        message,
    }
}

fn trust_roots(policy: &Policy, roots: &TrustRoots) -> (Truth, &'static str, String) {
    let named = policy.authorities.iter().enumerate();
    let absent = named.filter_map(|(index, authority)| {
        let name = authority.trust_root.as_ref()?;
        let absence = roots.find(name).err()?;
        Some((
            format!("spec.authorities[{index}].trustRootRef"),
            name,
            absence,
        ))
    });
    let absent: Vec<_> = absent.collect();
    let Some((_, _, first)) = absent.first() else {
        let message = "every key and trust root that it names is there".to_owned();
        return (Truth::True, "Loaded", message);
    };
    let reason = match first {
        Absence::Unavailable { .. } => "TrustRootUnavailable",
        Absence::Expired { .. } => "TrustRootExpired",
    };
    let lines: Vec<String> = absent
        .iter()
        .map(|(path, name, absence)| match absence {
            Absence::Unavailable { reason } => {
                format!("{path}: trust root \"{name}\" cannot be used: {reason}")
            }
            Absence::Expired { since } => {
                format!("{path}: trust root \"{name}\" has been out of date since {since}")
            }
        })
        .collect();
    (Truth::False, reason, lines.join("; "))
}

/// What is wrong with the latest form that has to be put right there.
fn problems(state: &PolicyState, remedy: Remedy) -> Vec<&Problem> {
    let error = match state {
        PolicyState::Ready(_) => None,
        PolicyState::Stale { error, .. } | PolicyState::Broken { error, .. } => Some(error),
    };
    error
        .into_iter()
        .flat_map(CompileError::problems)
        .filter(|problem| problem.remedy() == remedy)
        .collect()
}

fn listed(problems: &[&Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

const KEY_UNAVAILABLE: &str = "KeyUnavailable";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        policy::{KeySource, ObjectEntry, PolicyObject, PolicySet, TrustRootName},
        trust::RootState,
    };

    struct NoKeys;

    impl KeySource for NoKeys {
        fn text(&self, _: &ObjectEntry) -> Result<String, String> {
            Err("there are none".to_owned())
        }
    }

    fn compiled(set: &PolicySet, authority: &Value) -> PolicySet {
        let object = json!({
            "apiVersion": "assay.dev/v1alpha1", "kind": "ClusterImageTrustPolicy",
            "metadata": { "name": "shop" },
            "spec": { "match": { "images": ["registry.example/**"] }, "authorities": [authority] },
        });
        set.update([&PolicyObject::from_json(object).unwrap()], &NoKeys)
    }

    fn keyless() -> Value {
        json!({
            "name": "partner", "trustRootRef": { "name": "partner" },
            "keyless": { "issuer": "https://issuer.example", "san": "https://partner.example/*" },
        })
    }

    fn state(set: &PolicySet) -> &PolicyState {
        set.iter().next().unwrap().1
    }

    #[test]
    fn a_trust_root_that_expired_yesterday_is_told_with_its_day() {
        let set = compiled(&PolicySet::default(), &keyless());
        let expired = RootState {
            usable: Err(Absence::Expired {
                since: "2026-11-20T00:00:00Z".parse().unwrap(),
            }),
            ..RootState::never_fetched(String::new())
        };
        let name = TrustRootName::Named("partner".to_owned());
        let roots = TrustRoots::public_only().with_state(name, expired);
        let told = keys_loaded(state(&set), &roots);
        let fault = "spec.authorities[0].trustRootRef: trust root \"partner\" has been out of date since 2026-11-20T00:00:00Z";
        assert_eq!(
            (told.truth, told.reason, told.message.as_str()),
            (Truth::False, "TrustRootExpired", fault)
        );
        assert_eq!(ready(state(&set), &told).reason, "TrustRootExpired");
    }

    #[test]
    fn a_last_good_form_stays_in_force_while_the_latest_lacks_its_key() {
        let good = compiled(
            &PolicySet::default(),
            &json!({
                "name": "actions", "github": { "repository": "acme/shop" },
            }),
        );
        let secret = json!({ "name": "keys", "key": "cosign.pub" });
        let stale = compiled(
            &good,
            &json!({ "name": "key", "key": { "secretRef": secret } }),
        );
        let told = keys_loaded(state(&stale), &TrustRoots::public_only());
        assert_eq!((told.truth, told.reason), (Truth::False, "KeyUnavailable"));
        assert_eq!(ready(state(&stale), &told).reason, "LastGoodInForce");
        assert_eq!(super::compiled(state(&stale)).truth, Truth::True);
    }
}
