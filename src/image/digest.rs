//! Content digests.

/// A content digest, as in `sha256:9f86…`: the algorithm is SHA-256, the hex is lower case.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(String);

/// Why a text is no digest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DigestError {
    /// The algorithm is not SHA-256.
    #[error("digest algorithm {presented:?} is not accepted, expected sha256")]
    Algorithm {
        /// What stood before the colon.
        presented: String,
    },
    /// The part after `sha256:` is not 64 lower-case hex digits.
    #[error("expected 64 lower-case hex digits after sha256:")]
    Hex,
}

impl Digest {
    /// The SHA-256 digest of these bytes.
    pub fn of(_bytes: &[u8]) -> Self {
        todo!()
    }
    /// The whole text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The 64 hex digits.
    pub fn hex(&self) -> &str {
        todo!()
    }
    /// The form messages use: `sha256:` and the first twelve hex digits, then `…`.
    pub fn short(&self) -> String {
        todo!()
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Digest {
    type Err = DigestError;
    fn from_str(_text: &str) -> Result<Self, Self::Err> {
        todo!()
    }
}
