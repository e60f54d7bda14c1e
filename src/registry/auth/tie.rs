//! Which token services may see a registry's credentials.

use url::{Host, Url};

/// Whether credentials for the registry at `registry` may be sent to the token service at `realm`.
///
/// The realm comes from the network. It must be the registry's own host, Docker Hub's known service, or a host
/// below the same parent domain (`registry.gitlab.com` and `gitlab.com`).
pub(in crate::registry) fn may_receive_credentials(registry: &Url, realm: &Url) -> bool {
    let (Some(registry), Some(realm)) = (registry.host(), realm.host()) else {
        return false;
    };
    if registry == realm || (is_loopback(&registry) && is_loopback(&realm)) {
        return true;
    }
    let (Host::Domain(registry), Host::Domain(realm)) = (registry, realm) else {
        return false;
    };
    (registry == "registry-1.docker.io" && realm == "auth.docker.io")
        || have_common_parent(registry, realm)
}

/// Two labels at least: a top-level domain is nobody's house.
fn have_common_parent(one: &str, other: &str) -> bool {
    let common = one
        .rsplit('.')
        .zip(other.rsplit('.'))
        .take_while(|(one, other)| one == other)
        .count();
    common >= 2
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tied(registry: &str, realm: &str) -> bool {
        let url = |text: &str| Url::parse(text).expect("a URL");
        may_receive_credentials(&url(registry), &url(realm))
    }

    #[test]
    fn a_service_of_the_same_house_is_trusted() {
        for (registry, realm) in [
            ("https://ghcr.io", "https://ghcr.io/token"),
            ("https://r.example:5000", "https://r.example/jwt/auth"),
            ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            (
                "https://registry.git.corp.example",
                "https://git.corp.example/jwt/auth",
            ),
            (
                "https://registry-1.docker.io",
                "https://auth.docker.io/token",
            ),
            ("http://127.0.0.1:5000", "http://localhost:5001/token"),
        ] {
            assert!(tied(registry, realm), "{registry} {realm}");
        }
    }

    #[test]
    fn a_service_of_another_house_is_not() {
        for (registry, realm) in [
            (
                "https://registry.gitlab.com",
                "https://gitlab.com.evil.example/jwt/auth",
            ),
            (
                "https://registry.gitlab.com",
                "https://notgitlab.com/jwt/auth",
            ),
            ("https://registry.example", "https://other.example/token"),
            ("https://r.example", "https://auth.docker.io/token"),
            ("https://10.0.0.5", "https://11.0.0.5/token"),
            ("https://r.example", "http://127.0.0.1/token"),
        ] {
            assert!(!tied(registry, realm), "{registry} {realm}");
        }
    }
}
