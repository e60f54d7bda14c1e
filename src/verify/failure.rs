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
