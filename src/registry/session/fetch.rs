//! Manifests and blobs, compared with their digests.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, header};

use super::{Ask, Session};
use crate::{
    image::Digest,
    limits,
    registry::{
        RegistryError,
        budget::{Share, paid},
        contents::{Fetched, Source},
        manifest::{ANY_MANIFEST, Manifest, ManifestError, is_schema_one},
        transport::{Answer, CROWDED},
    },
    untrusted::shown,
};

impl Session {
    /// The request for the head of a manifest.
    pub(in crate::registry) fn ask_head(&self, reference: &str) -> Ask {
        Ask {
            method: Method::HEAD,
            ..self.ask_manifest(reference, ANY_MANIFEST)
        }
    }

    pub(in crate::registry) fn ask_manifest(&self, reference: &str, accept: &'static str) -> Ask {
        Ask {
            method: Method::GET,
            url: self.url(&format!("manifests/{reference}")),
            accept,
            body_limit: limits::MANIFEST_BYTES,
            what: format!("the manifest {reference}"),
        }
    }

    /// The manifest of this tag or digest; none when there is none (404).
    pub(in crate::registry) async fn fetch_manifest(
        &self,
        reference: &str,
        accept: &'static str,
        expected: Option<&Digest>,
    ) -> Result<Option<Manifest>, RegistryError> {
        self.fetch_asked(&self.ask_manifest(reference, accept), expected)
            .await
    }

    async fn fetch_asked(
        &self,
        ask: &Ask,
        expected: Option<&Digest>,
    ) -> Result<Option<Manifest>, RegistryError> {
        let answer = self.send(ask).await?;
        match answer.status.as_u16() {
            200 => self.read_manifest(&answer, expected).map(Some),
            404 => Ok(None),
            _ => Err(unexpected(&answer)),
        }
    }

    /// The digest of this tag's manifest, computed from its content.
    pub(in crate::registry) async fn fetch_digest(
        &self,
        reference: &str,
    ) -> Result<Option<Digest>, RegistryError> {
        let manifest = self.fetch_manifest(reference, ANY_MANIFEST, None).await?;
        Ok(manifest.map(|manifest| manifest.digest))
    }

    /// The digest that a head announces, if it does.
    pub(in crate::registry) fn announced_digest(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Digest>, RegistryError> {
        let Some(value) = headers.get("docker-content-digest") else {
            return Ok(None);
        };
        let digest = value.to_str().ok().and_then(|text| text.parse().ok());
        let digest = digest.ok_or_else(|| {
            let found = String::from_utf8_lossy(value.as_bytes());
            let found = shown(&found, limits::SHOWN_CHARS);
            self.unusable(format!(
                "answered with a digest that is not SHA-256 ({found})"
            ))
        })?;
        Ok(Some(digest))
    }

    fn read_manifest(
        &self,
        answer: &Answer,
        expected: Option<&Digest>,
    ) -> Result<Manifest, RegistryError> {
        let media_type = answer.media_type().unwrap_or_default();
        if is_schema_one(&media_type) {
            // Its digest leaves its signatures out, so that a comparison would only hide what is wrong.
            return Err(self.unusable(ManifestError::SchemaOne.to_string()));
        }
        let announced = self.announced_digest(&answer.headers)?;
        for digest in expected.into_iter().chain(&announced) {
            self.compare(answer, digest)?;
        }
        let parsed = Manifest::parse_served(&media_type, &answer.body);
        let mut manifest = parsed.map_err(|error| match error {
            ManifestError::TooMany { .. } => self.limit(error.to_string()),
            ManifestError::MediaType { .. }
            | ManifestError::SchemaOne
            | ManifestError::Malformed { .. } => self.unusable(error.to_string()),
        })?;
        manifest.share = Some(Arc::clone(&answer.share));
        Ok(manifest)
    }

    /// A registry that answers anything but the content of a digest is told on, with both digests.
    fn compare(&self, answer: &Answer, expected: &Digest) -> Result<(), RegistryError> {
        let found = Digest::of(&answer.body);
        if found == *expected {
            return Ok(());
        }
        let encoding = answer.headers.get(header::CONTENT_ENCODING);
        let encoding = encoding.and_then(|value| value.to_str().ok());
        // None was asked for, and nothing is ever unpacked.
        let encoding = encoding.map_or_else(String::new, |encoding| {
            format!(", encoded as {}", shown(encoding, limits::SHOWN_CHARS))
        });
        let (expected, found) = (expected.short(), found.short());
        Err(self.unusable(format!(
            "answered with other content than its digest says (expected {expected}, found {found}{encoding})"
        )))
    }

    /// A blob of exactly this size and digest, and what pays for it.
    pub(in crate::registry) async fn fetch_blob(
        &self,
        digest: &Digest,
        size: usize,
    ) -> Result<(Bytes, Arc<Share>), RegistryError> {
        let ask = Ask {
            method: Method::GET,
            url: self.url(&format!("blobs/{digest}")),
            accept: "*/*",
            body_limit: size,
            what: format!("the blob {}", digest.short()),
        };
        let answer = self
            .send(&ask)
            .await
            .map_err(|failure| match failure.error {
                // The bound was the registry's own word.
                RegistryError::Limit { detail, .. } if detail != CROWDED => {
                    let short = digest.short();
                    self.limit(format!(
                        "the blob {short} is larger than the {size} bytes it is listed with"
                    ))
                }
                error => error,
            })?;
        match answer.status.as_u16() {
            200 => {}
            404 => {
                let detail = format!("lists the blob {} and does not have it", digest.short());
                return Err(self.unusable(detail));
            }
            _ => return Err(unexpected(&answer)),
        }
        self.compare(&answer, digest)?;
        let found = answer.body.len();
        if found != size {
            let short = digest.short();
            return Err(self.unusable(format!(
                "lists the blob {short} with {size} bytes, and it has {found}"
            )));
        }
        let content = paid(answer.body, Arc::clone(&answer.share));
        Ok((content, answer.share))
    }
}

impl Source for Session {
    fn name(&self) -> String {
        self.host_name()
    }

    async fn manifest(
        &self,
        digest: &Digest,
        limit: usize,
    ) -> Result<Option<Manifest>, RegistryError> {
        let ask = Ask {
            body_limit: limit,
            ..self.ask_manifest(digest.as_str(), ANY_MANIFEST)
        };
        self.fetch_asked(&ask, Some(digest)).await
    }

    async fn blob(&self, digest: &Digest, size: usize) -> Result<Fetched, RegistryError> {
        let (content, share) = self.fetch_blob(digest, size).await?;
        Ok((content, Some(share)))
    }
}

/// The class of a status that is no answer to what was asked.
pub(in crate::registry) fn unexpected(answer: &Answer) -> RegistryError {
    let host = answer.host.clone();
    match answer.status.as_u16() {
        status @ (401 | 403) => RegistryError::Unauthorized {
            host,
            status,
            tried: Vec::new(),
        },
        status => {
            let way = if answer.is_plain && status == 400 {
                " to plain HTTP"
            } else {
                ""
            };
            let detail = format!("answered {status}{way}");
            if answer.status.is_server_error() {
                RegistryError::Unavailable { host, detail }
            } else {
                RegistryError::Unusable { host, detail }
            }
        }
    }
}
