//! The program itself, run as a pipeline runs it: what it prints where, and how it exits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code fails by panicking"
)]

mod attested;
mod bench;
mod clouds;
mod docs;
mod folder;
mod inspect;
mod logging;
mod mirrored;
mod recorded;
mod rules;
mod schema;
mod serve;
mod verify;
