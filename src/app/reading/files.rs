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
    pub(super) docker_config: Option<PathBuf>,
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
        if let Some(file) = &self.docker_config {
            let origin = format!("docker config {}", file.display());
            let mut last = Keyring::default();
            last.add_docker_config_json(&origin, &read(file)?)?;
            keyring.append(&last);
        }
        Ok(Read { settings, keyring })
    }

    /// The folders of the files, and of those that these settings name.
    pub(super) fn folders<'a>(&'a self, settings: &'a RegistrySettings) -> BTreeSet<&'a Path> {
        let own = [&self.settings, &self.docker_config].into_iter().flatten();
        let own = own.map(PathBuf::as_path);
        own.chain(settings.files()).map(folder_of).collect()
    }

    pub(super) fn is_none(&self) -> bool {
        self.settings.is_none() && self.docker_config.is_none()
    }
}

fn read(file: &Path) -> Result<String, ReadingError> {
    fs::read_to_string(file).map_err(|source| ReadingError::File {
        file: file.display().to_string(),
        source,
    })
}
