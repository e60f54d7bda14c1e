//! The Secret that keeps the certificates.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::certificates::Entries;

/// The entries of a Secret. What is not base64, which the API server never lets in, is left out.
pub(super) fn entries(secret: &Value) -> Entries {
    let data = secret.get("data").and_then(Value::as_object);
    let decoded: BTreeMap<String, Vec<u8>> = data
        .into_iter()
        .flatten()
        .filter_map(|(name, content)| {
            let content = STANDARD.decode(content.as_str()?).ok()?;
            Some((name.clone(), content))
        })
        .collect();
    Entries::new(decoded)
}

/// The whole Secret, where there is none.
///
/// It is marked as a webhook configuration is that was installed along with it: helm goes on only with what bears the
/// marks of its release, and would refuse the next upgrade because of a Secret that was made without them.
pub(super) fn created(name: &str, entries: &Entries, registration: Option<&Value>) -> Value {
    let marks = |pointer: &str, prefixes: &[&str]| {
        let all = registration.and_then(|object| object.pointer(pointer)?.as_object());
        let marks = all.into_iter().flatten();
        let kept = marks.filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>()
    };
    let mut labels = Map::from_iter([
        ("app.kubernetes.io/name".to_owned(), json!("assay")),
        ("app.kubernetes.io/managed-by".to_owned(), json!("assay")),
    ]);
    let label_prefixes = ["app.kubernetes.io/", "helm.sh/"];
    labels.extend(marks("/metadata/labels", &label_prefixes));
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": marks("/metadata/annotations", &["meta.helm.sh/"]),
        },
        "data": data(entries),
    })
}

/// A merge patch that sets these entries and keeps the others, if the Secret is still of this version.
pub(super) fn patch(version: &str, entries: &Entries) -> Value {
    json!({ "metadata": { "resourceVersion": version }, "data": data(entries) })
}

fn data(entries: &Entries) -> Map<String, Value> {
    entries
        .iter()
        .map(|(name, content)| (name.to_owned(), STANDARD.encode(content).into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_made_again_bears_the_marks_of_the_release_and_nothing_else() {
        let registration = json!({ "metadata": {
            "labels": { "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "assay-1", "mine": "x" },
            "annotations": { "meta.helm.sh/release-name": "guard", "argocd.argoproj.io/tracking-id": "x" },
        } });
        let made = created("s", &Entries::default(), Some(&registration));
        let expected = json!({
            "name": "s",
            "labels": {
                "app.kubernetes.io/name": "assay",
                "app.kubernetes.io/managed-by": "Helm",
                "helm.sh/chart": "assay-1",
            },
            "annotations": { "meta.helm.sh/release-name": "guard" },
        });
        assert_eq!(made["metadata"], expected);
        let alone = created("s", &Entries::default(), None);
        assert_eq!(
            alone["metadata"]["labels"]["app.kubernetes.io/managed-by"],
            "assay"
        );
    }
}
