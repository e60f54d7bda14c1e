use serde_json::{Value, json};

use super::scenario::Scenario;
use crate::{
    cluster::pull_secrets::PullSecrets,
    image::Repository,
    registry::{Credential, Keyring, OwnCredentials},
    review,
    workload::PullReferences,
};

#[tokio::test]
async fn named_pull_secrets_are_read_in_order_and_once_within_their_time() {
    let scenario = Scenario::default();
    scenario.get(
        "/api/v1/namespaces/shop/secrets/first",
        pull_secret("first", "kubernetes.io/dockerconfigjson", CONFIG),
    );
    scenario.refuse("/api/v1/namespaces/shop/secrets/missing", "", 404);
    scenario.get(
        "/api/v1/namespaces/shop/secrets/opaque",
        pull_secret("opaque", "Opaque", CONFIG),
    );
    let secrets = PullSecrets::new(scenario.client(), own_keyring().into());
    let references = PullReferences {
        pull_secrets: ["first", "missing", "opaque"].map(str::to_owned).into(),
        service_account: "default".to_owned(),
    };
    for _ in 0..2 {
        assert_eq!(
            origins(&secrets, "shop", &references).await,
            Ok(vec![
                "pull secret \"first\"".to_owned(),
                "assay's own".to_owned()
            ])
        );
    }
    let keyring = review::PullSecrets::keyring(&secrets, "shop", &references);
    let keyring = keyring.await.unwrap();
    let useless = [
        "pull secret \"missing\" does not exist",
        "pull secret \"opaque\" is of type Opaque, which is for no registry",
    ];
    assert_eq!(keyring.useless(&repository("registry.example/a")), useless);
    assert_eq!(
        keyring.useless(&repository("other.example/a")),
        [
            useless[0],
            useless[1],
            "pull secret \"first\" has no login for other.example",
        ]
    );
    scenario.finish().await;
}

#[tokio::test]
async fn a_caller_who_goes_away_while_secrets_are_read_strands_nobody() {
    let scenario = Scenario::default();
    let path = "/api/v1/namespaces/shop/secrets/regcred";
    let secret = || pull_secret("regcred", "kubernetes.io/dockerconfigjson", CONFIG);
    let silent = scenario.watch(path, "");
    scenario.get(path, secret());
    let secrets = PullSecrets::new(scenario.client(), OwnCredentials::default());
    let references = PullReferences {
        pull_secrets: vec!["regcred".to_owned()],
        service_account: "default".to_owned(),
    };
    let mut first = Box::pin(origins(&secrets, "shop", &references));
    for _ in 0..100 {
        assert!(futures::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
    }
    let mut second = Box::pin(origins(&secrets, "shop", &references));
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    assert_eq!(second.await, Ok(vec!["pull secret \"regcred\"".to_owned()]));
    drop(silent);
    scenario.finish().await;
}

#[tokio::test]
async fn the_secrets_of_one_namespace_are_never_used_in_another() {
    let scenario = Scenario::default();
    scenario.get(
        "/api/v1/namespaces/owner/secrets/regcred",
        pull_secret("regcred", "kubernetes.io/dockerconfigjson", CONFIG),
    );
    scenario.refuse("/api/v1/namespaces/thief/secrets/regcred", "", 404);
    let secrets = PullSecrets::new(scenario.client(), OwnCredentials::default());
    let references = PullReferences {
        pull_secrets: vec!["regcred".to_owned()],
        service_account: "default".to_owned(),
    };
    let owners = origins(&secrets, "owner", &references).await;
    assert_eq!(owners, Ok(vec!["pull secret \"regcred\"".to_owned()]));
    assert_eq!(origins(&secrets, "thief", &references).await, Ok(vec![]));
    scenario.finish().await;
}

#[tokio::test]
async fn a_pod_that_names_no_secrets_has_those_of_its_service_account() {
    let scenario = Scenario::default();
    scenario.get(
        "/api/v1/namespaces/shop/serviceaccounts/builder",
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": "builder", "namespace": "shop" },
            "imagePullSecrets": [{ "name": "old" }, {}],
        }),
    );
    let entries = r#"{"registry.example":{"username":"robot","password":"hunter2"}}"#;
    scenario.get(
        "/api/v1/namespaces/shop/secrets/old",
        pull_secret("old", "kubernetes.io/dockercfg", entries),
    );
    let secrets = PullSecrets::new(scenario.client(), OwnCredentials::default());
    let references = PullReferences {
        pull_secrets: vec![],
        service_account: "builder".to_owned(),
    };
    let found = origins(&secrets, "shop", &references).await;
    assert_eq!(found, Ok(vec!["pull secret \"old\"".to_owned()]));
    scenario.finish().await;
}

#[tokio::test]
async fn a_pull_secret_that_cannot_be_read_is_an_error_and_is_asked_for_again() {
    let scenario = Scenario::default();
    let path = "/api/v1/namespaces/shop/secrets/regcred";
    scenario.refuse(path, "", 500);
    let secrets = PullSecrets::new(scenario.client(), OwnCredentials::default());
    let references = PullReferences {
        pull_secrets: vec!["regcred".to_owned()],
        service_account: "default".to_owned(),
    };
    let refused = origins(&secrets, "shop", &references).await.unwrap_err();
    assert!(
        refused.starts_with("pull secret \"regcred\" cannot be read: "),
        "{refused}"
    );
    scenario.get(
        path,
        pull_secret("regcred", "kubernetes.io/dockerconfigjson", "{"),
    );
    let malformed = origins(&secrets, "shop", &references).await.unwrap_err();
    assert!(
        malformed.starts_with("pull secret \"regcred\" is not a docker config: "),
        "{malformed}"
    );
    scenario.finish().await;
}

#[tokio::test]
async fn what_may_not_be_read_is_named_and_the_rest_is_used() {
    let scenario = Scenario::default();
    scenario.refuse("/api/v1/namespaces/shop/secrets/regcred", "", 403);
    scenario.refuse("/api/v1/namespaces/shop/serviceaccounts/builder", "", 403);
    let secrets = PullSecrets::new(scenario.client(), own_keyring().into());
    for (pull_secrets, forbidden) in [
        (
            vec!["regcred".to_owned()],
            "pull secret \"regcred\" of namespace \"shop\"",
        ),
        (vec![], "service account \"builder\" of namespace \"shop\""),
    ] {
        let references = PullReferences {
            pull_secrets,
            service_account: "builder".to_owned(),
        };
        let found = origins(&secrets, "shop", &references).await;
        assert_eq!(found, Ok(vec!["assay's own".to_owned()]));
        let keyring = review::PullSecrets::keyring(&secrets, "shop", &references);
        assert_eq!(keyring.await.unwrap().forbidden(), [forbidden]);
    }
    scenario.finish().await;
}

#[tokio::test]
async fn more_pull_secrets_than_the_limit_are_not_read() {
    let scenario = Scenario::default();
    let secrets = PullSecrets::new(scenario.client(), OwnCredentials::default());
    let references = PullReferences {
        pull_secrets: (0..=crate::limits::PULL_SECRETS_PER_POD)
            .map(|n| format!("s{n}"))
            .collect(),
        service_account: "default".to_owned(),
    };
    assert_eq!(
        origins(&secrets, "shop", &references).await,
        Err("51 pull secrets are named, at most 50 are read".to_owned())
    );
    scenario.finish().await;
}

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

async fn origins(
    secrets: &PullSecrets,
    namespace: &str,
    references: &PullReferences,
) -> Result<Vec<String>, String> {
    let keyring = review::PullSecrets::keyring(secrets, namespace, references).await?;
    let reference: crate::image::Reference = "registry.example/shop/api:1".parse().unwrap();
    let found = keyring.lookup(reference.repository());
    Ok(found
        .into_iter()
        .map(|credential| credential.origin.clone())
        .collect())
}

fn own_keyring() -> Keyring {
    let mut keyring = Keyring::default();
    let credential = Credential {
        origin: "assay's own".to_owned(),
        username: "assay".to_owned(),
        password: crate::registry::Secret::new("hunter3".to_owned()),
    };
    keyring.add("registry.example", credential);
    keyring
}

fn pull_secret(name: &str, kind: &str, content: &str) -> Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let content = STANDARD.encode(content);
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind,
        "metadata": { "name": name },
        "data": { ".dockerconfigjson": content, ".dockercfg": content },
    })
}

const CONFIG: &str = r#"{"auths":{"registry.example":{"username":"robot","password":"hunter2"}}}"#;
