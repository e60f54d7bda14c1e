use std::{
    future::ready,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use tokio::time::advance;

use super::*;
use crate::registry::{Credential, Secret};

fn service() -> Bearer {
    Bearer {
        realm: "https://a.example/t".parse().expect("a URL"),
        service: None,
    }
}

fn credential(password: &str) -> Credential {
    Credential {
        origin: String::new(),
        username: "a".to_owned(),
        password: Secret::new(password.to_owned()),
    }
}

fn login() -> CredentialId {
    CredentialId::of(&credential("b"))
}

fn asker() -> Asker {
    Asker::Namespace("shop".into())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

/// One login at one service.
struct One {
    logins: RefusedLogins,
    service: Bearer,
    login: CredentialId,
}

impl One {
    fn new(login: CredentialId) -> Self {
        Self {
            logins: RefusedLogins::new(limits::REFUSED_LOGIN_TTL),
            service: service(),
            login,
        }
    }

    fn presented<'a>(&'a self, repository: &'a str) -> Presented<'a> {
        Presented {
            service: &self.service,
            credential: self.login,
            repository,
        }
    }

    fn status(&self, repository: &str) -> Option<u16> {
        self.logins.status(&self.presented(repository))
    }

    async fn enter(&self, repository: &str) -> Option<Result<Pass, Barred>> {
        let presented = self.presented(repository);
        self.logins.enter(&presented, &asker(), soon()).await
    }

    /// It is refused this repository, and answered so about itself.
    async fn refuse(&self, repository: &str, status: u16, proof: impl Future<Output = Proof>) {
        let entered = self.enter(repository).await.expect("no other");
        let pass = entered.expect("not refused before");
        let presented = self.presented(repository);
        let kept = self.logins.keep(&presented, status, pass, soon(), proof);
        kept.await;
    }

    fn open(&self, repository: &str) {
        self.logins.keep_let_in(&self.presented(repository));
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_wrong_is_held_back_everywhere_for_minutes() {
    for was_let_in in [false, true] {
        let one = One::new(login());
        if was_let_in {
            one.open("a/one");
            advance(Duration::from_millis(1)).await;
        }
        one.refuse("a/one", 403, ready(Proof::Refused)).await;
        advance(limits::REFUSED_LOGIN_TTL.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(one.status("a/two"), Some(403));
        let entered = one.enter("a/two").await.expect("no other");
        assert_eq!(entered.err(), Some(Barred::Refused(403)));
        advance(Duration::from_secs(1)).await;
        assert_eq!(one.status("a/two"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_good_or_does_not_tell_is_held_back_from_what_it_was_refused_alone() {
    for proof in [Proof::LetIn, Proof::Untold] {
        let one = One::new(login());
        one.open("a/one");
        for number in 0..100 {
            one.refuse(&format!("others/{number}"), 401, ready(proof))
                .await;
        }
        assert_eq!(
            [one.status("others/1"), one.status("a/one")],
            [Some(401), None]
        );
        advance(limits::REFUSED_REPOSITORY_TTL).await;
        assert_eq!(one.status("others/1"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn many_that_are_refused_at_once_ask_once() {
    for (proof, expected) in [(Proof::LetIn, None), (Proof::Refused, Some(401))] {
        let (one, asked) = (One::new(login()), AtomicUsize::new(0));
        one.open("a/one");
        let ask = async || {
            asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            proof
        };
        let names = ["a/1", "a/2", "a/3", "a/4"];
        advance(Duration::from_millis(1)).await;
        join_all(names.map(|name| one.refuse(name, 401, ask()))).await;
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{proof:?}");
        assert_eq!(one.status("a/one"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_was_never_let_in_is_held_when_too_many_such_were_refused() {
    for (proof, is_held) in [
        (Proof::Refused, true),
        (Proof::Untold, true),
        (Proof::LetIn, false),
    ] {
        let one = One::new(login());
        for number in 0..limits::NEW_LOGINS_PER_HOST / 2 {
            let other = Presented {
                credential: CredentialId::of(&credential(&number.to_string())),
                ..one.presented("a/one")
            };
            let entered = one.logins.enter(&other, &asker(), soon()).await;
            let pass = entered.expect("no other").expect("not refused before");
            let kept = one.logins.keep(&other, 403, pass, soon(), ready(proof));
            kept.await;
        }
        let entered = one.enter("a/one").await.expect("no other");
        assert_eq!(
            entered.err(),
            is_held.then_some(Barred::Held(403)),
            "{proof:?}"
        );
        one.open("a/one");
        let other = Asker::Namespace("mall".into());
        for later in [Duration::ZERO, limits::LOGIN_PROVEN_TTL] {
            advance(later).await;
            let (presented, entered) = (one.presented("a/one"), one.enter("a/one").await);
            let entered = entered.expect("no other").err();
            assert_eq!(entered, is_held.then_some(Barred::Held(403)), "{proof:?}");
            let entered = one.logins.enter(&presented, &other, soon()).await;
            let entered = entered.expect("no other");
            assert!(entered.is_ok(), "others' good logins go on");
        }
        advance(Duration::from_hours(10)).await;
        let entered = one.enter("a/one").await.expect("no other");
        assert!(entered.is_ok(), "its time has come");
    }
}

/// Logins that were let in, are revoked, and are presented again: by this time after that.
async fn presented_when_revoked(after: Duration, proof: Proof) -> usize {
    let one = One::new(login());
    let credentials = (0..40).map(|number| CredentialId::of(&credential(&number.to_string())));
    let credentials: Vec<CredentialId> = credentials.collect();
    let presented = |credential| Presented {
        credential,
        ..one.presented("a/one")
    };
    for credential in &credentials {
        one.logins.keep_let_in(&presented(*credential));
    }
    advance(after).await;
    let mut count = 0;
    for credential in &credentials {
        let presented = presented(*credential);
        let entered = one.logins.enter(&presented, &asker(), soon()).await;
        if let Ok(pass) = entered.expect("no other") {
            count += 1;
            let kept = one.logins.keep(&presented, 403, pass, soon(), ready(proof));
            kept.await;
        }
    }
    count
}

#[tokio::test(start_paused = true)]
async fn logins_that_were_let_in_and_then_revoked_are_presented_as_few_times_as_new_ones() {
    for after in [Duration::from_millis(1), limits::LOGIN_PROVEN_TTL] {
        for (proof, expected) in [(Proof::Refused, 4), (Proof::Untold, 4), (Proof::LetIn, 40)] {
            let count = presented_when_revoked(after, proof).await;
            assert_eq!(count, expected, "{proof:?} {after:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_was_revoked_is_as_new_again() {
    let one = One::new(login());
    one.open("a/one");
    advance(Duration::from_millis(1)).await;
    one.refuse("a/one", 403, ready(Proof::Refused)).await;
    advance(limits::REFUSED_LOGIN_TTL).await;
    let standing = lock(&one.logins.login(&one.presented("a/one")).state).standing();
    assert!(matches!(standing, Some(Standing::New)), "{standing:?}");
}

/// A namespace that has as many under way as it may waits for room of its own without keeping others from the same login.
#[tokio::test(start_paused = true)]
async fn who_waits_for_room_keeps_nobody_else_from_the_same_login() {
    let one = One::new(login());
    one.open("a/one");
    advance(limits::LOGIN_PROVEN_TTL).await;
    let mut under_way = Vec::new();
    for number in 0..limits::NEW_LOGINS_PER_HOST / 2 {
        let other = Presented {
            credential: CredentialId::of(&credential(&number.to_string())),
            ..one.presented("a/one")
        };
        let entered = one.logins.enter(&other, &asker(), soon()).await;
        under_way.push(entered.expect("no other").expect("not held"));
    }
    let mut waits = Box::pin(one.enter("a/one"));
    assert!(futures::poll!(&mut waits).is_pending());
    let (presented, mall) = (one.presented("a/one"), Asker::Namespace("mall".into()));
    let entered = one.logins.enter(&presented, &mall, soon()).await;
    assert!(entered.expect("nobody is in the way").is_ok());
    under_way.clear();
    assert!(waits.await.expect("no other").is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_refused_as_such_nor_for_long() {
    let one = One::new(CredentialId::ANONYMOUS);
    let never = async { unreachable!("there is nobody to ask about") };
    one.refuse("a/one", 403, never).await;
    assert_eq!(
        [one.status("a/one"), one.status("a/two")],
        [Some(403), None]
    );
    advance(limits::REFUSED_ANONYMOUS_TTL).await;
    assert_eq!(one.status("a/one"), None);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_not_known_to_be_good_is_sent_by_one_at_a_time() {
    let one = One::new(login());
    let enter = async || one.enter("a/one").await.map(|entered| entered.is_ok());
    let first = one.enter("a/one").await;
    assert!(first.is_some());
    assert_eq!(enter().await, None);
    drop(first);
    let again = one.enter("a/one").await;
    assert!(again.is_some());
    one.open("a/one");
    assert_eq!([enter().await, enter().await], [Some(true), Some(true)]);
    drop(again);
    advance(limits::LOGIN_PROVEN_TTL).await;
    let another = one.enter("a/one").await;
    assert!(another.is_some());
    assert_eq!(enter().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_was_let_in_is_held_up_by_nobody_where_refusals_tell_nothing() {
    for (proof, is_held_up) in [(Proof::Untold, false), (Proof::LetIn, true)] {
        let one = One::new(login());
        one.open("a/one");
        advance(limits::LOGIN_PROVEN_TTL).await;
        one.refuse("others/1", 401, ready(proof)).await;
        advance(limits::LOGIN_PROVEN_TTL).await;
        let first = one.enter("others/2").await;
        assert!(first.is_some());
        assert_eq!(one.enter("a/one").await.is_none(), is_held_up, "{proof:?}");
    }
}

#[test]
fn what_is_remembered_of_refusals_is_bounded_in_bytes() {
    let logins = RefusedLogins::new(limits::REFUSED_LOGIN_TTL);
    let service = Bearer {
        service: Some("x".repeat(limits::CHALLENGE_TEXT_BYTES)),
        ..service()
    };
    let most = limits::REFUSED_LOGIN_BYTES / limits::CHALLENGE_TEXT_BYTES as u64;
    for number in 0..=most {
        let credential = CredentialId::of(&credential(&number.to_string()));
        let presented = Presented {
            service: &service,
            credential,
            repository: "a/one",
        };
        logins.keep_let_in(&presented);
        let refused = Timed::new(401, limits::REFUSED_LOGIN_TTL);
        logins.repositories.insert(presented.key(), refused);
    }
    logins.logins.run_pending_tasks();
    logins.repositories.run_pending_tasks();
    for (entries, bytes) in [
        (logins.logins.entry_count(), logins.logins.weighted_size()),
        (
            logins.repositories.entry_count(),
            logins.repositories.weighted_size(),
        ),
    ] {
        assert!(entries > most / 2 && bytes <= limits::REFUSED_LOGIN_BYTES);
    }
}
