//! Statements about builds: whatever is read is bounded, can be shown, and is read again as the same.

#![no_main]

use assay::{
    limits::{BASE_IMAGES, FACT_BYTES},
    provenance::{FactName, Facts, Provenance, Shape, Source},
    untrusted::shown,
};
use assay_fuzz::mutate_as_json;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(statement) = serde_json::from_slice::<Value>(data) else {
        for predicate_type in TYPES {
            assert!(Provenance::parse(predicate_type, data, Source::Attestation).is_err());
        }
        return;
    };
    let predicate_type = statement["predicateType"].as_str().unwrap_or(TYPES[0]);
    let Ok(read) = Provenance::parse(predicate_type, data, Source::Attestation) else {
        return;
    };
    assert_eq!(read.predicate, statement["predicate"]);
    if read.shape == Shape::Unknown {
        assert_eq!(read.facts, Facts::default());
    }
    for name in FactName::ALL {
        for fact in read.facts.all(name) {
            assert_eq!(fact.source, Source::Attestation);
            // A ref has its kind before it, and a composed link has two facts.
            assert!(!fact.value.is_empty() && fact.value.len() < 2 * FACT_BYTES + 32);
            assert!(!shown(&fact.value, FACT_BYTES).chars().any(char::is_control));
            assert!(!name.contradicts(&fact.value, &fact.value));
        }
    }
    assert!(read.facts.base_images().len() <= BASE_IMAGES);
    for image in read.facts.base_images() {
        assert!(image.name.len() < 2 * FACT_BYTES);
    }
    let again = Provenance::parse(
        predicate_type,
        statement.to_string().as_bytes(),
        Source::Attestation,
    );
    assert_eq!(again.map(|again| again.facts).as_ref(), Ok(&read.facts));
    assert_eq!(read.facts.clone().merged(read.facts.clone()), read.facts);
    read.facts.contradictions();
});

mutate_as_json!();

const TYPES: [&str; 2] = [
    "https://slsa.dev/provenance/v1",
    "https://slsa.dev/provenance/v0.2",
];
