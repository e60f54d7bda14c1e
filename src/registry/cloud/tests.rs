use tokio::time::advance;

use super::*;

fn granted(life: Option<Duration>) -> Granted {
    Granted {
        username: "AWS".to_owned(),
        password: Secret::new("s3cret".to_owned()),
        life,
    }
}

fn answered(status: u16) -> IdentityError {
    IdentityError::Answered { who: "STS", status }
}

/// How long a login of this life is used, and when it is to be replaced.
fn times(life: Option<Duration>) -> (Duration, Duration) {
    let held = Held::new(&CloudHost::Gar, granted(life));
    (held.until - held.granted, held.due - held.granted)
}

#[tokio::test(start_paused = true)]
async fn a_login_is_used_as_long_as_its_cloud_says_within_bounds() {
    let margin = limits::IDENTITY_MARGIN;
    for (life, expected) in [
        (None, limits::IDENTITY_TTL.saturating_sub(margin)),
        (
            Some(Duration::from_hours(100)),
            limits::MAX_IDENTITY_TTL.saturating_sub(margin),
        ),
        (Some(Duration::from_secs(100)), Duration::from_secs(90)),
        (Some(Duration::ZERO), Duration::ZERO),
    ] {
        let (until, due) = times(life);
        assert_eq!(until, expected, "{life:?}");
        assert!(due <= until, "{life:?}");
    }
    let (_, due) = times(Some(Duration::from_secs(1000)));
    assert!((750..850).contains(&due.as_secs()), "{due:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_for_a_while_that_there_is_no_cloud_for_longer() {
    for (error, ttl) in [
        (answered(503), limits::PASSING_IDENTITY_FAILURE_TTL),
        (
            IdentityError::Timeout { who: "STS" },
            limits::PASSING_IDENTITY_FAILURE_TTL,
        ),
        (answered(403), limits::FAILED_IDENTITY_TTL),
        (IdentityError::Absent, limits::ABSENT_IDENTITY_TTL),
    ] {
        let slot = Slot::default();
        let kept = slot.keep(&CloudHost::Gar, Err(error.clone()));
        assert_eq!(kept.err(), Some(error));
        advance(ttl.saturating_sub(Duration::from_secs(1))).await;
        assert!(matches!(slot.look(), Look::Failed(_)), "{ttl:?}");
        advance(Duration::from_secs(1)).await;
        assert!(matches!(slot.look(), Look::Nothing), "{ttl:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_goes_on_while_its_replacement_fails() {
    let slot = Slot::default();
    let life = Some(Duration::from_secs(1000));
    slot.keep(&CloudHost::Gar, Ok(granted(life))).expect("kept");
    advance(Duration::from_mins(15)).await;
    assert!(matches!(slot.look(), Look::Due(_)));
    let failed = slot.keep(&CloudHost::Gar, Err(IdentityError::Timeout { who: "STS" }));
    assert!(failed.is_err());
    assert!(matches!(slot.look(), Look::Good(_)));
    advance(Duration::from_secs(75)).await;
    assert!(matches!(slot.look(), Look::Nothing));
}

#[test]
fn the_logins_that_are_remembered_are_bounded_in_number() {
    let slots = remembered();
    for number in 0..=limits::IDENTITIES {
        let host = format!("r{number}.azurecr.io").parse().expect("a host");
        let place = CloudHost::of(&host).expect("a registry of a cloud");
        slots.insert(place, Arc::default());
    }
    slots.run_pending_tasks();
    assert_eq!(slots.entry_count(), limits::IDENTITIES);
}

#[test]
fn a_login_never_shows() {
    let slot = Slot::default();
    let kept = slot.keep(&CloudHost::Gar, Ok(granted(None)));
    assert!(!format!("{slot:?} {kept:?}").contains("s3cret"));
}
