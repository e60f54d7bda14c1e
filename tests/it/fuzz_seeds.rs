//! Writes what the fuzz targets begin with: good signatures of every layout and what verifies them, policies,
//! reviews and whatever else they read. The signatures are of keys that are made anew each time, so that nothing of
//! it is kept in the repository.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions of a test may fail loudly"
)]

mod signatures;
mod texts;

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
#[ignore = "writes tests/fuzz/corpus, for the fuzz targets"]
fn fuzz_seeds() {
    let corpus = Corpus(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus"));
    // Signatures of another world would be good in none.
    let world = corpus.0.join("world");
    if world.exists() {
        fs::remove_dir_all(world).unwrap();
    }
    signatures::write(&corpus);
    texts::write(&corpus);
    for target in targets() {
        let seeds = fs::read_dir(corpus.0.join(&target)).map_or(0, Iterator::count);
        assert!(seeds > 2, "{target} has {seeds} seeds");
    }
}

/// The folder with one folder for each target.
struct Corpus(PathBuf);

impl Corpus {
    fn put(&self, folder: &str, name: &str, content: impl AsRef<[u8]>) {
        let folder = self.0.join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), content).unwrap();
    }
}

fn targets() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/fuzz_targets");
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect()
}
