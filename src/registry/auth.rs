//! How a registry wants to be authorised: challenges, tokens, refused logins.

mod challenge;
mod refused;
mod tie;
mod token;

pub(super) use challenge::{Bearer, Challenge};
pub(super) use tie::may_receive_credentials;
pub(super) use token::{Grant, Token, TokenRequest, Tokens, authority};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;

use super::Credential;

/// The `Authorization` value for basic authentication.
pub(super) fn basic(credential: &Credential) -> Option<HeaderValue> {
    let pair = format!("{}:{}", credential.username, credential.password.reveal());
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
