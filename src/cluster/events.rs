//! Events about what did not satisfy a policy, on the objects that people look at.
//!
//! An Event is written once for an object, a code and a line; what repeats it only raises its count. Its name is made of
//! these, so that all replicas, and those that come after them, write the same Event. Nothing here holds up a review:
//! what finds no room is dropped and counted.

mod ledger;
mod note;
mod pace;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use kube::Client;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use self::{
    ledger::{Ledger, Room},
    note::Note,
    pace::Pace,
    writer::{Failure, Writer, Written},
};
use crate::{
    clock::Clock,
    limits,
    review::{Observation, Observer},
    telemetry::{EventResult, Metrics},
};

/// Takes note of findings, for a task of its own to write.
#[derive(Debug)]
pub struct Events {
    queue: Sender<Sighting>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

/// A note, and when there was reason for it.
#[derive(Debug)]
struct Sighting {
    note: Note,
    at: Timestamp,
}

impl Events {
    /// Starts to write Events, in a task of `tasks` that ends with what this returns.
    pub fn start(
        client: Client,
        replica: &str,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        tasks: &TaskTracker,
    ) -> Arc<Self> {
        let (queue, sightings) = mpsc::channel(limits::EVENTS_QUEUED);
        let recorder = Recorder {
            ledger: Ledger::default(),
            pace: Pace::starting(Instant::now()),
            writer: Writer::new(client, replica),
            metrics: Arc::clone(&metrics),
            failing: Failing::No,
        };
        tasks.spawn(recorder.run(sightings));
        Arc::new(Self {
            queue,
            clock,
            metrics,
        })
    }
}

impl Observer for Events {
    fn observe(&self, observation: &Observation) {
        let at = self.clock.now();
        let due = note::number_due(observation);
        let queued = note::notes(observation)
            .take(limits::EVENTS_PER_REVIEW)
            .filter_map(|note| self.queue.try_send(Sighting { note, at }).ok())
            .count();
        self.metrics
            .count_events(EventResult::Dropped, due - queued);
    }
}

/// Writes what is to be written, one after another and not too often.
struct Recorder {
    ledger: Ledger,
    pace: Pace,
    writer: Writer,
    metrics: Arc<Metrics>,
    failing: Failing,
}

/// Whether the last Event could not be written: told once, not for each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Failing {
    No,
    Yes,
}

impl Recorder {
    /// Until the queue ends. What is not written by then is lost: it will be seen again, or is over.
    async fn run(mut self, mut sightings: Receiver<Sighting>) {
        loop {
            let due = self.ledger.due();
            let due = due.map(|due| due.max(self.pace.ready()));
            tokio::select! {
                sighting = sightings.recv() => match sighting {
                    Some(sighting) => self.note(sighting),
                    None => return,
                },
                () = until(due) => {
                    self.note_queued(&mut sightings);
                    self.write_one().await;
                }
            }
        }
    }

    /// What is in the queue already may say the same: it is counted before anything is written.
    fn note_queued(&mut self, sightings: &mut Receiver<Sighting>) {
        for _ in 0..limits::EVENTS_QUEUED {
            match sightings.try_recv() {
                Ok(sighting) => self.note(sighting),
                Err(_) => return,
            }
        }
    }

    fn note(&mut self, Sighting { note, at }: Sighting) {
        match self.ledger.add(note, at, Instant::now()) {
            Room::Found => {}
            Room::None => self.metrics.count_events(EventResult::Dropped, 1),
        }
    }

    async fn write_one(&mut self) {
        let Some(due) = self.ledger.take_due(Instant::now()) else {
            return;
        };
        self.pace.took(Instant::now());
        let written = self.writer.write(&due).await;
        let now = Instant::now();
        match written {
            Ok(written) => {
                self.ledger.written(&due, now);
                self.recovered();
                let result = match written {
                    Written::Created => EventResult::Created,
                    Written::Updated => EventResult::Updated,
                };
                self.metrics.count_events(result, 1);
            }
            // Nobody can look there any more.
            Err(Failure::NamespaceGone) => {
                self.ledger.forget(&due);
                self.metrics.count_events(EventResult::Dropped, 1);
            }
            Err(Failure::Refused(reason)) => {
                self.ledger.forget(&due);
                self.failed(&reason);
            }
            Err(Failure::Passing(reason)) => {
                self.ledger.put_off(&due, now);
                self.failed(&reason);
            }
        }
    }

    fn failed(&mut self, reason: &str) {
        self.metrics.count_events(EventResult::Failed, 1);
        if self.failing == Failing::No {
            tracing::warn!(reason, "Events cannot be written");
        }
        self.failing = Failing::Yes;
    }

    fn recovered(&mut self) {
        if self.failing == Failing::Yes {
            tracing::info!("Events are written again");
        }
        self.failing = Failing::No;
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
