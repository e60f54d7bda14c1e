//! Token services that lead elsewhere.

use axum::{body::Body, response::Response};
use serde_json::json;

use super::{
    stand_in::{StandIn, answer, has_every_image, image, reader_of, wants},
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
