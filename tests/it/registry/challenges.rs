//! What registries want before they answer, in its odder forms: 403 where 401 is meant, and tokens in exchange for others.

use axum::response::Response;
use serde_json::json;

use super::{
    stand_in::{Heard, StandIn, answer, has_every_image, reader_of, wants},
    *,
};

const HOST: &str = "registry.example";

/// The requests of one review by tag, as method, path and how they were authorised; and whether it was let in.
async fn asked(
    says: impl Fn(&Heard) -> Response + Send + Sync + 'static,
    images: &[&str],
) -> (Vec<String>, Vec<Result<Digest, String>>) {
    let server = StandIn::start(says).await;
    let reader = reader_of(&[(HOST, server.address)], &[], &TaskTracker::new());
    let mut keyring = Keyring::default();
    keyring.add(HOST, credential("a"));
    let (access, mut found) = (access(keyring), Vec::new());
    for image in images {
        let image = format!("{HOST}/acme/{image}:1")
            .parse()
            .expect("a reference");
        let digest = reader.resolve(&image, &access).await;
        found.push(digest.map_err(|error| error.to_string()));
    }
    let heard = server.heard();
    let heard = heard
        .iter()
        .filter(|heard| !heard.path.contains("/referrers/"));
    let lines = heard.map(|heard| {
        let scheme = heard.header("authorization").split(' ').next();
        let line = [&heard.method, &heard.path, scheme.unwrap_or_default()].join(" ");
        line.trim_end().to_owned()
    });
    (lines.collect(), found)
}

fn good() -> Vec<Result<Digest, String>> {
    vec![Ok(stand_in::image())]
}

#[tokio::test]
async fn images_with_token_services_of_their_own_are_each_met_with_theirs() {
    let says = |heard: &Heard| {
        let is_even = heard.path.contains("even");
        let own = if is_even { "even" } else { "odd" };
        match heard.path.strip_prefix("/token/") {
            Some(name) => answer(200, json!({ "token": name }).to_string()),
            None if heard.header("authorization") == format!("Bearer {own}") => {
                has_every_image(heard)
            }
            None => wants(&format!("Bearer realm=\"http://{HOST}/token/{own}\"")),
        }
    };
    let server = StandIn::start(says).await;
    let reader = reader_of(&[(HOST, server.address)], &[], &TaskTracker::new());
    let mut keyring = Keyring::default();
    keyring.add(HOST, credential("a"));
    let access = access(keyring);
    let images: Vec<Reference> = (0..40)
        .map(|number| {
            let own = if number % 2 == 0 { "even" } else { "odd" };
            let image = format!("{HOST}/{own}/api{number}:1");
            image.parse().expect("a reference")
        })
        .collect();
    let all = images.iter().map(|image| reader.resolve(image, &access));
    let found = futures::future::join_all(all).await;
    assert!(found.iter().all(Result::is_ok), "{found:?}");
}

/// The same answer, with another status.
fn forbidden(mut challenge: Response) -> Response {
    *challenge.status_mut() = http::StatusCode::FORBIDDEN;
    challenge
}

#[tokio::test]
async fn a_403_with_a_challenge_is_met_like_a_401() {
    let says = |heard: &Heard| match heard.path.as_str() {
        "/token" => answer(200, r#"{"token": "good"}"#),
        _ if heard.header("authorization") == "Bearer good" => has_every_image(heard),
        _ => forbidden(wants(&format!("Bearer realm=\"http://{HOST}/token\""))),
    };
    let (asked, found) = asked(says, &["api"]).await;
    let expected = [
        "HEAD /v2/acme/api/manifests/1",
        "GET /token Basic",
        "HEAD /v2/acme/api/manifests/1 Bearer",
    ];
    assert_eq!((found, asked), (good(), expected.map(str::to_owned).into()));
}

#[tokio::test]
async fn a_403_without_a_challenge_is_asked_about_at_the_root() {
    let says = |heard: &Heard| match heard.path.as_str() {
        _ if heard.basic().is_some() => has_every_image(heard),
        "/v2/" => wants("Basic realm=\"r\""),
        _ => answer(403, ""),
    };
    let (asked, found) = asked(says, &["api"]).await;
    let expected = [
        "HEAD /v2/acme/api/manifests/1",
        "GET /v2/",
        "HEAD /v2/acme/api/manifests/1 Basic",
    ];
    assert_eq!((found, asked), (good(), expected.map(str::to_owned).into()));
}

#[tokio::test]
async fn a_registry_with_public_images_that_says_403_to_nobody_is_asked_too() {
    let says = |heard: &Heard| match heard.path.as_str() {
        path if path.contains("/referrers/") => answer(404, ""),
        _ if heard.path.contains("/public/") || heard.basic().is_some() => has_every_image(heard),
        "/v2/" => wants("Basic realm=\"r\""),
        _ => answer(403, ""),
    };
    let (asked, found) = asked(says, &["public", "api"]).await;
    let expected = [
        "HEAD /v2/acme/public/manifests/1",
        "HEAD /v2/acme/api/manifests/1",
        "GET /v2/",
        "HEAD /v2/acme/api/manifests/1 Basic",
    ];
    assert_eq!(
        (found, asked),
        (
            [good(), good()].concat(),
            expected.map(str::to_owned).into()
        )
    );
}

#[tokio::test]
async fn a_login_is_sent_to_no_registry_that_wants_none() {
    for root in [200, 403, 404] {
        let says = move |heard: &Heard| match heard.path.as_str() {
            "/v2/" => answer(root, "{}"),
            _ => answer(403, ""),
        };
        let (asked, found) = asked(says, &["api"]).await;
        let refused = "registry.example refused access (403)".to_owned();
        let expected = ["HEAD /v2/acme/api/manifests/1", "GET /v2/"];
        assert_eq!(
            (found, asked),
            (vec![Err(refused)], expected.map(str::to_owned).into())
        );
    }
}

/// What is said of the logins, and the requests that were sent with one.
async fn told(says: impl Fn(&Heard) -> Response + Send + Sync + 'static) -> (Vec<String>, usize) {
    let server = StandIn::start(says).await;
    let reader = reader_of(&[(HOST, server.address)], &[], &TaskTracker::new());
    let mut keyring = Keyring::default();
    keyring.add(HOST, credential("a"));
    let image = format!("{HOST}/acme/api:1").parse().expect("a reference");
    let tried = match reader.resolve(&image, &access(keyring)).await {
        Err(RegistryError::Unauthorized { tried, .. }) => tried,
        other => vec![format!("{other:?}")],
    };
    let heard = server.heard();
    let with_login = heard
        .iter()
        .filter(|heard| !heard.header("authorization").is_empty());
    (tried, with_login.count())
}

#[tokio::test]
async fn a_refusal_that_names_no_known_login_is_not_told_as_one_of_nobody() {
    let expected = "pull secret \"a\" (not sent: the registry asks for no login that Assay knows)";
    let expected = (vec![expected.to_owned()], 0);
    assert_eq!(told(|_| answer(401, "")).await, expected);
    assert_eq!(told(|_| answer(403, "")).await, expected);
    assert_eq!(told(|_| wants("Negotiate")).await, expected);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_and_never_sent_as_a_password() {
    let server = StandIn::start(|heard| match heard.path.as_str() {
        "/oauth2/token"
            if heard.form().get("refresh_token").map(String::as_str) == Some("id-token") =>
        {
            answer(200, json!({"access_token": "good"}).to_string())
        }
        "/oauth2/token" => answer(400, json!({"error": "invalid_grant"}).to_string()),
        _ if heard.header("authorization") == "Bearer good" => has_every_image(heard),
        _ => wants(&format!(
            "Bearer realm=\"http://{HOST}/oauth2/token\",service=\"r\""
        )),
    })
    .await;
    let reader = reader_of(&[(HOST, server.address)], &[], &TaskTracker::new());
    let resolve = async |token: &str| {
        let mut keyring = Keyring::default();
        let config = json!({"auths": {HOST: {"auth": "bm9ib2R5Og==", "identitytoken": token}}});
        keyring
            .add_docker_config_json("pull secret \"regcred\"", &config.to_string())
            .expect("a config");
        let image = format!("{HOST}/acme/api:1").parse().expect("a reference");
        reader.resolve(&image, &access(keyring)).await
    };
    assert_eq!(
        resolve("id-token").await.expect("resolved"),
        stand_in::image()
    );
    let heard = server.heard();
    let exchange = heard
        .iter()
        .find(|heard| heard.path == "/oauth2/token")
        .expect("asked");
    let fields = [
        ("client_id", "assay"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "id-token"),
        ("scope", "repository:acme/api:pull"),
        ("service", "r"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(
        (exchange.method.as_str(), exchange.query.as_str()),
        ("POST", "")
    );
    assert_eq!(exchange.form(), BTreeMap::from(fields));
    assert!(heard.iter().all(|heard| heard.basic().is_none()));
    let found = resolve("withdrawn").await.expect_err("refused");
    let expected = RegistryError::Unauthorized {
        host: HOST.to_owned(),
        status: 400,
        tried: vec!["pull secret \"regcred\"".to_owned()],
    };
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

/// Services for which a request without a scope is a bad one do not say by that what the login is.
#[tokio::test]
async fn a_service_that_wants_a_scope_holds_back_no_token_from_other_repositories() {
    let server = StandIn::start(|heard| match heard.path.as_str() {
        "/oauth2/token" => match heard.form().get("scope").map(String::as_str) {
            Some("repository:acme/api:pull") => {
                answer(200, json!({"access_token": "good"}).to_string())
            }
            Some(_) => answer(401, ""),
            None => answer(400, json!({"error": "invalid_request"}).to_string()),
        },
        _ if heard.header("authorization") == "Bearer good" => has_every_image(heard),
        _ => wants(&format!("Bearer realm=\"http://{HOST}/oauth2/token\"")),
    })
    .await;
    let reader = reader_of(&[(HOST, server.address)], &[], &TaskTracker::new());
    let mut keyring = Keyring::default();
    let config = json!({"auths": {HOST: {"identitytoken": "id-token"}}}).to_string();
    let read = keyring.add_docker_config_json("pull secret \"regcred\"", &config);
    read.expect("a config");
    let access = access(keyring);
    let resolve = async |repository: &str| {
        let image = format!("{HOST}/{repository}:1");
        let image = image.parse().expect("a reference");
        reader.resolve(&image, &access).await
    };
    let refused = resolve("acme/private").await.expect_err("refused");
    assert_eq!(refused.to_string(), "registry.example refused access (401)");
    assert_eq!(
        resolve("acme/api").await.expect("resolved"),
        stand_in::image()
    );
}
