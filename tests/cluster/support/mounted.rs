//! A folder as the kubelet mounts a Secret.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Files that change all at once: each is a link into `..data`, itself a link that is swapped.
pub(crate) struct MountedFolder {
    /// Where it is.
    pub(crate) folder: PathBuf,
    generation: usize,
    content: Files,
}

/// File names and contents.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

impl MountedFolder {
    /// With these files in it.
    pub(crate) fn new(folder: &Path, content: Files) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let mut mounted = Self {
            folder: folder.to_owned(),
            generation: 0,
            content: Files::new(),
        };
        mounted.swap(content);
        mounted
    }

    /// Puts these files in place of the present ones, unless they are the same.
    pub(crate) fn replace(&mut self, content: Files) {
        if content != self.content {
            self.swap(content);
        }
    }

    fn swap(&mut self, content: Files) {
        let old = format!("..{:04}", self.generation);
        self.generation += 1;
        let new = format!("..{:04}", self.generation);
        fs::create_dir(self.folder.join(&new)).expect("the folder can be made");
        for (name, bytes) in &content {
            let file = self.folder.join(&new).join(name);
            fs::write(file, bytes).expect("it can be written");
        }
        let link = self.folder.join("..data_tmp");
        symlink(&new, &link).expect("links can be made");
        fs::rename(&link, self.folder.join("..data")).expect("links can be swapped");
        for name in content
            .keys()
            .filter(|name| !self.content.contains_key(*name))
        {
            symlink(Path::new("..data").join(name), self.folder.join(name))
                .expect("links can be made");
        }
        for name in self
            .content
            .keys()
            .filter(|name| !content.contains_key(*name))
        {
            fs::remove_file(self.folder.join(name)).expect("links can be removed");
        }
        let _ = fs::remove_dir_all(self.folder.join(old));
        self.content = content;
    }
}

#[test]
fn a_mounted_folder_shows_the_newest_files_and_no_others() {
    let parent = tempfile::tempdir().unwrap();
    let files = |names: &[&str]| -> Files {
        let pair = |name: &&str| ((*name).to_owned(), name.as_bytes().to_vec());
        names.iter().map(pair).collect()
    };
    let mut mounted = MountedFolder::new(&parent.path().join("m"), files(&["a", "b"]));
    mounted.replace(files(&["b", "c"]));
    let mut seen: Vec<_> = fs::read_dir(&mounted.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    seen.sort();
    assert_eq!(seen, ["..0002", "..data", "b", "c"]);
    assert_eq!(fs::read(mounted.folder.join("c")).unwrap(), b"c");
}
