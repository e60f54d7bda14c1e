//! How registries are read, from the flags: settings, credentials and the client.

use std::{collections::BTreeSet, fs, io, path::Path, sync::Arc};

use tokio_util::task::TaskTracker;

use crate::{
    config::{self, RegistryArgs, default_docker_config},
    registry::{
        ClientError, CloudSettings, DockerConfigError, Keyring, OciRegistry, RegistryOptions,
        RegistrySettings, SettingsError,
    },
    telemetry::RequestMetrics,
};

/// A client for registries, and the credentials that are Assay's own.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The client.
    pub registry: Arc<OciRegistry>,
    /// The credentials.
    pub keyring: Keyring,
    /// The registries that the settings name.
    pub hosts: BTreeSet<String>,
}

/// Why registries cannot be read as the flags say.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// A file cannot be read.
    #[error("{file} cannot be read")]
    File {
        /// Which.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The registry settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The docker config is wrong.
    #[error(transparent)]
    DockerConfig(#[from] DockerConfigError),
    /// No client can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Reading {
    /// For the server: credentials only from where the flags say.
    pub fn for_server(
        args: &RegistryArgs,
        requests: RequestMetrics,
        tasks: &TaskTracker,
    ) -> Result<Self, ReadingError> {
        let options = RegistryOptions {
            requests,
            ..RegistryOptions::default()
        };
        Self::new(args, args.docker_config.as_deref(), options, tasks)
    }

    /// For a person or a pipeline: without a flag, docker's own configuration.
    pub fn for_people(args: &RegistryArgs, tasks: &TaskTracker) -> Result<Self, ReadingError> {
        let docker_config = args.docker_config.clone().or_else(default_docker_config);
        let options = RegistryOptions::default();
        Self::new(args, docker_config.as_deref(), options, tasks)
    }

    fn new(
        args: &RegistryArgs,
        docker_config: Option<&Path>,
        options: RegistryOptions,
        tasks: &TaskTracker,
    ) -> Result<Self, ReadingError> {
        let settings = match &args.registries {
            Some(file) => RegistrySettings::from_yaml(&file.display().to_string(), &read(file)?)?,
            None => RegistrySettings::default(),
        };
        let options = RegistryOptions {
            cloud: CloudSettings::from_variables(config::variable),
            ..options
        };
        let mut keyring = settings.keyring();
        if let Some(file) = docker_config {
            let origin = format!("docker config {}", file.display());
            keyring.add_docker_config_json(&origin, &read(file)?)?;
        }
        Ok(Self {
            hosts: settings.hosts(),
            registry: Arc::new(OciRegistry::new(settings, options, tasks)?),
            keyring,
        })
    }
}

fn read(file: &Path) -> Result<String, ReadingError> {
    fs::read_to_string(file).map_err(|source| ReadingError::File {
        file: file.display().to_string(),
        source,
    })
}
