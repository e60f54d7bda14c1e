//! Microsoft: the service account's token for one of Entra ID, and that for a login at the registry.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use url::Url;

use super::{
    Granted,
    error::IdentityError,
    host::{AcrRegistry, AzureCloud},
    http::{CloudClient, Question, Way, endpoint, form, read_token},
    settings::{AZURE_AUTHORITY, AzureSettings, FEDERATED_TOKEN_FILE},
};
use crate::registry::{
    Secret,
    form::encode,
    transport::{Answer, Failure},
};

/// A login for this registry, which hands it out itself: `post` sends a form to a path of it.
pub(super) async fn login<F, Posted>(
    client: &CloudClient,
    settings: &AzureSettings,
    registry: &AcrRegistry,
    post: F,
) -> Result<Granted, IdentityError>
where
    F: FnOnce(&'static str, Secret) -> Posted,
    Posted: Future<Output = Result<Answer, Failure>>,
{
    let token = entra_token(client, settings, registry.cloud).await?;
    let fields = encode(&[
        ("grant_type", "access_token"),
        ("service", &registry.host),
        ("tenant", &settings.tenant_id),
        ("access_token", token.reveal()),
    ]);
    let answer = post("/oauth2/exchange", fields).await;
    let answer = answer.map_err(|failure| IdentityError::Registry(failure.error.to_string()))?;
    match answer.status.as_u16() {
        200 => parse(&answer.body).ok_or(IdentityError::Answer {
            who: EXCHANGE,
            what: "a token",
        }),
        status => Err(IdentityError::Answered {
            who: EXCHANGE,
            status,
        }),
    }
}

async fn entra_token(
    client: &CloudClient,
    settings: &AzureSettings,
    cloud: AzureCloud,
) -> Result<Secret, IdentityError> {
    let assertion = read_token(FEDERATED_TOKEN_FILE, &settings.token_file).await?;
    let authority = settings.authority.as_deref().unwrap_or(cloud.authority());
    let mut url = endpoint(AZURE_AUTHORITY, authority)?;
    extend(&mut url, &[&settings.tenant_id, "oauth2", "v2.0", "token"]);
    let (body, headers) = form(&[
        ("client_id", &settings.client_id),
        ("scope", SCOPE),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion.reveal()),
        ("grant_type", "client_credentials"),
    ]);
    let question = Question {
        who: ENTRA,
        url,
        way: Way::Outward,
        headers,
        body: Some(body),
    };
    let said = client.ask(question).await?;
    let unreadable = IdentityError::Answer {
        who: ENTRA,
        what: "a token",
    };
    match serde_json::from_slice::<EntraToken>(&said.body) {
        Ok(token) if is_token(&token.access_token) => Ok(Secret::new(token.access_token)),
        Ok(_) | Err(_) => Err(unreadable),
    }
}

/// Adds segments to a URL, each as it is.
fn extend(url: &mut Url, segments: &[&str]) {
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
}

fn parse(body: &[u8]) -> Option<Granted> {
    let token: RefreshToken = serde_json::from_slice(body).ok()?;
    is_token(&token.refresh_token).then(|| Granted {
        username: NOBODY.to_owned(),
        life: life(&token.refresh_token),
        password: Secret::new(token.refresh_token),
    })
}

/// From the token itself, which is a JWT of the registry's: its answer does not say.
fn life(token: &str) -> Option<Duration> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(Duration::from_secs(claims.exp.checked_sub(claims.iat)?))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl AzureCloud {
    fn authority(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com/",
            Self::China => "https://login.partner.microsoftonline.cn/",
            Self::UsGovernment => "https://login.microsoftonline.us/",
        }
    }
}

#[derive(Deserialize)]
struct EntraToken {
    access_token: String,
}

#[derive(Deserialize)]
struct RefreshToken {
    refresh_token: String,
}

#[derive(Deserialize)]
struct Claims {
    iat: u64,
    exp: u64,
}

const ENTRA: &str = "Entra ID";
const EXCHANGE: &str = "the registry's token exchange";
/// For registries alone, in every cloud. A token for the resource manager could do far more, and registries can be told to
/// take none such.
const SCOPE: &str = "https://containerregistry.azure.net/.default";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The user name that goes with a refresh token.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_refresh_token_is_read_from_it() {
        let jwt = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        for (token, expected) in [
            (
                jwt(r#"{"iat": 100, "exp": 10900}"#),
                Some(Duration::from_hours(3)),
            ),
            (jwt(r#"{"iat": 100, "exp": 99}"#), None),
            (jwt(r#"{"exp": 99}"#), None),
            ("opaque".to_owned(), None),
        ] {
            assert_eq!(life(&token), expected, "{token}");
        }
    }
}
