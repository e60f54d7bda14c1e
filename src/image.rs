//! What images are called: references, repositories, tags, digests, and patterns over them.

mod contents;
mod digest;
mod glob;
mod name;
mod pattern;
mod places;
mod reference;

pub use contents::{
    BrokenStatement, BuildStatement, Contents, Part, PlatformContents, StatementFault,
};
pub use digest::{Digest, DigestError};
pub use name::{RegistryHost, Repository, Tag};
pub use pattern::{Pattern, PatternError, RepositoryPattern};
pub use places::SignaturePlaces;
pub use reference::{Reference, ReferenceError};

#[cfg(test)]
mod tests;
