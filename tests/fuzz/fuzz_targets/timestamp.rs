//! Signed timestamps: whatever is changed in a good one, it says the time that it was made at, or nothing.

#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use assay::verify::fuzzing::verified_time;
use assay_fuzz::world::{self, WORLD};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// What was imprinted, with the time in the token over it.
static GOOD: LazyLock<Vec<(Vec<u8>, Timestamp)>> = LazyLock::new(|| {
    let tokens: BTreeMap<_, _> = world::folder("timestamp/tokens");
    let imprinted = world::folder("timestamp/imprinted");
    let good = tokens.iter().map(|(name, token)| {
        let over = &imprinted[name];
        let time = verified_time(token, over, &WORLD.root);
        let time = time.expect("a good token").expect("of a known authority");
        (over.clone(), time)
    });
    good.collect()
});

fuzz_target!(
    init: {
        assert!(!GOOD.is_empty(), "there is no good token");
    },
    |data: &[u8]| {
        for (imprinted, time) in GOOD.iter() {
            if let Ok(Some(found)) = verified_time(data, imprinted, &WORLD.root) {
                assert_eq!(found, *time);
            }
        }
        let other = verified_time(data, b"nobody imprinted this", &WORLD.root);
        assert!(!matches!(other, Ok(Some(_))), "{other:?}");
    }
);
