//! What cannot be looked at is left alone, keeps nothing else from being looked at, and is tried again later.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_registry_that_does_not_answer_is_left_alone_and_tried_again_later() {
    let mut world = world(1, &Value::Null);
    for number in 0..20 {
        world.broken.insert(
            format!("r.example/app{number}"),
            RegistryError::RateLimited {
                host: host(),
                wait: None,
            },
        );
    }
    let pods: Vec<_> = (0..20).map(|number| running(&app(number), &[])).collect();
    let (_, metrics) = warm(
        &world,
        Arc::new(Pods::of(vec![pods])),
        limits::WARM_UP_TICK * 3,
    )
    .await;
    assert_eq!(searches(&world).len(), 1);
    assert_eq!(counted(&metrics, "unavailable"), "20");
    // Once, and then as often as is tried again; after a longer time from the beginning.
    let tries = 1 + limits::WARM_UP_RETRIES as usize;
    for (hours, tries) in [(3, tries), (9, 2 * tries)] {
        let before = searches(&world).len();
        let pods: Vec<_> = (0..20).map(|number| running(&app(number), &[])).collect();
        let pods = Arc::new(Pods::of(vec![pods]));
        warm(&world, pods, Duration::from_hours(hours)).await;
        assert_eq!(searches(&world).len() - before, tries);
    }
}

#[tokio::test(start_paused = true)]
async fn images_that_take_all_their_time_cost_the_others_of_their_namespace_no_more_than_so_much() {
    let slow = limits::WARM_UP_FAILURES + 5;
    let mut world = world(slow + 1, &Value::Null);
    for number in 0..slow {
        world.silent.push(format!("r.example/app{number}"));
    }
    let mut pods: Vec<_> = (0..slow).map(|number| running(&app(number), &[])).collect();
    // The same repository again, with another label.
    pods.insert(1, running(&app(0), &[("app", "shop")]));
    let mut elsewhere = running(&app(slow), &[]);
    elsewhere.place.namespace = "elsewhere".to_owned();
    pods.push(elsewhere);
    let pods = Arc::new(Pods::of(vec![pods]));
    let time = limits::WARM_UP_PATIENCE * 11 + limits::WARM_UP_TICK * 3;
    let (_, metrics) = warm(&world, pods, time).await;
    assert_eq!(searches(&world).len(), limits::WARM_UP_FAILURES + 1);
    assert_eq!(counted(&metrics, "unavailable"), (slow + 1).to_string());
    assert_eq!(counted(&metrics, "asked"), "1");
}

#[tokio::test(start_paused = true)]
async fn the_silence_of_where_one_policy_has_its_signatures_is_not_laid_to_the_images_registry() {
    let elsewhere = json!({ "signatureRepository": "evil.example/signatures" });
    let mut world = World::under(&[
        policy("evil", "r.example/app0", &elsewhere),
        policy("shop", "r.example/app1", &Value::Null),
        policy("own", "evil.example/**", &Value::Null),
    ])
    .attach(
        "r.example/app1",
        vec![signed_by(&SIGNERS.release, &image())],
    );
    let silence = RegistryError::Timeout {
        host: "evil.example".to_owned(),
    };
    world
        .broken
        .insert("evil.example/signatures".to_owned(), silence);
    let pods = [app(0), app(1), format!("evil.example/app@{}", image())];
    let pods = pods.map(|image| running(&image, &[])).to_vec();
    let (_, metrics) = warm(
        &world,
        Arc::new(Pods::of(vec![pods])),
        limits::WARM_UP_TICK * 3,
    )
    .await;
    assert_eq!(
        searches(&world),
        ["First evil.example/signatures", "First r.example/app1"]
    );
    assert_eq!(counted(&metrics, "unavailable"), "2");
    assert_eq!(counted(&metrics, "asked"), "1");
}

#[tokio::test(start_paused = true)]
async fn one_namespace_alone_has_no_registry_left_alone_for_others() {
    let mut world = world(4, &Value::Null);
    for number in 0..2 {
        let silence = RegistryError::Unavailable {
            host: host(),
            detail: "answered 503".to_owned(),
        };
        world
            .broken
            .insert(format!("r.example/app{number}"), silence);
    }
    let pods = [
        (0, "evil"),
        (3, "evil"),
        (2, "shop"),
        (1, "mall"),
        (3, "shop"),
    ];
    let pods = pods.map(|(number, namespace)| {
        let mut pod = running(&app(number), &[]);
        pod.place.namespace = namespace.to_owned();
        pod
    });
    let pods = Arc::new(Pods::of(vec![pods.to_vec()]));
    warm(&world, pods, limits::WARM_UP_TICK * 3).await;
    // What evil has failed at keeps its own images out, and shop's only once mall's have failed too.
    let looked = [
        "First r.example/app0",
        "First r.example/app2",
        "First r.example/app1",
    ];
    assert_eq!(searches(&world), looked);
}

#[tokio::test(start_paused = true)]
async fn where_a_registry_leads_does_not_make_another_seem_silent() {
    let mut world = world(2, &Value::Null);
    let leads_elsewhere = RegistryError::Timeout {
        host: "other.example".to_owned(),
    };
    world
        .broken
        .insert("r.example/app0".to_owned(), leads_elsewhere);
    let pods = vec![running(&app(0), &[]), running(&app(1), &[])];
    let pods = Arc::new(Pods::of(vec![pods]));
    warm(&world, pods, limits::WARM_UP_TICK * 3).await;
    let looked = ["First r.example/app0", "First r.example/app1"];
    assert_eq!(searches(&world), looked);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_in_the_cluster_is_told_and_tried_again() {
    let mut without_labels = world(1, &Value::Null);
    without_labels.no_labels = Some("forbidden".to_owned());
    let mut without_keyring = world(1, &Value::Null);
    without_keyring.no_keyring = Some("forbidden".to_owned());
    for world in [without_labels, without_keyring] {
        let pods = Arc::new(Pods::of(vec![vec![running(&app(0), &[])]]));
        let (_, metrics) = warm(&world, Arc::clone(&pods), Duration::from_mins(2)).await;
        assert_eq!(pods.asked(), [0, 0]);
        assert_eq!(counted(&metrics, "failed"), "2");
        assert_eq!(counted(&metrics, "known"), "0");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_has_expired_is_begun_again_and_nothing_is_looked_at_twice() {
    let world = world(4, &Value::Null);
    let page = |first: usize| {
        (first..first + 2)
            .map(|it| running(&app(it), &[]))
            .collect()
    };
    let pods = Arc::new(Pods {
        failures: Mutex::new(vec![(1, PageError::Expired)]),
        ..Pods::of(vec![page(0), page(2)])
    });
    warm(&world, Arc::clone(&pods), Duration::from_mins(1)).await;
    assert_eq!(pods.asked(), [0, 1, 0, 1]);
    assert_eq!(searches(&world).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn pods_that_may_not_be_listed_are_tried_again_and_then_no_more() {
    let world = world(1, &Value::Null);
    let failure = || PageError::Failed {
        reason: "pods is forbidden".to_owned(),
    };
    let pods = Arc::new(Pods {
        failures: Mutex::new(vec![(0, failure()), (0, failure())]),
        ..Pods::of(vec![vec![running(&app(0), &[])]])
    });
    warm(&world, Arc::clone(&pods), Duration::from_hours(2)).await;
    assert_eq!(pods.asked(), [0, 0, 0]);
    assert_eq!(searches(&world).len(), 1);
}
