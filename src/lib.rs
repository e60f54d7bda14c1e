//! Assay lets a container image into a Kubernetes cluster only when its signature proves who built it.
//!
//! An admission review takes one way through the modules: `server` receives it, `admission` reads it,
//! `decision::plan` says what must be known, `review` gathers that from `registry` and `verify`,
//! `decision::decide` judges, and `admission` answers. The order of the modules, and what each may
//! use, is checked by `tests/it/architecture.rs`.

pub mod admission;
pub mod app;
pub mod certificates;
pub mod clock;
pub mod cluster;
pub mod commands;
pub mod condition;
pub mod config;
pub mod decision;
pub mod file_watch;
pub mod image;
pub mod key;
pub mod limits;
pub mod policy;
pub mod provenance;
pub mod registry;
pub mod review;
pub mod sandbox;
pub mod server;
pub mod standalone;
pub mod telemetry;
pub mod trust;
pub mod untrusted;
pub mod verify;
pub mod workload;
