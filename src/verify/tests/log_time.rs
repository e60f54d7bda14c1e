//! Which logs count, and when.

use super::*;
use LogRequirement::Require;

fn unpromised(bundle: Candidate) -> Candidate {
    edited(bundle, |json| {
        entry(json)
            .as_object_mut()
            .unwrap()
            .remove("inclusionPromise");
    })
}

/// A root whose log was in use for these years.
fn log_between(start: &str, end: Option<&str>) -> TrustRoot {
    root_with(|json| {
        json["tlogs"][0]["publicKey"]["validFor"] = match end {
            Some(end) => serde_json::json!({ "start": start, "end": end }),
            None => serde_json::json!({ "start": start }),
        };
    })
}

fn keyed(candidate: &Candidate, root: &TrustRoot) -> Result<VerifiedSignature, SignatureError> {
    let against = Against::Key {
        key: &WORLD.key,
        log: Require,
        trust_root: Some(root),
    };
    verify(candidate, &image(), against)
}

#[test]
fn an_entry_made_outside_the_time_of_its_logs_key_is_refused() {
    let outside = log_entry("the log's key was not in use at 2026-01-02T03:04:05Z");
    for root in [
        log_between("2020-01-01T00:00:00Z", Some("2026-01-02T03:04:04Z")),
        log_between("2026-01-02T03:04:06Z", None),
    ] {
        for candidate in [
            bundle_of(WORLD.keyed().bundle()),
            legacy_of(WORLD.keyed().legacy()),
        ] {
            assert_eq!(keyed(&candidate, &root).unwrap_err(), outside);
        }
        for candidate in [
            bundle_of(WORLD.keyless().bundle()),
            legacy_of(WORLD.keyless().legacy()),
        ] {
            let against = Against::Certificate { trust_root: &root };
            assert_eq!(verify(&candidate, &image(), against).unwrap_err(), outside);
        }
    }
    let inside = log_between("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05Z"));
    keyed(&bundle_of(WORLD.keyed().bundle()), &inside).unwrap();
}

#[test]
fn an_entry_without_any_time_counts_only_while_its_logs_key_is_in_use() {
    let candidate = unpromised(bundle_of(WORLD.keyed().bundle()));
    let verified = keyed(&candidate, &WORLD.root).unwrap();
    assert_eq!((verified.signed_at(), verified.log_index()), (None, None));
    let retired = log_between("2020-01-01T00:00:00Z", Some("2040-01-01T00:00:00Z"));
    assert_eq!(
        keyed(&candidate, &retired).unwrap_err(),
        log_entry("the log's key is retired, and no verified time says that the entry is older")
    );
}

#[test]
fn an_entry_of_a_log_that_is_not_trusted_counts_for_nothing_beside_one_that_is() {
    let stranger = World::around(PrivateSigstore::new(NOW).unwrap());
    let foreign = json_of(&bundle_of(stranger.keyless().bundle()));
    let both = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        json["verificationMaterial"]["tlogEntries"]
            .as_array_mut()
            .unwrap()
            .insert(0, foreign["verificationMaterial"]["tlogEntries"][0].clone());
    });
    let ours = bundle_of(WORLD.keyless().bundle());
    let verified = WORLD.by_certificate(&both).unwrap();
    assert_eq!(verified.signed_at(), Some(NOW));
    let alone = edited(ours, |json| {
        *entry(json) = foreign["verificationMaterial"]["tlogEntries"][0].clone();
    });
    assert_eq!(
        WORLD.by_certificate(&alone).unwrap_err(),
        log_entry("no entry is of a log that the trust root names")
    );
}

#[test]
fn the_kind_beside_an_entrys_body_must_be_the_bodys_own() {
    let renamed = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        entry(json)["kindVersion"] =
            serde_json::json!({ "kind": "hashedrekord", "version": "0.0.2" });
    });
    assert_eq!(
        WORLD.by_certificate(&renamed).unwrap_err(),
        log_entry(
            "the kind stated beside the entry's body is \"hashedrekord 0.0.2\" instead of \"dsse 0.0.1\""
        )
    );
}

#[test]
fn a_checkpoint_signed_by_others_alone_is_refused() {
    let unsigned = |edit: fn(&str) -> String| {
        edited(bundle_of(WORLD.keyless().bundle()), |json| {
            let envelope = &mut entry(json)["inclusionProof"]["checkpoint"]["envelope"];
            let text = envelope.as_str().unwrap().to_owned();
            let (body, line) = text.split_once("\n\n").unwrap();
            let (name, signature) = line.trim_end().rsplit_once(' ').unwrap();
            *envelope = format!("{body}\n\n{name} {}\n", edit(signature)).into();
        })
    };
    assert_eq!(
        WORLD
            .by_certificate(&unsigned(|_| STANDARD.encode([0; 70])))
            .unwrap_err(),
        log_entry("the checkpoint is not signed by the entry's log")
    );
    assert_eq!(
        WORLD.by_certificate(&unsigned(flipped)).unwrap_err(),
        log_entry("the checkpoint's signature does not verify with the log's key")
    );
}
