use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::Semaphore;

use super::*;

/// Who has until then, for what all share.
fn one(deadline: Instant) -> Passenger {
    Passenger {
        host: "r.example".to_owned(),
        namespace: None,
        deadline,
    }
}

fn deadline() -> RegistryError {
    RegistryError::Deadline {
        host: "r.example".to_owned(),
    }
}

#[tokio::test]
async fn a_hundred_callers_share_one_run() {
    let flights = Flights::new(TaskTracker::new());
    let runs = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let until = one(Instant::now() + Duration::from_mins(1));
    let callers = (0..100).map(|_| {
        flights.join("key", &until, || {
            let (runs, gate) = (Arc::clone(&runs), Arc::clone(&gate));
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
                let _permit = gate.acquire().await;
                Ok(42)
            }
        })
    });
    let all = futures::future::join_all(callers);
    let (results, ()) = tokio::join!(all, async { gate.add_permits(1) });
    assert!(
        results
            .into_iter()
            .all(|result| result.is_ok_and(|value| value == 42))
    );
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_caller_who_goes_away_strands_nobody() {
    let flights = Flights::new(TaskTracker::new());
    let gate = Arc::new(Semaphore::new(0));
    let until = one(Instant::now() + Duration::from_mins(1));
    let work = || {
        let gate = Arc::clone(&gate);
        async move {
            let _permit = gate.acquire().await;
            Ok(1)
        }
    };
    {
        let mut first = Box::pin(flights.join("key", &until, work));
        assert!(futures::poll!(&mut first).is_pending());
    }
    let mut second = Box::pin(flights.join("key", &until, || async { Ok(2) }));
    assert!(futures::poll!(&mut second).is_pending());
    gate.add_permits(1);
    assert_eq!(second.await.ok(), Some(1));
}

#[tokio::test]
async fn a_later_deadline_outlives_the_run_of_an_earlier_one() {
    let flights = Flights::new(TaskTracker::new());
    let gate = Arc::new(Semaphore::new(0));
    let now = Instant::now();
    let soon = one(now + Duration::from_mins(1));
    let late = one(now + Duration::from_secs(90));
    let first = flights.join("key", &soon, || {
        let gate = Arc::clone(&gate);
        async move {
            let _permit = gate.acquire().await;
            Err(deadline())
        }
    });
    let second = flights.join("key", &late, || async { Ok(2) });
    let (first, second, ()) = tokio::join!(first, second, async { gate.add_permits(1) });
    assert!(matches!(first, Err(RegistryError::Deadline { .. })));
    assert_eq!(second.ok(), Some(2));
}

/// Work that takes 300 ms, or the time of whoever began it; and how often it was begun.
async fn slow(runs: Arc<AtomicUsize>, until: Instant) -> Result<u8, RegistryError> {
    runs.fetch_add(1, Ordering::SeqCst);
    let work = tokio::time::sleep(Duration::from_millis(300));
    timeout_at(until, work).await.map_err(|_| deadline())?;
    Ok(1)
}

/// A caller of such work who has this little time.
async fn call(
    flights: &Flights<&'static str, u8>,
    runs: &Arc<AtomicUsize>,
    millis: u64,
) -> Result<u8, RegistryError> {
    let until = Instant::now() + Duration::from_millis(millis);
    let work = || slow(Arc::clone(runs), until);
    flights.join("key", &one(until), work).await
}

#[tokio::test(start_paused = true)]
async fn those_with_little_time_do_not_keep_one_with_more_from_its_answer() {
    let flights = Flights::new(TaskTracker::new());
    let runs = Arc::new(AtomicUsize::new(0));
    let call = |millis| call(&flights, &runs, millis);
    let hurried = async {
        loop {
            let _ = call(100).await;
        }
    };
    let patient = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let begun = Instant::now();
        (call(5_000).await.ok(), begun.elapsed().as_millis())
    };
    let answer = tokio::select! {
        biased;
        answer = patient => answer,
        () = hurried => (None, 0),
    };
    assert_eq!(answer, (Some(1), 300));
    // That of the first who was in a hurry, and one that all others have joined.
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waited_in_vain_joins_only_a_run_that_leaves_it_its_chance() {
    let flights = Flights::new(TaskTracker::new());
    let runs = Arc::new(AtomicUsize::new(0));
    let call = |millis| call(&flights, &runs, millis);
    let hurried = async {
        loop {
            let _ = call(250).await;
        }
    };
    let answer = tokio::select! {
        biased;
        () = hurried => None,
        // They have a quarter of its time at first, but less than half of what is left then.
        answer = call(900) => answer.ok(),
    };
    assert_eq!(answer, Some(1));
}

/// One run that fails so for a namespace, which others join; how often it was begun for them, and what they have heard.
async fn joined(error: RegistryError, others: [&str; 3]) -> (usize, [Option<u8>; 3]) {
    let flights = Flights::new(TaskTracker::new());
    let until = Instant::now() + Duration::from_mins(1);
    let of = |namespace: &str| Passenger {
        namespace: Some(namespace.into()),
        ..one(until)
    };
    let runs = Arc::new(AtomicUsize::new(0));
    let wait = || tokio::time::sleep(Duration::from_millis(1));
    let evil = of("evil");
    let first = flights.join("key", &evil, || {
        let error = error.clone();
        async move {
            wait().await;
            Err(error)
        }
    });
    let others = others.map(of);
    let others = others.each_ref().map(|other| {
        flights.join("key", other, || {
            let runs = Arc::clone(&runs);
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
                wait().await;
                Ok(2)
            }
        })
    });
    let (first, others) = tokio::join!(first, futures::future::join_all(others));
    assert!(first.is_err());
    let mut others = others.into_iter().map(Result::ok);
    let heard = std::array::from_fn(|_| others.next().flatten());
    (runs.load(Ordering::SeqCst), heard)
}

#[tokio::test(start_paused = true)]
async fn what_the_share_of_one_namespace_was_too_small_for_is_no_failure_of_another_one_s() {
    let host = || "r.example".to_owned();
    let limit = RegistryError::Limit {
        host: host(),
        detail: String::new(),
    };
    let held = RegistryError::Unauthorized {
        host: host(),
        status: 403,
        tried: Vec::new(),
    };
    for error in [limit, held] {
        let found = joined(error.clone(), ["shop", "mall", "shop"]).await;
        assert_eq!(found, (2, [Some(2); 3]), "once for each namespace");
        let found = joined(error, ["evil"; 3]).await;
        assert_eq!(found, (0, [None; 3]), "its own share");
    }
    let other = RegistryError::NotFound {
        host: host(),
        what: String::new(),
    };
    let found = joined(other, ["shop", "mall", "shop"]).await;
    assert_eq!(found, (0, [None; 3]), "the same for all");
}

#[tokio::test]
async fn a_run_that_panics_fails_its_callers_and_not_the_next() {
    let flights = Flights::new(TaskTracker::new());
    let until = Instant::now() + Duration::from_mins(1);
    let broken: Result<u8, _> = flights
        .join("key", &one(until), || async { panic!("on purpose") })
        .await;
    assert!(matches!(broken, Err(RegistryError::Unusable { .. })));
    let next = flights.join("key", &one(until), || async { Ok(2) }).await;
    assert_eq!(next.ok(), Some(2));
}
