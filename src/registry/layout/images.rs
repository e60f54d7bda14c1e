//! What a layout's index lists, and which of it is the image that is meant.

use std::collections::{BTreeMap, BTreeSet};

use super::{LayoutError, folder::Folder, name::Choice};
use crate::{
    image::{Digest, Reference},
    limits,
    registry::{
        layout::folder::blob_path,
        manifest::{Descriptor, Kind, Manifest, ManifestError, OCI_INDEX, REFERENCE_TYPE},
    },
    untrusted::shown,
};

/// Every manifest of a layout that its index leads to.
#[derive(Debug)]
pub(super) struct Contents {
    /// In the order of the index; what an index lists follows it.
    pub(super) entries: Vec<Entry>,
    /// By digest, once each.
    pub(super) manifests: BTreeMap<Digest, Manifest>,
}

/// One listing of a manifest.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) digest: Digest,
    /// `org.opencontainers.image.ref.name`: a tag, or a whole reference.
    ref_name: Option<String>,
    /// `io.containerd.image.name`: a whole reference, beside a tag.
    image_name: Option<String>,
    /// What `cosign save` says it is.
    pub(super) cosign_kind: Option<String>,
    listed_by: ListedBy,
    is_build_record: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ListedBy {
    Layout,
    Index,
    Nothing,
}

impl Contents {
    pub(super) fn read(folder: &Folder) -> Result<Self, LayoutError> {
        let body = folder.named(INDEX, limits::MANIFEST_BYTES)?;
        let index = parse(OCI_INDEX, &body, folder.path_of(INDEX))?;
        let mut reader = Reader {
            folder,
            contents: Self {
                entries: Vec::new(),
                manifests: BTreeMap::new(),
            },
            bytes: 0,
        };
        for listed in &index.manifests {
            reader.add_listed(listed)?;
        }
        Ok(reader.contents)
    }

    /// The image that is meant.
    pub(super) fn choose(&self, choice: &Choice, folder: &str) -> Result<Digest, LayoutError> {
        let presented = match choice {
            Choice::Only => return self.only(folder),
            Choice::Tag(tag) => shown(tag, limits::SHOWN_CHARS),
            Choice::Digest(digest) => digest.to_string(),
        };
        let matching: BTreeSet<&Digest> = self
            .entries
            .iter()
            .filter(|entry| self.is_image(entry) && entry.is_meant_by(choice))
            .map(|entry| &entry.digest)
            .collect();
        let mut matching = matching.into_iter();
        match (matching.next(), matching.next()) {
            (Some(digest), None) => Ok(digest.clone()),
            (Some(_), Some(_)) => Err(self.several(folder)),
            (None, _) => Err(LayoutError::NoSuchImage {
                folder: folder.to_owned(),
                presented,
                images: self.listed(),
            }),
        }
    }

    /// The one image there is: of those that have a name, else of those that no index lists.
    fn only(&self, folder: &str) -> Result<Digest, LayoutError> {
        let digests = |named: bool| -> BTreeSet<&Digest> {
            let images = self.roots().filter(|entry| entry.is_named() || !named);
            images.map(|entry| &entry.digest).collect()
        };
        let named = digests(true);
        let images = if named.is_empty() {
            digests(false)
        } else {
            named
        };
        let mut images = images.into_iter();
        match (images.next(), images.next()) {
            (Some(digest), None) => Ok(digest.clone()),
            (Some(_), Some(_)) => Err(self.several(folder)),
            (None, _) => Err(LayoutError::NoImage {
                folder: folder.to_owned(),
            }),
        }
    }

    /// What the folder calls this image, where that is a whole reference.
    pub(super) fn full_name(&self, image: &Digest, choice: &Choice) -> Option<Reference> {
        let listings = self.entries.iter().filter(|entry| entry.digest == *image);
        let mut meant = listings.filter(|entry| match choice {
            Choice::Tag(_) => entry.is_meant_by(choice),
            Choice::Only | Choice::Digest(_) => true,
        });
        meant.find_map(Entry::full_name)
    }

    /// What an index lists of platforms; nothing for a single manifest.
    pub(super) fn children_of(&self, image: &Digest) -> Vec<Digest> {
        let manifest = self.manifests.get(image);
        manifest.map(Manifest::children).unwrap_or_default()
    }

    /// The images that the layout itself lists and that are no part of another.
    fn roots(&self) -> impl Iterator<Item = &Entry> {
        let parts: BTreeSet<&Digest> = self
            .entries
            .iter()
            .filter(|entry| entry.listed_by == ListedBy::Index)
            .map(|entry| &entry.digest)
            .collect();
        self.entries.iter().filter(move |entry| {
            entry.listed_by == ListedBy::Layout
                && self.is_image(entry)
                && (entry.is_named() || !parts.contains(&entry.digest))
        })
    }

    /// Whether this is neither something about an image nor a builder's record.
    fn is_image(&self, entry: &Entry) -> bool {
        let is_about_another = self
            .manifests
            .get(&entry.digest)
            .is_some_and(|manifest| manifest.manifest_subject.is_some());
        let is_cosigns = match entry.cosign_kind.as_deref() {
            None | Some(COSIGN_IMAGE | COSIGN_IMAGE_INDEX) => false,
            Some(_) => true,
        };
        !is_about_another
            && !is_cosigns
            && !entry.is_build_record
            && !entry.tag().is_some_and(is_tag_about_another)
    }

    fn several(&self, folder: &str) -> LayoutError {
        LayoutError::Several {
            folder: folder.to_owned(),
            images: self.listed(),
        }
    }

    /// What can be written behind the folder's name, as much of it as is read with the eye.
    fn listed(&self) -> String {
        let all: BTreeSet<String> = self.roots().map(Entry::choice_text).collect();
        let more = all.len().saturating_sub(limits::SHOWN_LAYOUT_IMAGES);
        let first = all.into_iter().take(limits::SHOWN_LAYOUT_IMAGES);
        let mut texts: Vec<String> = first.collect();
        if more > 0 {
            texts.push(format!("and {more} more"));
        }
        if texts.is_empty() {
            return "none".to_owned();
        }
        texts.join(", ")
    }
}

impl Entry {
    fn new(listed: &Descriptor, digest: Digest, listed_by: ListedBy) -> Self {
        let annotation = |key| listed.annotation(key).map(str::to_owned);
        Self {
            digest,
            ref_name: annotation(REF_NAME),
            image_name: annotation(CONTAINERD_NAME),
            cosign_kind: annotation(COSIGN_KIND),
            listed_by,
            is_build_record: listed.has_annotation(REFERENCE_TYPE),
        }
    }

    /// Of a manifest that nothing lists.
    pub(super) fn unlisted(digest: Digest) -> Self {
        Self {
            digest,
            ref_name: None,
            image_name: None,
            cosign_kind: None,
            listed_by: ListedBy::Nothing,
            is_build_record: false,
        }
    }

    /// The tag: alone, or of the whole reference.
    pub(super) fn tag(&self) -> Option<&str> {
        let name = self.ref_name.as_deref()?;
        match name.rsplit_once(':') {
            Some((_, tag)) if !tag.contains('/') => Some(tag),
            Some(_) | None => Some(name),
        }
    }

    fn is_named(&self) -> bool {
        self.ref_name.is_some() || self.image_name.is_some() || self.cosign_kind.is_some()
    }

    fn is_meant_by(&self, choice: &Choice) -> bool {
        match choice {
            Choice::Only => true,
            Choice::Tag(tag) => {
                let names = [
                    self.ref_name.as_deref(),
                    self.image_name.as_deref(),
                    self.tag(),
                ];
                names.contains(&Some(tag.as_str()))
            }
            Choice::Digest(digest) => self.digest == *digest,
        }
    }

    /// A name with a host: a tag alone, or a path, says nothing of where the image comes from.
    fn full_name(&self) -> Option<Reference> {
        let names = [&self.image_name, &self.ref_name];
        names.into_iter().flatten().find_map(|name| {
            let (host, _) = name.split_once('/')?;
            let reference: Reference = name.parse().ok()?;
            (reference.repository().host().as_str() == host.to_ascii_lowercase())
                .then_some(reference)
        })
    }

    fn choice_text(&self) -> String {
        match &self.ref_name {
            Some(name) => format!(":{}", shown(name, limits::SHOWN_CHARS)),
            None => format!("@{}", self.digest),
        }
    }
}

/// Reads manifests, each once, until it is too much.
struct Reader<'a> {
    folder: &'a Folder,
    contents: Contents,
    bytes: usize,
}

impl Reader<'_> {
    /// What the layout lists must be there, and so must what a fallback tag's index lists.
    fn add_listed(&mut self, listed: &Descriptor) -> Result<(), LayoutError> {
        let Some((kind, digest)) = readable(listed) else {
            return Ok(());
        };
        let entry = Entry::new(listed, digest.clone(), ListedBy::Layout);
        let is_fallback = entry.tag().is_some_and(is_tag_about_another);
        self.add(entry)?;
        if !self.read(&digest, kind, listed.size)? {
            return Err(self.missing(digest));
        }
        let inner = self.contents.manifests.get(&digest);
        let inner: Vec<Descriptor> = inner.map_or_else(Vec::new, |index| index.manifests.clone());
        for child in &inner {
            let Some((kind, digest)) = readable(child) else {
                continue;
            };
            self.add(Entry::new(child, digest.clone(), ListedBy::Index))?;
            // An index may be copied for some platforms alone.
            if !self.read(&digest, kind, child.size)? && is_fallback {
                return Err(self.missing(digest));
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: Entry) -> Result<(), LayoutError> {
        let limit = limits::DESCRIPTORS_PER_INDEX;
        if self.contents.entries.len() == limit {
            return Err(self.too_much(format!("more than {limit} manifests"), limit));
        }
        self.contents.entries.push(entry);
        Ok(())
    }

    /// Whether it is there.
    fn read(&mut self, digest: &Digest, kind: Kind, size: u64) -> Result<bool, LayoutError> {
        if self.contents.manifests.contains_key(digest) {
            return Ok(true);
        }
        let body = self.folder.blob(digest, size, limits::MANIFEST_BYTES)?;
        let Some(body) = body else {
            return Ok(false);
        };
        self.bytes = self.bytes.saturating_add(body.len());
        let limit = limits::LAYOUT_MANIFEST_BYTES;
        if self.bytes > limit {
            return Err(self.too_much(format!("more than {limit} bytes of manifests"), limit));
        }
        let file = self.folder.path_of(&blob_path(digest));
        let manifest = parse(kind.media_type(), &body, file)?;
        self.contents.manifests.insert(digest.clone(), manifest);
        Ok(true)
    }

    fn missing(&self, digest: Digest) -> LayoutError {
        LayoutError::Missing {
            folder: self.folder.shown().to_owned(),
            digest,
        }
    }

    fn too_much(&self, what: String, limit: usize) -> LayoutError {
        LayoutError::Limit {
            file: self.folder.shown().to_owned(),
            what,
            limit,
        }
    }
}

/// What a listed content is, when it is a manifest that we read.
fn readable(listed: &Descriptor) -> Option<(Kind, Digest)> {
    Some((Kind::parse(&listed.media_type)?, listed.digest()?))
}

fn parse(media_type: &str, body: &[u8], file: String) -> Result<Manifest, LayoutError> {
    Manifest::parse(media_type, body).map_err(|error| match error {
        ManifestError::TooMany { what, limit } => LayoutError::Limit {
            what: format!("more than {limit} {what}"),
            file,
            limit,
        },
        error @ (ManifestError::MediaType { .. }
        | ManifestError::SchemaOne
        | ManifestError::Malformed { .. }) => LayoutError::Malformed {
            file,
            detail: error.to_string(),
        },
    })
}

/// Whether things about another image are kept under this tag: `sha256-…`, `sha256-….sig` and their like.
fn is_tag_about_another(tag: &str) -> bool {
    let hex = tag.strip_prefix("sha256-").map(|rest| {
        let (hex, _) = rest.split_once('.').unwrap_or((rest, ""));
        hex
    });
    hex.is_some_and(|hex| format!("sha256:{hex}").parse::<Digest>().is_ok())
}

const INDEX: &str = "index.json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CONTAINERD_NAME: &str = "io.containerd.image.name";
const COSIGN_KIND: &str = "kind";
const COSIGN_IMAGE: &str = "dev.cosignproject.cosign/image";
const COSIGN_IMAGE_INDEX: &str = "dev.cosignproject.cosign/imageIndex";
