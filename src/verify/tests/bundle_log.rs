//! What is refused about a bundle's log entry.

use super::*;

#[test]
fn an_unlogged_signature_is_refused() {
    let unlogged = bundle_of(WORLD.keyless().without_log().bundle());
    assert_eq!(
        WORLD.by_certificate(&unlogged).unwrap_err(),
        log_entry("there is no entry")
    );
}

#[test]
fn the_log_entry_of_another_signature_is_refused() {
    let other = json_of(&bundle_of(
        WORLD
            .sigstore
            .sign_as(&release_job(), &other_image())
            .bundle(),
    ));
    let stapled = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        json["verificationMaterial"]["tlogEntries"] =
            other["verificationMaterial"]["tlogEntries"].clone();
    });
    assert_eq!(
        WORLD
            .by_certificate(&stapled)
            .unwrap_err()
            .to_string()
            .split(':')
            .next(),
        Some("transparency log")
    );
}

#[test]
fn the_entry_of_a_log_that_is_not_trusted_is_refused() {
    let stranger = World::around(PrivateSigstore::new(NOW).unwrap());
    let foreign = json_of(&bundle_of(stranger.keyless().bundle()));
    let stapled = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        json["verificationMaterial"]["tlogEntries"] =
            foreign["verificationMaterial"]["tlogEntries"].clone();
    });
    assert!(matches!(
        WORLD.by_certificate(&stapled).unwrap_err(),
        SignatureError::LogEntry { .. }
    ));
}

#[test]
fn the_inclusion_proof_is_required_whatever_version_the_bundle_claims() {
    for media_type in [
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
    ] {
        let unproven = edited(bundle_of(WORLD.keyless().bundle()), |json| {
            json["mediaType"] = media_type.into();
            entry(json)
                .as_object_mut()
                .unwrap()
                .remove("inclusionProof");
        });
        assert_eq!(
            WORLD.by_certificate(&unproven).unwrap_err(),
            log_entry("the entry has no inclusion proof"),
            "{media_type}"
        );
    }
}

#[test]
fn a_second_entry_without_proof_is_not_carried_by_the_first() {
    let carried = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        let mut second = entry(json).clone();
        second["logIndex"] = "1".into();
        second.as_object_mut().unwrap().remove("inclusionProof");
        json["verificationMaterial"]["tlogEntries"]
            .as_array_mut()
            .unwrap()
            .push(second);
    });
    assert_eq!(
        WORLD.by_certificate(&carried).unwrap_err(),
        log_entry("the entry has no inclusion proof")
    );
}

#[test]
fn the_same_entry_twice_is_refused() {
    let twice = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        let second = entry(json).clone();
        json["verificationMaterial"]["tlogEntries"]
            .as_array_mut()
            .unwrap()
            .push(second);
    });
    assert_eq!(
        WORLD.by_certificate(&twice).unwrap_err(),
        log_entry("the same entry is there twice")
    );
}

#[test]
fn without_the_signed_entry_timestamp_there_is_no_time() {
    let untimed = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        entry(json)
            .as_object_mut()
            .unwrap()
            .remove("inclusionPromise");
    });
    assert!(matches!(
        WORLD.by_certificate(&untimed).unwrap_err(),
        SignatureError::Timestamp { .. }
    ));
}

#[test]
fn a_checkpoint_may_carry_witnesses_but_not_without_end() {
    let witnessed = |count: usize| {
        edited(bundle_of(WORLD.keyless().bundle()), |json| {
            let envelope = &mut entry(json)["inclusionProof"]["checkpoint"]["envelope"];
            let text = envelope.as_str().unwrap();
            let line = text.lines().last().unwrap();
            *envelope = format!("{text}{}", format!("{line}\n").repeat(count)).into();
        })
    };
    WORLD.by_certificate(&witnessed(15)).unwrap();
    assert_eq!(
        WORLD.by_certificate(&witnessed(16)).unwrap_err(),
        SignatureError::Limit {
            what: "checkpoint signatures",
            found: 17,
            limit: 16
        }
    );
}

#[test]
fn a_proof_for_another_tree_than_its_checkpoint_is_refused() {
    let other = json_of(&bundle_of(WORLD.keyless().bundle()));
    let mixed = edited(bundle_of(WORLD.keyless().bundle()), |json| {
        entry(json)["inclusionProof"]["checkpoint"] =
            other["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"].clone();
    });
    assert_eq!(
        WORLD.by_certificate(&mixed).unwrap_err(),
        log_entry("the inclusion proof is for another tree than its checkpoint")
    );
}
