//! Many reviews at once against a registry that limits the rate of requests, in time that a test makes pass.

use std::{cell::RefCell, time::Duration};

use futures::future::{join_all, try_join_all};
use http::{HeaderMap, HeaderValue, header};
use tokio::time::{Instant, sleep};

use super::*;

/// So many answers in each second, each after a moment; what comes beyond is refused with 429.
struct Scripted {
    per_second: usize,
    retry_after: Option<&'static str>,
    window: RefCell<Window>,
}

struct Window {
    began: Instant,
    answers: usize,
    all_answers: usize,
    all_refusals: usize,
}

/// So many reviews at a time until there were so many, each of so many images.
#[derive(Clone, Copy)]
struct Crowd {
    at_once: usize,
    in_a_row: usize,
    images: usize,
}

/// What came of them.
#[derive(Debug)]
struct Outcome {
    refused: Vec<RegistryError>,
    /// The slowest review.
    slowest: Duration,
    /// From the first to the last answer.
    took: Duration,
    answers: usize,
    refusals: usize,
}

impl Scripted {
    fn new(per_second: usize, retry_after: Option<&'static str>) -> Self {
        let window = Window {
            began: Instant::now(),
            answers: 0,
            all_answers: 0,
            all_refusals: 0,
        };
        Self {
            per_second,
            retry_after,
            window: RefCell::new(window),
        }
    }

    async fn ask(&self) -> Sent {
        sleep(LATENCY).await;
        let status = self.status();
        let mut headers = HeaderMap::new();
        if let (429, Some(seconds)) = (status, self.retry_after) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        sleep(LATENCY).await;
        Sent {
            result: Ok(answer(status, headers)),
            took: LATENCY * 2,
        }
    }

    fn status(&self) -> u16 {
        let mut window = self.window.borrow_mut();
        if window.began.elapsed() >= Duration::from_secs(1) {
            (window.began, window.answers) = (Instant::now(), 0);
        }
        if window.answers < self.per_second {
            window.answers += 1;
            window.all_answers += 1;
            return 200;
        }
        window.all_refusals += 1;
        429
    }

    /// What comes of these reviews, which all ask at this one host.
    async fn review(&self, crowd: Crowd) -> Outcome {
        let (turns, url, began) = (Turns::default(), url(), Instant::now());
        let image = async |since, deadline| {
            let patience = Patience {
                turns: &turns,
                url: &url,
                since,
                deadline,
                retry_pause: limits::RETRY_PAUSE,
            };
            for _ in 0..REQUESTS_PER_IMAGE {
                let sent = patience.send(|| self.ask()).await;
                sent.result.map_err(SendError::into_inner)?;
            }
            Ok(())
        };
        let review = async || {
            let since = Instant::now();
            let images = (0..crowd.images).map(|_| image(since, since + PATIENCE));
            try_join_all(images).await.map(|_: Vec<()>| ())
        };
        let one_after_the_other = async |row: usize| {
            // No two of them come in the same moment.
            sleep(LATENCY * u32::try_from(row).unwrap_or_default()).await;
            let (mut refused, mut slowest) = (Vec::new(), Duration::ZERO);
            for _ in 0..crowd.in_a_row {
                let began = Instant::now();
                refused.extend(review().await.err());
                slowest = slowest.max(began.elapsed());
            }
            (refused, slowest)
        };
        let rows = join_all((0..crowd.at_once).map(&one_after_the_other)).await;
        let window = self.window.borrow();
        Outcome {
            slowest: rows
                .iter()
                .map(|(_, slowest)| *slowest)
                .max()
                .unwrap_or_default(),
            refused: rows.into_iter().flat_map(|(refused, _)| refused).collect(),
            took: began.elapsed(),
            answers: window.all_answers,
            refusals: window.all_refusals,
        }
    }
}

impl Outcome {
    /// How many answers the host gave in a second, of so many that it would have given.
    fn used(&self, per_second: usize) -> f64 {
        let answers = f64::from(u32::try_from(self.answers).expect("few"));
        let limit = f64::from(u32::try_from(per_second).expect("few"));
        answers / self.took.as_secs_f64() / limit
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn nobody_is_refused_whom_the_rate_would_do_for_and_most_of_it_is_used() {
    // What docs/performance.md measures, and a fifth of the rate for a third of the reviews.
    for (per_second, at_once, in_a_row) in [(1000, 32, 12), (200, 12, 5)] {
        let registry = Scripted::new(per_second, Some("1"));
        let crowd = Crowd {
            at_once,
            in_a_row,
            images: 10,
        };
        let outcome = registry.review(crowd).await;
        let told = format!("{per_second}: {outcome:?}");
        assert!(outcome.refused.is_empty(), "{told}");
        assert_eq!(
            outcome.answers,
            at_once * in_a_row * 10 * REQUESTS_PER_IMAGE
        );
        assert!(outcome.used(per_second) > 0.55, "{told}");
        assert!(outcome.refusals < outcome.answers / 20, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_does_not_say_how_long_to_wait_refuses_nobody_either() {
    let registry = Scripted::new(1000, None);
    let crowd = Crowd {
        at_once: 32,
        in_a_row: 6,
        images: 10,
    };
    let outcome = registry.review(crowd).await;
    assert!(outcome.refused.is_empty(), "{outcome:?}");
    assert!(outcome.used(1000) > 0.6, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_asks_for_more_time_than_there_is_costs_none() {
    let registry = Scripted::new(100, Some("30"));
    let crowd = Crowd {
        at_once: 32,
        in_a_row: 1,
        images: 10,
    };
    let outcome = registry.review(crowd).await;
    let waits = outcome.refused.iter().map(|error| match error {
        RegistryError::RateLimited { wait, .. } => *wait,
        other => panic!("{other}"),
    });
    let waits: Vec<Option<Duration>> = waits.collect();
    assert_eq!(waits, vec![Some(SECOND * 30); 32]);
    assert!(outcome.slowest < SECOND, "{outcome:?}");
    // Only what was under way already was asked beyond the limit.
    assert!(outcome.refusals <= limits::REQUESTS_PER_HOST, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn more_than_the_rate_does_for_is_refused_while_the_others_go_on() {
    let registry = Scripted::new(100, Some("1"));
    let crowd = Crowd {
        at_once: 60,
        in_a_row: 2,
        images: 10,
    };
    let outcome = registry.review(crowd).await;
    let all = crowd.at_once * crowd.in_a_row;
    assert!(!outcome.refused.is_empty(), "{outcome:?}");
    assert!(outcome.refused.len() < all, "{outcome:?}");
    assert!(outcome.used(100) > 0.4, "{outcome:?}");
}

/// From the request to the registry, and back.
const LATENCY: Duration = Duration::from_millis(2);

/// A tag, a list of referrers, a manifest and a signature.
const REQUESTS_PER_IMAGE: usize = 4;

/// What is left of ten seconds.
const PATIENCE: Duration = Duration::from_secs(9);
