use std::time::Duration;

use tokio::time::advance;

use super::*;

const HOST: &str = "https://gitlab.example/jwt/auth";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

/// What comes of another new login of this namespace: none when the deadline passes.
async fn enter(logins: &NewLogins, url: &str, namespace: &str) -> Option<Result<Leave, u16>> {
    let url = Url::parse(url).expect("a URL");
    let asker = Asker::Namespace(namespace.into());
    let entered = logins.enter(&url, &asker, soon()).await?;
    Some(entered.map(|leave| leave.expect("it is needed")))
}

/// How many wrong logins of this namespace are presented until the next is held.
async fn refused(logins: &NewLogins, namespace: &str) -> usize {
    let mut refused = 0;
    while let Ok(leave) = enter(logins, HOST, namespace).await.expect("nobody waits") {
        leave.refused(403);
        refused += 1;
    }
    refused
}

#[tokio::test(start_paused = true)]
async fn a_namespace_has_no_more_wrong_logins_presented_than_it_leaves_to_others() {
    let logins = NewLogins::new();
    let mut all = Vec::new();
    for namespace in ["a", "b", "c", "d"] {
        all.push(refused(&logins, namespace).await);
    }
    assert_eq!(all, [4, 2, 1, 0]);
    assert!(all.iter().sum::<usize>() <= limits::NEW_LOGINS_PER_HOST);
    let held = enter(&logins, HOST, "a").await.expect("nobody waits");
    assert_eq!(held.err(), Some(403));
    let elsewhere = enter(&logins, "https://other.example/jwt/auth", "a").await;
    assert!(elsewhere.expect("nobody waits").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_counts_for_as_long_as_gitlab_counts_it() {
    let logins = NewLogins::new();
    assert_eq!(refused(&logins, "a").await, 4);
    advance(limits::NEW_LOGINS_WINDOW.saturating_sub(Duration::from_millis(1))).await;
    assert_eq!(refused(&logins, "a").await, 0);
    advance(Duration::from_millis(1)).await;
    assert_eq!(refused(&logins, "a").await, 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_waited_for_and_counts_no_longer_when_it_was_let_in() {
    let logins = NewLogins::new();
    let mut under_way = Vec::new();
    for _ in 0..limits::NEW_LOGINS_PER_HOST / 2 {
        let entered = enter(&logins, HOST, "a").await.expect("nobody waits");
        under_way.push(entered.expect("leave"));
    }
    let waited = enter(&logins, HOST, "a").await;
    assert!(waited.is_none(), "until the deadline");
    let mut next = Box::pin(enter(&logins, HOST, "a"));
    assert!(futures::poll!(&mut next).is_pending());
    drop(under_way.pop());
    assert!(next.await.expect("nobody waits").is_ok());
    for leave in under_way {
        leave.refused(401);
    }
    assert_eq!(refused(&logins, "a").await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_only_the_operator_can_make_many_needs_no_leave() {
    let logins = NewLogins::new();
    assert_eq!(refused(&logins, "a").await, 4);
    let url = Url::parse(HOST).expect("a URL");
    let entered = logins.enter(&url, &Asker::Assay, soon()).await;
    assert!(matches!(entered, Some(Ok(None))));
}

#[tokio::test(start_paused = true)]
async fn the_hosts_of_which_refusals_are_counted_are_bounded_in_number() {
    let logins = NewLogins::new();
    for number in 0..=limits::NEW_LOGIN_HOSTS {
        let url = format!("https://r{number}.example/");
        drop(enter(&logins, &url, "a").await);
    }
    logins.0.run_pending_tasks();
    assert!(logins.0.entry_count() <= limits::NEW_LOGIN_HOSTS);
}
