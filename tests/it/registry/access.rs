//! Who may read what: logins, tokens, and nothing of one tenant for another.

use super::{sandbox::Fault, *};

pub(super) async fn private(logins: Vec<Login>) -> Setup {
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

pub(super) fn refused(setup: &Setup, status: u16, tried: &[&str]) -> String {
    format!(
        "{:?}",
        RegistryError::Unauthorized {
            host: setup.registry.host(),
            status,
            tried: tried.iter().map(|origin| (*origin).to_owned()).collect(),
        }
    )
}

pub(super) fn error<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> String {
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
    assert_eq!(refused, 2, "for the repository, and for itself");
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
    let service = private(vec![login("a", &["acme/api"])]).await;
    // The address of "any interface" leads to loopback, and is none of it by name.
    let elsewhere = service.registry.host().replace("127.0.0.1", "0.0.0.0");
    let mut setup = Setup::new(sandbox::RegistrySettings::default()).await;
    setup.reader = reader(&[&setup.registry.host(), &elsewhere], options());
    let challenge = format!("Bearer realm=\"http://{elsewhere}/token\",service=\"x\"");
    setup.registry.set_fault(move |_| {
        Some(Fault::Status {
            status: 401,
            headers: vec![("www-authenticate".to_owned(), challenge.clone())],
            body: Vec::new(),
        })
    });
    let result = setup
        .resolve("acme/api:1", &access(setup.keyring(&["a"])))
        .await;
    let tried = format!(
        "pull secret \"a\" (not sent to {elsewhere}, which is not known to belong to the registry)"
    );
    assert_eq!(error(result), refused(&setup, 401, &[&tried]));
    let seen: Vec<bool> = service
        .registry
        .requests()
        .iter()
        .map(|record| record.request.authorized)
        .collect();
    assert_eq!(seen, [false]);
}

#[tokio::test]
async fn a_token_service_is_reached_over_https_only() {
    let identity = identity();
    let tls = Some(identity.clone());
    let settings = sandbox::RegistrySettings {
        tls,
        ..sandbox::RegistrySettings::default()
    };
    let mut setup = Setup::new(settings).await;
    let host = setup.registry.host();
    setup.reader = trusting(&host, &identity.certificate_pem, "named.example");
    setup.registry.set_fault(|_| {
        Some(Fault::Status {
            status: 401,
            headers: vec![(
                "www-authenticate".to_owned(),
                "Bearer realm=\"http://127.0.0.1:9/token\"".to_owned(),
            )],
            body: Vec::new(),
        })
    });
    let result = setup.resolve("acme/api:1", &anonymous()).await;
    let detail = "wants a token from 127.0.0.1:9 over plain HTTP, which is not allowed";
    let host = setup.registry.host();
    let expected = RegistryError::Unusable {
        host,
        detail: detail.to_owned(),
    };
    assert_eq!(error(result), format!("{expected:?}"));
}

#[tokio::test]
async fn a_private_authority_vouches_for_its_own_prefix_only() {
    let identity = identity();
    let tls = Some(identity.clone());
    let settings = sandbox::RegistrySettings {
        tls,
        ..sandbox::RegistrySettings::default()
    };
    let mut setup = Setup::new(settings).await;
    let image = push(&setup);
    let host = setup.registry.host();
    setup.reader = trusting(&host, &identity.certificate_pem, "named.example");
    let found = setup.resolve("acme/api:1", &anonymous()).await;
    assert_eq!(found.expect("resolved"), image);
    setup.reader = trusting("r.example", &identity.certificate_pem, &host);
    let found = setup.resolve("acme/api:1", &anonymous()).await;
    assert!(matches!(found, Err(RegistryError::Tls { .. })), "{found:?}");
}

#[tokio::test]
async fn a_token_that_is_too_large_is_refused() {
    let setup = private(Vec::new()).await;
    setup.registry.set_fault(|request| {
        (request.path == "/token").then(|| Fault::Status {
            status: 200,
            headers: Vec::new(),
            body: vec![b' '; assay::limits::TOKEN_BYTES + 1],
        })
    });
    let result = setup.resolve("acme/api:1", &anonymous()).await;
    let detail = "the token is larger than 262144 bytes".to_owned();
    let host = setup.registry.host();
    let expected = RegistryError::Limit { host, detail };
    assert_eq!(error(result), format!("{expected:?}"));
}

fn identity() -> sandbox::ServerIdentity {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    sandbox::ServerIdentity {
        certificate_pem: params.self_signed(&key).expect("a certificate").pem(),
        key_pem: key.serialize_pem(),
    }
}

/// A reader that trusts this certificate for this prefix, and knows another by name.
fn trusting(prefix: &str, certificate_pem: &str, other: &str) -> OciRegistry {
    let folder = tempfile::TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("ca.pem"), certificate_pem).expect("written");
    let file = folder.path().join("registries.yaml");
    let yaml =
        format!("registries:\n  - prefix: {prefix}\n    caFile: ca.pem\n  - prefix: {other}\n");
    let settings = RegistrySettings::from_yaml(file.to_str().expect("UTF-8"), &yaml);
    OciRegistry::new(settings.expect("settings"), options(), &TaskTracker::new()).expect("a reader")
}
