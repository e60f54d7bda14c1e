//! How many bytes of answers are held at the same time, by all reviews and caches together.
//!
//! Bounds on single answers and images do not add up to one on the process: any number of images may be looked up at a
//! time. So each byte of a body is paid for before it is kept, from one purse, and paid back when the last one who
//! holds it lets go.
//!
//! Nobody waits long for others to let go: who already has much gives up first, so that large answers cannot stop
//! small ones. And no registry has more than its share of what is on its way, so that one that sends much and then nothing
//! leaves the others enough.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use moka::sync::Cache;
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::flight::lock;
use crate::limits;

/// What may be held by all together.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    free: Arc<Semaphore>,
    /// What may be on its way from one registry, as images name it.
    on_the_way: Cache<String, Arc<Semaphore>>,
    for_each: usize,
}

/// What one answer takes of it; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    free: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    on_the_way: Arc<Semaphore>,
    /// Until it has arrived with all that it belongs to.
    arriving: Mutex<Option<OwnedSemaphorePermit>>,
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
    /// For so many bytes, of which so many may be on their way from one registry.
    pub(super) fn new(bytes: usize, for_each: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(bytes)),
            on_the_way: Cache::new(limits::REGISTRY_HOSTS),
            for_each,
        }
    }

    /// A share of nothing yet, for an answer that this registry gives or leads to.
    pub(super) fn open(&self, registry: &str) -> Share {
        let for_each = self.for_each;
        let on_the_way = self
            .on_the_way
            .get_with_by_ref(registry, || Arc::new(Semaphore::new(for_each)));
        Share {
            free: Arc::clone(&self.free),
            held: None,
            on_the_way,
            arriving: Mutex::default(),
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
        let taking = async {
            let arriving = Arc::clone(&self.on_the_way).acquire_many_owned(more);
            let arriving = arriving.await?;
            let held = Arc::clone(&self.free).acquire_many_owned(more);
            Ok::<_, AcquireError>((arriving, held.await?))
        };
        match timeout_at(patience.min(deadline), taking).await {
            Ok(Ok((arriving, held))) => {
                add(&mut lock(&self.arriving), arriving);
                add(&mut self.held, held);
            }
            Err(_) if deadline <= patience => return Err(Spent::Deadline),
            // They are never closed, so this is patience at its end.
            Ok(Err(_)) | Err(_) => return Err(Spent::ByOthers),
        }
        Ok(())
    }

    /// All that was asked for together has arrived: from now on it is held as whoever wants it holds it, and counts no
    /// longer as what its registry sends.
    pub(super) fn arrived(&self) {
        *lock(&self.arriving) = None;
    }
}

fn add(sum: &mut Option<OwnedSemaphorePermit>, more: OwnedSemaphorePermit) {
    match sum {
        Some(sum) => sum.merge(more),
        None => *sum = Some(more),
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

    const R: &str = "r.example";

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_held_than_there_is() {
        let budget = Budget::new(10, 10);
        let mut one = budget.open(R);
        assert_eq!(one.grow(6, soon()).await, Ok(()));
        assert_eq!(one.grow(4, soon()).await, Ok(()));
        let mut other = budget.open(R);
        let began = Instant::now();
        assert_eq!(other.grow(1, soon()).await, Err(Spent::ByOthers));
        assert_eq!(began.elapsed(), limits::BUDGET_PATIENCE);
        drop(one);
        assert_eq!(other.grow(10, soon()).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_comes_before_patience_ends() {
        let budget = Budget::new(1, 1);
        let began = Instant::now();
        let deadline = began + Duration::from_millis(1);
        assert_eq!(budget.open(R).grow(2, deadline).await, Err(Spent::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_much_gives_up_first_and_the_other_goes_on() {
        let budget = Budget::new(2 * LITTLE_BYTES, 2 * LITTLE_BYTES);
        let (mut large, mut small) = (budget.open(R), budget.open(R));
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
    async fn one_registry_leaves_something_to_others_until_what_it_sends_has_arrived() {
        let budget = Budget::new(10, 5);
        let (mut one, mut more, mut other) = (budget.open(R), budget.open(R), budget.open("other"));
        assert_eq!(one.grow(5, soon()).await, Ok(()));
        assert_eq!(more.grow(1, soon()).await, Err(Spent::ByOthers));
        assert_eq!(other.grow(4, soon()).await, Ok(()));
        one.arrived();
        assert_eq!(more.grow(1, soon()).await, Ok(()));
        assert_eq!(
            more.grow(1, soon()).await,
            Err(Spent::ByOthers),
            "all is held"
        );
        drop(one);
        assert_eq!(more.grow(4, soon()).await, Ok(()));
        assert_eq!(budget.open(R).grow(1, soon()).await, Err(Spent::ByOthers));
    }

    #[tokio::test(start_paused = true)]
    async fn content_is_paid_for_until_its_last_holder_lets_go() {
        let budget = Budget::new(7, 7);
        let mut share = budget.open(R);
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
