//! Reviews of policies and trust roots themselves: nonsense is refused before it is stored, naming each field.
//!
//! What a stored object says is judged again by the controller, so nothing depends on this being asked.

use serde_json::{Value, json};

use super::{
    Answer, ReviewBodyError,
    request::{API_VERSION, AdmissionRequest, KIND, Operation},
};
use crate::{
    limits,
    review::{Remark, Reviewer, Validation},
    telemetry::CacheUse,
    untrusted::escaped,
};

/// How metrics and logs name this webhook.
pub const POLICIES: &str = "policies";

/// Answers a review of a policy or trust root.
///
/// # Errors
///
/// When the body is no admission review.
pub fn answer_policies(body: &[u8], reviewer: &Reviewer) -> Result<Answer, ReviewBodyError> {
    let request = AdmissionRequest::parse(body)?;
    let span = tracing::info_span!(
        "review",
        webhook = POLICIES,
        uid = request.uid,
        namespace = request.namespace,
        resource = request.resource.resource,
        name = request.name,
    );
    Ok(span.in_scope(|| answer(&request, &validation(&request, reviewer))))
}

/// Nothing is said of what stays as it was: whoever takes a finalizer or a label off a broken object repairs nothing else
/// by it, and must not have to.
fn validation(request: &AdmissionRequest, reviewer: &Reviewer) -> Validation {
    let is_whole = request.sub_resource.as_deref().is_none_or(str::is_empty);
    let is_ours = request.resource.group == GROUP && is_whole;
    let changes = match request.operation {
        Operation::Create => true,
        Operation::Update => request.object.get("spec") != request.old_object.get("spec"),
        Operation::Delete | Operation::Connect => false,
    };
    if !is_ours || !changes {
        return Validation::default();
    }
    reviewer
        .validate(&named(request))
        .unwrap_or_else(|error| Validation {
            refused: Vec::new(),
            warned: vec![Remark {
                field: String::new(),
                text: format!("not judged: {error}"),
            }],
        })
}

/// The object as it will be called: with `generateName` it has no name yet.
fn named(request: &AdmissionRequest) -> Value {
    let mut object = Value::clone(&request.object);
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        let is_named = metadata.get("name").and_then(Value::as_str).is_some();
        if !is_named {
            metadata.insert("name".to_owned(), json!(UNNAMED));
        }
        if !request.namespace.is_empty() {
            metadata.insert("namespace".to_owned(), json!(request.namespace));
        }
    }
    object
}

fn answer(request: &AdmissionRequest, validation: &Validation) -> Answer {
    let lines: Vec<String> = validation.warned.iter().map(warning).collect();
    let warnings = counted(lines, limits::WARNINGS_PER_REVIEW);
    let allowed = validation.refused.is_empty();
    let mut response = json!({"uid": request.uid, "allowed": allowed});
    if let Some(fields) = response.as_object_mut() {
        if !warnings.is_empty() {
            fields.insert("warnings".to_owned(), json!(warnings));
        }
        if !allowed {
            fields.insert("status".to_owned(), status(request, &validation.refused));
        }
    }
    let refused = validation.refused.len();
    if allowed {
        tracing::debug!(decision = "allowed", warnings = warnings.len(), "answered");
    } else {
        tracing::info!(decision = "denied", problems = refused, "answered");
    }
    let review = json!({"apiVersion": API_VERSION, "kind": KIND, "response": response});
    Answer {
        body: review.to_string().into_bytes(),
        allowed,
        codes: Vec::new(),
        cache: CacheUse::Hit,
        observation: None,
    }
}

/// `Invalid` with its causes is what the API server itself says of an object that its schema refuses: kubectl prints one line
/// per field for it, and other clients the message.
fn status(request: &AdmissionRequest, refused: &[Remark]) -> Value {
    let shown = refused.iter().take(limits::PROBLEMS_PER_REVIEW);
    let mut causes: Vec<Value> = shown
        .map(|remark| {
            json!({
                "reason": "FieldValueInvalid",
                "field": line(&remark.field, limits::PROBLEM_CHARS),
                "message": line(&remark.text, limits::PROBLEM_CHARS),
            })
        })
        .collect();
    let more = refused.len().saturating_sub(limits::PROBLEMS_PER_REVIEW);
    if more > 0 {
        let message = format!("and {more} more problems");
        causes.push(json!({"reason": "FieldValueInvalid", "field": "spec", "message": message}));
    }
    let lines = refused
        .iter()
        .map(|it| line(&it.to_string(), limits::PROBLEM_CHARS));
    let message = counted(lines.collect(), limits::PROBLEMS_PER_REVIEW).join("\n");
    json!({
        "status": "Failure",
        "code": 422,
        "reason": "Invalid",
        "message": message,
        "details": {
            "group": GROUP,
            "kind": request.kind.name,
            "name": request.name,
            "causes": causes,
        },
    })
}

fn warning(remark: &Remark) -> String {
    line(&remark.to_string(), limits::WARNING_CHARS)
}

/// The first of these lines, and how many more there are.
fn counted(mut lines: Vec<String>, most: usize) -> Vec<String> {
    if let Some(more) = lines.len().checked_sub(most).filter(|more| *more > 0) {
        lines.truncate(most);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// On one line of so many characters: the API server drops warnings with control characters.
fn line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for character in text.chars() {
        let piece = escaped(character);
        let size = piece.clone().count();
        if length + size >= most {
            line.push('…');
            break;
        }
        length += size;
        line.extend(piece);
    }
    line
}

const GROUP: &str = "assay.dev";

/// How an object is called that the API server has yet to name.
const UNNAMED: &str = "unnamed";
