//! Whether policies and trust roots are in force.

use serde_json::Value;

use super::Finding;
use crate::untrusted::shown;

/// Names those that are not; a cluster without any policy is told so.
pub(super) fn judge(objects: Result<Vec<Value>, String>) -> Vec<Finding> {
    let objects = match objects {
        Ok(objects) => objects,
        Err(reason) => {
            return vec![Finding::wrong(
                format!("the policies cannot be listed: {reason}"),
                "use a kubeconfig that may list them",
            )];
        }
    };
    let mut findings: Vec<Finding> = objects.iter().filter_map(fault).collect();
    let is_policy = |object: &&Value| text(object, "/kind").ends_with("Policy");
    let policies = objects.iter().filter(is_policy).count();
    if policies == 0 {
        findings.push(Finding::Hint(
            "there is no policy yet, so that every image gets the default action".to_owned(),
        ));
    } else if findings.is_empty() {
        let roots = objects.len() - policies;
        findings.push(Finding::Fine(format!(
            "all policies ({policies}) and trust roots ({roots}) are in force"
        )));
    }
    findings
}

fn fault(object: &Value) -> Option<Finding> {
    let kind = text(object, "/kind");
    let name = text(object, "/metadata/name");
    let place = match text(object, "/metadata/namespace") {
        "" => name.to_owned(),
        namespace => format!("{name} --namespace {namespace}"),
    };
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| text(condition, "/type") == "Ready");
    let Some(ready) = ready else {
        return Some(Finding::Hint(format!(
            "{kind} {name:?} has no status yet: the replica that leads writes it within seconds"
        )));
    };
    if text(ready, "/status") == "True" {
        return None;
    }
    let message = shown(text(ready, "/message"), MESSAGE_CHARS);
    Some(Finding::wrong(
        format!("{kind} {name:?} is not ready: {message}"),
        format!(
            "{}: kubectl describe {} {place}",
            if kind.ends_with("Policy") {
                "images that it matches are denied"
            } else {
                "signatures that need it cannot be judged"
            },
            kind.to_lowercase()
        ),
    ))
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

const MESSAGE_CHARS: usize = 300;
