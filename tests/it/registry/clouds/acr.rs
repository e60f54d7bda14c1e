//! Microsoft's: the service account's token for one of Entra ID, and that for a login at the registry.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;
use crate::registry::stand_in::{has_every_image, image, wants};

const ACR: &str = "acme.azurecr.io";

struct Microsoft {
    registry: StandIn,
    entra: StandIn,
    folder: tempfile::TempDir,
    tasks: TaskTracker,
}

impl Microsoft {
    async fn new() -> Self {
        let folder = tempfile::TempDir::new().expect("a folder");
        fs::write(folder.path().join("token"), "federated").expect("written");
        Self {
            registry: StandIn::start(registry).await,
            entra: StandIn::start(|_| {
                answer(
                    200,
                    json!({"access_token": "entra", "expires_in": 3599}).to_string(),
                )
            })
            .await,
            folder,
            tasks: TaskTracker::new(),
        }
    }

    fn reader(&self) -> OciRegistry {
        let file = self.folder.path().join("token");
        let variables = [
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().expect("UTF-8")),
            ("AZURE_AUTHORITY_HOST", &self.entra.url()),
        ];
        reader_of(&[(ACR, self.registry.address)], &variables, &self.tasks)
    }
}

/// A token that is good for three hours.
fn refresh_token() -> String {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"iat":1000,"exp":11800}"#);
    format!("e30.{claims}.sig")
}

fn registry(heard: &Heard) -> axum::response::Response {
    match heard.path.as_str() {
        "/oauth2/exchange" => answer(200, json!({"refresh_token": refresh_token()}).to_string()),
        "/oauth2/token" => {
            let nobody = "00000000-0000-0000-0000-000000000000".to_owned();
            let (status, token) = match heard.basic() {
                Some(login) if login == (nobody, refresh_token()) => (200, "good"),
                Some(_) => (401, ""),
                None => (200, "anonymous"),
            };
            answer(status, json!({"access_token": token}).to_string())
        }
        _ if heard.header("authorization") == "Bearer good" => has_every_image(heard),
        _ => wants(&format!(
            "Bearer realm=\"http://{ACR}/oauth2/token\",service=\"{ACR}\""
        )),
    }
}

fn reference(rest: &str) -> Reference {
    format!("{ACR}/{rest}").parse().expect("a reference")
}

fn fields<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, String> {
    BTreeMap::from(fields.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

#[tokio::test]
async fn the_federated_token_is_exchanged_twice() {
    let microsoft = Microsoft::new().await;
    let found = microsoft
        .reader()
        .resolve(&reference("shop/api:1"), &anonymous())
        .await;
    assert_eq!(found.expect("resolved"), image());
    let [asked] = &microsoft.entra.heard()[..] else {
        panic!("asked once")
    };
    assert_eq!(asked.path, "/tenant/oauth2/v2.0/token");
    let expected = fields([
        ("client_id", "client"),
        ("client_assertion", "federated"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("grant_type", "client_credentials"),
        ("scope", "https://containerregistry.azure.net/.default"),
    ]);
    assert_eq!(asked.form(), expected);
    let heard = microsoft.registry.heard();
    let exchanges: Vec<_> = heard
        .iter()
        .filter(|heard| heard.path == "/oauth2/exchange")
        .map(|heard| (heard.method.as_str(), heard.form()))
        .collect();
    let expected = fields([
        ("access_token", "entra"),
        ("grant_type", "access_token"),
        ("service", ACR),
        ("tenant", "tenant"),
    ]);
    assert_eq!(exchanges, [("POST", expected)]);
}

#[tokio::test]
async fn it_is_replaced_as_its_token_says() {
    let microsoft = Microsoft::new().await;
    let reader = microsoft.reader();
    let resolve = async || reader.resolve(&reference("shop/api:1"), &anonymous()).await;
    resolve().await.expect("resolved");
    microsoft.entra.heard();
    pass(Duration::from_hours(2)).await;
    resolve().await.expect("resolved");
    assert_eq!(microsoft.entra.heard().len(), 0);
    pass(Duration::from_hours(1)).await;
    resolve().await.expect("resolved");
    assert_eq!(microsoft.entra.heard().len(), 1);
}

#[tokio::test]
async fn each_step_that_fails_is_named() {
    let cases: [(&str, &'static str, u16); 4] = [
        ("Entra ID answered 401", "entra", 401),
        (
            "Entra ID answered something else than a token",
            "entra",
            200,
        ),
        (
            "the registry's token exchange answered 403",
            "registry",
            403,
        ),
        (
            "the registry's token exchange answered something else than a token",
            "registry",
            200,
        ),
    ];
    for (reason, step, status) in cases {
        let microsoft = Microsoft::new().await;
        match step {
            "entra" => microsoft.entra.say(move |_| answer(status, "<html>")),
            _ => microsoft
                .registry
                .say(move |heard| match heard.path.as_str() {
                    "/oauth2/exchange" => answer(status, "<html>"),
                    _ => registry(heard),
                }),
        }
        let found = microsoft
            .reader()
            .resolve(&reference("shop/api:1"), &anonymous())
            .await;
        let tried = format!("the workload identity for ACR ({reason})");
        assert_eq!(refusal(found), (401, vec![tried]));
    }
}

#[tokio::test]
async fn what_is_sent_to_a_registry_is_not_sent_on_to_where_it_redirects() {
    let microsoft = Microsoft::new().await;
    let thief = StandIn::start(|_| answer(200, "")).await;
    let target = format!("{}/oauth2/exchange", thief.url());
    microsoft
        .registry
        .say(move |heard| match heard.path.as_str() {
            "/oauth2/exchange" => axum::response::Response::builder()
                .status(307)
                .header("location", &target)
                .body(axum::body::Body::empty())
                .expect("an answer"),
            _ => registry(heard),
        });
    let found = microsoft
        .reader()
        .resolve(&reference("shop/api:1"), &anonymous())
        .await;
    let tried =
        "the workload identity for ACR (the registry's token exchange answered 307)".to_owned();
    assert_eq!(refusal(found), (401, vec![tried]));
    assert_eq!(thief.heard().len(), 0);
}
