//! Certificate timestamps by the sandbox's certificate log.

use rcgen::{CertificateParams, CustomExtension, KeyPair};

use super::*;
use crate::sandbox::sigstore::CertificateTimestamp;

/// The leaf of a signing and the key that issued it.
fn issued(world: &World, timestamp: CertificateTimestamp) -> (Vec<u8>, Vec<u8>) {
    let bundle = bundle_of(world.keyless().certificate_timestamp(timestamp).bundle());
    let text = json_of(&bundle)["verificationMaterial"]["certificate"]["rawBytes"].clone();
    let leaf = STANDARD.decode(text.as_str().unwrap()).unwrap();
    let authorities = world.root.certificate_authorities();
    let issuer = chain::verify(&leaf, &[], &[NOW], authorities).unwrap();
    (leaf, issuer)
}

fn required(leaf: &[u8], issuer: &[u8], root: &TrustRoot) -> Result<(), SignatureError> {
    certificate_timestamp::require(leaf, issuer, root.certificate_logs())
}

fn root_with_log_until(end: &str) -> TrustRoot {
    let mut json: Value = serde_json::from_str(&WORLD.sigstore.trusted_root_json()).unwrap();
    json["ctlogs"][0]["publicKey"]["validFor"]["end"] = end.into();
    TrustRoot::from_json(&json.to_string()).unwrap()
}

#[test]
fn the_genuine_timestamp_is_accepted_and_another_or_none_is_refused() {
    let (leaf, issuer) = issued(&WORLD, CertificateTimestamp::Genuine);
    assert_eq!(required(&leaf, &issuer, &WORLD.root), Ok(()));
    let (leaf, issuer) = issued(&WORLD, CertificateTimestamp::OfAnother);
    let foreign = "its certificate timestamp does not verify with the key of its log";
    assert_eq!(
        required(&leaf, &issuer, &WORLD.root),
        Err(bad_certificate(foreign))
    );
    let (leaf, issuer) = issued(&WORLD, CertificateTimestamp::Missing);
    assert_eq!(
        required(&leaf, &issuer, &WORLD.root),
        Err(bad_certificate("it has no certificate timestamp"))
    );
}

#[test]
fn the_timestamp_is_for_one_issuer_and_by_a_known_log() {
    let (leaf, issuer) = issued(&WORLD, CertificateTimestamp::Genuine);
    let mut other = issuer.clone();
    other[20] ^= 1;
    let foreign = "its certificate timestamp does not verify with the key of its log";
    assert_eq!(
        required(&leaf, &other, &WORLD.root),
        Err(bad_certificate(foreign))
    );
    let stranger = World::around(PrivateSigstore::new(NOW).unwrap());
    let detail = "none of its 1 certificate timestamps is by one of the 1 certificate logs of the trust root";
    assert_eq!(
        required(&leaf, &issuer, &stranger.root),
        Err(bad_certificate(detail))
    );
}

#[test]
fn the_log_must_have_been_believed_when_it_made_the_timestamp() {
    let (leaf, issuer) = issued(&WORLD, CertificateTimestamp::Genuine);
    assert_eq!(
        required(&leaf, &issuer, &root_with_log_until(&NOW.to_string())),
        Ok(())
    );
    let before = (NOW - SignedDuration::from_secs(1)).to_string();
    assert_eq!(
        required(&leaf, &issuer, &root_with_log_until(&before)),
        Err(bad_certificate(
            "its certificate timestamp of 2026-01-02T03:04:05Z lies outside of the time its log is believed"
        ))
    );
}

#[test]
fn no_byte_of_a_logged_certificate_can_be_changed() {
    let (leaf, issuer) = issued(&WORLD, CertificateTimestamp::Genuine);
    // The authority's own signature at the end is judged with the chain.
    let outside = certificate_signature_length(&leaf);
    for index in 0..leaf.len() - outside {
        let mut mutant = leaf.clone();
        mutant[index] ^= 1;
        assert!(
            required(&mutant, &issuer, &WORLD.root).is_err(),
            "byte {index}"
        );
    }
}

/// The bytes after the part of a certificate that is signed.
fn certificate_signature_length(der: &[u8]) -> usize {
    use der::{Decode as _, Encode as _};
    let certificate = x509_cert::Certificate::from_der(der).unwrap();
    let length = |length: der::Length| usize::try_from(length).unwrap();
    length(certificate.signature.encoded_len().unwrap())
        + length(certificate.signature_algorithm.encoded_len().unwrap())
}

/// A certificate with this content in its list of timestamps.
fn with_list(list: &[u8]) -> Vec<u8> {
    let mut content = vec![0x04, 0x82];
    content.extend(u16::try_from(list.len() + 2).unwrap().to_be_bytes());
    content.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    content.extend(list);
    let mut params = CertificateParams::default();
    let oid = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
    let extension = CustomExtension::from_oid_content(&oid, content);
    params.custom_extensions.push(extension);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

#[test]
fn more_timestamps_than_the_limit_are_refused() {
    // A timestamp of an unknown log: version, id, time, no extensions, ECDSA with SHA-256, no signature.
    let one = [&[0, 47, 0][..], &[7; 32], &[0; 8], &[0, 0, 4, 3, 0, 0]].concat();
    let listed = |count: usize| required(&with_list(&padded(&one, count)), b"", &WORLD.root);
    assert_eq!(
        listed(limits::TIMESTAMPS_PER_CERTIFICATE),
        Err(bad_certificate(
            "none of its 16 certificate timestamps is by one of the 1 certificate logs of the trust root"
        ))
    );
    assert_eq!(
        listed(limits::TIMESTAMPS_PER_CERTIFICATE + 1),
        Err(SignatureError::Limit {
            what: "certificate timestamps",
            found: limits::TIMESTAMPS_PER_CERTIFICATE + 1,
            limit: limits::TIMESTAMPS_PER_CERTIFICATE
        })
    );
}

fn padded(one: &[u8], count: usize) -> Vec<u8> {
    // The list is long enough for a length of two octets in DER whatever `count` is.
    one.repeat(count)
}

#[test]
fn a_list_that_does_not_parse_is_refused() {
    let one = [&[0, 47, 0][..], &[7; 32], &[0; 8], &[0, 0, 4, 3, 0, 0]].concat();
    let six = one.repeat(6);
    let unknown_version = {
        let mut list = six.clone();
        list[2] = 1;
        list
    };
    for list in [
        &six[..six.len() - 1],
        &unknown_version,
        &[six.as_slice(), &[0]].concat(),
    ] {
        let error = required(&with_list(list), b"", &WORLD.root)
            .unwrap_err()
            .to_string();
        let begins = "certificate: its certificate timestamps cannot be read";
        assert!(error.starts_with(begins), "{error}");
    }
}
