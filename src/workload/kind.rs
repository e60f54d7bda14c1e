//! The resources that carry Pod specs, and where in them.

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

impl WorkloadKind {
    /// The kind for an admission review's resource and subresource, if it carries a Pod spec.
    ///
    /// Of the subresources only `pods/ephemeralcontainers` does; `scale`, `status`, `binding` and the rest do not.
    pub fn of(group: &str, resource: &str, sub_resource: Option<&str>) -> Option<Self> {
        let sub_resource = sub_resource.unwrap_or_default();
        match (group, resource, sub_resource) {
            ("", "pods", "") => Some(Self::Pod),
            ("", "pods", "ephemeralcontainers") => Some(Self::PodEphemeralContainers),
            ("", "replicationcontrollers", "") => Some(Self::ReplicationController),
            ("", "podtemplates", "") => Some(Self::PodTemplate),
            ("apps", "deployments", "") => Some(Self::Deployment),
            ("apps", "replicasets", "") => Some(Self::ReplicaSet),
            ("apps", "statefulsets", "") => Some(Self::StatefulSet),
            ("apps", "daemonsets", "") => Some(Self::DaemonSet),
            ("batch", "jobs", "") => Some(Self::Job),
            ("batch", "cronjobs", "") => Some(Self::CronJob),
            _ => None,
        }
    }

    /// Whether objects of this kind are Pods themselves (and so are pinned), not templates of Pods.
    pub fn is_pod(self) -> bool {
        matches!(self, Self::Pod | Self::PodEphemeralContainers)
    }

    /// The way to the Pod or the Pod template: what holds `metadata` and `spec`.
    pub(super) fn pod_path(self) -> &'static [&'static str] {
        match self {
            Self::Pod | Self::PodEphemeralContainers => &[],
            Self::Deployment
            | Self::ReplicaSet
            | Self::StatefulSet
            | Self::DaemonSet
            | Self::Job
            | Self::ReplicationController => &["spec", "template"],
            Self::CronJob => &["spec", "jobTemplate", "spec", "template"],
            Self::PodTemplate => &["template"],
        }
    }
}
