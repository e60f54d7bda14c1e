//! Content digests.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{limits::SHOWN_CHARS, untrusted::shown};

/// A content digest, as in `sha256:9f86…`.
///
/// The algorithm is SHA-256 and the hex is lower case and whole. It does not say that the content exists, nor
/// that anybody signed it. Clones share the text.
///
/// ```
/// # use assay::image::Digest;
/// let text = format!("sha256:{}", "ab".repeat(32));
/// assert_eq!(text.parse::<Digest>()?.to_string(), text);
/// assert!("sha256:abcd".parse::<Digest>().is_err());
/// # Ok::<(), assay::image::DigestError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(Arc<str>);

/// Why a text is no digest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DigestError {
    /// The algorithm is not SHA-256.
    #[error("digest algorithm \"{presented}\" is not accepted, expected sha256")]
    Algorithm {
        /// What stood before the colon, escaped and cut.
        presented: String,
    },
    /// The part after `sha256:` is not 64 lower-case hex digits.
    #[error("expected 64 lower-case hex digits after sha256:, found \"{presented}\"")]
    Hex {
        /// What stood there, escaped and cut.
        presented: String,
    },
}

impl Digest {
    /// The SHA-256 digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let mut text = String::with_capacity(ALGORITHM.len() + HEX_DIGITS);
        text.push_str(ALGORITHM);
        for byte in hash.as_ref() {
            text.push(hex_digit(byte >> 4));
            text.push(hex_digit(byte & 0xf));
        }
        Self(text.into())
    }

    /// The whole text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 hex digits.
    pub fn hex(&self) -> &str {
        self.0.strip_prefix(ALGORITHM).unwrap_or_default()
    }

    /// The form messages use: `sha256:` and the first twelve hex digits, then `…`.
    pub fn short(&self) -> String {
        let shown: String = self.hex().chars().take(SHORT_DIGITS).collect();
        format!("{ALGORITHM}{shown}…")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(hex) = text.strip_prefix(ALGORITHM) else {
            let algorithm = text.split(':').next().unwrap_or_default();
            return Err(DigestError::Algorithm {
                presented: shown(algorithm, SHOWN_CHARS),
            });
        };
        if !is_whole_hex(hex) {
            return Err(DigestError::Hex {
                presented: shown(hex, SHOWN_CHARS),
            });
        }
        Ok(Self(text.into()))
    }
}

/// Whether this is 64 lower-case hex digits: what follows `sha256:`, and what is no repository name.
pub(super) fn is_whole_hex(text: &str) -> bool {
    text.len() == HEX_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex_digit(half_byte: u8) -> char {
    char::from_digit(u32::from(half_byte), 16).unwrap_or_default()
}

const ALGORITHM: &str = "sha256:";
const HEX_DIGITS: usize = 64;
const SHORT_DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").as_str(), text);
        assert_eq!(text.parse(), Ok(Digest::of(b"")));
    }

    #[test]
    fn the_short_form_has_twelve_digits() {
        assert_eq!(Digest::of(b"").short(), "sha256:e3b0c44298fc…");
    }

    #[test]
    fn only_sha256_is_accepted() {
        let error = "sha512:abcd".parse::<Digest>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "digest algorithm \"sha512\" is not accepted, expected sha256"
        );
    }

    #[test]
    fn anything_but_64_lower_case_hex_digits_is_refused() {
        let hex = "ab".repeat(32);
        for wrong in [
            "",
            "ab",
            &hex.to_uppercase(),
            &format!("{hex}0"),
            &hex.replace('a', "g"),
            &format!(" {}", &hex[1..]),
        ] {
            let error = format!("sha256:{wrong}").parse::<Digest>().unwrap_err();
            assert!(matches!(error, DigestError::Hex { .. }), "{wrong}");
        }
    }

    #[test]
    fn an_error_never_repeats_control_characters() {
        let error = "sha256:\u{1b}[31m\nok".parse::<Digest>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected 64 lower-case hex digits after sha256:, found \"\\u{1b}[31m\\nok\""
        );
    }

    proptest! {
        #[test]
        fn parsing_what_was_printed_gives_the_same_digest(bytes: Vec<u8>) {
            let digest = Digest::of(&bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        }
    }
}
