//! Many different wrong logins, which whoever may write Pods and secrets can have: a host that refuses many bans the
//! cluster's address.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::json;

use super::{
    stand_in::{StandIn, answer, has_every_image, pass, reader_of, wants},
    *,
};

const HOST: &str = "registry.gitlab.example";
const REPLICAS: usize = 3;

/// A registry whose token service, which is GitLab's, lets in whose name begins with `good`, until they are revoked.
struct GitLab {
    server: StandIn,
    failures: Arc<AtomicUsize>,
    is_revoked: Arc<AtomicBool>,
}

impl GitLab {
    async fn start() -> Self {
        let failures = Arc::new(AtomicUsize::new(0));
        let is_revoked = Arc::new(AtomicBool::new(false));
        let (count, revoked) = (Arc::clone(&failures), Arc::clone(&is_revoked));
        let server = StandIn::start(move |heard| {
            if heard.path != "/jwt/auth" {
                return if heard.header("authorization") == "Bearer good" {
                    has_every_image(heard)
                } else {
                    let realm = format!("http://{HOST}/jwt/auth");
                    wants(&format!(
                        "Bearer realm=\"{realm}\",service=\"container_registry\""
                    ))
                };
            }
            match heard.basic() {
                Some((user, _)) if user.starts_with("good") && !revoked.load(Ordering::SeqCst) => {
                    answer(200, json!({"token": "good", "expires_in": 60}).to_string())
                }
                Some(_) => {
                    count.fetch_add(1, Ordering::SeqCst);
                    answer(403, "")
                }
                None => answer(200, json!({"token": "nobody"}).to_string()),
            }
        })
        .await;
        Self {
            server,
            failures,
            is_revoked,
        }
    }

    fn replica(&self) -> OciRegistry {
        reader_of(&[(HOST, self.server.address)], &[], &TaskTracker::new())
    }

    /// How many logins were refused since the last call.
    fn failures(&self) -> usize {
        self.failures.swap(0, Ordering::SeqCst)
    }
}

async fn resolve(replica: &OciRegistry, keyring: Keyring) -> Result<Digest, RegistryError> {
    resolve_of(replica, "acme/api", keyring).await
}

async fn resolve_of(
    replica: &OciRegistry,
    path: &str,
    keyring: Keyring,
) -> Result<Digest, RegistryError> {
    let image = format!("{HOST}/{path}:1").parse().expect("a reference");
    replica.resolve(&image, &access(keyring)).await
}

/// The keyring of a Pod of this namespace with these logins.
fn keyring(namespace: &str, logins: impl IntoIterator<Item = String>) -> Keyring {
    let mut keyring = Keyring::default();
    for login in logins {
        keyring.add(HOST, credential(&login));
    }
    keyring.of_namespace(namespace)
}

fn told(error: &RegistryError) -> Vec<String> {
    match error {
        RegistryError::Unauthorized { tried, .. } => tried.clone(),
        other => vec![other.to_string()],
    }
}

#[tokio::test]
async fn a_pod_with_forty_wrong_logins_has_a_few_of_them_presented() {
    let gitlab = GitLab::start().await;
    let replicas = [(); REPLICAS].map(|()| gitlab.replica());
    let wrong = || keyring("shop", (10..50).map(|number| format!("wrong{number}")));
    // Again and again, for as long as GitLab counts.
    for _ in 0..17 {
        for replica in &replicas {
            let error = resolve(replica, wrong()).await.expect_err("refused");
            let expected = [
                "pull secret \"wrong10\"",
                "pull secret \"wrong11\"",
                "38 more (35 of them not tried)",
            ];
            assert_eq!(told(&error), expected);
        }
        pass(Duration::from_secs(10)).await;
    }
    assert_eq!(gitlab.failures(), 4 * REPLICAS);
}

#[tokio::test]
async fn forty_pods_with_a_wrong_login_each_have_a_few_of_them_presented() {
    for (namespaces, most) in [(1, 4), (40, 7)] {
        let gitlab = GitLab::start().await;
        let replicas = [(); REPLICAS].map(|()| gitlab.replica());
        let pods = (0..40).flat_map(|number| {
            let namespace = format!("team{}", number % namespaces);
            let wrong = keyring(&namespace, [format!("wrong{number}")]);
            let replicas = replicas.iter();
            replicas.map(move |replica| resolve(replica, wrong.clone()))
        });
        let found = futures::future::join_all(pods).await;
        assert!(found.iter().all(Result::is_err));
        assert_eq!(gitlab.failures(), most * REPLICAS, "{namespaces}");
    }
}

#[tokio::test]
async fn a_login_that_was_let_in_goes_on_while_new_ones_are_held() {
    let gitlab = GitLab::start().await;
    let replica = gitlab.replica();
    let good = || keyring("good", ["good".to_owned()]);
    resolve(&replica, good()).await.expect("let in");
    for namespace in ["a", "b", "c"] {
        let wrong = (0..5).map(|number| format!("wrong {namespace} {number}"));
        let found = resolve(&replica, keyring(namespace, wrong)).await;
        found.expect_err("refused");
    }
    assert_eq!(gitlab.failures(), 7);
    let held = resolve(&replica, keyring("d", ["good too".to_owned()])).await;
    let held = told(&held.expect_err("held"));
    let why = "(not sent for up to 3 min: registry.gitlab.example has refused too many logins)";
    assert_eq!(held, [format!("pull secret \"good too\" {why}")]);
    // What is remembered of the tag is none of theirs, and the token is over.
    pass(Duration::from_mins(1)).await;
    resolve(&replica, good()).await.expect("let in");
    let mut own = Keyring::default();
    own.append(&keyring("", ["good own".to_owned()]));
    let found = resolve(&replica, own.of_namespace("e")).await;
    found.expect("Assay's own logins are never held");
    pass(assay::limits::NEW_LOGINS_WINDOW).await;
    let found = resolve(&replica, keyring("d", ["good too".to_owned()])).await;
    found.expect("its time has come");
}

#[tokio::test]
async fn one_namespace_alone_holds_up_no_other_ones_new_logins() {
    let gitlab = GitLab::start().await;
    let replica = gitlab.replica();
    for number in 0..40 {
        let wrong = keyring("evil", [format!("wrong{number}")]);
        resolve(&replica, wrong).await.expect_err("refused");
    }
    let logins = ["stale".to_owned(), "old".to_owned(), "good".to_owned()];
    let found = resolve(&replica, keyring("shop", logins)).await;
    // Two wrong ones of its own are what is left to it.
    let held = told(&found.expect_err("held"));
    assert!(held[2].contains("not sent for up to 3 min"), "{held:?}");
    let found = resolve(&replica, keyring("mall", ["good".to_owned()])).await;
    found.expect("let in");
}

/// One namespace has forty deploy tokens let in, revokes them all, and has them presented again.
#[tokio::test]
async fn forty_logins_that_were_good_and_are_revoked_are_presented_as_few_times() {
    for after in [Duration::ZERO, assay::limits::LOGIN_PROVEN_TTL] {
        let gitlab = GitLab::start().await;
        let replica = gitlab.replica();
        let own = |number: usize| keyring("evil", [format!("good own {number}")]);
        for number in 0..40 {
            let found = resolve_of(&replica, "acme/first", own(number)).await;
            found.expect("let in");
        }
        let shop = || keyring("shop", ["good".to_owned()]);
        resolve(&replica, shop()).await.expect("let in");
        pass(after).await;
        gitlab.is_revoked.store(true, Ordering::SeqCst);
        for number in 0..40 {
            let found = resolve_of(&replica, "acme/second", own(number)).await;
            found.expect_err("refused");
        }
        assert_eq!(gitlab.failures(), 4, "{after:?}");
        gitlab.is_revoked.store(false, Ordering::SeqCst);
        let found = resolve_of(&replica, "acme/second", shop()).await;
        found.expect("another namespace's goes on");
    }
}

#[tokio::test]
async fn a_login_that_is_held_for_one_namespace_is_presented_for_another_that_asks_with_it() {
    let gitlab = GitLab::start().await;
    let replica = gitlab.replica();
    for number in 0..4 {
        let wrong = keyring("evil", [format!("wrong{number}")]);
        resolve(&replica, wrong).await.expect_err("refused");
    }
    let shared = |namespace| keyring(namespace, ["good shared".to_owned()]);
    let (evil, shop) = tokio::join!(
        resolve(&replica, shared("evil")),
        resolve(&replica, shared("shop"))
    );
    let held = told(&evil.expect_err("held"));
    assert!(held[0].contains("not sent for up to 3 min"), "{held:?}");
    shop.expect("let in");
}
