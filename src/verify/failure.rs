//! The words of refusals, made safe to show.

use std::fmt::Display;

use super::SignatureError;
use crate::{limits, untrusted};

/// Something is malformed: what, and what the parser said.
pub(super) fn invalid(what: &str, cause: &dyn Display) -> SignatureError {
    SignatureError::Invalid {
        detail: text(what, cause),
    }
}

/// `what: cause`, safe to show.
pub(super) fn text(what: &str, cause: &dyn Display) -> String {
    format!("{what}: {}", shown(cause))
}

/// What a parser or library says, made safe, and beginning in lower case unless with an abbreviation.
pub(super) fn shown(cause: &(impl Display + ?Sized)) -> String {
    let shown = presented(&cause.to_string());
    let mut characters = shown.chars();
    match (characters.next(), characters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => shown,
    }
}

/// What the candidate says, made safe: on one line and bounded.
pub(super) fn presented(text: &str) -> String {
    untrusted::shown(text, limits::SIGNATURE_ERROR_CHARS)
}

/// Refuses more of `what` than `limit`.
pub(super) fn within(what: &'static str, found: usize, limit: usize) -> Result<(), SignatureError> {
    if found > limit {
        return Err(SignatureError::Limit { what, found, limit });
    }
    Ok(())
}

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}

/// The bytes of a hexadecimal text, if it is one.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}
