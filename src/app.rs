//! Wiring and task ownership.
