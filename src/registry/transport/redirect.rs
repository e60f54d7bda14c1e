//! Where a redirect may lead.

use http::{StatusCode, header};
use url::Url;

use super::{
    Answer,
    failure::{Failure, unusable},
};
use crate::registry::{auth::authority, terms::Terms};

/// Where the answer sends us, if it does.
///
/// Only to HTTPS, or to a host that the settings allow plain HTTP for: what is on the way there would
/// otherwise be in the clear without anybody having asked for it.
pub(super) fn redirect_target(
    from: &Url,
    answer: &Answer,
    terms: &Terms,
) -> Result<Option<Url>, Failure> {
    let is_redirect = matches!(
        answer.status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    if !is_redirect {
        return Ok(None);
    }
    let refused = |detail: &str| Failure {
        error: unusable(from, detail),
        is_redirected: true,
    };
    let target = answer
        .headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .filter(|target| target.host().is_some())
        .ok_or_else(|| refused("redirects to no valid URL"))?;
    if !target.username().is_empty() || target.password().is_some() {
        return Err(refused("redirects to a URL with credentials"));
    }
    let is_allowed = match target.scheme() {
        "https" => true,
        // A host that is asked in plain HTTP already, or that the settings name as such.
        "http" => from.origin() == target.origin() || terms.permit_plain(&target),
        _ => false,
    };
    if !is_allowed {
        let detail = format!(
            "redirects to {}://{}, which is not allowed",
            target.scheme(),
            authority(&target)
        );
        return Err(refused(&detail));
    }
    Ok(Some(target))
}
