//! Statements that an index calls statements and that are none.

use crate::{
    image::{BrokenStatement, Contents, Digest, StatementFault},
    provenance::{Facts, ProvenanceError, Source, Unreadable},
};

#[test]
fn a_statement_that_is_about_no_image_of_the_index_is_told_of_as_unreadable() {
    let manifest = Digest::of(b"an attestation manifest");
    let fault = StatementFault::OtherImage {
        presented: "sha256:ab".to_owned(),
        expected: Digest::of(b"an image"),
    };
    let contents = Contents {
        broken_statements: vec![BrokenStatement {
            manifest: manifest.clone(),
            fault: fault.clone(),
        }],
        ..Contents::default()
    };
    let expected = Unreadable {
        source: Source::BuildStatement,
        path: manifest.short(),
        error: ProvenanceError::Link(fault),
    };
    assert_eq!(Facts::of_contents(&contents).unreadable(), [expected]);
}
