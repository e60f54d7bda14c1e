//! Amazon's: who asks for keys with what, and whether the login is asked for with a true signature.

use aws_lc_rs::{digest, hmac};

use super::*;

#[tokio::test]
async fn the_service_accounts_token_becomes_keys_and_the_keys_a_login() {
    let amazon = Amazon::new().await;
    let reader = amazon.reader();
    let found = reader.resolve(&in_ecr("acme/api:1"), &anonymous()).await;
    assert_eq!(found.expect("resolved"), pushed(&amazon));
    let [asked] = &amazon.sts.heard()[..] else {
        panic!("asked once")
    };
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "assay"),
        ("Version", "2011-06-15"),
        ("WebIdentityToken", "token one"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(asked.form(), BTreeMap::from(fields));
    assert_eq!(
        (asked.method.as_str(), asked.header("authorization")),
        ("POST", "")
    );
    let [asked] = &amazon.api.heard()[..] else {
        panic!("asked once")
    };
    assert_eq!(asked.header("x-amz-security-token"), "session+token==");
    assert_signed(asked, "ASIA1", SECRET_KEY, "eu-west-1");
}

#[tokio::test]
async fn one_login_serves_every_repository_of_the_region() {
    let amazon = Amazon::new().await;
    let reader = amazon.reader();
    let images = [in_ecr("acme/api:1"), in_ecr("acme/web:1")];
    let access = anonymous();
    let all = (0..20).map(|number| reader.resolve(&images[number % 2], &access));
    for found in futures::future::join_all(all).await {
        found.expect("resolved");
    }
    assert_eq!((amazon.sts.heard().len(), amazon.api.heard().len()), (1, 1));
}

#[tokio::test]
async fn the_agent_of_pod_identity_is_asked_with_the_token_of_its_file() {
    let amazon = Amazon::new().await;
    let agent = StandIn::start(|_| {
        let keys = json!({
            "AccessKeyId": "ASIA2", "SecretAccessKey": SECRET_KEY, "Token": "agent-token",
            "Expiration": "2026-11-21T22:00:00Z", "AccountId": "123456789012",
        });
        answer(200, keys.to_string())
    })
    .await;
    let file = amazon.token_file();
    let reader = amazon.reader_with(&[
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}/v1/credentials", agent.url()),
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            file.to_str().expect("UTF-8"),
        ),
    ]);
    let found = reader.resolve(&in_ecr("acme/api:1"), &anonymous()).await;
    assert_eq!(found.expect("resolved"), pushed(&amazon));
    let asked: Vec<_> = agent
        .heard()
        .iter()
        .map(|heard| {
            let token = heard.header("authorization").to_owned();
            (heard.method.clone(), heard.path.clone(), token)
        })
        .collect();
    let expected = ["GET", "/v1/credentials", "token one"].map(str::to_owned);
    assert_eq!(asked, [expected.into()]);
    let [asked] = &amazon.api.heard()[..] else {
        panic!("asked once")
    };
    assert_eq!(asked.header("x-amz-security-token"), "agent-token");
    assert_signed(asked, "ASIA2", SECRET_KEY, "eu-west-1");
}

#[tokio::test]
async fn keys_of_the_environment_need_no_service() {
    let amazon = Amazon::new().await;
    let reader = amazon.reader_with(&[
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ]);
    let found = reader.resolve(&in_ecr("acme/api:1"), &anonymous()).await;
    assert_eq!(found.expect("resolved"), pushed(&amazon));
    let [asked] = &amazon.api.heard()[..] else {
        panic!("asked once")
    };
    assert_eq!(asked.header("x-amz-security-token"), "");
    assert_signed(asked, "AKIA", SECRET_KEY, "eu-west-1");
}

#[tokio::test]
async fn a_pull_secret_comes_before_the_identity() {
    let amazon = Amazon::new().await;
    let reader = amazon.reader();
    let keyring = |name| {
        let mut keyring = Keyring::default();
        keyring.add(ECR, credential(name));
        access(keyring)
    };
    let found = reader.resolve(&in_ecr("acme/api:1"), &keyring("a")).await;
    found.expect("resolved");
    assert_eq!(amazon.sts.heard().len(), 0);
    // This one opens nothing: the identity is tried after it.
    let found = reader
        .resolve(&in_ecr("acme/web:1"), &keyring("wrong"))
        .await;
    found.expect("resolved");
    assert_eq!(amazon.sts.heard().len(), 1);
    let found = reader
        .resolve(&in_ecr("others/x:1"), &keyring("wrong"))
        .await;
    let tried = ["pull secret \"wrong\"", "the workload identity for ECR"];
    assert_eq!(refusal(found), (403, tried.map(str::to_owned).to_vec()));
}

fn pushed(amazon: &Amazon) -> Digest {
    amazon.registry.push_image("acme/api", "1", "private")
}

/// Computes the signature again, from what was received.
fn assert_signed(heard: &Heard, key_id: &str, secret: &str, region: &str) {
    assert_eq!(
        (
            heard.method.as_str(),
            heard.path.as_str(),
            heard.query.as_str()
        ),
        ("POST", "/", "")
    );
    let target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
    assert_eq!(heard.header("x-amz-target"), target);
    assert_eq!(heard.header("content-type"), "application/x-amz-json-1.1");
    let value = heard.header("authorization");
    let (_, rest) = value.split_once("SignedHeaders=").expect("signed headers");
    let (signed, signature) = rest.split_once(", Signature=").expect("a signature");
    for name in ["host", "x-amz-date", "x-amz-target", "content-type"] {
        assert!(signed.split(';').any(|one| one == name), "{signed}");
    }
    let lines: Vec<String> = signed
        .split(';')
        .map(|name| format!("{name}:{}", heard.header(name)))
        .collect();
    let lines = lines.join("\n");
    let body = hex(digest::digest(&digest::SHA256, heard.body.as_bytes()).as_ref());
    let canonical = format!("POST\n/\n\n{lines}\n\n{signed}\n{body}");
    let time = heard.header("x-amz-date");
    let scope = format!("{}/{region}/ecr/aws4_request", &time[..8]);
    let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part);
    }
    assert_eq!(signature, hex(&mac(&key, &text)));
    let start = format!("AWS4-HMAC-SHA256 Credential={key_id}/{scope}, ");
    assert!(value.starts_with(&start), "{value}");
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}
