//! The `assay` program: arguments, telemetry, crypto provider, one command, exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use assay::{
    commands::{self, CommandError, Exit},
    config::Cli,
    telemetry,
};
use clap::Parser;
use mimalloc::MiMalloc;

/// A review makes hundreds of small pieces, and caches keep some of them for long: glibc's own allocator takes more time
/// for the first and more room for the second.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report_usage(&error),
    };
    run(cli).map_or_else(|error| report(&error), Exit::into)
}

fn run(cli: Cli) -> Result<Exit, CommandError> {
    let settings = cli.traces();
    let traces = settings.as_ref().map(telemetry::traces).transpose();
    let (maker, export) = traces.map_err(CommandError::failure)?.unzip();
    let log_level = telemetry::start_log(cli.log.log_format, cli.log_level(), maker.as_ref())
        .map_err(CommandError::usage)?;
    // Fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CommandError::failure)?;
    runtime.block_on(commands::run(cli.command, log_level, export))
}

fn report(error: &CommandError) -> ExitCode {
    // With stderr closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "assay: {error}");
    error.exit().into()
}

/// Help and version are success; everything else is wrong usage, for which clap would exit 2: that
/// is our code for "could not be judged".
fn report_usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage.into()
    } else {
        Exit::Success.into()
    }
}
