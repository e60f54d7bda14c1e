//! How long a registry asks to be left alone, in the ways in which registries say that.

use std::time::Duration;

use http::{HeaderMap, HeaderName, header};
use jiff::{Timestamp, fmt::rfc2822};

/// The pause that a 429 asks for, if it does.
///
/// A time of day is held against the answer's own `Date`: the registry's clock may not be ours.
pub(super) fn rate_limit_pause(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers).or_else(|| RESET.iter().find_map(|name| time(headers, name)))
}

/// `Retry-After` in seconds, or as a date (RFC 9110 §10.2.3).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    time(headers, &header::RETRY_AFTER)
}

/// A number of seconds, a time of Unix, or a date.
fn time(headers: &HeaderMap, name: &HeaderName) -> Option<Duration> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let Ok(number) = text.parse::<u64>() else {
        return until(date(text)?, headers);
    };
    if number < FIRST_TIME_OF_UNIX {
        return Some(Duration::from_secs(number));
    }
    let at = i64::try_from(number).ok()?;
    until(Timestamp::from_second(at).ok()?, headers)
}

/// From the time of the answer; nothing when that is over.
fn until(end: Timestamp, headers: &HeaderMap) -> Option<Duration> {
    let answered = date(headers.get(header::DATE)?.to_str().ok()?.trim())?;
    let left = end.duration_since(answered);
    Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
}

fn date(text: &str) -> Option<Timestamp> {
    Some(rfc2822::parse(text).ok()?.timestamp())
}

/// Where a registry that sends no `Retry-After` may say when its limit ends: GitLab and Docker Hub in times of Unix, the
/// draft of a standard in seconds.
const RESET: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-reset"),
    HeaderName::from_static("x-ratelimit-reset"),
    HeaderName::from_static("x-retry-after"),
];

/// In September 2001. No registry asks for a pause of thirty years.
const FIRST_TIME_OF_UNIX: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let value = value.parse().expect("a header value");
                (HeaderName::from_static(name), value)
            })
            .collect();
        rate_limit_pause(&headers)
    }

    #[test]
    fn a_pause_is_read_in_every_form() {
        let date = ("date", "Sat, 21 Nov 2026 21:00:00 GMT");
        for (name, value, seconds) in [
            ("retry-after", "0", 0),
            ("retry-after", " 7 ", 7),
            ("retry-after", "Sat, 21 Nov 2026 21:00:30 GMT", 30),
            ("retry-after", "Sat, 21 Nov 2026 20:59:00 GMT", 0),
            ("ratelimit-reset", "12", 12),
            ("ratelimit-reset", "1795294809", 9),
            ("x-ratelimit-reset", "1795294800", 0),
            ("x-retry-after", "1795294803", 3),
        ] {
            let found = pause(&[(name, value), date]);
            assert_eq!(found, Some(Duration::from_secs(seconds)), "{name}: {value}");
        }
        let both = [("ratelimit-reset", "30"), ("retry-after", "2")];
        assert_eq!(pause(&both), Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_cannot_be_read_asks_for_none() {
        for headers in [
            vec![],
            vec![("retry-after", "soon")],
            vec![("retry-after", "-1")],
            vec![("retry-after", "99999999999999999999999")],
            vec![("retry-after", "Sat, 21 Nov 2026 21:00:30 GMT")],
            vec![("ratelimit-remaining", "0")],
            vec![
                ("retry-after", "18446744073709551615"),
                ("date", "Sat, 21 Nov 2026 21:00:00 GMT"),
            ],
        ] {
            assert_eq!(pause(&headers), None, "{headers:?}");
        }
    }
}
