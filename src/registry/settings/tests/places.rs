//! Where signatures are looked for.

use super::*;

const SETTINGS: &str = "registries:
  - prefix: copy.example/team
    mirrorOf: registry.gitlab.com/acme
  - prefix: gitlab.example:443/acme/dependency_proxy/containers
    mirrorOf: docker.io/library
  - prefix: gitlab.example/virtual_registries/container/5
    mirrorOf: quay.io
  - prefix: signed.example
    signatureRepository: signed.example/signatures
  - prefix: both.example
    mirrorOf: signed.example
  - prefix: told.example
    mirrorOf: registry.gitlab.com
    signatureRepository: told.example/signatures
  - prefix: chain.example
    mirrorOf: copy.example/team
  - prefix: copy.example/team/own
";

/// Source, and places in their order.
fn places(image: &str) -> (String, Vec<String>) {
    let places = settings(SETTINGS).signature_places(&repository(image));
    let all = places.all().map(Repository::to_string).collect();
    (places.source().to_string(), all)
}

#[test]
fn signatures_are_looked_for_where_they_ordinarily_lie_and_then_beside_the_image() {
    for (image, source, all) in [
        (
            "other.example/app",
            "other.example/app",
            &["other.example/app"][..],
        ),
        (
            "copy.example/team/shop/api",
            "registry.gitlab.com/acme/shop/api",
            &[
                "registry.gitlab.com/acme/shop/api",
                "copy.example/team/shop/api",
            ],
        ),
        (
            "copy.example/team2/api",
            "copy.example/team2/api",
            &["copy.example/team2/api"],
        ),
        // The longest prefix counts, whatever a shorter one says.
        (
            "copy.example/team/own/api",
            "copy.example/team/own/api",
            &["copy.example/team/own/api"],
        ),
        (
            "signed.example/api",
            "signed.example/api",
            &["signed.example/signatures"],
        ),
        (
            "both.example/api",
            "signed.example/api",
            &["signed.example/signatures", "both.example/api"],
        ),
        (
            "told.example/acme/api",
            "registry.gitlab.com/acme/api",
            &["told.example/signatures", "registry.gitlab.com/acme/api"],
        ),
        // A source is not taken for a mirror in its turn.
        (
            "chain.example/api",
            "copy.example/team/api",
            &["copy.example/team/api", "chain.example/api"],
        ),
    ] {
        let all = all.iter().map(|&place| place.to_owned()).collect();
        assert_eq!(places(image), (source.to_owned(), all), "{image}");
    }
}

#[test]
fn gitlabs_proxies_are_mirrors_in_either_spelling_of_their_host() {
    let proxy = "acme/dependency_proxy/containers";
    for host in ["gitlab.example", "gitlab.example:443"] {
        for (rest, source) in [
            ("nginx", "docker.io/library/nginx"),
            ("library/nginx", "docker.io/library/nginx"),
            ("grafana/grafana", "docker.io/grafana/grafana"),
        ] {
            let image = format!("{host}/{proxy}/{rest}");
            let all = vec![source.to_owned(), image.clone()];
            assert_eq!(places(&image), (source.to_owned(), all));
        }
    }
    let image = "gitlab.example/virtual_registries/container/5/org/tool";
    let source = "quay.io/org/tool".to_owned();
    assert_eq!(
        places(image),
        (source.clone(), vec![source, image.to_owned()])
    );
}

#[test]
fn what_has_no_name_at_the_source_is_no_copy() {
    let settings = settings("registries:\n  - prefix: m.example/a\n    mirrorOf: s.example\n");
    let image = repository("m.example/a");
    let places = settings.signature_places(&image);
    assert_eq!(places, SignaturePlaces::beside(image));
}
