//! Bodies that are too large, of another type or no review, and clients that do not go on.

use std::time::Duration;

use assay::{limits, server::Patience};
use reqwest::StatusCode;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{no_policies, server};
use crate::support::{
    Setup, TestServer,
    reviews::{creation, pod},
    text,
};

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_with_the_limit() {
    let server = server().await;
    let mut review = creation(&pod("a:1")).to_string();
    review.push_str(&" ".repeat(limits::REVIEW_BYTES));
    let response = server.post("/mutate", review).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        text(response).await,
        "an admission review of more than 8388608 bytes is not read\n"
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_also_when_its_length_is_not_told() {
    let server = server().await;
    let chunk = bytes::Bytes::from(vec![b' '; 64 * 1024]);
    let chunks = std::iter::repeat_n(chunk, limits::REVIEW_BYTES / (64 * 1024) + 1);
    let body = futures::stream::iter(chunks.map(Ok::<_, std::io::Error>));
    let response = server
        .post("/mutate", reqwest::Body::wrap_stream(body))
        .await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

/// What the API server would send of a Pod with as many empty variables: small to send, and large to hold.
#[tokio::test]
async fn a_body_of_more_small_objects_than_fit_into_memory_is_refused_unread() {
    let server = server().await;
    let objects = "{},".repeat(limits::REVIEW_MEMORY_BYTES / 1024);
    let body = format!(r#"{{"request":{{"object":{{"env":[{objects}{{}}]}}}}}}"#);
    assert!(body.len() < limits::REVIEW_BYTES / 8);
    for path in ["/mutate", "/validate", "/validate-policies"] {
        let response = server.post(path, body.clone()).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(
            text(response).await,
            "an admission review with so many fields and elements is not read\n"
        );
    }
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let server = server().await;
    let client = server.new_client().build().unwrap();
    for content_type in ["application/yaml", "text/json", "application/jsonx"] {
        let request = client
            .post(server.url("/mutate"))
            .header("content-type", content_type);
        let response = request.body("{}").send().await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{content_type}"
        );
        assert_eq!(
            text(response).await,
            "expected content-type: application/json\n"
        );
    }
    let request = client.post(server.url("/mutate")).body("{}");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn what_is_no_review_is_refused_with_a_reason_that_quotes_nothing() {
    let server = server().await;
    for (body, reason) in [
        ("", "the body ends too early at line 1, column 0"),
        ("secret", "the body is not JSON at line 1, column 1"),
        (r#"{"secret":1}"#, "missing field `apiVersion`"),
    ] {
        let response = server.post("/validate", body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let expected = format!("not an admission review: {reason}\n");
        assert_eq!(text(response).await, expected);
    }
}

async fn connect(server: &TestServer) -> TlsStream<TcpStream> {
    let connector = server.tls_connector();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::from(server.address.ip());
    connector.connect(name, stream).await.unwrap()
}

async fn rest(mut stream: impl AsyncReadExt + Unpin) -> String {
    let mut answer = Vec::new();
    // The end may come without a farewell.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn impatient_server() -> TestServer {
    let setup = Setup {
        patience: Patience {
            handshake: Duration::from_millis(50),
            head: Duration::from_millis(50),
        },
        ..Setup::default()
    };
    TestServer::start_with(no_policies().reviewer_without_registry(), setup).await
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_cut_off() {
    let server = impatient_server().await;
    let mut stream = connect(&server).await;
    stream
        .write_all(b"POST /mutate HTTP/1.1\r\nhost: a")
        .await
        .unwrap();
    stream.flush().await.unwrap();
    let answer = rest(stream).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_begin_the_handshake_is_cut_off() {
    let server = impatient_server().await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_ends_with_the_deadline() {
    let server = server().await;
    let mut stream = connect(&server).await;
    stream
        .write_all(
            b"POST /mutate?timeout=100ms HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
              content-type: application/json\r\ncontent-length: 100\r\n\r\n{",
        )
        .await
        .unwrap();
    stream.flush().await.unwrap();
    let answer = rest(stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with("the body did not arrive in time\n"),
        "{answer}"
    );
    let late = "assay_reviews_total{webhook=\"mutate\",result=\"Late\"} 1";
    let metrics = server.metrics().await;
    assert!(metrics.lines().any(|line| line == late), "{metrics}");
}
