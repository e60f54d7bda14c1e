//! The older layout: a payload and the annotations beside it, as `{"payload": …, "annotations": {…}}`.

#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use assay::verify::{Candidate, Layout};
use assay_fuzz::{
    mutate_as_json,
    world::{self, Meanings, WORLD},
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static GOOD: LazyLock<Meanings> =
    LazyLock::new(|| WORLD.meanings("legacy", candidate, signed, poorer));

fuzz_target!(
    init: {
        LazyLock::force(&GOOD);
    },
    |data: &[u8]| {
        let Some(candidate) = candidate(data) else {
            return;
        };
        for found in WORLD.accepted(&candidate) {
            let meaning = GOOD.get(candidate.content.as_ref());
            meaning.expect("nobody signed this").assert_covers(&found);
        }
    }
);

mutate_as_json!();

fn candidate(data: &[u8]) -> Option<Candidate> {
    let input: Value = serde_json::from_slice(data).ok()?;
    let payload = input.get("payload")?.as_str()?;
    let annotations = input.get("annotations")?.as_object()?.iter();
    let annotations: BTreeMap<String, String> = annotations
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    Some(world::candidate(
        Layout::Legacy,
        payload.into(),
        annotations,
    ))
}

fn signed(data: &[u8]) -> Option<Vec<u8>> {
    Some(candidate(data)?.content.to_vec())
}

/// The same without its proofs of time: what a mutation may take away.
fn poorer(data: &[u8]) -> Vec<Vec<u8>> {
    let entry = "dev.sigstore.cosign/bundle";
    let timestamp = "dev.sigstore.cosign/rfc3161timestamp";
    [&[entry][..], &[timestamp], &[entry, timestamp]]
        .into_iter()
        .filter_map(|names| {
            let mut input: Value = serde_json::from_slice(data).ok()?;
            let annotations = input.get_mut("annotations")?.as_object_mut()?;
            annotations.retain(|name, _| !names.contains(&name.as_str()));
            Some(input.to_string().into_bytes())
        })
        .collect()
}
