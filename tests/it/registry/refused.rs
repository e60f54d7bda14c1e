//! Logins that are refused: how often they are sent, what they are held back from, and who hears of it.

use futures::future::join;

use super::{
    access::{error, private, refused},
    sandbox::Fault,
    *,
};

#[tokio::test]
async fn a_refused_login_is_not_sent_again() {
    let setup = private(Vec::new()).await;
    let access = access(setup.keyring(&["wrong"]));
    let expected = refused(&setup, 403, &["pull secret \"wrong\""]);
    for repository in ["acme/api:1", "acme/api:2", "acme/web:1"] {
        assert_eq!(error(setup.resolve(repository, &access).await), expected);
    }
    assert_eq!(
        setup.requests(),
        [
            "GET /token?service=sandbox 403",
            "GET /token?service=sandbox&scope=repository%3Aacme%2Fapi%3Apull 403",
            "HEAD /v2/acme/api/manifests/1 401",
        ]
    );
}

/// A registry with one repository, and a login for it. Others' repositories, and such as do not exist, are refused with
/// this status as a wrong login would be.
async fn jealous(access: sandbox::Access, status: u16) -> Setup {
    let setup = Setup::new(sandbox::RegistrySettings {
        access,
        ..sandbox::RegistrySettings::default()
    })
    .await;
    setup.registry.push_image("acme/api", "1", "private");
    setup.registry.set_fault(move |request| {
        let asked = format!("{}?{}", request.path, request.query);
        (request.authorized && asked.contains("none")).then(|| Fault::status(status))
    });
    setup
}

#[tokio::test]
async fn repositories_that_do_not_exist_hold_a_good_login_back_from_no_other() {
    let logins = vec![login("a", &["acme/api"])];
    let by_token = sandbox::Access::Token {
        public: Vec::new(),
        logins: logins.clone(),
    };
    for (access_settings, status) in [
        (by_token.clone(), 401),
        (by_token, 403),
        (sandbox::Access::Basic { logins }, 401),
    ] {
        let setup = jealous(access_settings, status).await;
        let access = access(setup.keyring(&["a"]));
        let expected = refused(&setup, status, &["pull secret \"a\""]);
        for number in 0..5 {
            let image = format!("none/{number}:1");
            assert_eq!(error(setup.resolve(&image, &access).await), expected);
        }
        setup.registry.clear_requests();
        let again = setup.resolve("none/1:2", &access).await;
        assert_eq!((error(again), setup.requests()), (expected, Vec::new()));
        setup.resolve("acme/api:1", &access).await.expect("read");
    }
}

#[tokio::test]
async fn a_registry_cannot_have_the_logins_of_another_remembered_as_refused() {
    let victim = private(Vec::new()).await;
    let realm = format!("{}/token", victim.registry.base_url());
    victim.registry.set_fault(|request| {
        let is_bogus = request.query.contains("bogus");
        is_bogus.then(|| Fault::status(403))
    });
    let mut setup = Setup::new(sandbox::RegistrySettings::default()).await;
    let hosts = [setup.registry.host(), victim.registry.host()];
    setup.reader = reader(&[&hosts[0], &hosts[1]], options());
    let challenge = format!("Bearer realm=\"{realm}\",service=\"bogus\"");
    setup.registry.set_fault(move |_| {
        let headers = [("www-authenticate", challenge.as_str())];
        Some(Fault::answer(401, &headers, ""))
    });
    let spoiled = setup.resolve("acme/api:1", &anonymous()).await;
    assert!(matches!(
        spoiled,
        Err(RegistryError::Unauthorized { status: 403, .. })
    ));
    let image = victim.image("acme/api:1");
    let asked = setup.reader.resolve(&image, &anonymous()).await;
    // 401 is the registry's own answer to a token that opens nothing: its token service was asked.
    assert!(matches!(
        asked,
        Err(RegistryError::Unauthorized { status: 401, .. })
    ));
}

#[tokio::test]
async fn a_refused_login_is_sent_again_after_its_time() {
    let settings = sandbox::RegistrySettings {
        access: sandbox::Access::Token {
            public: Vec::new(),
            logins: Vec::new(),
        },
        ..sandbox::RegistrySettings::default()
    };
    let options = RegistryOptions {
        refused_login_ttl: Duration::ZERO,
        ..options()
    };
    let setup = Setup::with_options(settings, options).await;
    let access = access(setup.keyring(&["wrong"]));
    for _ in 0..2 {
        let found = setup.resolve("acme/api:1", &access).await;
        found.expect_err("refused");
    }
    let token = "GET /token?service=sandbox&scope=repository%3Aacme%2Fapi%3Apull 403";
    let tokens = setup.requests();
    let tokens = tokens.iter().filter(|line| *line == token);
    assert_eq!(tokens.count(), 2);
}

/// Secrets with the same content, one in each of two namespaces.
#[tokio::test]
async fn whoever_shares_a_refused_login_hears_of_the_own_secret_alone() {
    let setup = private(Vec::new()).await;
    let named = |name: &str| {
        let mut keyring = Keyring::default();
        let secret = Credential {
            origin: format!("pull secret {name:?}"),
            ..credential("wrong")
        };
        keyring.add(&setup.registry.host(), secret);
        access(keyring)
    };
    let (ours, theirs) = (named("ours"), named("theirs"));
    let expected =
        ["ours", "theirs"].map(|name| refused(&setup, 403, &[&format!("pull secret {name:?}")]));
    // At the same time, and from memory.
    for _ in 0..2 {
        let both = join(
            setup.resolve("acme/api:1", &ours),
            setup.resolve("acme/api:1", &theirs),
        );
        let (ours, theirs) = both.await;
        assert_eq!([error(ours), error(theirs)], expected);
    }
    let sent = setup.requests();
    let sent = sent.iter().filter(|line| line.starts_with("GET /token"));
    assert_eq!(sent.count(), 2, "for the repository, and for itself");
}
