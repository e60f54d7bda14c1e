//! What is not read: each case changes one thing in a good statement.

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::limits;

fn parsed(statement: &Value) -> Result<Provenance, ProvenanceError> {
    let predicate_type = statement["predicateType"].as_str().unwrap();
    let bytes = statement.to_string();
    Provenance::parse(predicate_type, bytes.as_bytes(), Source::Attestation)
}

/// The statement with this value at this place, where objects are made.
fn with(name: &str, place: &str, value: Value) -> Value {
    let mut statement: Value = serde_json::from_slice(&vector(name)).unwrap();
    let mut here = &mut statement;
    for part in place.split('/') {
        here = match part.parse::<usize>() {
            Ok(index) => &mut here[index],
            Err(_) => &mut here[part],
        };
    }
    *here = value;
    statement
}

#[rstest]
#[case("gitlab", "predicate", json!([]), "predicate is a list, expected an object")]
#[case("gitlab", "predicate/buildDefinition", json!("x"), "predicate.buildDefinition is \"x\", expected an object")]
#[case("gitlab", "predicate/buildDefinition/buildType", json!(1), "predicate.buildDefinition.buildType is 1, expected a text")]
#[case("gitlab", "predicate/buildDefinition/externalParameters/source", json!({}), "predicate.buildDefinition.externalParameters.source is an object, expected a text")]
#[case("gitlab", "predicate/buildDefinition/externalParameters/variables", json!("CI"), "predicate.buildDefinition.externalParameters.variables is \"CI\", expected an object")]
#[case("gitlab", "predicate/buildDefinition/externalParameters/variables/CI_COMMIT_SHA", json!([1]), "predicate.buildDefinition.externalParameters.variables.CI_COMMIT_SHA is a list, expected a text or a whole number")]
#[case("gitlab", "predicate/buildDefinition/internalParameters/job", json!(1.5), "predicate.buildDefinition.internalParameters.job is 1.5, expected a text or a whole number")]
#[case("gitlab", "predicate/buildDefinition/internalParameters/job", json!(-1), "predicate.buildDefinition.internalParameters.job is -1, expected a text or a whole number")]
#[case("gitlab", "predicate/buildDefinition/resolvedDependencies", json!({"0": {}}), "predicate.buildDefinition.resolvedDependencies is an object, expected a list")]
#[case("gitlab", "predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit", json!(true), "predicate.buildDefinition.resolvedDependencies[0].digest.gitCommit is true, expected a text")]
#[case("gitlab", "predicate/runDetails/metadata/startedOn", json!("yesterday"), "predicate.runDetails.metadata.startedOn is \"yesterday\", expected an RFC 3339 time")]
#[case("assay", "predicate/buildDefinition/resolvedDependencies/1/digest/sha256", json!("12\n"), "predicate.buildDefinition.resolvedDependencies[1].digest.sha256 is \"12\\n\", expected 64 lower-case hex digits")]
#[case("buildkit-v1", "predicate/buildDefinition/resolvedDependencies/0/digest/sha256", json!("9".repeat(64)), "predicate.buildDefinition.resolvedDependencies[0] is \"sha256:343434343434343434343434343434343434343434343434343434343…\", expected an image of one digest")]
#[case("github", "predicate/runDetails/metadata/invocationId", json!(7), "predicate.runDetails.metadata.invocationId is 7, expected a text")]
#[case("slsa-github-generator", "predicate/materials", json!("none"), "predicate.materials is \"none\", expected a list")]
fn another_type_than_the_facts_is_an_error(
    #[case] name: &str,
    #[case] place: &str,
    #[case] value: Value,
    #[case] message: &str,
) {
    let error = parsed(&with(name, place, value)).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[rstest]
#[case::null(json!(null))]
#[case::empty(json!(""))]
#[case::masked(json!("[MASKED]"))]
fn what_is_null_empty_or_masked_is_not_stated(#[case] value: Value) {
    let place = "predicate/buildDefinition/externalParameters/variables/CI_PIPELINE_ID";
    let facts = parsed(&with("gitlab", place, value)).unwrap().facts;
    assert_eq!(facts.all(FactName::PipelineId), []);
    assert_eq!(facts.all(FactName::PipelineUrl), []);
    assert_ne!(facts.all(FactName::Commit), []);
}

#[test]
fn of_a_masked_tag_only_the_short_ref_is_known() {
    let place = "predicate/buildDefinition/externalParameters/variables/CI_COMMIT_TAG";
    let facts = parsed(&with("gitlab", place, json!("[MASKED]")))
        .unwrap()
        .facts;
    assert_eq!(facts.best(FactName::Ref).unwrap().value, "v1.8.2");
    let mut named_as_a_full_ref = with("gitlab", place, json!("[MASKED]"));
    let variables = "/predicate/buildDefinition/externalParameters/variables";
    named_as_a_full_ref.pointer_mut(variables).unwrap()["CI_COMMIT_REF_NAME"] =
        json!("refs/tags/v1.8.2");
    let facts = parsed(&named_as_a_full_ref).unwrap().facts;
    assert_eq!(facts.all(FactName::Ref), []);
}

#[test]
fn a_tag_that_is_not_the_ref_contradicts_it() {
    let place = "predicate/buildDefinition/externalParameters/variables/CI_COMMIT_TAG";
    let facts = parsed(&with("gitlab", place, json!("v9"))).unwrap().facts;
    let names = facts.contradictions().into_iter().map(|it| it.name);
    assert_eq!(names.collect::<Vec<_>>(), [FactName::Ref]);
}

#[test]
fn two_ids_of_one_job_contradict_each_other() {
    let place = "predicate/buildDefinition/internalParameters/job";
    let facts = parsed(&with("gitlab-runner", place, json!(7)))
        .unwrap()
        .facts;
    let names = facts.contradictions().into_iter().map(|it| it.name);
    assert_eq!(names.collect::<Vec<_>>(), [FactName::JobId]);
}

#[rstest]
#[case::other_build_type("gitlab", "predicate/buildDefinition/buildType", json!("https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1/"))]
#[case::no_version("gitlab-runner", "predicate/buildDefinition/buildType", json!("https://gitlab.com/gitlab-org/gitlab-runner/-/blob/PROVENANCE.md"))]
#[case::a_path_for_a_version("gitlab-runner", "predicate/buildDefinition/buildType", json!("https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v1/x/PROVENANCE.md"))]
#[case::other_predicate_type("gitlab", "predicateType", json!(SLSA_V0_2))]
#[case::no_provenance("gitlab", "predicateType", json!("https://spdx.dev/Document"))]
#[case::other_builder("slsa-github-generator", "predicate/builder/id", json!("https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1"))]
#[case::no_predicate("gitlab", "predicate", json!(null))]
fn what_is_of_no_known_shape_states_nothing_and_is_kept(
    #[case] name: &str,
    #[case] place: &str,
    #[case] value: Value,
) {
    let statement = with(name, place, value);
    let expected = Provenance {
        shape: Shape::Unknown,
        facts: Facts::default(),
        predicate: statement["predicate"].clone(),
    };
    assert_eq!(parsed(&statement), Ok(expected));
}

#[test]
fn a_name_that_occurs_twice_anywhere_is_an_error() {
    let good = String::from_utf8(vector("gitlab")).unwrap();
    for name in [
        "predicateType",
        "buildType",
        "CI_COMMIT_SHA",
        "architecture",
        "sha256",
        "id",
    ] {
        let quoted = format!("\"{name}\":");
        assert!(good.contains(&quoted), "{name}");
        let twice = good.replacen(&quoted, &format!("{quoted} null, {quoted}"), 1);
        assert_eq!(
            Provenance::parse(SLSA_V1, twice.as_bytes(), Source::Attestation),
            Err(ProvenanceError::NameTwice {
                name: name.to_owned()
            })
        );
    }
}

#[rstest]
#[case::nothing(
    b"",
    "the statement is not JSON: EOF while parsing a value at line 1 column 0"
)]
#[case::a_rest(
    b"{} {}",
    "the statement is not JSON: trailing characters at line 1 column 4"
)]
#[case::no_object(b"[]", "the statement is a list, expected an object")]
#[case::other_type(
    b"{\"predicateType\":\"x\"}",
    "predicateType is \"x\", expected the type it was taken for"
)]
#[case::no_type(
    b"{}",
    "predicateType is not stated, expected the type it was taken for"
)]
fn what_is_no_statement_of_the_type_is_refused(#[case] bytes: &[u8], #[case] message: &str) {
    let error = Provenance::parse(SLSA_V1, bytes, Source::Attestation).unwrap_err();
    assert_eq!(error.to_string(), message);
}

fn limit(what: &'static str, found: usize, limit: usize) -> ProvenanceError {
    ProvenanceError::Limit { what, found, limit }
}

#[test]
fn a_statement_of_ten_megabytes_is_not_parsed() {
    let bytes = vec![b' '; 10 * 1024 * 1024];
    assert_eq!(
        Provenance::parse(SLSA_V1, &bytes, Source::Attestation),
        Err(limit(
            "bytes of one statement",
            bytes.len(),
            limits::STATEMENT_BYTES
        ))
    );
}

#[test]
fn a_statement_nested_too_deep_is_refused() {
    // The statement, the predicate and what is in it.
    let nested = |depth: usize| {
        let lists = depth - 1;
        let text = format!("{{\"predicate\":{}{}", "[".repeat(lists), "]".repeat(lists));
        let text = format!("{text},\"predicateType\":\"x\"}}");
        Provenance::parse("x", text.as_bytes(), Source::Attestation).map(|read| read.shape)
    };
    let most = limits::STATEMENT_DEPTH;
    assert_eq!(nested(most), Ok(Shape::Unknown));
    assert_eq!(
        nested(most + 1),
        Err(limit("levels of one statement", most + 1, most))
    );
}

#[test]
fn a_statement_that_would_take_too_much_memory_is_refused_early() {
    for element in ["0,", "{\"\":0},", "\"\","] {
        let elements = element.repeat((limits::STATEMENT_BYTES - 100) / element.len());
        let text = format!("{{\"predicateType\":\"x\",\"predicate\":[{elements}0]}}");
        let error = Provenance::parse("x", text.as_bytes(), Source::Attestation).unwrap_err();
        let ProvenanceError::Limit { what, found, limit } = error else {
            panic!("{error}");
        };
        assert_eq!(what, "bytes of memory for one statement");
        assert_eq!(limit, limits::STATEMENT_MEMORY_BYTES);
        assert!(found < limit + 1000);
    }
}

/// Dependencies as a build with very many modules would list them, and as one with very many stages would.
#[test]
fn ten_thousand_sources_are_read_and_as_many_base_images_are_refused() {
    let place = "predicate/buildDefinition/resolvedDependencies";
    let list = |uri: fn(usize) -> String, most: usize| {
        let list = (0..most)
            .map(|index| json!({ "uri": uri(index), "digest": { "sha256": "12".repeat(32) } }));
        Value::Array(list.collect())
    };
    let files = list(
        |index| format!("https://example.com/{index}.tar.gz"),
        10_000,
    );
    assert_eq!(
        parsed(&with("buildkit-v1", place, files))
            .unwrap()
            .facts
            .base_images(),
        []
    );
    let image = |index| format!("pkg:docker/a/b{index}@1");
    let most = limits::BASE_IMAGES;
    let read = parsed(&with("buildkit-v1", place, list(image, most))).unwrap();
    assert_eq!(read.facts.base_images().len(), most);
    assert_eq!(
        parsed(&with("buildkit-v1", place, list(image, 10_000))),
        Err(limit("base images", most + 1, most))
    );
}

#[test]
fn more_base_images_than_are_told_of_are_told_of_as_unreadable() {
    let place = "predicate/buildDefinition/resolvedDependencies";
    let read = |prefix: &str| {
        let most = limits::BASE_IMAGES;
        let list = (0..most).map(|index| json!({ "uri": format!("pkg:docker/{prefix}{index}@1") }));
        let list = Value::Array(list.collect());
        parsed(&with("buildkit-v1", place, list)).unwrap().facts
    };
    let merged = read("a/b").merged(read("c/d"));
    assert_eq!(merged.base_images().len(), limits::BASE_IMAGES);
    let [
        Unreadable {
            source: Source::Attestation,
            error,
            ..
        },
    ] = merged.unreadable()
    else {
        panic!("{:?}", merged.unreadable());
    };
    assert_eq!(
        *error,
        limit("base images", limits::BASE_IMAGES + 1, limits::BASE_IMAGES)
    );
}

#[test]
fn a_fact_beyond_the_bound_is_refused() {
    let place = "predicate/runDetails/builder/id";
    let of = |length: usize| parsed(&with("gitlab", place, json!("a".repeat(length))));
    let most = limits::FACT_BYTES;
    assert_eq!(of(most).unwrap().facts.all(FactName::Runner).len(), 1);
    assert_eq!(
        of(most + 1),
        Err(limit("bytes of one fact", most + 1, most))
    );
}

#[test]
fn more_variables_than_are_read_are_refused() {
    let place = "predicate/buildDefinition/externalParameters/variables";
    let of = |count: usize| {
        let variables = (0..count).map(|index| (format!("V{index}"), json!("")));
        parsed(&with("gitlab", place, Value::Object(variables.collect())))
    };
    let most = limits::PROVENANCE_VARIABLES;
    assert!(of(most).is_ok());
    assert_eq!(
        of(most + 1),
        Err(limit("variables of one statement", most + 1, most))
    );
}
