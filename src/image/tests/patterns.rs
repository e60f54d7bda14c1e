use rstest::rstest;

use super::*;
use crate::limits::{MATCHED_TEXT_BYTES, PATTERN_BYTES};

#[rstest]
#[case("refs/tags/v*", "refs/tags/v1.8.2", true)]
#[case("refs/tags/v*", "refs/tags/v", true)]
#[case("refs/tags/v*", "refs/tags/v1/x", false)]
#[case("refs/tags/v*", "x/refs/tags/v1", false)]
#[case("refs/**", "refs/heads/a/b", true)]
#[case("refs/**", "refs", false)]
#[case("a*b*c", "axxbyybzc", true)]
#[case("a**c", "a/b/c", true)]
#[case("*/**/x", "a/b/c/x", true)]
#[case("*/**/x", "a/x", false)]
#[case("a.c", "abc", false)]
#[case("[a]?", "[a]?", true)]
#[case("*", "", true)]
#[case("käse*", "käsebrot", true)]
#[case("main", "main\n", false)]
fn a_pattern_matches_the_whole_text(
    #[case] text: &str,
    #[case] value: &str,
    #[case] expected: bool,
) {
    assert_eq!(text.parse::<Pattern>().unwrap().matches(value), expected);
}

#[test]
fn a_pattern_made_to_backtrack_is_matched_in_bounded_work() {
    let pattern: Pattern = "*a".repeat(PATTERN_BYTES / 2).parse().unwrap();
    assert!(!pattern.matches(&format!("{}b", "a".repeat(MATCHED_TEXT_BYTES - 1))));
}

#[test]
fn a_text_over_the_limit_matches_nothing() {
    let every: Pattern = "**".parse().unwrap();
    assert!(every.matches(&"a".repeat(MATCHED_TEXT_BYTES)));
    assert!(!every.matches(&"a".repeat(MATCHED_TEXT_BYTES + 1)));
}

#[test]
fn senseless_patterns_are_refused() {
    assert_eq!("".parse::<Pattern>(), Err(PatternError::Empty));
    assert_eq!("a***".parse::<Pattern>(), Err(PatternError::ThreeStars));
    assert_eq!(
        "a\nb".parse::<Pattern>(),
        Err(PatternError::Control {
            presented: "\\n".to_owned()
        })
    );
    assert_eq!(
        "a".repeat(PATTERN_BYTES + 1).parse::<Pattern>(),
        Err(PatternError::TooLong {
            found: PATTERN_BYTES + 1,
            limit: PATTERN_BYTES
        })
    );
}

#[rstest]
#[case("**", "docker.io/library/nginx", true)]
#[case("**/nginx", "docker.io/library/nginx", true)]
#[case("**/nginx", "registry.example/nginx", true)]
#[case("**/nginx", "registry.example/evil-nginx", false)]
#[case("*/acme/*", "registry.example:5000/acme/api", true)]
#[case("*/acme/*", "registry.example/acme/shop/api", false)]
#[case("registry.example/**", "registry.example/a/b", true)]
#[case("registry.example/**", "registry.example:5000/a/b", false)]
#[case("registry.example:*/**", "registry.example:5000/a/b", true)]
#[case("registry.example:*/**", "registry.example/a/b", false)]
#[case("registry.example/**", "registry.example:443/a/b", true)]
#[case("registry.example:443/**", "registry.example/a/b", true)]
#[case("registry.example/**", "registry.example:8443/a/b", false)]
#[case("*.registry.example/**", "eu.registry.example:443/a", true)]
#[case("docker.io/acme/*", "registry-1.docker.io/acme/api", true)]
#[case("docker.io/acme/*", "registry-1.docker.io:443/acme/api", true)]
#[case("docker.io/acme/*", "registry-1.docker.io.evil/acme/api", false)]
#[case("*.registry.example/**", "eu.registry.example/a", true)]
#[case("*.registry.example/**", "a.b.registry.example/a", false)]
#[case("*.registry.example/**", "registry.example/a", false)]
#[case("*.registry.example/**", "eu.registry.example.evil/a", false)]
#[case("registry.*/**", "registry.example/a", true)]
#[case("registry.*/**", "registry.example.evil/a", false)]
#[case("registry.*/**", "registry.example:5000/a", false)]
#[case(
    "registry.example/acme/shop/**",
    "registry.example/acme/shop/api",
    true
)]
#[case(
    "registry.example/acme/shop/**",
    "registry.example/acme/shop/api/v2",
    true
)]
#[case("registry.example/acme/shop/**", "registry.example/acme/shop", false)]
#[case(
    "registry.example/acme/shop/**",
    "registry.example/acme/shop.evil/x",
    false
)]
#[case(
    "registry.example/acme/shop/**",
    "registry.example/acme/shop-evil/x",
    false
)]
#[case(
    "registry.example/acme/shop/**",
    "registry.example/acme-evil/shop/x",
    false
)]
#[case(
    "registry.example/acme/shop/**",
    "registry.example/x/acme/shop/y",
    false
)]
#[case("registry.example/*/api", "registry.example/acme/api", true)]
#[case("registry.example/*/api", "registry.example/acme/shop/api", false)]
#[case("registry.example/acme/shop*", "registry.example/acme/shop-api", true)]
#[case("docker.io/nginx", "docker.io/library/nginx", true)]
#[case("docker.io/ngin*", "docker.io/library/nginx", true)]
#[case("index.docker.io/library/nginx", "docker.io/library/nginx", true)]
#[case("docker.io/**", "docker.io/library/nginx", true)]
#[case("docker.io/acme/**", "docker.io/library/nginx", false)]
#[case("localhost/a", "localhost/a", true)]
#[case("[::1]:5000/**", "[::1]:5000/a", true)]
fn a_repository_pattern_matches_host_and_path_whole(
    #[case] text: &str,
    #[case] image: &str,
    #[case] expected: bool,
) {
    assert_eq!(pattern(text).matches(&repository(image)), expected);
}

#[rstest]
#[case(
    "nginx",
    "the pattern \"nginx\" names no registry, write \"docker.io/library/nginx\" or another host in front"
)]
#[case(
    "acme/shop/**",
    "the pattern \"acme/shop/**\" names no registry, write \"docker.io/acme/shop/**\" or another host in front"
)]
#[case(
    "shop-*/api",
    "the pattern \"shop-*/api\" names no registry, write \"docker.io/shop-*/api\" or another host in front"
)]
#[case(
    "registry.example",
    "the pattern \"registry.example\" has no path, write \"registry.example/**\" for the whole registry"
)]
#[case(
    "registry.example:5000",
    "the pattern \"registry.example:5000\" has no path, write \"registry.example:5000/**\" for the whole registry"
)]
#[case(
    "*",
    "the pattern \"*\" has no path, write \"*/**\" for the whole registry"
)]
#[case(
    "nginx:v1",
    "the pattern \"nginx:v1\" is over repositories, leave out the tag or digest"
)]
#[case(
    "registry.example/a:v*",
    "the pattern \"registry.example/a:v*\" is over repositories, leave out the tag or digest"
)]
#[case(
    "registry.example/a@sha256:*",
    "the pattern \"registry.example/a@sha256:*\" is over repositories, leave out the tag or digest"
)]
#[case(
    "registry.example/Acme/**",
    "repositories are lower case, found \"registry.example/Acme/**\""
)]
#[case(
    "registry.**/a",
    "** cannot be a part of the host \"registry.**\", write * inside it or ** in its place"
)]
#[case(
    "registry.example/a***",
    "\"***\" has no meaning, write * for a run inside one segment or ** for a run across segments"
)]
#[case("registry..*/a", "\"registry..*\" is not a host or a pattern of hosts")]
#[case("[*]:5000/a", "\"[*]:5000\" is not a host or a pattern of hosts")]
#[case(
    "registry.*:80*/a",
    "\"registry.*:80*\" is not a host or a pattern of hosts"
)]
#[case("registry.example:0/a", "\"0\" is not a port, expected 1 to 65535")]
#[case(
    "https://registry.example/**",
    "\"\" is not a port, expected 1 to 65535"
)]
#[case("registry.example/", "\"\" cannot stand in a repository path")]
#[case("registry.example/a//b", "\"\" cannot stand in a repository path")]
#[case("registry.example/.a/**", "\".a\" cannot stand in a repository path")]
#[case("registry.example/a b*", "\"a b*\" cannot stand in a repository path")]
fn what_is_no_repository_pattern_says_how_to_write_it(#[case] text: &str, #[case] error: &str) {
    assert_eq!(
        text.parse::<RepositoryPattern>().unwrap_err().to_string(),
        error
    );
}
