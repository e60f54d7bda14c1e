//! How registries are read, from the flags: settings, credentials and the client.

mod files;
mod follow;

use std::{io, sync::Arc};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    files::{DockerConfig, Read, ReadingFiles},
    follow::Follower,
};
use crate::{
    config::{self, RegistryArgs, default_docker_config},
    registry::{
        ClientError, CloudSettings, DockerConfigError, Keyring, NoLogin, OciRegistry,
        OwnCredentials, Proxies, ProxyError, ProxyVariables, RegistryOptions, SettingsError,
    },
    telemetry::{Metrics, RequestMetrics},
};

/// A client for registries, and the credentials that are Assay's own.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The client.
    pub registry: Arc<OciRegistry>,
    /// The credentials.
    pub keyring: Keyring,
    files: ReadingFiles,
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
    /// The docker config that a flag names is of no use.
    #[error("{origin} {reason}")]
    NoLogin {
        /// Which.
        origin: String,
        /// Why.
        reason: NoLogin,
    },
    /// The environment names a proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
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
            proxies: proxies()?,
            ..RegistryOptions::default()
        };
        let docker_config = args.docker_config.clone().map(DockerConfig::Named);
        Self::new(args, docker_config, options, tasks)
    }

    /// For a person or a pipeline: without a flag, docker's own configuration.
    pub fn for_people(args: &RegistryArgs, tasks: &TaskTracker) -> Result<Self, ReadingError> {
        let named = args.docker_config.clone().map(DockerConfig::Named);
        let docker_config = named.or_else(|| default_docker_config().map(DockerConfig::OfDocker));
        let options = RegistryOptions {
            proxies: proxies()?,
            ..RegistryOptions::default()
        };
        Self::new(args, docker_config, options, tasks)
    }

    fn new(
        args: &RegistryArgs,
        docker_config: Option<DockerConfig>,
        options: RegistryOptions,
        tasks: &TaskTracker,
    ) -> Result<Self, ReadingError> {
        let files = ReadingFiles {
            settings: args.registries.clone(),
            docker_config,
        };
        let Read { settings, keyring } = files.read()?;
        let options = RegistryOptions {
            cloud: CloudSettings::from_variables(config::variable),
            ..options
        };
        Ok(Self {
            registry: Arc::new(OciRegistry::new(settings, options, tasks)?),
            keyring,
            files,
        })
    }

    /// For a server that goes on for long: what the files say is in force as they change, until `stop`. What cannot be used
    /// is told, and leaves in force what was.
    pub(super) fn follow(
        &self,
        metrics: &Arc<Metrics>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> OwnCredentials {
        let own = OwnCredentials::from(self.keyring.clone());
        if !self.files.is_none() {
            let follower = Follower {
                files: self.files.clone(),
                registry: Arc::clone(&self.registry),
                own: own.clone(),
                metrics: Arc::clone(metrics),
                tasks: tasks.clone(),
                told: None,
            };
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(follower.run()).await });
        }
        own
    }
}

/// In capitals or not: both are common.
fn proxies() -> Result<Proxies, ProxyError> {
    let value = |name: &str| {
        let value = config::variable(name);
        let value = value.or_else(|| config::variable(&name.to_ascii_lowercase()));
        value.unwrap_or_default()
    };
    Proxies::new(ProxyVariables {
        all: value("ALL_PROXY"),
        http: value("HTTP_PROXY"),
        https: value("HTTPS_PROXY"),
        no: value("NO_PROXY"),
    })
}
