//! Images in OCI layout folders: `oci:DIR[:TAG]` in an image's place.

use std::sync::Arc;

use super::CommandError;
use crate::{
    image::{Digest, Reference, ReferenceError},
    limits,
    registry::{LayoutError, LayoutName, OciLayout},
    untrusted::shown,
};

/// An image in a folder.
#[derive(Clone, Debug)]
pub(super) struct FolderImage {
    /// As it was asked for.
    pub(super) written: String,
    /// What the folder holds.
    pub(super) layout: Arc<OciLayout>,
    /// What it is taken for, with its digest.
    pub(super) reference: Reference,
    /// The image as `oci:DIR@sha256:…`.
    by_digest: String,
    pub(super) naming: Naming,
}

/// Whether it is known what the image is called where it is deployed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Naming {
    /// By `--as`, or by the folder's own word.
    Known,
    /// It is called something that no registry has.
    Placeholder,
}

/// Why an image in a folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// The folder, or the name that is given for it, cannot be read.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// `--as` is no reference.
    #[error("--as is no reference")]
    KnownAs(#[from] ReferenceError),
    /// `--as` is for another digest.
    #[error("--as names {expected}, and {folder} holds {found}")]
    OtherDigest {
        /// As written.
        folder: String,
        /// By `--as`.
        expected: Digest,
        /// In the folder.
        found: Digest,
    },
    /// `--as` without a folder, or with several.
    #[error("--as names the image of one oci: folder, found {found} of them")]
    NotOne {
        /// How many there are.
        found: usize,
    },
}

/// Whether `--as` has the one folder that it is for.
pub(super) fn is_for_one<'a>(
    known_as: Option<&str>,
    images: impl IntoIterator<Item = &'a str>,
) -> Result<(), FolderError> {
    let folders = images
        .into_iter()
        .filter(|image| LayoutName::is_meant(image));
    match (known_as, folders.count()) {
        (None, _) | (Some(_), 1) => Ok(()),
        (Some(_), found) => Err(FolderError::NotOne { found }),
    }
}

impl FolderImage {
    /// Reads the folder that `written` names, whose image is called `known_as`.
    pub(super) fn open(written: &str, known_as: Option<&str>) -> Result<Self, FolderError> {
        let name: LayoutName = written.parse()?;
        let known_as: Option<Reference> = known_as.map(str::parse).transpose()?;
        let layout = OciLayout::open(&name)?;
        let digest = layout.image().clone();
        let known_as = known_as.or_else(|| layout.name().cloned());
        if let Some(expected) = known_as.as_ref().and_then(Reference::digest)
            && *expected != digest
        {
            return Err(FolderError::OtherDigest {
                folder: written.to_owned(),
                expected: expected.clone(),
                found: digest,
            });
        }
        let naming = if known_as.is_some() {
            Naming::Known
        } else {
            Naming::Placeholder
        };
        let reference = known_as.map_or_else(
            || format!("{PLACEHOLDER}@{digest}"),
            |reference| reference.pinned(&digest),
        );
        Ok(Self {
            written: written.to_owned(),
            layout: Arc::new(layout),
            reference: reference.parse()?,
            by_digest: format!("oci:{}@{digest}", name.folder().display()),
            naming,
        })
    }

    /// What is printed when it is admitted: what to deploy, else the image as it can be named again.
    pub(super) fn pinned(&self, reference: String) -> String {
        match self.naming {
            Naming::Known => reference,
            Naming::Placeholder => self.by_digest.clone(),
        }
    }

    /// A line about it, in which it is not called what nobody has named it.
    pub(super) fn told(&self, line: &str) -> String {
        match (self.naming, line.strip_prefix(PLACEHOLDER)) {
            (Naming::Known, _) => line.to_owned(),
            (Naming::Placeholder, None) => line.replace(PLACEHOLDER, REPOSITORY),
            (Naming::Placeholder, Some(rest)) => {
                let name = shown(&self.written, limits::SHOWN_CHARS);
                format!("{name}{}", rest.replace(PLACEHOLDER, REPOSITORY))
            }
        }
    }
}

impl FolderError {
    /// How a command ends with it, when it has no other answer.
    pub(super) fn into_command_error(self) -> CommandError {
        match &self {
            Self::Layout(error) if !error.is_wrong_usage() => CommandError::undetermined(self),
            Self::Layout(_) | Self::KnownAs(_) | Self::OtherDigest { .. } | Self::NotOne { .. } => {
                CommandError::usage(self)
            }
        }
    }
}

/// What an image is called that has no other name. The host is no registry's: it has no such top-level domain.
const PLACEHOLDER: &str = "oci-layout.invalid/image";

/// What stands for its repository in a command, which signs in a registry.
const REPOSITORY: &str = "<registry>/<repository>";
