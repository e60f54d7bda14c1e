//! Which tags are let in.

use serde_json::{Value, json};

use super::{compiled, problems, with};
use crate::limits::{TAG_PATTERN_CHARS, TAG_PATTERNS_PER_POLICY};

fn spec(tags: Value) -> Value {
    let mut spec = with(json!({ "name": "a", "gitlab": { "project": "acme/shop" } }));
    spec["tags"] = tags;
    spec
}

fn allowed(tags: Value) -> Vec<String> {
    let demand = compiled(spec(tags)).tags.unwrap();
    demand.allow.iter().map(ToString::to_string).collect()
}

#[test]
fn tags_are_let_in_by_regular_expressions() {
    assert_eq!(
        allowed(json!({ "allow": [r"v\d+\.\d+\.\d+", "latest"] })),
        [r"v\d+\.\d+\.\d+", "latest"]
    );
}

#[test]
fn a_policy_without_tags_asks_for_none() {
    let authority = json!({ "name": "a", "gitlab": { "project": "acme/shop" } });
    assert!(compiled(with(authority)).tags.is_none());
}

#[test]
fn what_is_no_regular_expression_is_named_with_what_is_wrong_with_it() {
    assert_eq!(
        problems(spec(
            json!({ "allow": ["v(", "latest", "", "a)|(b", "(\\w{99}){99}"] })
        )),
        [
            "spec.tags.allow[0]: expected a regular expression over tags, found \"v(\": unclosed group",
            "spec.tags.allow[2]: expected a text, found an empty one",
            "spec.tags.allow[3]: expected a regular expression over tags, found \"a)|(b\": unopened group",
            "spec.tags.allow[4]: expected a regular expression over tags, found \"(\\\\w{99}){99}\": Compiled regex exceeds \
             size limit of 65536 bytes.",
        ]
    );
}

#[test]
fn a_rule_for_tags_allows_some() {
    assert_eq!(
        problems(spec(json!({ "allow": [] }))),
        ["spec.tags.allow: expected at least one regular expression, found none"]
    );
    assert_eq!(
        problems(spec(json!({}))),
        ["spec.tags: missing field `allow`"]
    );
    assert_eq!(
        problems(spec(json!({ "allow": ["latest"], "immutable": true }))),
        ["spec.tags.immutable: unknown field `immutable`, expected `allow`"]
    );
}

#[test]
fn only_so_many_and_so_long_regular_expressions_are_read() {
    let most: Vec<String> = (0..TAG_PATTERNS_PER_POLICY)
        .map(|number| format!("v{number}"))
        .collect();
    assert_eq!(allowed(json!({ "allow": most })), most);
    let more = [most, vec!["(".to_owned()]].concat();
    assert_eq!(
        problems(spec(json!({ "allow": more }))),
        ["spec.tags.allow: expected at most 64, found 65"]
    );
    let longest = "x".repeat(TAG_PATTERN_CHARS);
    assert_eq!(allowed(json!({ "allow": [longest] })).concat(), longest);
    assert_eq!(
        problems(spec(json!({ "allow": [format!("{longest}y")] }))),
        ["spec.tags.allow[0]: expected at most 512 characters, found 513"]
    );
}
