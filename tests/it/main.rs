//! Hermetic integration tests: our real server, an in-process registry and a private Sigstore. Needs only Rust.
mod architecture;
mod commands;
mod fuzz_seeds;
mod gitlab_templates;
mod manifests;
mod metrics;
mod policies;
mod registry;
mod server;
mod support;
mod traces;
mod trust;
mod verification;
mod webhook;
