//! The keys of a docker config: which images a credential is for.

use crate::{image::Repository, registry::prefix::Prefix};

/// A key of a docker config as the kubelet reads it: `host[:port][/path]`, the host a glob per label.
///
/// Ordered as text, as the kubelet orders them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Location(String);

impl Location {
    /// Strips the scheme and the API version; none when no host is left.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let text = key
            .strip_prefix("https://")
            .or_else(|| key.strip_prefix("http://"))
            .unwrap_or(key);
        let text = text.split(['?', '#']).next()?;
        let (host, path) = split_host(text);
        // A user name in front of the host is none of the host.
        let host = host.rsplit('@').next()?;
        let is_clean =
            !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
        let path = if path.starts_with("/v1/") || path.starts_with("/v2/") {
            path.get(3..)?
        } else {
            path
        };
        let path = if path == "/" { "" } else { path };
        is_clean.then(|| Self(format!("{host}{path}")))
    }

    /// Whether the credential is for this repository: the ports equal as text, each label of the host matched
    /// by a glob of its own, the path a plain prefix.
    pub(super) fn matches(&self, repository: &Repository) -> bool {
        repository.path().starts_with(self.path()) && self.matches_host(repository.host().as_str())
    }

    /// Whether it may be for a repository below this prefix, however its host is written there.
    pub(super) fn meets(&self, prefix: &Prefix) -> bool {
        let (host, path) = (prefix.host(), self.path());
        let is_path = path.starts_with(prefix.path()) || prefix.path().starts_with(path);
        let registry = host.registry();
        let with_port = format!("{registry}:443");
        let mut spellings = [host.as_str(), registry, &with_port].into_iter();
        let is_host = spellings.any(|spelling| self.matches_host(spelling));
        (is_host && is_path) || (registry == "docker.io" && self.is_docker_hub())
    }

    /// What the repository's path begins with. The path of a key begins with the slash that ends the host.
    fn path(&self) -> &str {
        let (_, path) = split_host(&self.0);
        path.strip_prefix('/').unwrap_or(path)
    }

    fn matches_host(&self, host: &str) -> bool {
        let (pattern, port) = split_port(split_host(&self.0).0);
        let (target, target_port) = split_port(host);
        port == target_port
            && pattern.split('.').count() == target.split('.').count()
            && pattern
                .split('.')
                .zip(target.split('.'))
                .all(|(pattern, label)| label_matches(pattern, label))
    }

    /// Whether this is the key under which `docker login` keeps Docker Hub.
    pub(super) fn is_docker_hub(&self) -> bool {
        self.0 == "index.docker.io"
    }
}

fn split_host(text: &str) -> (&str, &str) {
    let end = text.find('/').unwrap_or(text.len());
    text.split_at(end)
}

/// Host and port; the port is empty when there is none. As Go's `net.SplitHostPort`, an IPv6 address loses its
/// brackets only together with a port.
fn split_port(host: &str) -> (&str, &str) {
    if let Some(rest) = host.strip_prefix('[') {
        return match rest.split_once("]:") {
            Some((address, port)) => (address, port),
            None => (host, ""),
        };
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, port),
        _ => (host, ""),
    }
}

/// Go's `filepath.Match` for one label: `*`, `?`, `[a-z]`, `[^a-z]` and `\`. A malformed pattern matches nothing.
fn label_matches(pattern: &str, label: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let label: Vec<char> = label.chars().collect();
    glob(&pattern, &label)
}

/// Goes back to the last `*` only, so the time is bounded by the product of the lengths.
fn glob(pattern: &[char], text: &[char]) -> bool {
    let (mut rest, mut left) = (pattern, text);
    let mut star: Option<(&[char], &[char])> = None;
    loop {
        if let ['*', after @ ..] = rest {
            star = Some((after, left));
            rest = after;
            continue;
        }
        if let ([], []) = (rest, left) {
            return true;
        }
        if let Some((after_one, after_char)) = one(rest, left) {
            (rest, left) = (after_one, after_char);
            continue;
        }
        match star {
            Some((after_star, [_, shorter @ ..])) => {
                star = Some((after_star, shorter));
                (rest, left) = (after_star, shorter);
            }
            Some(_) | None => return false,
        }
    }
}

/// Matches one character; what is left of both when it does.
fn one<'p, 't>(pattern: &'p [char], text: &'t [char]) -> Option<(&'p [char], &'t [char])> {
    let (&found, after_char) = text.split_first()?;
    match pattern {
        ['?', after @ ..] => Some((after, after_char)),
        ['[', set @ ..] => {
            let (is_in, after) = class(set, found)?;
            is_in.then_some((after, after_char))
        }
        ['\\', wanted, after @ ..] | [wanted, after @ ..] if *wanted == found => {
            Some((after, after_char))
        }
        _ => None,
    }
}

/// Reads a class behind its `[`: whether the character is in it, and what follows the `]`.
fn class(set: &[char], found: char) -> Option<(bool, &[char])> {
    let (negated, mut rest) = match set {
        ['^', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let mut is_in = false;
    let mut is_empty = true;
    loop {
        let (low, after) = match rest {
            [']', after @ ..] if !is_empty => return Some((is_in != negated, after)),
            [']' | '-', ..] | [] => return None,
            ['\\', low, after @ ..] | [low, after @ ..] => (*low, after),
        };
        let (high, after) = match after {
            ['-', '\\', high, after @ ..] | ['-', high, after @ ..] if *high != ']' => {
                (*high, after)
            }
            ['-', ..] => return None,
            _ => (low, after),
        };
        is_in |= (low..=high).contains(&found);
        is_empty = false;
        rest = after;
    }
}
