//! Every field of a bundle, changed one at a time.

use super::*;

/// Fields that nothing signs and that decide nothing.
const FREE: [&str; 1] = [
    // Names the key for those who hold several; the signature is tried with the policy's key, whatever it says.
    "/verificationMaterial/publicKey/hint",
];

#[test]
fn no_field_of_a_keyless_bundle_can_be_changed() {
    // A second entry first, so that the proof has a path.
    bundle_of(WORLD.keyless().bundle());
    let good = bundle_of(WORLD.keyless().annotation("tag", "1").bundle());
    let changed = changes(&good);
    assert!(changed.len() > 40, "only {} changes", changed.len());
    for (place, candidate) in changed {
        let result = WORLD.by_certificate(&candidate);
        assert!(
            result.is_err(),
            "{place} was changed and the bundle still accepted"
        );
    }
}

#[test]
fn no_field_of_a_keyed_logged_bundle_can_be_changed() {
    bundle_of(WORLD.keyed().bundle());
    let good = bundle_of(WORLD.keyed().bundle());
    for (place, candidate) in changes(&good) {
        let result = WORLD.by_key(&candidate, LogRequirement::Require);
        assert!(
            result.is_err(),
            "{place} was changed and the bundle still accepted"
        );
    }
}

#[test]
fn of_a_keyed_bundle_with_the_log_ignored_the_envelope_cannot_be_changed() {
    let good = bundle_of(WORLD.keyed().bundle());
    for (place, candidate) in changes(&good)
        .into_iter()
        .filter(|(place, _)| place.starts_with("/dsseEnvelope"))
    {
        let result = WORLD.by_key(&candidate, LogRequirement::Ignore);
        assert!(
            result.is_err(),
            "{place} was changed and the bundle still accepted"
        );
    }
}

/// The candidate once for each changed place: the first, middle and last character of every text.
pub(super) fn changes(good: &Candidate) -> Vec<(String, Candidate)> {
    let json = json_of(good);
    let mut places = Vec::new();
    texts(&json, String::new(), &mut places);
    places
        .into_iter()
        .filter(|(pointer, _)| !FREE.contains(&pointer.as_str()))
        .flat_map(|(pointer, text)| {
            replacements(&pointer, &text)
                .into_iter()
                .map(move |(at, replaced)| (pointer.clone(), at, replaced))
        })
        .map(|(pointer, at, replaced)| {
            let candidate = edited(good.clone(), |json| {
                *json.pointer_mut(&pointer).unwrap() = replaced.into();
            });
            (format!("{pointer} at {at}"), candidate)
        })
        .collect()
}

fn texts(value: &Value, pointer: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                texts(field, format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts(item, format!("{pointer}/{index}"), found);
            }
        }
        Value::String(text) => found.push((pointer, text.clone())),
        other => panic!("{pointer} is {other}, of a kind that is not changed here"),
    }
}

fn replacements(pointer: &str, text: &str) -> Vec<(usize, String)> {
    let characters: Vec<char> = text.chars().collect();
    let mut places = vec![0, characters.len() / 2, characters.len() - 1];
    if pointer.ends_with("/checkpoint/envelope") {
        // The name before the log's signature and the line's end are decoration: the signature is found by
        // the hint inside it. What is signed is the text before, and the signature itself.
        let signature = text.rfind(' ').unwrap();
        let start = text.chars().count() - text[signature..].chars().count() + 1;
        places = vec![0, 30, text.find("\n\n").unwrap() - 1, start + 1, start + 40];
    }
    places.dedup();
    places
        .into_iter()
        .map(|at| {
            let mut changed = characters.clone();
            changed[at] = match changed[at] {
                '1' => '2',
                c if c.is_ascii_digit() => '1',
                'A' => 'B',
                _ => 'A',
            };
            (at, changed.into_iter().collect())
        })
        .collect()
}
