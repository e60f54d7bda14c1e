//! Asking the registry, or the folder, for everything about an image.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::join_all;
use tokio::time::Instant;

use super::{
    document::{Warning, WarningKind},
    findings::Findings,
    lens::Lens,
};
use crate::{
    image::{Contents, Digest, Part, Reference, Repository, SignaturePlaces},
    limits,
    registry::{Access, Asked, Attachment, Keyring, Registry, RegistryError, Search, Wanted},
    verify::Layout,
};

/// Where an image is looked for.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) registry: Arc<dyn Registry>,
    pub(super) keyring: Arc<Keyring>,
}

/// What was seen of an image.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) digest: Digest,
    pub(super) contents: Arc<Contents>,
    pub(super) findings: Findings,
    pub(super) signed_child: Option<SignedChild>,
    /// Whether it is known what is attached.
    pub(super) is_listed: bool,
    /// What could not be read.
    pub(super) failures: Vec<String>,
}

/// The image for one platform of an index that has no signature itself.
#[derive(Debug)]
pub(super) struct SignedChild {
    platform: String,
    digest: Digest,
}

/// Looks at everything about an image. What cannot be read is told beside what can.
///
/// # Errors
/// When there is no such image, or not even its manifest can be read.
pub(super) async fn look(
    place: &Place,
    image: &Reference,
    lens: &Lens,
    deadline: Instant,
) -> Result<Seen, RegistryError> {
    let keyring = Arc::clone(&place.keyring);
    let access = Access {
        keyring,
        deadline,
        since: Instant::now(),
        asked: Asked::default(),
    };
    let digest = place.registry.resolve(image, &access).await?;
    let repository = image.repository();
    let places = place.registry.signature_places(repository);
    let (contents, attached) = tokio::join!(
        contents(place, image, &digest, &access),
        attached(place, &places, &digest, &access),
    );
    let (contents, failure) = contents?;
    let mut failures: Vec<String> = failure
        .map(|error| format!("what the image says about itself could not be read: {error}"))
        .into_iter()
        .collect();
    let is_listed = attached.failures.is_empty();
    failures.extend(attached.failures);
    let attachments = attached.found.iter();
    let attachments = attachments.map(|(lies_in, one)| {
        let is_elsewhere = lies_in != repository;
        (is_elsewhere.then_some(lies_in), one)
    });
    let findings = Findings::of(attachments, &digest, lens);
    let signed_child = if is_listed && findings.signatures.is_empty() {
        signed_child(place, image, &contents, &digest, &access).await
    } else {
        None
    };
    Ok(Seen {
        digest,
        contents,
        findings,
        signed_child,
        is_listed,
        failures,
    })
}

/// What is attached to an image, in every place.
struct Attached {
    /// Each once, with the first repository that holds it.
    found: Vec<(Repository, Attachment)>,
    /// What could not be read.
    failures: Vec<String>,
}

async fn attached(
    place: &Place,
    places: &SignaturePlaces,
    image: &Digest,
    access: &Access,
) -> Attached {
    let wanted = Wanted::SignaturesAndAttestations;
    let looking = places.all().map(async |repository| {
        let registry = &place.registry;
        let looking = registry.attachments(repository, image, wanted, Search::Everywhere, access);
        (repository, looking.await)
    });
    let mut attached = Attached {
        found: Vec::new(),
        failures: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    for (repository, looked) in join_all(looking).await {
        match looked {
            Ok(attachments) => {
                // A copy of an image's repository holds copies of its signatures.
                let known = seen.clone();
                for one in attachments.iter() {
                    let layer = (one.manifest.clone(), one.digest.clone());
                    if !known.contains(&layer) {
                        attached.found.push((repository.clone(), one.clone()));
                    }
                    seen.insert(layer);
                }
            }
            Err(error) => {
                let failure = format!("what is attached could not be read: {error}");
                attached.failures.push(failure);
            }
        }
    }
    attached
}

/// All that the image says about itself; where that cannot be read, at least its manifest, and why.
async fn contents(
    place: &Place,
    image: &Reference,
    digest: &Digest,
    access: &Access,
) -> Result<(Arc<Contents>, Option<RegistryError>), RegistryError> {
    let all = BTreeSet::from([Part::Annotations, Part::Labels, Part::BuildStatements]);
    let none = BTreeSet::new();
    let read = |parts| {
        let repository = image.repository();
        place.registry.contents(repository, digest, parts, access)
    };
    match read(&all).await {
        Ok(contents) => Ok((contents, None)),
        Err(error @ RegistryError::NotFound { .. }) => Err(error),
        Err(error) => match read(&none).await {
            Ok(contents) => Ok((contents, Some(error))),
            Err(_) => Err(error),
        },
    }
}

/// An image in the index that has a signature of its own. What cannot be looked up is left out: this only explains.
async fn signed_child(
    place: &Place,
    image: &Reference,
    contents: &Contents,
    index: &Digest,
    access: &Access,
) -> Option<SignedChild> {
    let children = contents.platforms.iter();
    let children: Vec<_> = children
        .filter(|child| child.digest != *index)
        .take(limits::CHILDREN_PER_INDEX)
        .collect();
    let (repository, wanted) = (image.repository(), Wanted::Signatures);
    let found = join_all(children.iter().map(|child| {
        let digest = &child.digest;
        place
            .registry
            .attachments(repository, digest, wanted, Search::First, access)
    }))
    .await;
    let is_signed = |found: &Result<Arc<[_]>, RegistryError>| {
        found
            .as_ref()
            .is_ok_and(|found| found.iter().any(is_signature))
    };
    let mut found = children.into_iter().zip(found.iter());
    let (child, _) = found.find(|(_, found)| is_signed(found))?;
    Some(SignedChild {
        platform: child.platform.clone(),
        digest: child.digest.clone(),
    })
}

fn is_signature(attachment: &Attachment) -> bool {
    match Layout::of_media_type(&attachment.media_type) {
        Some(Layout::Legacy | Layout::Bundle) => true,
        Some(Layout::LegacyAttestation) | None => false,
    }
}

impl SignedChild {
    /// A tag names the index, and so does what is deployed.
    pub(super) fn warning(&self) -> Warning {
        let platform = match self.platform.as_str() {
            "" => "one platform",
            platform => platform,
        };
        let digest = self.digest.short();
        Warning::new(
            WarningKind::SignedChildOnly,
            format!(
                "it is an index, and only its image for {platform} ({digest}) has a signature: sign the index itself"
            ),
        )
    }
}
