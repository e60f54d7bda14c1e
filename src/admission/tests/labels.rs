//! What the labels of a namespace change, and how that is told.

use super::*;

async fn in_namespace(
    default: DefaultAction,
    lowering: Lowering,
    labels: &[(&str, &str)],
) -> Value {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let world = World {
        default_action: Some(default),
        lowering,
        namespace_labels: Ok(labels.iter().map(pair).collect()),
    };
    let review = review("CREATE", &pod("app:1"), &Value::Null);
    answered(Webhook::Validate, world, &review).await
}

#[tokio::test]
async fn a_lowered_default_action_warns_and_is_told_in_the_audit_annotations() {
    let labels = [("assay.dev/default-action", "Warn")];
    let line = "container \"api\": app:1 is matched by no policy [NoPolicyMatches]";
    assert_eq!(
        in_namespace(DefaultAction::Deny, Lowering::Allowed, &labels).await,
        json!({
            "uid": "uid-1",
            "allowed": true,
            "warnings": [line],
            "auditAnnotations": {
                "decision": "allowed",
                "warned": format!(
                    "{line}; ask for a policy that matches docker.io/library/app; \
                     lowered from Deny to Warn by the namespace's label assay.dev/default-action"
                ),
                "labels": "assay.dev/default-action=Warn lowers the cluster's default action",
            },
        })
    );
}

#[tokio::test]
async fn a_label_that_does_not_count_refuses_and_is_told_in_the_audit_annotations() {
    let labels = [
        ("assay.dev/default-action", "Allow"),
        ("assay.dev/action", "Off"),
    ];
    let answer = in_namespace(DefaultAction::Deny, Lowering::Forbidden, &labels).await;
    assert_eq!(answer["allowed"], json!(false));
    assert_eq!(
        answer["auditAnnotations"],
        json!({
            "decision": "denied",
            "codes": "NoPolicyMatches",
            "labels": "assay.dev/default-action=Allow does not count: namespaces may not be laxer than the cluster \
                       (--namespaces-may-lower is off)\nassay.dev/action=Off does not count: expected Warn",
        })
    );
    // The developer cannot do anything about it.
    let message = answer["status"]["message"].as_str().unwrap();
    assert!(!message.contains("assay.dev/"), "{message}");
}

#[tokio::test]
async fn a_label_that_lets_everything_in_is_on_record() {
    let labels = [("assay.dev/default-action", "Allow")];
    assert_eq!(
        in_namespace(DefaultAction::Deny, Lowering::Allowed, &labels).await,
        json!({
            "uid": "uid-1",
            "allowed": true,
            "auditAnnotations": {
                "decision": "allowed",
                "labels": "assay.dev/default-action=Allow lowers the cluster's default action",
            },
        })
    );
}
