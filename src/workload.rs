//! Where images sit in a Pod and in the workloads that make Pods, and the patch that pins them.
//!
//! Everything here reads and patches raw JSON, so that fields this version does not know survive.

use json_patch::Patch;
use serde_json::Value;

/// A resource (and subresource) that carries Pod specs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(
    missing_docs,
    reason = "the variants are the names of Kubernetes resources"
)]
pub enum WorkloadKind {
    Pod,
    PodEphemeralContainers,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    ReplicationController,
    PodTemplate,
}

/// What kind of place an image is written in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the variants are the names of Pod fields")]
pub enum SlotKind {
    Container,
    InitContainer,
    EphemeralContainer,
    ImageVolume,
}

/// One place in an object where an image reference is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageSlot {
    /// The kind of place.
    pub kind: SlotKind,
    /// The container's or volume's name, as written.
    pub name: String,
    /// The JSON pointer to the reference, as in `/spec/containers/0/image`.
    pub pointer: String,
    /// The reference as written there; not checked.
    pub written: String,
}

/// Why an object's image slots cannot be told.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SlotError {
    /// A field has another JSON type than its schema says.
    #[error("{pointer} is not {expected}")]
    WrongType {
        /// Where.
        pointer: String,
        /// The JSON type that belongs there.
        expected: &'static str,
    },
    /// The object holds more images than are judged at once.
    #[error("{found} images, at most {limit} are judged")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
}

impl WorkloadKind {
    /// The kind for an admission review's resource and subresource, if it carries a Pod spec.
    pub fn of(_group: &str, _resource: &str, _sub_resource: Option<&str>) -> Option<Self> {
        todo!()
    }
    /// Whether objects of this kind are Pods themselves (and so are pinned), not templates of Pods.
    pub fn is_pod(self) -> bool {
        matches!(self, Self::Pod | Self::PodEphemeralContainers)
    }
}

impl ImageSlot {
    /// The field path for people and `details.causes`, as in `spec.containers[0].image`.
    pub fn field_path(&self) -> String {
        todo!()
    }
}

impl std::fmt::Display for ImageSlot {
    /// As denials begin: `container "api"`, `init container "x"`, `ephemeral container "x"`, `image volume "x"`.
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}

/// Every non-empty image reference in an object, in the order: containers, init containers, ephemeral
/// containers, image volumes; for [`WorkloadKind::PodEphemeralContainers`] only the ephemeral containers.
pub fn image_slots(_kind: WorkloadKind, _object: &Value) -> Result<Vec<ImageSlot>, SlotError> {
    todo!()
}

/// The slots of `object` whose reference is not the same in the same place of `old_object`.
pub fn changed_slots(
    _kind: WorkloadKind,
    _object: &Value,
    _old_object: &Value,
) -> Result<Vec<ImageSlot>, SlotError> {
    todo!()
}

/// The annotation that an admitted Pod carries.
pub const IMAGES_ANNOTATION: &str = "assay.dev/images";

/// The patch that replaces each slot's reference (guarded by a `test` of the old one) and sets, or
/// without a value removes, our annotation. Touches nothing else; empty when nothing is to change.
pub fn pin_patch(
    _kind: WorkloadKind,
    _object: &Value,
    _pins: &[(ImageSlot, String)],
    _annotation: Option<&str>,
) -> Patch {
    todo!()
}

/// Whether this Pod only mirrors a static Pod that the kubelet has already started.
pub fn is_mirror_pod(_object: &Value) -> bool {
    todo!()
}

/// The facts of the Pod (or Pod template) that decide which pull credentials apply.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PullReferences {
    /// `imagePullSecrets` names, in order.
    pub pull_secrets: Vec<String>,
    /// `serviceAccountName`, `default` when absent.
    pub service_account: String,
}

/// Which pull secrets and service account the Pod spec names.
pub fn pull_references(_kind: WorkloadKind, _object: &Value) -> PullReferences {
    todo!()
}

/// The labels that a policy's `objectSelector` is matched against: those of the Pod, or of the Pod template.
pub fn pod_labels(
    _kind: WorkloadKind,
    _object: &Value,
) -> std::collections::BTreeMap<String, String> {
    todo!()
}
