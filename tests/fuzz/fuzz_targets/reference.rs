//! Image references and patterns: what is read is printed as it was, and means the same when it is read again.
//! The input is a reference, and a pattern on the next line.

#![no_main]

use assay::image::{Digest, Pattern, Reference, Repository, RepositoryPattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (image, pattern) = text.split_once('\n').unwrap_or((text, ""));
    let reference = image.parse::<Reference>();
    match &reference {
        Ok(reference) => is_read_again(image, reference),
        Err(error) => assert!(error.to_string().chars().count() < 400, "{error}"),
    }
    if let Ok(pattern) = pattern.parse::<Pattern>() {
        assert_eq!(pattern.to_string().parse(), Ok(pattern.clone()));
        let _ = pattern.matches(image);
    }
    if let Ok(pattern) = pattern.parse::<RepositoryPattern>() {
        assert_eq!(pattern.to_string().parse(), Ok(pattern.clone()));
        if let Ok(reference) = &reference {
            let repository = reference.repository();
            // Another spelling of the same repository is covered as well.
            let spelled: Repository = repository.to_string().parse().expect("a repository");
            assert_eq!(pattern.matches(repository), pattern.matches(&spelled));
        }
    }
});

fn is_read_again(text: &str, reference: &Reference) {
    assert_eq!(reference.to_string(), text);
    assert_eq!(text.parse::<Reference>().as_ref(), Ok(reference));
    let repository = reference.repository();
    let again: Repository = repository.to_string().parse().expect("a repository");
    assert_eq!(&again, repository);

    // A host may be longer than patterns are read.
    if repository.to_string().len() <= assay::limits::PATTERN_BYTES {
        let itself: RepositoryPattern = repository.to_string().parse().expect("a pattern");
        assert!(itself.matches(repository));
    }
    let everything: RepositoryPattern = "**".parse().expect("a pattern");
    assert!(everything.matches(repository));

    let digest = Digest::of(b"the image");
    let pinned = reference.pinned(&digest);
    // The digest may make it too long to be read again.
    if let Ok(pinned) = pinned.parse::<Reference>() {
        assert_eq!(pinned.repository(), repository);
        assert_eq!(pinned.tag(), reference.tag());
        assert_eq!(pinned.digest(), Some(&digest));
        assert_eq!(pinned.pinned(&digest), pinned.to_string());
    } else {
        assert!(pinned.len() > assay::limits::REFERENCE_BYTES, "{pinned}");
    }
}
