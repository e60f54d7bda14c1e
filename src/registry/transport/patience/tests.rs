//! What is sent again, and what becomes of many callers whose registry limits the rate of requests.

mod throttled;

use std::sync::Arc;

use super::*;
use crate::registry::{behalf::Behalf, budget::Budget};

fn url() -> Url {
    Url::parse("https://r.example").expect("a URL")
}

fn answer(status: u16, headers: http::HeaderMap) -> Answer {
    Answer {
        host: String::new(),
        status: StatusCode::from_u16(status).expect("a status"),
        headers,
        body: bytes::Bytes::new(),
        share: Arc::new(Budget::new(0).open("", &Behalf::of_all())),
        is_redirected: false,
        is_elsewhere: false,
        is_plain: false,
    }
}

#[test]
fn the_pause_before_a_retry_doubles_give_or_take_a_half() {
    for (retries, around) in [(0, 100), (1, 200), (2, 400)] {
        let half = Duration::from_millis(around / 2);
        let pause = retry_pause(limits::RETRY_PAUSE, retries);
        assert!((half..half * 3).contains(&pause), "{retries} {pause:?}");
    }
}

#[test]
fn a_pause_that_a_registry_asks_for_becomes_a_little_longer_and_never_shorter() {
    let seconds = Duration::from_secs(10);
    for (asked, pause) in [(Some(seconds), seconds), (None, limits::RATE_LIMIT_PAUSE)] {
        for _ in 0..100 {
            let found = spread(asked);
            assert!((pause..pause + pause / 10).contains(&found), "{found:?}");
        }
    }
}

/// What this answer, or failure after this time, says.
fn said(result: Result<u16, SendError>, took: Duration) -> &'static str {
    let result = result.map(|status| answer(status, http::HeaderMap::new()));
    match (Sent { result, took }).health(&url()) {
        Health::Answers => "answers",
        Health::Fails(_) => "fails",
        Health::Unknown => "unknown",
    }
}

#[test]
fn what_a_person_can_ask_for_is_no_failure_of_the_registry() {
    for status in [200, 301, 400, 401, 403, 404, 405, 418] {
        assert_eq!(said(Ok(status), Duration::ZERO), "answers", "{status}");
    }
    for status in [500, 501, 505, 599] {
        assert_eq!(said(Ok(status), Duration::ZERO), "unknown", "{status}");
    }
    for status in [502, 503, 504, 522, 530] {
        assert_eq!(said(Ok(status), Duration::ZERO), "fails", "{status}");
    }
}

#[test]
fn silence_and_broken_connections_are() {
    let host = || String::from("r.example");
    let text = || String::from("text");
    for (error, expected) in [
        (RegistryError::Timeout { host: host() }, "fails"),
        (
            RegistryError::Unavailable {
                host: host(),
                detail: text(),
            },
            "fails",
        ),
        (
            RegistryError::Tls {
                host: host(),
                detail: text(),
            },
            "fails",
        ),
        (
            RegistryError::RateLimited {
                host: host(),
                wait: None,
            },
            "unknown",
        ),
        (
            RegistryError::AddressRefused {
                host: host(),
                reason: text(),
            },
            "unknown",
        ),
        (
            RegistryError::Limit {
                host: host(),
                detail: text(),
            },
            "answers",
        ),
    ] {
        let told = error.to_string();
        let found = said(Err(SendError::Lasting(error)), Duration::ZERO);
        assert_eq!(found, expected, "{told}");
    }
}

#[test]
fn a_deadline_tells_of_a_host_that_was_silent_for_long_and_not_of_one_whose_answer_is_on_its_way() {
    let deadline = || deadline(&url());
    let telling = limits::TELLING_SILENCE;
    let brief = telling.saturating_sub(Duration::from_millis(1));
    assert_eq!(said(Err(SendError::Lasting(deadline())), brief), "unknown");
    assert_eq!(said(Err(SendError::Lasting(deadline())), telling), "fails");
    let flowing = Err(SendError::Flowing(deadline()));
    assert_eq!(said(flowing, telling * 10), "answers");
}

#[test]
fn a_brief_time_for_an_answer_fits_into_the_share_of_the_first_of_two_places() {
    let given = limits::DEFAULT_TIMEOUT.saturating_sub(limits::DEADLINE_MARGIN);
    assert!(limits::BRIEF_ANSWER_TIMEOUT < given / 2);
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_told_where_there_is_no_time_to_try_again() {
    let turns = Turns::default();
    let patience = Patience {
        turns: &turns,
        url: &url(),
        since: Instant::now(),
        deadline: Instant::now() + Duration::from_secs(1),
        retry_pause: Duration::from_millis(1),
    };
    let attempts = std::cell::Cell::new(0);
    let sent = patience.send(|| async {
        attempts.set(attempts.get() + 1);
        let result = if attempts.get() == 1 {
            Err(SendError::MayPass(unavailable(&url(), "answered nothing")))
        } else {
            sleep_until(patience.deadline).await;
            Err(deadline(&url()).into())
        };
        let took = Duration::ZERO;
        Sent { result, took }
    });
    let error = sent.await.result.expect_err("a failure").into_inner();
    let told = (error.to_string(), attempts.get());
    assert_eq!(told, ("r.example answered nothing".to_owned(), 2));
}
