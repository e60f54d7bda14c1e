//! Which texts are trust roots.

use super::*;

fn root_with(edit: impl FnOnce(&mut Value)) -> Result<TrustRoot, TrustRootError> {
    let mut json: Value = serde_json::from_str(&WORLD.sigstore.trusted_root_json()).unwrap();
    edit(&mut json);
    TrustRoot::from_json(&json.to_string())
}

#[test]
fn the_public_root_is_built_in_and_can_be_shared_by_threads() {
    fn shareable<T: Send + Sync>(value: T) -> T {
        value
    }
    let root = shareable(TrustRoot::public_good().unwrap());
    assert_eq!(root.version().len(), 64);
    assert_ne!(root.version(), WORLD.root.version());
}

#[test]
fn equal_texts_have_equal_versions() {
    let text = WORLD.sigstore.trusted_root_json();
    assert_eq!(
        TrustRoot::from_json(&text).unwrap().version(),
        WORLD.root.version()
    );
    assert_ne!(
        TrustRoot::from_json(&format!("{text} ")).unwrap().version(),
        WORLD.root.version()
    );
}

#[test]
fn versions_0_1_and_0_2_are_read_and_no_other() {
    for known in [
        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    ] {
        root_with(|json| json["mediaType"] = known.into()).unwrap();
    }
    let unknown = "application/vnd.dev.sigstore.trustedroot.v0.3+json";
    assert_eq!(
        root_with(|json| json["mediaType"] = unknown.into()).unwrap_err(),
        TrustRootError::MediaType {
            presented: unknown.to_owned()
        }
    );
}

#[test]
fn a_root_without_log_is_no_root() {
    assert_eq!(
        root_with(|json| json["tlogs"] = serde_json::json!([])).unwrap_err(),
        TrustRootError::NoLog
    );
}

#[test]
fn a_text_above_the_limit_is_not_parsed() {
    assert_eq!(
        TrustRoot::from_json(&" ".repeat(limits::TRUST_ROOT_BYTES + 1)).unwrap_err(),
        TrustRootError::TooLarge {
            found: limits::TRUST_ROOT_BYTES + 1,
            limit: limits::TRUST_ROOT_BYTES
        }
    );
}

#[test]
fn a_root_with_one_part_that_cannot_be_used_is_refused_as_a_whole() {
    let edits: [fn(&mut Value); 5] = [
        |json| json["tlogs"][0]["publicKey"]["rawBytes"] = "AAAA".into(),
        |json| {
            json["tlogs"][0]["publicKey"]["validFor"] =
                serde_json::json!({ "end": "2030-01-01T00:00:00Z" });
        },
        |json| json["ctlogs"][0]["publicKey"]["rawBytes"] = "AAAA".into(),
        |json| {
            json["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] =
                "AAAA".into();
        },
        |json| {
            json["certificateAuthorities"][0]["certChain"]["certificates"] = serde_json::json!([]);
        },
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let result = root_with(edit);
        assert!(
            matches!(
                result,
                Err(TrustRootError::Malformed { .. } | TrustRootError::Unusable { .. })
            ),
            "edit {index}: {result:?}"
        );
    }
    assert!(matches!(
        TrustRoot::from_json("junk"),
        Err(TrustRootError::Malformed { .. })
    ));
}

#[test]
fn an_authority_that_was_never_valid_is_named() {
    let window =
        serde_json::json!({ "start": "2019-01-01T00:00:00Z", "end": "2019-02-01T00:00:00Z" });
    assert_eq!(
        root_with(|json| json["certificateAuthorities"][0]["validFor"] = window).unwrap_err(),
        TrustRootError::NeverValid {
            uri: "https://fulcio.assay.test".to_owned()
        }
    );
}

#[test]
fn a_signature_made_outside_the_authoritys_window_is_refused() {
    let window =
        serde_json::json!({ "start": "2020-01-01T00:00:00Z", "end": "2025-01-01T00:00:00Z" });
    let root = root_with(|json| json["certificateAuthorities"][0]["validFor"] = window).unwrap();
    let result = verify(
        &bundle_of(WORLD.keyless().bundle()),
        &image(),
        Against::Certificate { trust_root: &root },
    );
    assert_refused(
        &result,
        &bad_certificate("no certificate authority of the trust root covers its time"),
    );
}

#[test]
fn a_root_without_certificate_log_is_no_root_for_certificates() {
    assert_eq!(
        root_with(|json| json["ctlogs"] = serde_json::json!([])).unwrap_err(),
        TrustRootError::NoCertificateLog
    );
    root_with(|json| {
        json["ctlogs"] = serde_json::json!([]);
        json["certificateAuthorities"] = serde_json::json!([]);
    })
    .unwrap();
}
