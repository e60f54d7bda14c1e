//! Tests against a real kube-apiserver, etcd, registry, cosign and kubectl. Run by `.ci/run`.
//!
//! One cluster is started for all tests of this binary, and each test has its own namespace in it.
//! `ASSAY_KUBE_BIN` names the folder with kube-apiserver, kube-controller-manager and kubectl,
//! `ASSAY_COSIGN3` and `ASSAY_COSIGN2` the two cosigns, `ASSAY_SIGSTORE` the folder with Sigstore's servers;
//! `.ci/tools` builds them all.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests and their support fail by panicking, and read the environment"
)]

mod support;

mod admission;
mod availability;
mod certificates;
mod chart;
mod command_line;
mod events;
mod install;
mod metrics;
mod modes;
mod own_certificates;
mod pipeline;
mod policies;
mod policy_admission;
mod pull_secrets;
mod signers;
mod status;
mod trust_roots;
