//! `assay demo`: the webhook at work on images made for the purpose.
//!
//! Everything is real but the cluster: a registry in this process, a private Sigstore that signs, the webhook
//! over TLS, and admission reviews posted to it as the API server posts them.

mod kubectl;
mod print;
mod scenes;
mod stage;

use std::io::{self, Write};

use super::{CommandError, Exit};
use crate::config::DemoArgs;

use kubectl::{Kubectl, Verdict};
use print::Printer;
use scenes::{Before, Expected};
use stage::Stage;

/// Why the demonstration could not be given.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    /// The registry could not start.
    #[error("the registry in memory cannot start")]
    Registry(#[source] io::Error),
    /// An image could not be signed.
    #[error("an image cannot be signed")]
    Sign(#[from] crate::sandbox::sigstore::SandboxError),
    /// Something that this program brings along is not accepted by itself.
    #[error("{what} of the demonstration cannot be used")]
    Prop {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The webhook could not start.
    #[error("the webhook cannot start")]
    Server(#[from] crate::server::ServerError),
    /// The webhook has no address.
    #[error("the webhook has no address or certificate to call it by")]
    Unreachable,
    /// The webhook could not be called.
    #[error("the webhook cannot be called")]
    Call(#[from] reqwest::Error),
    /// The webhook answered what the API server would not take.
    #[error("the webhook answered {found}")]
    Answer {
        /// What it answered.
        found: String,
    },
    /// The output cannot be written.
    #[error("the output cannot be written")]
    Write(#[from] io::Error),
    /// Ctrl-C cannot be received.
    #[error("signals cannot be received")]
    Signal(#[source] io::Error),
}

/// Runs the demonstration. Fails when a verdict is not the expected one.
pub async fn run(args: DemoArgs) -> Result<Exit, CommandError> {
    present(args, &mut io::stdout())
        .await
        .map_err(CommandError::failure)
}

async fn present(args: DemoArgs, out: &mut (dyn Write + Send)) -> Result<Exit, DemoError> {
    let stage = Stage::build().await?;
    let kubectl = Kubectl::new(&stage)?;
    let mut printer = Printer::new(out);
    printer.opening(&stage)?;
    let mut surprises = 0;
    let mut admitted = 0;
    let scenes = scenes::all(&stage);
    for (index, scene) in scenes.iter().enumerate() {
        scene.before.carry_out(&stage);
        let verdict = kubectl.apply(scene).await?;
        printer.scene(index + 1, scene, &verdict)?;
        admitted += usize::from(matches!(verdict, Verdict::Admitted { .. }));
        if !scene.expected.is(&verdict) {
            surprises += 1;
            printer.surprise(scene)?;
        }
    }
    printer.closing(scenes.len(), admitted, surprises)?;
    if args.keep_running {
        let body = scenes::review_to_try(&scenes).to_string();
        let files = stage.files_to_try(&body)?;
        printer.how_to_try(&stage, &files)?;
        tokio::signal::ctrl_c().await.map_err(DemoError::Signal)?;
        files.remove();
    }
    stage.end().await;
    Ok(if surprises == 0 {
        Exit::Success
    } else {
        Exit::Failure
    })
}

impl Before {
    fn carry_out(self, stage: &Stage) {
        match self {
            Self::Nothing => {}
            Self::MoveTag => stage.move_tag(),
        }
    }
}

impl Expected {
    fn is(self, verdict: &Verdict) -> bool {
        match (self, verdict) {
            (Self::Admitted, Verdict::Admitted { .. }) => true,
            (Self::Refused(codes), Verdict::Refused { codes: found, .. }) => found == codes,
            (Self::Admitted, Verdict::Refused { .. })
            | (Self::Refused(_), Verdict::Admitted { .. }) => false,
        }
    }
}

#[cfg(test)]
mod tests;
