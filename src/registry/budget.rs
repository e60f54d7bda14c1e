//! How many bytes of answers are held at the same time, by all reviews and caches together.
//!
//! Bounds on single answers and images do not add up to one on the process: any number of images may be looked up at a
//! time. So each byte of a body is paid for before it is kept, from one purse, and paid back when the last one who
//! holds it lets go.
//!
//! Nobody waits long for others to let go: who already has much gives up first, so that large answers cannot stop
//! small ones. And no registry may have more on its way than half of what is left free after that: however many of them
//! send much and then nothing, each leaves two thirds of what it found, and the next one may have the third. The same goes
//! for all that is on its way for one namespace: one registry may have many names.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{behalf::Behalf, flight::lock};
use crate::limits;

/// What may be held by all together.
#[derive(Clone, Debug)]
pub(super) struct Budget(Arc<Purse>);

#[derive(Debug)]
struct Purse {
    contents: Mutex<PurseContents>,
    /// Tells those who wait that something was paid back.
    returned: Notify,
}

#[derive(Debug)]
struct PurseContents {
    free: usize,
    /// What is on its way, once for each who may have a share of it.
    on_the_way: HashMap<Holder, usize>,
}

/// Who may have a share.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Holder {
    /// A registry, as images name it.
    Registry(String),
    /// A namespace whose images are reviewed.
    Namespace(Arc<str>),
}

/// What one answer takes of it; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    purse: Arc<Purse>,
    holders: Vec<Holder>,
    held: usize,
    /// What of it has not arrived with all that it belongs to.
    arriving: Mutex<usize>,
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
    /// For so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let contents = PurseContents {
            free: bytes,
            on_the_way: HashMap::new(),
        };
        Self(Arc::new(Purse {
            contents: Mutex::new(contents),
            returned: Notify::new(),
        }))
    }

    /// A share of nothing yet, for an answer that this registry gives or leads to.
    pub(super) fn open(&self, registry: &str, behalf: &Behalf) -> Share {
        let registry = Holder::Registry(registry.to_owned());
        let namespace = behalf.namespace.clone().map(Holder::Namespace);
        Share {
            purse: Arc::clone(&self.0),
            holders: [registry].into_iter().chain(namespace).collect(),
            held: 0,
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
        let patience = if self.held < LITTLE_BYTES {
            limits::BUDGET_PATIENCE
        } else {
            limits::BUDGET_PATIENCE / 8
        };
        let patience = Instant::now() + patience;
        let purse = Arc::clone(&self.purse);
        loop {
            let mut returned = pin!(purse.returned.notified());
            // What is paid back after the look is heard of.
            returned.as_mut().enable();
            if lock(&purse.contents).take(&self.holders, bytes) {
                self.held += bytes;
                *lock(&self.arriving) += bytes;
                return Ok(());
            }
            match timeout_at(patience.min(deadline), returned).await {
                Ok(()) => {}
                Err(_) if deadline <= patience => return Err(Spent::Deadline),
                Err(_) => return Err(Spent::ByOthers),
            }
        }
    }

    /// All that was asked for together has arrived: from now on it is held as whoever wants it holds it, and counts no
    /// longer as what its registry sends.
    pub(super) fn arrived(&self) {
        let arrived = std::mem::take(&mut *lock(&self.arriving));
        if arrived > 0 {
            lock(&self.purse.contents).arrive(&self.holders, arrived);
            self.purse.returned.notify_waiters();
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.held > 0 {
            let arriving = std::mem::take(&mut *lock(&self.arriving));
            let mut contents = lock(&self.purse.contents);
            contents.arrive(&self.holders, arriving);
            contents.free += self.held;
            drop(contents);
            self.purse.returned.notify_waiters();
        }
    }
}

impl PurseContents {
    /// Takes so much for what is on its way, when nobody who holds it has more than half of what is free after that.
    fn take(&mut self, holders: &[Holder], bytes: usize) -> bool {
        let Some(free) = self.free.checked_sub(bytes) else {
            return false;
        };
        let after = |holder: &Holder| {
            let before = self.on_the_way.get(holder).copied().unwrap_or_default();
            before.saturating_add(bytes)
        };
        if holders.iter().any(|holder| after(holder) > free / 2) {
            return false;
        }
        self.free = free;
        for holder in holders {
            *self.on_the_way.entry(holder.clone()).or_default() += bytes;
        }
        true
    }

    /// So much of what was on its way no longer is.
    fn arrive(&mut self, holders: &[Holder], bytes: usize) {
        for holder in holders {
            if let Some(on_the_way) = self.on_the_way.get_mut(holder) {
                *on_the_way = on_the_way.saturating_sub(bytes);
                if *on_the_way == 0 {
                    self.on_the_way.remove(holder);
                }
            }
        }
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

    /// A share for an answer of this registry that all share.
    fn open(budget: &Budget, registry: &str) -> Share {
        budget.open(registry, &Behalf::of_all())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_has_no_more_on_its_way_than_half_of_what_is_free_after_that() {
        let budget = Budget::new(30);
        let mut one = open(&budget, R);
        assert_eq!(one.grow(6, soon()).await, Ok(()));
        assert_eq!(one.grow(4, soon()).await, Ok(()));
        let (mut more, mut other) = (open(&budget, R), open(&budget, "other"));
        let began = Instant::now();
        assert_eq!(more.grow(1, soon()).await, Err(Spent::ByOthers));
        assert_eq!(began.elapsed(), limits::BUDGET_PATIENCE);
        assert_eq!(other.grow(7, soon()).await, Err(Spent::ByOthers));
        assert_eq!(other.grow(6, soon()).await, Ok(()));
        drop(one);
        assert_eq!(more.grow(8, soon()).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_arrived_counts_no_longer_as_on_its_way_and_is_held_until_it_is_dropped() {
        let budget = Budget::new(30);
        let (mut one, mut more) = (open(&budget, R), open(&budget, R));
        assert_eq!(one.grow(10, soon()).await, Ok(()));
        one.arrived();
        assert_eq!(more.grow(7, soon()).await, Err(Spent::ByOthers));
        assert_eq!(more.grow(6, soon()).await, Ok(()));
        drop((one, more));
        assert_eq!(open(&budget, R).grow(10, soon()).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_registries_take_what_they_can_the_next_one_is_left_a_share() {
        for greedy in [1, 2, 3, 10] {
            let budget = Budget::new(limits::HELD_ANSWER_BYTES);
            let mut taken = Vec::new();
            for number in 0..greedy {
                let mut share = open(&budget, &format!("greedy{number}.example"));
                while share.grow(64 * 1024, soon()).await.is_ok() {}
                taken.push(share);
            }
            let all = limits::HELD_ANSWER_BYTES;
            let left = (0..greedy).fold(all, |left, _| left / 3 * 2) / 3;
            assert!(left >= LITTLE_BYTES, "{greedy}: {left}");
            let mut honest = open(&budget, R);
            let began = Instant::now();
            assert_eq!(honest.grow(left, soon()).await, Ok(()), "{greedy}");
            assert_eq!(began.elapsed(), Duration::ZERO, "{greedy}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_leaves_the_others_their_share_by_however_many_names_it_asks() {
        let budget = Budget::new(limits::HELD_ANSWER_BYTES);
        let behalf = |name: &str| Behalf {
            namespace: Some(name.into()),
            ..Behalf::of_all()
        };
        let mut taken = Vec::new();
        for number in 0..40 {
            let registry = format!("r{number}.evil.example");
            let mut share = budget.open(&registry, &behalf("evil"));
            while share.grow(64 * 1024, soon()).await.is_ok() {}
            taken.push(share);
        }
        let mut honest = budget.open(R, &behalf("shop"));
        let began = Instant::now();
        let left = limits::HELD_ANSWER_BYTES / 3 * 2 / 3;
        assert_eq!(honest.grow(left, soon()).await, Ok(()));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_comes_before_patience_ends() {
        let budget = Budget::new(1);
        let deadline = Instant::now() + Duration::from_millis(1);
        assert_eq!(
            open(&budget, R).grow(2, deadline).await,
            Err(Spent::Deadline)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_much_gives_up_first_and_the_other_goes_on() {
        let budget = Budget::new(6 * LITTLE_BYTES);
        let (mut large, mut small) = (open(&budget, R), open(&budget, R));
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
        let budget = Budget::new(21);
        let free = || lock(&budget.0.contents).free;
        let mut share = open(&budget, R);
        assert_eq!(share.grow(7, soon()).await, Ok(()));
        let content = paid(Bytes::from_static(b"content"), Arc::new(share));
        let part = content.slice(1..2);
        drop(content);
        assert_eq!(free(), 14);
        assert_eq!(part, b"o"[..]);
        drop(part);
        assert_eq!(free(), 21);
        assert!(
            lock(&budget.0.contents).on_the_way.is_empty(),
            "nothing is kept"
        );
    }
}
