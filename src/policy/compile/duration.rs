//! Durations as Go and Kubernetes write them, as far as policies need them.

use jiff::SignedDuration;

/// Reads whole hours, minutes and seconds, as in `2160h`, `1h30m` or `1h0m0s`.
pub(super) fn parse(text: &str) -> Option<SignedDuration> {
    let (mut seconds, mut number) = (0_i64, None::<i64>);
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            let shifted = number.unwrap_or_default().checked_mul(10)?;
            number = Some(shifted.checked_add(i64::from(digit))?);
        } else {
            let unit = match character {
                'h' => 3600,
                'm' => 60,
                's' => 1,
                _ => return None,
            };
            seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
        }
    }
    let is_whole = !text.is_empty() && number.is_none();
    is_whole.then(|| SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_minutes_and_seconds_add_up() {
        let read = ["2160h", "90m", "1h30m", "1h0m0s", "0s", "1m1h"].map(parse);
        let expected = [7_776_000, 5400, 5400, 3600, 0, 3660];
        assert_eq!(read, expected.map(|it| Some(SignedDuration::from_secs(it))));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "", "10", "h", "90d", "-1h", "+1h", "1.5h", "1e3h", "1h 30m", "1h30", "P90D", "١h",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in [
            "9223372036854775807h",
            "99999999999999999999s",
            "9223372036854775807s1s",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
