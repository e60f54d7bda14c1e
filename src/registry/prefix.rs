//! The beginning of a repository's name: what the settings of registries are kept by.

use std::fmt;

use crate::image::{RegistryHost, Repository};

/// A registry, or all of its repositories from a path on: `host[:port][/path]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Prefix {
    host: RegistryHost,
    /// Without slashes at its ends; empty for the whole registry.
    path: String,
}

/// Why a text is no prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrefixFault {
    /// `https://…`.
    #[error("write it without https://")]
    Scheme,
    /// `*`.
    #[error("it is no pattern, and covers everything below it by itself")]
    Pattern,
    /// What stands first is no host.
    #[error("it begins with no host, which has a dot or a port")]
    Host,
    /// Two slashes in a row, or one at the end.
    #[error("a slash stands at its end or beside another")]
    Slash,
    /// Upper case in the path.
    #[error("repositories are lower case")]
    UpperCase,
    /// Something else in the path.
    #[error("a path has letters, digits, dots, hyphens and underscores, and no tag or digest")]
    Character,
}

/// Whether two spellings of a registry's host are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Spelling {
    /// Yes, as where plain HTTP makes `host` and `host:443` two ports.
    Exact,
    /// No: `host` and `host:443` are one registry.
    Any,
}

impl Prefix {
    /// Parses `host[:port][/path]`.
    pub(super) fn parse(text: &str) -> Result<Self, PrefixFault> {
        if text.contains("://") {
            return Err(PrefixFault::Scheme);
        }
        if text.contains('*') {
            return Err(PrefixFault::Pattern);
        }
        let (host, path) = match text.split_once('/') {
            Some((host, path)) => (host, Some(path)),
            None => (text, None),
        };
        let host = host.parse().map_err(|_| PrefixFault::Host)?;
        let path = path.map_or(Ok(""), Self::parse_path)?.to_owned();
        Ok(Self { host, path })
    }

    fn parse_path(path: &str) -> Result<&str, PrefixFault> {
        let is_path_char =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        if path.split('/').any(str::is_empty) {
            Err(PrefixFault::Slash)
        } else if path.chars().any(|c| c.is_ascii_uppercase()) {
            Err(PrefixFault::UpperCase)
        } else if path
            .split('/')
            .all(|segment| segment.chars().all(is_path_char))
        {
            Ok(path)
        } else {
            Err(PrefixFault::Character)
        }
    }

    pub(super) fn host(&self) -> &RegistryHost {
        &self.host
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether this repository path of this registry is the prefix or lies below it. Whole path segments only:
    /// `group/app` does not cover `group/app2`.
    pub(super) fn covers(&self, host: &str, path: &str, spelling: Spelling) -> bool {
        let is_host = match spelling {
            Spelling::Exact => self.is_spelled(host),
            Spelling::Any => self.is_spelled(host) || self.host.registry() == without_port(host),
        };
        is_host && self.rest(path).is_some()
    }

    /// Whether the host is written like this.
    pub(super) fn is_spelled(&self, host: &str) -> bool {
        self.host.as_str() == host
    }

    /// Whether both are the same repositories of one registry, whose host is written `host` here and `host:443` there.
    pub(super) fn is_spelled_otherwise(&self, other: &Self) -> bool {
        self.path == other.path
            && self.host != other.host
            && without_port(self.host.as_str()) == without_port(other.host.as_str())
    }

    /// What follows the prefix's own path; none when the prefix does not cover this path.
    pub(super) fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.path.is_empty() {
            return Some(path);
        }
        let rest = path.strip_prefix(self.path.as_str())?;
        match rest.strip_prefix('/') {
            Some(below) => Some(below),
            None => rest.is_empty().then_some(rest),
        }
    }

    /// The repository below this prefix with what follows another's: as Docker Hub's names go, where it is that.
    ///
    /// None when that is no repository.
    pub(super) fn join(&self, rest: &str) -> Option<Repository> {
        let is_hub = self.host.registry() == DOCKER_HUB;
        // A name on Docker Hub has two segments, and `library` stands in front of what people write as one.
        let has_own_namespace = is_hub && self.path == OFFICIAL_IMAGES && rest.contains('/');
        let parts = [
            self.host.as_str(),
            if has_own_namespace { "" } else { &self.path },
            rest,
        ];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        // A host alone would read as a name on Docker Hub.
        (parts.len() > 1)
            .then(|| parts.join("/").parse().ok())
            .flatten()
    }
}

/// `host[:port][/path]`.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        if self.path.is_empty() {
            return Ok(());
        }
        write!(f, "/{}", self.path)
    }
}

fn without_port(host: &str) -> &str {
    host.strip_suffix(":443").unwrap_or(host)
}

const DOCKER_HUB: &str = "docker.io";
const OFFICIAL_IMAGES: &str = "library";

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::parse(text).expect("a prefix")
    }

    #[test]
    fn another_spelling_of_a_registry_is_covered_where_it_is_not_told_apart() {
        for (text, host, expected) in [
            ("r.example", "r.example", (true, true)),
            ("r.example", "r.example:443", (false, true)),
            ("r.example:443", "r.example", (false, true)),
            ("r.example", "r.example:5000", (false, false)),
            ("r.example", "other.example", (false, false)),
        ] {
            let covers = |spelling| prefix(text).covers(host, "app", spelling);
            assert_eq!((covers(Spelling::Exact), covers(Spelling::Any)), expected);
        }
    }

    #[test]
    fn the_rest_of_a_path_is_kept_in_whole_segments() {
        let group = prefix("r.example/group");
        assert_eq!(group.rest("group/app/sub"), Some("app/sub"));
        assert_eq!(group.rest("group"), Some(""));
        assert_eq!(group.rest("group2/app"), None);
        assert_eq!(prefix("r.example").rest("group/app"), Some("group/app"));
    }

    #[test]
    fn a_source_is_the_prefix_and_the_rest_and_docker_hub_has_its_own_names() {
        for (source, rest, expected) in [
            ("s.example", "acme/api", Some("s.example/acme/api")),
            ("s.example/acme", "api", Some("s.example/acme/api")),
            ("s.example/acme/api", "", Some("s.example/acme/api")),
            ("s.example", "", None),
            ("docker.io", "nginx", Some("docker.io/library/nginx")),
            (
                "docker.io",
                "library/nginx",
                Some("docker.io/library/nginx"),
            ),
            ("docker.io", "acme/api", Some("docker.io/acme/api")),
            (
                "docker.io/library",
                "nginx",
                Some("docker.io/library/nginx"),
            ),
            (
                "docker.io/library",
                "library/nginx",
                Some("docker.io/library/nginx"),
            ),
            ("docker.io/library", "acme/api", Some("docker.io/acme/api")),
            ("index.docker.io", "nginx", Some("docker.io/library/nginx")),
            ("docker.io/acme", "api", Some("docker.io/acme/api")),
        ] {
            let joined = prefix(source).join(rest);
            let joined = joined.map(|repository| repository.to_string());
            assert_eq!(joined.as_deref(), expected, "{source} and {rest:?}");
        }
    }
}
