//! `assay demo`: the webhook at work on images made for the purpose.

use super::{CommandError, Exit};
use crate::config::DemoArgs;

/// Runs the demonstration.
#[expect(clippy::unused_async, reason = "awaits once it is written")]
pub async fn run(_args: DemoArgs) -> Result<Exit, CommandError> {
    Err(CommandError::failure("not there yet"))
}
