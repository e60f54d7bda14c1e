//! The transparency log: that an entry is in a trusted log, when it got there, and that it is about this signature
//! (Sigstore client specification §4.4 and §4.5).
//!
//! An entry of a log that is not trusted counts for nothing. One of a trusted log that does not verify refuses the
//! candidate, whatever other entries there are.

mod checkpoint;
mod entry;
mod promise;
mod proof;

use std::collections::HashSet;

use jiff::Timestamp;

use super::{
    SignatureError,
    failure::presented,
    material::{Entry, Material},
    trust_root::Log,
};
use entry::Kind;

/// How an entry proves that it is in its log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Inclusion {
    /// A path to a signed checkpoint. Required of every bundle, whatever version it claims: the version is
    /// not signed, and calling a bundle 0.1 must not be a way around the proof.
    Proof,
    /// The log's signed promise: all there is in the older layouts.
    Promise,
}

/// An entry that is proven to be in a trusted log.
pub(super) struct Logged<'a> {
    entry: &'a Entry,
    kind: Kind,
    log: &'a Log,
    time: Option<Timestamp>,
}

/// Demands at least one entry of a trusted log, each of them proven and none of them there twice.
pub(super) fn require<'a>(
    entries: &'a [Entry],
    inclusion: Inclusion,
    logs: &'a [Log],
) -> Result<Vec<Logged<'a>>, SignatureError> {
    if entries.is_empty() {
        return Err(missing("there is no entry"));
    }
    let (mut indexes, mut bodies) = (HashSet::new(), HashSet::new());
    let mut logged = Vec::new();
    for entry in entries {
        let log = entry.log_id.as_slice();
        if !indexes.insert((log, entry.index)) {
            return Err(missing("the same entry is there twice"));
        }
        if let Some(log) = logs.iter().find(|known| known.id == log) {
            logged.push(Logged::proven(entry, inclusion, log)?);
            // Nobody signs the index beside a proof, so the body must differ too.
            if !bodies.insert((log.id, &entry.body)) {
                return Err(missing("the same entry is there twice"));
            }
        }
    }
    if logged.is_empty() {
        return Err(missing("no entry is of a log that the trust root names"));
    }
    Ok(logged)
}

impl<'a> Logged<'a> {
    fn proven(
        entry: &'a Entry,
        inclusion: Inclusion,
        log: &'a Log,
    ) -> Result<Self, SignatureError> {
        let kind = Kind::of(entry)?;
        match (&entry.proof, inclusion) {
            (Some(proof), _) => proof::verify(entry, kind, proof, log)?,
            (None, Inclusion::Proof) => return Err(missing("the entry has no inclusion proof")),
            (None, Inclusion::Promise) => {}
        }
        let time = match (&entry.promise, inclusion) {
            (Some(_), _) if kind.is_second_generation() => {
                return Err(missing(
                    "an entry of the second generation has no signed entry timestamp",
                ));
            }
            (Some(promise), _) => Some(promise::verify(entry, promise, log)?),
            (None, Inclusion::Promise) => {
                return Err(missing("the entry has no signed entry timestamp"));
            }
            (None, Inclusion::Proof) => None,
        };
        Ok(Self {
            entry,
            kind,
            log,
            time,
        })
    }

    /// When the log took the entry, if it has signed that. A proof covers the body and no time.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// The global index, if the log has signed it. In a first-generation entry only the promise covers it; the
    /// proof is about the index in the shard.
    pub(super) fn signed_index(&self) -> Option<u64> {
        (self.entry.promise.is_some() || self.kind.is_second_generation())
            .then_some(self.entry.index)
    }

    /// That the log's key was in use when the entry was made.
    ///
    /// Where the log names no time, every verified time of the signature must fit: the entry was made no earlier than
    /// the signature, but how much later nobody says. Where there is no time at all, only a key that is still in use
    /// will do, as whoever has got hold of a retired one could have made the entry since.
    pub(super) fn in_use(&self, times: &[Timestamp]) -> Result<(), SignatureError> {
        let window = &self.log.window;
        let outside = |time: Timestamp| SignatureError::LogEntry {
            detail: format!("the log's key was not in use at {time}"),
        };
        match (self.time, times) {
            (Some(time), _) if window.covers(time) => Ok(()),
            (Some(time), _) => Err(outside(time)),
            (None, []) if window.end.is_none() => Ok(()),
            (None, []) => Err(missing(
                "the log's key is retired, and no verified time says that the entry is older",
            )),
            (None, times) => match times.iter().find(|time| !window.covers(**time)) {
                Some(time) => Err(outside(*time)),
                None => Ok(()),
            },
        }
    }

    /// That the entry is about this signature: the same signature over the same content by the same key or
    /// certificate. Without it, any genuine entry would do (CVE-2022-23649, CVE-2026-22703).
    ///
    /// `key` is the key that the signature has verified with.
    pub(super) fn is_about(&self, material: &Material, key: &[u8]) -> Result<(), SignatureError> {
        entry::bind(self.kind, &self.entry.body, material, key)
    }
}

fn missing(detail: &str) -> SignatureError {
    SignatureError::LogEntry {
        detail: detail.to_owned(),
    }
}

fn malformed(what: &str, error: &dyn std::fmt::Display) -> SignatureError {
    SignatureError::LogEntry {
        detail: super::failure::text(what, error),
    }
}

/// Expected and found, both safe to show.
fn mismatch(what: &str, expected: &str, found: &str) -> SignatureError {
    SignatureError::LogEntry {
        detail: format!(
            "{what} is \"{}\" instead of \"{}\"",
            presented(found),
            presented(expected)
        ),
    }
}
