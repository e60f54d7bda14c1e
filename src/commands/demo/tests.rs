use super::*;

async fn shown() -> (Exit, String) {
    let mut out = Vec::new();
    let exit = present(DemoArgs::default(), &mut out).await.unwrap();
    (exit, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn every_verdict_is_the_expected_one() {
    let (exit, text) = shown().await;
    assert_eq!(exit, Exit::Success, "{text}");
    assert!(
        text.ends_with("\n12 requests: 4 admitted and pinned, 8 refused; all as expected.\n"),
        "{text}"
    );
}

#[tokio::test]
async fn it_reads_like_kubectl_and_fits_into_100_columns() {
    let (_, text) = shown().await;
    let refusal =
        "Error from server (Forbidden): error when creating \"db.yaml\": admission webhook";
    for line in ["pod/api created", refusal] {
        assert!(text.contains(&format!("\n{line}")), "{text}");
    }
    let too_long = text.lines().find(|line| line.chars().count() > 100);
    assert_eq!(too_long, None);
}
