//! Trust roots: those that can be read verify without harm, and never a signature for somebody who did not sign.

#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use assay::verify::{Against, Candidate, Layout, Signer, TrustRoot, VerifiedSignature, verify};
use assay_fuzz::{
    mutate_as_json,
    world::{self, WORLD},
};
use libfuzzer_sys::fuzz_target;

/// Good bundles, with the signature that each is.
static GOOD: LazyLock<Vec<(Candidate, VerifiedSignature)>> = LazyLock::new(|| {
    let bundles = world::folder("bundle").into_values();
    let found: Vec<_> = bundles
        .map(|content| world::candidate(Layout::Bundle, content, BTreeMap::new()))
        .filter_map(|candidate| {
            let trust_root = &WORLD.root;
            let against = Against::Certificate { trust_root };
            let found = verify(&candidate, &WORLD.image, against).ok()?;
            Some((candidate, found))
        })
        .collect();
    assert!(
        !found.is_empty(),
        "no bundle is accepted by its certificate"
    );
    found
});

fuzz_target!(
    init: {
        LazyLock::force(&GOOD);
    },
    |data: &[u8]| {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let Ok(root) = TrustRoot::from_json(text) else {
            return;
        };
        let again = TrustRoot::from_json(text).expect("what was read is read again");
        assert_eq!(again.version(), root.version());
        for (candidate, good) in GOOD.iter() {
            let against = Against::Certificate { trust_root: &root };
            if let Ok(found) = verify(candidate, &WORLD.image, against) {
                assert!(matches!(found.signer(), Signer::Certificate(_)));
                assert_eq!(found.signer(), good.signer());
                assert_eq!(found.annotations(), good.annotations());
            }
        }
    }
);

mutate_as_json!();
