//! Bounds on the log and on Events.

use std::time::Duration;

/// The largest file with a log level that is read, in bytes.
pub const LOG_LEVEL_BYTES: u64 = 4 * 1024;

/// How often the file with the log level is looked at when no event says that it has changed.
pub const LOG_LEVEL_POLL: Duration = Duration::from_secs(30);

/// The most bytes of a list (images, findings) in the log line of a review. With its other fields the line stays below
/// [`LOG_LINE_BYTES`].
pub const LOGGED_LIST_BYTES: usize = 4 * 1024;

/// The longest log line of a review, in bytes: container runtimes cut longer ones in pieces.
pub const LOG_LINE_BYTES: usize = 16 * 1024;

/// The most findings of one review that become Events.
pub const EVENTS_PER_REVIEW: usize = 20;

/// The most findings that wait to be looked at by whoever writes Events; what comes beyond is dropped and counted.
pub const EVENTS_QUEUED: usize = 256;

/// The most Events that are known, written or to be written; what comes beyond is dropped and counted.
pub const EVENTS_KNOWN: usize = 512;

/// The most Events that are written in a row.
pub const EVENTS_AT_ONCE: u32 = 25;

/// How often an Event is written in the long run.
pub const EVENT_INTERVAL: Duration = Duration::from_millis(200);

/// How long an Event stays as it was written; what repeats it meanwhile adds up. As long a failed write is put off.
pub const EVENT_PAUSE: Duration = Duration::from_secs(10);

/// How often an Event that could not be written is tried again.
pub const EVENT_RETRIES: u32 = 3;
