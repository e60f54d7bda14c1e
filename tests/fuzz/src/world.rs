//! The private Sigstore that the seeds come from, as far as a verifier knows it: its trust root, its keys, and what
//! was signed. A test of the package writes it beside the seeds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use assay::{
    image::Digest,
    key::PublicKey,
    verify::{
        Against, Candidate, Layout, LogRequirement, SignatureError, Signer, TrustRoot,
        VerifiedSignature, verify,
    },
};
use jiff::Timestamp;

/// What a verifier of the seeds has.
pub struct World {
    /// The image that every seed signs.
    pub image: Digest,
    /// The trust root.
    pub root: TrustRoot,
    /// The keys of signers, by name.
    pub keys: BTreeMap<String, PublicKey>,
}

/// What a good signature says. A mutation of it may say less, but nothing else.
#[derive(Debug, Default)]
pub struct Meaning {
    signers: Vec<Signer>,
    annotations: Vec<BTreeMap<String, String>>,
    times: BTreeSet<Timestamp>,
    log_indices: BTreeSet<u64>,
}

/// What all good signatures of one layout say, by the bytes that are signed.
pub type Meanings = BTreeMap<Vec<u8>, Meaning>;

/// The world of the seeds.
pub static WORLD: LazyLock<World> = LazyLock::new(World::load);

impl World {
    fn load() -> Self {
        let root = String::from_utf8(read("trusted_root.json")).expect("UTF-8");
        let keys = folder("keys").into_iter().map(|(name, pem)| {
            let pem = String::from_utf8(pem).expect("UTF-8");
            (name, PublicKey::from_pem(&pem).expect("a usable key"))
        });
        Self {
            image: Digest::of(b"the image"),
            root: TrustRoot::from_json(&root).expect("a usable trust root"),
            keys: keys.collect(),
        }
    }

    /// Verifies in every way that a policy can ask for, and gives what was accepted.
    pub fn accepted(&self, candidate: &Candidate) -> Vec<VerifiedSignature> {
        self.ways()
            .filter_map(|against| {
                let verdict = verify(candidate, &self.image, against);
                if let Err(error) = &verdict {
                    assert!(is_bounded(error), "{error}");
                }
                // Only now and then, as it takes as long again.
                if candidate.digest.hex().starts_with('0') {
                    let again = verify(candidate, &self.image, against);
                    assert_eq!(format!("{verdict:?}"), format!("{again:?}"));
                }
                verdict.ok()
            })
            .collect()
    }

    fn ways(&self) -> impl Iterator<Item = Against<'_>> {
        let keyed = self.keys.values().flat_map(|key| {
            [LogRequirement::Require, LogRequirement::Ignore].map(|log| Against::Key {
                key,
                log,
                trust_root: Some(&self.root),
            })
        });
        let trust_root = &self.root;
        keyed.chain([Against::Certificate { trust_root }])
    }

    /// What the good signatures in this folder say.
    ///
    /// # Panics
    /// When one of them is accepted in no way: then the targets would test nothing.
    pub fn meanings(
        &self,
        folder_name: &str,
        candidate: impl Fn(&[u8]) -> Option<Candidate>,
        signed: impl Fn(&[u8]) -> Option<Vec<u8>>,
        poorer: impl Fn(&[u8]) -> Vec<Vec<u8>>,
    ) -> Meanings {
        let mut meanings = Meanings::new();
        for (name, content) in folder(folder_name) {
            let good = candidate(&content).expect("a candidate");
            let found = self.accepted(&good);
            assert!(!found.is_empty(), "{name} is accepted in no way");
            let payload = signed(&content).expect("a payload");
            let meaning = meanings.entry(payload).or_default();
            found.iter().for_each(|found| meaning.add(found));
            for poorer in poorer(&content) {
                let candidate = candidate(&poorer).expect("a candidate");
                let found = self.accepted(&candidate);
                found.iter().for_each(|found| meaning.add(found));
            }
        }
        assert!(
            !meanings.is_empty(),
            "there are no good signatures in {folder_name}"
        );
        meanings
    }
}

impl Meaning {
    fn add(&mut self, found: &VerifiedSignature) {
        self.signers.push(found.signer().clone());
        self.annotations.push(found.annotations().clone());
        self.times.extend(found.signed_at());
        self.log_indices.extend(found.log_index());
    }

    /// That this is no more than was signed.
    ///
    /// # Panics
    /// When it is.
    pub fn assert_covers(&self, found: &VerifiedSignature) {
        assert_eq!(found.image(), &WORLD.image);
        assert!(self.signers.contains(found.signer()), "{found:?}");
        assert!(self.annotations.contains(found.annotations()), "{found:?}");
        assert!(
            found.signed_at().is_none_or(|at| self.times.contains(&at)),
            "{found:?}"
        );
        assert!(
            found
                .log_index()
                .is_none_or(|at| self.log_indices.contains(&at)),
            "{found:?}"
        );
        if let Signer::Certificate(_) = found.signer() {
            assert!(found.signed_at().is_some(), "{found:?}");
        }
    }
}

/// A candidate of this layout.
pub fn candidate(
    layout: Layout,
    content: Vec<u8>,
    annotations: BTreeMap<String, String>,
) -> Candidate {
    Candidate {
        layout,
        digest: Digest::of(&content),
        content: content.into(),
        annotations,
    }
}

/// The files of a folder of the world, by name without extension.
pub fn folder(name: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(Path::new(WORLD_FOLDER).join(name)).expect(MISSING);
    entries
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let stem = path.file_stem().expect("a name").to_string_lossy();
            (stem.into_owned(), fs::read(&path).expect("a readable file"))
        })
        .collect()
}

/// A file of the world.
pub fn read(name: &str) -> Vec<u8> {
    fs::read(Path::new(WORLD_FOLDER).join(name)).expect(MISSING)
}

/// Errors end up in messages of bounded length, and hold no control characters.
fn is_bounded(error: &SignatureError) -> bool {
    let text = error.to_string();
    text.chars().count() <= 1000 && !text.chars().any(char::is_control)
}

const WORLD_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/world");
const MISSING: &str =
    "the seeds are missing; write them: cargo test --test it fuzz_seeds -- --ignored";
