mod key_pair;
mod layouts;
mod mutation;
mod openssl;
mod oracle;
mod tuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_767_323_045, 0);

#[test]
fn a_bundle_names_what_cosign_names() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let image = Digest::of(b"the image");
    let signed = sigstore
        .sign_as(&Claims::gitlab("acme/shop/api", "refs/heads/main"), &image)
        .bundle()
        .unwrap();
    assert_eq!(
        signed.media_type,
        "application/vnd.dev.sigstore.bundle.v0.3+json"
    );
    assert_eq!(
        signed.annotations["dev.sigstore.bundle.predicateType"],
        "https://sigstore.dev/cosign/sign/v1"
    );
    let json: serde_json::Value = serde_json::from_slice(&signed.content).unwrap();
    let payload = STANDARD
        .decode(json["dsseEnvelope"]["payload"].as_str().unwrap())
        .unwrap();
    let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        statement,
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "digest": { "sha256": image.hex() } }],
            "predicateType": "https://sigstore.dev/cosign/sign/v1",
            "predicate": {},
        })
    );
}

#[test]
fn a_keyed_payload_without_log_has_only_its_signature_beside_it() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let key = SigningKeyPair::generate().unwrap();
    let signed = sigstore
        .sign_with(&key, &Digest::of(b"the image"))
        .without_log()
        .legacy()
        .unwrap();
    assert_eq!(
        signed.media_type,
        "application/vnd.dev.cosign.simplesigning.v1+json"
    );
    assert_eq!(
        signed.annotations.keys().collect::<Vec<_>>(),
        ["dev.cosignproject.cosign/signature"]
    );
}

#[test]
fn a_time_before_1970_cannot_be_signed_at() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let claims = Claims::email("dev@acme.example", "https://accounts.google.com");
    let before = Timestamp::constant(-1, 0);
    let result = sigstore
        .sign_as(&claims, &Digest::of(b"the image"))
        .at(before)
        .bundle();
    assert!(matches!(result, Err(SandboxError::Time { at }) if at == before));
}
