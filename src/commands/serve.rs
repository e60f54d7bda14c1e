//! `assay serve`: the webhook.

use super::{CommandError, Exit};
use crate::{
    app,
    config::ServeArgs,
    telemetry::{LogLevel, TraceExport},
};

/// Serves until a signal, or until something that has to live has died.
pub async fn run(
    args: ServeArgs,
    log_level: LogLevel,
    traces: Option<TraceExport>,
) -> Result<Exit, CommandError> {
    match app::serve(args, log_level, traces).await {
        Ok(()) => Ok(Exit::Success),
        Err(error) if error.is_usage() => Err(CommandError::usage(error)),
        Err(error) => Err(CommandError::failure(error)),
    }
}
