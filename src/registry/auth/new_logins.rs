//! Logins that a host has never let in: it may ban our address for those it refuses, so that it is shown few of them.
//!
//! Whoever may write Pods and secrets can have any number of wrong logins presented. What a host was seen to let in goes on
//! whatever happens to those.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex},
};

use moka::sync::Cache;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use url::Url;

use crate::{
    limits,
    registry::{credentials::Asker, flight::lock},
};

/// How many of them each host has refused lately, and who had them presented.
#[derive(Debug)]
pub(super) struct NewLogins(Cache<String, Arc<Door>>);

/// Leave to present one. Counts as no refusal unless it is told of one.
#[derive(Debug)]
pub(super) struct Leave {
    door: Arc<Door>,
    namespace: Arc<str>,
}

/// The way into one host.
#[derive(Debug, Default)]
struct Door {
    shown: Mutex<Shown>,
    /// Tells those who wait that something came of a login.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Shown {
    refused: VecDeque<Refused>,
    /// For whom one is under way.
    under_way: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Refused {
    at: Instant,
    status: u16,
    namespace: Arc<str>,
}

enum Look {
    /// There is room for one more.
    Now,
    /// There is room if not all that are under way are refused.
    Later,
    /// There is none: this many have been refused, the last with this status.
    Held(u16),
}

impl NewLogins {
    pub(super) fn new() -> Self {
        let doors = Cache::builder()
            .max_capacity(limits::NEW_LOGIN_HOSTS)
            .time_to_idle(limits::NEW_LOGINS_WINDOW);
        Self(doors.build())
    }

    /// Leave to present a login to the host of this URL that it has never let in, or the status with which it has refused
    /// the last of too many; none is needed for Assay's own, which nobody but its operator can make many. None when the
    /// deadline passes.
    pub(super) async fn enter(
        &self,
        url: &Url,
        asker: &Asker,
        deadline: Instant,
    ) -> Option<Result<Option<Leave>, u16>> {
        let namespace = match asker {
            Asker::Assay => return Some(Ok(None)),
            Asker::Namespace(namespace) => namespace,
        };
        let origin = url.origin().ascii_serialization();
        let door = self.0.get_with(origin, Arc::default);
        loop {
            let mut changed = pin!(door.changed.notified());
            // What changes after the look is heard of.
            changed.as_mut().enable();
            match lock(&door.shown).look(namespace, Instant::now()) {
                Look::Now => break,
                Look::Later => {}
                Look::Held(status) => return Some(Err(status)),
            }
            timeout_at(deadline, changed).await.ok()?;
        }
        Some(Ok(Some(Leave {
            door: Arc::clone(&door),
            namespace: Arc::clone(namespace),
        })))
    }
}

impl Leave {
    /// The host has refused it.
    pub(super) fn refused(self, status: u16) {
        lock(&self.door.shown).refused.push_back(Refused {
            at: Instant::now(),
            status,
            namespace: Arc::clone(&self.namespace),
        });
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut shown = lock(&self.door.shown);
        let mut under_way = shown.under_way.iter();
        if let Some(index) = under_way.position(|namespace| *namespace == self.namespace) {
            shown.under_way.swap_remove(index);
        }
        drop(shown);
        self.door.changed.notify_waiters();
    }
}

impl Shown {
    /// Whether one more may be presented for this namespace, which then is under way.
    fn look(&mut self, namespace: &Arc<str>, now: Instant) -> Look {
        let is_over = |refused: &mut Refused| now - refused.at >= limits::NEW_LOGINS_WINDOW;
        while self.refused.pop_front_if(is_over).is_some() {}
        let of_refused = self.refused.iter().map(|refused| &refused.namespace);
        let refused = Count::of(of_refused, namespace);
        let under_way = Count::of(self.under_way.iter(), namespace);
        let has_room = |own: usize, all: usize| own + all + 2 <= limits::NEW_LOGINS_PER_HOST;
        if has_room(refused.own + under_way.own, refused.all + under_way.all) {
            self.under_way.push(Arc::clone(namespace));
            return Look::Now;
        }
        match self.refused.back() {
            Some(last) if !has_room(refused.own, refused.all) => Look::Held(last.status),
            Some(_) | None => Look::Later,
        }
    }
}

/// How many logins are one namespace's, and how many there are.
struct Count {
    own: usize,
    all: usize,
}

impl Count {
    fn of<'a>(namespaces: impl Iterator<Item = &'a Arc<str>>, own: &Arc<str>) -> Self {
        namespaces.fold(Self { own: 0, all: 0 }, |count, namespace| Self {
            own: count.own + usize::from(namespace == own),
            all: count.all + 1,
        })
    }
}
