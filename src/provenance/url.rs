//! URLs of repositories, pipelines and jobs, as far as facts need them taken apart.

use super::FactName;

/// The repository that a source's URI names, in one form for all that mean it: without `git+`, credentials, `.git`,
/// ref and slash at its end, and with a host in lower case.
pub(super) fn repository(uri: &str) -> String {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    let (uri, _fragment) = split_once_or_all(uri, '#');
    let (uri, _query) = split_once_or_all(uri, '?');
    let Some((scheme, host, path)) = parts(uri) else {
        return uri.to_owned();
    };
    let (path, _ref) = split_once_or_all(path, '@');
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    format!("{scheme}://{host}{path}")
}

/// The full ref that a source's URI names after `@` or `#`: `git+https://host/path@refs/heads/main`.
pub(super) fn full_ref(uri: &str) -> Option<&str> {
    let after = uri.split_once('#').map(|(_, after)| after).or_else(|| {
        let path = parts_of_path(uri)?;
        path.split_once('@').map(|(_, after)| after)
    })?;
    // BuildKit puts a folder in the repository behind the ref.
    let (after, _folder) = split_once_or_all(after, ':');
    after.starts_with("refs/").then_some(after)
}

/// Whether this is the URI of a Git repository, as BuildKit knows one: with the scheme or the suffix.
pub(super) fn is_git(uri: &str) -> bool {
    let (address, fragment) = split_once_or_all(uri, '#');
    let (address, query) = split_once_or_all(address, '?');
    let scheme = uri.split_once("://").map(|(scheme, _)| scheme);
    matches!(
        scheme,
        Some("git" | "ssh" | "git+https" | "git+http" | "git+ssh")
    ) || address.strip_suffix(".git").is_some()
        || address.starts_with("git@")
        || (scheme.is_some()
            && (fragment.is_some() || query.is_some())
            && !address.contains(".tar"))
}

/// The form in which URLs of pages are compared: without scheme, with a host in lower case, without a slash at the end.
pub(super) fn comparable(url: &str) -> String {
    match parts(url) {
        Some((_, host, path)) => format!("{host}{}", path.trim_end_matches('/')),
        None => url.to_owned(),
    }
}

/// The URL without the name and password in it.
pub(super) fn without_credentials(url: &str) -> String {
    match parts(url) {
        Some((scheme, host, path)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
    }
}

/// What a URL of a CI system shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Page<'a> {
    /// A pipeline (GitLab) or run (GitHub), with its id.
    Pipeline(&'a str),
    /// A job of GitLab, with its id.
    Job(&'a str),
    /// A runner of GitLab.
    Runner,
}

impl<'a> Page<'a> {
    /// Known by its path: `<project>/-/jobs/7`, `<repository>/actions/runs/7/attempts/1`.
    pub(super) fn of(url: &'a str) -> Option<Self> {
        let path = parts_of_path(url)?;
        let id_after = |part: &str| {
            let (_, after) = path.rsplit_once(part)?;
            Some(split_once_or_all(after, '/')).filter(|(id, _)| is_number(id))
        };
        let only =
            |(id, rest): (&'a str, Option<&str>)| rest.unwrap_or_default().is_empty().then_some(id);
        if let Some(id) = id_after("/-/jobs/").and_then(only) {
            return Some(Self::Job(id));
        }
        if let Some(id) = id_after("/-/pipelines/").and_then(only) {
            return Some(Self::Pipeline(id));
        }
        if id_after("/-/runners/").and_then(only).is_some() {
            return Some(Self::Runner);
        }
        id_after("/actions/runs/").map(|(id, _)| Self::Pipeline(id))
    }
}

impl<'a> Page<'a> {
    /// The id that is shown by the page that a fact of this name links to.
    pub(super) fn shows(self, link: FactName) -> Option<(FactName, &'a str)> {
        match self {
            Self::Pipeline(id) => {
                (link == FactName::PipelineUrl).then_some((FactName::PipelineId, id))
            }
            Self::Job(id) => (link == FactName::JobUrl).then_some((FactName::JobId, id)),
            Self::Runner => None,
        }
    }
}

/// The URL of a GitHub run, whichever attempt it names.
pub(super) fn run(url: &str) -> &str {
    match url.split_once("/attempts/") {
        Some((run, attempt)) if is_number(attempt) && run.contains("/actions/runs/") => run,
        Some(_) | None => url,
    }
}

/// The text before the first `divider`, and what follows it if it is there.
pub(super) fn split_once_or_all(text: &str, divider: char) -> (&str, Option<&str>) {
    match text.split_once(divider) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// The text with `%2F` and its like decoded; none when that is no text.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Scheme, host (in lower case, with a port that means something) and path (with its slash) of an address, which
/// may be in the short form of SSH: `git@host:path`.
fn parts(url: &str) -> Option<(&str, String, &str)> {
    let Some((scheme, rest)) = url.split_once("://") else {
        let (user_and_host, path) = url.split_once(':')?;
        let (_user, host) = user_and_host.split_once('@')?;
        // The path has no slash of its own here: it is written as one that has none.
        return (!host.contains('/') && !path.starts_with('/'))
            .then(|| ("ssh", format!("{}/", host.to_ascii_lowercase()), path));
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = host.to_ascii_lowercase();
    let host = match scheme {
        "https" => host.strip_suffix(":443").unwrap_or(&host),
        "http" => host.strip_suffix(":80").unwrap_or(&host),
        // The port of SSH says nothing about the one that the pages are on.
        "ssh" => split_once_or_all(&host, ':').0,
        _ => &host,
    };
    (!host.is_empty()).then(|| (scheme, host.to_owned(), path))
}

fn parts_of_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.find('/').and_then(|slash| rest.get(slash..))
}
