//! Assay's own credentials, read again as long as the server lives: passwords and tokens are replaced in their files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::ReadingError;
use crate::{
    limits,
    registry::{Keyring, OwnCredentials, RegistrySettings},
};

/// The files that hold credentials.
#[derive(Clone, Debug, Default)]
pub(super) struct CredentialFiles {
    /// The settings of registries, which name further files.
    pub(super) settings: Option<PathBuf>,
    pub(super) docker_config: Option<PathBuf>,
}

impl CredentialFiles {
    /// The settings as they are now.
    pub(super) fn settings(&self) -> Result<RegistrySettings, ReadingError> {
        match &self.settings {
            Some(file) => {
                let text = read(file)?;
                Ok(RegistrySettings::from_yaml(
                    &file.display().to_string(),
                    &text,
                )?)
            }
            None => Ok(RegistrySettings::default()),
        }
    }

    /// The credentials of these settings, and those of the docker config after them.
    pub(super) fn keyring(&self, settings: &RegistrySettings) -> Result<Keyring, ReadingError> {
        let mut keyring = settings.keyring();
        if let Some(file) = &self.docker_config {
            let origin = format!("docker config {}", file.display());
            let mut last = Keyring::default();
            last.add_docker_config_json(&origin, &read(file)?)?;
            keyring.append(&last);
        }
        Ok(keyring)
    }

    /// Reads them again and again until `stop`. What cannot be read is told once, and leaves in force what was.
    pub(super) fn follow(self, own: OwnCredentials, tasks: &TaskTracker, stop: CancellationToken) {
        if self.settings.is_none() && self.docker_config.is_none() {
            return;
        }
        tasks.spawn(async move { stop.run_until_cancelled(self.run(own)).await });
    }

    async fn run(self, own: OwnCredentials) {
        let mut told = None;
        loop {
            tokio::time::sleep(limits::OWN_CREDENTIALS_POLL).await;
            match self.settings().and_then(|settings| self.keyring(&settings)) {
                Ok(keyring) => {
                    own.replace(keyring);
                    told = None;
                }
                Err(error) => {
                    let text = error.to_string();
                    if told.as_ref() != Some(&text) {
                        tracing::warn!(%error, "Assay's own credentials stay as they were");
                        told = Some(text);
                    }
                }
            }
        }
    }
}

fn read(file: &Path) -> Result<String, ReadingError> {
    fs::read_to_string(file).map_err(|source| ReadingError::File {
        file: file.display().to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Repository;

    struct Files {
        folder: tempfile::TempDir,
        own: OwnCredentials,
        _tasks: TaskTracker,
    }

    impl Files {
        fn followed() -> Self {
            let folder = tempfile::TempDir::new().expect("a folder");
            let files = CredentialFiles {
                settings: Some(folder.path().join("registries.yaml")),
                docker_config: Some(folder.path().join("config.json")),
            };
            let (own, tasks) = (OwnCredentials::default(), TaskTracker::new());
            let followed = Self {
                folder,
                own: own.clone(),
                _tasks: tasks.clone(),
            };
            followed.write("config.json", "{}");
            followed.write("password", "first");
            followed.write(
                "registries.yaml",
                "registries: [{prefix: r.example, username: u, passwordFile: password}]",
            );
            files.follow(own, &tasks, CancellationToken::new());
            followed
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.folder.path().join(name), text).expect("written");
        }

        /// The passwords for the registry, at the next look.
        async fn next(&self) -> Vec<String> {
            tokio::time::sleep(limits::OWN_CREDENTIALS_POLL).await;
            tokio::task::yield_now().await;
            let repository: Repository = "r.example/app".parse().expect("a repository");
            let keyring = self.own.current();
            let found = keyring.lookup(&repository).into_iter();
            found.map(|one| one.password.reveal().to_owned()).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_replaced_is_used_and_what_cannot_be_read_changes_nothing() {
        let files = Files::followed();
        assert_eq!(files.next().await, ["first"]);
        files.write("password", "second");
        assert_eq!(files.next().await, ["second"]);
        files.write(
            "config.json",
            r#"{"auths": {"r.example": {"username": "v", "password": "third"}}}"#,
        );
        assert_eq!(files.next().await, ["second", "third"]);
        files.write("config.json", "s3cret");
        assert_eq!(files.next().await, ["second", "third"]);
        fs::remove_file(files.folder.path().join("password")).expect("removed");
        files.write("config.json", "{}");
        assert_eq!(files.next().await, ["second", "third"]);
        files.write("password", "fourth");
        assert_eq!(files.next().await, ["fourth"]);
    }
}
