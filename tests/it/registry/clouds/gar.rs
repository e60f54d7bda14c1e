//! Google's: the metadata server, and registries that also serve what is public.

use super::*;
use crate::registry::stand_in::{has_every_image, image, wants};

const GAR: &str = "europe-west3-docker.pkg.dev";

/// A registry of Google's that wants tokens, the metadata server of the node.
struct Google {
    registry: StandIn,
    metadata: StandIn,
    tasks: TaskTracker,
}

impl Google {
    async fn new() -> Self {
        Self {
            registry: StandIn::start(|heard| private(heard, "ya29")).await,
            metadata: StandIn::start(|heard| metadata(heard, "ya29")).await,
            tasks: TaskTracker::new(),
        }
    }

    fn reader(&self) -> OciRegistry {
        let host = self.metadata.address.to_string();
        let hosts = [
            (GAR, self.registry.address),
            ("gcr.io", self.registry.address),
        ];
        reader_of(&hosts, &[("GCE_METADATA_HOST", &host)], &self.tasks)
    }
}

/// The token service and the registry are one host.
fn private(heard: &Heard, password: &str) -> axum::response::Response {
    let host = heard.header("host").to_owned();
    if heard.path == "/v2/token" {
        let login = ("oauth2accesstoken".to_owned(), password.to_owned());
        let (status, token) = match heard.basic() {
            Some(found) if found == login => (200, "good"),
            Some(_) => (403, ""),
            None => (200, "anonymous"),
        };
        return answer(
            status,
            json!({"token": token, "expires_in": 300}).to_string(),
        );
    }
    let is_public = heard.path.starts_with("/v2/public/");
    match heard.header("authorization") {
        "Bearer good" => has_every_image(heard),
        "Bearer anonymous" if is_public => has_every_image(heard),
        _ => wants(&format!(
            "Bearer realm=\"http://{host}/v2/token\",service=\"{host}\""
        )),
    }
}

fn metadata(heard: &Heard, token: &str) -> axum::response::Response {
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    if heard.header("metadata-flavor") != "Google" || heard.path != path {
        return answer(403, "");
    }
    let body = json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"});
    let mut said = answer(200, body.to_string());
    let flavor = http::HeaderValue::from_static("Google");
    said.headers_mut().insert("metadata-flavor", flavor);
    said
}

fn reference(rest: &str) -> Reference {
    format!("{GAR}/{rest}").parse().expect("a reference")
}

#[tokio::test]
async fn the_metadata_servers_token_opens_googles_registries() {
    let google = Google::new().await;
    let reader = google.reader();
    let found = reader
        .resolve(&reference("acme/shop/api:1"), &anonymous())
        .await;
    assert_eq!(found.expect("resolved"), image());
    let older = "gcr.io/acme/api:1".parse().expect("a reference");
    let found = reader.resolve(&older, &anonymous()).await;
    assert_eq!(found.expect("resolved"), image());
}

#[tokio::test]
async fn what_is_public_is_read_though_the_identity_fails_or_is_refused() {
    for (says, tried) in [
        (Some("refused"), "the workload identity for GAR"),
        (
            None,
            "the workload identity for GAR (the metadata server answered 404)",
        ),
    ] {
        let google = Google::new().await;
        google.metadata.say(move |heard| match says {
            Some(token) => metadata(heard, token),
            None => answer(404, ""),
        });
        let reader = google.reader();
        let found = reader
            .resolve(&reference("public/api:1"), &anonymous())
            .await;
        assert_eq!(found.expect("resolved"), image());
        let found = reader
            .resolve(&reference("private/api:1"), &anonymous())
            .await;
        assert_eq!(refusal(found), (401, vec![tried.to_owned()]));
    }
}

#[tokio::test]
async fn the_identity_is_sent_to_the_registrys_own_host_alone() {
    let google = Google::new().await;
    let neighbour = StandIn::start(|_| answer(200, r#"{"token": "anonymous"}"#)).await;
    google
        .registry
        .say(|heard| match heard.header("authorization") {
            "Bearer anonymous" if heard.path.starts_with("/v2/public/") => has_every_image(heard),
            _ => wants("Bearer realm=\"http://rented.pkg.dev/token\",service=\"x\""),
        });
    let host = google.metadata.address.to_string();
    let hosts = [
        (GAR, google.registry.address),
        ("rented.pkg.dev", neighbour.address),
    ];
    let reader = reader_of(&hosts, &[("GCE_METADATA_HOST", &host)], &google.tasks);
    let found = reader
        .resolve(&reference("private/api:1"), &anonymous())
        .await;
    let tried = "the workload identity for GAR (not sent to rented.pkg.dev, which is not known to belong to the registry)";
    assert_eq!(refusal(found), (401, vec![tried.to_owned()]));
    assert!(
        neighbour
            .heard()
            .iter()
            .all(|heard| heard.basic().is_none())
    );
}

#[tokio::test]
async fn nobody_else_is_taken_for_the_metadata_server() {
    let google = Google::new().await;
    google
        .metadata
        .say(|_| answer(200, r#"{"access_token": "ya29"}"#));
    let reader = google.reader();
    let found = reader
        .resolve(&reference("private/api:1"), &anonymous())
        .await;
    let tried =
        "the workload identity for GAR (the metadata server answered something else than a token)";
    assert_eq!(refusal(found), (401, vec![tried.to_owned()]));
}

#[tokio::test]
async fn elsewhere_there_is_no_metadata_server_and_no_word_of_it() {
    let google = Google::new().await;
    let closed = StandIn::start(|_| answer(200, "")).await.address;
    let hosts = [
        (GAR, google.registry.address),
        ("metadata.google.internal", closed),
    ];
    let reader = reader_of(&hosts, &[], &google.tasks);
    let found = reader
        .resolve(&reference("private/api:1"), &anonymous())
        .await;
    assert_eq!(refusal(found), (401, Vec::new()));
    // A page that a network shows to everybody is no metadata server either.
    let page = StandIn::start(|_| answer(200, "<html>")).await;
    let hosts = [
        (GAR, google.registry.address),
        ("metadata.google.internal", page.address),
    ];
    let reader = reader_of(&hosts, &[], &google.tasks);
    for _ in 0..3 {
        let found = reader
            .resolve(&reference("private/api:1"), &anonymous())
            .await;
        assert_eq!(refusal(found), (401, Vec::new()));
    }
    assert_eq!(page.heard().len(), 1);
}
