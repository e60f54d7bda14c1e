//! An identity that cannot be had: named in the refusal, remembered for a while, and nothing to who needs none.

use axum::{body::Body, response::Response};

use super::*;

/// How a stand-in answers.
type Answering = Box<dyn Fn(&Heard) -> Response + Send + Sync>;

#[tokio::test]
async fn what_keeps_an_identity_from_being_had_is_named() {
    let long = "x".repeat(assay::limits::IDENTITY_ANSWER_BYTES + 1);
    let without_key = assumed("ASIA1").replace("AccessKeyId", "Else");
    let cases: Vec<(&str, Answering)> = vec![
        (
            "STS answered 403",
            Box::new(|_| answer(403, "<Error>s3cret</Error>")),
        ),
        ("STS answered 302", Box::new(|_| answer(302, ""))),
        (
            "STS answered something else than keys",
            Box::new(|_| answer(200, "<html>s3cret")),
        ),
        (
            "STS answered something else than keys",
            Box::new(move |_| answer(200, without_key.clone())),
        ),
        (
            "the answer of STS is larger than 65536 bytes",
            Box::new(move |_| answer(200, long.clone())),
        ),
        (
            "the answer of STS is larger than 65536 bytes",
            Box::new(|_| answer(200, endless())),
        ),
    ];
    for (reason, says) in cases {
        let amazon = Amazon::new().await;
        amazon.sts.say(says);
        let found = amazon
            .reader()
            .resolve(&in_ecr("acme/api:1"), &anonymous())
            .await;
        let tried = format!("the workload identity for ECR ({reason})");
        assert_eq!(refusal(found), (401, vec![tried]));
    }
}

#[tokio::test]
async fn a_wrong_answer_of_the_registrys_api_is_named_too() {
    for (body, status, reason) in [
        (
            "{}",
            200,
            "the ECR API answered something else than a login",
        ),
        (
            "<html>",
            200,
            "the ECR API answered something else than a login",
        ),
        ("{}", 400, "the ECR API answered 400"),
    ] {
        let amazon = Amazon::new().await;
        amazon.api.say(move |_| answer(status, body));
        let found = amazon
            .reader()
            .resolve(&in_ecr("acme/api:1"), &anonymous())
            .await;
        let tried = format!("the workload identity for ECR ({reason})");
        assert_eq!(refusal(found), (401, vec![tried]));
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_or_too_large_is_named_by_its_variable() {
    let amazon = Amazon::new().await;
    let large = "x".repeat(assay::limits::IDENTITY_FILE_BYTES + 1);
    for (content, reason) in [
        (Some(large), "file too large"),
        (Some(String::new()), "unexpected end of file"),
        (None, "entity not found"),
    ] {
        match content {
            Some(text) => fs::write(amazon.token_file(), text).expect("written"),
            None => fs::remove_file(amazon.token_file()).expect("removed"),
        }
        let found = amazon
            .reader()
            .resolve(&in_ecr("acme/api:1"), &anonymous())
            .await;
        let tried = format!(
            "the workload identity for ECR (the file of AWS_WEB_IDENTITY_TOKEN_FILE cannot be read: {reason})"
        );
        assert_eq!(refusal(found), (401, vec![tried]));
    }
}

#[tokio::test]
async fn a_service_is_asked_over_https_or_on_this_node_only() {
    let amazon = Amazon::new().await;
    let file = amazon.token_file();
    for (url, problem) in [
        ("http://sts.example/", "no https URL"),
        ("ftp://127.0.0.1/", "no https URL"),
        ("sts", "no URL"),
        ("https://user:password@sts.example/", "no URL of a service"),
    ] {
        let reader = amazon.reader_with(&[
            ("AWS_ROLE_ARN", ROLE),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().expect("UTF-8")),
            ("AWS_ENDPOINT_URL_STS", url),
        ]);
        let found = reader.resolve(&in_ecr("acme/api:1"), &anonymous()).await;
        let tried = format!("the workload identity for ECR (AWS_ENDPOINT_URL_STS is {problem})");
        assert_eq!(refusal(found), (401, vec![tried]));
    }
}

#[tokio::test]
async fn a_failure_is_remembered_for_a_while_and_no_longer() {
    let amazon = Amazon::new().await;
    amazon.sts.say(|_| answer(403, ""));
    let reader = amazon.reader();
    let resolve = async |image| reader.resolve(&in_ecr(image), &anonymous()).await;
    for image in ["acme/api:1", "acme/web:1", "acme/api:1"] {
        refusal(resolve(image).await);
    }
    assert_eq!(amazon.sts.heard().len(), 1);
    amazon.sts.say(|_| answer(200, assumed("ASIA1")));
    pass(assay::limits::FAILED_IDENTITY_TTL).await;
    resolve("acme/api:1").await.expect("resolved");
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_in_time() {
    let amazon = Amazon::new().await;
    amazon.sts.say(|_| {
        answer(
            200,
            Body::from_stream(futures::stream::pending::<
                Result<bytes::Bytes, std::io::Error>,
            >()),
        )
    });
    let found = amazon
        .reader()
        .resolve(&in_ecr("acme/api:1"), &anonymous())
        .await;
    let tried = "the workload identity for ECR (STS did not answer in time)".to_owned();
    assert_eq!(refusal(found), (401, vec![tried]));
}

#[tokio::test]
async fn a_service_that_accepts_no_connection_is_given_up_sooner() {
    let amazon = Amazon::new().await;
    // It takes connections, and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}/", mute.local_addr().expect("bound"));
    let file = amazon.token_file();
    let reader = amazon.reader_with(&[
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().expect("UTF-8")),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL_STS", &url),
    ]);
    let limits = [
        assay::limits::IDENTITY_CONNECT_TIMEOUT,
        assay::limits::IDENTITY_ANSWER_TIMEOUT,
    ];
    // Before the answer as a whole would have been.
    let access = Access {
        deadline: Instant::now() + limits.iter().sum::<Duration>() / 2,
        ..anonymous()
    };
    let found = reader.resolve(&in_ecr("acme/api:1"), &access).await;
    let tried = "the workload identity for ECR (STS did not answer in time)".to_owned();
    assert_eq!(refusal(found), (401, vec![tried]));
}

#[tokio::test]
async fn a_registry_that_wants_no_login_is_read_without_asking_for_one() {
    let amazon = Amazon::new().await;
    let open = MemoryRegistry::start(sandbox::RegistrySettings::default())
        .await
        .expect("a port");
    let image = open.push_image("acme/api", "1", "public");
    let amazon = Amazon {
        registry: open,
        ..amazon
    };
    let found = amazon
        .reader()
        .resolve(&in_ecr("acme/api:1"), &anonymous())
        .await;
    assert_eq!(found.expect("resolved"), image);
    assert_eq!(amazon.sts.heard().len(), 0);
}

#[tokio::test]
async fn without_variables_there_is_no_identity_and_no_word_of_one() {
    let amazon = Amazon::new().await;
    let found = amazon
        .reader_with(&[])
        .resolve(&in_ecr("acme/api:1"), &anonymous())
        .await;
    assert_eq!(refusal(found), (401, Vec::new()));
}

#[tokio::test]
async fn nothing_secret_shows() {
    let amazon = Amazon::new().await;
    let reader = amazon.reader();
    reader
        .resolve(&in_ecr("acme/api:1"), &anonymous())
        .await
        .expect("resolved");
    let shown = format!("{reader:?}");
    for secret in [SECRET_KEY, "session+token", "pw1", "token one"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

fn endless() -> Body {
    let spaces = bytes::Bytes::from_static(&[b' '; 16 * 1024]);
    Body::from_stream(futures::stream::repeat_with(move || {
        Ok::<_, std::io::Error>(spaces.clone())
    }))
}
