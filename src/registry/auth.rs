//! How a registry wants to be authorised: challenges, tokens, refused logins.

mod challenge;
mod new_logins;
mod refused;
mod tie;
mod token;

pub(super) use challenge::{Bearer, Challenge};
pub(super) use refused::{Barred, Pass, Presented, Proof};
pub(super) use tie::may_receive_credentials;
pub(super) use token::{Grant, Token, TokenRequest, Tokens, authority};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;

use super::Credential;

/// The `Authorization` value for basic authentication; none for what is no user name and password.
pub(super) fn basic(credential: &Credential) -> Option<HeaderValue> {
    if credential.identity_token().is_some() {
        return None;
    }
    let pair = format!("{}:{}", credential.username, credential.password.reveal());
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
