//! The files that say how registries are read, and with what.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::ReadingError;
use crate::{
    file_watch::folder_of,
    registry::{Keyring, RegistrySettings},
};

/// Which files they are.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadingFiles {
    /// The settings of registries, which name further files.
    pub(super) settings: Option<PathBuf>,
    pub(super) docker_config: Option<DockerConfig>,
}

/// Where a docker config is.
#[derive(Clone, Debug)]
pub(super) enum DockerConfig {
    /// Where a flag says, so it has to hold a login.
    Named(PathBuf),
    /// Where docker has its own, which may hold none.
    OfDocker(PathBuf),
}

/// What they say.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) settings: RegistrySettings,
    /// The credentials of the settings, and those of the docker config after them.
    pub(super) keyring: Keyring,
}

impl ReadingFiles {
    /// Everything as it is now, or nothing of it.
    pub(super) fn read(&self) -> Result<Read, ReadingError> {
        let settings = match &self.settings {
            Some(file) => RegistrySettings::from_yaml(&file.display().to_string(), &read(file)?)?,
            None => RegistrySettings::default(),
        };
        let mut keyring = settings.keyring();
        if let Some(config) = &self.docker_config {
            keyring.append(&config.keyring()?);
        }
        Ok(Read { settings, keyring })
    }

    /// The folders of the files, and of those that these settings name.
    pub(super) fn folders<'a>(&'a self, settings: &'a RegistrySettings) -> BTreeSet<&'a Path> {
        let settings_file = self.settings.as_deref();
        let docker_config = self.docker_config.as_ref().map(DockerConfig::file);
        let own = settings_file.into_iter().chain(docker_config);
        own.chain(settings.files()).map(folder_of).collect()
    }

    pub(super) fn is_none(&self) -> bool {
        self.settings.is_none() && self.docker_config.is_none()
    }
}

impl DockerConfig {
    fn file(&self) -> &Path {
        match self {
            Self::Named(file) | Self::OfDocker(file) => file,
        }
    }

    fn keyring(&self) -> Result<Keyring, ReadingError> {
        let file = self.file();
        let origin = format!("docker config {}", file.display());
        match (Keyring::of_docker_config(&origin, &read(file)?)?, self) {
            (Ok(keyring), _) => Ok(keyring),
            (Err(_), Self::OfDocker(_)) => Ok(Keyring::default()),
            (Err(reason), Self::Named(_)) => Err(ReadingError::NoLogin { origin, reason }),
        }
    }
}

fn read(file: &Path) -> Result<String, ReadingError> {
    fs::read_to_string(file).map_err(|source| ReadingError::File {
        file: file.display().to_string(),
        source,
    })
}
