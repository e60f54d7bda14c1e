//! When requests are answered: at once, after a delay, or in rounds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::yield_now;

/// When requests are answered.
#[derive(Clone, Debug)]
pub(super) enum Pace {
    /// So long after they have arrived.
    Delayed(Duration),
    /// When no more arrive.
    Rounds(Arc<Rounds>),
}

/// Counts the requests that have arrived, and those whose round has ended.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    arrived: AtomicU64,
    ended: AtomicU64,
}

impl Pace {
    /// Waits until a request that arrives now is to be answered.
    pub(super) async fn wait(&self) {
        match self {
            Self::Delayed(Duration::ZERO) => {}
            Self::Delayed(delay) => tokio::time::sleep(*delay).await,
            Self::Rounds(rounds) => rounds.wait().await,
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::Delayed(Duration::ZERO)
    }
}

impl Rounds {
    /// Whoever finds that no more arrive ends the round of all.
    async fn wait(&self) {
        let own = self.arrived.fetch_add(1, Ordering::SeqCst) + 1;
        let (mut last, mut quiet) = (own, 0);
        while self.ended.load(Ordering::SeqCst) < own {
            yield_now().await;
            let arrived = self.arrived.load(Ordering::SeqCst);
            quiet = if arrived == last { quiet + 1 } else { 0 };
            last = arrived;
            if quiet == QUIET_TURNS {
                self.ended.fetch_max(arrived, Ordering::SeqCst);
            }
        }
    }
}

/// After so many turns of the runtime in which nothing has arrived, a client on the same thread has sent all that it can
/// without an answer. Each turn looks at the sockets; a new connection takes about ten.
const QUIET_TURNS: u32 = 200;
