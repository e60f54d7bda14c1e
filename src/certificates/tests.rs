mod life;
mod reading;

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

/// A moment that all tests count from.
fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn after(hours: u64) -> Timestamp {
    start() + Duration::from_hours(hours)
}

fn wanted() -> Wanted {
    Wanted {
        names: ServiceNames::new("assay", "assay-system", &[]).unwrap(),
        lifetimes: Lifetimes::default(),
    }
}

fn entries(parts: &[&Entries]) -> Entries {
    let all = parts.iter().flat_map(|part| part.iter());
    Entries::new(
        all.map(|(name, content)| (name.to_owned(), content.to_vec()))
            .collect(),
    )
}

#[test]
fn lifetimes_that_leave_no_time_to_renew_are_refused() {
    let hour = Duration::from_hours(1);
    assert_eq!(
        Lifetimes::new(hour, limits::SHORTEST_CERTIFICATE / 2),
        Err(LifetimeError::CertificateTooShort)
    );
    assert_eq!(
        Lifetimes::new(hour, hour),
        Err(LifetimeError::AuthorityTooShort)
    );
    assert_eq!(
        Lifetimes::new(limits::LONGEST_AUTHORITY + hour, hour),
        Err(LifetimeError::AuthorityTooLong)
    );
    let shortest = limits::SHORTEST_CERTIFICATE;
    assert!(Lifetimes::new(shortest * 2, shortest).is_ok());
}

#[test]
fn keys_are_never_printed() {
    let wanted = wanted();
    let signer = SigningAuthority::make(&wanted, start()).unwrap();
    let serving = signer.issue(&wanted, start()).unwrap();
    let kept = entries(&[
        &Entries::of_authority(&signer, &Bundle::default()),
        &Entries::of_serving(&serving),
    ]);
    assert_eq!(
        format!("{kept:?}"),
        "{\"ca.crt\", \"ca.key\", \"tls.crt\", \"tls.key\"}"
    );
    for text in [format!("{signer:?}"), format!("{serving:?}")] {
        assert!(text.contains("key: \"***\""), "{text}");
    }
}

proptest! {
    #[test]
    fn garbage_is_never_taken_for_a_certificate(
        garbage in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert_eq!(Bundle::read(&garbage), Bundle::default());
        prop_assert_eq!(ServingCertificate::read(&garbage, &garbage), None);
    }
}
