//! Who may read what: nobody asks, basic authentication, or the token flow of the distribution registry.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};
use rand::Rng;
use serde_json::json;

use super::{Shared, api::error_response, lock};

/// Who may read what.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Anyone reads everything.
    #[default]
    Open,
    /// A user name and password with every request.
    Basic {
        /// Who may log in.
        logins: Vec<Login>,
    },
    /// Tokens, each for one repository, from this server's `/token`.
    Token {
        /// Repository paths that a token without a login is good for.
        public: Vec<String>,
        /// Who may log in.
        logins: Vec<Login>,
    },
}

/// A user.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
    /// The paths of the repositories this user may read.
    pub repositories: Vec<String>,
}

/// Every token that is good, with the repositories it is good for.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    granted: BTreeMap<String, Vec<String>>,
}

impl Tokens {
    pub(super) fn revoke_all(&mut self) {
        self.granted.clear();
    }
}

impl Shared {
    /// The refusal a request gets, if its headers do not allow it to read this repository; for the root, which is none,
    /// every login is good enough.
    pub(super) fn refusal(
        &self,
        repository: Option<&str>,
        headers: &HeaderMap,
    ) -> Option<Response> {
        let reads = |repositories: &[String]| {
            repository.is_none_or(|repository| repositories.iter().any(|path| path == repository))
        };
        match &self.settings.access {
            Access::Open => None,
            Access::Basic { logins } => match login(headers, logins) {
                Some(login) if reads(&login.repositories) => None,
                Some(_) => Some(denied()),
                None => Some(challenge("Basic realm=\"sandbox\"")),
            },
            Access::Token { .. } => {
                let presented = headers
                    .get(header::AUTHORIZATION)
                    .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
                let problem =
                    match presented.map(|token| lock(&self.tokens).granted.get(token).cloned()) {
                        Some(Some(granted)) if reads(&granted) => return None,
                        Some(Some(_)) => ",error=\"insufficient_scope\"",
                        Some(None) => ",error=\"invalid_token\"",
                        None => "",
                    };
                let scope = repository
                    .map(|path| format!(",scope=\"repository:{path}:pull\""))
                    .unwrap_or_default();
                Some(challenge(&format!(
                    "Bearer realm=\"{}/token\",service=\"sandbox\"{scope}{problem}",
                    self.base_url
                )))
            }
        }
    }

    /// Answers `/token`. A wrong login gets 403, as from GitLab; a good one without rights a token for nothing.
    pub(super) fn token(&self, query: &str, headers: &HeaderMap) -> Response {
        let Access::Token { public, logins } = &self.settings.access else {
            return error_response(StatusCode::NOT_FOUND, "UNSUPPORTED", "no tokens here");
        };
        let mut readable = public.clone();
        if headers.contains_key(header::AUTHORIZATION) {
            match login(headers, logins) {
                Some(login) => readable.extend(login.repositories.iter().cloned()),
                None => return denied(),
            }
        }
        let granted = requested_repositories(query)
            .into_iter()
            .filter(|repository| readable.contains(repository))
            .collect();
        let token = format!("{:032x}", rand::rng().random::<u128>());
        lock(&self.tokens).granted.insert(token.clone(), granted);
        axum::Json(json!({"token": token, "expires_in": 300})).into_response()
    }
}

fn requested_repositories(query: &str) -> Vec<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| key == "scope")
        .flat_map(|(_, value)| {
            value
                .split(' ')
                .filter_map(|scope| scope.strip_prefix("repository:")?.strip_suffix(":pull"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn login<'a>(headers: &HeaderMap, logins: &'a [Login]) -> Option<&'a Login> {
    let encoded = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    logins
        .iter()
        .find(|login| login.username == username && login.password == password)
}

fn denied() -> Response {
    error_response(StatusCode::FORBIDDEN, "DENIED", "access forbidden")
}

fn challenge(value: &str) -> Response {
    let mut response: Response<Body> = error_response(
        StatusCode::UNAUTHORIZED,
        "UNAUTHORIZED",
        "authentication required",
    );
    if let Ok(value) = value.parse() {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
