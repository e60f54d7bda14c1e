//! How long conditions take: an ordinary one, one way through a large predicate, and the worst that spend the whole
//! budget, each in another way.
//!
//! Run with `cargo bench --bench condition`.

#![expect(
    clippy::expect_used,
    reason = "a benchmark whose condition does not compile has nothing to measure"
)]

use assay::condition::{ATTESTATION_VARIABLES, Budget, Condition, Variables};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

criterion_group!(benches, compiling, evaluating);
criterion_main!(benches);

const ORDINARY: &str = "image.annotations['com.gitlab.ci.pipeline_id'] == provenance.pipelineId && image.tag != 'latest'";

fn compiling(criterion: &mut Criterion) {
    let longest = ["image.tag.matches('^v[0-9]+$')"; 100].join(" && ");
    let mut group = criterion.benchmark_group("compile");
    for (name, expression) in [("ordinary", ORDINARY), ("the longest", &longest)] {
        group.bench_function(name, |bencher| bencher.iter(|| compiled(expression)));
    }
}

fn evaluating(criterion: &mut Criterion) {
    let variables = variables();
    let all = "attestation.predicate.components";
    let blob = "attestation.predicate.blob";
    let cases = [
        ("ordinary", ORDINARY.to_owned()),
        (
            "once through",
            format!("{all}.all(c, c.version.startsWith('1.') && c.name != 'log4j')"),
        ),
        (
            "loops",
            format!("{all}.all(a, {all}.all(b, {all}.all(c, true)))"),
        ),
        (
            "lists",
            format!("{all}.map(a, {all}.map(b, [a, b])).size() == 0"),
        ),
        (
            "appending",
            format!("{all}.exists(a, size({all} + {all}) == 1)"),
        ),
        ("comparing", format!("{all}.exists(a, {all} != {all})")),
        (
            "errors",
            format!("{all}.exists(a, {all}.exists(b, b.none))"),
        ),
        (
            "texts",
            format!("{all}.map(a, {blob} + {blob}).size() == 0"),
        ),
        (
            "searching",
            format!("{all}.exists(a, {blob}.contains('yz'))"),
        ),
        ("counting", format!("{all}.exists(a, size({blob}) == 1)")),
        (
            "matching",
            format!("{all}.exists(a, {blob}.matches('yz$'))"),
        ),
        (
            "matching hard",
            format!("{all}.exists(a, {blob}.matches('(y[a-z]{{20}}){{20}}z$'))"),
        ),
        (
            "matching words",
            format!("{all}.exists(a, {blob}.matches('(\\\\w+y)+z$'))"),
        ),
        (
            "matching short",
            format!("{all}.exists(a, {all}.exists(b, b.name.matches('(y?){{30}}z$')))"),
        ),
    ];
    let mut group = criterion.benchmark_group("evaluate");
    group.sample_size(10);
    for (name, expression) in cases {
        let condition = compiled(&expression);
        group.bench_function(name, |bencher| {
            bencher.iter(|| condition.evaluate(&variables, &Budget::default()));
        });
    }
}

fn compiled(expression: &str) -> Condition {
    Condition::compile(expression, &ATTESTATION_VARIABLES).expect("a condition")
}

/// With a predicate of 4 MiB: thousands of components, and one long text.
fn variables() -> Variables {
    let component: Value =
        json!({"name": "x".repeat(200), "version": "1.2.3", "licenses": ["MIT"]});
    let predicate = json!({
        "components": vec![component; 12_000],
        "blob": "y".repeat(1024 * 1024),
    });
    Variables::from([
        (
            "image",
            json!({"tag": "v1.8.2", "annotations": {"com.gitlab.ci.pipeline_id": "1"}}),
        ),
        ("provenance", json!({"pipelineId": "1"})),
        ("attestation", json!({ "predicate": predicate })),
    ])
}
