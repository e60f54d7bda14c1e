//! Registry hosts, repositories and tags.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
};

use super::{ReferenceError, digest::is_whole_hex};
use crate::{
    limits::{REFERENCE_BYTES, REPOSITORY_PATH_BYTES, SHOWN_CHARS},
    untrusted::shown,
};

/// A registry's host and port, as in `registry.gitlab.com` or `localhost:5000`; `docker.io` for Docker Hub.
///
/// Kept in lower case, with the port as it was written: credentials are looked up by that text. Patterns
/// compare the registry itself, so that another spelling of it does not escape a policy.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RegistryHost(Arc<str>);

/// A normalised repository: host and path, as in `docker.io/library/nginx`. Clones share the texts.
///
/// Reads the normalised form and what people write (`nginx`), never a tag or digest.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Repository {
    host: RegistryHost,
    path: Arc<str>,
}

/// A tag, as in `1.8.2`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(String);

impl RegistryHost {
    /// The text, `host` or `host:port`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the loopback host (`localhost`, 127.0.0.0/8, `[::1]`), whatever the port.
    pub fn is_loopback(&self) -> bool {
        let Some((name, _)) = split_port(&self.0) else {
            return false;
        };
        name == LOCALHOST || address(name).is_some_and(|address| address.is_loopback())
    }

    /// The registry this spelling reaches: without HTTPS's own port, and `docker.io` for its API's host too.
    pub fn registry(&self) -> &str {
        let name = self.0.strip_suffix(HTTPS_PORT).unwrap_or(&self.0);
        match name {
            DOCKER_HUB_INDEX | DOCKER_HUB_API => DOCKER_HUB,
            _ => name,
        }
    }

    fn docker_hub() -> Self {
        Self(DOCKER_HUB.into())
    }

    fn is_docker_hub(&self) -> bool {
        *self.0 == *DOCKER_HUB
    }
}

impl Repository {
    /// The registry.
    pub fn host(&self) -> &RegistryHost {
        &self.host
    }

    /// The path without the host, as in `acme/shop/api`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reads a name that has neither tag nor digest and normalises it as the kubelet does.
    pub(super) fn from_name(name: &str) -> Result<Self, ReferenceError> {
        let (host, path) = match name.split_once('/') {
            Some((first, rest)) if is_host_segment(first) => (first.parse()?, rest),
            _ => (RegistryHost::docker_hub(), name),
        };
        let path: Arc<str> = if host.is_docker_hub() && !path.contains('/') {
            format!("{OFFICIAL_IMAGES}/{path}").into()
        } else {
            path.into()
        };
        if path.len() > REPOSITORY_PATH_BYTES {
            return Err(ReferenceError::PathTooLong {
                found: path.len(),
                limit: REPOSITORY_PATH_BYTES,
            });
        }
        path.split('/').try_for_each(component)?;
        Ok(Self { host, path })
    }
}

impl Tag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag a runtime pulls when neither tag nor digest is written.
    pub(super) fn latest() -> Self {
        Self("latest".to_owned())
    }
}

/// What stands for every text that can be a reference or a part of one: not empty, not too long, and
/// without characters that none may hold.
pub(super) fn plain_text(text: &str) -> Result<&str, ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    if text.len() > REFERENCE_BYTES {
        return Err(ReferenceError::TooLong {
            found: text.len(),
            limit: REFERENCE_BYTES,
        });
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(character) => Err(ReferenceError::Character {
            presented: shown(&character.to_string(), SHOWN_CHARS),
        }),
        None => Ok(text),
    }
}

/// Divides a name from its tag: at the last colon, unless that belongs to the host's port.
pub(super) fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// Whether a name's first segment is a host; any other belongs to the path on Docker Hub.
pub(super) fn is_host_segment(segment: &str) -> bool {
    segment == LOCALHOST
        || segment.contains(['.', ':'])
        || segment.bytes().any(|b| b.is_ascii_uppercase())
}

/// Whether this may stand between two slashes of a path:
/// `[a-z0-9]+ ( ("." | "_" | "__" | "-"+) [a-z0-9]+ )*`.
pub(super) fn is_component(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(inner)
        && text.ends_with(inner)
        && text
            .split(inner)
            .all(|between| matches!(between, "" | "." | "_" | "__") || is_dashes(between))
}

/// Whether this may stand between two dots of a host name.
pub(super) fn is_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether this is a port number, 1 to 65535 without leading zeros.
pub(super) fn is_port(text: &str) -> bool {
    text.starts_with(|c: char| matches!(c, '1'..='9')) && text.parse::<u16>().is_ok()
}

/// Divides a host's name or address from its port; none when brackets do not close.
pub(super) fn split_port(host: &str) -> Option<(&str, Option<&str>)> {
    let name_length = if host.starts_with('[') {
        host.find(']')? + 1
    } else {
        host.find(':').unwrap_or(host.len())
    };
    let (name, rest) = host.split_at_checked(name_length)?;
    if rest.is_empty() {
        return Some((name, None));
    }
    Some((name, Some(rest.strip_prefix(':')?)))
}

fn component(text: &str) -> Result<(), ReferenceError> {
    if is_component(text) {
        return Ok(());
    }
    let presented = shown(text, SHOWN_CHARS);
    Err(if text.bytes().any(|b| b.is_ascii_uppercase()) {
        ReferenceError::UpperCase { presented }
    } else {
        ReferenceError::PathComponent { presented }
    })
}

fn is_dashes(text: &str) -> bool {
    text.bytes().all(|b| b == b'-')
}

fn address(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        Some(inner) => {
            let address = inner.parse::<Ipv6Addr>().ok()?;
            Some(address.to_canonical())
        }
        None => Some(IpAddr::V4(name.parse::<Ipv4Addr>().ok()?)),
    }
}

impl FromStr for RegistryHost {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = plain_text(text)?;
        let wrong = || ReferenceError::Host {
            presented: shown(text, SHOWN_CHARS),
        };
        let (name, port) = split_port(text).ok_or_else(wrong)?;
        // The grammar's IPv6 has hex digits and colons only: no zone, no dotted tail.
        let is_name = if name.starts_with('[') {
            !name.contains('.') && address(name).is_some()
        } else {
            name.split('.').all(is_label)
        };
        if !is_name {
            return Err(wrong());
        }
        if let Some(port) = port.filter(|port| !is_port(port)) {
            return Err(ReferenceError::Port {
                presented: shown(port, SHOWN_CHARS),
            });
        }
        let host = text.to_ascii_lowercase();
        // In lower case such a host would read as a path on Docker Hub: one text, two meanings.
        if !is_host_segment(&host) {
            return Err(ReferenceError::AmbiguousHost {
                presented: shown(text, SHOWN_CHARS),
            });
        }
        Ok(if host == DOCKER_HUB_INDEX {
            Self::docker_hub()
        } else {
            Self(host.into())
        })
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = plain_text(text)?;
        if text.contains('@') || split_tag(text).1.is_some() {
            return Err(ReferenceError::NotOnlyRepository {
                presented: shown(text, SHOWN_CHARS),
            });
        }
        if is_whole_hex(text) {
            return Err(ReferenceError::BareHex);
        }
        Self::from_name(text)
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_tag = text.starts_with(is_word)
            && text.len() <= TAG_BYTES
            && text.chars().all(|c| is_word(c) || matches!(c, '.' | '-'));
        if !is_tag {
            return Err(ReferenceError::Tag {
                presented: shown(text, SHOWN_CHARS),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) const DOCKER_HUB: &str = "docker.io";
pub(super) const OFFICIAL_IMAGES: &str = "library";
pub(super) const LOCALHOST: &str = "localhost";
const DOCKER_HUB_INDEX: &str = "index.docker.io";
const DOCKER_HUB_API: &str = "registry-1.docker.io";
const HTTPS_PORT: &str = ":443";
const TAG_BYTES: usize = 128;
