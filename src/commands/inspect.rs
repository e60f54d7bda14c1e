//! `assay inspect`: everything that is attached to an image, and who signed it.
//!
//! Verified is said only of what [`verify`](crate::verify) accepts with the keys and the trust root given. Whether
//! that signer may sign is a question for policies, which `assay verify` answers.

mod findings;
mod tree;

use std::{path::Path, sync::Arc};

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::findings::{Finding, Lens};
use super::{CommandError, Exit, FileError, files, print_document};
use crate::{
    app::Reading,
    config::{InspectArgs, OutputFormat},
    image::{Digest, Reference},
    key::PublicKey,
    limits,
    registry::{Access, Description, Registry, RegistryError, Search, Wanted},
    verify::TrustRoot,
};

/// What is printed: the document of `-o json`.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspection {
    image: String,
    digest: String,
    media_type: String,
    platforms: Vec<Platform>,
    attachments: Vec<Finding>,
}

/// One manifest of an index.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Platform {
    platform: String,
    digest: String,
}

/// Prints what is attached to an image.
pub async fn run(args: InspectArgs) -> Result<Exit, CommandError> {
    let image: Reference = args.image.parse().map_err(CommandError::usage)?;
    let lens = Lens::new(
        read_keys(&args)?,
        read_trust_root(args.trust_root.as_deref())?,
    );
    let reading =
        Reading::for_people(&args.registry, &TaskTracker::new()).map_err(CommandError::usage)?;
    let inspection = match inspect(&reading, &image, &lens, args.timeout).await {
        Ok(inspection) => inspection,
        Err(error @ RegistryError::NotFound { .. }) => return Err(CommandError::failure(error)),
        Err(error) => return Err(CommandError::undetermined(error)),
    };
    match args.output {
        OutputFormat::Text => tree::print(&inspection),
        format => print_document(&inspection, format),
    }
    .map_err(CommandError::failure)?;
    Ok(Exit::Success)
}

async fn inspect(
    reading: &Reading,
    image: &Reference,
    lens: &Lens,
    timeout: std::time::Duration,
) -> Result<Inspection, RegistryError> {
    let access = Access {
        keyring: Arc::new(reading.keyring.clone()),
        deadline: Instant::now() + timeout,
    };
    let repository = image.repository();
    let wanted = Wanted::SignaturesAndAttestations;
    let digest = reading.registry.resolve(image, &access).await?;
    let (manifest, attachments) = tokio::try_join!(
        reading.registry.describe(repository, &digest, &access),
        reading
            .registry
            .attachments(repository, &digest, wanted, Search::Everywhere, &access),
    )?;
    let findings = attachments
        .iter()
        .map(|attachment| Finding::new(attachment, &digest, lens))
        .collect();
    Ok(Inspection::new(image, &digest, manifest, findings))
}

impl Inspection {
    fn new(
        image: &Reference,
        digest: &Digest,
        manifest: Description,
        attachments: Vec<Finding>,
    ) -> Self {
        let platforms = manifest.platforms.into_iter().map(|child| Platform {
            platform: child.platform,
            digest: child.digest.to_string(),
        });
        Self {
            image: image.written().to_owned(),
            digest: digest.to_string(),
            media_type: manifest.media_type.to_owned(),
            platforms: platforms.collect(),
            attachments,
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
