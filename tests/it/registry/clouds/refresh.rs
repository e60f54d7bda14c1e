//! A login is replaced before its end, and not needlessly.

use super::*;

#[tokio::test]
async fn a_login_is_replaced_before_its_end_while_the_old_one_goes_on() {
    let amazon = Amazon::new().await;
    let reader = amazon.reader();
    let resolve = async || reader.resolve(&in_ecr("acme/api:1"), &anonymous()).await;
    resolve().await.expect("resolved");
    pass(Duration::from_hours(8)).await;
    resolve().await.expect("resolved");
    amazon.settle().await;
    assert_eq!((amazon.sts.heard().len(), amazon.api.heard().len()), (1, 1));
    // The kubelet has replaced the file since.
    amazon.write_token("token two");
    amazon.api.say(|_| answer(200, login_for("pw2")));
    pass(Duration::from_hours(3)).await;
    resolve().await.expect("resolved");
    amazon.settle().await;
    let tokens: Vec<String> = amazon
        .sts
        .heard()
        .iter()
        .filter_map(|heard| heard.form().remove("WebIdentityToken"))
        .collect();
    assert_eq!(tokens, ["token two"]);
    pass(Duration::from_hours(8)).await;
    resolve().await.expect("resolved");
    amazon.settle().await;
    assert_eq!(amazon.sts.heard().len(), 0);
}

#[tokio::test]
async fn a_login_that_cannot_be_replaced_is_used_up_to_its_end() {
    let amazon = Amazon::new().await;
    let reader = amazon.reader();
    let resolve = async || reader.resolve(&in_ecr("acme/api:1"), &anonymous()).await;
    resolve().await.expect("resolved");
    amazon.sts.heard();
    amazon.sts.say(|_| answer(503, ""));
    pass(Duration::from_hours(11)).await;
    for _ in 0..3 {
        resolve().await.expect("resolved");
        amazon.settle().await;
        pass(assay::limits::TAG_TTL).await;
    }
    assert_eq!(amazon.sts.heard().len(), 3);
    pass(Duration::from_hours(1)).await;
    let tried = "the workload identity for ECR (STS answered 503)".to_owned();
    assert_eq!(refusal(resolve().await), (401, vec![tried]));
    amazon.sts.say(|_| answer(200, assumed("ASIA1")));
    pass(assay::limits::FAILED_IDENTITY_TTL).await;
    resolve().await.expect("resolved");
}

#[tokio::test]
async fn a_login_that_the_registry_no_longer_takes_is_replaced() {
    let amazon = Amazon::new().await;
    amazon.api.say(|_| answer(200, login_for("withdrawn")));
    let reader = amazon.reader();
    let resolve = async || reader.resolve(&in_ecr("acme/api:1"), &anonymous()).await;
    let tried = vec!["the workload identity for ECR".to_owned()];
    assert_eq!(refusal(resolve().await), (401, tried.clone()));
    amazon.api.say(|_| answer(200, login_for("pw1")));
    // It is new: what a registry refuses to it is not for want of a newer one.
    assert_eq!(refusal(resolve().await), (401, tried.clone()));
    pass(assay::limits::DOUBTED_IDENTITY_AGE).await;
    // It is used once more, and replaced meanwhile.
    for _ in 0..2 {
        assert_eq!(refusal(resolve().await), (401, tried.clone()));
    }
    amazon.settle().await;
    resolve().await.expect("resolved");
}
