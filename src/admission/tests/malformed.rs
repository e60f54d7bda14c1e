use super::*;

async fn refused_body(body: impl AsRef<[u8]>) -> String {
    let world = Arc::new(World::default());
    let reviewer = Reviewer::new(Arc::new(NotAsked), world, Arc::new(NotAsked));
    let deadline = Instant::now() + Duration::from_secs(9);
    answer(Webhook::Mutate, body.as_ref(), &reviewer, deadline)
        .await
        .unwrap_err()
        .to_string()
}

#[rstest]
#[case("", "the body ends too early at line 1, column 0")]
#[case("{", "the body ends too early at line 1, column 1")]
#[case("secret", "the body is not JSON at line 1, column 1")]
#[case("[]", "a field has the wrong type or value at line 1, column 2")]
#[case("{}", "missing field `apiVersion`")]
#[case(
    r#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#,
    "expected admission.k8s.io/v1 AdmissionReview"
)]
#[case(
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#,
    "request is missing"
)]
#[tokio::test]
async fn what_is_no_review_is_an_error_that_quotes_nothing(
    #[case] body: &str,
    #[case] expected: &str,
) {
    let reason = refused_body(body).await;
    assert_eq!(reason, format!("not an admission review: {expected}"));
}

#[rstest]
#[case::empty("uid", json!(""), "request.uid is empty")]
#[case::unknown_operation(
    "operation",
    json!("SECRET"),
    "a field has the wrong type or value at line 1, column 0"
)]
#[case::long(
    "namespace",
    json!("a".repeat(crate::limits::NAME_BYTES + 1)),
    "a name in the request is too long"
)]
#[tokio::test]
async fn a_request_with_a_senseless_field_is_no_review(
    #[case] field: &str,
    #[case] value: Value,
    #[case] expected: &str,
) {
    let mut review = review("CREATE", &pod("a:1"), &Value::Null);
    review["request"][field] = value;
    let reason = refused_body(review.to_string()).await;
    let columnless = reason
        .split_once(", column")
        .map_or(reason.as_str(), |(before, _)| before);
    let expected = expected.split(", column").next().unwrap();
    assert_eq!(columnless, format!("not an admission review: {expected}"));
}

/// Found by fuzzing: other readers refuse such a body as a whole.
#[tokio::test]
async fn a_body_that_is_not_utf_8_is_no_review_even_where_nobody_looks() {
    let mut review = review("CREATE", &pod("a:1"), &Value::Null);
    review["request"]["unknown"] = json!("#");
    let mut body = review.to_string().into_bytes();
    let place = body.iter().position(|byte| *byte == b'#').unwrap();
    body[place] = 0xec;
    assert_eq!(
        refused_body(body).await,
        "not an admission review: the body is not UTF-8"
    );
}
