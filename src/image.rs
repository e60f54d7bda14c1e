//! What images are called: references, repositories, tags, digests, and patterns over them.

mod digest;
mod pattern;
mod reference;

pub use digest::{Digest, DigestError};
pub use pattern::{Pattern, PatternError, RepositoryPattern};
pub use reference::{Reference, ReferenceError, RegistryHost, Repository, Tag};
