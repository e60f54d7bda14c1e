//! What an image says about itself: read of a registry or a folder, every link compared with its digest.

mod config;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod statement;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use self::{config::Config, statement::Statements};
use super::{
    RegistryError,
    budget::Share,
    manifest::{Descriptor, Kind, Manifest, Role},
};
use crate::{
    image::{BuildStatement, Contents, Digest, Part, PlatformContents},
    limits,
};

/// A blob, and what pays for it where that is counted.
pub(super) type Fetched = (Bytes, Option<Arc<Share>>);

/// Where an image lies.
pub(super) trait Source: Sync {
    /// As errors name it.
    fn name(&self) -> String;

    /// The manifest or index of this digest, when it is there. One of more than `limit` bytes is an error.
    fn manifest(
        &self,
        digest: &Digest,
        limit: usize,
    ) -> impl Future<Output = Result<Option<Manifest>, RegistryError>> + Send;

    /// The blob of exactly this digest and size, which must be there.
    fn blob(
        &self,
        digest: &Digest,
        size: usize,
    ) -> impl Future<Output = Result<Fetched, RegistryError>> + Send;

    /// The error that there is too much of something.
    fn limit(&self, detail: String) -> RegistryError {
        RegistryError::Limit {
            host: self.name(),
            detail,
        }
    }

    /// The error that something listed is not there, or not what it is listed as.
    fn unusable(&self, detail: String) -> RegistryError {
        RegistryError::Unusable {
            host: self.name(),
            detail,
        }
    }
}

/// Reads these parts of an image; none when there is no such image.
///
/// All that an index lists is read, one level deep. What cannot be read is an error: an image of which a part is left
/// out could satisfy what it should not. Statements that are none are told apart, for not everybody asks for them.
pub(super) async fn read<S: Source>(
    source: &S,
    digest: &Digest,
    parts: &BTreeSet<Part>,
) -> Result<Option<Contents>, RegistryError> {
    let Some(top) = source.manifest(digest, limits::MANIFEST_BYTES).await? else {
        return Ok(None);
    };
    let mut reading = Reading {
        source,
        parts,
        left: limits::CONTENTS_BYTES_PER_IMAGE,
    };
    let images = reading.images(&top)?;
    let mut statements = Statements::default();
    if parts.contains(&Part::BuildStatements) {
        statements.list(source, &top, &images)?;
    }
    let wanted = reading.manifests(&top, &images).chain(statements.holders());
    let wanted = wanted.collect();
    let mut manifests = reading.fetch_manifests(wanted).await?;
    manifests.insert(top.digest.clone(), top.clone());
    statements.find_layers(source, &manifests)?;
    let configs = reading.configs(&top, &images, &manifests)?;
    let wanted = configs.into_iter().chain(statements.layers());
    let wanted = wanted.collect();
    let blobs = reading.fetch_blobs(wanted).await?;
    let (build_statements, broken_statements) = statements.read(&blobs);
    let contents = Contents {
        media_type: top.kind.media_type().to_owned(),
        platforms: reading.platforms(images, &manifests, &blobs)?,
        annotations: reading.if_asked(Part::Annotations, top.annotations),
        build_statements,
        broken_statements,
    };
    reading.bounded(contents).map(Some)
}

/// One reading of one image.
struct Reading<'a, S> {
    source: &'a S,
    parts: &'a BTreeSet<Part>,
    /// How many bytes may still be fetched.
    left: usize,
}

/// One image as its index lists it, or the image itself.
#[derive(Debug)]
struct Image {
    digest: Digest,
    kind: Kind,
    size: u64,
    platform: Option<String>,
    /// Of the descriptor.
    annotations: BTreeMap<String, String>,
}

/// What is to be fetched: digests with the sizes that are listed for them.
type Wanted = BTreeMap<Digest, u64>;

impl<S: Source> Reading<'_, S> {
    fn images(&self, top: &Manifest) -> Result<Vec<Image>, RegistryError> {
        if !top.kind.is_index() {
            return Ok(vec![Image::alone(top)]);
        }
        let listed = top.manifests.iter().filter(|one| one.role() == Role::Image);
        let images: Vec<Image> = listed
            .filter_map(|one| self.listed(top.kind, one).transpose())
            .collect::<Result<_, _>>()?;
        let (found, limit) = (images.len(), limits::PLATFORMS_PER_IMAGE);
        if found > limit {
            let detail = format!("the index lists {found} images, at most {limit} are read");
            return Err(self.source.limit(detail));
        }
        Ok(images)
    }

    /// An entry of an index; none when it is of a type that no runtime takes for an image.
    fn listed(&self, index: Kind, one: &Descriptor) -> Result<Option<Image>, RegistryError> {
        let Some(kind) = Kind::parse(&one.media_type) else {
            return Ok(None);
        };
        let digest = listed_digest(self.source, one)?;
        if kind.is_index() {
            let short = digest.short();
            let detail = format!("the index lists the index {short}, at most one level is read");
            return Err(self.source.limit(detail));
        }
        Ok(Some(Image {
            digest,
            kind,
            size: one.size,
            platform: one.platform(),
            annotations: if index.has_annotations() {
                one.annotations()
            } else {
                BTreeMap::new()
            },
        }))
    }

    /// The manifests that have to be fetched for the parts asked for.
    fn manifests<'b>(
        &self,
        top: &Manifest,
        images: &'b [Image],
    ) -> impl Iterator<Item = (Digest, u64)> + use<'b, S> {
        let of_each = [Part::Annotations, Part::Labels];
        let is_wanted = top.kind.is_index() && of_each.iter().any(|part| self.parts.contains(part));
        let wanted = images.iter().filter(move |_| is_wanted);
        wanted.map(|image| (image.digest.clone(), image.size))
    }

    /// The configurations that have to be fetched.
    fn configs(
        &self,
        top: &Manifest,
        images: &[Image],
        manifests: &BTreeMap<Digest, Manifest>,
    ) -> Result<Wanted, RegistryError> {
        let mut wanted = Wanted::new();
        let is_platform_wanted = self.parts.contains(&Part::Platforms) && !top.kind.is_index();
        if !self.parts.contains(&Part::Labels) && !is_platform_wanted {
            return Ok(wanted);
        }
        for image in images {
            let Some(config) = manifests.get(&image.digest).and_then(config_of) else {
                continue;
            };
            let limit = limits::CONFIG_BYTES;
            if config.size > limit as u64 {
                return Err(self.source.limit(format!(
                    "the configuration of {} has {} bytes, at most {limit} are read",
                    image.digest.short(),
                    config.size
                )));
            }
            wanted.insert(listed_digest(self.source, config)?, config.size);
        }
        Ok(wanted)
    }

    async fn fetch_manifests(
        &mut self,
        wanted: Wanted,
    ) -> Result<BTreeMap<Digest, Manifest>, RegistryError> {
        self.claim(&wanted)?;
        let source = self.source;
        stream::iter(wanted)
            .map(|(digest, size)| async move {
                let limit = usize::try_from(size).unwrap_or(usize::MAX);
                let limit = limit.min(limits::MANIFEST_BYTES);
                let manifest = source.manifest(&digest, limit).await?.ok_or_else(|| {
                    let short = digest.short();
                    source.unusable(format!("lists the manifest {short} and does not have it"))
                })?;
                Ok((digest, manifest))
            })
            .buffer_unordered(limits::FETCHES_PER_IMAGE)
            .try_collect()
            .await
    }

    async fn fetch_blobs(
        &mut self,
        wanted: Wanted,
    ) -> Result<BTreeMap<Digest, Bytes>, RegistryError> {
        self.claim(&wanted)?;
        let source = self.source;
        let fetched: Vec<(Digest, Fetched)> = stream::iter(wanted)
            .map(|(digest, size)| async move {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let fetched = source.blob(&digest, size).await?;
                Ok::<_, RegistryError>((digest, fetched))
            })
            .buffer_unordered(limits::FETCHES_PER_IMAGE)
            .try_collect()
            .await?;
        // All are here: some of them are kept for long, and are no longer on their way.
        for share in fetched.iter().filter_map(|(_, (_, share))| share.as_ref()) {
            share.arrived();
        }
        let blobs = fetched.into_iter();
        Ok(blobs
            .map(|(digest, (content, _))| (digest, content))
            .collect())
    }

    /// Takes what is to be fetched from what may be: nothing is fetched that is too much together.
    fn claim(&mut self, wanted: &Wanted) -> Result<(), RegistryError> {
        let all = wanted
            .values()
            .fold(0_u64, |all, size| all.saturating_add(*size));
        let left = usize::try_from(all)
            .ok()
            .and_then(|all| self.left.checked_sub(all));
        let limit = limits::CONTENTS_BYTES_PER_IMAGE;
        self.left = left.ok_or_else(|| {
            let detail = format!("what the image says about itself has more than {limit} bytes");
            self.source.limit(detail)
        })?;
        Ok(())
    }

    fn platforms(
        &self,
        images: Vec<Image>,
        manifests: &BTreeMap<Digest, Manifest>,
        blobs: &BTreeMap<Digest, Bytes>,
    ) -> Result<Vec<PlatformContents>, RegistryError> {
        let platforms = images.into_iter().map(|image| {
            let manifest = manifests.get(&image.digest);
            self.platform(image, manifest, blobs)
        });
        platforms.collect()
    }

    fn platform(
        &self,
        image: Image,
        manifest: Option<&Manifest>,
        blobs: &BTreeMap<Digest, Bytes>,
    ) -> Result<PlatformContents, RegistryError> {
        if manifest.is_some_and(|manifest| manifest.kind != image.kind) {
            let short = image.digest.short();
            let detail = format!("answered {short} as another type than its index says");
            return Err(self.source.unusable(detail));
        }
        let config = manifest
            .and_then(config_of)
            .and_then(Descriptor::digest)
            .and_then(|digest| blobs.get(&digest));
        let config = match config {
            Some(content) => Config::parse(content).map_err(|error| {
                let short = image.digest.short();
                self.refused_config(&short, error)
            })?,
            None => Config::default(),
        };
        let mut annotations = image.annotations;
        annotations.extend(manifest.into_iter().flat_map(|one| one.annotations.clone()));
        let platform = image.platform.unwrap_or_else(|| config.platform.text());
        Ok(PlatformContents {
            platform,
            digest: image.digest,
            annotations: self.if_asked(Part::Annotations, annotations),
            labels: self.if_asked(Part::Labels, config.labels()),
        })
    }

    fn refused_config(&self, image: &str, error: config::ConfigError) -> RegistryError {
        match error {
            config::ConfigError::Malformed => {
                let detail = format!("answered a malformed configuration of {image}");
                self.source.unusable(detail)
            }
            config::ConfigError::TooMany { limit } => self
                .source
                .limit(format!("{image} has more than {limit} labels")),
        }
    }

    fn if_asked(&self, part: Part, texts: BTreeMap<String, String>) -> BTreeMap<String, String> {
        if self.parts.contains(&part) {
            texts
        } else {
            BTreeMap::new()
        }
    }

    fn bounded(&self, contents: Contents) -> Result<Contents, RegistryError> {
        let statements = contents.build_statements.iter();
        let statements: usize = statements.map(BuildStatement::bytes).sum();
        let all = contents.bytes().saturating_sub(statements);
        let limit = limits::CONTENTS_TEXT_BYTES_PER_IMAGE;
        if all > limit {
            return Err(self.source.limit(format!(
                "the annotations and labels have {all} bytes, at most {limit} are read"
            )));
        }
        Ok(contents)
    }
}

impl Image {
    /// An image that no index was asked for.
    fn alone(manifest: &Manifest) -> Self {
        Self {
            digest: manifest.digest.clone(),
            kind: manifest.kind,
            size: 0,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// The configuration, where it is one of an image: only those have labels.
fn config_of(manifest: &Manifest) -> Option<&Descriptor> {
    let config = manifest.config.as_ref();
    config.filter(|config| CONFIG_TYPES.contains(&config.media_type.as_str()))
}

fn listed_digest(source: &impl Source, listed: &Descriptor) -> Result<Digest, RegistryError> {
    listed.digest().ok_or_else(|| {
        let found = listed.shown_digest();
        source.unusable(format!(
            "lists a part of the image by a digest that is not SHA-256 ({found})"
        ))
    })
}

const CONFIG_TYPES: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
