//! The read side of the distribution API.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::{Referrers, Shared, lock, log::RequestInfo, store::OCI_INDEX};

/// Answers any request: logged, delayed, spoiled when the fault hook says so.
pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let info = shared.log.arrived(request_info(&request));
    let pace = lock(&shared.pace).clone();
    pace.wait().await;
    let hook = lock(&shared.faults).current();
    let fault = hook.and_then(|hook| hook(&info));
    let truth = shared.respond(request.method(), &info, request.headers());
    let response = match fault {
        Some(fault) => fault.spoil(truth, &shared.stop).await,
        None => truth,
    };
    shared.log.answered(&info, response.status().as_u16());
    response
}

fn request_info(request: &Request) -> RequestInfo {
    let header = |name| {
        let value = request.headers().get(name);
        let text = value.and_then(|value: &HeaderValue| value.to_str().ok());
        text.unwrap_or_default().to_owned()
    };
    // HTTP/2 has it in the URI.
    let authority = request.uri().authority();
    RequestInfo {
        index: 0,
        method: request.method().to_string(),
        host: authority.map_or_else(|| header(header::HOST), ToString::to_string),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        authorized: request.headers().contains_key(header::AUTHORIZATION),
        authorization: header(header::AUTHORIZATION),
        accept: header(header::ACCEPT),
    }
}

/// What a path under `/v2/` asks for.
enum Target<'a> {
    Manifest(&'a str),
    Blob(&'a str),
    Referrers(&'a str),
}

impl Shared {
    fn respond(&self, method: &Method, info: &RequestInfo, headers: &HeaderMap) -> Response {
        if info.path == "/token" {
            return self.token(&info.query, headers);
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return error_response(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "this registry is read-only",
            );
        }
        if info.path == "/v2/" {
            let refusal = self.refusal(None, headers);
            return refusal.unwrap_or_else(|| axum::Json(json!({})).into_response());
        }
        let Some((repository, target)) = parse_path(&info.path) else {
            return not_found("NAME_UNKNOWN");
        };
        if let Some(refusal) = self.refusal(Some(repository), headers) {
            return refusal;
        }
        let response = match target {
            Target::Manifest(reference) => self.manifest(repository, reference),
            Target::Blob(digest) => self.blob(repository, digest),
            Target::Referrers(digest) => self.referrers(repository, digest, info),
        };
        if method == Method::HEAD {
            return headers_only(response);
        }
        response
    }

    fn manifest(&self, repository: &str, reference: &str) -> Response {
        let store = lock(&self.store);
        match store.manifest(repository, reference) {
            Some(manifest) => content_response(
                &manifest.media_type,
                manifest.digest.as_str(),
                manifest.content.clone(),
            ),
            None => not_found("MANIFEST_UNKNOWN"),
        }
    }

    fn blob(&self, repository: &str, digest: &str) -> Response {
        match lock(&self.store).blob(repository, digest) {
            Some(content) => content_response("application/octet-stream", digest, content),
            None => not_found("BLOB_UNKNOWN"),
        }
    }

    fn referrers(&self, repository: &str, digest: &str, info: &RequestInfo) -> Response {
        if self.settings.referrers == Referrers::FallbackTag {
            return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
        }
        let mut found = lock(&self.store).referrers(repository, digest);
        let parameter = |name: &str| {
            url::form_urlencoded::parse(info.query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let filter = parameter("artifactType");
        if let Some(wanted) = &filter {
            found.retain(|descriptor| descriptor.get("artifactType") == Some(&json!(wanted)));
        }
        let page = parameter("page").and_then(|page| page.parse().ok());
        let mut response = self.referrers_page(&found, page.unwrap_or(0), &info.path);
        if filter.is_some() {
            response.headers_mut().insert(
                HeaderName::from_static("oci-filters-applied"),
                HeaderValue::from_static("artifactType"),
            );
        }
        response
    }

    /// An index also when there is nothing to list: 404 would say that there is no such API.
    fn referrers_page(&self, found: &[Value], page: usize, path: &str) -> Response {
        let size = self.settings.referrers_page.unwrap_or(usize::MAX).max(1);
        let listed: Vec<&Value> = found
            .iter()
            .skip(page.saturating_mul(size))
            .take(size)
            .collect();
        let more = page.saturating_add(1).saturating_mul(size) < found.len();
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed});
        let mut response = ([(header::CONTENT_TYPE, OCI_INDEX)], index.to_string()).into_response();
        let next = format!("<{path}?page={}>; rel=\"next\"", page.saturating_add(1));
        if let (true, Ok(next)) = (more, next.parse()) {
            response.headers_mut().insert(header::LINK, next);
        }
        response
    }
}

/// A repository's path may itself hold `manifests` and the like, so the last one counts.
fn parse_path(path: &str) -> Option<(&str, Target<'_>)> {
    let rest = path.strip_prefix("/v2/")?;
    let (before, last) = rest.rsplit_once('/')?;
    let (repository, kind) = before.rsplit_once('/')?;
    let target = match kind {
        "manifests" => Target::Manifest(last),
        "blobs" => Target::Blob(last),
        "referrers" => Target::Referrers(last),
        _ => return None,
    };
    Some((repository, target))
}

fn content_response(media_type: &str, digest: &str, content: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), media_type.to_owned()),
        ("docker-content-digest", digest.to_owned()),
        (header::CONTENT_LENGTH.as_str(), content.len().to_string()),
    ];
    (headers, content).into_response()
}

/// A HEAD is answered with the length that the body would have had.
fn headers_only(response: Response) -> Response {
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, Body::empty())
}

fn not_found(code: &str) -> Response {
    error_response(StatusCode::NOT_FOUND, code, "not known to this registry")
}

/// An error in the registry's JSON form.
pub(super) fn error_response(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({"errors": [{"code": code, "message": message}]});
    (status, axum::Json(body)).into_response()
}
