//! Why a layout folder cannot be read.

use std::io;

use crate::image::Digest;

/// Why a layout folder cannot be read. Text from the folder is escaped and cut.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// What follows `oci:` is not `DIR[:TAG]`.
    #[error("expected oci:DIR, oci:DIR:TAG or oci:DIR@sha256:…, found \"{presented}\"")]
    Name {
        /// What was written.
        presented: String,
    },
    /// The folder, or a file in it, cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It is no folder.
    #[error(
        "{file} is a file, expected the folder that an OCI layout is in; unpack it where it is an archive"
    )]
    NotAFolder {
        /// Which.
        file: String,
    },
    /// It is a file of another kind.
    #[error("{file} is no {expected}")]
    Kind {
        /// Which.
        file: String,
        /// What it should be.
        expected: &'static str,
    },
    /// There is no `oci-layout` file.
    #[error(
        "{folder} is no OCI layout: it has no file {file}; write one with cosign save or skopeo copy"
    )]
    NoLayout {
        /// The folder.
        folder: String,
        /// The file that every layout has.
        file: &'static str,
    },
    /// `oci-layout` names another version, or nothing that can be read.
    #[error("{file} names layout version \"{presented}\", expected \"1.0.0\"")]
    Version {
        /// The file.
        file: String,
        /// What stands there.
        presented: String,
    },
    /// A file in the folder is a link to something outside.
    #[error("{file} leads out of the folder; copy the folder with its contents, not with links")]
    Outside {
        /// Which.
        file: String,
    },
    /// An index or manifest is not what it should be.
    #[error("{file} is malformed: {detail}")]
    Malformed {
        /// Which.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// A blob is listed and not there.
    #[error("{folder} lists {digest} and does not have it; copy the whole folder, blobs included")]
    Missing {
        /// The folder.
        folder: String,
        /// The blob.
        digest: Digest,
    },
    /// A blob has another size than its descriptor says.
    #[error("{file} has {found} bytes, expected {expected}; write the folder again")]
    Size {
        /// Which.
        file: String,
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// A blob has other content than its name says.
    #[error("{file} has the digest {found}, expected {expected}; write the folder again")]
    Content {
        /// Which.
        file: String,
        /// Of the content.
        found: Digest,
        /// By its name.
        expected: Digest,
    },
    /// There is too much of something.
    #[error("{file}: {what}, at most {limit} are read")]
    Limit {
        /// Which file or folder.
        file: String,
        /// Of what.
        what: String,
        /// How much is read.
        limit: usize,
    },
    /// The folder lists no image.
    #[error("{folder} holds no image")]
    NoImage {
        /// The folder.
        folder: String,
    },
    /// Nothing says which of several images is meant.
    #[error("{folder} holds several images, say which: {images}")]
    Several {
        /// The folder.
        folder: String,
        /// What can be written behind the folder's name.
        images: String,
    },
    /// The folder has no image of this tag or digest.
    #[error("{folder} has no image {presented}, it has {images}")]
    NoSuchImage {
        /// The folder.
        folder: String,
        /// What was asked for.
        presented: String,
        /// What can be written behind the folder's name.
        images: String,
    },
}

impl LayoutError {
    /// Whether the name of the folder or of the image is at fault, rather than what the folder holds.
    pub fn is_wrong_usage(&self) -> bool {
        match self {
            Self::Name { .. }
            | Self::NotAFolder { .. }
            | Self::NoLayout { .. }
            | Self::NoImage { .. }
            | Self::Several { .. }
            | Self::NoSuchImage { .. } => true,
            Self::Unreadable { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ),
            Self::Kind { .. }
            | Self::Version { .. }
            | Self::Outside { .. }
            | Self::Malformed { .. }
            | Self::Missing { .. }
            | Self::Size { .. }
            | Self::Content { .. }
            | Self::Limit { .. } => false,
        }
    }
}
