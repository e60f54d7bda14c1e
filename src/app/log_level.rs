//! The log level out of a file, followed as the file changes.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{fs::File, io::AsyncReadExt, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::watched;
use crate::{
    file_watch::{folder_of, watch_folders},
    limits,
    telemetry::LogLevel,
};

/// Puts the level of a file in force, if there is a file, and follows its changes until `stop`.
///
/// What cannot be used is told once and changes nothing. Without the file, or while it is empty, the level is that of
/// the flag.
pub(super) async fn follow(
    file: Option<PathBuf>,
    level: LogLevel,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    if let Some(file) = file {
        let mut follower = Follower::new(file, level);
        follower.look().await;
        let following = async move {
            stop.run_until_cancelled(follower.run()).await;
        };
        watched::spawn(tasks, "log level", following);
    }
}

struct Follower {
    file: PathBuf,
    level: LogLevel,
    seen: Seen,
}

/// What one look at the file found.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Seen {
    /// Nothing, or nothing but spaces.
    Nothing,
    Level(String),
    Unreadable(String),
}

impl Follower {
    /// A follower that has not looked yet.
    fn new(file: PathBuf, level: LogLevel) -> Self {
        let seen = Seen::Nothing;
        Self { file, level, seen }
    }

    async fn run(mut self) {
        let changed = Arc::new(Notify::new());
        // Kept alive by this binding; the poll goes on alone where the system gives no watch.
        let _watcher = watch_folders(&[folder_of(&self.file)].into(), &changed).inspect_err(
            |error| tracing::warn!(%error, "the log level's folder cannot be watched, polling it"),
        );
        loop {
            self.look().await;
            tokio::select! {
                () = changed.notified() => {}
                () = tokio::time::sleep(limits::LOG_LEVEL_POLL) => {}
            }
        }
    }

    /// Looks at the file once.
    async fn look(&mut self) {
        let seen = read(&self.file).await;
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        let set = match &self.seen {
            Seen::Nothing => self.level.set(self.level.first()),
            Seen::Level(level) => self.level.set(level),
            Seen::Unreadable(reason) => {
                let file = self.file.display();
                tracing::error!(%file, reason, "the log level cannot be read, the old one stays");
                return;
            }
        };
        if let Err(error) = set {
            let (file, error) = (self.file.display(), error.to_string());
            tracing::error!(%file, error, "the log level is refused, the old one stays");
        }
    }
}

async fn read(path: &Path) -> Seen {
    let mut text = String::new();
    let read = async {
        let file = File::open(path).await?;
        file.take(limits::LOG_LEVEL_BYTES + 1)
            .read_to_string(&mut text)
            .await
    };
    match read.await {
        Err(error) if error.kind() == ErrorKind::NotFound => Seen::Nothing,
        Err(error) => Seen::Unreadable(error.to_string()),
        Ok(bytes) if bytes as u64 > limits::LOG_LEVEL_BYTES => Seen::Unreadable(format!(
            "it has more than {} bytes",
            limits::LOG_LEVEL_BYTES
        )),
        Ok(_) => match text.trim() {
            "" => Seen::Nothing,
            level => Seen::Level(level.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_over_the_limit_is_not_read_and_an_empty_one_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("level");
        let seen = async |text: &str| {
            std::fs::write(&file, text).unwrap();
            read(&file).await
        };
        assert_eq!(read(&folder.path().join("absent")).await, Seen::Nothing);
        assert_eq!(seen(" \n").await, Seen::Nothing);
        let whole = usize::try_from(limits::LOG_LEVEL_BYTES).unwrap();
        let level = "x".repeat(whole);
        assert_eq!(seen(&level).await, Seen::Level(level.clone()));
        assert_eq!(
            seen(&format!("{level}x")).await,
            Seen::Unreadable(format!("it has more than {whole} bytes"))
        );
    }
}
