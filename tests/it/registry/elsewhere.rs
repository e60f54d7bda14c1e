//! Logins that are not shown to whoever refuses the request.

use axum::{body::Body, response::Response};
use serde_json::json;

use super::{
    stand_in::{StandIn, answer, has_every_image, image, reader_by, reader_of, wants},
    *,
};

const HOST: &str = "registry.example";
const ELSEWHERE: &str = "elsewhere.example";

fn redirect(target: &str) -> Response {
    Response::builder()
        .status(307)
        .header("location", target)
        .body(Body::empty())
        .expect("an answer")
}

#[tokio::test]
async fn what_another_host_says_of_a_login_that_it_was_not_shown_is_not_held_against_the_login() {
    let registry = |leads: bool| {
        move |heard: &stand_in::Heard| match heard.path.as_str() {
            "/token" if leads => redirect(&format!("http://{ELSEWHERE}/token")),
            "/token" if heard.basic().is_some() => {
                answer(200, json!({"token": "good"}).to_string())
            }
            "/token" => answer(401, ""),
            _ if heard.header("authorization") == "Bearer good" => has_every_image(heard),
            _ => wants(&format!("Bearer realm=\"http://{HOST}/token\"")),
        }
    };
    let elsewhere = StandIn::start(|_| answer(401, "")).await;
    let server = StandIn::start(registry(true)).await;
    let hosts = [(HOST, server.address), (ELSEWHERE, elsewhere.address)];
    let reader = reader_of(&hosts, &[], &TaskTracker::new());
    let reference: Reference = format!("{HOST}/acme/api:1").parse().expect("a reference");
    let mut keyring = Keyring::default();
    keyring.add(HOST, credential("a"));
    let access = access(keyring);
    let error = reader
        .resolve(&reference, &access)
        .await
        .expect_err("refused");
    let expected =
        format!("{ELSEWHERE} answered 401 in place of {HOST}, whose login is not sent there");
    assert_eq!(error.to_string(), expected);
    assert!(
        elsewhere
            .heard()
            .iter()
            .all(|heard| heard.basic().is_none())
    );
    server.say(registry(false));
    let found = reader.resolve(&reference, &access).await;
    assert_eq!(found.expect("resolved"), image());
}

/// What is said of the logins, and the requests for manifests.
async fn tried(
    says: impl Fn(&stand_in::Heard) -> Response + Send + Sync + 'static,
    keyring: Keyring,
) -> (Vec<String>, usize) {
    let server = StandIn::start(says).await;
    let reader = reader_of(&[(HOST, server.address)], &[], &TaskTracker::new());
    let access = access(keyring);
    let public: Reference = format!("{HOST}/acme/public:1")
        .parse()
        .expect("a reference");
    let _ = reader.resolve(&public, &access).await;
    server.heard();
    let private: Reference = format!("{HOST}/acme/api:1").parse().expect("a reference");
    let tried = match reader.resolve(&private, &access).await {
        Err(RegistryError::Unauthorized { tried, .. }) => tried,
        other => vec![format!("{other:?}")],
    };
    let heard = server.heard();
    let asked = heard
        .iter()
        .filter(|heard| heard.path.contains("/acme/api/manifests/"));
    (tried, asked.count())
}

#[tokio::test]
async fn logins_are_not_said_to_be_refused_by_a_registry_that_asks_for_none() {
    let mut keyring = Keyring::default();
    keyring.add(HOST, credential("a"));
    keyring.add(HOST, credential("b"));
    let says = |heard: &stand_in::Heard| match heard.path.as_str() {
        "/v2/" => answer(200, "{}"),
        path if path.contains("/public/") => has_every_image(heard),
        _ => answer(403, ""),
    };
    let expected =
        "pull secret \"a\" (not sent: the registry asks for no login that Assay knows)".to_owned();
    assert_eq!(tried(says, keyring).await, (vec![expected], 1));
}

#[tokio::test]
async fn an_identity_token_is_not_said_to_be_refused_by_a_registry_that_wants_a_password() {
    let mut keyring = Keyring::default();
    let text = format!(r#"{{"auths": {{"{HOST}": {{"identitytoken": "t"}}}}}}"#);
    let read = keyring.add_docker_config_json("pull secret \"t\"", &text);
    read.expect("read");
    let expected =
        "pull secret \"t\" (not sent: the registry takes user name and password only)".to_owned();
    let (tried, asked) = tried(|_| wants("Basic realm=\"r\""), keyring).await;
    assert_eq!((tried, asked), (vec![expected], 0));
}

/// What comes of an image of this registry, by settings in which an entry for `acme` says this besides.
async fn resolved(repository: &str, entry: &str) -> Result<Digest, RegistryError> {
    let service = StandIn::start(|heard| match heard.basic() {
        Some(_) => answer(200, json!({"token": "good"}).to_string()),
        None => answer(401, ""),
    })
    .await;
    let server = StandIn::start(|heard| match heard.header("authorization") {
        "Bearer good" => has_every_image(heard),
        _ => wants(&format!("Bearer realm=\"http://{ELSEWHERE}/token\"")),
    })
    .await;
    let plain = |prefix: &str| format!("{{insecureHttp: true, prefix: {prefix}}}");
    let entries = [
        plain(HOST),
        plain(ELSEWHERE),
        format!("{{insecureHttp: true, prefix: {HOST}/acme{entry}}}"),
    ];
    let hosts = [(HOST, server.address), (ELSEWHERE, service.address)];
    let reader = reader_by(&entries, &hosts, &[], &TaskTracker::new());
    let mut keyring = Keyring::default();
    keyring.add(HOST, credential("a"));
    let reference: Reference = format!("{HOST}/{repository}:1")
        .parse()
        .expect("a reference");
    reader.resolve(&reference, &access(keyring)).await
}

#[tokio::test]
async fn a_login_is_sent_to_the_token_service_that_the_settings_name_and_to_no_other() {
    let named = format!(", tokenService: {ELSEWHERE}");
    let found = resolved("acme/api", &named).await;
    assert_eq!(found.expect("resolved"), image());
    let withheld = format!(
        "pull secret \"a\" (not sent to {ELSEWHERE}, which is not known to belong to the registry)"
    );
    for (repository, entry) in [
        ("acme/api", ""),
        ("acme/api", ", tokenService: other.example"),
        ("acme/api", &format!(", tokenService: \"{ELSEWHERE}:8443\"")),
        ("other/api", &named),
    ] {
        match resolved(repository, entry).await {
            Err(RegistryError::Unauthorized { tried, .. }) => {
                assert_eq!(tried, [withheld.as_str()]);
            }
            other => panic!("{repository} {entry}: {other:?}"),
        }
    }
}
