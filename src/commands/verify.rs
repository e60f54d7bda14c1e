//! `assay verify`.

use super::{CommandError, Exit};
use crate::config::VerifyArgs;

/// Runs the command.
#[expect(clippy::unused_async, reason = "awaits once it is written")]
pub async fn run(_args: VerifyArgs) -> Result<Exit, CommandError> {
    Err(CommandError::failure("not there yet"))
}
