//! The authorities and logs whose word counts.

/// Certificate authorities, logs and timestamp authorities, parsed and ready to verify with.
pub struct TrustRoot {
    // holds sigstore_verify::Verifier and a version
    version: String,
}

/// Why a text is no usable trust root.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustRootError {
    /// Not the JSON of a `trusted_root.json`.
    #[error("not a trusted root: {detail}")]
    Malformed {
        /// What the parser said.
        detail: String,
    },
    // further variants by the implementer
}

impl TrustRoot {
    /// The public-good Sigstore instance, as built in.
    pub fn public_good() -> Result<Self, TrustRootError> {
        todo!()
    }
    /// Reads a `trusted_root.json` (v0.1 or v0.2).
    pub fn from_json(_text: &str) -> Result<Self, TrustRootError> {
        todo!()
    }
    /// Names the content: equal versions verify alike.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
