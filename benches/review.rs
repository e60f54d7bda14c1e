//! How long one review takes inside the process: warm from the caches, and cold with nothing known.
//!
//! Run with `cargo bench --bench review`. The registry is the sandbox's, on loopback and without a delay, so the
//! cold figures are our own work and the kernel's, not a network's.

#![expect(
    clippy::expect_used,
    reason = "a benchmark whose world cannot be built has nothing to measure"
)]

use std::{fs, sync::Arc, time::Duration};

use assay::{
    admission::{self, Webhook},
    clock::{Clock, SystemClock},
    image::Digest,
    registry::{Holder, Keyring, OciRegistry, RegistryOptions, RegistrySettings},
    review::Reviewer,
    sandbox::{
        registry::{self as sandbox, MemoryRegistry},
        sigstore::{Claims, PrivateSigstore, SigningKeyPair},
    },
    standalone::{self, FixedKeyring, Standalone},
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::json;
use tokio::{runtime::Runtime, time::Instant};
use tokio_util::task::TaskTracker;

criterion_group!(benches, reviews);
criterion_main!(benches);

fn reviews(criterion: &mut Criterion) {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing else has installed a provider");
    let runtime = Runtime::new().expect("a runtime");
    let world = runtime.block_on(World::build());
    let mut group = criterion.benchmark_group("review");
    for (layout, repository) in [("key, legacy", LEGACY), ("gitlab, bundle", BUNDLE)] {
        let review = world.review(repository);
        let reviewer = world.reviewer();
        runtime.block_on(allow(&reviewer, &review));
        group.bench_function(format!("warm: {layout}"), |bencher| {
            bencher.iter(|| runtime.block_on(allow(&reviewer, &review)));
        });
        group.bench_function(format!("cold: {layout}"), |bencher| {
            let fresh = || {
                let _context = runtime.enter();
                world.reviewer()
            };
            bencher.iter_batched(
                fresh,
                |reviewer| runtime.block_on(allow(&reviewer, &review)),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

struct World {
    registry: MemoryRegistry,
    policies: Arc<Standalone>,
}

impl World {
    async fn build() -> Self {
        let registry = MemoryRegistry::start(sandbox::RegistrySettings::default())
            .await
            .expect("a registry");
        let sigstore = PrivateSigstore::new(SystemClock.now()).expect("a Sigstore");
        let key = SigningKeyPair::generate().expect("a key");
        let image = push(&registry, LEGACY);
        let signed = sigstore.sign_with(&key, &image).without_log().legacy();
        let signed = signed.expect("a signature");
        registry.attach_legacy(LEGACY, &image, signed.content, &signed.annotations);
        let image = push(&registry, BUNDLE);
        let claims = Claims::gitlab(BUNDLE, "refs/tags/v1.8.2");
        let signed = sigstore.sign_as(&claims, &image).bundle();
        registry.attach_bundle(BUNDLE, &image, signed.expect("a signature").content);
        let policies = policies(&registry.host(), &sigstore, &key);
        Self { registry, policies }
    }

    /// One that has never asked the registry anything.
    fn reviewer(&self) -> Reviewer {
        let host = self.registry.host();
        let yaml = format!("registries: [{{prefix: \"{host}\", insecureHttp: true}}]");
        let settings = RegistrySettings::from_yaml("registries.yaml", &yaml).expect("settings");
        let options = RegistryOptions {
            tag_ttl: Duration::from_hours(1),
            ..RegistryOptions::default()
        };
        let reader = OciRegistry::new(settings, options, &TaskTracker::new()).expect("a client");
        Reviewer::new(
            Arc::new(reader),
            Arc::clone(&self.policies) as _,
            Arc::new(FixedKeyring::new(Keyring::default(), Holder::Pod)),
        )
    }

    fn review(&self, repository: &str) -> Vec<u8> {
        let image = format!("{}/{repository}:{TAG}", self.registry.host());
        json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "5e3b1f0a-0000-4000-8000-000000000001",
                "kind": {"group": "", "version": "v1", "kind": "Pod"},
                "resource": {"group": "", "version": "v1", "resource": "pods"},
                "namespace": "shop",
                "operation": "CREATE",
                "object": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "api"},
                    "spec": {"containers": [{"name": "api", "image": image}]},
                },
            }
        })
        .to_string()
        .into_bytes()
    }
}

async fn allow(reviewer: &Reviewer, review: &[u8]) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let answer = admission::answer(Webhook::Mutate, review, reviewer, deadline).await;
    assert!(answer.expect("a review").allowed);
}

fn push(registry: &MemoryRegistry, repository: &str) -> Digest {
    registry.push_image(repository, TAG, repository)
}

fn policies(host: &str, sigstore: &PrivateSigstore, key: &SigningKeyPair) -> Arc<Standalone> {
    let policy = |name: &str, repository: &str, authority| {
        json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": "ClusterImageTrustPolicy",
            "metadata": {"name": name},
            "spec": {
                "match": {"images": [format!("{host}/{repository}")]},
                "authorities": [authority],
            },
        })
    };
    let objects = [
        json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": "ImageTrustRoot",
            "metadata": {"name": "sandbox"},
            "spec": {"trustedRoot": sigstore.trusted_root_json()},
        }),
        policy(
            "key",
            LEGACY,
            json!({"name": "key", "key": {"pem": key.public_pem()}}),
        ),
        policy(
            "gitlab",
            BUNDLE,
            json!({
                "name": "pipeline",
                "gitlab": {"project": BUNDLE, "ref": "refs/tags/v*"},
                "trustRootRef": {"name": "sandbox"},
            }),
        ),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for (number, object) in objects.iter().enumerate() {
        let file = folder.path().join(format!("{number}.json"));
        fs::write(file, object.to_string()).expect("a file");
    }
    let loaded = standalone::load(folder.path()).expect("policies");
    Arc::new(Standalone::new(loaded, standalone::Settings::default()))
}

const LEGACY: &str = "acme/shop/db";
const BUNDLE: &str = "acme/shop/api";
const TAG: &str = "1.8.2";
