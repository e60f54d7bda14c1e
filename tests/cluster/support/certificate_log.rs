//! A certificate log (RFC 6962): it signs timestamps for Fulcio and keeps no tree, which nobody here reads.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use axum::{Json, Router, routing::post};
use base64::{Engine, engine::general_purpose::STANDARD};
use der::{Decode, Encode, asn1::ObjectIdentifier};
use rcgen::{KeyPair, PublicKeyData};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};
use x509_cert::Certificate;

use super::assay::runtime;

/// Signs certificate timestamps.
pub(crate) struct CertificateLog {
    /// `http://127.0.0.1:port`.
    pub(crate) url: String,
    /// Its public key, PEM.
    pub(crate) public_key: String,
    _runtime: Runtime,
}

impl CertificateLog {
    /// With a new key, on a free port.
    pub(crate) fn serve() -> Self {
        let pair = KeyPair::generate().expect("keys can be made");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.serialized_der())
            .expect("P-256 is what is made by default");
        let runtime = runtime();
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("loopback has free ports");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let id = STANDARD.encode(digest(&SHA256, &pair.subject_public_key_info()));
        let add = async move |Json(request): Json<Value>| Json(timestamp(&key, &id, &request));
        let router = Router::new().route("/ct/v1/add-pre-chain", post(add));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            public_key: pair.public_key_pem(),
            _runtime: runtime,
        }
    }
}

/// The answer to `add-pre-chain` (section 4.2).
fn timestamp(key: &EcdsaKeyPair, id: &str, request: &Value) -> Value {
    let certificate = |index: usize| {
        let text = request["chain"][index].as_str().expect("a chain of two");
        let der = STANDARD.decode(text).expect("it is base64");
        Certificate::from_der(&der).expect("it is a certificate")
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    let milliseconds = u64::try_from(now.as_millis()).expect("it is before the year 500000000");
    let signed = signed_data(certificate(0), &certificate(1), milliseconds);
    let signature = key.sign(&SystemRandom::new(), &signed).expect("it signs");
    // SHA-256 and ECDSA, as TLS numbers them.
    let mut digitally_signed = vec![4, 3];
    let length = u16::try_from(signature.as_ref().len()).expect("signatures are short");
    digitally_signed.extend(length.to_be_bytes());
    digitally_signed.extend(signature.as_ref());
    json!({
        "sct_version": 0,
        "id": id,
        "timestamp": milliseconds,
        "extensions": "",
        "signature": STANDARD.encode(digitally_signed),
    })
}

/// What a timestamp of a precertificate signs (section 3.2).
fn signed_data(precertificate: Certificate, issuing: &Certificate, milliseconds: u64) -> Vec<u8> {
    let mut contents = precertificate.tbs_certificate;
    if let Some(extensions) = &mut contents.extensions {
        extensions.retain(|extension| extension.extn_id != POISON);
    }
    let contents = contents.to_der().expect("it can be encoded");
    let issuing_key = &issuing.tbs_certificate.subject_public_key_info;
    let issuing_key = issuing_key.to_der().expect("it can be encoded");
    let length = u32::try_from(contents.len()).expect("certificates are small");
    let mut signed = vec![0, 0];
    signed.extend(milliseconds.to_be_bytes());
    signed.extend([0, 1]);
    signed.extend(digest(&SHA256, &issuing_key).as_ref());
    signed.extend(&length.to_be_bytes()[1..]);
    signed.extend(contents);
    signed.extend([0, 0]);
    signed
}

/// Marks a certificate that is only for the log.
const POISON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.3");
