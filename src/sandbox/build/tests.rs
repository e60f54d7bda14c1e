use serde_json::json;

use super::*;

fn build() -> Build {
    Build::gitlab("acme/shop/api", "refs/tags/v1.8.2")
        .base_image("registry.example:5000/base/debian:12", &Digest::of(b"base"))
}

#[test]
fn one_place_of_a_predicate_can_be_replaced_added_and_left_out() {
    let predicate = Predicate::new("type", json!({"a": {"b": [{"c": 1}, 2]}}));
    let changed = predicate
        .with("a.b.0.c", "x")
        .with("d.e", true)
        .without("a.b.1")
        .without("nothing.there");
    assert_eq!(
        changed.content,
        json!({"a": {"b": [{"c": "x"}]}, "d": {"e": true}})
    );
}

#[test]
fn a_setter_changes_its_fact_wherever_a_statement_tells_it() {
    let changed = build().commit("1111111111111111111111111111111111111111");
    for (before, after) in [
        (build().stated_by_gitlab(), changed.stated_by_gitlab()),
        (build().stated_by_runner(), changed.stated_by_runner()),
        (build().stated_by_job(), changed.stated_by_job()),
        (build().stated_by_npm(), changed.stated_by_npm()),
        (build().stated_by_buildkit(), changed.stated_by_buildkit()),
        (
            build().stated_by_buildkit_v02(),
            changed.stated_by_buildkit_v02(),
        ),
        (build().stated_by_github(), changed.stated_by_github()),
        (
            build().stated_by_slsa_generator(),
            changed.stated_by_slsa_generator(),
        ),
    ] {
        assert!(before.content.to_string().contains(COMMIT));
        assert_eq!(
            before
                .content
                .to_string()
                .replace(COMMIT, "1111111111111111111111111111111111111111"),
            after.content.to_string()
        );
    }
}

#[test]
fn a_base_image_is_told_by_its_package_url_and_digest() {
    let dependency =
        &build().stated_by_buildkit().content["buildDefinition"]["resolvedDependencies"][0];
    assert_eq!(
        dependency,
        &json!({
            "uri": "pkg:docker/registry.example:5000/base/debian@12?platform=linux%2Famd64",
            "digest": {"sha256": Digest::of(b"base").hex()},
        })
    );
}
