//! Admission reviews through the webhook's own way, in a world where every image is signed: what is admitted is
//! pinned, and nothing else is touched.

#![no_main]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

use assay::{
    admission::{Answer, Webhook, answer},
    image::{Contents, Digest, Part, Reference, Repository},
    limits,
    policy::{DefaultAction, KeySource, ObjectEntry, PolicyObject, PolicySet},
    registry::{
        Access, Attachment, AttachmentPlace, Keyring, Registry, RegistryError, Search, Wanted,
    },
    review::{PullSecrets, Reviewer, Snapshot, Snapshots},
    sandbox::sigstore::{PrivateSigstore, SigningKeyPair},
    trust::TrustRoots,
    workload::{IMAGES_ANNOTATION, PullReferences, WorkloadKind, image_slots},
};
use assay_fuzz::mutate_as_json;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::{BoxFuture, ready};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::Instant};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
});

static REVIEWER: LazyLock<Reviewer> = LazyLock::new(|| {
    let world = Arc::new(World::new());
    Reviewer::new(world.clone(), world.clone(), world)
});

fuzz_target!(|data: &[u8]| {
    for webhook in [Webhook::Mutate, Webhook::Validate] {
        let Some(first) = answered(webhook, data) else {
            assert!(answered(webhook, data).is_none());
            continue;
        };
        let second = answered(webhook, data).expect("an answer, as before");
        assert_eq!(first.body, second.body);
        let review: Value = serde_json::from_slice(data).expect("JSON");
        let response: Value = serde_json::from_slice(&first.body).expect("JSON");
        is_well_formed(&review["request"], &response["response"], &first);
        changes_only_images(webhook, &review["request"], &response["response"]);
    }
});

mutate_as_json!();

fn answered(webhook: Webhook, body: &[u8]) -> Option<Answer> {
    let deadline = Instant::now() + Duration::from_secs(60);
    RUNTIME
        .block_on(answer(webhook, body, &REVIEWER, deadline))
        .ok()
}

fn is_well_formed(request: &Value, response: &Value, answer: &Answer) {
    assert_eq!(response["uid"], request["uid"]);
    assert_eq!(response["allowed"], answer.allowed);
    assert_eq!(answer.allowed, answer.codes.is_empty());
    if let Some(message) = response.pointer("/status/message").and_then(Value::as_str) {
        assert!(message.len() <= limits::MESSAGE_BYTES, "{message}");
        assert!(
            !message.chars().any(|c| c.is_control() && c != '\n'),
            "{message}"
        );
    }
    let warnings = response["warnings"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    assert!(warnings.len() <= limits::WARNINGS_PER_REVIEW);
    for warning in warnings.iter().filter_map(Value::as_str) {
        assert!(
            warning.chars().count() <= limits::WARNING_CHARS,
            "{warning}"
        );
    }
}

fn changes_only_images(webhook: Webhook, request: &Value, response: &Value) {
    let Some(patch) = response["patch"].as_str() else {
        return;
    };
    assert_eq!(webhook, Webhook::Mutate);
    assert_eq!(response["allowed"], true);
    let patch = STANDARD.decode(patch).expect("Base64");
    let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("a patch");
    let kind = kind(request).expect("only workloads are patched");
    let mut patched = request["object"].clone();
    json_patch::patch(&mut patched, &patch).expect("a patch that fits");

    let before = image_slots(kind, &request["object"]).expect("slots");
    let after = image_slots(kind, &patched).expect("slots");
    assert_eq!(before.len(), after.len());
    for (old, new) in before.iter().zip(&after) {
        assert_eq!(
            (old.kind, &old.name, &old.pointer),
            (new.kind, &new.name, &new.pointer)
        );
        if request["operation"] == "CREATE" {
            let reference: Reference = old.written.parse().expect("a reference");
            assert_eq!(new.written, reference.pinned(&IMAGE));
        }
        *patched.pointer_mut(&new.pointer).expect("the slot") = old.written.as_str().into();
    }
    assert_eq!(
        without_annotation(patched),
        without_annotation(request["object"].clone())
    );
}

/// The object without our annotation, and without what had to be made to hold it.
fn without_annotation(mut object: Value) -> Value {
    let Some(fields) = object.as_object_mut() else {
        return object;
    };
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.remove(IMAGES_ANNOTATION);
        }
        metadata.retain(|name, value| name != "annotations" || !is_empty(value));
    }
    fields.retain(|name, value| name != "metadata" || !is_empty(value));
    object
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}

fn kind(request: &Value) -> Option<WorkloadKind> {
    let resource = &request["resource"];
    WorkloadKind::of(
        resource["group"].as_str().unwrap_or_default(),
        resource["resource"].as_str()?,
        request["subResource"].as_str(),
    )
}

/// Every tag is the same image, and that is signed; the policy covers everything.
#[derive(Debug)]
struct World {
    policies: Arc<PolicySet>,
    attached: Arc<[Attachment]>,
}

static IMAGE: LazyLock<Digest> = LazyLock::new(|| Digest::of(b"the image"));

impl World {
    fn new() -> Self {
        let now = Timestamp::constant(1_767_323_045, 0);
        let sigstore = PrivateSigstore::new(now).expect("a private Sigstore");
        let pair = SigningKeyPair::generate().expect("a key");
        let signing = sigstore.sign_with(&pair, &IMAGE).without_log();
        let signature = signing.legacy().expect("a signature");
        let policy = PolicyObject::from_json(json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": "ClusterImageTrustPolicy",
            "metadata": {"name": "everything"},
            "spec": {
                "match": {"images": ["**"]},
                "pinWorkloads": true,
                "authorities": [{"name": "release", "key": {"pem": pair.public_pem()}}],
            },
        }));
        let policy = policy.expect("a policy");
        policy.compile(&Nothing).expect("a policy that compiles");
        Self {
            policies: Arc::new(PolicySet::default().update([&policy], &Nothing)),
            attached: Arc::new([Attachment {
                place: AttachmentPlace::SignatureTag,
                media_type: signature.media_type.to_owned(),
                digest: Digest::of(&signature.content),
                content: signature.content,
                annotations: signature.annotations.into_iter().collect(),
                manifest: Digest::of(b"the signature manifest"),
            }]),
        }
    }
}

impl Registry for World {
    fn resolve<'a>(
        &'a self,
        image: &'a Reference,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        Box::pin(ready(Ok(image.digest().unwrap_or(&IMAGE).clone())))
    }

    fn attachments<'a>(
        &'a self,
        _: &'a Repository,
        _: &'a Digest,
        _: Wanted,
        _: Search,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<[Attachment]>, RegistryError>> {
        Box::pin(ready(Ok(self.attached.clone())))
    }

    fn children<'a>(
        &'a self,
        _: &'a Repository,
        _: &'a Digest,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Vec<Digest>, RegistryError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn contents<'a>(
        &'a self,
        _: &'a Repository,
        _: &'a Digest,
        _: &'a BTreeSet<Part>,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<Contents>, RegistryError>> {
        Box::pin(ready(Ok(Arc::default())))
    }
}

impl Snapshots for World {
    fn current(&self) -> Option<Snapshot> {
        static ROOTS: LazyLock<Arc<TrustRoots>> =
            LazyLock::new(|| Arc::new(TrustRoots::public_only()));
        Some(Snapshot {
            policies: self.policies.clone(),
            trust_roots: ROOTS.clone(),
            modes: DefaultAction::Deny.into(),
        })
    }

    fn namespace_labels<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        Box::pin(ready(Ok(BTreeMap::new())))
    }
}

impl PullSecrets for World {
    fn keyring<'a>(
        &'a self,
        _: &'a str,
        _: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>> {
        Box::pin(ready(Ok(Arc::default())))
    }
}

struct Nothing;

impl KeySource for Nothing {
    fn text(&self, _: &ObjectEntry) -> Result<String, String> {
        Err("there is no such object".to_owned())
    }
}
