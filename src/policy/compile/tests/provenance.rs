//! Demands for provenance.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{compiled, pattern, problems, with};
use crate::{
    limits::ENTRIES_PER_RULE,
    policy::{ProvenanceDemand, TagMatch},
};

fn spec(provenance: Value) -> Value {
    let mut spec = with(json!({ "name": "pipeline", "gitlab": { "project": "acme/shop" } }));
    let scan = json!({ "name": "scanner", "gitlab": { "project": "acme/scan" } });
    super::add(&mut spec, scan);
    spec["provenance"] = provenance;
    spec
}

fn demand(provenance: Value) -> ProvenanceDemand {
    compiled(spec(provenance)).provenance.unwrap()
}

#[test]
fn provenance_compiles_to_what_it_says() {
    let demand = demand(json!({
        "authorities": ["scanner", "scanner"],
        "sourceRepository": "https://gitlab.com/acme/shop/api",
        "refs": ["refs/tags/v*", "refs/heads/main"],
        "tagMatches": ["Ref", "Commit"],
        "runners": ["https://gitlab.com/acme/shop/api/-/runners/1234"],
        "pipelineSources": ["push", "web"],
        "baseImages": ["registry.gitlab.com/acme/base/**"],
        "maxAge": "2160h",
    }));
    assert_eq!(demand.authorities, [1]);
    assert_eq!(
        demand.source_repository,
        Some(pattern("https://gitlab.com/acme/shop/api"))
    );
    assert_eq!(
        demand.refs,
        [pattern("refs/tags/v*"), pattern("refs/heads/main")]
    );
    assert_eq!(demand.tag_matches, [TagMatch::Ref, TagMatch::Commit]);
    assert_eq!(
        demand.runners,
        [pattern("https://gitlab.com/acme/shop/api/-/runners/1234")]
    );
    assert_eq!(demand.pipeline_sources, ["push", "web"]);
    assert_eq!(
        demand.base_images,
        ["registry.gitlab.com/acme/base/**".parse().unwrap()]
    );
    assert_eq!(demand.max_age, Some(SignedDuration::from_hours(2160)));
}

#[test]
fn an_empty_one_asks_for_any_provenance_by_any_authority() {
    let demand = demand(json!({}));
    assert_eq!(demand.authorities, [0, 1]);
    assert_eq!(demand.source_repository, None);
    assert_eq!(demand.refs, []);
    assert_eq!(demand.tag_matches, []);
    assert_eq!(demand.runners, []);
    assert_eq!(demand.pipeline_sources, [""; 0]);
    assert_eq!(demand.base_images, []);
    assert_eq!(demand.max_age, None);
}

#[test]
fn provenance_stands_in_for_a_signature() {
    let mut spec = spec(json!({}));
    spec["require"] = json!(0);
    assert_eq!(compiled(spec.clone()).require, 0);
    spec.as_object_mut().unwrap().remove("provenance");
    assert_eq!(
        problems(spec),
        [
            "spec.require: expected at least 1 where neither provenance nor attestations are asked for, found 0"
        ]
    );
}

#[test]
fn a_source_repository_is_compared_in_one_form() {
    for (written, compared) in [
        (
            "https://gitlab.com/acme/shop.git",
            "https://gitlab.com/acme/shop",
        ),
        (
            "https://gitlab.com/acme/shop/",
            "https://gitlab.com/acme/shop",
        ),
        (
            "https://gitlab.com/acme/shop.git/",
            "https://gitlab.com/acme/shop",
        ),
        (
            "https://GitLab.com:443/acme/Shop",
            "https://gitlab.com/acme/Shop",
        ),
        (
            "https://git.acme.example:8443/acme/**",
            "https://git.acme.example:8443/acme/**",
        ),
    ] {
        let demand = demand(json!({ "sourceRepository": written }));
        assert_eq!(
            demand.source_repository,
            Some(pattern(compared)),
            "{written}"
        );
    }
}

#[test]
fn a_source_repository_is_an_https_url_with_a_whole_host() {
    for text in [
        "",
        "gitlab.com/acme/shop",
        "http://gitlab.com/acme/shop",
        "git+https://gitlab.com/acme/shop",
        "https://gitlab.com",
        "https://gitlab.com//",
        "https://*.com/acme/shop",
        "https://gitlab.com*/acme/shop",
        "https://**",
        "https:///acme/shop",
        "https://user@gitlab.com/acme/shop",
        "https://gitlab.com/acme/shop?ref=main",
        "https://gitlab.com/acme/shop#main",
        "https://gitlab.com/acme/ shop",
        "https://git\tlab.com/acme/shop",
    ] {
        let found = problems(spec(json!({ "sourceRepository": text })));
        assert_eq!(found.len(), 1, "{text:?}: {found:?}");
        let expected = "spec.provenance.sourceRepository: expected an https URL whose host has no wildcard, \
                        as in https://gitlab.com/acme/shop/api, found \"";
        assert!(found[0].starts_with(expected), "{text:?}: {found:?}");
    }
}

#[test]
fn runners_of_an_instance_without_tls_can_be_named() {
    let written = "http://gitlab.intern/*/-/runners/*";
    let demand = demand(json!({ "runners": [written] }));
    assert_eq!(demand.runners, [pattern(written)]);
}

#[test]
fn every_problem_is_reported_in_the_order_of_the_fields() {
    assert_eq!(
        problems(spec(json!({
            "maxAge": "90d",
            "baseImages": ["nginx"],
            "pipelineSources": ["push", "Merge Request"],
            "runners": ["1234", "https://gitlab.com/***"],
            "refs": ["main", "refs/***"],
            "sourceRepository": "acme/shop",
            "authorities": ["scanner", "release"],
        }))),
        [
            "spec.provenance.authorities[1]: expected an authority of this policy (pipeline, scanner), found \"release\"",
            "spec.provenance.sourceRepository: expected an https URL whose host has no wildcard, as in \
             https://gitlab.com/acme/shop/api, found \"acme/shop\"",
            "spec.provenance.refs[0]: expected a full ref such as refs/heads/main or refs/tags/v*, found \"main\"",
            "spec.provenance.refs[1]: \"***\" has no meaning, write * for a run inside one segment or ** for a run across \
             segments",
            "spec.provenance.runners[0]: expected a URL whose host has no wildcard, as in \
             https://gitlab.com/acme/shop/api/-/runners/1234, found \"1234\"",
            "spec.provenance.runners[1]: \"***\" has no meaning, write * for a run inside one segment or ** for a run across \
             segments",
            "spec.provenance.pipelineSources[1]: expected a pipeline source such as push or web, found \"Merge Request\"",
            "spec.provenance.baseImages[0]: the pattern \"nginx\" names no registry, write \"docker.io/library/nginx\" or \
             another host in front",
            "spec.provenance.maxAge: expected a duration in hours, minutes and seconds, as in 2160h for 90 days, found \"90d\"",
        ]
    );
}

#[test]
fn a_rule_that_is_written_has_entries() {
    for field in [
        "authorities",
        "refs",
        "tagMatches",
        "runners",
        "pipelineSources",
        "baseImages",
    ] {
        assert_eq!(
            problems(spec(json!({ field: [] }))),
            [format!(
                "spec.provenance.{field}: expected at least one entry, found none"
            )]
        );
    }
}

#[test]
fn what_is_no_field_or_word_of_it_is_refused() {
    assert_eq!(
        problems(spec(json!({ "tagMatches": ["Ref", "Nothing"] }))),
        ["spec.provenance.tagMatches[1]: unknown variant `Nothing`, expected `Ref` or `Commit`"]
    );
    assert_eq!(
        problems(spec(
            json!({ "repository": "https://gitlab.com/acme/shop" })
        )),
        [
            "spec.provenance.repository: unknown field `repository`, expected one of `authorities`, `sourceRepository`, \
             `refs`, `tagMatches`, `runners`, `pipelineSources`, `baseImages`, `maxAge`"
        ]
    );
}

#[test]
fn only_so_many_entries_of_a_rule_are_read() {
    let entries = |count: usize, of: &dyn Fn(usize) -> String| -> Vec<String> {
        (0..count).map(of).collect()
    };
    let fields: [(&str, &dyn Fn(usize) -> String); 4] = [
        ("refs", &|it| format!("refs/tags/v{it}")),
        ("runners", &|it| {
            format!("https://gitlab.com/-/runners/{it}")
        }),
        ("pipelineSources", &|it| "a".repeat(it + 1)),
        ("baseImages", &|it| format!("registry.example/base{it}")),
    ];
    for (field, entry) in fields {
        let most = entries(ENTRIES_PER_RULE, entry);
        let demand = demand(json!({ field: most }));
        let found = [
            demand.refs.len(),
            demand.runners.len(),
            demand.pipeline_sources.len(),
            demand.base_images.len(),
        ];
        assert_eq!(found.iter().sum::<usize>(), ENTRIES_PER_RULE);
        let more = entries(ENTRIES_PER_RULE + 1, entry);
        assert_eq!(
            problems(spec(json!({ field: more }))),
            [format!(
                "spec.provenance.{field}: expected at most 64, found 65"
            )]
        );
    }
}

#[test]
fn a_build_may_lie_back_some_time_but_no_more_than_a_century() {
    for (text, minutes) in [("90m", 90), ("1h30m", 90), ("876600h", 876_600 * 60)] {
        let demand = demand(json!({ "maxAge": text }));
        assert_eq!(demand.max_age, Some(SignedDuration::from_mins(minutes)));
    }
    for text in [
        "0h",
        "0s",
        "",
        "h",
        "-1h",
        "876600h1s",
        "9223372036854775807h",
    ] {
        let found = problems(spec(json!({ "maxAge": text })));
        assert_eq!(
            found,
            [format!(
                "spec.provenance.maxAge: expected a duration in hours, minutes and seconds, as in 2160h for 90 days, found \
                 \"{text}\""
            )]
        );
    }
}
