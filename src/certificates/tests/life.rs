//! The plan, followed over time.

use super::*;

/// What a cluster holds, with API servers that are a moment behind: a world for the plan to act upon.
struct World {
    wanted: Wanted,
    now: Timestamp,
    kept: Entries,
    /// The `caBundle` of each webhook, with what it was a settling time ago.
    trusted: Vec<Bundle>,
    /// Since when every webhook trusts the authority that signs.
    trusted_since: Option<(Bundle, Timestamp)>,
    served_since: Option<(ServingCertificate, Timestamp)>,
    /// What was done, and when.
    told: Vec<(Timestamp, &'static str)>,
}

impl World {
    fn new(lifetimes: Lifetimes) -> Self {
        Self {
            wanted: Wanted {
                lifetimes,
                ..wanted()
            },
            now: start(),
            kept: Entries::default(),
            trusted: vec![Bundle::default(); 3],
            trusted_since: None,
            served_since: None,
            told: Vec::new(),
        }
    }

    fn material(&self) -> Material {
        Material::read(&self.kept)
    }

    fn plan(&mut self) -> Step {
        let material = self.material();
        let signer = material
            .signer
            .as_ref()
            .map(|signer| Bundle::default().with(signer.certificate().clone()));
        let trusted = |wanted: &Bundle| self.trusted.iter().all(|found| found.contains_all(wanted));
        self.trusted_since = signer.filter(trusted).map(|signer| {
            let known = self.trusted_since.take();
            known
                .filter(|(known, _)| *known == signer)
                .unwrap_or((signer, self.now))
        });
        self.served_since = copy(&material).map(|serving| {
            let known = self.served_since.take();
            known
                .filter(|(known, _)| *known == serving)
                .unwrap_or((serving, self.now))
        });
        let since = |at: Option<Timestamp>| {
            at.map_or(Duration::ZERO, |at| {
                Duration::try_from(self.now.duration_since(at)).unwrap()
            })
        };
        let found = Found {
            material: &material,
            trusted: &self.trusted,
            trusted_for: since(self.trusted_since.as_ref().map(|(_, at)| *at)),
            served_for: since(self.served_since.as_ref().map(|(_, at)| *at)),
        };
        plan(&found, &self.wanted, self.now)
    }

    /// Takes one step, and lets time pass when that is the step.
    fn step(&mut self) -> Step {
        let step = self.plan();
        let (what, changed) = match &step {
            Step::Wait(wait) => {
                // Months in which nothing happens are lived through in longer strides.
                let served = self.served_since.as_ref();
                let idle = *wait == limits::CERTIFICATE_LOOK
                    && served.is_some_and(|(_, since)| *since + Duration::from_hours(3) < self.now);
                self.now += *wait * if idle { 6 } else { 1 };
                return step;
            }
            Step::Publish(bundles) => {
                self.trusted.clone_from(bundles);
                self.told.push((self.now, "publish"));
                return step;
            }
            Step::NewAuthority { keep, .. } => {
                let signer = SigningAuthority::make(&self.wanted, self.now).unwrap();
                ("authority", Entries::of_authority(&signer, keep))
            }
            Step::NewCertificate { .. } => {
                let signer = self.material().signer.unwrap();
                let serving = signer.issue(&self.wanted, self.now).unwrap();
                ("certificate", Entries::of_serving(&serving))
            }
            Step::Retire(bundle) => ("retire", Entries::of_bundle(bundle)),
        };
        self.kept = entries(&[&self.kept, &changed]);
        self.told.push((self.now, what));
        step
    }

    /// Lives until then; after every step what is kept is believed by every API server, also by one that has seen
    /// nothing since the step before.
    fn live(&mut self, until: Timestamp) {
        let mut believed = self.trusted.clone();
        while self.now < until {
            let waited = matches!(self.step(), Step::Wait(_));
            if let Some(serving) = self.material().serving {
                for bundle in believed.iter().chain(&self.trusted) {
                    assert!(serving.is_issued_by_any(bundle), "at {}", self.now);
                }
                assert!(!serving.validity().is_over(self.now), "at {}", self.now);
            }
            if waited {
                believed = self.trusted.clone();
            }
        }
    }

    fn settle(&mut self) {
        let until = self.now + Duration::from_hours(2);
        self.live(until);
        self.told.clear();
    }

    fn told(&self) -> Vec<&'static str> {
        self.told.iter().map(|(_, what)| *what).collect()
    }
}

fn copy(material: &Material) -> Option<ServingCertificate> {
    let serving = material.serving.as_ref()?;
    let certificate = serving.certificate_pem();
    ServingCertificate::read(certificate.as_bytes(), serving.key_pem().as_bytes())
}

fn short() -> Lifetimes {
    Lifetimes::new(Duration::from_mins(3), Duration::from_mins(1)).unwrap()
}

#[test]
fn the_first_authority_is_trusted_before_anything_is_signed_by_it() {
    let mut world = World::new(Lifetimes::default());
    world.live(after(1));
    assert_eq!(world.told(), ["authority", "publish", "certificate"]);
    let waited = world.told[2].0.duration_since(world.told[1].0);
    assert_eq!(
        Duration::try_from(waited).unwrap(),
        limits::AUTHORITY_SETTLING_URGENT
    );
}

#[test]
fn nothing_is_done_for_two_thirds_of_a_certificate() {
    let mut world = World::new(Lifetimes::default());
    world.settle();
    world.live(after(60 * 24 - 7));
    assert_eq!(world.told(), Vec::<&str>::new());
    world.live(after(60 * 24 + 12));
    assert_eq!(world.told(), ["certificate"]);
}

#[test]
fn two_years_pass_without_a_moment_in_which_the_certificate_is_not_trusted() {
    let mut world = World::new(Lifetimes::default());
    world.live(after(2 * 365 * 24));
    let count = |what: &str| world.told().iter().filter(|told| **told == what).count();
    assert_eq!((count("authority"), count("retire")), (3, 2));
    assert!(count("certificate") >= 12, "{:?}", world.told);
}

#[test]
fn an_authority_is_renewed_in_an_order_that_no_api_server_can_notice() {
    let mut world = World::new(Lifetimes::default());
    world.live(after(243 * 24));
    world.told.clear();
    world.live(after(244 * 24));
    let expected = ["authority", "publish", "certificate", "retire", "publish"];
    assert_eq!(world.told(), expected);
    let between = |a: usize, b: usize| {
        Duration::try_from(world.told[b].0.duration_since(world.told[a].0)).unwrap()
    };
    assert_eq!(between(0, 1), Duration::ZERO);
    assert_eq!(between(1, 2), limits::AUTHORITY_SETTLING);
    assert_eq!(between(2, 3), limits::AUTHORITY_OVERLAP);
    assert_eq!(between(3, 4), Duration::ZERO);
    assert_eq!(world.material().bundle.iter().count(), 1);
}

#[test]
fn the_shortest_lifetimes_rotate_without_a_gap_too() {
    let shortest = limits::SHORTEST_CERTIFICATE;
    for lifetimes in [short(), Lifetimes::new(shortest * 2, shortest).unwrap()] {
        let mut world = World::new(lifetimes);
        world.live(start() + Duration::from_mins(20));
        let authorities = world
            .told()
            .iter()
            .filter(|told| **told == "authority")
            .count();
        assert!(authorities > 8, "{:?}", world.told);
    }
}

#[test]
fn a_deleted_secret_leaves_what_replicas_still_serve_trusted_for_the_overlap() {
    let mut world = World::new(Lifetimes::default());
    world.settle();
    let old = world.material().serving.unwrap();
    world.kept = Entries::default();
    world.live(world.now + Duration::from_mins(59));
    assert_eq!(world.told(), ["authority", "publish", "certificate"]);
    assert!(
        world
            .trusted
            .iter()
            .all(|bundle| old.is_issued_by_any(bundle))
    );
    world.live(world.now + Duration::from_mins(10));
    assert_eq!(world.told.pop().map(|(_, what)| what), Some("publish"));
    assert!(
        !world
            .trusted
            .iter()
            .any(|bundle| old.is_issued_by_any(bundle))
    );
}

#[test]
fn a_wiped_ca_bundle_is_written_again_at_once() {
    let mut world = World::new(Lifetimes::default());
    world.settle();
    let before = world.trusted.clone();
    world.trusted[1] = Bundle::default();
    let Step::Publish(bundles) = world.step() else {
        panic!("{:?}", world.told);
    };
    assert_eq!(bundles, before);
}

#[test]
fn a_strangers_authority_leaves_the_ca_bundle() {
    let mut world = World::new(Lifetimes::default());
    world.settle();
    let before = world.trusted.clone();
    let stranger = SigningAuthority::make(&world.wanted, start()).unwrap();
    world.trusted[2] = world.trusted[2]
        .clone()
        .with(stranger.certificate().clone());
    world.step();
    assert_eq!(world.trusted, before);
}

#[test]
fn each_part_that_is_lost_is_made_anew() {
    let lost = |name: &str| {
        let mut world = World::new(Lifetimes::default());
        world.settle();
        let garbage = Entries::new([(name.to_owned(), b"garbage".to_vec())].into());
        world.kept = entries(&[&world.kept, &garbage]);
        let first = world.plan();
        world.settle();
        world.live(world.now + Duration::from_hours(2));
        assert_eq!(world.told(), Vec::<&str>::new(), "after {name}");
        first
    };
    for name in [CA_CRT, CA_KEY] {
        let step = lost(name);
        let because = Reason::Missing;
        assert!(
            matches!(step, Step::NewAuthority { because: found, .. } if found == because),
            "{name}: {step:?}"
        );
    }
    for name in [TLS_CRT, TLS_KEY] {
        let because = Reason::Missing;
        assert_eq!(lost(name), Step::NewCertificate { because }, "{name}");
    }
}

#[test]
fn a_renamed_service_gets_a_certificate_of_the_same_authority() {
    let mut world = World::new(Lifetimes::default());
    world.settle();
    let authority = world.material().bundle;
    world.wanted.names = ServiceNames::new("other", "assay-system", &[]).unwrap();
    let because = Reason::OtherNames;
    assert_eq!(world.plan(), Step::NewCertificate { because });
    world.settle();
    let material = world.material();
    assert_eq!(material.bundle, authority);
    assert_eq!(material.serving.unwrap().names(), world.wanted.names.all());
}

#[test]
fn what_is_from_the_future_is_used_all_the_same() {
    let mut world = World::new(Lifetimes::default());
    world.settle();
    for hours in [2, 24, 10 * 365 * 24] {
        let mut earlier = World {
            now: start() - Duration::from_hours(hours),
            kept: world.kept.clone(),
            trusted: world.trusted.clone(),
            ..World::new(Lifetimes::default())
        };
        assert!(matches!(earlier.plan(), Step::Wait(_)), "{hours} hours");
    }
}

#[test]
fn after_a_long_sleep_all_is_expired_and_made_anew() {
    let mut world = World::new(Lifetimes::default());
    world.settle();
    world.now = after(400 * 24);
    let because = Reason::Expired;
    let keep = Bundle::default();
    assert_eq!(world.plan(), Step::NewAuthority { keep, because });
    world.now = after(120 * 24);
    assert_eq!(world.plan(), Step::NewCertificate { because });
}

#[test]
fn a_new_leader_waits_as_if_all_had_just_begun() {
    let mut world = World::new(Lifetimes::default());
    world.live(after(243 * 24));
    while !matches!(world.step(), Step::Publish(_)) {}
    world.now += Duration::from_secs(59);
    world.trusted_since = None;
    world.served_since = None;
    assert_eq!(world.plan(), Step::Wait(limits::AUTHORITY_SETTLING));
}

#[test]
fn without_webhook_configurations_there_is_nobody_to_wait_for_but_the_settling() {
    let mut world = World::new(Lifetimes::default());
    world.trusted.clear();
    world.live(after(1));
    assert_eq!(world.told(), ["authority", "certificate"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn at_whatever_moment_the_leader_changes_nothing_untrusted_is_served(
        changes in proptest::collection::vec(15_u64..100, 1..40),
    ) {
        let mut world = World::new(short());
        for seconds in changes {
            world.live(world.now + Duration::from_secs(seconds));
            world.trusted_since = None;
            world.served_since = None;
        }
    }
}
