//! Where images sit in a Pod and in the workloads that make Pods, and the patch that pins them.
//!
//! Everything here reads and patches raw JSON, so that fields this version does not know survive.

mod kind;
mod patch;
mod pod;
mod slots;

pub use kind::WorkloadKind;
pub use patch::{IMAGES_ANNOTATION, pin_patch};
pub use pod::{PullReferences, is_mirror_pod, node_name, pod, pod_labels, pull_references};
pub use slots::{ImageSlot, SlotError, SlotKind, changed_slots, field_path, image_slots};

#[cfg(test)]
mod tests;
