//! One file per command of the binary: what it prints, and how it ends.

pub mod crd;
pub mod demo;
pub mod doctor;
pub mod inspect;
pub mod serve;
pub mod verify;

mod files;
mod folder;
mod signature;

pub use files::FileError;

use std::{
    error::Error,
    fmt::{self, Display, Formatter},
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;

use crate::{
    config::{Command, OutputFormat},
    telemetry::{LogLevel, TraceExport},
};

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Done; every image is admitted.
    Success,
    /// An image is denied, or a program that should run has stopped.
    Failure,
    /// No image is denied, but one could not be judged.
    Undetermined,
    /// The command line, or a file it names, cannot be used.
    Usage,
}

/// Why a command ended without an answer, and the exit code for it.
#[derive(Debug)]
pub struct CommandError {
    exit: Exit,
    source: Box<dyn Error + Send + Sync>,
}

/// Runs one command to its end. Only a server changes the level of the log, and sends traces.
pub async fn run(
    command: Command,
    log_level: LogLevel,
    traces: Option<TraceExport>,
) -> Result<Exit, CommandError> {
    match command {
        Command::Serve(args) => serve::run(*args, log_level, traces).await,
        Command::Verify(args) => verify::run(*args).await,
        Command::Inspect(args) => inspect::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Crd(args) => crd::run(args),
        Command::Demo(args) => demo::run(args).await,
    }
}

impl Exit {
    /// The number, as documented in the README.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Undetermined => 2,
            Self::Usage => 64,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl CommandError {
    /// Something the user gave cannot be used.
    pub fn usage(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (exit, source) = (Exit::Usage, source.into());
        Self { exit, source }
    }

    /// Something kept the images from being judged.
    pub fn undetermined(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (exit, source) = (Exit::Undetermined, source.into());
        Self { exit, source }
    }

    /// Something broke that the command line is not to blame for.
    pub fn failure(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (exit, source) = (Exit::Failure, source.into());
        Self { exit, source }
    }

    /// How the program ends with it.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl Display for CommandError {
    /// The error and its sources, from the outside in.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        let mut cause = self.source.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for CommandError {}

/// Prints a document on stdout as JSON or YAML.
fn print_document(document: &impl Serialize, format: OutputFormat) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match format {
        OutputFormat::Text | OutputFormat::Json => {
            serde_json::to_writer_pretty(&mut stdout, document)?;
            writeln!(stdout)?;
        }
        OutputFormat::Yaml => {
            let text = serde_saphyr::to_string(document).map_err(io::Error::other)?;
            stdout.write_all(text.as_bytes())?;
        }
    }
    stdout.flush()
}
