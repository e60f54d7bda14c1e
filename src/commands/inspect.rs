//! `assay inspect`: everything that is attached to an image, who signed it, and what is said about how it was built.
//!
//! Verified is said only of what [`verify`](crate::verify) accepts with the keys and the trust root given. Whether
//! that signer may sign is a question for policies, which `assay verify` answers. What nobody has verified is kept apart.

mod assemble;
mod document;
mod findings;
mod lens;
mod links;
mod look;
mod table;
mod text;
mod tree;
mod warnings;

use std::{path::Path, sync::Arc};

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::{
    document::Inspection,
    lens::Lens,
    look::{Place, look},
};
use super::{
    CommandError, Exit, FileError, files,
    folder::{FolderError, FolderImage, Naming, is_for_one},
    print_document,
};
use crate::{
    app::Reading,
    config::{InspectArgs, OutputFormat},
    image::Reference,
    key::PublicKey,
    limits,
    registry::{Keyring, LayoutName, RegistryError},
    verify::TrustRoot,
};

/// What is looked at, and where.
struct Target {
    place: Place,
    reference: Reference,
    known_as: Option<String>,
}

/// Prints what is attached to an image and what is said about it.
pub async fn run(args: InspectArgs) -> Result<Exit, CommandError> {
    let target = Target::of(&args)?;
    let lens = Lens::new(
        read_keys(&args)?,
        read_trust_root(args.trust_root.as_deref())?,
    );
    let deadline = Instant::now() + args.timeout;
    let seen = match look(&target.place, &target.reference, &lens, deadline).await {
        Ok(seen) => seen,
        Err(error @ RegistryError::NotFound { .. }) => return Err(CommandError::failure(error)),
        Err(error) => return Err(CommandError::undetermined(error)),
    };
    let exit = if seen.failures.is_empty() {
        Exit::Success
    } else {
        Exit::Undetermined
    };
    let inspection = Inspection::new(args.image, target.known_as, seen);
    match args.output {
        OutputFormat::Text => text::print(&inspection),
        format => print_document(&inspection, format),
    }
    .map_err(CommandError::failure)?;
    Ok(exit)
}

/// The JSON schema of the document that `-o json` prints.
pub fn schema() -> serde_json::Value {
    document::schema().to_value()
}

impl Target {
    fn of(args: &InspectArgs) -> Result<Self, CommandError> {
        let known_as = args.known_as.as_deref();
        is_for_one(known_as, [args.image.as_str()]).map_err(CommandError::usage)?;
        if LayoutName::is_meant(&args.image) {
            let folder = FolderImage::open(&args.image, known_as);
            return folder
                .map(Self::in_folder)
                .map_err(FolderError::into_command_error);
        }
        let reference: Reference = args.image.parse().map_err(CommandError::usage)?;
        let reading = Reading::for_people(&args.registry, &TaskTracker::new())
            .map_err(CommandError::usage)?;
        Ok(Self {
            place: Place {
                registry: reading.registry,
                keyring: Arc::new(reading.keyring),
            },
            reference,
            known_as: None,
        })
    }

    fn in_folder(folder: FolderImage) -> Self {
        let known_as = match folder.naming {
            Naming::Known => Some(folder.reference.written().to_owned()),
            Naming::Placeholder => None,
        };
        Self {
            place: Place {
                registry: folder.layout,
                keyring: Arc::new(Keyring::default()),
            },
            reference: folder.reference,
            known_as,
        }
    }
}

fn read_keys(args: &InspectArgs) -> Result<Vec<PublicKey>, CommandError> {
    args.keys.iter().map(|file| read_key(file)).collect()
}

fn read_key(file: &Path) -> Result<PublicKey, CommandError> {
    let text = files::read(file, limits::TRUST_FILE_BYTES).map_err(CommandError::usage)?;
    PublicKey::from_pem(&text).map_err(|error| FileError::unusable(file, error))
}

fn read_trust_root(file: Option<&Path>) -> Result<TrustRoot, CommandError> {
    let Some(file) = file else {
        return TrustRoot::public_good().map_err(CommandError::failure);
    };
    let text = files::read(file, limits::TRUST_FILE_BYTES).map_err(CommandError::usage)?;
    TrustRoot::from_json(&text).map_err(|error| FileError::unusable(file, error))
}
