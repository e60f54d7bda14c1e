//! `assay inspect`.

use super::{CommandError, Exit};
use crate::config::InspectArgs;

/// Runs the command.
#[expect(clippy::unused_async, reason = "awaits once it is written")]
pub async fn run(_args: InspectArgs) -> Result<Exit, CommandError> {
    Err(CommandError::failure("not there yet"))
}
