//! Amazon: keys by the environment, then a login for ECR.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::{
    Granted,
    error::IdentityError,
    host::EcrRegion,
    http::{CloudClient, Question, Way, endpoint, form, insert_secret, is_near, read_token},
    settings::{
        AwsSettings, AwsSource, CONTAINER_TOKEN_FILE, CONTAINER_URI, ECR_ENDPOINT, STS_ENDPOINT,
        WEB_IDENTITY_TOKEN_FILE,
    },
    sigv4::{self, AwsKeys, Scope},
};
use crate::registry::Secret;

/// A login for the registries of this region.
pub(super) async fn login(
    client: &CloudClient,
    settings: &AwsSettings,
    place: &EcrRegion,
    now: Timestamp,
) -> Result<Granted, IdentityError> {
    let keys = keys(client, settings, place).await?;
    let url = match &settings.ecr_endpoint {
        Some(text) => endpoint(ECR_ENDPOINT, text)?,
        None => service_url(&place.api_host())?,
    };
    let headers = signed_headers(&url, &place.region, &keys, now).ok_or(BAD_KEYS)?;
    let question = Question {
        who: ECR,
        url,
        way: Way::Outward,
        headers,
        body: Some(Secret::new(NO_PARAMETERS.to_owned())),
    };
    let said = client.ask(question).await?;
    parse_login(&said.body, now).ok_or(IdentityError::Answer {
        who: ECR,
        what: "a login",
    })
}

async fn keys(
    client: &CloudClient,
    settings: &AwsSettings,
    place: &EcrRegion,
) -> Result<AwsKeys, IdentityError> {
    match &settings.source {
        AwsSource::Keys {
            access_key_id,
            secret_access_key,
            session_token,
        } => Ok(AwsKeys {
            access_key_id: access_key_id.clone(),
            secret_access_key: secret_access_key.clone(),
            session_token: session_token.clone(),
        }),
        AwsSource::WebIdentity {
            role_arn,
            token_file,
            session_name,
        } => {
            let token = read_token(WEB_IDENTITY_TOKEN_FILE, token_file).await?;
            assume_role(client, settings, place, [role_arn, session_name], &token).await
        }
        AwsSource::Container {
            uri,
            token_file,
            token,
        } => {
            let token = match (token_file, token) {
                (Some(file), _) => Some(read_token(CONTAINER_TOKEN_FILE, file).await?),
                (None, token) => token.clone(),
            };
            ask_agent(client, uri, token.as_ref()).await
        }
    }
}

/// `AssumeRoleWithWebIdentity`, which is not signed: the token proves who asks.
async fn assume_role(
    client: &CloudClient,
    settings: &AwsSettings,
    place: &EcrRegion,
    [role_arn, session_name]: [&str; 2],
    token: &Secret,
) -> Result<AwsKeys, IdentityError> {
    let url = if let Some(text) = &settings.sts_endpoint {
        endpoint(STS_ENDPOINT, text)?
    } else {
        let region = settings.region.as_deref().unwrap_or(&place.region);
        service_url(&format!("sts.{region}.{}", place.domain()))?
    };
    let (body, headers) = form(&[
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role_arn),
        ("RoleSessionName", session_name),
        ("WebIdentityToken", token.reveal()),
    ]);
    let question = Question {
        who: STS,
        url,
        way: Way::Outward,
        headers,
        body: Some(body),
    };
    let said = client.ask(question).await?;
    parse_assumed_role(&said.body).ok_or(IdentityError::Answer {
        who: STS,
        what: "keys",
    })
}

async fn ask_agent(
    client: &CloudClient,
    uri: &str,
    token: Option<&Secret>,
) -> Result<AwsKeys, IdentityError> {
    let url = endpoint(CONTAINER_URI, uri)?;
    let mut headers = HeaderMap::new();
    if let Some(token) = token
        && !insert_secret(&mut headers, header::AUTHORIZATION, token.reveal())
    {
        return Err(IdentityError::File {
            variable: CONTAINER_TOKEN_FILE,
            reason: "it holds no token".to_owned(),
        });
    }
    let way = if is_near(&url) {
        Way::Direct
    } else {
        Way::Outward
    };
    let question = Question {
        who: AGENT,
        url,
        way,
        headers,
        body: None,
    };
    let said = client.ask(question).await?;
    let keys: AgentKeys = serde_json::from_slice(&said.body).map_err(|_| BAD_AGENT)?;
    keys.into_keys().ok_or(BAD_AGENT)
}

/// All headers of `GetAuthorizationToken`, signed.
fn signed_headers(url: &Url, region: &str, keys: &AwsKeys, now: Timestamp) -> Option<HeaderMap> {
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str()?),
        None => url.host_str()?.to_owned(),
    };
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut signed = vec![
        ("content-type", CONTENT_TYPE),
        ("host", host.as_str()),
        ("x-amz-date", time.as_str()),
    ];
    if let Some(token) = &keys.session_token {
        signed.push(("x-amz-security-token", token.reveal()));
    }
    signed.push(("x-amz-target", TARGET));
    let scope = Scope {
        region,
        service: "ecr",
        time: &time,
    };
    let value = sigv4::authorization("POST", &signed, NO_PARAMETERS.as_bytes(), scope, keys);
    let mut headers = HeaderMap::new();
    for (name, value) in &signed {
        let is_sent = insert_secret(&mut headers, HeaderName::from_static(name), value);
        if !is_sent {
            return None;
        }
    }
    insert_secret(&mut headers, header::AUTHORIZATION, &value).then_some(headers)
}

/// The elements of `Credentials` in the XML that the token service answers with.
fn parse_assumed_role(body: &[u8]) -> Option<AwsKeys> {
    let text = std::str::from_utf8(body).ok()?;
    let keys = element(text, "Credentials")?;
    Some(AwsKeys {
        access_key_id: plain(element(keys, "AccessKeyId")?)?,
        secret_access_key: Secret::new(plain(element(keys, "SecretAccessKey")?)?),
        session_token: Some(Secret::new(plain(element(keys, "SessionToken")?)?)),
    })
}

/// What stands between the only start of this element and its end.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (inside, after) = rest.split_once(&format!("</{name}>"))?;
    (!after.contains(&format!("<{name}>"))).then_some(inside)
}

/// A text that needs no unescaping: keys and tokens never do.
fn plain(text: &str) -> Option<String> {
    let text = text.trim();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'&');
    (!text.is_empty() && text.bytes().all(is_plain)).then(|| text.to_owned())
}

fn parse_login(body: &[u8], now: Timestamp) -> Option<Granted> {
    let answer: LoginAnswer = serde_json::from_slice(body).ok()?;
    let login = answer.authorization_data.into_iter().next()?;
    let pair = STANDARD.decode(login.authorization_token).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (username, password) = pair.split_once(':')?;
    if username.is_empty() || password.is_empty() {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of this century are exact"
    )]
    let seconds = |until: f64| until - now.as_second() as f64;
    Some(Granted {
        username: username.to_owned(),
        password: Secret::new(password.to_owned()),
        life: login
            .expires_at
            .map(|until| Duration::try_from_secs_f64(seconds(until)).unwrap_or_default()),
    })
}

fn service_url(host: &str) -> Result<Url, IdentityError> {
    Url::parse(&format!("https://{host}/")).map_err(|_| IdentityError::Variable {
        variable: "AWS_REGION",
        problem: "no region",
    })
}

impl AgentKeys {
    fn into_keys(self) -> Option<AwsKeys> {
        Some(AwsKeys {
            access_key_id: plain(&self.access_key_id)?,
            secret_access_key: Secret::new(plain(&self.secret_access_key)?),
            session_token: match self.token {
                Some(token) => Some(Secret::new(plain(&token)?)),
                None => None,
            },
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AgentKeys {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginAnswer {
    authorization_data: Vec<Login>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    authorization_token: String,
    expires_at: Option<f64>,
}

const STS: &str = "STS";
const ECR: &str = "the ECR API";
const AGENT: &str = "the Pod Identity agent";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
const NO_PARAMETERS: &str = "{}";
const BAD_AGENT: IdentityError = IdentityError::Answer {
    who: AGENT,
    what: "keys",
};
const BAD_KEYS: IdentityError = IdentityError::Variable {
    variable: "AWS_ACCESS_KEY_ID",
    problem: "no key",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn role(body: &str) -> Option<[String; 3]> {
        let keys = parse_assumed_role(body.as_bytes())?;
        let token = keys.session_token?.reveal().to_owned();
        Some([
            keys.access_key_id,
            keys.secret_access_key.reveal().to_owned(),
            token,
        ])
    }

    #[test]
    fn keys_are_read_from_the_token_services_xml() {
        let body = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
            <AssumeRoleWithWebIdentityResult><Credentials><SessionToken>t+/=</SessionToken>\
            <SecretAccessKey> s </SecretAccessKey><Expiration>2026-11-21T22:00:00Z</Expiration>\
            <AccessKeyId>ASIA</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
        let expected = ["ASIA", "s", "t+/="].map(str::to_owned);
        assert_eq!(role(body), Some(expected));
        for spoiled in [
            body.replace("<AccessKeyId>ASIA</AccessKeyId>", ""),
            body.replace("ASIA", ""),
            body.replace("ASIA", "a&lt;b"),
            body.replace("</Credentials>", ""),
            body.replace(
                "</AccessKeyId>",
                "</AccessKeyId><AccessKeyId>B</AccessKeyId>",
            ),
            "<html>".to_owned(),
        ] {
            assert_eq!(role(&spoiled), None, "{spoiled}");
        }
    }

    #[test]
    fn a_login_is_read_with_its_life() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let parse = |body: &str| {
            parse_login(body.as_bytes(), now).map(|granted| {
                (
                    granted.username,
                    granted.password.reveal().to_owned(),
                    granted.life,
                )
            })
        };
        let data = |rest: &str| {
            format!(r#"{{"authorizationData": [{{"authorizationToken": "QVdTOnB3"{rest}}}]}}"#)
        };
        let until = now.as_second() + 3600;
        let some = |life| Some(("AWS".to_owned(), "pw".to_owned(), life));
        let hour = Some(Duration::from_hours(1));
        assert_eq!(
            parse(&data(&format!(r#", "expiresAt": {until}.0"#))),
            some(hour)
        );
        assert_eq!(parse(&data("")), some(None));
        assert_eq!(
            parse(&data(r#", "expiresAt": 1.0"#)),
            some(Some(Duration::ZERO))
        );
        for wrong in [
            "{}",
            r#"{"authorizationData": []}"#,
            r#"{"authorizationData": [{"authorizationToken": "!"}]}"#,
            r#"{"authorizationData": [{"authorizationToken": "QVdT"}]}"#,
            "<html>",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
