//! Registries that lie: about digests, sizes, types and numbers. What they say is refused, and the lie is named.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    sandbox::{Fault, Referrers},
    *,
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

async fn open(referrers: Referrers) -> Setup {
    Setup::new(sandbox::RegistrySettings {
        referrers,
        ..sandbox::RegistrySettings::default()
    })
    .await
}

fn error<T: std::fmt::Debug>(setup: &Setup, result: Result<T, RegistryError>) -> String {
    let error = format!("{:?}", result.expect_err("an error"));
    error.replace(&setup.registry.host(), "HOST")
}

fn unusable(detail: &str) -> String {
    format!("Unusable {{ host: \"HOST\", detail: {detail:?} }}")
}

fn limit(detail: &str) -> String {
    format!("Limit {{ host: \"HOST\", detail: {detail:?} }}")
}

fn served(media_type: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Fault {
    let headers = [("content-type", media_type)]
        .into_iter()
        .chain(headers.iter().copied());
    Fault::Status {
        status: 200,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.into(),
    }
}

/// What is said when paths with `path` in them are answered with `fault`, of an image that has a bundle.
async fn told(referrers: Referrers, path: &'static str, fault: Fault) -> String {
    let setup = open(referrers).await;
    let image = setup.registry.push_image("acme/api", "1", "signed");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    setup
        .registry
        .set_fault(move |request| request.path.contains(path).then(|| fault.clone()));
    error(&setup, setup.review("acme/api:1", &anonymous()).await)
}

#[tokio::test]
async fn other_content_than_the_digest_says_is_refused_with_both_digests() {
    let expected = "answered with other content than its digest says (expected ";
    for (path, fault) in [
        ("/manifests/sha256-", Fault::WrongDigestHeader),
        ("/manifests/sha256:", Fault::WrongContent),
        ("/blobs/", Fault::WrongContent),
    ] {
        let found = told(Referrers::FallbackTag, path, fault).await;
        assert!(found.contains(expected), "{path} {found}");
    }
    let other = served("application/octet-stream", &[], "others");
    let detail = format!(
        "{expected}{}, found {})",
        Digest::of(b"bundle").short(),
        Digest::of(b"others").short()
    );
    let found = told(Referrers::Api, "/blobs/", other).await;
    assert_eq!(found, unusable(&detail));
}

#[tokio::test]
async fn a_tag_that_is_announced_with_the_digest_of_another_manifest_admits_neither() {
    let setup = open(Referrers::Api).await;
    let image = setup.registry.push_image("acme/api", "1", "signed");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    setup
        .registry
        .set_fault(|request| (request.method == "HEAD").then_some(Fault::WrongDigestHeader));
    let other = Digest::of(b"another content");
    let resolved = setup.resolve("acme/api:1", &anonymous()).await;
    assert_eq!(resolved.expect("a digest"), other);
    let found = setup.review("acme/api:1", &anonymous()).await;
    assert_eq!(found.expect("read"), Vec::new());
    let content = json!({"schemaVersion": 2, "mediaType": MANIFEST}).to_string();
    let found = Digest::of(content.as_bytes());
    let fault = served(MANIFEST, &[], content);
    setup.registry.set_fault(move |_| Some(fault.clone()));
    let repository = setup.repository("acme/api");
    let access = anonymous();
    let children = setup.reader.children(&repository, &other, &access);
    let detail = format!(
        "answered with other content than its digest says (expected {}, found {})",
        other.short(),
        found.short()
    );
    assert_eq!(error(&setup, children.await), unusable(&detail));
}

#[tokio::test]
async fn a_digest_of_another_algorithm_is_refused() {
    let header = ("docker-content-digest", "sha512:abcd");
    let found = told(
        Referrers::Api,
        "/manifests/1",
        served(MANIFEST, &[header], ""),
    )
    .await;
    assert_eq!(
        found,
        unusable("answered with a digest that is not SHA-256 (sha512:abcd)")
    );
}

#[tokio::test]
async fn a_referrer_by_a_digest_of_another_algorithm_is_refused_unless_it_says_that_it_is_no_signature()
 {
    let list = |artifact_type: &str| {
        let listed = json!([{"mediaType": MANIFEST, "digest": "sha512:abcd", "size": 1, "artifactType": artifact_type}]);
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
        served(INDEX, &[], index.to_string())
    };
    let bundle = list("application/vnd.dev.sigstore.bundle.v0.3+json");
    assert_eq!(
        told(Referrers::Api, "/referrers/", bundle).await,
        unusable("lists a signature by a digest that is not SHA-256 (sha512:abcd)")
    );
    let setup = open(Referrers::Api).await;
    setup.registry.push_image("acme/api", "1", "listed");
    let other = list("application/spdx+json");
    setup
        .registry
        .set_fault(move |request| request.path.contains("/referrers/").then(|| other.clone()));
    let found = setup.review("acme/api:1", &anonymous()).await;
    assert_eq!(found.expect("read"), Vec::new());
}

#[tokio::test]
async fn a_blob_of_another_size_than_it_is_listed_with_is_refused() {
    let short = Digest::of(b"payload").short();
    for (size, expected) in [
        (
            6,
            limit(&format!(
                "the blob {short} is larger than the 6 bytes it is listed with"
            )),
        ),
        (
            8,
            unusable(&format!(
                "lists the blob {short} with 8 bytes, and it has 7"
            )),
        ),
    ] {
        let setup = open(Referrers::Api).await;
        let image = setup.registry.push_image("acme/api", "1", "image");
        let payload = setup.registry.push_blob("acme/api", "payload");
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [
            {"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
             "digest": payload.as_str(), "size": size},
        ]});
        let tag = format!("sha256-{}.sig", image.hex());
        let manifest = manifest.to_string();
        setup
            .registry
            .push_manifest("acme/api", Some(&tag), MANIFEST, manifest);
        let found = setup.review("acme/api:1", &anonymous()).await;
        assert_eq!(error(&setup, found), expected);
    }
}

/// What is said of a registry that answers everything with these bytes and hangs up.
async fn told_of_bytes(head: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("bound").to_string();
    let bytes = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{head}\r\n\r\n{body}");
    let serving = async {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
        }
    };
    let reader = reader(&[&host], options());
    let repository: Repository = format!("{host}/acme/api").parse().expect("a repository");
    let (digest, access) = (Digest::of(b"image"), anonymous());
    let looking = reader.attachments(
        &repository,
        &digest,
        Wanted::Signatures,
        Search::First,
        &access,
    );
    let found = tokio::select! {
        found = looking => found,
        () = serving => unreachable!("it serves for ever"),
    };
    let error = format!("{:?}", found.expect_err("refused"));
    error.replace(&host, "HOST")
}

#[tokio::test]
async fn a_body_of_another_length_than_announced_is_refused() {
    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string();
    let head = |length: &str| format!("content-type: {INDEX}\r\ncontent-length: {length}");
    let longer = (list.len() + 1).to_string();
    assert_eq!(
        told_of_bytes(&head(&longer), &list).await,
        "Unavailable { host: \"HOST\", detail: \"broke off its answer\" }"
    );
    assert_eq!(
        told_of_bytes(&head("10"), &list).await,
        unusable(
            "answered a malformed list of referrers (EOF while parsing a string at line 1 column 10)"
        )
    );
    assert_eq!(
        told_of_bytes(&head("99999999999999"), &list).await,
        limit("the list of referrers is larger than 4194304 bytes")
    );
}

#[tokio::test]
async fn what_is_packed_is_not_unpacked() {
    // 1 GiB would fit into a megabyte; what is said is what came.
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    for encoding in ["gzip", "br", "zstd"] {
        let fault = served(
            "application/octet-stream",
            &[("content-encoding", encoding)],
            packed,
        );
        let found = told(Referrers::Api, "/blobs/", fault).await;
        let short = Digest::of(b"bundle").short();
        let expected = limit(&format!(
            "the blob {short} is larger than the 6 bytes it is listed with"
        ));
        assert_eq!(found, expected);
        let fault = served(
            "application/octet-stream",
            &[("content-encoding", encoding)],
            &packed[..6],
        );
        let found = told(Referrers::Api, "/blobs/", fault).await;
        let detail = format!(
            "answered with other content than its digest says (expected {short}, found {}, encoded as {encoding})",
            Digest::of(&packed[..6]).short()
        );
        assert_eq!(found, unusable(&detail));
    }
}

#[tokio::test]
async fn a_document_that_says_a_thing_twice_is_refused_by_name() {
    let twice = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"layers\":[],\"layers\":[{{}}]}}"
    );
    let column = twice.rfind("\"layers\"").expect("it is there") + "\"layers\"".len();
    let setup = open(Referrers::FallbackTag).await;
    let image = setup.registry.push_image("acme/api", "1", "image");
    let fault = served(MANIFEST, &[], twice);
    setup
        .registry
        .set_fault(move |request| request.path.contains(".sig").then(|| fault.clone()));
    let found = setup
        .attachments("acme/api", &image, Search::Everywhere, &anonymous())
        .await;
    let detail = format!(
        "answered a malformed manifest (duplicate field `layers` at line 1 column {column})"
    );
    assert_eq!(error(&setup, found), unusable(&detail));
}

#[tokio::test]
async fn an_index_of_a_hundred_thousand_children_is_refused_before_it_is_read() {
    let child = |digest: &str| json!({"mediaType": MANIFEST, "digest": digest, "size": 1});
    let long = Digest::of(b"child");
    for (digest, detail) in [
        ("", "a manifest lists more than 1000 descriptors".to_owned()),
        (long.as_str(), "is larger than 4194304 bytes".to_owned()),
    ] {
        let setup = open(Referrers::Api).await;
        let count = if digest.is_empty() { 40_000 } else { 100_000 };
        let children = vec![child(digest); count];
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
        let registry = &setup.registry;
        let index = registry.push_manifest("acme/api", Some("1"), INDEX, index.to_string());
        let repository = setup.repository("acme/api");
        let access = anonymous();
        let found = setup.reader.children(&repository, &index, &access);
        let found = error(&setup, found.await);
        assert!(found.starts_with("Limit {"), "{found}");
        assert!(found.contains(&detail), "{found}");
    }
}

#[tokio::test]
async fn ten_thousand_referrers_are_refused_on_one_page_and_on_many() {
    for (per_page, next) in [(1_001, false), (500, true)] {
        let listed: Vec<_> = (0..per_page)
            .map(|number: u32| {
                let digest = Digest::of(&number.to_be_bytes());
                json!({"mediaType": MANIFEST, "digest": digest.as_str(), "size": 1})
            })
            .collect();
        let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
        let setup = open(Referrers::Api).await;
        setup.registry.push_image("acme/api", "1", "image");
        let list = list.to_string();
        setup.registry.set_fault(move |request| {
            let page: u32 = request.query.parse().unwrap_or(0);
            let link = format!("<?{}>; rel=\"next\"", page + 1);
            let headers = if next {
                vec![("link", link.as_str())]
            } else {
                Vec::new()
            };
            let is_list = request.path.contains("/referrers/");
            is_list.then(|| served(INDEX, &headers, list.clone()))
        });
        let found = setup.review("acme/api:1", &anonymous()).await;
        let detail = if next {
            "more than 1000 referrers are listed"
        } else {
            "a manifest lists more than 1000 descriptors"
        };
        assert_eq!(error(&setup, found), limit(detail));
    }
}

#[tokio::test]
async fn a_referrer_that_is_another_thing_than_it_is_listed_as_is_none() {
    let setup = open(Referrers::Api).await;
    let image = setup.registry.push_image("acme/api", "1", "image");
    let subject = json!({"mediaType": MANIFEST, "digest": image.as_str(), "size": 1});
    let index =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": subject});
    let index = setup
        .registry
        .push_manifest("acme/api", None, INDEX, index.to_string());
    let listed = json!([{"mediaType": MANIFEST, "digest": index.as_str(), "size": 1,
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"}]);
    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).to_string();
    setup.registry.set_fault(move |request| {
        let is_list = request.path.contains("/referrers/");
        is_list.then(|| served(INDEX, &[], list.clone()))
    });
    let found = setup.review("acme/api:1", &anonymous()).await;
    assert_eq!(found.expect("read"), Vec::new());
}

#[tokio::test]
async fn a_token_that_is_none_is_told_as_such() {
    for body in ["{}", "{\"token\":\"\"}", "{\"token\":\"a b\"}", "<html>"] {
        let setup = Setup::new(sandbox::RegistrySettings {
            access: sandbox::Access::Token {
                public: Vec::new(),
                logins: Vec::new(),
            },
            ..sandbox::RegistrySettings::default()
        })
        .await;
        setup.registry.set_fault(move |request| {
            let is_token = request.path == "/token";
            is_token.then(|| served("application/json", &[], body))
        });
        let found = setup.resolve("acme/api:1", &anonymous()).await;
        let expected = unusable("answered something else than a token");
        assert_eq!(error(&setup, found), expected, "{body}");
    }
}
