//! Signatures, certificates and log entries that were believed elsewhere.

use assay::{
    clock::{Clock, SystemClock},
    image::Digest,
    policy::TrustRootName,
    sandbox::sigstore::{Attachment, PrivateSigstore, TimestampToken},
    trust::TrustRoots,
    verify::{Switches, Transparency, TrustRoot},
};
use jiff::ToSpan as _;
use rstest::rstest;
use serde_json::{Value, json};

use super::{LOG_ENTRY, REFS, TAG, annotated, edited, log_entry, pipeline};
use crate::support::world::{World, authority};

/// How a signature is made and stored.
#[derive(Clone, Copy, Debug)]
enum Way {
    KeyedLegacy,
    KeyedBundle,
    KeylessLegacy,
    KeylessBundle,
}

impl Way {
    fn demand(self, world: &World) {
        match self {
            Self::KeyedLegacy | Self::KeyedBundle => world.demand_logged_key(),
            Self::KeylessLegacy | Self::KeylessBundle => world.demand_pipeline(REFS),
        }
    }

    fn sign(self, world: &World, image: &Digest) -> Attachment {
        let keyed = || world.sigstore.sign_with(&world.key, image);
        let keyless = || world.sigstore.sign_as(&pipeline(), image);
        match self {
            Self::KeyedLegacy => keyed().legacy(),
            Self::KeyedBundle => keyed().bundle(),
            Self::KeylessLegacy => keyless().legacy(),
            Self::KeylessBundle => keyless().bundle(),
        }
        .unwrap()
    }

    /// `signed`, with the log entry of `other`.
    fn with_entry_of(self, signed: Attachment, other: &Attachment) -> Attachment {
        match self {
            Self::KeyedLegacy | Self::KeylessLegacy => {
                annotated(signed, LOG_ENTRY, &other.annotations[LOG_ENTRY])
            }
            Self::KeyedBundle | Self::KeylessBundle => {
                let mut other: Value = serde_json::from_slice(&other.content).unwrap();
                edited(signed, |json| {
                    *log_entry(json) = log_entry(&mut other).take();
                })
            }
        }
    }
}

/// The signature of one image, with the log entry of another's.
async fn codes_of_a_foreign_entry(way: Way) -> Vec<String> {
    let world = World::new().await;
    way.demand(&world);
    let image = world.push_image();
    let other = way.sign(&world, &Digest::of(b"another artifact"));
    world.attach(&image, way.with_entry_of(way.sign(&world, &image), &other));
    world.codes().await
}

// cosign verified the log's promise, and never asked whether the entry was about the signature beside it.
#[tokio::test]
async fn cve_2022_23649_a_valid_promise_for_another_signature() {
    let codes = codes_of_a_foreign_entry(Way::KeyedLegacy).await;
    assert_eq!(codes, ["LogEntryInvalid"]);
}

// The same in cosign again, years later: with a trusted root given, the comparison was skipped.
#[rstest]
#[case::keyed_legacy(Way::KeyedLegacy)]
#[case::keyed_bundle(Way::KeyedBundle)]
#[case::keyless_legacy(Way::KeylessLegacy)]
#[case::keyless_bundle(Way::KeylessBundle)]
#[tokio::test]
async fn cve_2026_22703_an_entry_that_is_not_about_this_signature(#[case] way: Way) {
    assert_eq!(codes_of_a_foreign_entry(way).await, ["LogEntryInvalid"]);
}

// sigstore 0.14 verified the promise, and did not tie the entry's body to the signature of the older layout.
#[tokio::test]
async fn sigstore_rs_0_14_a_foreign_but_genuine_promise_beside_a_junk_signature() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    let genuine = Way::KeylessLegacy.sign(&world, &Digest::of(b"another artifact"));
    let named = Way::KeylessLegacy.sign(&world, &image);
    let junk = Attachment {
        content: named.content,
        ..genuine
    };
    world.attach(&image, junk);
    assert_eq!(world.codes().await, ["SignatureInvalid"]);
}

// Of four holes in cosign's check of blobs the first: a bundle was not held against the signature.
#[tokio::test]
async fn cve_2022_36056_a_bundle_that_carries_another_signature() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    let sign = || Way::KeylessBundle.sign(&world, &image);
    let mut other: Value = serde_json::from_slice(&sign().content).unwrap();
    let stapled = edited(sign(), |json| {
        json["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"].take();
    });
    world.attach(&image, stapled);
    assert_eq!(world.codes().await, ["SignatureInvalid"]);
}

// The second: the identity that was asked for was not looked at.
#[tokio::test]
async fn cve_2022_36056_an_identity_that_was_not_asked_for() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    let claims = pipeline().project("mallory/api");
    let signed = world.sigstore.sign_as(&claims, &image).bundle().unwrap();
    world.attach(&image, signed);
    assert_eq!(world.codes().await, ["IdentityMismatch"]);
}

// The third: a bundle that could not be read was left out instead of refused.
#[tokio::test]
async fn cve_2022_36056_an_entry_that_cannot_be_read() {
    let world = World::new().await;
    world.demand_logged_key();
    let image = world.push_image();
    let signed = Way::KeyedLegacy.sign(&world, &image);
    world.attach(&image, annotated(signed, LOG_ENTRY, "{}"));
    assert_eq!(world.codes().await, ["LogEntryInvalid"]);
}

// The fourth: an invalid log entry ended the check with success.
#[tokio::test]
async fn cve_2022_36056_an_entry_whose_promise_is_not_the_logs() {
    let world = World::new().await;
    world.demand_logged_key();
    let image = world.push_image();
    let signed = Way::KeyedLegacy.sign(&world, &image);
    let mut entry: Value = serde_json::from_str(&signed.annotations[LOG_ENTRY]).unwrap();
    let integrated = entry["Payload"]["integratedTime"].as_i64().unwrap();
    entry["Payload"]["integratedTime"] = json!(integrated - 1);
    world.attach(&image, annotated(signed, LOG_ENTRY, &entry.to_string()));
    assert_eq!(world.codes().await, ["LogEntryInvalid"]);
}

// cosign took a certificate under an intermediate that had expired when it was issued.
#[tokio::test]
async fn go_2026_4529_an_intermediate_that_had_expired_at_the_time_of_signing() {
    let mut world = World::new().await;
    let now = SystemClock.now();
    world.sigstore = PrivateSigstore::with_intermediate_until(now, now - 1.hour()).unwrap();
    world.demand_pipeline(REFS);
    let image = world.push_image();
    world.attach(&image, world.pipeline_signature(TAG, &image));
    assert_eq!(world.codes().await, ["CertificateInvalid"]);
}

// The same with the log switched off, which is where cosign went wrong: the time is a timestamp authority's.
#[tokio::test]
async fn go_2026_4529_an_expired_intermediate_where_no_log_is_asked_for() {
    let mut world = World::new().await;
    let now = SystemClock.now();
    world.sigstore = PrivateSigstore::with_intermediate_until(now, now - 1.hour()).unwrap();
    world.demand_pipeline(REFS);
    let switches = Switches {
        transparency: Transparency::InsecureNone,
        ..Switches::default()
    };
    let root = TrustRoot::from_json_with(&world.sigstore.trusted_root_json(), switches).unwrap();
    world.replace_roots(
        TrustRoots::public_only().with(TrustRootName::Named("sandbox".to_owned()), Ok(root.into())),
    );
    let image = world.push_image();
    let signing = world.sigstore.sign_as(&pipeline(), &image).without_log();
    let signed = signing.timestamp(TimestampToken::new()).bundle().unwrap();
    world.attach(&image, signed);
    assert_eq!(world.codes().await, ["CertificateInvalid"]);
}

/// A key that was good until an hour ago, and a signature that a timestamp authority dates.
async fn codes_of_a_dated_key(signed_before_the_end: bool) -> Vec<String> {
    let world = World::new().await;
    let end = SystemClock.now() - 1.hour();
    let mut dated = authority("key", &world.key);
    dated["key"]["notAfter"] = json!(end.to_string());
    dated["trustRootRef"] = json!({"name": "sandbox"});
    world.demand(json!({"authorities": [dated]}));
    let image = world.push_image();
    let at = if signed_before_the_end {
        end - 1.minute()
    } else {
        end + 1.minute()
    };
    let signing = world.sigstore.sign_with(&world.key, &image).without_log();
    let signed = signing.timestamp(TimestampToken::new().at(at)).bundle();
    world.attach(&image, signed.unwrap());
    world.codes().await
}

// sigstore-go knew the time for which a key was trusted, and did not compare it with the time of signing.
#[tokio::test]
async fn cve_2026_54787_a_key_that_had_ended_when_it_signed() {
    assert_eq!(codes_of_a_dated_key(false).await, ["KeyExpired"]);
}

#[tokio::test]
async fn cve_2026_54787_a_key_that_has_ended_since_it_signed_is_not_held_up() {
    assert_eq!(codes_of_a_dated_key(true).await, Vec::<String>::new());
}

// sigstore-go counted entries towards its threshold, where it should have counted logs. Assay's thresholds count
// authorities, and neither a second entry nor a second signature makes one.
#[tokio::test]
async fn ghsa_9vcr_p3rj_q5q6_two_entries_of_one_log_do_not_count_twice() {
    let world = World::new().await;
    let other = assay::sandbox::sigstore::SigningKeyPair::generate().unwrap();
    let logged = |name, key| {
        let mut logged = authority(name, key);
        logged["transparencyLog"] = json!("Require");
        logged["trustRootRef"] = json!({"name": "sandbox"});
        logged
    };
    world.demand(json!({
        "authorities": [logged("first", &world.key), logged("second", &other)],
        "require": 2,
    }));
    let image = world.push_image();
    let sign = || Way::KeyedBundle.sign(&world, &image);
    let mut again: Value = serde_json::from_slice(&sign().content).unwrap();
    let twice = edited(sign(), |json| {
        let entries = &mut json["verificationMaterial"]["tlogEntries"];
        entries
            .as_array_mut()
            .unwrap()
            .push(log_entry(&mut again).take());
    });
    world.attach(&image, sign());
    world.attach(&image, twice);
    assert_eq!(world.codes().await, ["ThresholdNotMet"]);
}

// sigstore-js believed the time in a log entry that no promise signed.
#[tokio::test]
async fn cve_2026_48816_a_chosen_time_beside_an_inclusion_proof() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    let signed = Way::KeylessBundle.sign(&world, &image);
    let proof_only = edited(signed, |json| {
        let entry = log_entry(json).as_object_mut().unwrap();
        entry.remove("inclusionPromise").unwrap();
    });
    world.attach(&image, proof_only);
    assert_eq!(world.codes().await, ["TimestampMissing"]);
}

// A verifier asked for the inclusion proof only from the version on that made it mandatory; nobody signs the version.
#[tokio::test]
async fn rust_verifier_review_2026_an_older_media_type_is_no_way_around_the_proof() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    let signed = Way::KeylessBundle.sign(&world, &image);
    let downgraded = edited(signed, |json| {
        json["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1");
        let material = &mut json["verificationMaterial"];
        let leaf = material["certificate"].take();
        material.as_object_mut().unwrap().remove("certificate");
        material["x509CertificateChain"] = json!({"certificates": [leaf]});
        let entry = log_entry(json).as_object_mut().unwrap();
        entry.remove("inclusionProof").unwrap();
    });
    world.attach(&image, downgraded);
    assert_eq!(world.codes().await, ["LogEntryInvalid"]);
}
