//! What the fuzz targets share: the world that the seeds were signed in, and mutations that keep a document readable.

pub mod mutation;
pub mod world;
