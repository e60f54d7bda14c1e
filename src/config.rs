//! Flags and environment: everything a user can say to the program, and nothing about what it does.
//!
//! Every flag of `assay serve` can also be given as an environment variable `ASSAY_…`; a flag wins.

mod certificate;
mod doctor;
mod serve;
mod traces;
mod verify;

pub use certificate::CertificateArgs;
pub use doctor::DoctorArgs;
pub use serve::{Mode, ServeArgs};
pub use traces::TraceArgs;
pub use verify::{Authority, OutputFormat, Source, VerifyArgs};

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    policy::{ClusterModes, DefaultAction, Lowering},
    telemetry::LogFormat,
};

/// Lets container images in only when their signatures prove who built them.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "assay",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What to log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the admission webhook
    Serve(Box<ServeArgs>),
    /// Judge images as the webhook would, and print the references to deploy
    ///
    /// Exits 0 when every image is admitted, 1 when one is denied, 2 when one could not be judged
    /// (registry, trust root or deadline), 64 on wrong usage.
    Verify(Box<VerifyArgs>),
    /// Show everything that is attached to an image, and who signed it
    Inspect(InspectArgs),
    /// Ask whether an installation in a cluster works, and say what to do where it does not
    ///
    /// Exits 0 when it works, 1 when something is wrong.
    Doctor(DoctorArgs),
    /// Print the custom resource definitions
    Crd(CrdArgs),
    /// Show the webhook at work on images made for the purpose, without a cluster
    Demo(DemoArgs),
}

/// What to log, for every command.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// How log lines are written to stderr
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "ASSAY_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or per module as in `info,assay::registry=debug`
    /// [default: info for `serve`, warn for the others]
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        hide_default_value = true,
        env = "ASSAY_LOG_LEVEL"
    )]
    pub log_level: Option<String>,
}

/// How registries are reached, for every command that reads them.
#[derive(Args, Clone, Debug, Default)]
pub struct RegistryArgs {
    /// YAML file with the settings of registries: `registries: [{prefix, …}]`, see docs/registries.md
    #[arg(long, value_name = "FILE", env = "ASSAY_REGISTRIES")]
    pub registries: Option<PathBuf>,
    /// Docker config with Assay's own credentials; its credential helpers are never run
    #[arg(long, value_name = "FILE", env = "ASSAY_DOCKER_CONFIG")]
    pub docker_config: Option<PathBuf>,
}

/// What an image gets that no policy matches.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum DefaultActionArg {
    /// It is let in as it is.
    #[default]
    #[value(name = "Allow")]
    Allow,
    /// It is let in with a warning.
    #[value(name = "Warn")]
    Warn,
    /// It is refused.
    #[value(name = "Deny")]
    Deny,
}

impl Cli {
    /// What is logged: as the flag says, else what suits the command.
    pub fn log_level(&self) -> &str {
        match (&self.log.log_level, &self.command) {
            (Some(level), _) => level,
            (None, Command::Serve(_)) => "info",
            (None, _) => "warn",
        }
    }
}

/// `assay inspect`.
#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// The image; `oci:DIR[:TAG]` is one in an OCI layout folder, read without any network
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// What the image of `oci:DIR` is called, as in `registry.example/app:1.8.2`
    #[arg(long = "as", value_name = "REFERENCE")]
    pub known_as: Option<String>,
    /// Public key (PEM) that signatures are verified with; may be given several times
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
    /// Trust root (`trusted_root.json`) that certificates are verified with [default: the public Sigstore root]
    #[arg(long, value_name = "FILE")]
    pub trust_root: Option<PathBuf>,
    /// How registries are reached.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// How long it may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// The form of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// `assay crd`.
#[derive(Args, Clone, Debug, Default)]
pub struct CrdArgs {
    /// Write one file per definition into this directory instead of printing them
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// The form of what is printed
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        conflicts_with = "output_dir"
    )]
    pub output: CrdFormat,
}

/// The form in which the definitions are printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum CrdFormat {
    /// What `kubectl apply -f -` reads.
    #[default]
    Yaml,
    /// Tables of all fields, for people.
    Markdown,
}

/// `assay demo`.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct DemoArgs {
    /// Leave the registry and the webhook running, and print the request to try
    #[arg(long)]
    pub keep_running: bool,
}

impl From<DefaultActionArg> for DefaultAction {
    fn from(action: DefaultActionArg) -> Self {
        match action {
            DefaultActionArg::Allow => Self::Allow,
            DefaultActionArg::Warn => Self::Warn,
            DefaultActionArg::Deny => Self::Deny,
        }
    }
}

fn modes(default_action: DefaultActionArg, namespaces_may_lower: bool) -> ClusterModes {
    ClusterModes {
        default_action: default_action.into(),
        lowering: if namespaces_may_lower {
            Lowering::Allowed
        } else {
            Lowering::Forbidden
        },
    }
}

/// Where docker keeps its configuration: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`;
/// none when there is no such file.
#[expect(
    clippy::disallowed_methods,
    reason = "the one module that reads the environment"
)]
pub fn default_docker_config() -> Option<PathBuf> {
    let directory = env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".docker")))?;
    Some(directory.join("config.json")).filter(|file| file.is_file())
}

/// A variable of the environment, when it is there and text.
#[expect(
    clippy::disallowed_methods,
    reason = "the one module that reads the environment"
)]
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Reads `5s`, `1m 30s`, `500ms`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let signed: jiff::SignedDuration = text
        .parse()
        .map_err(|_: jiff::Error| "expected a duration like 5s, 1m 30s or 500ms".to_owned())?;
    Duration::try_from(signed).map_err(|_| "a duration cannot be negative".to_owned())
}

#[cfg(test)]
mod tests;
