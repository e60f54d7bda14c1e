//! What is to be written, and what was written lately. Bounded, and without a clock of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::time::Instant;

use super::note::Note;
use crate::limits;

/// The Events that are known, by name.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    note: Note,
    /// How often it was noted since it was written last.
    unwritten: i32,
    last_seen: Timestamp,
    not_before: Instant,
    known: Known,
    /// How often it could not be written since it was written last.
    failures: u32,
}

/// Whether there is such an Event in the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Known {
    /// Not that this replica knew.
    Not,
    /// This replica has written it.
    Written,
}

/// Whether something could be noted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Room {
    /// It could.
    Found,
    /// Too much waits to be written already.
    None,
}

/// What is to be written now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Due {
    /// The Event's name.
    pub(super) name: String,
    /// What it says.
    pub(super) note: Note,
    /// How often there was reason for it since it was written last.
    pub(super) times: i32,
    /// When there was last.
    pub(super) last_seen: Timestamp,
    /// Whether it exists.
    pub(super) known: Known,
}

impl Ledger {
    /// Notes what is to be written as soon as may be; what was written lately waits for [`limits::EVENT_PAUSE`], so that
    /// its repetitions add up.
    pub(super) fn add(&mut self, note: Note, at: Timestamp, now: Instant) -> Room {
        let name = note.name();
        if !self.entries.contains_key(&name) && self.is_full() && !self.make_room() {
            return Room::None;
        }
        let entry = self.entries.entry(name).or_insert(Entry {
            note,
            unwritten: 0,
            last_seen: at,
            not_before: now,
            known: Known::Not,
            failures: 0,
        });
        entry.unwritten = entry.unwritten.saturating_add(1);
        entry.last_seen = entry.last_seen.max(at);
        Room::Found
    }

    /// When the next is to be written, if anything is.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next().map(|(_, entry)| entry.not_before)
    }

    /// What is to be written now. What is noted of it meanwhile is counted for the next time.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Due> {
        let (name, _) = self.next().filter(|(_, entry)| entry.not_before <= now)?;
        let name = name.clone();
        let entry = self.entries.get_mut(&name)?;
        Some(Due {
            note: entry.note.clone(),
            times: std::mem::take(&mut entry.unwritten),
            last_seen: entry.last_seen,
            known: entry.known,
            name,
        })
    }

    /// It was written.
    pub(super) fn written(&mut self, due: &Due, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&due.name) {
            entry.known = Known::Written;
            entry.failures = 0;
            entry.not_before = now + limits::EVENT_PAUSE;
        }
    }

    /// It could not be written, and may be later. What could not again and again is given up.
    pub(super) fn put_off(&mut self, due: &Due, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&due.name) {
            entry.failures += 1;
            if entry.failures > limits::EVENT_RETRIES {
                self.entries.remove(&due.name);
                return;
            }
            entry.known = Known::Not;
            entry.unwritten = entry.unwritten.saturating_add(due.times);
            entry.not_before = now + limits::EVENT_PAUSE;
        }
    }

    /// It is not to be written any more.
    pub(super) fn forget(&mut self, due: &Due) {
        self.entries.remove(&due.name);
    }

    fn next(&self) -> Option<(&String, &Entry)> {
        let waiting = self.entries.iter().filter(|(_, entry)| entry.unwritten > 0);
        waiting.min_by_key(|(_, entry)| entry.not_before)
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= limits::EVENTS_KNOWN
    }

    /// Forgets what was written longest ago and has not been seen since: its name is found again when it is.
    fn make_room(&mut self) -> bool {
        let idle = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.unwritten == 0);
        let oldest = idle.min_by_key(|(_, entry)| entry.not_before);
        let oldest = oldest.map(|(name, _)| name.clone());
        oldest.is_some_and(|name| self.entries.remove(&name).is_some())
    }
}
