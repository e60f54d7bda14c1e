//! Images in OCI layout folders: `oci:DIR[:TAG]` in an image's place.

use std::sync::Arc;

use super::targets::Target;
use crate::{
    commands::CommandError,
    config::VerifyArgs,
    image::{Digest, Reference},
    registry::{LayoutError, LayoutName, OciLayout},
};

/// An image in a folder.
#[derive(Clone, Debug)]
pub(super) struct FolderImage {
    /// As it was asked for.
    pub(super) written: String,
    /// What the folder holds.
    pub(super) layout: Arc<OciLayout>,
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

/// Why an image in a folder cannot be judged as it was asked for.
#[derive(Debug, thiserror::Error)]
enum NamingError {
    /// `--as` without a folder, or with several.
    #[error("--as names the image of one oci: folder, found {found} of them")]
    NotOne {
        /// How many there are.
        found: usize,
    },
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
    /// Policies match by name, and there is none.
    #[error(
        "{folder} does not say which repository its image is from: say it with --as registry.example/app:1.8.2"
    )]
    NoName {
        /// As written.
        folder: String,
    },
}

/// The images that the command line names, in order; folders are read.
pub(super) fn read_images(args: &VerifyArgs) -> Result<Vec<Target>, CommandError> {
    let folders = args
        .images
        .iter()
        .filter(|image| LayoutName::is_meant(image));
    let found = folders.count();
    if args.known_as.is_some() && found != 1 {
        return Err(CommandError::usage(NamingError::NotOne { found }));
    }
    args.images
        .iter()
        .map(|image| {
            if LayoutName::is_meant(image) {
                read_folder(args, image)
            } else {
                Ok(Target::image(image))
            }
        })
        .collect()
}

fn read_folder(args: &VerifyArgs, written: &str) -> Result<Target, CommandError> {
    let name: LayoutName = written.parse().map_err(unreadable)?;
    let layout = OciLayout::open(&name).map_err(unreadable)?;
    let digest = layout.image().clone();
    let known_as: Option<Reference> = match &args.known_as {
        Some(text) => Some(text.parse().map_err(CommandError::usage)?),
        None => layout.name().cloned(),
    };
    let folder = || written.to_owned();
    if known_as.is_none() && args.policies.is_some() {
        return Err(CommandError::usage(NamingError::NoName {
            folder: folder(),
        }));
    }
    if let Some(expected) = known_as.as_ref().and_then(Reference::digest)
        && *expected != digest
    {
        return Err(CommandError::usage(NamingError::OtherDigest {
            folder: folder(),
            expected: expected.clone(),
            found: digest,
        }));
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
    Ok(Target {
        folder: Some(FolderImage {
            written: folder(),
            layout: Arc::new(layout),
            by_digest: format!("oci:{}@{digest}", name.folder().display()),
            naming,
        }),
        ..Target::image(&reference)
    })
}

impl FolderImage {
    /// What is printed when it is admitted: what to deploy, else the image as it can be named again.
    pub(super) fn pinned(&self, reference: String) -> String {
        match self.naming {
            Naming::Known => reference,
            Naming::Placeholder => self.by_digest.clone(),
        }
    }
}

fn unreadable(error: LayoutError) -> CommandError {
    if error.is_wrong_usage() {
        CommandError::usage(error)
    } else {
        CommandError::undetermined(error)
    }
}

/// What an image is called that has no other name. The host is no registry's: it has no such top-level domain.
const PLACEHOLDER: &str = "oci-layout.invalid/image";
