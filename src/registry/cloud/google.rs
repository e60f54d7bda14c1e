//! Google: an access token from the metadata server of the node or of GKE.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::{
    Granted,
    error::IdentityError,
    http::{CloudClient, Question, Way},
    settings::{GoogleSettings, METADATA_HOST},
};
use crate::registry::Secret;

/// A login for Google's registries, as the service account that Assay runs as.
pub(super) async fn login(
    client: &CloudClient,
    settings: &GoogleSettings,
) -> Result<Granted, IdentityError> {
    let host = settings.metadata_host.as_deref();
    let url = Url::parse(&format!("http://{}{PATH}", host.unwrap_or(DEFAULT_HOST)));
    let url = url.map_err(|_| IdentityError::Variable {
        variable: METADATA_HOST,
        problem: "no host",
    })?;
    let mut headers = HeaderMap::new();
    // Without it the server refuses, so that nobody who can only make a client fetch a URL gets a token.
    headers.insert(FLAVOR, HeaderValue::from_static(GOOGLE));
    let question = Question {
        who: WHO,
        url,
        way: Way::Direct,
        headers,
        body: None,
    };
    let said = match client.ask(question).await {
        Ok(said) => said,
        // Elsewhere there is no such host, and nobody has promised that there is one.
        Err(IdentityError::Unreachable { .. } | IdentityError::Timeout { .. })
            if host.is_none() =>
        {
            return Err(IdentityError::Absent);
        }
        Err(error) => return Err(error),
    };
    let is_google = said
        .headers
        .get(FLAVOR)
        .is_some_and(|flavor| flavor == GOOGLE);
    match (is_google, host) {
        (true, _) => parse(&said.body).ok_or(UNREADABLE),
        (false, Some(_)) => Err(UNREADABLE),
        (false, None) => Err(IdentityError::Absent),
    }
}

fn parse(body: &[u8]) -> Option<Granted> {
    let token: Token = serde_json::from_slice(body).ok()?;
    let is_plain = |byte: u8| byte.is_ascii_graphic();
    let is_token = !token.access_token.is_empty() && token.access_token.bytes().all(is_plain);
    is_token.then(|| Granted {
        username: "oauth2accesstoken".to_owned(),
        password: Secret::new(token.access_token),
        life: token.expires_in.map(Duration::from_secs),
    })
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: Option<u64>,
}

const WHO: &str = "the metadata server";
const DEFAULT_HOST: &str = "metadata.google.internal";
const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const GOOGLE: &str = "Google";
const UNREADABLE: IdentityError = IdentityError::Answer {
    who: WHO,
    what: "a token",
};
