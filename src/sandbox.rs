//! A registry, a private Sigstore and a server of files inside the process: for `assay demo` and for the tests.
//! Nothing here is used by `serve` or `verify`.

pub mod files;
pub mod registry;
pub mod sigstore;
