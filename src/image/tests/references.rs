use rstest::rstest;

use super::*;
use crate::limits::{REFERENCE_BYTES, REPOSITORY_PATH_BYTES};

#[rstest]
#[case("nginx", "docker.io/library/nginx")]
#[case("docker.io/nginx", "docker.io/library/nginx")]
#[case("index.docker.io/nginx", "docker.io/library/nginx")]
#[case("Index.Docker.IO/acme/shop", "docker.io/acme/shop")]
#[case("acme/shop", "docker.io/acme/shop")]
#[case("a_b/c__d/e---f/g.h", "docker.io/a_b/c__d/e---f/g.h")]
#[case("localhost/x", "localhost/x")]
#[case("localhost:5000/x", "localhost:5000/x")]
#[case("localhost:5000", "docker.io/library/localhost")]
#[case("registry.example/a/b/c", "registry.example/a/b/c")]
#[case("Registry.Example:8443/a", "registry.example:8443/a")]
#[case("10.0.0.1/a", "10.0.0.1/a")]
#[case("[2001:DB8::1]:5000/a", "[2001:db8::1]:5000/a")]
#[case("[::1]/a:v1", "[::1]/a")]
fn a_name_is_normalised_as_the_kubelet_does(#[case] written: &str, #[case] normalised: &str) {
    assert_eq!(reference(written).repository().to_string(), normalised);
}

#[test]
fn tag_and_digest_are_told_apart_from_port_and_path() {
    let text = format!("registry.example:5000/acme/shop:1.8.2@sha256:{HEX}");
    let image = reference(&text);
    assert_eq!(image.repository().host().as_str(), "registry.example:5000");
    assert_eq!(image.repository().path(), "acme/shop");
    assert_eq!(image.tag().unwrap().as_str(), "1.8.2");
    assert_eq!(image.digest().unwrap().hex(), HEX);
    assert_eq!(image.written(), text);
}

#[test]
fn without_a_tag_the_runtime_pulls_latest() {
    assert_eq!(reference("nginx").tag(), None);
    assert_eq!(reference("nginx").tag_or_latest().as_str(), "latest");
    assert_eq!(reference("nginx:1").tag_or_latest().as_str(), "1");
}

#[rstest]
#[case("", "the image reference is empty")]
#[case(
    HEX,
    "64 hex digits alone are an image id, expected repository@sha256:…"
)]
#[case("a b", "the character \" \" cannot stand in an image reference")]
#[case("nginx\n", "the character \"\\n\" cannot stand in an image reference")]
#[case("ngіnx", "the character \"і\" cannot stand in an image reference")]
#[case(
    "HTTPS://registry.example/a",
    "an image reference has no scheme, leave out \"https://\""
)]
#[case("registry.example:0/a", "\"0\" is not a port, expected 1 to 65535")]
#[case(
    "registry.example:65536/a",
    "\"65536\" is not a port, expected 1 to 65535"
)]
#[case("registry.example:080/a", "\"080\" is not a port, expected 1 to 65535")]
#[case("registry.example:/a", "\"\" is not a port, expected 1 to 65535")]
#[case(
    "-a.example/a",
    "\"-a.example\" is not a registry host, expected host or host:port"
)]
#[case(
    "registry.example./a",
    "\"registry.example.\" is not a registry host, expected host or host:port"
)]
#[case(
    "[::1/a.b",
    "\"[::1\" is not a registry host, expected host or host:port"
)]
#[case(
    "[::g]/a",
    "\"[::g]\" is not a registry host, expected host or host:port"
)]
#[case(
    "[::1]x:1/a",
    "\"[::1]x:1\" is not a registry host, expected host or host:port"
)]
#[case(
    "user@registry.example/a",
    "digest algorithm \"registry.example/a\" is not accepted, expected sha256"
)]
#[case(
    "REGISTRY/a",
    "registry host \"REGISTRY\" needs a domain or a port, as in registry.example"
)]
#[case("acme/Shop", "repository paths are lower case, found \"Shop\"")]
#[case("Nginx", "repository paths are lower case, found \"Nginx\"")]
#[case(
    "nginx:",
    "\"\" is not a tag, expected at most 128 letters, digits, _ . - that begin with a letter, a digit or _"
)]
#[case(
    "nginx:.1",
    "\".1\" is not a tag, expected at most 128 letters, digits, _ . - that begin with a letter, a digit or _"
)]
#[case("nginx@", "digest algorithm \"\" is not accepted, expected sha256")]
#[case(
    "nginx@sha512:00",
    "digest algorithm \"sha512\" is not accepted, expected sha256"
)]
#[case(
    "nginx@sha256:00",
    "expected 64 lower-case hex digits after sha256:, found \"00\""
)]
fn what_is_no_reference_says_what_was_expected_and_found(#[case] text: &str, #[case] error: &str) {
    assert_eq!(text.parse::<Reference>().unwrap_err().to_string(), error);
}

#[rstest]
#[case("/a")]
#[case("a//b")]
#[case("registry.example/")]
#[case("acme/a..b")]
#[case("acme/a___b")]
#[case("acme/_a")]
#[case("acme/a-")]
#[case("acme/a._b")]
#[case(":v1")]
fn a_malformed_path_component_is_refused(#[case] text: &str) {
    let error = text.parse::<Reference>().unwrap_err();
    assert!(
        matches!(error, ReferenceError::PathComponent { .. }),
        "{error}"
    );
}

#[test]
fn a_reference_over_the_limit_is_refused() {
    let text = format!("registry.example/a:{}", "1".repeat(REFERENCE_BYTES));
    assert_eq!(
        text.parse::<Reference>(),
        Err(ReferenceError::TooLong {
            found: REFERENCE_BYTES + 19,
            limit: REFERENCE_BYTES
        })
    );
}

#[test]
fn a_path_over_the_limit_is_refused() {
    let longest = "a".repeat(REPOSITORY_PATH_BYTES);
    assert!(
        format!("registry.example/{longest}")
            .parse::<Reference>()
            .is_ok()
    );
    assert_eq!(
        format!("registry.example/{longest}a").parse::<Reference>(),
        Err(ReferenceError::PathTooLong {
            found: REPOSITORY_PATH_BYTES + 1,
            limit: REPOSITORY_PATH_BYTES
        })
    );
}

#[test]
fn a_tag_of_128_characters_is_the_longest() {
    assert!("1".repeat(128).parse::<Tag>().is_ok());
    assert!("1".repeat(129).parse::<Tag>().is_err());
}

#[test]
fn an_error_shows_only_a_part_of_a_long_text() {
    let error = format!("acme/{}", "A".repeat(200))
        .parse::<Reference>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "repository paths are lower case, found \"{}…\"",
            "A".repeat(64)
        )
    );
}

#[test]
fn a_repository_has_no_tag_and_no_digest() {
    assert_eq!(repository("nginx"), repository("docker.io/library/nginx"));
    for wrong in ["nginx:1", &format!("nginx@sha256:{HEX}")] {
        let error = wrong.parse::<Repository>().unwrap_err();
        assert!(
            matches!(error, ReferenceError::NotOnlyRepository { .. }),
            "{error}"
        );
    }
    assert_eq!(HEX.parse::<Repository>(), Err(ReferenceError::BareHex));
}

#[rstest]
#[case("localhost", true)]
#[case("localhost:5000", true)]
#[case("127.0.0.1:5000", true)]
#[case("127.9.9.9", true)]
#[case("[::1]:5000", true)]
#[case("[::ffff:7f00:1]", true)]
#[case("localhost.example", false)]
#[case("127.0.0.1.example", false)]
#[case("128.0.0.1", false)]
#[case("[::2]", false)]
fn loopback_is_told_from_what_looks_like_it(#[case] host: &str, #[case] expected: bool) {
    assert_eq!(
        host.parse::<RegistryHost>().unwrap().is_loopback(),
        expected
    );
}

#[test]
fn pinning_keeps_the_tag_and_replaces_the_digest() {
    let digest = Digest::of(b"image");
    assert_eq!(
        reference("nginx").pinned(&digest),
        format!("nginx@{digest}")
    );
    assert_eq!(
        reference("localhost:5000/a:v1").pinned(&digest),
        format!("localhost:5000/a:v1@{digest}")
    );
    assert_eq!(
        reference(&format!("nginx:1@sha256:{HEX}")).pinned(&digest),
        format!("nginx:1@{digest}")
    );
}
