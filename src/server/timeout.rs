//! The `timeout` parameter of the API server, and the time it leaves for a review.

use std::time::Duration;

use crate::limits;

/// How long the API server waits for a review, by the query of its request.
pub(super) fn review_timeout(query: &str) -> Duration {
    query
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("timeout="))
        .and_then(parse_duration)
        .filter(|timeout| !timeout.is_zero())
        .unwrap_or(limits::DEFAULT_TIMEOUT)
        .min(limits::MAX_TIMEOUT)
}

/// How long a review may take.
///
/// The API server rounds its timeout up to a whole second, so a margin of it is not ours to spend; of a short
/// one at most half is kept back.
pub(super) fn review_budget(timeout: Duration) -> Duration {
    timeout.saturating_sub(limits::DEADLINE_MARGIN.min(timeout / 2))
}

/// Go's notation: numbers with units, as in `10s`, `1m30s`, `1.5s` or `500ms`; none of them negative.
fn parse_duration(text: &str) -> Option<Duration> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        total = total.checked_add(in_unit(number, unit)?)?;
        rest = next;
    }
    Some(total)
}

fn in_unit(number: &str, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

const LONGEST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(query: &str) -> Duration {
        review_budget(review_timeout(query))
    }

    #[test]
    fn go_durations_are_read() {
        let read = ["10s", "1m30s", "500ms", "1.5s", "1h0m0s", "0s"].map(parse_duration);
        let expected = [10_000, 90_000, 500, 1500, 3_600_000, 0];
        assert_eq!(read, expected.map(|ms| Some(Duration::from_millis(ms))));
    }

    #[test]
    fn what_is_no_go_duration_is_refused() {
        for text in [
            "", "10", "s", "-5s", "+5s", "1e3s", "10x", "1.2.3s", "10 s", "inf", "NaNs",
        ] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
        assert_eq!(parse_duration(&"1s".repeat(17)), None);
    }

    #[test]
    fn the_margin_is_kept_back_from_the_timeout() {
        assert_eq!(budget("timeout=10s"), Duration::from_secs(9));
        assert_eq!(budget("a=b&timeout=5s"), Duration::from_secs(4));
    }

    #[test]
    fn of_a_short_timeout_half_is_left() {
        assert_eq!(budget("timeout=1s"), Duration::from_millis(500));
    }

    #[test]
    fn a_timeout_that_cannot_be_read_is_the_default() {
        for query in ["", "timeout=", "timeout=soon", "timeout=0s", "xtimeout=3s"] {
            assert_eq!(budget(query), Duration::from_secs(9), "{query:?}");
        }
    }

    #[test]
    fn a_timeout_beyond_what_kubernetes_allows_is_not_believed() {
        assert_eq!(budget("timeout=24h"), Duration::from_secs(29));
    }
}
