//! A registry and a private Sigstore inside the process: for `assay demo` and for the tests.
//! Nothing here is used by `serve` or `verify`.

pub mod build;
pub mod registry;
pub mod sigstore;
