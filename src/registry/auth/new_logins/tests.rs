use std::time::Duration;

use tokio::time::{advance, timeout_at};

use super::*;

const HOST: &str = "https://gitlab.example/jwt/auth";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

fn asker(namespace: &str) -> Asker {
    Asker::Namespace(namespace.into())
}

/// What comes of another login of this namespace: none when the deadline passes.
async fn enter_as(
    logins: &NewLogins,
    url: &str,
    namespace: &str,
    standing: Standing,
) -> Option<Result<Option<Leave>, u16>> {
    let (url, deadline) = (Url::parse(url).expect("a URL"), soon());
    loop {
        match logins.enter(&url, &asker(namespace), standing) {
            Ok(leave) => return Some(Ok(leave)),
            Err(NoLeave::Held(status)) => return Some(Err(status)),
            Err(NoLeave::Later(room)) => timeout_at(deadline, room).await.ok()?,
        }
    }
}

/// The same of a new one.
async fn enter(logins: &NewLogins, url: &str, namespace: &str) -> Option<Result<Leave, u16>> {
    let entered = enter_as(logins, url, namespace, Standing::New).await?;
    Some(entered.map(|leave| leave.expect("it is needed")))
}

fn refuse(logins: &NewLogins, namespace: &str, status: u16, counts: Counts) {
    let url = Url::parse(HOST).expect("a URL");
    logins.refused(&url, &asker(namespace), status, counts);
}

/// How many wrong logins of this namespace are presented until the next is held.
async fn refused(logins: &NewLogins, namespace: &str) -> usize {
    let mut refused = 0;
    while let Ok(_leave) = enter(logins, HOST, namespace).await.expect("nobody waits") {
        refuse(logins, namespace, 403, Counts::All);
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
        refuse(&logins, "a", 401, Counts::All);
        drop(leave);
    }
    assert_eq!(refused(&logins, "a").await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_let_in_before_is_held_by_the_own_refusals_alone() {
    let logins = NewLogins::new();
    for namespace in ["a", "b", "c"] {
        refused(&logins, namespace).await;
    }
    assert_eq!(refused(&logins, "d").await, 0);
    for (standing, needs_leave) in [(Standing::LetIn, true), (Standing::Proven, false)] {
        let own = enter_as(&logins, HOST, "a", standing).await;
        assert_eq!(own.expect("nobody waits").err(), Some(403), "{standing:?}");
        let entered = enter_as(&logins, HOST, "d", standing).await;
        let leave = entered.expect("nobody waits").expect("not held");
        assert_eq!(leave.is_some(), needs_leave, "{standing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_let_in_before_waits_for_others_of_its_namespace_alone() {
    let logins = NewLogins::new();
    let mut under_way = Vec::new();
    for _ in 0..limits::NEW_LOGINS_PER_HOST / 2 {
        under_way.push(enter_as(&logins, HOST, "a", Standing::LetIn).await);
    }
    for standing in [Standing::New, Standing::LetIn] {
        assert!(enter_as(&logins, HOST, "a", standing).await.is_none());
    }
    assert_eq!(refused(&logins, "b").await, 4);
    assert!(
        enter_as(&logins, HOST, "c", Standing::LetIn)
            .await
            .is_some()
    );
    under_way.clear();
    assert!(
        enter_as(&logins, HOST, "a", Standing::LetIn)
            .await
            .is_some()
    );
}

/// Such as were let in just before, so that many were under way at once, or of which nothing is told.
#[tokio::test(start_paused = true)]
async fn however_many_are_refused_to_one_namespace_others_have_room_for_new_ones() {
    for (counts, expected) in [(Counts::All, 2), (Counts::Own, 4)] {
        let logins = NewLogins::new();
        for _ in 0..40 {
            refuse(&logins, "evil", 403, counts);
        }
        assert_eq!(refused(&logins, "evil").await, 0, "{counts:?}");
        assert_eq!(refused(&logins, "shop").await, expected, "{counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_the_operator_can_make_many_needs_no_leave() {
    let logins = NewLogins::new();
    assert_eq!(refused(&logins, "a").await, 4);
    let url = Url::parse(HOST).expect("a URL");
    let entered = logins.enter(&url, &Asker::Assay, Standing::New);
    assert!(matches!(entered, Ok(None)));
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
