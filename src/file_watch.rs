//! Notices that files are exchanged.
//!
//! The kubelet renews a mounted `Secret` or `ConfigMap` by writing a new folder and swapping the symbolic link `..data` to
//! it, so the files themselves see no event: their *folder* is watched. What an event misses, a slow poll has to find.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Notifies of every change in these folders for as long as what it returns lives.
///
/// # Errors
///
/// When the system gives no watch.
pub fn watch_folders(
    folders: &BTreeSet<&Path>,
    changed: &Arc<Notify>,
) -> notify::Result<RecommendedWatcher> {
    let notify = Arc::clone(changed);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Our own reading is an event too, and must not lead to the next.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            notify.notify_one();
        }
    })?;
    for folder in folders {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

/// The folder that a file stands in.
pub fn folder_of(file: &Path) -> &Path {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_folder_stands_in_the_present_one() {
        assert_eq!(folder_of(Path::new("a/b.yaml")), Path::new("a"));
        assert_eq!(folder_of(Path::new("b.yaml")), Path::new("."));
    }
}
