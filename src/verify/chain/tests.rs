//! Paths: each refusal changes one thing in a chain that is accepted.

mod namesakes;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use serde_json::json;

use super::*;
use crate::verify::{CertificateTimestamps, Switches, Transparency, TrustRoot, TrustRootError};

/// When the leaf is issued; it is good for ten minutes.
const NOW: Timestamp = Timestamp::constant(1_767_323_040, 0);

/// A certificate and what issues with it.
struct Issued {
    der: Vec<u8>,
    spki: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str, from: i64, minutes: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let start = u64::try_from(NOW.as_second() + from * 60).unwrap();
    let end = u64::try_from(NOW.as_second() + (from + minutes) * 60).unwrap();
    params.not_before = epoch + Duration::from_secs(start);
    params.not_after = epoch + Duration::from_secs(end);
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name, -60, 120);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf_params() -> CertificateParams {
    let mut params = params("leaf", 0, 10);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params
}

fn root_of(params: CertificateParams) -> Issued {
    let key = KeyPair::generate().unwrap();
    Issued {
        der: params.self_signed(&key).unwrap().der().to_vec(),
        spki: key.subject_public_key_info(),
        issuer: Issuer::new(params, key),
    }
}

impl Issued {
    fn issue(&self, params: CertificateParams) -> Self {
        self.issue_with(params, KeyPair::generate().unwrap())
    }

    fn issue_with(&self, params: CertificateParams, key: KeyPair) -> Self {
        Self {
            der: params.signed_by(&key, &self.issuer).unwrap().der().to_vec(),
            spki: key.subject_public_key_info(),
            issuer: Issuer::new(params, key),
        }
    }
}

/// A trust root of one authority with this chain.
fn trusted(chain: &[&Issued]) -> Result<TrustRoot, TrustRootError> {
    let certificates: Vec<_> = chain
        .iter()
        .map(|issued| json!({ "rawBytes": STANDARD.encode(&issued.der) }))
        .collect();
    let json = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "certificateAuthorities": [{
            "uri": "https://fulcio.assay.test",
            "certChain": { "certificates": certificates },
            "validFor": { "start": "2020-01-01T00:00:00Z" },
        }],
    });
    let switches = Switches {
        certificate_timestamps: CertificateTimestamps::InsecureNone,
        transparency: Transparency::InsecureNone,
    };
    TrustRoot::from_json_with(&json.to_string(), switches)
}

fn verified(leaf: &Issued, brought: &[&Issued], chain: &[&Issued]) -> Result<Vec<u8>, String> {
    verified_at(leaf, brought, chain, &[NOW])
}

fn verified_at(
    leaf: &Issued,
    brought: &[&Issued],
    chain: &[&Issued],
    times: &[Timestamp],
) -> Result<Vec<u8>, String> {
    let brought: Vec<_> = brought.iter().map(|issued| issued.der.clone()).collect();
    let root = trusted(chain).unwrap();
    verify(&leaf.der, &brought, times, root.certificate_authorities())
        .map_err(|error| error.to_string())
}

fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

#[test]
fn the_key_of_the_issuing_certificate_is_that_of_the_path() {
    let root = root_of(ca_params("root"));
    let intermediate = root.issue(ca_params("intermediate"));
    let leaf = intermediate.issue(leaf_params());
    let key = Ok(intermediate.spki.clone());
    assert_eq!(verified(&leaf, &[], &[&intermediate, &root]), key);
    assert_eq!(verified(&leaf, &[&intermediate], &[&root]), key);
    assert_eq!(verified(&leaf, &[], &[&intermediate]), key);
    // One of the same name in front of it is passed over.
    let namesake = root.issue(ca_params("intermediate"));
    assert_eq!(verified(&leaf, &[&namesake, &intermediate], &[&root]), key);
    let direct = root.issue(leaf_params());
    assert_eq!(verified(&direct, &[], &[&root]), Ok(root.spki.clone()));
}

#[test]
fn an_intermediate_that_the_root_does_not_name_beside_its_own_is_not_believed() {
    let root = root_of(ca_params("root"));
    let intermediate = root.issue(ca_params("intermediate"));
    let retired = root.issue(ca_params("retired intermediate"));
    let leaf = retired.issue(leaf_params());
    assert_eq!(
        verified(&leaf, &[&retired], &[&intermediate, &root]),
        Err("certificate: it was issued by no authority of the trust root".to_owned())
    );
    assert_eq!(verified(&leaf, &[&retired], &[&root]), Ok(retired.spki));
}

#[test]
fn every_time_must_lie_inside_the_leafs_validity() {
    let root = root_of(ca_params("root"));
    let leaf = root.issue(leaf_params());
    let last = NOW + seconds(600);
    assert!(verified_at(&leaf, &[], &[&root], &[NOW, last]).is_ok());
    for (time, begins) in [
        (NOW - seconds(1), "certificate: its chain was not valid yet"),
        (last + seconds(1), "certificate: its chain had expired"),
        (
            last + SignedDuration::from_nanos(1),
            "certificate: its chain had expired",
        ),
        (
            NOW - SignedDuration::from_nanos(1),
            "certificate: its chain was not valid yet",
        ),
    ] {
        let error = verified_at(&leaf, &[], &[&root], &[NOW, time]).unwrap_err();
        assert!(error.starts_with(begins), "{time}: {error}");
    }
    assert_eq!(
        verified_at(&leaf, &[], &[&root], &[]).unwrap_err(),
        "no verified time of signing: there is none to judge the certificate at"
    );
}

#[test]
fn go_2026_4529_an_intermediate_that_had_expired_is_refused_wherever_it_comes_from() {
    let root = root_of(ca_params("root"));
    let mut expired = ca_params("intermediate");
    expired.not_after = params("", -60, 55).not_after;
    let expired = root.issue(expired);
    let leaf = expired.issue(leaf_params());
    let brought = verified(&leaf, &[&expired], &[&root]).unwrap_err();
    assert!(
        brought.starts_with("certificate: its chain had expired"),
        "{brought}"
    );
    let named = verified(&leaf, &[], &[&expired, &root]).unwrap_err();
    assert!(
        named
            .starts_with("certificate: no certificate authority of the trust root covers its time"),
        "{named}"
    );
    let anchor = verified(&leaf, &[], &[&expired]).unwrap_err();
    assert!(anchor.contains("covers its time"), "{anchor}");
}

#[test]
fn a_leaf_that_is_not_for_signing_code_is_refused() {
    let root = root_of(ca_params("root"));
    for usages in [
        vec![],
        vec![ExtendedKeyUsagePurpose::TimeStamping],
        vec![ExtendedKeyUsagePurpose::Any],
    ] {
        let mut params = leaf_params();
        params.extended_key_usages = usages;
        assert_eq!(
            verified(&root.issue(params), &[], &[&root]),
            Err("certificate: it is not for signing code (extended key usage)".to_owned())
        );
    }
}

#[test]
fn an_intermediate_may_be_silent_about_purposes_and_not_for_others() {
    let root = root_of(ca_params("root"));
    for (usages, accepted) in [
        (vec![], true),
        (vec![ExtendedKeyUsagePurpose::CodeSigning], true),
        (vec![ExtendedKeyUsagePurpose::Any], true),
        (vec![ExtendedKeyUsagePurpose::ServerAuth], false),
    ] {
        let mut params = ca_params("intermediate");
        params.extended_key_usages = usages.clone();
        let intermediate = root.issue(params);
        let leaf = intermediate.issue(leaf_params());
        let result = verified(&leaf, &[], &[&intermediate, &root]);
        assert_eq!(result.is_ok(), accepted, "{usages:?}: {result:?}");
    }
}

#[test]
fn a_critical_extension_that_is_not_known_is_refused() {
    let root = root_of(ca_params("root"));
    for critical in [true, false] {
        let mut params = leaf_params();
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        extension.set_criticality(critical);
        params.custom_extensions.push(extension);
        let result = verified(&root.issue(params), &[], &[&root]);
        assert_eq!(
            result.err(),
            critical.then(
                || "certificate: its chain has a critical extension that is not known".to_owned()
            )
        );
    }
}

#[test]
fn authorities_and_leaves_are_not_taken_for_each_other() {
    let root = root_of(ca_params("root"));
    let mut authority = leaf_params();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(
        verified(&root.issue(authority), &[], &[&root]),
        Err("certificate: it is an authority's".to_owned())
    );
    let plain = root.issue(leaf_params());
    assert_eq!(
        verified(&plain.issue(leaf_params()), &[&plain], &[&root]),
        Err("certificate: it was issued by a certificate that may not issue".to_owned())
    );
}

#[test]
fn an_intermediate_whose_key_is_not_for_certificates_is_refused() {
    let root = root_of(ca_params("root"));
    let mut params = ca_params("intermediate");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let intermediate = root.issue(params);
    let leaf = intermediate.issue(leaf_params());
    assert_eq!(
        verified(&leaf, &[&intermediate], &[&root]),
        Err("certificate: an intermediate's key is not for signing certificates".to_owned())
    );
    assert_eq!(
        trusted(&[&intermediate, &root]).unwrap_err().to_string(),
        "certificateAuthorities[0].certChain.certificates[0]: its key usage does not let it sign certificates"
    );
}

#[test]
fn the_length_of_a_path_is_limited_by_anchor_and_intermediate() {
    let constrained = |name, length| {
        let mut params = ca_params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
        params
    };
    let narrow = root_of(constrained("root", 0));
    let intermediate = narrow.issue(ca_params("intermediate"));
    let leaf = intermediate.issue(leaf_params());
    assert_eq!(
        verified(&leaf, &[&intermediate], &[&narrow]),
        Err("certificate: its chain has 1 intermediates, its authority allows 0".to_owned())
    );
    let root = root_of(ca_params("root"));
    let upper = root.issue(constrained("upper", 0));
    let lower = upper.issue(ca_params("lower"));
    assert_eq!(
        verified(&lower.issue(leaf_params()), &[&lower, &upper], &[&root]),
        Err("certificate: its chain is longer than an intermediate allows".to_owned())
    );
}

#[test]
fn a_namesake_of_the_authority_is_refused() {
    let root = root_of(ca_params("root"));
    let namesake = root_of(ca_params("root"));
    assert_eq!(
        verified(&namesake.issue(leaf_params()), &[], &[&root]),
        Err(
            "certificate: a certificate of its chain was not signed by the one that it names"
                .to_owned()
        )
    );
    let stranger = root_of(ca_params("stranger"));
    assert_eq!(
        verified(&stranger.issue(leaf_params()), &[&stranger], &[&root]),
        Err("certificate: it was issued by no authority of the trust root".to_owned())
    );
}

#[test]
fn authorities_with_other_kinds_of_keys_are_understood() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
    ] {
        let root = root_of(ca_params("root"));
        let key = KeyPair::generate_for(algorithm).unwrap();
        let intermediate = root.issue_with(ca_params("intermediate"), key);
        let leaf = intermediate.issue(leaf_params());
        assert_eq!(
            verified(&leaf, &[], &[&intermediate, &root]),
            Ok(intermediate.spki.clone()),
            "{algorithm:?}"
        );
    }
}

#[test]
fn a_timestamp_authoritys_certificate_is_for_timestamps_alone_and_says_so_critically() {
    let root = root_of(ca_params("root"));
    let purpose = |content: &[u8], critical| {
        let mut params = params("leaf", 0, 10);
        let mut usage = CustomExtension::from_oid_content(&[2, 5, 29, 37], content.to_vec());
        usage.set_criticality(critical);
        params.custom_extensions.push(usage);
        let leaf = root.issue(params);
        let trusted = trusted(&[&root]).unwrap();
        let chain = &trusted.certificate_authorities()[0].chain;
        path(&leaf.der, &[], chain, NOW, Purpose::TimeStamping).map_err(|error| error.to_string())
    };
    let stamping = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08";
    let both =
        b"\x30\x14\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03";
    assert_eq!(purpose(stamping, true), Ok(root.spki.clone()));
    let refusal = Err("it is not for timestamps alone (critical extended key usage)".to_owned());
    assert_eq!(purpose(stamping, false), refusal);
    assert_eq!(purpose(both, true), refusal);
    assert!(purpose(b"\x30\x00", true).is_err());
}

#[test]
fn more_certificates_than_the_limit_are_not_tried() {
    let root = root_of(ca_params("root"));
    let leaf = root.issue(leaf_params());
    let brought: Vec<_> = (0..limits::CERTIFICATES_PER_CHAIN)
        .map(|number| root_of(ca_params(&number.to_string())))
        .collect();
    let brought: Vec<_> = brought.iter().collect();
    assert_eq!(
        verified(&leaf, &brought, &[&root]),
        Err("certificates: 11, at most 10 are read".to_owned())
    );
    assert!(verified(&leaf, &brought[1..], &[&root]).is_ok());
}

#[test]
fn a_root_without_authority_says_so() {
    let leaf = root_of(ca_params("root")).issue(leaf_params());
    let error = verify(&leaf.der, &[], &[NOW], &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "certificate: the trust root has no certificate authority"
    );
}
