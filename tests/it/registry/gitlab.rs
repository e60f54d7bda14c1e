//! GitLab: tokens from `/jwt/auth` on another host, each kind of login, and what a refusal says.

use axum::response::Response;
use serde_json::json;

use super::{
    stand_in::{Heard, StandIn, answer, has_every_image, image, reader_of, wants},
    *,
};

const REGISTRY: &str = "registry.gitlab.example";
const GITLAB: &str = "gitlab.example";

/// The registry and GitLab itself, each a host of its own.
struct GitLab {
    registry: StandIn,
    gitlab: StandIn,
}

impl GitLab {
    async fn new() -> Self {
        Self {
            registry: StandIn::start(registry).await,
            gitlab: StandIn::start(jwt_auth).await,
        }
    }

    async fn resolve(&self, path: &str, keyring: Keyring) -> Result<Digest, RegistryError> {
        let hosts = [
            (REGISTRY, self.registry.address),
            (GITLAB, self.gitlab.address),
        ];
        let reader = reader_of(&hosts, &[], &TaskTracker::new());
        let image = format!("{REGISTRY}/{path}:1").parse().expect("a reference");
        reader.resolve(&image, &access(keyring)).await
    }
}

/// The token says what it is good for: nothing, or one project's images.
fn registry(heard: &Heard) -> Response {
    let scope = heard
        .path
        .strip_prefix("/v2/")
        .and_then(|path| path.split("/manifests/").next());
    let good = format!("Bearer {}", scope.unwrap_or_default().replace('/', "."));
    if heard.header("authorization") == good {
        return has_every_image(heard);
    }
    wants(&format!(
        "Bearer realm=\"http://{GITLAB}/jwt/auth\",service=\"container_registry\",error=\"insufficient_scope\""
    ))
}

/// Knows a deploy token, a group token and a project token of `acme`, and a login that may read nothing here.
fn jwt_auth(heard: &Heard) -> Response {
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(heard.query.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(
        (
            heard.path.as_str(),
            query.get("service").map_or("", String::as_str)
        ),
        ("/jwt/auth", "container_registry")
    );
    let scope = query
        .get("scope")
        .expect("a scope")
        .strip_prefix("repository:")
        .and_then(|rest| rest.strip_suffix(":pull"));
    let project = scope.expect("one scope").replace('/', ".");
    let login = heard.basic();
    let opens = match login
        .as_ref()
        .map(|(user, password)| (user.as_str(), password.as_str()))
    {
        Some(("gitlab+deploy-token-7", "gldt-1") | ("anything", "glpat-group")) => {
            project.starts_with("acme.")
        }
        Some(("project_1_bot", "glpat-project")) => project.starts_with("acme.shop."),
        Some(("outsider", "glpat-other")) => false,
        Some(_) => {
            let errors = json!({"errors": [{"code": "DENIED", "message": "access forbidden"}]});
            return answer(403, errors.to_string());
        }
        None => project.starts_with("public."),
    };
    let token = if opens { project } else { "nothing".to_owned() };
    answer(200, json!({"token": token}).to_string())
}

fn secret(user: &str, password: &str) -> Keyring {
    let mut keyring = Keyring::default();
    let credential = Credential {
        origin: "pull secret \"regcred\"".to_owned(),
        username: user.to_owned(),
        password: Secret::new(password.to_owned()),
    };
    keyring.add(REGISTRY, credential);
    keyring
}

fn refused(host: &str, status: u16, tried: &[&str]) -> String {
    let tried = tried.iter().map(|one| (*one).to_owned()).collect();
    let host = host.to_owned();
    format!(
        "{:?}",
        RegistryError::Unauthorized {
            host,
            status,
            tried
        }
    )
}

#[tokio::test]
async fn deploy_group_and_project_tokens_open_what_they_may_read() {
    let gitlab = GitLab::new().await;
    for (user, password) in [
        ("gitlab+deploy-token-7", "gldt-1"),
        ("anything", "glpat-group"),
        ("project_1_bot", "glpat-project"),
    ] {
        let found = gitlab
            .resolve("acme/shop/api", secret(user, password))
            .await;
        assert_eq!(found.expect("resolved"), image());
    }
    let found = gitlab.resolve("public/tools", Keyring::default()).await;
    assert_eq!(found.expect("resolved"), image());
}

#[tokio::test]
async fn a_bad_login_is_refused_by_gitlab_with_403() {
    let gitlab = GitLab::new().await;
    let found = gitlab
        .resolve("acme/shop/api", secret("gitlab+deploy-token-7", "expired"))
        .await;
    let expected = refused(GITLAB, 403, &["pull secret \"regcred\""]);
    assert_eq!(format!("{:?}", found.expect_err("refused")), expected);
}

#[tokio::test]
async fn a_login_without_rights_gets_a_token_that_opens_nothing() {
    let gitlab = GitLab::new().await;
    for (path, user, password) in [
        ("acme/shop/api", "outsider", "glpat-other"),
        ("acme/other/api", "project_1_bot", "glpat-project"),
    ] {
        let found = gitlab.resolve(path, secret(user, password)).await;
        let expected = refused(REGISTRY, 401, &["pull secret \"regcred\""]);
        assert_eq!(format!("{:?}", found.expect_err("refused")), expected);
    }
}

#[tokio::test]
async fn a_private_project_looks_like_a_missing_one_to_nobody_in_particular() {
    let gitlab = GitLab::new().await;
    for path in ["acme/shop/api", "no/such/project"] {
        let found = gitlab.resolve(path, Keyring::default()).await;
        let expected = refused(REGISTRY, 401, &[]);
        assert_eq!(format!("{:?}", found.expect_err("refused")), expected);
    }
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
            "Bearer realm=\"http://{REGISTRY}/oauth2/token\",service=\"r\""
        )),
    })
    .await;
    let reader = reader_of(&[(REGISTRY, server.address)], &[], &TaskTracker::new());
    let resolve = async |token: &str| {
        let mut keyring = Keyring::default();
        let config = json!({"auths": {REGISTRY: {"auth": "bm9ib2R5Og==", "identitytoken": token}}});
        keyring
            .add_docker_config_json("pull secret \"regcred\"", &config.to_string())
            .expect("a config");
        let image = format!("{REGISTRY}/acme/api:1")
            .parse()
            .expect("a reference");
        reader.resolve(&image, &access(keyring)).await
    };
    assert_eq!(resolve("id-token").await.expect("resolved"), image());
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
    let expected = refused(REGISTRY, 400, &["pull secret \"regcred\""]);
    assert_eq!(
        format!("{:?}", resolve("withdrawn").await.expect_err("refused")),
        expected
    );
}
