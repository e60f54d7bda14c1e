//! An OCI registry in memory, served over HTTP on loopback.
