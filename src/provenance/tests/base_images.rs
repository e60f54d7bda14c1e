//! The URIs of images.

use rstest::rstest;
use serde_json::json;

use super::*;

fn named(uri: &str, hex: Option<&str>) -> Option<BaseImage> {
    let dependency = json!({ "uri": uri, "digest": hex.map(|hex| json!({ "sha256": hex })) });
    BaseImage::of_dependency(&Node::root("it", &dependency), Source::BuildStatement).unwrap()
}

#[rstest]
#[case::docker_hub(
    "pkg:docker/golang@1.25?platform=linux%2Famd64",
    "golang:1.25",
    "docker.io/library/golang"
)]
#[case::no_tag(
    "pkg:docker/gcr.io/distroless/static",
    "gcr.io/distroless/static",
    "gcr.io/distroless/static"
)]
#[case::port(
    "pkg:docker/localhost%3A5000/acme/base@21",
    "localhost:5000/acme/base:21",
    "localhost:5000/acme/base"
)]
#[case::slash_encoded(
    "pkg:docker/registry.example%2Facme/base@21",
    "registry.example/acme/base:21",
    "registry.example/acme/base"
)]
#[case::slashes_and_case("PKG://Docker/golang@1.25", "golang:1.25", "docker.io/library/golang")]
#[case::subpath(
    "pkg:docker/golang@1.25#etc/passwd",
    "golang:1.25",
    "docker.io/library/golang"
)]
#[case::registry_apart(
    "pkg:docker/acme/base@21?repository_url=registry.example",
    "registry.example/acme/base:21",
    "registry.example/acme/base"
)]
#[case::oci(
    "pkg:oci/debian@sha256%3A1212121212121212121212121212121212121212121212121212121212121212?repository_url=docker.io/library/debian&tag=13",
    "docker.io/library/debian:13",
    "docker.io/library/debian"
)]
#[case::oci_in_a_registry(
    "pkg:oci/debian?repository_url=ghcr.io",
    "ghcr.io/debian",
    "ghcr.io/debian"
)]
#[case::oci_folder("pkg:oci/debian@13", "debian:13", "")]
#[case::reference(
    "docker-image://docker.io/library/alpine:3.22",
    "docker.io/library/alpine:3.22",
    "docker.io/library/alpine"
)]
#[case::upper_case("pkg:docker/registry.example/Acme@1", "registry.example/Acme:1", "")]
#[case::no_text("pkg:docker/a%FFb@1", "a%FFb:1", "")]
#[case::another_name_inside("pkg:docker/a%40b@1", "a@b:1", "")]
fn an_image_is_named_as_the_kubelet_would_name_it(
    #[case] uri: &str,
    #[case] name: &str,
    #[case] repository: &str,
) {
    let expected = BaseImage {
        name: name.to_owned(),
        repository: (!repository.is_empty()).then(|| repository.parse().unwrap()),
        digest: Some(format!("sha256:{}", "12".repeat(32)).parse().unwrap()),
        source: Source::BuildStatement,
        path: "it.uri".to_owned(),
    };
    assert_eq!(named(uri, Some(&"12".repeat(32))), Some(expected));
}

#[rstest]
#[case("https://example.com/tool.tar.gz")]
#[case("https://gitlab.com/acme/shop.git#refs/tags/v1")]
#[case("pkg:npm/%40acme/shop@1.8.2")]
#[case("pkg:dockerish/golang@1")]
#[case("golang:1.25")]
#[case("")]
fn what_is_no_image_is_no_base_image(#[case] uri: &str) {
    assert_eq!(named(uri, None), None);
}

#[rstest]
#[case::version(&format!("pkg:docker/golang@sha256:{}", "12".repeat(32)), true)]
#[case::qualifier(&format!("pkg:docker/golang@1.25?platform=a&digest=sha256%3A{}", "12".repeat(32)), true)]
#[case::reference(&format!("docker-image://golang@sha256:{}", "12".repeat(32)), true)]
#[case::none("pkg:docker/golang@1.25", false)]
#[case::short("pkg:docker/golang@1.25?digest=sha256%3A1212", false)]
fn a_digest_is_read_from_the_uri_too(#[case] uri: &str, #[case] is_there: bool) {
    let digest: Digest = format!("sha256:{}", "12".repeat(32)).parse().unwrap();
    assert_eq!(named(uri, None).unwrap().digest, is_there.then_some(digest));
}
