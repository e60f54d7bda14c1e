//! Bundles: whatever is changed in a good one, what is accepted says no more than was signed.

#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use assay::verify::{Candidate, Layout};
use assay_fuzz::{
    mutate_as_json,
    world::{self, Meanings, WORLD},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

static GOOD: LazyLock<Meanings> =
    LazyLock::new(|| WORLD.meanings("bundle", |content| Some(candidate(content)), signed, poorer));

fuzz_target!(
    init: {
        LazyLock::force(&GOOD);
    },
    |data: &[u8]| {
        for found in WORLD.accepted(&candidate(data)) {
            // A second reader, so that no bundle means one thing to us and another to others.
            let signed = signed(data).expect("what is accepted holds a payload");
            let meaning = GOOD.get(&signed).expect("nobody signed this");
            meaning.assert_covers(&found);
        }
    }
);

mutate_as_json!();

fn candidate(content: &[u8]) -> Candidate {
    world::candidate(Layout::Bundle, content.to_vec(), BTreeMap::new())
}

/// The payload of the envelope. A bare signature is over the manifest itself.
fn signed(content: &[u8]) -> Option<Vec<u8>> {
    let bundle: Value = serde_json::from_slice(content).ok()?;
    if bundle
        .get("messageSignature")
        .is_some_and(|it| !it.is_null())
    {
        return Some(b"the manifest".to_vec());
    }
    let payload = bundle.pointer("/dsseEnvelope/payload")?.as_str()?;
    STANDARD.decode(payload).ok()
}

/// The same bundle without its proofs of time: what a mutation may take away.
fn poorer(content: &[u8]) -> Vec<Vec<u8>> {
    let without = |names: &[&str]| {
        let mut bundle: Value = serde_json::from_slice(content).ok()?;
        let material = bundle.pointer_mut("/verificationMaterial")?;
        for name in names {
            material[name] = match *name {
                "tlogEntries" => json!([]),
                _ => json!({}),
            };
        }
        Some(bundle.to_string().into_bytes())
    };
    [
        without(&["tlogEntries"]),
        without(&["timestampVerificationData"]),
        without(&["tlogEntries", "timestampVerificationData"]),
    ]
    .into_iter()
    .flatten()
    .collect()
}
