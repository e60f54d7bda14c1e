//! Which entry a signature gets, and in which log.

use jiff::Timestamp;
use serde_json::Value;

use super::Submission;
use crate::sandbox::sigstore::{SandboxError, SigningKeyPair};

/// An entry about to be made. Every setter changes one thing from what the log would do.
#[derive(Clone, Debug)]
#[must_use = "it is made when it is given to a signing"]
pub struct Entry {
    pub(super) kind: EntryKind,
    pub(super) log: LogName,
    pub(super) at: Option<Timestamp>,
    pub(super) fault: Option<EntryFault>,
}

/// The kinds of entries. The last two are of Rekor v2, which has logs of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntryKind {
    /// `hashedrekord` 0.0.1: the hash of what is signed. For an envelope, of its PAE.
    HashedRekord001,
    /// `dsse` 0.0.1.
    Dsse001,
    /// `intoto` 0.0.1, which has no signature in it.
    Intoto001,
    /// `intoto` 0.0.2, which has the signature in base64 twice.
    Intoto002,
    /// `hashedrekord` 0.0.2.
    HashedRekord002,
    /// `dsse` 0.0.2.
    Dsse002,
}

/// Which of the logs of a generation it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogName {
    /// The first that the trust root names.
    #[default]
    First,
    /// Another that it names.
    Second,
    /// One that it does not name.
    Unknown,
}

/// The one thing that is wrong with an entry. What is not named here is genuine: an entry about something
/// else has a good promise and a good proof. Faults of the promise and the time change nothing about an
/// entry of Rekor v2, which has neither.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntryFault {
    /// It has another signature of the same signer. (`intoto` 0.0.1 has none: nothing changes.)
    OfAnotherSignature,
    /// It names another key.
    OfAnotherKey,
    /// It has the hashes of another content.
    OfAnotherContent,
    /// It has no signed entry timestamp.
    NoPromise,
    /// Another key signed the promise.
    PromiseOfAnotherKey,
    /// The promise is about another index.
    PromiseOfAnotherEntry,
    /// The time beside the promise is a minute later than the one promised.
    TimeNotPromised,
    /// It has no inclusion proof.
    NoProof,
    /// The path of the proof is another leaf's.
    ProofOfAnotherLeaf,
    /// The proof has no checkpoint.
    NoCheckpoint,
    /// Another key signed the checkpoint, under the hint of the right one.
    CheckpointOfAnotherKey,
    /// The checkpoint is of the tree with one leaf less.
    CheckpointOfAnotherTree,
    /// The checkpoint is under another log's name.
    CheckpointOfAnotherName,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Generation {
    V1,
    V2,
}

impl Entry {
    /// An entry of this kind in the first log that takes it.
    pub fn of(kind: EntryKind) -> Self {
        Self {
            kind,
            log: LogName::First,
            at: None,
            fault: None,
        }
    }

    /// In this log.
    pub fn in_log(mut self, log: LogName) -> Self {
        self.log = log;
        self
    }

    /// Integrated at this time. Rekor v2 says no time.
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// With one thing wrong.
    pub fn fault(mut self, fault: EntryFault) -> Self {
        self.fault = Some(fault);
        self
    }

    pub(super) fn body(&self, submission: &Submission<'_>) -> Result<Value, SandboxError> {
        let mut submission = submission.clone();
        let another_key;
        let another_signature;
        if self.fault == Some(EntryFault::OfAnotherSignature) {
            another_signature = submission.key.sign(b"another")?;
            submission.signature = &another_signature;
        }
        if self.fault == Some(EntryFault::OfAnotherKey) {
            another_key = SigningKeyPair::generate_of(submission.key.kind())?;
            submission.key = &another_key;
            submission.certificate = None;
        }
        if self.fault == Some(EntryFault::OfAnotherContent) {
            submission.hashed = submission.key.hash().digest(b"another");
            if let Some(envelope) = &mut submission.envelope {
                envelope.json = b"another";
                envelope.payload = b"another";
            }
        }
        submission.body(self.kind)
    }
}

impl EntryKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HashedRekord001 | Self::HashedRekord002 => "hashedrekord",
            Self::Dsse001 | Self::Dsse002 => "dsse",
            Self::Intoto001 | Self::Intoto002 => "intoto",
        }
    }

    pub(super) fn version(self) -> &'static str {
        match self {
            Self::HashedRekord001 | Self::Dsse001 | Self::Intoto001 => "0.0.1",
            Self::Intoto002 | Self::HashedRekord002 | Self::Dsse002 => "0.0.2",
        }
    }

    pub(super) fn generation(self) -> Generation {
        match self {
            Self::HashedRekord001 | Self::Dsse001 | Self::Intoto001 | Self::Intoto002 => {
                Generation::V1
            }
            Self::HashedRekord002 | Self::Dsse002 => Generation::V2,
        }
    }
}
