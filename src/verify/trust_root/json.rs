//! Reads a `trusted_root.json` (protobuf-specs `sigstore_trustroot.proto`).

use jiff::Timestamp;
use serde::Deserialize;

use super::super::{
    encoding::Base64,
    failure::{presented, shown, text as said},
};
use super::{
    CertificateAuthority, Log, Parts, TimestampAuthority, TrustRootError, Window, authority, log,
};
use crate::limits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Root {
    #[serde(rename = "mediaType")]
    _media_type: String,
    #[serde(default)]
    tlogs: Vec<LogInstance>,
    #[serde(default)]
    certificate_authorities: Vec<AuthorityInstance>,
    #[serde(default)]
    ctlogs: Vec<LogInstance>,
    #[serde(default)]
    timestamp_authorities: Vec<AuthorityInstance>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LogInstance {
    #[serde(default)]
    base_url: String,
    hash_algorithm: HashAlgorithm,
    public_key: Key,
    log_id: Id,
    checkpoint_key_id: Option<Id>,
    #[serde(default, rename = "operator")]
    _operator: String,
}

/// What the tree of a log is made with. Others are defined, and no log uses them.
#[derive(Deserialize)]
enum HashAlgorithm {
    #[serde(rename = "SHA2_256")]
    Sha256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Key {
    raw_bytes: Base64,
    #[serde(default, rename = "keyDetails")]
    details: String,
    valid_for: Range,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Id {
    key_id: Base64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AuthorityInstance {
    #[serde(default, rename = "subject")]
    _subject: Subject,
    #[serde(default)]
    uri: String,
    cert_chain: CertificateChain,
    valid_for: Range,
    #[serde(default, rename = "operator")]
    _operator: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Subject {
    #[serde(default, rename = "organization")]
    _organization: String,
    #[serde(default, rename = "commonName")]
    _common_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CertificateChain {
    #[serde(default)]
    certificates: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Raw {
    raw_bytes: Base64,
}

/// A window of which only the end may be open.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    start: Timestamp,
    end: Option<Timestamp>,
}

/// Reads and examines every part.
pub(super) fn read(text: &str) -> Result<Parts, TrustRootError> {
    let root = parsed(text)?;
    let parts = Parts {
        certificate_authorities: authorities(
            "certificateAuthorities",
            &root.certificate_authorities,
            CertificateAuthority::read,
        )?,
        timestamp_authorities: authorities(
            "timestampAuthorities",
            &root.timestamp_authorities,
            TimestampAuthority::read,
        )?,
        certificate_logs: logs("ctlogs", &root.ctlogs)?,
        logs: logs("tlogs", &root.tlogs)?,
    };
    Ok(parts)
}

fn parsed(text: &str) -> Result<Root, TrustRootError> {
    if text.len() > limits::TRUST_ROOT_BYTES {
        return Err(TrustRootError::TooLarge {
            found: text.len(),
            limit: limits::TRUST_ROOT_BYTES,
        });
    }
    known_media_type(text)?;
    let mut json = serde_json::Deserializer::from_str(text);
    let root: Root = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| malformed(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| malformed("its end", &error))?;
    Ok(root)
}

/// A version that is not known is named before anything else in it is complained about.
fn known_media_type(text: &str) -> Result<(), TrustRootError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        media_type: String,
    }
    let head: Head = serde_json::from_str(text).map_err(|error| TrustRootError::Malformed {
        detail: shown(&error),
    })?;
    if MEDIA_TYPES.contains(&head.media_type.as_str()) {
        return Ok(());
    }
    Err(TrustRootError::MediaType {
        presented: presented(&head.media_type),
    })
}

fn malformed(place: &str, error: &serde_json::Error) -> TrustRootError {
    TrustRootError::Malformed {
        detail: said(&presented(place), error),
    }
}

fn authorities<A>(
    list: &str,
    instances: &[AuthorityInstance],
    read: fn(&authority::Written<'_>) -> Result<A, TrustRootError>,
) -> Result<Vec<A>, TrustRootError> {
    TrustRootError::within(list, instances.len(), limits::INSTANCES_PER_TRUST_ROOT)?;
    let written = instances.iter().enumerate().map(|(index, instance)| {
        let part = format!("{list}[{index}]");
        let window = instance.valid_for.window(&format!("{part}.validFor"))?;
        let raw = instance.cert_chain.certificates.iter();
        read(&authority::Written {
            part,
            uri: &instance.uri,
            certificates: raw.map(|raw| raw.raw_bytes.0.as_slice()).collect(),
            window,
        })
    });
    written.collect()
}

fn logs(list: &str, instances: &[LogInstance]) -> Result<Vec<Log>, TrustRootError> {
    TrustRootError::within(list, instances.len(), limits::INSTANCES_PER_TRUST_ROOT)?;
    let written = instances.iter().enumerate().map(|(index, instance)| {
        let part = format!("{list}[{index}]");
        let key = &instance.public_key;
        let window = key
            .valid_for
            .window(&format!("{part}.publicKey.validFor"))?;
        let HashAlgorithm::Sha256 = instance.hash_algorithm;
        Log::read(&log::Written {
            part,
            base_url: &instance.base_url,
            key: &key.raw_bytes.0,
            key_details: &key.details,
            window,
            id: Some(&instance.log_id.key_id.0),
            checkpoint_id: instance
                .checkpoint_key_id
                .as_ref()
                .map(|id| id.key_id.0.as_slice()),
        })
    });
    let logs = written.collect::<Result<Vec<_>, _>>()?;
    Log::distinct(list, &logs)?;
    Ok(logs)
}

impl Range {
    fn window(&self, part: &str) -> Result<Window, TrustRootError> {
        if let Some(end) = self.end
            && end < self.start
        {
            let detail = format!("it ends at {end}, before it starts at {}", self.start);
            return Err(TrustRootError::unusable(part, detail));
        }
        Ok(Window {
            start: self.start,
            end: self.end,
        })
    }
}

const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
