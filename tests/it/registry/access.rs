//! Who may read what: logins, tokens, and nothing of one tenant for another.

use super::{sandbox::Fault, *};

async fn private(logins: Vec<Login>) -> Setup {
    let access = sandbox::Access::Token {
        public: Vec::new(),
        logins,
    };
    Setup::new(sandbox::RegistrySettings {
        access,
        ..sandbox::RegistrySettings::default()
    })
    .await
}

fn push(setup: &Setup) -> Digest {
    let image = setup.registry.push_image("acme/api", "1", "private");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    image
}

fn refused(setup: &Setup, status: u16, tried: &[&str]) -> String {
    format!(
        "{:?}",
        RegistryError::Unauthorized {
            host: setup.registry.host(),
            status,
            tried: tried.iter().map(|origin| (*origin).to_owned()).collect(),
        }
    )
}

fn error<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> String {
    format!("{:?}", result.expect_err("refused"))
}

#[tokio::test]
async fn a_pull_secret_opens_a_private_repository() {
    let setup = private(vec![login("a", &["acme/api"])]).await;
    push(&setup);
    let found = setup
        .review("acme/api:1", &access(setup.keyring(&["a"])))
        .await;
    assert_eq!(
        found.expect("read"),
        bundle(AttachmentPlace::ReferrersApi, "bundle")
    );
}

#[tokio::test]
async fn a_tenant_is_refused_what_another_has_read() {
    let setup = private(vec![login("a", &["acme/api"]), login("b", &[])]).await;
    let image = push(&setup);
    setup
        .review("acme/api:1", &access(setup.keyring(&["a"])))
        .await
        .expect("read");
    let b = access(setup.keyring(&["b"]));
    let expected = refused(&setup, 401, &["pull secret \"b\""]);
    assert_eq!(error(setup.review("acme/api:1", &b).await), expected);
    assert_eq!(
        error(
            setup
                .attachments("acme/api", &image, Search::First, &b)
                .await
        ),
        expected
    );
    let repository = setup.repository("acme/api");
    assert_eq!(
        error(setup.reader.children(&repository, &image, &b).await),
        expected
    );
    let nobody = refused(&setup, 401, &[]);
    assert_eq!(
        error(setup.review("acme/api:1", &anonymous()).await),
        nobody
    );
}

#[tokio::test]
async fn the_next_credential_is_tried_and_remembered() {
    let setup = private(vec![login("a", &[]), login("b", &["acme/api"])]).await;
    push(&setup);
    let mut keyring = Keyring::default();
    keyring.add(
        &format!("{}/acme", setup.registry.host()),
        credential("wrong"),
    );
    keyring.append(&setup.keyring(&["a", "b"]));
    let access = access(keyring);
    let found = setup.review("acme/api:1", &access).await.expect("read");
    assert_eq!(found, bundle(AttachmentPlace::ReferrersApi, "bundle"));
    let refused = setup.registry.requests();
    let refused = refused
        .iter()
        .filter(|record| record.status == Some(403))
        .count();
    assert_eq!(refused, 1, "the wrong login is sent once");
}

#[tokio::test]
async fn all_credentials_that_were_tried_are_named() {
    let setup = private(vec![login("a", &[])]).await;
    push(&setup);
    let access = access(setup.keyring(&["wrong", "a"]));
    let expected = refused(&setup, 401, &["pull secret \"wrong\"", "pull secret \"a\""]);
    assert_eq!(error(setup.resolve("acme/api:1", &access).await), expected);
}

#[tokio::test]
async fn a_refused_login_is_not_sent_again() {
    let setup = private(Vec::new()).await;
    let access = access(setup.keyring(&["wrong"]));
    let expected = refused(&setup, 403, &["pull secret \"wrong\""]);
    for repository in ["acme/api:1", "acme/api:2", "acme/web:1"] {
        assert_eq!(error(setup.resolve(repository, &access).await), expected);
    }
    let token = "GET /token?service=sandbox&scope=repository%3Aacme%2Fapi%3Apull 403";
    assert_eq!(
        setup.requests(),
        [token, "HEAD /v2/acme/api/manifests/1 401"]
    );
}

#[tokio::test]
async fn nothing_is_tried_anonymously_when_a_credential_matches() {
    let settings = sandbox::RegistrySettings {
        access: sandbox::Access::Token {
            public: vec!["acme/api".to_owned()],
            logins: Vec::new(),
        },
        ..sandbox::RegistrySettings::default()
    };
    let setup = Setup::new(settings).await;
    push(&setup);
    let expected = refused(&setup, 403, &["pull secret \"wrong\""]);
    let access = access(setup.keyring(&["wrong"]));
    assert_eq!(error(setup.resolve("acme/api:1", &access).await), expected);
}

#[tokio::test]
async fn a_withdrawn_token_is_replaced_once() {
    let setup = private(vec![login("a", &["acme/api"])]).await;
    push(&setup);
    let access = access(setup.keyring(&["a"]));
    setup.resolve("acme/api:1", &access).await.expect("read");
    setup.registry.revoke_tokens();
    setup.registry.push_image("acme/api", "2", "another");
    setup.registry.clear_requests();
    setup.resolve("acme/api:2", &access).await.expect("read");
    assert_eq!(
        setup.requests(),
        [
            "GET /token?service=sandbox&scope=repository%3Aacme%2Fapi%3Apull 200",
            "HEAD /v2/acme/api/manifests/2 200",
            "HEAD /v2/acme/api/manifests/2 401",
        ]
    );
}

#[tokio::test]
async fn a_password_is_sent_with_each_request_where_that_is_wanted() {
    let access_settings = sandbox::Access::Basic {
        logins: vec![login("a", &["acme/api"])],
    };
    let settings = sandbox::RegistrySettings {
        access: access_settings,
        ..sandbox::RegistrySettings::default()
    };
    let setup = Setup::new(settings).await;
    push(&setup);
    let found = setup
        .review("acme/api:1", &access(setup.keyring(&["a"])))
        .await;
    assert_eq!(
        found.expect("read"),
        bundle(AttachmentPlace::ReferrersApi, "bundle")
    );
    let expected = refused(&setup, 401, &["pull secret \"wrong\""]);
    let wrong = access(setup.keyring(&["wrong"]));
    assert_eq!(error(setup.resolve("acme/api:1", &wrong).await), expected);
}

#[tokio::test]
async fn credentials_are_not_sent_to_a_token_service_of_another_house() {
    let setup = Setup::new(sandbox::RegistrySettings::default()).await;
    setup.registry.set_fault(|_| {
        Some(Fault::Status {
            status: 401,
            headers: vec![(
                "www-authenticate".to_owned(),
                "Bearer realm=\"http://assay.invalid/token\",service=\"x\"".to_owned(),
            )],
            body: Vec::new(),
        })
    });
    let found = setup
        .resolve("acme/api:1", &access(setup.keyring(&["a"])))
        .await;
    // The service cannot be reached: what matters is that it was asked at all, without the credential.
    assert!(
        matches!(found, Err(RegistryError::Unavailable { host, .. }) if host == "assay.invalid")
    );
}

#[tokio::test]
async fn a_redirect_to_another_host_loses_the_credentials() {
    let storage = MemoryRegistry::start(sandbox::RegistrySettings::default())
        .await
        .expect("a port");
    storage.push_blob("acme/api", "bundle");
    let access_settings = sandbox::Access::Token {
        public: Vec::new(),
        logins: vec![login("a", &["acme/api"])],
    };
    let settings = sandbox::RegistrySettings {
        access: access_settings,
        ..sandbox::RegistrySettings::default()
    };
    let mut setup = Setup::new(settings).await;
    setup.reader = reader(&[&setup.registry.host(), &storage.host()], options());
    push(&setup);
    let target = storage.base_url().to_owned();
    setup.registry.set_fault(move |request| {
        let is_blob = request.path.contains("/blobs/");
        is_blob.then(|| Fault::Redirect(format!("{target}{}", request.path)))
    });
    let found = setup
        .review("acme/api:1", &access(setup.keyring(&["a"])))
        .await;
    assert_eq!(
        found.expect("read"),
        bundle(AttachmentPlace::ReferrersApi, "bundle")
    );
    let seen: Vec<bool> = storage
        .requests()
        .iter()
        .map(|record| record.request.authorized)
        .collect();
    assert_eq!(seen, [false]);
}
