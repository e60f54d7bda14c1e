//! Wiring and task ownership.

mod reading;

pub use reading::{Reading, ReadingError};
