//! How many bytes of answers are held at the same time, by all reviews and caches together.
//!
//! Bounds on single answers and images do not add up to one on the process: any number of images may be looked up at a
//! time. So each byte of a body is paid for before it is kept, from one purse, and paid back when the last one who
//! holds it lets go.
//!
//! Nobody waits long for others to let go: who already has much gives up first, so that large answers cannot stop
//! small ones.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::limits;

/// What may be held by all together.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    free: Arc<Semaphore>,
}

/// What one answer takes of it; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    held: Option<OwnedSemaphorePermit>,
}

/// A share that was not to be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Spent {
    /// Others hold too much, and have for a while.
    ByOthers,
    /// The deadline passed.
    Deadline,
}

/// Content together with what pays for it.
struct Paid {
    content: Bytes,
    _share: Arc<Share>,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(bytes)),
        }
    }

    /// A share of nothing yet.
    pub(super) fn open(&self) -> Share {
        Share {
            budget: self.clone(),
            held: None,
        }
    }
}

impl Share {
    /// Takes so much more.
    ///
    /// # Errors
    ///
    /// When others do not let go of enough in time. What is held already stays held.
    pub(super) async fn grow(&mut self, bytes: usize, deadline: Instant) -> Result<(), Spent> {
        let more = u32::try_from(bytes).map_err(|_| Spent::ByOthers)?;
        let held = self
            .held
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let patience = if held < LITTLE_BYTES {
            limits::BUDGET_PATIENCE
        } else {
            limits::BUDGET_PATIENCE / 8
        };
        let patience = Instant::now() + patience;
        let taking = Arc::clone(&self.budget.free).acquire_many_owned(more);
        match timeout_at(patience.min(deadline), taking).await {
            Ok(Ok(taken)) => match &mut self.held {
                Some(held) => held.merge(taken),
                None => self.held = Some(taken),
            },
            Err(_) if deadline <= patience => return Err(Spent::Deadline),
            // It is never closed, so this is patience at its end.
            Ok(Err(_)) | Err(_) => return Err(Spent::ByOthers),
        }
        Ok(())
    }
}

/// The content, which keeps this share for as long as anybody holds it or a part of it.
pub(super) fn paid(content: Bytes, share: Arc<Share>) -> Bytes {
    Bytes::from_owner(Paid {
        content,
        _share: share,
    })
}

impl AsRef<[u8]> for Paid {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

/// Who holds less than this waits longest.
const LITTLE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_held_than_there_is() {
        let budget = Budget::new(10);
        let mut one = budget.open();
        assert_eq!(one.grow(6, soon()).await, Ok(()));
        assert_eq!(one.grow(4, soon()).await, Ok(()));
        let mut other = budget.open();
        let began = Instant::now();
        assert_eq!(other.grow(1, soon()).await, Err(Spent::ByOthers));
        assert_eq!(began.elapsed(), limits::BUDGET_PATIENCE);
        drop(one);
        assert_eq!(other.grow(10, soon()).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_comes_before_patience_ends() {
        let budget = Budget::new(1);
        let began = Instant::now();
        let deadline = began + Duration::from_millis(1);
        assert_eq!(budget.open().grow(2, deadline).await, Err(Spent::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_much_gives_up_first_and_the_other_goes_on() {
        let budget = Budget::new(2 * LITTLE_BYTES);
        let (mut large, mut small) = (budget.open(), budget.open());
        assert_eq!(large.grow(2 * LITTLE_BYTES - 1, soon()).await, Ok(()));
        assert_eq!(small.grow(1, soon()).await, Ok(()));
        let large = async move {
            let more = large.grow(1, soon()).await;
            drop(large);
            more
        };
        let (large, small) = tokio::join!(large, small.grow(100, soon()));
        assert_eq!((large, small), (Err(Spent::ByOthers), Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn content_is_paid_for_until_its_last_holder_lets_go() {
        let budget = Budget::new(7);
        let mut share = budget.open();
        assert_eq!(share.grow(7, soon()).await, Ok(()));
        let content = paid(Bytes::from_static(b"content"), Arc::new(share));
        let part = content.slice(1..2);
        drop(content);
        assert_eq!(budget.free.available_permits(), 0);
        assert_eq!(part, b"o"[..]);
        drop(part);
        assert_eq!(budget.free.available_permits(), 7);
    }
}
