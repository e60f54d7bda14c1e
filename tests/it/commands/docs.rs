//! The documentation keeps up with the code.

use std::{collections::BTreeSet, fs};

use regex::Regex;

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

#[test]
fn every_code_has_a_section_that_says_how_to_fix_and_to_relax_it() {
    let docs = read("docs/denials.md");
    let sections: Vec<&str> = docs.split("\n## ").skip(1).collect();
    let documented: BTreeSet<String> = sections
        .iter()
        .map(|section| section.lines().next().unwrap().to_owned())
        .collect();
    // `Cause::code` is the one place where codes are written.
    let codes = found(
        "=> \\{?\\s*\"([A-Z][A-Za-z]+)\"",
        &read("src/decision/cause.rs"),
    );
    assert!(codes.len() > 20, "{codes:?}");
    assert_eq!(documented, codes);
    for section in sections {
        for part in ["- **Fix:**", "- **To relax:**"] {
            assert!(section.contains(part), "{part} in {section}");
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in [
        "CONTRIBUTING.md",
        "docs/denials.md",
        "docs/policy.md",
        "manifests/README.md",
    ] {
        let folder = document
            .rsplit_once('/')
            .map_or(String::new(), |(folder, _)| format!("{folder}/"));
        for link in found(r"\]\(([^)#:]+)[)#]", &read(document)) {
            let path = format!("{}/{folder}{link}", env!("CARGO_MANIFEST_DIR"));
            assert!(fs::exists(&path).unwrap(), "{document} links to {link}");
        }
    }
}
