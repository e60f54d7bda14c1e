use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA256_ASN1_SIGNING, ECDSA_P521_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
        KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
        RsaEncoding, RsaKeyPair,
    },
};

use super::*;
use crate::key::PublicKey;

const MESSAGE: &[u8] = b"what was signed";

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> (Vec<u8>, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let signature = pair.sign(&SystemRandom::new(), MESSAGE).unwrap();
    let key = pair.public_key().as_der().unwrap();
    (key.as_ref().to_vec(), signature.as_ref().to_vec())
}

fn rsa(encoding: &'static dyn RsaEncoding, size: KeySize) -> (Vec<u8>, Vec<u8>) {
    let pair = RsaKeyPair::generate(size).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), MESSAGE, &mut signature)
        .unwrap();
    let key = pair.public_key().as_der().unwrap();
    (key.as_ref().to_vec(), signature)
}

fn ed25519() -> (Vec<u8>, Vec<u8>) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = pair.public_key().as_der().unwrap();
    let signature = pair.sign(MESSAGE).as_ref().to_vec();
    (key.as_ref().to_vec(), signature)
}

/// A key of the algorithm and the parameters of this PEM, and its signature.
fn restricted(pem: &str, encoding: &'static dyn RsaEncoding) -> (Vec<u8>, Vec<u8>) {
    let named = PublicKey::from_pem(pem).unwrap();
    let (key, signature) = rsa(encoding, KeySize::Rsa2048);
    let key = SubjectPublicKeyInfoRef {
        algorithm: SubjectPublicKeyInfoRef::from_der(named.der())
            .unwrap()
            .algorithm,
        ..SubjectPublicKeyInfoRef::from_der(&key).unwrap()
    };
    (key.to_der().unwrap(), signature)
}

/// Whether the key signed the message, and whether that can be said from its SHA-256 alone.
fn judged((key, signature): &(Vec<u8>, Vec<u8>)) -> (bool, bool) {
    let by = |signed| is_by(key, &signed, signature).unwrap();
    let other = Signed::Bytes((&b"something else"[..]).into());
    assert!(!by(other));
    assert!(!by(Signed::Sha256([0; 32])));
    let hash = *sigstore_crypto::sha256(MESSAGE).as_bytes();
    (by(Signed::Bytes(MESSAGE.into())), by(Signed::Sha256(hash)))
}

#[test]
fn every_kind_of_key_verifies_with_each_hash_that_cosign_uses() {
    assert_eq!(
        judged(&ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)),
        (true, true)
    );
    assert_eq!(
        judged(&ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)),
        (true, false)
    );
    assert_eq!(
        judged(&ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING)),
        (true, false)
    );
    assert_eq!(
        judged(&ecdsa(&ECDSA_P521_SHA256_ASN1_SIGNING)),
        (true, true)
    );
    assert_eq!(
        judged(&rsa(&RSA_PKCS1_SHA256, KeySize::Rsa2048)),
        (true, true)
    );
    assert_eq!(
        judged(&rsa(&RSA_PSS_SHA256, KeySize::Rsa2048)),
        (true, true)
    );
    assert_eq!(judged(&ed25519()), (true, false));
}

#[test]
fn a_key_that_says_that_it_is_for_pss_verifies_with_that_and_its_own_hash_alone() {
    assert_eq!(
        judged(&restricted(PSS, &RSA_PSS_SHA256)),
        (true, true),
        "where it does not say which hash"
    );
    for (pem, encoding, verdict) in [
        (PSS_SHA256, &RSA_PSS_SHA256, (true, true)),
        (PSS_SHA256, &RSA_PSS_SHA512, (false, false)),
        (PSS_SHA512, &RSA_PSS_SHA512, (true, false)),
        (PSS_SHA512, &RSA_PSS_SHA256, (false, false)),
        (PSS_SHA512, &RSA_PSS_SHA384, (false, false)),
    ] {
        assert_eq!(judged(&restricted(pem, encoding)), verdict, "{encoding:?}");
    }
    for pem in [PSS, PSS_SHA256, PSS_SHA512] {
        let other_padding = restricted(pem, &RSA_PKCS1_SHA256);
        assert_eq!(judged(&other_padding), (false, false));
    }
}

#[test]
fn a_hash_that_nobody_uses_with_a_key_is_not_tried() {
    assert_eq!(
        judged(&ecdsa(&ECDSA_P521_SHA384_ASN1_SIGNING)),
        (false, false)
    );
}

#[test]
fn a_signature_by_an_rsa_key_above_the_limit_is_refused() {
    let (key, mut signature) = rsa(&RSA_PKCS1_SHA256, KeySize::Rsa2048);
    signature.resize(limits::RSA_SIGNATURE_BYTES, 0);
    assert!(!is_by(&key, &Signed::Bytes(MESSAGE.into()), &signature).unwrap());
    signature.push(0);
    assert_eq!(
        is_by(&key, &Signed::Bytes(MESSAGE.into()), &signature).unwrap_err(),
        SignatureError::Limit {
            what: "bytes of an RSA signature",
            found: 513,
            limit: 512
        }
    );
}

#[test]
fn a_key_that_is_none_or_of_another_kind_is_refused() {
    let (key, signature) = ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING);
    assert!(is_by(b"junk", &Signed::Bytes(MESSAGE.into()), &signature).is_err());
    // The last byte of the curve's name: another curve.
    let mut other = key.clone();
    let curve = other
        .windows(8)
        .position(|name| name == [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    other[curve.unwrap() + 7] = 1;
    assert_eq!(
        is_by(&other, &Signed::Bytes(MESSAGE.into()), &signature).unwrap_err(),
        SignatureError::Invalid {
            detail: concat!(
                "the key cannot be used: the algorithm 1.2.840.10045.3.1.1 is not supported, ",
                "expected ECDSA P-256, P-384 or P-521, RSA, RSASSA-PSS or Ed25519"
            )
            .to_owned()
        }
    );
}

const PSS: &str = include_str!("../../../tests/vectors/keys/rsassa-pss.pem");
const PSS_SHA256: &str = include_str!("../../../tests/vectors/keys/rsassa-pss-sha256.pem");
const PSS_SHA512: &str = include_str!("../../../tests/vectors/keys/rsassa-pss-sha512.pem");
