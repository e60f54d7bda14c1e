use rstest::rstest;

use super::*;
use crate::limits::KEY_PEM_BYTES;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../tests/vectors/keys/", $name, ".pem"))
    };
}

const P256_PEM: &str = vector!("ecdsa-p256");

fn error(text: &str) -> String {
    PublicKey::from_pem(text).unwrap_err().to_string()
}

fn block(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

#[rstest]
#[case(vector!("ecdsa-p256"), KeyKind::EcdsaP256)]
#[case(vector!("ecdsa-p384"), KeyKind::EcdsaP384)]
#[case(vector!("ecdsa-p521"), KeyKind::EcdsaP521)]
#[case(vector!("rsa-2048"), KeyKind::Rsa)]
#[case(vector!("rsa-4096"), KeyKind::Rsa)]
#[case(vector!("rsassa-pss"), KeyKind::RsaPss { hash: None })]
#[case(vector!("rsassa-pss-4096"), KeyKind::RsaPss { hash: None })]
#[case(vector!("rsassa-pss-sha256"), KeyKind::RsaPss { hash: Some(PssHash::Sha256) })]
#[case(vector!("rsassa-pss-sha512"), KeyKind::RsaPss { hash: Some(PssHash::Sha512) })]
#[case(vector!("ed25519"), KeyKind::Ed25519)]
fn a_key_that_signatures_can_be_verified_with_is_read(#[case] text: &str, #[case] kind: KeyKind) {
    let key = PublicKey::from_pem(text).unwrap();
    let expected = sigstore_types::DerPublicKey::from_pem(text).unwrap();
    let found = KeyKind::of(&SubjectPublicKeyInfoRef::from_der(key.der()).unwrap());
    assert_eq!((key.der(), found), (expected.as_bytes(), Ok(kind)));
}

#[rstest]
#[case(vector!("rsassa-pss-sha1"), "a hash other than SHA-256")]
#[case(vector!("rsassa-pss-other-mask"), "another mask")]
#[case(vector!("rsassa-pss-long-salt"), "a salt that is longer")]
fn a_pss_key_for_signatures_that_cannot_be_verified_is_refused(
    #[case] text: &str,
    #[case] reason: &str,
) {
    let error = error(text);
    assert!(error.contains(reason), "{error}");
}

#[test]
fn the_fingerprint_is_the_hash_that_openssl_computes_of_the_der() {
    let key = PublicKey::from_pem(P256_PEM).unwrap();
    assert_eq!(
        key.fingerprint(),
        "3b18e90148409074652c393bb8dfebbcf88e8a6410267cecccdf9abc01b0f894"
    );
}

#[test]
fn white_space_around_and_windows_line_ends_change_nothing() {
    let expected = PublicKey::from_pem(P256_PEM);
    assert_eq!(
        PublicKey::from_pem(&format!("\n  {P256_PEM}\n\n")),
        expected
    );
    assert_eq!(
        PublicKey::from_pem(&P256_PEM.replace('\n', "\r\n")),
        expected
    );
}

#[rstest]
#[case(vector!("ecdsa-secp256k1"), "ECDSA secp256k1")]
#[case(vector!("ed448"), "Ed448")]
fn an_algorithm_that_is_not_supported_is_named(#[case] text: &str, #[case] name: &str) {
    assert_eq!(
        error(text),
        format!(
            "{name} is not supported, expected ECDSA P-256, P-384 or P-521, RSA, RSASSA-PSS or Ed25519"
        )
    );
}

#[rstest]
#[case(vector!("rsa-1024"), 1024)]
#[case(vector!("rsa-5120"), 5120)]
#[case(vector!("rsassa-pss-1024"), 1024)]
#[case(vector!("rsassa-pss-5120"), 5120)]
fn an_rsa_key_of_another_size_is_refused(#[case] text: &str, #[case] found: usize) {
    assert_eq!(PublicKey::from_pem(text), Err(KeyError::RsaSize { found }));
}

#[test]
fn a_compressed_point_is_refused_because_the_verifier_does() {
    let error = error(vector!("ecdsa-p256-compressed"));
    assert!(error.contains("uncompressed"), "{error}");
}

#[rstest]
#[case("PRIVATE KEY", "a private key, which belongs in no policy")]
#[case("EC PRIVATE KEY", "a private key, which belongs in no policy")]
#[case(
    "ENCRYPTED SIGSTORE PRIVATE KEY",
    "a private key, which belongs in no policy"
)]
#[case("CERTIFICATE", "a certificate")]
#[case(
    "RSA PUBLIC KEY",
    "`RSA PUBLIC KEY` (convert it: openssl rsa -RSAPublicKey_in -pubout)"
)]
#[case("PGP PUBLIC KEY BLOCK", "a block of another kind")]
fn another_pem_block_is_refused_by_its_kind_and_not_shown(#[case] label: &str, #[case] kind: &str) {
    assert_eq!(
        error(&block(label, "c2VjcmV0")),
        format!("expected a PEM block `PUBLIC KEY`, found {kind}")
    );
}

#[test]
fn a_private_key_behind_a_public_one_is_what_the_error_names() {
    let both = format!(
        "{P256_PEM}{}{}",
        block("CERTIFICATE", "AAAA"),
        block("PRIVATE KEY", "AAAA")
    );
    assert_eq!(
        PublicKey::from_pem(&both),
        Err(KeyError::OtherBlock(OtherBlock::PrivateKey))
    );
}

#[test]
fn there_is_exactly_one_block_and_nothing_else() {
    let twice = format!("{P256_PEM}{P256_PEM}");
    assert_eq!(
        error(&twice),
        "expected one PEM block `PUBLIC KEY`, found 2 blocks: list several keys under `keys`"
    );
    for text in [format!("{P256_PEM}x"), format!("x\n{P256_PEM}")] {
        assert_eq!(PublicKey::from_pem(&text), Err(KeyError::SurroundingText));
    }
    for text in ["", "ssh-ed25519 AAAA", "cosign.pub"] {
        assert_eq!(PublicKey::from_pem(text), Err(KeyError::NotPem));
    }
}

#[test]
fn what_is_not_base64_or_not_a_key_is_refused() {
    assert_eq!(
        PublicKey::from_pem(&block("PUBLIC KEY", "Proc-Type: 4")),
        Err(KeyError::Base64)
    );
    for body in ["", "YWJjZA=="] {
        let error = PublicKey::from_pem(&block("PUBLIC KEY", body)).unwrap_err();
        assert!(matches!(error, KeyError::Malformed { .. }), "{error}");
    }
}

#[test]
fn bytes_after_the_key_and_points_off_the_curve_are_refused() {
    let der = PublicKey::from_pem(P256_PEM).unwrap().der().to_vec();
    let longer = [der.as_slice(), b"\0"].concat();
    let mut off_the_curve = der;
    *off_the_curve.last_mut().unwrap() ^= 1;
    for der in [longer, off_the_curve] {
        let error = PublicKey::from_pem(&block("PUBLIC KEY", &STANDARD.encode(der))).unwrap_err();
        assert!(matches!(error, KeyError::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_text_over_the_limit_is_refused() {
    let found = KEY_PEM_BYTES + 1;
    assert_eq!(
        PublicKey::from_pem(&" ".repeat(found)),
        Err(KeyError::TooLong {
            found,
            limit: KEY_PEM_BYTES
        })
    );
}
