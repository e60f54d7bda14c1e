//! The custom resources as they stand in the API (`assay.dev/v1alpha1`).
