use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use super::*;

/// Each kind of key, each hash and padding of cosign's generations, and what verifies it.
fn combinations() -> Vec<(
    KeyKind,
    HashAlgorithm,
    RsaPadding,
    &'static dyn VerificationAlgorithm,
)> {
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    use KeyKind::{Ed25519, P256, P384, P521, Rsa, Rsa3072};
    use RsaPadding::{Pkcs1, Pss};
    vec![
        (P256, Sha256, Pkcs1, &signature::ECDSA_P256_SHA256_ASN1),
        (P256, Sha384, Pkcs1, &signature::ECDSA_P256_SHA384_ASN1),
        (P256, Sha512, Pkcs1, &signature::ECDSA_P256_SHA512_ASN1),
        (P384, Sha256, Pkcs1, &signature::ECDSA_P384_SHA256_ASN1),
        (P384, Sha384, Pkcs1, &signature::ECDSA_P384_SHA384_ASN1),
        (P384, Sha512, Pkcs1, &signature::ECDSA_P384_SHA512_ASN1),
        (P521, Sha256, Pkcs1, &signature::ECDSA_P521_SHA256_ASN1),
        (P521, Sha384, Pkcs1, &signature::ECDSA_P521_SHA384_ASN1),
        (P521, Sha512, Pkcs1, &signature::ECDSA_P521_SHA512_ASN1),
        (Ed25519, Sha256, Pkcs1, &signature::ED25519),
        (Rsa, Sha256, Pkcs1, &signature::RSA_PKCS1_2048_8192_SHA256),
        (Rsa, Sha384, Pkcs1, &signature::RSA_PKCS1_2048_8192_SHA384),
        (Rsa, Sha512, Pkcs1, &signature::RSA_PKCS1_2048_8192_SHA512),
        (Rsa, Sha256, Pss, &signature::RSA_PSS_2048_8192_SHA256),
        (Rsa, Sha384, Pss, &signature::RSA_PSS_2048_8192_SHA384),
        (Rsa, Sha512, Pss, &signature::RSA_PSS_2048_8192_SHA512),
        (Rsa3072, Sha256, Pss, &signature::RSA_PSS_2048_8192_SHA256),
    ]
}

#[test]
fn every_kind_of_key_signs_with_every_hash() {
    for (kind, hash, padding, algorithm) in combinations() {
        let key = SigningKeyPair::generate_of(kind)
            .unwrap()
            .with_hash(hash)
            .with_padding(padding);
        let signature = key.sign(b"a message").unwrap();
        let info = x509_cert::spki::SubjectPublicKeyInfoRef::try_from(key.public_der()).unwrap();
        let public = UnparsedPublicKey::new(algorithm, info.subject_public_key.raw_bytes());
        assert!(
            public.verify(b"a message", &signature).is_ok(),
            "{kind:?} {hash:?} {padding:?}"
        );
        assert!(public.verify(b"another", &signature).is_err());
    }
}

#[test]
fn an_ed25519_key_signs_no_hash() {
    let key = SigningKeyPair::generate_of(KeyKind::Ed25519).unwrap();
    let result = key.sign_hashed(&[0; 32]);
    assert!(matches!(result, Err(SandboxError::Unwritable { .. })));
}
