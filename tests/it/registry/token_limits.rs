//! Rate limits of token services, which are hosts of their own.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use tokio::task::yield_now;

use super::{sandbox::Fault, stand_in::pass, *};

const SERVICE: &str = "GET /token?service=sandbox&scope=repository%3Aacme%2F";

/// A registry whose challenge is known, with these repositories. Its token service limits the first who asks now.
async fn limiting(repositories: &[&str], seconds: &str) -> Setup {
    let mut public: Vec<String> = repositories.iter().map(|&path| path.to_owned()).collect();
    public.push("acme/known".to_owned());
    let access = sandbox::Access::Token {
        public: public.clone(),
        logins: Vec::new(),
    };
    let setup = Setup::new(sandbox::RegistrySettings {
        access,
        ..sandbox::RegistrySettings::default()
    })
    .await;
    for path in &public {
        setup.registry.push_image(path, "1", path);
    }
    let known = setup.resolve("acme/known:1", &anonymous()).await;
    known.expect("read");
    setup.registry.clear_requests();
    let (is_first, seconds) = (AtomicBool::new(true), seconds.to_owned());
    setup.registry.set_fault(move |request| {
        let is_limited = request.path == "/token" && is_first.swap(false, Ordering::SeqCst);
        is_limited.then(|| Fault::answer(429, &[("retry-after", &seconds)], ""))
    });
    setup
}

/// The requests for tokens since the last call, without what they have in common.
fn tokens(setup: &Setup) -> Vec<String> {
    let lines = setup.requests().into_iter();
    let tokens = lines.filter_map(|line| Some(line.strip_prefix(SERVICE)?.to_owned()));
    tokens.collect()
}

/// Lets everything happen that needs no time.
async fn settle() {
    for _ in 0..2_000 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_rate_limit_that_ends_in_time_is_waited_for() {
    let setup = limiting(&["acme/api"], "0").await;
    let found = setup.resolve("acme/api:1", &anonymous()).await;
    found.expect("read");
    assert_eq!(tokens(&setup), ["api%3Apull 200", "api%3Apull 429"]);
}

#[tokio::test]
async fn who_gives_it_less_time_than_an_answer_may_take_is_not_told_of_the_rate_limit() {
    for (seconds, is_hurried) in [("3", true), ("30", false)] {
        let setup = limiting(&["acme/api"], seconds).await;
        let hurried = Access {
            deadline: Instant::now() + Duration::from_secs(1),
            ..anonymous()
        };
        let error = setup.resolve("acme/api:1", &hurried).await;
        let error = error.expect_err("limited");
        let is_told = matches!(error, RegistryError::RateLimited { .. });
        assert_eq!(is_told, !is_hurried, "{error}");
        assert!(
            is_told || matches!(error, RegistryError::Deadline { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn after_one_429_all_who_need_a_token_wait_and_are_served_once_each() {
    let paths = ["acme/a", "acme/b", "acme/c", "acme/d"];
    let setup = limiting(&paths, "10").await;
    let access = anonymous();
    let resolve = async |path| setup.resolve(&format!("{path}:1"), &access).await;
    let mut first = Box::pin(resolve(paths[0]));
    tokio::select! {
        biased;
        found = &mut first => panic!("has not waited: {found:?}"),
        () = settle() => {}
    }
    assert_eq!(tokens(&setup), ["a%3Apull 429"]);
    let mut others = Box::pin(join_all(paths[1..].iter().map(|path| resolve(path))));
    tokio::select! {
        biased;
        found = &mut others => panic!("have not waited: {found:?}"),
        () = settle() => {}
    }
    assert_eq!(tokens(&setup), [""; 0]);
    pass(Duration::from_secs(11)).await;
    let (first, others) = tokio::join!(first, others);
    assert!(first.is_ok() && others.iter().all(Result::is_ok));
    let served = ["a", "b", "c", "d"].map(|name| format!("{name}%3Apull 200"));
    assert_eq!(tokens(&setup), served);
}
