//! Statements and payloads of someone who may sign: genuinely signed, whatever they say.

#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use assay::{
    image::Digest,
    key::PublicKey,
    sandbox::sigstore::{PrivateSigstore, SigningKeyPair},
    verify::{
        Against, Candidate, Layout, LogRequirement, VerifiedSignature, verify, verify_attestation,
    },
};
use assay_fuzz::{mutate_as_json, world};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

struct Signer {
    sigstore: PrivateSigstore,
    pair: SigningKeyPair,
    key: PublicKey,
    image: Digest,
}

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let pair = SigningKeyPair::generate().expect("a key");
    let now = Timestamp::constant(1_767_323_045, 0);
    Signer {
        sigstore: PrivateSigstore::new(now).expect("a private Sigstore"),
        key: PublicKey::from_pem(&pair.public_pem()).expect("a usable key"),
        pair,
        image: Digest::of(b"the image"),
    }
});

fuzz_target!(|data: &[u8]| {
    let bundle = SIGNER.bundle(data);
    if let Ok(found) = verify(&bundle, &SIGNER.image, SIGNER.against()) {
        let statement: Value = serde_json::from_slice(data).expect("JSON");
        assert_eq!(statement["predicateType"], SIGN_PREDICATE);
        is_claimed(&found, &about_the_image(&statement)["annotations"]);
    }
    if let Ok(found) = verify_attestation(&bundle, &SIGNER.image, SIGNER.against()) {
        let statement: Value = serde_json::from_slice(data).expect("JSON");
        assert_eq!(statement["predicateType"], found.predicate_type());
        assert_eq!(found.statement().as_ref(), data);
        about_the_image(&statement);
    }
    let payload = SIGNER.legacy(data);
    if let Ok(found) = verify(&payload, &SIGNER.image, SIGNER.against()) {
        let payload: Value = serde_json::from_slice(data).expect("JSON");
        let critical = &payload["critical"];
        assert_eq!(critical["type"], "cosign container image signature");
        assert_eq!(
            critical["image"]["docker-manifest-digest"],
            SIGNER.image.as_str()
        );
        is_claimed(&found, &payload["optional"]);
    }
});

mutate_as_json!();

impl Signer {
    fn bundle(&self, payload: &[u8]) -> Candidate {
        let signing = self.sigstore.sign_with(&self.pair, &self.image);
        let signed = signing.without_log().payload(payload).bundle();
        let content = signed.expect("a signature").content.to_vec();
        world::candidate(Layout::Bundle, content, BTreeMap::new())
    }

    fn legacy(&self, payload: &[u8]) -> Candidate {
        let signing = self.sigstore.sign_with(&self.pair, &self.image);
        let signed = signing.without_log().payload(payload).legacy();
        let signed = signed.expect("a signature");
        world::candidate(Layout::Legacy, signed.content.to_vec(), signed.annotations)
    }

    fn against(&self) -> Against<'_> {
        Against::Key {
            key: &self.key,
            log: LogRequirement::Ignore,
            trust_root: None,
        }
    }
}

/// What a second reader finds about the image.
fn about_the_image(statement: &Value) -> &Value {
    let entries = statement["subject"].as_array().expect("a list");
    entries
        .iter()
        .find(|entry| entry["digest"]["sha256"] == SIGNER.image.hex())
        .expect("the statement names the image")
}

/// The signer's annotations are those that a second reader finds.
fn is_claimed(found: &VerifiedSignature, annotations: &Value) {
    let texts = annotations.as_object().into_iter().flatten();
    let texts: BTreeMap<String, String> = texts
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    assert_eq!(found.annotations(), &texts);
}

const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
