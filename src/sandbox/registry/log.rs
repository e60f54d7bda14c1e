//! What was asked of the registry, and how deep: which request could only be made after which answer.

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::lock;

/// One request, as it arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestInfo {
    /// How many requests had arrived before it.
    pub index: usize,
    /// The method, in capitals.
    pub method: String,
    /// The name by which the registry was asked, with the port where there is one.
    pub host: String,
    /// The path.
    pub path: String,
    /// The query, empty when there is none.
    pub query: String,
    /// Whether it came with an `Authorization` header.
    pub authorized: bool,
    /// That header, empty when there is none.
    pub authorization: String,
    /// The `Accept` header, empty when there is none.
    pub accept: String,
}

/// One request and when it was answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestRecord {
    /// What was asked.
    pub request: RequestInfo,
    /// The status of the answer; none when there is no answer (yet).
    pub status: Option<u16>,
    /// Its place in the sequence of all arrivals and answers.
    pub started: u64,
    /// The answer's place in that sequence.
    pub finished: Option<u64>,
}

/// The length of the longest chain of requests in which each began after the one before was answered.
///
/// Where requests that are sent together overlap, as when they are answered in rounds, this is how many round trips a client
/// needed.
pub fn depth(records: &[RequestRecord]) -> usize {
    let mut by_start: Vec<&RequestRecord> = records.iter().collect();
    by_start.sort_by_key(|record| record.started);
    let mut chains: Vec<(u64, usize)> = Vec::new();
    let mut deepest = 0;
    for record in by_start {
        let before = chains
            .iter()
            .filter(|(finished, _)| *finished < record.started)
            .map(|(_, length)| *length)
            .max()
            .unwrap_or(0);
        deepest = deepest.max(before + 1);
        chains.push((record.finished.unwrap_or(u64::MAX), before + 1));
    }
    deepest
}

impl fmt::Display for RequestRecord {
    /// As in `HEAD /v2/acme/api/manifests/1.0 200`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestInfo {
            method,
            path,
            query,
            ..
        } = &self.request;
        write!(f, "{method} {path}")?;
        if !query.is_empty() {
            write!(f, "?{query}")?;
        }
        match self.status {
            Some(status) => write!(f, " {status}"),
            None => f.write_str(" unanswered"),
        }
    }
}

/// All requests since the start or the last [`Log::clear`].
#[derive(Debug, Default)]
pub(super) struct Log {
    clock: AtomicU64,
    records: Mutex<Vec<RequestRecord>>,
}

impl Log {
    /// Notes an arrival; `request.index` is set here.
    pub(super) fn arrived(&self, mut request: RequestInfo) -> RequestInfo {
        let mut records = lock(&self.records);
        request.index = records.len();
        records.push(RequestRecord {
            request: request.clone(),
            status: None,
            started: self.clock.fetch_add(1, Ordering::SeqCst),
            finished: None,
        });
        request
    }

    pub(super) fn answered(&self, request: &RequestInfo, status: u16) {
        let mut records = lock(&self.records);
        let now = self.clock.fetch_add(1, Ordering::SeqCst);
        // After a clear the index may be another request's, or nobody's.
        if let Some(record) = records.get_mut(request.index)
            && record.request == *request
            && record.finished.is_none()
        {
            record.status = Some(status);
            record.finished = Some(now);
        }
    }

    pub(super) fn records(&self) -> Vec<RequestRecord> {
        lock(&self.records).clone()
    }

    pub(super) fn clear(&self) {
        lock(&self.records).clear();
    }
}
