//! Forms as token services read them.

use super::Secret;

/// These fields as the body of a form: it may hold secrets.
pub(super) fn encode(fields: &[(&str, &str)]) -> Secret {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    Secret::new(text.extend_pairs(fields).finish())
}

/// The media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
