//! One vocabulary for what is said about how an image was built, whoever says it.
//!
//! Certificates, attestations, BuildKit's statements, annotations and labels are read into [`Facts`], each fact with
//! [`Source`] and path. Statements are read by their [`Shape`], which their build type tells; what has no known shape
//! states no facts. Nothing here decides: who may say what, and what must be said, is for `decision`.

mod agreement;
mod annotations;
mod base_image;
mod certificate;
mod error;
mod facts;
mod json;
mod node;
mod shape;
mod url;

pub use agreement::Contradiction;
pub use base_image::BaseImage;
pub(crate) use certificate::{GITHUB, GITHUB_OIDC_ISSUER, GitLabSan, host_of_url, source_project};
pub use certificate::{job_url, source_repository_url};
pub use error::{ProvenanceError, Unreadable};
pub use facts::{Fact, FactName, Facts, Source};
pub use shape::{ASSAY_BUILD_TYPE, Shape};

use serde_json::Value;

use self::{error::malformed, node::Node};

/// A statement that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Who wrote it, as far as its build type tells.
    pub shape: Shape,
    /// What it says; nothing when the shape is unknown.
    pub facts: Facts,
    /// All of its predicate, for conditions; null when there is none.
    pub predicate: Value,
}

impl Provenance {
    /// Reads a statement of this predicate type, of which `source` says how far it is to be trusted.
    ///
    /// The bytes are trusted no further than their bounds: it does not matter here whether anybody signed them. Of a
    /// type that is no provenance, and of a shape that is not known, only the predicate is kept.
    ///
    /// # Errors
    /// What is no JSON or has a name twice in one object, what crosses a limit, and what has something of the wrong
    /// type where a fact is read. Fields that no fact is read from are not looked at.
    pub fn parse(
        predicate_type: &str,
        statement: &[u8],
        source: Source,
    ) -> Result<Self, ProvenanceError> {
        let mut fields = match json::parse(statement)? {
            Value::Object(fields) => fields,
            other => return Err(malformed("the statement", "an object", &other)),
        };
        match fields.get("predicateType") {
            Some(Value::String(found)) if found == predicate_type => {}
            found => {
                let found = found.unwrap_or(&Value::Null);
                return Err(malformed(
                    "predicateType",
                    "the type it was taken for",
                    found,
                ));
            }
        }
        let predicate = fields.remove("predicate").unwrap_or_default();
        if !is_provenance(predicate_type) {
            return Ok(Self {
                shape: Shape::Unknown,
                facts: Facts::default(),
                predicate,
            });
        }
        let (shape, facts) =
            shape::read(predicate_type, &Node::root("predicate", &predicate), source)?;
        Ok(Self {
            shape,
            facts,
            predicate,
        })
    }
}

/// Whether statements of this predicate type are provenance: SLSA's, of version 0.2 or 1.
pub fn is_provenance(predicate_type: &str) -> bool {
    matches!(predicate_type, SLSA_V0_2 | SLSA_V1)
}

/// SLSA provenance v0.2.
pub(crate) const SLSA_V0_2: &str = "https://slsa.dev/provenance/v0.2";

/// SLSA provenance v1.0, v1.1 and v1.2, which share it.
pub(crate) const SLSA_V1: &str = "https://slsa.dev/provenance/v1";

#[cfg(test)]
mod tests;
