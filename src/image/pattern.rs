//! Anchored patterns: `*` stays inside one path segment, `**` crosses segments, everything else is literal.

use std::{fmt, iter, str::FromStr};

use super::{
    ReferenceError, RegistryHost, Repository,
    glob::{Piece, matches_whole, pieces},
    name::{
        DOCKER_HUB, LOCALHOST, OFFICIAL_IMAGES, is_component, is_host_segment, is_label, is_port,
        split_port,
    },
};
use crate::{
    limits::{MATCHED_TEXT_BYTES, PATTERN_BYTES, SHOWN_CHARS},
    untrusted::shown,
};

/// A pattern over a text whose segments are divided by `/`: `*` matches any run without `/`, `**` any run,
/// both also the empty one, and all else stands for itself.
///
/// It always matches the whole text. Texts over [`MATCHED_TEXT_BYTES`] match nothing.
///
/// ```
/// # use assay::image::Pattern;
/// let tags: Pattern = "refs/tags/v*".parse()?;
/// assert!(tags.matches("refs/tags/v1.8.2"));
/// assert!(!tags.matches("refs/tags/v1/x"));
/// # Ok::<(), assay::image::PatternError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pattern {
    written: String,
    pieces: Vec<Piece>,
}

/// A pattern over normalised repositories, as in `registry.gitlab.com/acme/shop/**`.
///
/// - The first segment is the host and must be written. In it `*` stops at `.` and `:` too, so that
///   `*.example` is one label below `example`; only `*` alone is any one host.
/// - `host/acme/shop/**` is everything below `acme/shop`, but neither `acme/shop` itself nor
///   `acme/shop.evil/x`. `host/**` is everything in that registry.
/// - `**` as the first segment is any host and any path so far; `**` alone is every repository.
/// - A host covers its other spellings: `registry.example` also matches `registry.example:443`, and `docker.io`
///   also `registry-1.docker.io`. Any other port is another registry.
/// - Docker Hub is written `docker.io`; one segment below it is an official image, as in `docker.io/nginx`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RepositoryPattern {
    written: String,
    hosts: Hosts,
    /// Over the path, or over host and path where the host is [`Hosts::AnyRun`].
    pieces: Vec<Piece>,
}

/// Which hosts a pattern accepts.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Hosts {
    /// This one.
    One(RegistryHost),
    /// Those that match.
    Glob(Vec<Piece>),
    /// Every one (`*`).
    Any,
    /// `**`: every one, and the start of the path with it.
    AnyRun,
}

/// Why a text is no pattern. What it shows of the text is escaped and cut.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PatternError {
    /// There is no text.
    #[error("the pattern is empty")]
    Empty,
    /// It is too long.
    #[error("the pattern has {found} bytes, at most {limit} are read")]
    TooLong {
        /// How long it is.
        found: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A control character.
    #[error("the pattern holds the control character \"{presented}\"")]
    Control {
        /// The character.
        presented: String,
    },
    /// Three stars in a row.
    #[error(
        "\"***\" has no meaning, write * for a run inside one segment or ** for a run across segments"
    )]
    ThreeStars,
    /// The first segment is no registry host.
    #[error(
        "the pattern \"{presented}\" names no registry, write \"{suggestion}\" or another host in front"
    )]
    NoHost {
        /// The pattern.
        presented: String,
        /// How it is written for Docker Hub.
        suggestion: String,
    },
    /// There is a host and nothing else.
    #[error(
        "the pattern \"{presented}\" has no path, write \"{presented}/**\" for the whole registry"
    )]
    NoPath {
        /// The pattern.
        presented: String,
    },
    /// `**` in a part of the host.
    #[error(
        "** cannot be a part of the host \"{presented}\", write * inside it or ** in its place"
    )]
    AcrossHost {
        /// The host.
        presented: String,
    },
    /// The host is malformed.
    #[error("\"{presented}\" is not a host or a pattern of hosts")]
    Host {
        /// The host.
        presented: String,
    },
    /// The host, which has no wildcards, is malformed.
    #[error(transparent)]
    LiteralHost(#[from] ReferenceError),
    /// Upper-case letters.
    #[error("repositories are lower case, found \"{presented}\"")]
    UpperCase {
        /// The pattern.
        presented: String,
    },
    /// A tag or digest.
    #[error("the pattern \"{presented}\" is over repositories, leave out the tag or digest")]
    TagOrDigest {
        /// The pattern.
        presented: String,
    },
    /// A path segment that no repository can have.
    #[error("\"{presented}\" cannot stand in a repository path")]
    PathSegment {
        /// The segment.
        presented: String,
    },
}

impl Pattern {
    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        text.len() <= MATCHED_TEXT_BYTES && matches_whole(&self.pieces, text.bytes(), ends_segment)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl RepositoryPattern {
    /// Whether the whole repository, host and path, matches.
    pub fn matches(&self, repository: &Repository) -> bool {
        let host = repository.host();
        let path = repository.path().bytes();
        match &self.hosts {
            Hosts::One(only) => {
                only.registry() == host.registry()
                    && matches_whole(&self.pieces, path, ends_segment)
            }
            Hosts::Glob(pieces) => {
                [host.as_str(), host.registry()]
                    .iter()
                    .any(|spelling| matches_whole(pieces, spelling.bytes(), ends_label))
                    && matches_whole(&self.pieces, path, ends_segment)
            }
            Hosts::Any => matches_whole(&self.pieces, path, ends_segment),
            Hosts::AnyRun => {
                let whole = host.as_str().bytes().chain(iter::once(b'/')).chain(path);
                matches_whole(&self.pieces, whole, ends_segment)
            }
        }
    }

    /// The one registry whose repositories it can match, if there is only one.
    pub fn registry(&self) -> Option<&str> {
        match &self.hosts {
            Hosts::One(host) => Some(host.registry()),
            Hosts::Glob(_) | Hosts::Any | Hosts::AnyRun => None,
        }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            pieces: bounded_pieces(text)?,
            written: text.to_owned(),
        })
    }
}

impl FromStr for RepositoryPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all_pieces = bounded_pieces(text)?;
        let presented = || shown(text, SHOWN_CHARS);
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(PatternError::UpperCase {
                presented: presented(),
            });
        }
        if text.contains('@') {
            return Err(PatternError::TagOrDigest {
                presented: presented(),
            });
        }
        let (hosts, pieces) = match text.split_once('/') {
            None if text == "**" => (Hosts::AnyRun, all_pieces),
            None => return Err(without_path(text)),
            Some(("**", path)) => {
                path_segments(path, text)?;
                (Hosts::AnyRun, all_pieces)
            }
            Some((host, path)) => {
                let hosts = hosts(host, text)?;
                path_segments(path, text)?;
                let path = normalised_path(&hosts, path);
                (hosts, bounded_pieces(&path)?)
            }
        };
        Ok(Self {
            written: text.to_owned(),
            hosts,
            pieces,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn bounded_pieces(text: &str) -> Result<Vec<Piece>, PatternError> {
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    if text.len() > PATTERN_BYTES {
        return Err(PatternError::TooLong {
            found: text.len(),
            limit: PATTERN_BYTES,
        });
    }
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        return Err(PatternError::Control {
            presented: shown(&control.to_string(), SHOWN_CHARS),
        });
    }
    pieces(text).ok_or(PatternError::ThreeStars)
}

/// The host part. Whatever could only match nothing is refused: a policy that covers nothing protects nothing.
fn hosts(host: &str, whole: &str) -> Result<Hosts, PatternError> {
    let presented = || shown(host, SHOWN_CHARS);
    if host == "*" {
        return Ok(Hosts::Any);
    }
    if host.contains("**") {
        return Err(PatternError::AcrossHost {
            presented: presented(),
        });
    }
    if !is_host_segment(host) {
        return Err(without_host(whole));
    }
    if !host.contains('*') {
        return Ok(Hosts::One(host.parse()?));
    }
    // A digit may stand wherever a run of a name may.
    let is_name = |name: &str| name.replace('*', "0").split('.').all(is_label);
    match split_port(host) {
        Some((name, None)) if is_name(name) => {}
        Some((name, Some(port))) if is_name(name) && (port == "*" || is_port(port)) => {}
        _ => {
            return Err(PatternError::Host {
                presented: presented(),
            });
        }
    }
    pieces(host)
        .map(Hosts::Glob)
        .ok_or(PatternError::ThreeStars)
}

fn path_segments(path: &str, whole: &str) -> Result<(), PatternError> {
    if path.contains(':') {
        return Err(PatternError::TagOrDigest {
            presented: shown(whole, SHOWN_CHARS),
        });
    }
    match path
        .split('/')
        .find(|segment| !is_possible_segment(segment))
    {
        Some(segment) => Err(PatternError::PathSegment {
            presented: shown(segment, SHOWN_CHARS),
        }),
        None => Ok(()),
    }
}

/// Whether any repository can have a segment like this. With wildcards only the letters are looked at.
fn is_possible_segment(segment: &str) -> bool {
    if !segment.contains('*') {
        return is_component(segment);
    }
    segment
        .bytes()
        .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'*'))
}

/// One segment below Docker Hub is an official image, as in references.
fn normalised_path(hosts: &Hosts, path: &str) -> String {
    let is_docker_hub = matches!(hosts, Hosts::One(host) if host.as_str() == DOCKER_HUB);
    if is_docker_hub && !path.contains('/') && !path.contains("**") {
        format!("{OFFICIAL_IMAGES}/{path}")
    } else {
        path.to_owned()
    }
}

fn without_path(text: &str) -> PatternError {
    let presented = shown(text, SHOWN_CHARS);
    match text.split_once(':') {
        Some((_, port)) if port != "*" && !is_port(port) => PatternError::TagOrDigest { presented },
        Some(_) => PatternError::NoPath { presented },
        None if text == "*" || text == LOCALHOST || text.contains('.') => {
            PatternError::NoPath { presented }
        }
        None => without_host(text),
    }
}

fn without_host(text: &str) -> PatternError {
    let official = if text.contains(['/', '*']) {
        ""
    } else {
        "library/"
    };
    PatternError::NoHost {
        presented: shown(text, SHOWN_CHARS),
        suggestion: shown(&format!("{DOCKER_HUB}/{official}{text}"), 2 * SHOWN_CHARS),
    }
}

fn ends_segment(byte: u8) -> bool {
    byte == b'/'
}

fn ends_label(byte: u8) -> bool {
    matches!(byte, b'/' | b'.' | b':')
}
