//! `assay serve`.

use super::{CommandError, Exit};
use crate::config::ServeArgs;

/// Runs the command.
#[expect(clippy::unused_async, reason = "awaits once it is written")]
pub async fn run(_args: ServeArgs) -> Result<Exit, CommandError> {
    Err(CommandError::failure("not there yet"))
}
