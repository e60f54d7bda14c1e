//! The images that the command line names, in registries and in folders.

use std::sync::Arc;

use super::targets::{Origin, Target};
use crate::{
    commands::{
        CommandError,
        folder::{FolderError, FolderImage, Naming, is_for_one},
    },
    config::VerifyArgs,
    registry::LayoutName,
};

/// Policies match by name, and there is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "{folder} does not say which repository its image is from: say it with --as registry.example/app:1.8.2"
)]
struct NoName {
    /// As written.
    folder: String,
}

/// The images that the command line names, in order; folders are read. One that holds something other than it lists
/// is left to be reported beside the verdicts on the others.
pub(super) fn read_images(args: &VerifyArgs) -> Result<Vec<Target>, CommandError> {
    is_for_one(
        args.known_as.as_deref(),
        args.images.iter().map(String::as_str),
    )
    .map_err(CommandError::usage)?;
    args.images
        .iter()
        .map(|image| {
            if LayoutName::is_meant(image) {
                read_folder(args, image)
            } else {
                Ok(Target::image(image, Origin::Registry))
            }
        })
        .collect()
}

fn read_folder(args: &VerifyArgs, written: &str) -> Result<Target, CommandError> {
    let folder = match FolderImage::open(written, args.known_as.as_deref()) {
        Ok(folder) => folder,
        Err(FolderError::Layout(error)) if !error.is_wrong_usage() => {
            return Ok(Target::image(written, Origin::Unreadable(Arc::new(error))));
        }
        Err(error) => return Err(error.into_command_error()),
    };
    if folder.naming == Naming::Placeholder && args.policies.is_some() {
        let folder = folder.written;
        return Err(CommandError::usage(NoName { folder }));
    }
    let reference = folder.reference.written().to_owned();
    Ok(Target::image(&reference, Origin::Folder(Box::new(folder))))
}
