//! Which parts of the variables a condition may look at.

use super::*;

#[test]
fn a_condition_reads_what_it_names_and_what_is_below() {
    let reads = |expression: &str, path: &[&str]| compiled(expression).reads(path);
    let annotations = ["image", "annotations"];
    for expression in [
        "image.annotations['a'] == 'b'",
        "has(image.annotations)",
        "image['annotations'] == {}",
        "size(image) == 1",
        "image[provenance.commit] == 'a'",
        "[image].all(i, i.labels == {})",
        "image.platforms.all(p, p in image.annotations)",
        "true ? true : image.annotations.x == 'a'",
    ] {
        assert!(reads(expression, &annotations), "{expression}");
    }
    for expression in [
        "true",
        "image.labels['annotations'] == 'b'",
        "provenance.predicate.annotations == 1",
        "pod.metadata.annotations == {}",
        "[1].all(image, image == 1)",
        "'image.annotations' == ''",
    ] {
        assert!(!reads(expression, &annotations), "{expression}");
    }
    assert!(reads("image.annotations.a == 'b'", &["image"]));
    assert!(!reads(
        "image.annotations.a == 'b'",
        &["image", "annotations", "b"]
    ));
}
