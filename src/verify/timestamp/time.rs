//! The time in a token (RFC 3161 §2.4.2, `genTime`).

use der::{self, DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Tag, Writer};
use jiff::{Timestamp, civil::DateTime, tz::Offset};

use crate::limits;

/// A `GeneralizedTime` that may have a fraction of a second, which X.509 forbids and RFC 3161 allows.
pub(super) struct GeneralizedTime<'a>(&'a [u8]);

impl GeneralizedTime<'_> {
    /// The moment, when it is `YYYYMMDDhhmmss[.f…]Z` in DER: no zero ends the fraction, and there is no leap second.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        let text = std::str::from_utf8(self.0).ok()?.strip_suffix('Z')?;
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, nanoseconds(fraction)?),
            None => (text, 0),
        };
        if whole.len() != 14 {
            return None;
        }
        let number = |from: usize, to: usize| digits(whole.get(from..to)?);
        let narrow = |from, to| i8::try_from(number(from, to)?).ok();
        let civil = DateTime::new(
            i16::try_from(number(0, 4)?).ok()?,
            narrow(4, 6)?,
            narrow(6, 8)?,
            narrow(8, 10)?,
            narrow(10, 12)?,
            narrow(12, 14)?,
            fraction,
        );
        Offset::UTC.to_timestamp(civil.ok()?).ok()
    }
}

/// The digits after the point.
fn nanoseconds(fraction: &str) -> Option<i32> {
    let length = fraction.len();
    if length == 0 || length > limits::TIMESTAMP_FRACTION_DIGITS || fraction.ends_with('0') {
        return None;
    }
    let missing = u32::try_from(limits::TIMESTAMP_FRACTION_DIGITS - length).ok()?;
    digits(fraction)?.checked_mul(10_i32.pow(missing))
}

/// Digits alone: no sign and no space.
fn digits(text: &str) -> Option<i32> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

impl FixedTag for GeneralizedTime<'_> {
    const TAG: Tag = Tag::GeneralizedTime;
}

impl<'a> DecodeValue<'a> for GeneralizedTime<'a> {
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_slice(header.length).map(Self)
    }
}

impl EncodeValue for GeneralizedTime<'_> {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Option<Timestamp> {
        GeneralizedTime(text.as_bytes()).moment()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn whole_and_broken_seconds_are_read() {
        assert_eq!(moment("20260102030405Z"), Some(at("2026-01-02T03:04:05Z")));
        assert_eq!(
            moment("20260102030405.5Z"),
            Some(at("2026-01-02T03:04:05.5Z"))
        );
        assert_eq!(
            moment("20260102030405.012345678Z"),
            Some(at("2026-01-02T03:04:05.012345678Z"))
        );
        assert_eq!(moment("20000229235959Z"), Some(at("2000-02-29T23:59:59Z")));
        assert_eq!(moment("19500101000000Z"), Some(at("1950-01-01T00:00:00Z")));
    }

    #[test]
    fn what_is_not_in_der_is_no_time() {
        for text in [
            "",
            "Z",
            "20260102030405",
            "20260102030405z",
            "20260102030405.Z",
            "20260102030405.0Z",
            "20260102030405.50Z",
            "20260102030405,5Z",
            "20260102030405.5",
            "20260102030405.-5Z",
            "20260102030405.5.5Z",
            "20260102030405+0000",
            "20260102030405.5+0100Z",
            "202601020304Z",
            "2026010203Z",
            "260102030405Z",
            "020260102030405Z",
            "20260102030460Z",
            "20260102036005Z",
            "20260102240405Z",
            "20260230030405Z",
            "20261302030405Z",
            "20260002030405Z",
            "+2260102030405Z",
            "2026 102030405Z",
            "２026010203040Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(GeneralizedTime(b"2026010203040\xffZ").moment(), None);
    }

    #[test]
    fn a_fraction_above_the_limit_is_no_time() {
        let digits = "1".repeat(limits::TIMESTAMP_FRACTION_DIGITS);
        assert!(moment(&format!("20260102030405.{digits}Z")).is_some());
        assert_eq!(moment(&format!("20260102030405.{digits}1Z")), None);
    }
}
