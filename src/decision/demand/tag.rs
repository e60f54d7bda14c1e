//! Which tag an image is asked for by, and whether that names what the image was built from.

use crate::{
    decision::{cause::Rejection, demand::Unsatisfied},
    image::{Reference, Tag},
    policy::Policy,
};

/// What is written decides, whatever it leads to: a digest alone has no tag, and nothing at all is `latest`.
pub(super) fn allow(policy: &Policy, reference: &Reference) -> Result<(), Box<Unsatisfied>> {
    let (Some(demand), Some(tag)) = (&policy.tags, of(reference)) else {
        return Ok(());
    };
    if demand.allow.iter().any(|pattern| pattern.matches(&tag)) {
        return Ok(());
    }
    Err(Unsatisfied::before_judging(Rejection::TagNotAllowed {
        tag: tag.as_str().to_owned(),
        allowed: demand.allow.iter().map(ToString::to_string).collect(),
    }))
}

/// The tag that an image is asked for by; none when that is a digest alone.
pub(super) fn of(reference: &Reference) -> Option<Tag> {
    match reference.tag() {
        Some(tag) => Some(tag.clone()),
        None if reference.digest().is_some() => None,
        None => Some(reference.tag_or_latest()),
    }
}

/// Whether the tag is what this branch or tag is called, or the slug that GitLab makes of that
/// (`CI_COMMIT_REF_SLUG`). The `v` before the number of a version may be missing.
pub(super) fn names_ref(tag: &Tag, ref_name: &str) -> bool {
    let tag = tag.as_str();
    let version = ref_name
        .strip_prefix("refs/tags/v")
        .filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let short = ref_name
        .strip_prefix("refs/heads/")
        .or_else(|| ref_name.strip_prefix("refs/tags/"))
        .unwrap_or(ref_name);
    tag == short || version == Some(tag) || tag == slug(short)
}

/// Whether the tag is this commit, or at least the first seven of its digits.
pub(super) fn names_commit(tag: &Tag, commit: &str) -> bool {
    let is_commit = matches!(commit.len(), 40 | 64) && commit.bytes().all(is_hex);
    is_commit && is_like_commit(tag) && commit.starts_with(tag.as_str())
}

/// Whether the tag may be meant as a commit. It may be a number all the same.
pub(super) fn is_like_commit(tag: &Tag) -> bool {
    let tag = tag.as_str();
    (7..=64).contains(&tag.len()) && tag.bytes().all(is_hex)
}

fn slug(short: &str) -> String {
    let lower = short.to_lowercase();
    let plain = lower.chars().map(|character| match character {
        'a'..='z' | '0'..='9' => character,
        _ => '-',
    });
    let cut: String = plain.take(63).collect();
    cut.trim_matches('-').to_owned()
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "8a5c0f1e2d3b4a59687766554433221100ffeedd";

    fn tag(text: &str) -> Tag {
        let reference: Reference = format!("registry.example/app:{text}").parse().unwrap();
        of(&reference).unwrap()
    }

    #[test]
    fn a_digest_alone_has_no_tag_and_nothing_at_all_is_latest() {
        let tag_of = |text: &str| of(&text.parse().unwrap()).map(|tag| tag.as_str().to_owned());
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(tag_of(&format!("r.example/app@{digest}")), None);
        assert_eq!(
            tag_of(&format!("r.example/app:1@{digest}")).as_deref(),
            Some("1")
        );
        assert_eq!(tag_of("r.example/app").as_deref(), Some("latest"));
    }

    #[test]
    fn a_tag_names_a_ref_by_its_name_its_version_or_its_slug() {
        let named = [
            ("v1.8.2", "refs/tags/v1.8.2"),
            ("1.8.2", "refs/tags/v1.8.2"),
            ("1.8.2", "refs/tags/1.8.2"),
            ("v1-8-2", "refs/tags/v1.8.2"),
            ("main", "refs/heads/main"),
            ("main", "main"),
            ("feature-a-b", "refs/heads/Feature/a_b"),
            ("x", "refs/heads/-x-"),
        ];
        for (text, ref_name) in named {
            assert!(names_ref(&tag(text), ref_name), "{text} {ref_name}");
        }
        let long = format!("refs/heads/{}", "a".repeat(70));
        assert!(names_ref(&tag(&"a".repeat(63)), &long));
        assert!(!names_ref(&tag(&"a".repeat(64)), &long));
    }

    #[test]
    fn a_tag_does_not_name_what_is_only_like_it() {
        let other = [
            ("1.8.2", "refs/heads/v1.8.2"),
            ("ain", "refs/heads/main"),
            ("v1.8", "refs/tags/v1.8.2"),
            ("v1.8.2", "refs/tags/1.8.2"),
            ("ersion", "refs/tags/version"),
            ("v1.8.2", "refs/merge-requests/1/head"),
            ("head", "refs/merge-requests/1/head"),
        ];
        for (text, ref_name) in other {
            assert!(!names_ref(&tag(text), ref_name), "{text} {ref_name}");
        }
    }

    #[test]
    fn a_tag_names_a_commit_by_at_least_seven_of_its_first_digits() {
        for length in [7, 8, 39, 40] {
            assert!(
                names_commit(&tag(&COMMIT[..length]), COMMIT),
                "{length} digits"
            );
        }
        let long = "ab".repeat(32);
        assert!(names_commit(&tag(&long), &long));
        for text in [
            &COMMIT[..6],
            &COMMIT[1..9],
            "8A5C0F1",
            "8a5c0f1-debug",
            "v8a5c0f1",
        ] {
            assert!(!names_commit(&tag(text), COMMIT), "{text}");
        }
        assert!(!names_commit(&tag("8a5c0f1"), "8a5c0f1"));
        assert!(!names_commit(&tag("8a5c0f1"), "8a5c0f1 and more"));
    }
}
