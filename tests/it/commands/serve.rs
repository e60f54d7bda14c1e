//! `assay serve`, standalone: it says the same as `assay verify`, and ends when it is told to.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use serde_json::{Value, json};

use super::bench::Bench;

/// The program, serving.
pub(super) struct Serving {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    address: String,
    metrics: String,
}

impl Serving {
    fn start(bench: &Bench) -> Self {
        Self::start_with(bench, &[])
    }

    /// With more arguments, once it serves.
    pub(super) fn start_with(bench: &Bench, more: &[&str]) -> Self {
        let mut serving = Self::start_unannounced(bench, more);
        let line = serving
            .log
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find(|line| line["message"] == "serving")
            .expect("it says when it serves");
        let text = |field: &str| line[field].as_str().unwrap().to_owned();
        serving.address = text("address");
        serving.metrics = text("metrics");
        serving
    }

    /// With more arguments, without waiting for anything.
    pub(super) fn start_unannounced(bench: &Bench, more: &[&str]) -> Self {
        let arguments = [
            "serve",
            "--policies",
            "policies",
            "--registries",
            "registries.yaml",
            "--log-format",
            "json",
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
        ];
        let arguments = [&arguments, more].concat();
        let mut child = bench.command(&arguments).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self {
            child,
            log,
            address: String::new(),
            metrics: String::new(),
        }
    }

    /// The next line of its log.
    pub(super) fn next_line(&mut self) -> String {
        self.log.next().unwrap().unwrap()
    }

    /// Tells it to stop, and answers with its exit code and the messages of its log.
    pub(super) fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let messages = self.log.by_ref().map(|line| {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            line["message"].as_str().unwrap_or_default().to_owned()
        });
        let messages = messages.collect();
        (self.child.wait().unwrap().code(), messages)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A test that has failed must not leave it behind; one that has not has ended it already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // The certificate is made at start, so there is nothing to know it by.
    reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap()
}

pub(super) fn review(image: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "2f1c", "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "default", "operation": "CREATE", "userInfo": {},
            "object": {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}

async fn post(serving: &Serving, image: &str) -> Value {
    post_review(serving, &review(image)).await
}

/// Posts an admission review to `/mutate` and answers with its `response`.
#[expect(clippy::disallowed_methods, reason = "the answer is our own server's")]
pub(super) async fn post_review(serving: &Serving, review: &Value) -> Value {
    let url = format!("https://{}/mutate?timeout=10s", serving.address);
    let request = client()
        .post(url)
        .header("content-type", "application/json");
    let answer = request.body(review.to_string()).send().await.unwrap();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    body["response"].clone()
}

#[expect(clippy::disallowed_methods, reason = "the answer is our own server's")]
async fn text(answer: reqwest::Response) -> String {
    answer.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_and_verify_say_the_same_words() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/**");
    bench.push("acme/unsigned:v1");
    let digest = bench.push_signed("acme/app:v1");
    let (unsigned, signed) = (bench.image("acme/unsigned:v1"), bench.image("acme/app:v1"));
    let serving = Serving::start(&bench);

    let denied = post(&serving, &unsigned).await;
    assert_eq!(denied["allowed"], false);
    let line = denied["status"]["message"].as_str().unwrap();
    let verified = bench.verify(&[&unsigned, "--policies", "policies"]).await;
    assert_eq!(
        line,
        format!("container \"app\": {}", verified.stderr.trim_end())
    );

    let admitted = post(&serving, &signed).await;
    assert_eq!(admitted["allowed"], true, "{admitted}");
    let verified = bench.verify(&[&signed, "--policies", "policies"]).await;
    assert_eq!(verified.stdout, format!("{signed}@{digest}\n"));

    let metrics = client()
        .get(format!("http://{}/metrics", serving.metrics))
        .header("accept", "application/openmetrics-text; version=1.0.0")
        .send()
        .await
        .unwrap();
    assert_eq!(metrics.status(), 200);
    crate::metrics::assert_documented(&text(metrics).await);
    let healthy = client()
        .get(format!("http://{}/healthz", serving.metrics))
        .send()
        .await
        .unwrap();
    assert_eq!(healthy.status(), 200);
    serving.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_and_exits_0() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/**");
    let (code, messages) = Serving::start(&bench).terminate();
    assert_eq!(
        (code, messages),
        (Some(0), vec!["draining".to_owned(), "drained".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_a_failure_that_names_it() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/**");
    let taken = bench.registry.host();
    let run = bench
        .run(&[
            "serve",
            "--policies",
            "policies",
            "--listen",
            &taken,
            "--metrics-listen",
            "127.0.0.1:0",
        ])
        .await;
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(
        run.stderr.contains(&format!("cannot listen on {taken}")),
        "{}",
        run.stderr
    );
}

/// It accepts connections, as the system does for it, and never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_no_review_and_no_end() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/**");
    bench.push("acme/unsigned:v1");
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", collector.local_addr().unwrap());
    let serving = Serving::start_with(&bench, &["--otlp-endpoint", &url]);
    let denied = post(&serving, &bench.image("acme/unsigned:v1")).await;
    assert_eq!(denied["allowed"], false, "{denied}");
    let (code, messages) = serving.terminate();
    assert_eq!(code, Some(0), "{messages:?}");
    assert!(messages.contains(&"drained".to_owned()), "{messages:?}");
}
