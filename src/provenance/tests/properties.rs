//! What holds for all statements and facts.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use super::*;

const VECTORS: [&str; 9] = [
    "gitlab-runner",
    "gitlab",
    "assay",
    "npm-gitlab",
    "buildkit-v0.2",
    "buildkit-v1",
    "buildkit-v1-folder",
    "github",
    "slsa-github-generator",
];

/// Values of every type, and texts that mean something somewhere.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        ".*".prop_map(Value::from),
        select(vec![
            "",
            "[MASKED]",
            "pkg:docker/%",
            "pkg:oci/a@b?repository_url=&tag=",
            "git+://@#?",
            "git@:",
            "https://@/-/jobs/7",
            "refs/tags/",
            "2026-01-02T03:04:05Z",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("uri|digest|id|sha1|.*", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A documented statement with some places changed.
fn statement() -> impl Strategy<Value = Value> {
    let changes = vec((any::<prop::sample::Index>(), value()), 0..3);
    (select(VECTORS.to_vec()), changes).prop_map(|(name, changes)| {
        let mut statement: Value = serde_json::from_slice(&vector(name)).unwrap();
        for (place, value) in changes {
            let mut places = Vec::new();
            pointers(
                &statement["predicate"],
                "/predicate".to_owned(),
                &mut places,
            );
            let place: &String = place.get(&places);
            *statement.pointer_mut(place).unwrap() = value;
        }
        statement
    })
}

fn pointers(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(value, format!("{here}/{name}"), found);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                pointers(value, format!("{here}/{index}"), found);
            }
        }
        _ => {}
    }
    found.push(here);
}

/// The same value with the names of every object in reverse.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().rev();
            let fields: Vec<String> = fields
                .map(|(name, value)| format!("{}:{}", json!(name), reversed(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(reversed).collect();
            format!("[{}]", elements.join(","))
        }
        other => other.to_string(),
    }
}

fn parsed(statement: &Value, text: &str) -> Result<Provenance, ProvenanceError> {
    let predicate_type = statement["predicateType"].as_str().unwrap();
    Provenance::parse(predicate_type, text.as_bytes(), Source::Attestation)
}

fn facts() -> impl Strategy<Value = Facts> {
    let fact = (
        select(FactName::ALL.to_vec()),
        select(Source::ALL.to_vec()),
        "[ab]{0,2}",
    );
    vec(fact, 0..12).prop_map(|facts| {
        let mut all = Facts::default();
        for (name, source, value) in facts {
            let path = String::new();
            all.add(
                name,
                Fact {
                    value,
                    source,
                    path,
                },
            );
        }
        all
    })
}

proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(bytes: Vec<u8>) {
        let _ = Provenance::parse(SLSA_V1, &bytes, Source::Attestation);
    }

    #[test]
    fn no_statement_brings_the_reader_down_and_what_is_read_contradicts_only_itself(
        statement in statement(),
    ) {
        if let Ok(read) = parsed(&statement, &statement.to_string()) {
            prop_assert_eq!(&read.predicate, &statement["predicate"]);
            let twice = read.facts.clone().merged(read.facts.clone());
            prop_assert_eq!(&twice, &read.facts);
            for name in FactName::ALL {
                for fact in read.facts.all(name) {
                    prop_assert!(!fact.value.is_empty());
                    prop_assert!(!name.contradicts(&fact.value, &fact.value));
                }
            }
        }
    }

    #[test]
    fn the_order_of_names_changes_nothing(statement in statement()) {
        let read = parsed(&statement, &statement.to_string());
        let read_reversed = parsed(&statement, &reversed(&statement));
        prop_assert_eq!(read, read_reversed);
    }

    #[test]
    fn merged_facts_stand_in_the_order_of_trust_and_none_is_lost(one in facts(), other in facts()) {
        let merged = one.clone().merged(other.clone());
        for name in FactName::ALL {
            let all = merged.all(name);
            prop_assert!(all.is_sorted_by_key(|fact| fact.source));
            for fact in one.all(name).iter().chain(other.all(name)) {
                prop_assert!(all.contains(fact));
            }
        }
    }

    #[test]
    fn facts_are_compared_the_same_way_from_both_sides(
        name in select(FactName::ALL.to_vec()),
        one in ".*|(git\\+)?https://(u@)?[abA]{1,2}/[ab/]{0,3}(\\.git)?(@refs/tags/a)?|(refs/(heads|tags)/)?[ab]",
        other in ".*|(git\\+)?https://(u@)?[abA]{1,2}/[ab/]{0,3}(\\.git)?(@refs/tags/a)?|(refs/(heads|tags)/)?[ab]",
    ) {
        prop_assert_eq!(name.contradicts(&one, &other), name.contradicts(&other, &one));
    }
}
