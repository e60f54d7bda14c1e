//! The flags of `assay serve`.

use std::{env, fs, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use super::{CertificateArgs, DefaultActionArg, RegistryArgs, TraceArgs, parse_duration};
use crate::{
    limits,
    policy::{ClusterModes, Selector},
};

/// `assay serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where admission reviews are answered, over TLS
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8443",
        env = "ASSAY_LISTEN"
    )]
    pub listen: SocketAddr,
    /// Where `/metrics` is answered, over plain HTTP
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "0.0.0.0:9090",
        env = "ASSAY_METRICS_LISTEN"
    )]
    pub metrics_listen: SocketAddr,
    /// Certificate chain (PEM), read again when it changes [default: in a cluster Assay makes and rotates its own]
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        env = "ASSAY_TLS_CERT"
    )]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the certificate, read again when it changes
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        env = "ASSAY_TLS_KEY"
    )]
    pub tls_key: Option<PathBuf>,
    /// Standalone: read policies and trust roots from the YAML files here, not from a cluster, and
    /// make a certificate when none is given
    #[arg(long, value_name = "DIR", env = "ASSAY_POLICIES")]
    pub policies: Option<PathBuf>,
    /// What an image gets that no policy matches
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        default_value_t,
        value_name = "ACTION",
        env = "ASSAY_DEFAULT_ACTION"
    )]
    pub default_action: DefaultActionArg,
    /// Let labels of a namespace make things laxer there than the cluster says: `assay.dev/default-action` and
    /// `assay.dev/action: Warn`. Without it they only count where they make things stricter
    #[arg(long, env = "ASSAY_NAMESPACES_MAY_LOWER")]
    pub namespaces_may_lower: bool,
    /// How registries are reached.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Standalone: keep copies of trust roots that were fetched here, to start from when their mirror does not answer
    #[arg(long, value_name = "DIR", env = "ASSAY_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
    /// How Assay makes and keeps its own certificate.
    #[command(flatten)]
    pub certificate: CertificateArgs,
    /// The namespace Assay runs in, where it reads the keys and trust roots that policies refer to
    /// [default: `$POD_NAMESPACE`, else `assay-system`]
    #[arg(long, value_name = "NAMESPACE", env = "ASSAY_NAMESPACE")]
    pub namespace: Option<String>,
    /// The Lease in Assay's own namespace by which the replicas agree on who leads
    #[arg(
        long,
        value_name = "NAME",
        default_value = "assay",
        env = "ASSAY_LEASE"
    )]
    pub lease: String,
    /// What this replica is called in the Lease [default: `$POD_NAME`, else the host name]
    #[arg(long, value_name = "NAME", env = "ASSAY_REPLICA")]
    pub replica: Option<String>,
    /// Do not look at running Pods at the start and when policies change, so that what their next Pods ask for is known
    /// before they ask: for where Assay may not list Pods
    #[arg(long, env = "ASSAY_NO_WARM_UP")]
    pub no_warm_up: bool,
    /// In which namespaces running Pods are looked at: those of which Assay is asked, so the `namespaceSelector` of the
    /// webhooks, as JSON [default: in all]
    #[arg(long, value_name = "SELECTOR", env = "ASSAY_WARM_UP_NAMESPACES")]
    pub warm_up_namespaces: Option<Selector>,
    /// File with the log level that is in force instead of `--log-level` while the file is there, read again when it
    /// changes: mount a ConfigMap, and the level can be changed without a restart
    #[arg(long, value_name = "FILE", env = "ASSAY_LOG_LEVEL_FILE")]
    pub log_level_file: Option<PathBuf>,
    /// How long reviews are still accepted after SIGTERM, so that the API server can learn of it
    /// [default: 5s, standalone 0s]
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = parse_duration,
        env = "ASSAY_DRAIN_DELAY"
    )]
    pub drain_delay: Option<Duration>,
    /// Where traces are sent.
    #[command(flatten)]
    pub traces: TraceArgs,
}

/// Where policies come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mode {
    /// YAML files in this directory.
    Standalone(PathBuf),
    /// The API server of the cluster, where this is Assay's own namespace.
    Cluster {
        /// Assay's own namespace.
        namespace: String,
    },
}

impl ServeArgs {
    /// Where policies come from.
    pub fn mode(&self) -> Mode {
        match &self.policies {
            Some(directory) => Mode::Standalone(directory.clone()),
            None => Mode::Cluster {
                namespace: self.own_namespace(),
            },
        }
    }

    /// What failures mean.
    pub fn modes(&self) -> ClusterModes {
        super::modes(self.default_action, self.namespaces_may_lower)
    }

    /// How long reviews are still accepted after a signal to stop. Nobody needs to learn of it where one
    /// person runs it.
    pub fn drain_delay(&self) -> Duration {
        let default = match self.mode() {
            Mode::Standalone(_) => Duration::ZERO,
            Mode::Cluster { .. } => limits::DRAIN_DELAY,
        };
        self.drain_delay.unwrap_or(default)
    }

    /// What this replica is called.
    #[expect(
        clippy::disallowed_methods,
        reason = "config is the one module that reads the environment"
    )]
    pub fn replica(&self) -> String {
        self.replica
            .clone()
            .or_else(|| env::var("POD_NAME").ok())
            .or_else(host_name)
            .unwrap_or_else(|| "assay".to_owned())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "config is the one module that reads the environment"
    )]
    fn own_namespace(&self) -> String {
        self.namespace
            .clone()
            .or_else(|| env::var("POD_NAMESPACE").ok())
            .unwrap_or_else(|| OWN_NAMESPACE.to_owned())
    }
}

/// As Linux tells it, which is where Assay runs in a cluster.
fn host_name() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Where the manifests put Assay.
const OWN_NAMESPACE: &str = "assay-system";
