//! The shape of the source: which module may use which, what pure modules never name, how long files
//! are, and that every file is compiled. Each rule has a test that it would see a violation.

mod rules;
mod source;

use source::Source;

#[test]
fn modules_use_only_what_the_order_allows() {
    assert_eq!(rules::forbidden_edges(&source::all()), NOTHING);
}

#[test]
fn the_order_allows_nothing_that_nobody_needs() {
    assert_eq!(rules::unused_edges(&source::all()), NOTHING);
}

#[test]
fn pure_modules_know_no_runtime_and_no_network() {
    assert_eq!(rules::impurities(&source::all()), NOTHING);
}

#[test]
fn every_file_is_reached_by_a_mod_line() {
    let roots = source::target_roots(&source::manifest());
    assert_eq!(rules::unreached(&source::all(), &roots), NOTHING);
}

#[test]
fn files_are_short_and_none_is_called_mod() {
    assert_eq!(rules::misshapen_files(&source::all()), NOTHING);
}

#[test]
fn an_edge_against_the_order_is_seen_however_it_is_written() {
    for text in [
        "use crate::registry::Keyring;",
        "use crate::{image::Digest, registry::{self, Keyring}};",
        "fn f() { let x: Option<crate :: registry::Keyring> = None; }",
        "use super::registry::Keyring;",
        "thing!(crate::registry::Keyring);",
        "pub use assay::registry as r;",
        "#[cfg(test)] mod tests { } use crate::registry::Keyring;",
    ] {
        let found = rules::forbidden_edges(&[Source::new("src/policy.rs", text)]);
        assert_eq!(
            found,
            ["src/policy.rs: policy must not use registry"],
            "{text}"
        );
    }
    let nested = Source::new("src/policy/crd.rs", "use super::super::registry::Keyring;");
    assert_eq!(
        rules::forbidden_edges(&[nested]),
        ["src/policy/crd.rs: policy must not use registry"]
    );
}

#[test]
fn comments_texts_and_tests_make_no_edge() {
    for text in [
        "//! See [`crate::registry`].\n/* crate::registry /* crate::registry */ */",
        "const A: &str = \"crate::registry\"; const B: &[u8] = br#\"\" crate::registry\"#;",
        "const Q: char = '\"'; fn f<'a>(x: &'a str) {} // crate::registry",
        "#[cfg(test)]\nmod tests { use crate::registry::Keyring; fn f() { {} } }",
        "#[cfg(test)]\nuse crate::{registry::Keyring, review};\nuse crate::image::Digest;",
        "use crate::policy::crd; use crate::limits; use super::key::PublicKey;",
        "mycrate::registry(); a::crate_::registry();",
    ] {
        let found = rules::forbidden_edges(&[Source::new("src/policy.rs", text)]);
        assert_eq!(found, NOTHING, "{text}");
    }
    let test = Source::new("src/policy/tests.rs", "use crate::registry::Keyring;");
    assert_eq!(rules::forbidden_edges(&[test]), NOTHING);
}

#[test]
fn an_edge_that_nobody_needs_is_seen() {
    let found = rules::unused_edges(&[
        Source::new("src/trust.rs", "use crate::policy::TrustRootName;"),
        Source::new("src/trust/tests.rs", "use crate::verify::TrustRoot;"),
    ]);
    assert_eq!(found, ["trust may use verify and does not"]);
}

#[test]
fn a_module_that_the_order_does_not_name_is_seen() {
    let found = rules::forbidden_edges(&[
        Source::new("src/helpers.rs", ""),
        Source::new("src/policy.rs", "use crate::helpers::x;"),
    ]);
    assert_eq!(
        found,
        [
            "src/helpers.rs: helpers has no place in the order",
            "src/policy.rs: policy must not use helpers",
        ]
    );
}

#[test]
fn the_sandbox_is_for_the_demo_alone() {
    let text = "use crate::sandbox::registry;";
    assert_eq!(
        rules::forbidden_edges(&[
            Source::new("src/commands/demo/images.rs", text),
            Source::new("src/commands/demo.rs", text),
        ]),
        NOTHING
    );
    assert_eq!(
        rules::forbidden_edges(&[Source::new("src/commands/serve.rs", text)]),
        ["src/commands/serve.rs: commands must not use sandbox"]
    );
}

#[test]
fn the_order_has_no_circle() {
    assert_eq!(rules::circles(), NOTHING);
}

#[test]
fn a_runtime_or_client_in_a_pure_module_is_seen() {
    for (text, what) in [
        ("use tokio::time::Instant;", "tokio"),
        ("fn f(x: &reqwest::Client) {}", "reqwest"),
        ("use axum::{Router, routing};", "axum"),
        ("use kube::{CustomResource, Client};", "kube::Client"),
        ("use kube::runtime::watcher;", "kube::runtime"),
        ("use kube::{Resource, client::Body};", "kube::client"),
    ] {
        let found = rules::impurities(&[Source::new("src/policy/crd.rs", text)]);
        assert_eq!(
            found,
            [format!(
                "src/policy/crd.rs: policy is pure and names {what}"
            )]
        );
    }
    let fine = Source::new(
        "src/policy/crd.rs",
        "use kube::CustomResource; // tokio::spawn",
    );
    let impure = Source::new("src/registry.rs", "use tokio::time::Instant;");
    assert_eq!(rules::impurities(&[fine, impure]), NOTHING);
}

#[test]
fn a_file_without_a_mod_line_is_seen() {
    let roots = ["src/lib.rs", "tests/it/main.rs"].map(str::to_owned);
    let sources = [
        Source::new("src/lib.rs", "pub mod a; // mod lost;"),
        Source::new("src/a.rs", "mod b; #[cfg(test)] mod tests;"),
        Source::new("src/a/b.rs", ""),
        Source::new("src/a/tests.rs", ""),
        Source::new("src/lost.rs", ""),
        Source::new("tests/it/main.rs", "mod support;"),
        Source::new("tests/it/support.rs", "mod near { }"),
        Source::new("tests/it/support/near.rs", ""),
    ];
    assert_eq!(
        rules::unreached(&sources, &roots),
        [
            "src/lost.rs: no mod line reaches it",
            "tests/it/support/near.rs: no mod line reaches it",
        ]
    );
}

#[test]
fn the_roots_are_those_of_the_cargo_targets() {
    let manifest = "[lib]\npath = \"src/lib.rs\"\n[[test]]\npath = \"tests/it/main.rs\"\n";
    assert_eq!(
        source::target_roots(manifest),
        ["src/lib.rs", "src/main.rs", "tests/it/main.rs"]
    );
}

#[test]
fn a_long_file_and_a_file_called_mod_are_seen() {
    let lines = |count: usize| "\n".repeat(count);
    assert_eq!(
        rules::misshapen_files(&[
            Source::new("src/main.rs", &lines(61)),
            Source::new("src/a.rs", &lines(501)),
            Source::new("src/a/mod.rs", ""),
            Source::new("src/b.rs", &lines(500)),
            Source::new("tests/it/long.rs", &lines(501)),
        ]),
        [
            "src/main.rs: 61 lines, at most 60",
            "src/a.rs: 501 lines, at most 500",
            "src/a/mod.rs: write src/a.rs instead",
        ]
    );
}

const NOTHING: [String; 0] = [];
