mod server;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::server::{MUTATING, MemoryServer, SECRETS, VALIDATING};
use super::*;
use crate::{
    certificates::{Bundle, Entries, Lifetimes, Material, ServiceNames, TLS_CRT},
    limits,
};

/// A replica's part of it all.
struct Replica {
    given: GivenCertificate,
    role: watch::Sender<Role>,
    _kept: JoinHandle<ClusterError>,
}

/// A clock that goes on as the tests' time does.
#[derive(Debug)]
struct TestClock(Instant, Timestamp);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.1 + self.0.elapsed()
    }
}

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn replica(server: &MemoryServer, role: Role, lifetimes: Lifetimes) -> Replica {
    replica_at(start(), server, role, lifetimes)
}

fn replica_at(
    start: Timestamp,
    server: &MemoryServer,
    role: Role,
    lifetimes: Lifetimes,
) -> Replica {
    let settings = CertificateSettings {
        namespace: "assay-system".to_owned(),
        secret: "certificate".to_owned(),
        configuration: "assay".to_owned(),
        wanted: Wanted {
            names: ServiceNames::new("assay", "assay-system", &[]).unwrap(),
            lifetimes,
        },
        clock: Arc::new(TestClock(server.began(), start)),
    };
    let (role, follows) = watch::channel(role);
    let tasks = TaskTracker::new();
    let (given, kept) = keep_certificates(&server.client(), settings, follows, &tasks);
    Replica {
        given,
        role,
        _kept: kept,
    }
}

fn leader(server: &MemoryServer) -> Replica {
    replica(server, Role::Leads, Lifetimes::default())
}

fn follower(server: &MemoryServer) -> Replica {
    replica(server, Role::Follows, Lifetimes::default())
}

/// A cluster as the chart leaves it: an empty Secret, and webhooks that trust nobody.
fn installed() -> MemoryServer {
    let server = MemoryServer::new();
    server.put(SECRETS, "certificate", json!({ "type": "Opaque" }));
    server.put(MUTATING, "assay", webhooks(&["mutate.assay.dev"]));
    server.put(
        VALIDATING,
        "assay",
        webhooks(&["validate.assay.dev", "policies.assay.dev"]),
    );
    server
}

fn webhooks(names: &[&str]) -> Value {
    let webhook = |name: &&str| json!({ "name": name, "clientConfig": { "service": {} } });
    json!({ "webhooks": names.iter().map(webhook).collect::<Vec<_>>() })
}

/// What every webhook trusts.
fn trusted(server: &MemoryServer) -> Vec<Bundle> {
    [MUTATING, VALIDATING]
        .iter()
        .flat_map(|kind| bundles::bundles(&server.object(kind, "assay").unwrap()))
        .map(|(_, bundle)| bundle)
        .collect()
}

fn material(server: &MemoryServer) -> Material {
    let secret = server.object(SECRETS, "certificate");
    Material::read(&secret.map_or_else(Entries::default, |secret| secret::entries(&secret)))
}

fn serving(replica: &Replica) -> Arc<ServingCertificate> {
    replica.given.borrow().clone().expect("there is one by now")
}

async fn pass(time: Duration) {
    sleep(time).await;
    settle().await;
}

const A_WHILE: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn the_leader_makes_what_is_missing_with_four_writes_and_no_more() {
    let server = installed();
    let leader = leader(&server);
    pass(Duration::from_mins(50)).await;
    assert_eq!(
        server.writes(),
        [
            "PATCH secrets",
            "PATCH mutatingwebhookconfigurations",
            "PATCH validatingwebhookconfigurations",
            "PATCH secrets",
        ]
    );
    let material = material(&server);
    assert_eq!(trusted(&server), vec![material.bundle.clone(); 3]);
    assert_eq!(serving(&leader), material.serving.unwrap());
    assert!(serving(&leader).is_issued_by_any(&material.bundle));
    let webhook = server.object(MUTATING, "assay").unwrap()["webhooks"][0].clone();
    assert_eq!(webhook["clientConfig"]["service"], json!({}));
    assert_eq!(
        server.object(SECRETS, "certificate").unwrap()["type"],
        "Opaque"
    );
}

#[tokio::test(start_paused = true)]
async fn a_follower_writes_nothing_and_serves_what_the_leader_has_made() {
    let server = installed();
    let follower = follower(&server);
    pass(A_WHILE).await;
    assert_eq!(server.writes(), Vec::<String>::new());
    assert!(follower.given.borrow().is_none());
    let leader = leader(&server);
    pass(A_WHILE).await;
    assert_eq!(serving(&follower), serving(&leader));
}

#[tokio::test(start_paused = true)]
async fn a_restart_writes_nothing() {
    let server = installed();
    let first = leader(&server);
    pass(Duration::from_hours(2)).await;
    let before = server.writes().len();
    let second = leader(&server);
    pass(Duration::from_hours(2)).await;
    assert_eq!(server.writes().len(), before);
    assert_eq!(serving(&first), serving(&second));
}

#[tokio::test(start_paused = true)]
async fn two_that_lead_for_a_moment_make_one_authority() {
    for shipped in [true, false] {
        let server = installed();
        if !shipped {
            server.delete(SECRETS, "certificate");
        }
        let both = [leader(&server), leader(&server)];
        pass(A_WHILE).await;
        let [first, second] = both.each_ref().map(serving);
        assert_eq!(first, second);
        assert_eq!(trusted(&server), vec![material(&server).bundle; 3]);
        let writes = server.writes();
        let secrets = writes.iter().filter(|write| write.ends_with(" secrets"));
        assert_eq!(secrets.count(), 2, "{writes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_is_made_anew_while_the_old_certificate_serves_and_is_trusted() {
    let server = installed();
    let leader = leader(&server);
    pass(Duration::from_hours(2)).await;
    let old = serving(&leader);
    server.delete(SECRETS, "certificate");
    pass(Duration::from_secs(1)).await;
    assert_eq!(serving(&leader), old);
    pass(A_WHILE).await;
    let new = serving(&leader);
    assert_ne!(new, old);
    for bundle in trusted(&server) {
        assert!(old.is_issued_by_any(&bundle) && new.is_issued_by_any(&bundle));
    }
    pass(limits::AUTHORITY_OVERLAP).await;
    for bundle in trusted(&server) {
        assert!(!old.is_issued_by_any(&bundle) && new.is_issued_by_any(&bundle));
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_goes_because_the_certificate_comes_from_elsewhere_is_not_made_again() {
    let server = installed();
    let leader = leader(&server);
    pass(A_WHILE).await;
    let old = serving(&leader);
    for kind in [MUTATING, VALIDATING] {
        let mut configuration = server.object(kind, "assay").unwrap();
        configuration["metadata"]["annotations"] =
            json!({ "assay.dev/certificate-mode": "Provided" });
        server.put(kind, "assay", configuration);
    }
    server.delete(SECRETS, "certificate");
    pass(Duration::from_hours(2)).await;
    assert_eq!(server.object(SECRETS, "certificate"), None);
    assert_eq!(serving(&leader), old);
}

#[tokio::test(start_paused = true)]
async fn an_emptied_or_spoilt_secret_is_filled_again() {
    for data in [
        json!(null),
        json!({ "tls.crt": "Z2FyYmFnZQ==", "ca.crt": "" }),
    ] {
        let server = installed();
        let leader = leader(&server);
        pass(A_WHILE).await;
        let old = serving(&leader);
        server.put(SECRETS, "certificate", json!({ "data": data }));
        pass(Duration::from_mins(2)).await;
        let new = serving(&leader);
        assert_ne!(new, old);
        assert_eq!(material(&server).serving, Some(new));
    }
}

/// As somebody fills the Secret who wants the company's authority to sign.
#[tokio::test(start_paused = true)]
async fn an_authority_for_other_names_only_is_replaced_and_not_tried_for_ever() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("acme.example".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let authority = params.self_signed(&key).unwrap();
    let data = json!({
        "ca.crt": STANDARD.encode(authority.pem()),
        "ca.key": STANDARD.encode(key.serialize_pem()),
    });
    let server = installed();
    server.put(SECRETS, "certificate", json!({ "data": data }));
    let leader = leader(&server);
    pass(Duration::from_mins(10)).await;
    let writes = server.writes();
    assert!(writes.len() <= 4, "{} writes", writes.len());
    let serving = serving(&leader);
    for bundle in trusted(&server) {
        assert!(serving.is_issued_by_any(&bundle));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wiped_ca_bundle_is_written_again_with_one_call() {
    let server = installed();
    let _leader = leader(&server);
    pass(A_WHILE).await;
    let before = (trusted(&server), server.writes().len());
    server.put(MUTATING, "assay", webhooks(&["mutate.assay.dev"]));
    pass(Duration::from_secs(1)).await;
    assert_eq!(trusted(&server), before.0);
    assert_eq!(server.writes().len(), before.1 + 1);
}

#[tokio::test(start_paused = true)]
async fn configurations_that_come_later_are_trusted_at_once() {
    let server = installed();
    server.delete(MUTATING, "assay");
    server.delete(VALIDATING, "assay");
    let leader = leader(&server);
    pass(A_WHILE).await;
    server.put(MUTATING, "assay", webhooks(&["mutate.assay.dev"]));
    server.put(VALIDATING, "assay", webhooks(&["validate.assay.dev"]));
    pass(Duration::from_secs(1)).await;
    for bundle in trusted(&server) {
        assert!(serving(&leader).is_issued_by_any(&bundle));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_that_a_webhook_configuration_does_not_trust() {
    let server = installed();
    let first = leader(&server);
    pass(A_WHILE).await;
    first.role.send_replace(Role::Follows);
    server.put(MUTATING, "assay", webhooks(&["mutate.assay.dev"]));
    let later = follower(&server);
    pass(A_WHILE).await;
    assert!(later.given.borrow().is_none());
    later.role.send_replace(Role::Leads);
    pass(Duration::from_secs(1)).await;
    assert_eq!(serving(&later), serving(&first));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_refused_is_tried_again_after_a_pause() {
    let server = installed();
    server.refuse_writes(true);
    let leader = leader(&server);
    pass(Duration::from_mins(1)).await;
    let tried = server.refused();
    assert!((2..=30).contains(&tried), "{tried}");
    assert!(leader.given.borrow().is_none());
    server.refuse_writes(false);
    pass(A_WHILE).await;
    serving(&leader);
}

#[tokio::test(start_paused = true)]
async fn through_many_rotations_every_replica_serves_what_every_webhook_trusts() {
    let lifetimes = Lifetimes::new(Duration::from_mins(3), Duration::from_mins(1)).unwrap();
    let server = installed();
    let replicas = [Role::Leads, Role::Follows].map(|role| replica(&server, role, lifetimes));
    pass(A_WHILE).await;
    let mut seen: Vec<Arc<ServingCertificate>> = Vec::new();
    for _ in 0..1_200 {
        pass(Duration::from_secs(1)).await;
        let [first, second] = replicas.each_ref().map(serving);
        assert_eq!(first, second);
        for bundle in trusted(&server) {
            assert!(first.is_issued_by_any(&bundle));
        }
        assert!(
            !first
                .validity()
                .is_over(TestClock(server.began(), start()).now())
        );
        if seen.last() != Some(&first) {
            seen.push(first);
        }
    }
    assert!(seen.len() > 20, "{}", seen.len());
    assert!(material(&server).bundle.iter().count() <= 2);
}

#[tokio::test(start_paused = true)]
async fn entries_that_are_not_ours_stay() {
    let server = installed();
    server.put(
        SECRETS,
        "certificate",
        json!({ "data": { "own": "b3du" }, "metadata": { "labels": { "a": "b" } } }),
    );
    let _leader = leader(&server);
    pass(A_WHILE).await;
    let secret = server.object(SECRETS, "certificate").unwrap();
    assert_eq!(secret["data"]["own"], "b3du");
    assert_eq!(secret["metadata"]["labels"], json!({ "a": "b" }));
    assert!(secret["data"][TLS_CRT].is_string());
}

/// Lets every task run until none can.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_clock_is_years_off_goes_by_the_api_servers() {
    let year = Duration::from_hours(366 * 24);
    for wrong in [start() + 3 * year, start() - 50 * year] {
        let server = installed();
        server.tell_time(|elapsed| start() + elapsed);
        let first = leader(&server);
        pass(A_WHILE).await;
        let made = serving(&first);
        first.role.send_replace(Role::Follows);
        let odd = replica_at(wrong, &server, Role::Leads, Lifetimes::default());
        pass(Duration::from_hours(2)).await;
        assert_eq!(serving(&odd), made);
        server.delete(SECRETS, "certificate");
        pass(Duration::from_mins(2)).await;
        let validity = serving(&odd).validity();
        assert_ne!(serving(&odd), made);
        let life = validity.end().duration_since(start());
        assert_eq!(life.as_hours(), 90 * 24 + 2, "{validity:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_makes_a_certificate_itself_where_the_leader_makes_none() {
    let server = installed();
    let replica = follower(&server);
    let nearly = limits::CERTIFICATE_PATIENCE.saturating_sub(Duration::from_secs(1));
    pass(nearly).await;
    assert_eq!(*replica.given.borrow(), None);
    assert_eq!(material(&server).serving, None);
    pass(A_WHILE).await;
    assert_eq!(Some(serving(&replica)), material(&server).serving);
}
