//! Every kind of body, bound to the signature that it is about and to no other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use sigstore_types::{DerCertificate, DerPublicKey, DsseEnvelope};

use super::*;
use crate::verify::{encoding::hex, log::Inclusion};

const LEAF: &[u8] = b"a certificate";
const KEY: &[u8] = b"a key";
const SIGNATURE: &[u8] = b"a signature";
const PAYLOAD: &[u8] = br#"{"_type":"a statement"}"#;

fn envelope() -> String {
    json!({
        "payload": STANDARD.encode(PAYLOAD),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{ "sig": STANDARD.encode(SIGNATURE) }],
    })
    .to_string()
}

fn credentials() -> [Credential; 2] {
    let leaf = LEAF.to_vec();
    let intermediates = Vec::new();
    [
        Credential::Key,
        Credential::Certificate {
            leaf,
            intermediates,
        },
    ]
}

fn material((signed, claim): (Signed, Claim), credential: Credential) -> Material {
    Material {
        signed,
        claim,
        signature: SIGNATURE.to_vec(),
        credential,
        entries: Ok(Vec::new()),
        inclusion: Inclusion::Proof,
        tokens: Ok(Vec::new()),
        imprinted: Bytes::new(),
    }
}

fn enveloped() -> (Signed, Claim) {
    let blob = envelope();
    let envelope: DsseEnvelope = serde_json::from_str(&blob).unwrap();
    Claim::of_envelope(envelope, Some(blob.into()))
}

fn payload() -> (Signed, Claim) {
    (
        Signed::Bytes(PAYLOAD.into()),
        Claim::Payload(PAYLOAD.into()),
    )
}

fn manifest() -> (Signed, Claim) {
    (Signed::Sha256(sha256(PAYLOAD)), Claim::Manifest)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    *sigstore_crypto::sha256(bytes).as_bytes()
}

fn hex_hash(bytes: &[u8]) -> Value {
    json!({ "algorithm": "sha256", "value": hex(&sha256(bytes)) })
}

fn base64_hash(bytes: &[u8]) -> Value {
    json!({ "algorithm": "SHA2_256", "digest": STANDARD.encode(sha256(bytes)) })
}

/// The PEM of what verifies, in Base64.
fn pem(credential: &Credential) -> String {
    STANDARD.encode(match credential {
        Credential::Key => DerPublicKey::from_bytes(KEY).to_pem(),
        Credential::Certificate { leaf, .. } => DerCertificate::from_bytes(leaf).to_pem(),
    })
}

fn verifier(credential: &Credential) -> Value {
    match credential {
        Credential::Key => json!({ "publicKey": { "rawBytes": STANDARD.encode(KEY) } }),
        Credential::Certificate { leaf, .. } => {
            json!({ "x509Certificate": { "rawBytes": STANDARD.encode(leaf) } })
        }
    }
}

fn pae() -> Vec<u8> {
    sigstore_types::pae("application/vnd.in-toto+json", PAYLOAD)
}

/// The body that a log would hold for this kind, over `content` where the kind is over a hash of what is signed.
fn body(kind: Kind, content: &[u8], by: &Credential) -> Value {
    let signature = STANDARD.encode(SIGNATURE);
    match kind {
        Kind::HashedRekord0_0_1 => json!({ "spec": {
            "data": { "hash": hex_hash(content) },
            "signature": { "content": signature, "publicKey": { "content": pem(by) } },
        }}),
        Kind::HashedRekord0_0_2 => json!({ "spec": { "hashedRekordV002": {
            "data": base64_hash(content),
            "signature": { "content": signature, "verifier": verifier(by) },
        }}}),
        Kind::Dsse0_0_1 => json!({ "spec": {
            "envelopeHash": hex_hash(b"spelled in another way"),
            "payloadHash": hex_hash(PAYLOAD),
            "signatures": [{ "signature": signature, "verifier": pem(by) }],
        }}),
        Kind::Dsse0_0_2 => json!({ "spec": { "dsseV002": {
            "payloadHash": base64_hash(PAYLOAD),
            "signatures": [{ "content": signature, "verifier": verifier(by) }],
        }}}),
        Kind::Intoto0_0_1 => json!({ "spec": {
            "content": { "hash": hex_hash(envelope().as_bytes()) },
            "publicKey": pem(by),
        }}),
        Kind::Intoto0_0_2 => json!({ "spec": { "content": {
            "envelope": {
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{ "sig": STANDARD.encode(&signature), "publicKey": pem(by) }],
            },
            "payloadHash": hex_hash(PAYLOAD),
        }}}),
    }
}

fn bound(kind: Kind, body: &Value, material: &Material) -> Result<(), SignatureError> {
    bind(kind, body.to_string().as_bytes(), material, KEY)
}

/// What may be logged as what.
fn cases() -> Vec<(Kind, (Signed, Claim), Vec<u8>)> {
    vec![
        (Kind::HashedRekord0_0_1, payload(), PAYLOAD.to_vec()),
        (Kind::HashedRekord0_0_1, manifest(), PAYLOAD.to_vec()),
        (Kind::HashedRekord0_0_2, payload(), PAYLOAD.to_vec()),
        (Kind::HashedRekord0_0_2, manifest(), PAYLOAD.to_vec()),
        (Kind::HashedRekord0_0_2, enveloped(), pae()),
        (Kind::Dsse0_0_1, enveloped(), Vec::new()),
        (Kind::Dsse0_0_2, enveloped(), Vec::new()),
        (Kind::Intoto0_0_1, enveloped(), Vec::new()),
        (Kind::Intoto0_0_2, enveloped(), Vec::new()),
    ]
}

#[test]
fn a_body_of_every_kind_is_bound_to_its_signature() {
    for which in 0..2 {
        for (kind, signed, content) in cases() {
            let [key, certificate] = credentials();
            let by = if which == 0 { key } else { certificate };
            let body = body(kind, &content, &by);
            bound(kind, &body, &material(signed, by)).unwrap_or_else(|error| {
                panic!("{kind:?}: {error}");
            });
        }
    }
}

#[test]
fn a_body_of_any_kind_about_something_else_is_refused() {
    // Every text of the body, but those that bind nothing, replaced by one of the same form.
    for (kind, signed, content) in cases() {
        let [by, other] = credentials();
        let good = body(kind, &content, &by);
        let material = material(signed, by);
        let verifies = body(kind, &content, &other);
        assert_eq!(
            bound(kind, &verifies, &material).unwrap_err(),
            missing("the entry names another key or certificate"),
            "{kind:?}"
        );
        let mut places = Vec::new();
        texts(&good, String::new(), &mut places);
        for place in places
            .iter()
            .filter(|place| !place.contains("envelopeHash"))
        {
            let mut changed = good.clone();
            let text = changed.pointer_mut(place).unwrap();
            *text = swapped(text.as_str().unwrap()).into();
            assert!(
                bound(kind, &changed, &material).is_err(),
                "{kind:?}: {place}"
            );
        }
    }
}

fn texts(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                texts(field, format!("{place}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts(item, format!("{place}/{index}"), found);
            }
        }
        _ => found.push(place),
    }
}

/// Two neighbours in the middle exchanged, or one replaced where they are alike.
fn swapped(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = bytes.len() / 2;
    if bytes[at] == bytes[at + 1] {
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    } else {
        bytes.swap(at, at + 1);
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn an_envelope_as_written_in_a_bundle_is_not_what_intoto_0_0_1_logged() {
    let [by, _] = credentials();
    let body = body(Kind::Intoto0_0_1, &[], &by);
    let (signed, claim) = enveloped();
    let Claim::Envelope { envelope, .. } = claim else {
        panic!("no envelope")
    };
    let claim = Claim::Envelope {
        envelope,
        blob: None,
    };
    let error = bound(Kind::Intoto0_0_1, &body, &material((signed, claim), by)).unwrap_err();
    assert!(
        error.to_string().contains("which a bundle does not keep"),
        "{error}"
    );
}

#[test]
fn kinds_for_envelopes_and_kinds_for_content_are_not_taken_for_each_other() {
    for (kind, signed, content) in [
        (Kind::HashedRekord0_0_1, enveloped(), pae()),
        (Kind::Dsse0_0_1, payload(), Vec::new()),
        (Kind::Dsse0_0_2, manifest(), Vec::new()),
        (Kind::Intoto0_0_1, payload(), Vec::new()),
        (Kind::Intoto0_0_2, manifest(), Vec::new()),
    ] {
        let [by, _] = credentials();
        let body = body(kind, &content, &by);
        assert!(
            bound(kind, &body, &material(signed, by)).is_err(),
            "{kind:?}"
        );
    }
}

#[test]
fn an_entry_about_two_signatures_is_refused() {
    for kind in [Kind::Dsse0_0_1, Kind::Intoto0_0_2] {
        let [by, _] = credentials();
        let mut body = body(kind, &[], &by);
        let place = match kind {
            Kind::Dsse0_0_1 => "/spec/signatures",
            _ => "/spec/content/envelope/signatures",
        };
        let signatures = body.pointer_mut(place).unwrap().as_array_mut().unwrap();
        signatures.push(signatures[0].clone());
        assert!(
            bound(kind, &body, &material(enveloped(), by)).is_err(),
            "{kind:?}"
        );
    }
}
