//! Copies in a directory, one file for each trust root.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use futures::future::BoxFuture;
use rand::Rng as _;

use super::CopyKeeper;
use crate::limits;

/// A directory that copies are kept in. It is made when the first copy is.
#[derive(Clone, Debug)]
pub struct CacheDirectory(PathBuf);

impl CacheDirectory {
    /// Keeps copies here.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// The copy of the root of this name, if there is one that can be read. Not verified.
    pub fn load(&self, name: &str) -> Option<String> {
        let path = self.path(name)?;
        match read(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let file = path.display();
                tracing::warn!(%file, %error, "the kept copy of a trust root cannot be read");
                None
            }
        }
    }

    /// Where the copy lies; none for a name that could lead out of the directory.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        let is_file_name = name.len() <= limits::NAME_BYTES
            && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && name.chars().all(is_plain);
        is_file_name.then(|| self.0.join(format!("trust-root-{name}.json")))
    }
}

impl CopyKeeper for CacheDirectory {
    fn keep<'a>(&'a self, name: &'a str, copy: String) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let path = self
                .path(name)
                .ok_or_else(|| format!("{name:?} is no name of a Kubernetes object"))?;
            let written = tokio::task::spawn_blocking(move || write(&path, &copy)).await;
            written
                .unwrap_or_else(|error| Err(io::Error::other(error)))
                .map_err(|error| error.to_string())
        })
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = limits::TUF_COPY_BYTES as u64;
    // One byte more: then the reader of the copy says that it is too large.
    File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// A reader sees the old copy or the new one, and never a part of one.
fn write(path: &Path, copy: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".unfinished-{:016x}", rand::rng().random::<u64>()));
    let written = write_whole(&unfinished, copy).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write_whole(path: &Path, copy: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(copy.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_replaces_the_older_one_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let directory = CacheDirectory::new(folder.path().join("cache"));
        assert_eq!(directory.load("private"), None);
        directory.keep("private", "one".to_owned()).await.unwrap();
        directory.keep("private", "two".to_owned()).await.unwrap();
        assert_eq!(directory.load("private"), Some("two".to_owned()));
        let names: Vec<String> = fs::read_dir(folder.path().join("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names, ["trust-root-private.json"]);
    }

    #[tokio::test]
    async fn a_name_cannot_lead_out_of_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let directory = CacheDirectory::new(folder.path());
        for name in ["../up", "", "a/b", ".hidden", "a\0"] {
            assert!(directory.keep(name, String::new()).await.is_err(), "{name}");
            assert_eq!(directory.load(name), None);
        }
    }
}
