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
        text.ends_with("\n15 requests: 5 admitted and pinned, 10 refused; all as expected.\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_refusal_is_the_one_line_that_kubectl_prints() {
    let (_, text) = shown().await;
    let refusal = text
        .lines()
        .find(|line| line.contains("\"db.yaml\": admission webhook \"mutate.assay.dev\""))
        .unwrap();
    assert!(
        refusal.starts_with("Error from server (Forbidden): error when creating \"db.yaml\": "),
        "{refusal}"
    );
    let command = refusal.split_once("cosign sign ").unwrap().1;
    assert_eq!(command.rsplit(':').next().unwrap().len(), 64, "{refusal}");
}
