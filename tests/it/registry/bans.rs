//! How often one bad secret is presented, whatever is deployed: GitLab bans an address for an hour after 30 refused
//! logins in 3 minutes, and with it every Pod of the cluster.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::response::Response;
use serde_json::json;

use super::{
    stand_in::{Heard, StandIn, answer, has_every_image, pass, reader_of, wants},
    *,
};

const HOST: &str = "registry.gitlab.example";
const REPOSITORIES: usize = 40;
const REPLICAS: usize = 3;
const STEP: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_mins(3);
const SIMULATED: Duration = Duration::from_mins(12);

/// A registry that counts the logins it refuses.
struct Counting {
    server: StandIn,
    failures: Arc<AtomicUsize>,
    is_good: Arc<AtomicBool>,
}

/// How a bad login is refused.
#[derive(Clone, Copy)]
enum Refuses {
    /// By GitLab's token service.
    GitLab,
    /// By another one, with this status.
    Token(u16),
    /// By the registry, which wants the password itself, with this status.
    Password(u16),
}

impl Counting {
    async fn start(refuses: Refuses, is_good: bool) -> Self {
        let failures = Arc::new(AtomicUsize::new(0));
        let is_good = Arc::new(AtomicBool::new(is_good));
        let (count, good) = (Arc::clone(&failures), Arc::clone(&is_good));
        let server = StandIn::start(move |heard| {
            let is_let_in = heard.basic().is_some() && good.load(Ordering::SeqCst);
            if heard.basic().is_some() && !is_let_in {
                count.fetch_add(1, Ordering::SeqCst);
            }
            refuses.say(heard, is_let_in)
        })
        .await;
        Self {
            server,
            failures,
            is_good,
        }
    }

    fn replica(&self) -> OciRegistry {
        reader_of(&[(HOST, self.server.address)], &[], &TaskTracker::new())
    }
}

impl Refuses {
    /// The path of the token service, and what it says.
    fn service(self) -> Option<(&'static str, u16)> {
        match self {
            Self::GitLab => Some(("/jwt/auth", 403)),
            Self::Token(status) => Some(("/token", status)),
            Self::Password(_) => None,
        }
    }

    fn say(self, heard: &Heard, is_let_in: bool) -> Response {
        let is_forbidden = matches!(self, Self::Password(403)) && heard.basic().is_some();
        match self.service() {
            None if is_let_in => has_every_image(heard),
            None if is_forbidden => answer(403, ""),
            None => wants("Basic realm=\"r\""),
            Some((path, _)) if heard.path == path && is_let_in => {
                answer(200, json!({"token": "good", "expires_in": 60}).to_string())
            }
            Some((path, status)) if heard.path == path => answer(status, ""),
            Some(_) if heard.header("authorization") == "Bearer good" => has_every_image(heard),
            Some((path, _)) => wants(&format!(
                "Bearer realm=\"http://{HOST}{path}\",service=\"container_registry\""
            )),
        }
    }
}

/// Pods with images of forty repositories and one secret, reviewed by each replica every ten seconds. The most logins that
/// are refused in any three minutes; at `spoiled`, the secret goes bad.
async fn most_failures(refuses: Refuses, spoiled: Option<Duration>) -> usize {
    let registry = Counting::start(refuses, spoiled.is_some()).await;
    let replicas: Vec<OciRegistry> = (0..REPLICAS).map(|_| registry.replica()).collect();
    let mut counts = Vec::new();
    let mut now = Duration::ZERO;
    while now < SIMULATED {
        if spoiled == Some(now) {
            registry.is_good.store(false, Ordering::SeqCst);
        }
        let access = access(keyring("bad"));
        let images: Vec<Reference> = (0..REPOSITORIES).map(image).collect();
        let reviews = replicas.iter().flat_map(|replica| {
            let access = &access;
            images
                .iter()
                .map(move |image| replica.resolve(image, access))
        });
        let found = futures::future::join_all(reviews).await;
        if spoiled.is_none() {
            assert!(found.iter().all(Result::is_err));
        }
        counts.push(registry.failures.swap(0, Ordering::SeqCst));
        pass(STEP).await;
        now += STEP;
    }
    assert!(counts.iter().sum::<usize>() > 0);
    let steps = usize::try_from(WINDOW.as_secs() / STEP.as_secs()).expect("small");
    counts
        .windows(steps)
        .map(|window| window.iter().sum())
        .max()
        .unwrap_or(0)
}

fn image(number: usize) -> Reference {
    format!("{HOST}/acme/app{number}:1")
        .parse()
        .expect("a reference")
}

fn keyring(login: &str) -> Keyring {
    let mut keyring = Keyring::default();
    keyring.add(HOST, credential(login));
    keyring
}

/// Wherever a refusal may be of the repository, the login is asked about itself.
const ALL: [(Refuses, usize); 5] = [
    (Refuses::GitLab, REPLICAS),
    (Refuses::Token(401), 2 * REPLICAS),
    (Refuses::Token(403), 2 * REPLICAS),
    (Refuses::Password(401), 2 * REPLICAS),
    (Refuses::Password(403), 2 * REPLICAS),
];

#[tokio::test]
async fn a_bad_secret_is_presented_once_by_each_replica_or_twice() {
    for (refuses, most) in ALL {
        assert_eq!(most_failures(refuses, None).await, most);
        assert!(most <= 10, "far below 30");
    }
}

#[tokio::test]
async fn a_secret_that_goes_bad_while_everything_runs_is_given_up_as_soon() {
    for (refuses, most) in ALL {
        let at = Some(Duration::from_mins(4));
        assert_eq!(most_failures(refuses, at).await, most);
    }
}

#[tokio::test]
async fn a_changed_secret_is_tried_at_once() {
    let registry = Counting::start(Refuses::GitLab, false).await;
    let replica = registry.replica();
    assert!(
        replica
            .resolve(&image(1), &access(keyring("old")))
            .await
            .is_err()
    );
    registry.is_good.store(true, Ordering::SeqCst);
    // The old one is remembered, though it would be good by now.
    assert!(
        replica
            .resolve(&image(1), &access(keyring("old")))
            .await
            .is_err()
    );
    let found = replica.resolve(&image(1), &access(keyring("new"))).await;
    found.expect("resolved");
    pass(assay::limits::REFUSED_LOGIN_TTL).await;
    let found = replica.resolve(&image(1), &access(keyring("old"))).await;
    found.expect("resolved");
}

#[tokio::test]
async fn a_project_that_was_just_made_public_is_read_within_seconds() {
    let is_public = Arc::new(AtomicBool::new(false));
    let public = Arc::clone(&is_public);
    let server = StandIn::start(move |heard| {
        let status = if public.load(Ordering::SeqCst) {
            200
        } else {
            403
        };
        match heard.path.as_str() {
            "/jwt/auth" => answer(status, r#"{"token": "anonymous"}"#),
            _ if heard.header("authorization") == "Bearer anonymous" => has_every_image(heard),
            _ => wants(&format!(
                "Bearer realm=\"http://{HOST}/jwt/auth\",service=\"x\""
            )),
        }
    })
    .await;
    let reader = reader_of(&[(HOST, server.address)], &[], &TaskTracker::new());
    let resolve = async || reader.resolve(&image(1), &anonymous()).await;
    assert!(resolve().await.is_err());
    is_public.store(true, Ordering::SeqCst);
    pass(assay::limits::REFUSED_ANONYMOUS_TTL).await;
    resolve().await.expect("resolved");
}

/// One goes ahead with the login; the others follow together.
#[tokio::test]
async fn a_login_makes_eleven_new_images_one_round_trip_deeper_than_nobodys() {
    let paths: Vec<String> = (0..11).map(|number| format!("acme/app{number}")).collect();
    let repositories: Vec<&str> = paths.iter().map(String::as_str).collect();
    let settings = sandbox::RegistrySettings {
        referrers: sandbox::Referrers::FallbackTag,
        access: sandbox::Access::Token {
            public: Vec::new(),
            logins: vec![login("a", &repositories)],
        },
        ..sandbox::RegistrySettings::default()
    };
    let setup = Setup::new(settings).await;
    setup.registry.answer_in_rounds();
    for path in &paths {
        let image = setup.registry.push_image(path, "1", path);
        setup.registry.attach_bundle(path, &image, "bundle");
    }
    let access = access(setup.keyring(&["a"]));
    let reviews = paths.iter().map(|path| {
        let image = format!("{path}:1");
        let (setup, access) = (&setup, &access);
        async move { setup.review(&image, access).await }
    });
    let found = futures::future::join_all(reviews).await;
    assert!(found.iter().all(Result::is_ok));
    let (_, depth) = setup.cost();
    // Nobody's images would be six deep.
    assert_eq!(depth, 7);
}

#[tokio::test]
async fn a_login_that_is_good_is_sent_by_many_at_once() {
    let registry = Counting::start(Refuses::GitLab, true).await;
    let replica = registry.replica();
    let access = access(keyring("good"));
    replica.resolve(&image(0), &access).await.expect("resolved");
    let images: Vec<Reference> = (1..REPOSITORIES).map(image).collect();
    let all = images.iter().map(|image| replica.resolve(image, &access));
    let found = futures::future::join_all(all).await;
    assert!(found.iter().all(Result::is_ok));
}
