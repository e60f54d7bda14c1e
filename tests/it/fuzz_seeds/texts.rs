//! Seeds that nobody signs.

use std::fs;

use assay::image::Digest;
use serde_json::{Value, json};

use super::Corpus;
use crate::support::reviews;

/// Writes references, reviews, manifests, policies, statements, provenance and payloads.
pub(super) fn write(corpus: &Corpus) {
    for (index, reference) in REFERENCES.iter().enumerate() {
        corpus.put("reference", &format!("{index}.txt"), reference);
    }
    for (index, review) in reviews().iter().enumerate() {
        corpus.put("review", &format!("{index}.json"), review.to_string());
    }
    for (name, manifest) in manifests() {
        corpus.put("manifest", name, manifest.to_string());
    }
    for (index, statement) in statements().iter().enumerate() {
        corpus.put("statement", &format!("{index}.json"), statement.to_string());
    }
    policies(corpus);
    for (index, condition) in CONDITIONS.iter().enumerate() {
        corpus.put("condition", &format!("{index}.cel"), condition);
    }
    provenance(corpus);
}

/// The documented statements of every shape.
fn provenance(corpus: &Corpus) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/provenance");
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|it| it == "json") {
            let name = path.file_name().unwrap().to_str().unwrap();
            corpus.put("provenance", name, fs::read(&path).unwrap());
        }
    }
}

/// The samples, in YAML and JSON.
fn policies(corpus: &Corpus) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/samples");
    let samples = fs::read_dir(folder).unwrap();
    let samples = samples.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    for (index, text) in samples.enumerate() {
        corpus.put("policy", &format!("{index}.yaml"), &text);
        if let Ok(object) = serde_saphyr::from_str::<Value>(&text) {
            corpus.put("policy", &format!("{index}.json"), object.to_string());
        }
    }
}

fn reviews() -> Vec<Value> {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let pod = reviews::pod("registry.gitlab.com/acme/shop/api:1.8.2");
    let mut full = reviews::pod("nginx");
    full["metadata"]["annotations"] = json!({ "assay.dev/images": "[]", "a": "b" });
    full["metadata"]["labels"] = json!({ "app": "api" });
    full["spec"] = json!({
        "nodeName": "node-1",
        "imagePullSecrets": [{ "name": "regcred" }],
        "serviceAccountName": "api",
        "initContainers": [{ "name": "init", "image": "busybox:1" }],
        "containers": [
            { "name": "api", "image": format!("registry.example:5000/a/b@{digest}") },
            { "name": "side/car", "image": "ghcr.io/acme/x:1" },
            { "name": "none" },
        ],
        "ephemeralContainers": [{ "name": "debug", "image": "alpine" }],
        "volumes": [{ "name": "model", "image": { "reference": "registry.example/model:1" } }],
    });
    let mut all = vec![
        reviews::creation(&pod),
        reviews::creation(&full),
        reviews::update(&full, &pod),
        reviews::update(&pod, &pod),
    ];
    let mut ephemeral = reviews::update(&full, &pod);
    ephemeral["request"]["subResource"] = "ephemeralcontainers".into();
    all.push(ephemeral);
    let template = json!({ "metadata": full["metadata"], "spec": full["spec"] });
    for (group, resource) in [
        ("apps", "deployments"),
        ("batch", "jobs"),
        ("", "replicationcontrollers"),
    ] {
        all.push(of_resource(
            group,
            resource,
            &json!({ "spec": { "template": template } }),
        ));
    }
    let job = json!({ "spec": { "jobTemplate": { "spec": { "template": template } } } });
    all.push(of_resource("batch", "cronjobs", &job));
    all.push(of_resource(
        "",
        "podtemplates",
        &json!({ "template": template }),
    ));
    let mut deletion = reviews::creation(&pod);
    deletion["request"]["operation"] = "DELETE".into();
    all.push(deletion);
    let mut mirror = reviews::creation(&full);
    mirror["request"]["userInfo"] =
        json!({ "username": "system:node:node-1", "groups": ["system:nodes"] });
    mirror["request"]["object"]["metadata"]["annotations"] =
        json!({ "kubernetes.io/config.mirror": "x" });
    all.push(mirror);
    all
}

fn of_resource(group: &str, resource: &str, object: &Value) -> Value {
    let mut review = reviews::creation(object);
    review["request"]["resource"] =
        json!({ "group": group, "version": "v1", "resource": resource });
    review
}

fn manifests() -> [(&'static str, Value); 6] {
    let descriptor = |media_type: &str| {
        json!({
            "mediaType": media_type,
            "digest": format!("sha256:{}", "ab".repeat(32)),
            "size": 527,
            "annotations": { "dev.cosignproject.cosign/signature": "MEUC" },
        })
    };
    let of = |media_type: &str| json!({ "schemaVersion": 2, "mediaType": media_type });
    let mut image = of("application/vnd.oci.image.manifest.v1+json");
    image["config"] = descriptor("application/vnd.oci.image.config.v1+json");
    image["layers"] = json!([descriptor(
        "application/vnd.dev.cosign.simplesigning.v1+json"
    )]);
    image["subject"] = descriptor("application/vnd.oci.image.manifest.v1+json");
    let mut index = of("application/vnd.oci.image.index.v1+json");
    let mut child = descriptor("application/vnd.oci.image.manifest.v1+json");
    child["artifactType"] = "application/vnd.dev.sigstore.bundle.v0.3+json".into();
    child["platform"] = json!({ "os": "linux", "architecture": "arm64", "variant": "v8" });
    index["annotations"] =
        json!({ "org.opencontainers.image.base.name": "docker.io/library/alpine" });
    let mut attestation = descriptor("application/vnd.oci.image.manifest.v1+json");
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    index["manifests"] = json!([
        child,
        attestation,
        descriptor("application/vnd.oci.image.manifest.v1+json")
    ]);
    let mut docker = of("application/vnd.docker.distribution.manifest.v2+json");
    docker["layers"] = json!([descriptor(
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    )]);
    let mut list = of("application/vnd.docker.distribution.manifest.list.v2+json");
    list["manifests"] = json!([descriptor(
        "application/vnd.docker.distribution.manifest.v2+json"
    )]);
    [
        ("image.json", image),
        ("index.json", index),
        ("docker.json", docker),
        ("list.json", list),
        (
            "config.json",
            json!({ "os": "linux", "config": { "Labels": { "a": "b" } } }),
        ),
        (
            "statement.json",
            json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{ "digest": { "sha256": Digest::of(b"an image").hex() } }],
                "predicateType": "https://slsa.dev/provenance/v1",
                "predicate": {},
            }),
        ),
    ]
}

/// Statements and payloads, some of them good but for their signature.
fn statements() -> [Value; 4] {
    let image = Digest::of(b"the image");
    let statement = |kind: &str, predicate_type: &str| {
        json!({
            "_type": kind,
            "subject": [
                { "name": "other", "digest": { "sha256": "ab".repeat(32) } },
                { "name": "image", "digest": { "sha256": image.hex() }, "annotations": { "a": "b" } },
            ],
            "predicateType": predicate_type,
            "predicate": { "builder": { "id": "https://gitlab.com/-/runners/1" } },
        })
    };
    let sign = "https://sigstore.dev/cosign/sign/v1";
    [
        statement("https://in-toto.io/Statement/v1", sign),
        statement("https://in-toto.io/Statement/v0.1", sign),
        statement(
            "https://in-toto.io/Statement/v1",
            "https://slsa.dev/provenance/v1",
        ),
        json!({
            "critical": {
                "identity": { "docker-reference": "registry.example/a/b" },
                "image": { "docker-manifest-digest": image.as_str() },
                "type": "cosign container image signature",
            },
            "optional": { "creator": "x", "timestamp": 1_767_323_045 },
        }),
    ]
}

/// A reference, and a pattern on the next line.
const REFERENCES: [&str; 12] = [
    "nginx\n**",
    "nginx:1.29\ndocker.io/nginx",
    "registry.gitlab.com/acme/shop/api:1.8.2\nregistry.gitlab.com/acme/shop/**",
    "localhost:5000/a\nlocalhost:5000/*",
    "[::1]:5000/a/b_c__d\n*/a/**",
    "registry.example:443/a.b/c-d\n*.example/a.b/*",
    "REGISTRY.example/a\nregistry.example/**",
    "127.0.0.1/a:T_1\n127.0.0.1/**",
    "docker.io/library/x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n*/**/x",
    "index.docker.io/x:y@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n**/x*",
    "https://a/b\nrefs/tags/v*",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n***",
];

/// Of every part of the language something.
const CONDITIONS: [&str; 12] = [
    "image.annotations['com.gitlab.ci.pipeline_id'] == provenance.pipelineId",
    "attestation.predicate.components.all(c, has(c.size) && c.size < 3.0 || c.name in ['a', 'c'])",
    "attestation.predicate.components.exists(c, c.name.matches('^[a-z]+$')) && !pod.spec.hostNetwork",
    "signatures.exists_one(s, s.authority == 'release' && s.logIndex >= 3)",
    "attestation.predicate.components.filter(c, has(c.size)).map(c, c.name) == ['a', 'b']",
    "attestation.predicate.components.map(c, has(c.size), int(c.size) * 2 - 1) != []",
    "size(image.platforms) % 2 == 0 ? namespace.name == 'shop' : namespace.labels['env'] != ''",
    "{'a': 1, 2u: 'b', true: -3}[2] == 'b' && type(1.5) == double && dyn(null) == null",
    "image.reference.startsWith(image.registry + '/') && image.digest.endsWith('ab')",
    "string(int('12') / 5) == \"2\" && uint(3) > 2u && double('1e3') >= 1000.0 // numbers",
    "[1, 2, 3].all(a, [a, a + 1].exists(b, b == a && [b] + [a] == [a, b]))",
    "attestation.predicate.huge > attestation.predicate.least || bool('true')",
];
