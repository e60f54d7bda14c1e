//! `docs/provenance.md` against the code.

use super::*;

const DOCUMENT: &str = include_str!("../../../docs/provenance.md");

#[test]
fn every_fact_source_and_shape_has_its_row() {
    let has_row = |first: &str| {
        DOCUMENT
            .lines()
            .any(|line| line.starts_with(&format!("| {first} |")))
    };
    for name in FactName::ALL {
        assert!(
            has_row(&format!("`{}`", name.as_str())),
            "{}",
            name.as_str()
        );
    }
    for source in Source::ALL {
        assert!(has_row(source.words()), "{}", source.words());
    }
    for shape in Shape::ALL {
        assert!(
            has_row(&format!("`{}`", shape.as_str())),
            "{}",
            shape.as_str()
        );
    }
    assert!(DOCUMENT.contains(ASSAY_BUILD_TYPE));
}

/// The example is a predicate, and all that it says is read.
#[test]
fn the_documented_example_is_read() {
    let (_, example) = DOCUMENT.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let statement = format!("{{\"predicateType\":\"{SLSA_V1}\",\"predicate\":{example}}}");
    let read = Provenance::parse(SLSA_V1, statement.as_bytes(), Source::Attestation).unwrap();
    assert_eq!(read.shape, Shape::GitLab);
    let stated = FactName::ALL
        .iter()
        .filter(|name| read.facts.best(**name).is_some());
    // All but the user, who need not be told.
    assert_eq!(stated.count(), FactName::ALL.len() - 1);
    assert_eq!(read.facts.base_images().len(), 1);
    assert_eq!(read.facts.contradictions(), []);
}
