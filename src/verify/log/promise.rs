//! The signed entry timestamp of a first-generation log (Sigstore client specification §4.4).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use sigstore_types::SignatureBytes;

use super::missing;
use crate::verify::{SignatureError, encoding::hex, material::Entry, trust_root::Log};

/// That the log signed body, time, index and its own name. Returns the time.
///
/// What is signed is the canonical JSON (RFC 8785) of these four fields. Base64, hexadecimal and whole numbers need
/// no escaping, so the canonical form is this text.
pub(super) fn verify(
    entry: &Entry,
    promise: &[u8],
    log: &Log,
) -> Result<Timestamp, SignatureError> {
    let time = entry
        .integrated
        .ok_or_else(|| missing("the entry has a signed entry timestamp and no time"))?;
    let canonical = format!(
        r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
        STANDARD.encode(&entry.body),
        time.as_second(),
        hex(&entry.log_id),
        entry.index
    );
    log.key
        .verify(canonical, &SignatureBytes::from_bytes(promise))
        .map_err(|_| missing("the signed entry timestamp does not verify with the log's key"))?;
    Ok(time)
}
