//! What is refused about the certificate, in either layout.

use super::*;
use crate::sandbox::sigstore::CertificateTimestamp;

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let stranger = World::around(PrivateSigstore::new(NOW).unwrap());
    // Only the authority differs: the log is one that we trust.
    let mut root = WORLD.sigstore.trusted_root();
    root["tlogs"] = stranger.sigstore.trusted_root()["tlogs"].clone();
    let trust_root = &TrustRoot::from_json(&root.to_string()).unwrap();
    for candidate in [
        bundle_of(stranger.keyless().bundle()),
        legacy_of(stranger.keyless().legacy()),
    ] {
        let result = verify(&candidate, &image(), Against::Certificate { trust_root });
        assert_refused(
            &result,
            &bad_certificate("a certificate of its chain was not signed by the one that it names"),
        );
    }
}

#[test]
fn an_intermediate_that_had_expired_when_it_issued_is_refused() {
    let expired =
        World::around(PrivateSigstore::with_intermediate_until(NOW, NOW - minutes(1)).unwrap());
    let refusal = bad_certificate("no certificate authority of the trust root covers its time");
    assert_refused(
        &expired.by_certificate(&bundle_of(expired.keyless().bundle())),
        &refusal,
    );
    assert_refused(
        &expired.by_certificate(&legacy_of(expired.keyless().legacy())),
        &refusal,
    );
    let earlier = expired.keyless().at(NOW - minutes(2)).bundle();
    expired.by_certificate(&bundle_of(earlier)).unwrap();
}

#[test]
fn a_certificate_without_timestamp_or_with_another_certificates_timestamp_is_refused() {
    for (timestamp, begins) in [
        (
            CertificateTimestamp::Missing,
            "it has no certificate timestamp",
        ),
        (
            CertificateTimestamp::OfAnother,
            "its certificate timestamp does not verify with the key of its log",
        ),
    ] {
        let bundle = bundle_of(WORLD.keyless().certificate_timestamp(timestamp).bundle());
        assert_refused(&WORLD.by_certificate(&bundle), &bad_certificate(begins));
        let legacy = legacy_of(WORLD.keyless().certificate_timestamp(timestamp).legacy());
        assert_refused(&WORLD.by_certificate(&legacy), &bad_certificate(begins));
    }
}

#[test]
fn a_signature_logged_outside_the_certificates_validity_is_refused() {
    for (time, begins) in [
        (NOW - minutes(1), "its chain was not valid yet"),
        (NOW + minutes(11), "its chain had expired"),
    ] {
        let bundle = bundle_of(WORLD.keyless().logged_at(time).bundle());
        assert_refused(&WORLD.by_certificate(&bundle), &bad_certificate(begins));
        let legacy = legacy_of(WORLD.keyless().logged_at(time).legacy());
        assert_refused(&WORLD.by_certificate(&legacy), &bad_certificate(begins));
    }
    WORLD
        .by_certificate(&bundle_of(
            WORLD.keyless().logged_at(NOW + minutes(10)).bundle(),
        ))
        .unwrap();
}

fn identity_of(claims: &Claims) -> Result<VerifiedSignature, SignatureError> {
    WORLD.by_certificate(&bundle_of(
        WORLD.sigstore.sign_as(claims, &image()).bundle(),
    ))
}

#[test]
fn a_certificate_with_two_names_is_refused() {
    let claims =
        release_job().also_named("https://gitlab.com/evil/project//.gitlab-ci.yml@refs/heads/main");
    assert_eq!(
        identity_of(&claims).unwrap_err(),
        bad_certificate("it has more or less than one subject alternative name")
    );
}

#[test]
fn an_issuer_that_the_old_and_the_new_extension_spell_differently_is_refused() {
    let claims = release_job()
        .without_extension(1)
        .raw_extension(1, b"https://gitlab.com.evil.example");
    assert_eq!(
        identity_of(&claims).unwrap_err(),
        bad_certificate("its extensions .1 and .8 name different OIDC issuers")
    );
}

#[test]
fn the_old_issuer_extension_is_read_where_the_new_one_is_absent_and_none_is_refused() {
    let old = identity_of(&release_job().without_extension(8)).unwrap();
    let Signer::Certificate(identity) = old.signer() else {
        panic!("not a certificate")
    };
    assert_eq!(identity.oidc_issuer, "https://gitlab.com");
    let none = release_job().without_extension(8).without_extension(1);
    assert_eq!(
        identity_of(&none).unwrap_err(),
        bad_certificate("it names no OIDC issuer")
    );
}

#[test]
fn an_extension_that_is_there_twice_or_does_not_parse_is_refused() {
    let twice = release_job().raw_extension(14, b"\x0c\x0frefs/heads/main");
    assert_refused(
        &identity_of(&twice),
        &bad_certificate("it has extension .14 twice"),
    );
    let raw = release_job()
        .without_extension(14)
        .raw_extension(14, b"refs/tags/v1.0.0");
    assert_refused(
        &identity_of(&raw),
        &bad_certificate("extension .14 cannot be read"),
    );
    let trailing = release_job()
        .without_extension(14)
        .raw_extension(14, b"\x0c\x01xy");
    assert_refused(
        &identity_of(&trailing),
        &bad_certificate("extension .14 cannot be read"),
    );
}

#[test]
fn a_person_is_named_by_email_address() {
    let verified = identity_of(&Claims::email(
        "dev@acme.example",
        "https://accounts.google.com",
    ))
    .unwrap();
    let Signer::Certificate(identity) = verified.signer() else {
        panic!("not a certificate")
    };
    assert_eq!(identity.san, San::Email("dev@acme.example".to_owned()));
    assert_eq!(identity.oidc_issuer, "https://accounts.google.com");
    assert_eq!(identity.source_repository_uri, None);
}

#[test]
fn what_a_fork_or_an_odd_branch_claims_is_passed_on_unchanged() {
    let fork = identity_of(
        &release_job()
            .project("evil/fork")
            .trigger("merge_request_event"),
    )
    .unwrap();
    let Signer::Certificate(identity) = fork.signer() else {
        panic!("not a certificate")
    };
    assert_eq!(
        identity.source_repository_uri.as_deref(),
        Some("https://gitlab.com/evil/fork")
    );
    assert_eq!(
        identity.build_trigger.as_deref(),
        Some("merge_request_event")
    );
    assert!(
        identity
            .san
            .as_str()
            .starts_with("https://gitlab.com/acme/shop/api//")
    );
    let odd = identity_of(&Claims::gitlab(
        "acme/shop/api",
        "refs/heads/x@refs/heads/main",
    ))
    .unwrap();
    let Signer::Certificate(identity) = odd.signer() else {
        panic!("not a certificate")
    };
    assert_eq!(
        identity.source_repository_ref.as_deref(),
        Some("refs/heads/x@refs/heads/main")
    );
}

#[test]
fn a_chain_in_the_bundle_is_read_up_to_version_0_2() {
    let chained = |media_type: &str, length: usize| {
        edited(bundle_of(WORLD.keyless().bundle()), |json| {
            json["mediaType"] = media_type.into();
            let material = json["verificationMaterial"].as_object_mut().unwrap();
            let leaf = material.remove("certificate").unwrap();
            material.insert(
                "x509CertificateChain".to_owned(),
                serde_json::json!({ "certificates": vec![leaf; length] }),
            );
        })
    };
    for older in ["0.1", "0.2"] {
        let media_type = format!("application/vnd.dev.sigstore.bundle+json;version={older}");
        WORLD.by_certificate(&chained(&media_type, 1)).unwrap();
        assert_eq!(
            WORLD.by_certificate(&chained(&media_type, 11)).unwrap_err(),
            SignatureError::Limit {
                what: "certificates",
                found: 11,
                limit: 10
            }
        );
    }
    let current = chained("application/vnd.dev.sigstore.bundle.v0.3+json", 1);
    assert!(matches!(
        WORLD.by_certificate(&current),
        Err(SignatureError::Certificate { .. })
    ));
}
