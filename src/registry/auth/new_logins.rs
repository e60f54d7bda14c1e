//! Logins of which nobody knows whether a host will let them in: it may ban our address for those it refuses, so that it is
//! shown few of them.
//!
//! Whoever may write Pods and secrets can have any number of wrong logins presented, and of such that were good until they
//! were revoked. What a host was seen to let in goes on whatever happens to those of other namespaces.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use moka::sync::Cache;
use tokio::{
    sync::{Notify, futures::OwnedNotified},
    time::Instant,
};
use url::Url;

use crate::{
    limits,
    registry::{credentials::Asker, flight::lock},
};

/// How many each host has refused lately, and who had them presented.
#[derive(Debug)]
pub(super) struct NewLogins(Cache<String, Arc<Door>>);

/// Leave to present one. To be held until its refusal, if it is one, is counted.
#[derive(Debug)]
pub(super) struct Leave {
    door: Arc<Door>,
    one: Counted,
}

/// Why there is no leave.
#[derive(Debug)]
pub(super) enum NoLeave {
    /// Too many have been refused, the last with this status.
    Held(u16),
    /// There may be room when something has come of those that are under way.
    Later(OwnedNotified),
}

/// What a host has shown of a login.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It has never let it in.
    New,
    /// It has let it in before.
    LetIn,
    /// It has let it in just now.
    Proven,
}

/// Against whom a login counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Counts {
    /// All who have logins presented.
    All,
    /// Its own namespace alone.
    Own,
}

/// The way into one host.
#[derive(Debug, Default)]
struct Door {
    shown: Mutex<Shown>,
    /// Tells those who wait that something came of a login.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Shown {
    refused: VecDeque<Refused>,
    under_way: Vec<Counted>,
}

#[derive(Debug)]
struct Refused {
    at: Instant,
    status: u16,
    one: Counted,
}

/// A login of this namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Counted {
    namespace: Arc<str>,
    counts: Counts,
}

enum Look {
    /// There is room for one more, which is under way now.
    Room(Counted),
    /// None is needed.
    Free,
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

    /// Leave to present a login to the host of this URL, or why there is none. None is needed for what was let in just now,
    /// nor for Assay's own logins, which nobody but its operator can make many.
    pub(super) fn enter(
        &self,
        url: &Url,
        asker: &Asker,
        standing: Standing,
    ) -> Result<Option<Leave>, NoLeave> {
        let Asker::Namespace(namespace) = asker else {
            return Ok(None);
        };
        let door = self.door(url);
        // What changes after the look is heard of.
        let changed = Arc::clone(&door.changed).notified_owned();
        let looked = lock(&door.shown).look(namespace, standing, Instant::now());
        match looked {
            Look::Room(one) => Ok(Some(Leave { door, one })),
            Look::Free => Ok(None),
            Look::Later => Err(NoLeave::Later(changed)),
            Look::Held(status) => Err(NoLeave::Held(status)),
        }
    }

    /// The host has refused a login that was presented for this one.
    pub(super) fn refused(&self, url: &Url, asker: &Asker, status: u16, counts: Counts) {
        let Asker::Namespace(namespace) = asker else {
            return;
        };
        let namespace = Arc::clone(namespace);
        lock(&self.door(url).shown).count(Refused {
            at: Instant::now(),
            status,
            one: Counted { namespace, counts },
        });
    }

    fn door(&self, url: &Url) -> Arc<Door> {
        let origin = url.origin().ascii_serialization();
        self.0.get_with(origin, Arc::default)
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut shown = lock(&self.door.shown);
        if let Some(index) = shown.under_way.iter().position(|one| *one == self.one) {
            shown.under_way.swap_remove(index);
        }
        drop(shown);
        self.door.changed.notify_waiters();
    }
}

impl Shown {
    /// Whether one more may be presented for this namespace, which then is under way.
    fn look(&mut self, namespace: &Arc<str>, standing: Standing, now: Instant) -> Look {
        let is_over = |refused: &mut Refused| now - refused.at >= limits::NEW_LOGINS_WINDOW;
        while self.refused.pop_front_if(is_over).is_some() {}
        let of_refused = self.refused.iter().map(|refused| &refused.one);
        let refused = Count::of(of_refused, namespace);
        if let Some(last) = self.refused.back()
            && !refused.leaves_room(standing)
        {
            return Look::Held(last.status);
        }
        let counts = match standing {
            Standing::New => Counts::All,
            Standing::LetIn => Counts::Own,
            Standing::Proven => return Look::Free,
        };
        let under_way = Count::of(self.under_way.iter(), namespace);
        if !refused.and(&under_way).leaves_room(standing) {
            return Look::Later;
        }
        let namespace = Arc::clone(namespace);
        let one = Counted { namespace, counts };
        self.under_way.push(one.clone());
        Look::Room(one)
    }

    /// Of one namespace no more are kept than hold up its next: it is not to hold up more of others.
    fn count(&mut self, refused: Refused) {
        let is_own = |other: &Refused| other.one.namespace == refused.one.namespace;
        let own = self.refused.iter().filter(|other| is_own(other)).count();
        if let (true, Some(oldest)) = (own >= MOST_OF_ONE, self.refused.iter().position(is_own)) {
            self.refused.remove(oldest);
        }
        self.refused.push_back(refused);
    }
}

/// How many logins are one namespace's, and how many count against it.
struct Count {
    own: usize,
    all: usize,
}

impl Count {
    fn of<'a>(logins: impl Iterator<Item = &'a Counted>, namespace: &Arc<str>) -> Self {
        let (mut own, mut all) = (0, 0);
        for login in logins {
            let is_own = login.namespace == *namespace;
            own += usize::from(is_own);
            all += usize::from(is_own || login.counts == Counts::All);
        }
        Self { own, all }
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            own: self.own + other.own,
            all: self.all + other.all,
        }
    }

    /// Whether there is room for one more: with a new one, the namespace may have no more than is left to the others; any
    /// other counts against its own.
    fn leaves_room(&self, standing: Standing) -> bool {
        match standing {
            Standing::New => self.own + self.all + 2 <= limits::NEW_LOGINS_PER_HOST,
            Standing::LetIn | Standing::Proven => self.own < MOST_OF_ONE,
        }
    }
}

/// How many one namespace may have at the most, who leaves as many to others.
const MOST_OF_ONE: usize = limits::NEW_LOGINS_PER_HOST / 2;
