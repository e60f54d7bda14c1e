//! The JSON of pull secrets.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::general_purpose::{GeneralPurpose, NO_PAD, PAD},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Credential, DockerConfigError, Secret};

/// Entries by the location they are for.
pub(super) type Entries = BTreeMap<String, Entry>;

/// One entry under `auths`. What it holds besides is not read.
#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
}

#[derive(Deserialize)]
struct ConfigJson {
    #[serde(default)]
    auths: Option<Entries>,
}

pub(super) fn parse_config_json(origin: &str, text: &str) -> Result<Entries, DockerConfigError> {
    let config: ConfigJson = parse(origin, text)?;
    Ok(config.auths.unwrap_or_default())
}

pub(super) fn parse_dockercfg(origin: &str, text: &str) -> Result<Entries, DockerConfigError> {
    parse(origin, text)
}

/// Why a docker config holds no login.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoLogin {
    /// There is none in it.
    #[error("holds no login under \"auths\"")]
    Nothing,
    /// Programs would be asked for them.
    #[error("holds no login, only names of credential helpers, which are never run")]
    Helpers,
    /// They are where they were before there was `auths`.
    #[error("is in the old .dockercfg format, expected its logins under \"auths\"")]
    OldFormat,
}

impl NoLogin {
    /// For a text in which no login was found.
    pub(super) fn of(text: &str) -> Self {
        let config: BTreeMap<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let is_login =
            |value: &Value| value.get("auth").is_some() || value.get("username").is_some();
        if config.contains_key("credsStore") || config.contains_key("credHelpers") {
            Self::Helpers
        } else if config.values().any(is_login) {
            Self::OldFormat
        } else {
            Self::Nothing
        }
    }
}

fn parse<'de, T: Deserialize<'de>>(origin: &str, text: &'de str) -> Result<T, DockerConfigError> {
    if text.trim().is_empty() {
        return Err(DockerConfigError::Malformed {
            origin: origin.to_owned(),
            detail: "it is empty".to_owned(),
        });
    }
    // The parser's own message may quote a value, which may be the secret.
    serde_json::from_str(text).map_err(|error| DockerConfigError::Malformed {
        origin: origin.to_owned(),
        detail: match error.classify() {
            serde_json::error::Category::Data => {
                format!(
                    "unexpected type at line {} column {}",
                    error.line(),
                    error.column()
                )
            }
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => {
                format!("no JSON at line {} column {}", error.line(), error.column())
            }
        },
    })
}

impl Entry {
    /// The logins of this entry: `auth`, else `username` and `password`, as the kubelet uses them; then `identitytoken`,
    /// which the kubelet does not know. Beside one, an empty password is none.
    pub(super) fn into_credentials(
        self,
        origin: &str,
        location: &str,
    ) -> Result<Vec<Credential>, DockerConfigError> {
        let token = self.identitytoken.filter(|token| !token.is_empty());
        let (username, password) = match self.auth.as_deref() {
            Some(auth) if !auth.is_empty() => {
                decode_auth(auth).ok_or_else(|| DockerConfigError::Malformed {
                    origin: origin.to_owned(),
                    detail: format!("\"auth\" of {location:?} is not base64 of user:password"),
                })?
            }
            Some(_) | None => (
                self.username.unwrap_or_default(),
                self.password.unwrap_or_default(),
            ),
        };
        let is_login = match token {
            Some(_) => !password.is_empty(),
            None => !(username.is_empty() && password.is_empty()),
        };
        let login = is_login.then(|| Credential {
            origin: origin.to_owned(),
            username,
            password: Secret::new(password),
        });
        let token = token.map(|token| Credential::of_identity_token(origin, token));
        Ok(login.into_iter().chain(token).collect())
    }
}

/// As the kubelet does, in Go: breaks of lines are nothing, and so are the last bits that make no byte.
fn decode_auth(auth: &str) -> Option<(String, String)> {
    let auth = auth.trim().replace(['\r', '\n'], "");
    let bytes = if auth.ends_with('=') {
        GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true)).decode(auth)
    } else {
        GeneralPurpose::new(&STANDARD, NO_PAD.with_decode_allow_trailing_bits(true)).decode(auth)
    };
    let text = String::from_utf8(bytes.ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}
