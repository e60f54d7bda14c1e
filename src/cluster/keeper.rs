//! The one task that owns the watches and publishes what reviews are judged by.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures::{
    FutureExt, Stream, StreamExt,
    stream::{self, BoxStream},
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    core::GroupVersionKind,
    runtime::watcher::{Config, Event},
};
use tokio::sync::watch;

use super::{
    ClusterError,
    assemble::{Assembler, Objects},
    entries::EntriesAtOnce,
    mirror::{Changed, Mirror},
    namespaces::{NamespaceLabels, labels_of_all},
    status::Report,
    watch::events,
};
use crate::review::Snapshot;

/// What the keeper publishes.
#[derive(Default)]
pub(super) struct Published {
    /// None until every first list is complete, and again when the keeper has ended.
    pub(super) snapshot: ArcSwapOption<Snapshot>,
    /// What policies refer to; none until it is known.
    pub(super) entries: ArcSwapOption<EntriesAtOnce>,
    /// The labels of all namespaces.
    pub(super) namespaces: ArcSwap<NamespaceLabels>,
}

/// Owns the watched objects.
pub(super) struct Keeper {
    mirrors: Mirrors,
    policies_changed: bool,
    statuses_changed: bool,
    namespaces_changed: bool,
    assembler: Assembler,
    published: Arc<Published>,
    reports: watch::Sender<Vec<Report>>,
}

/// What is watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    ClusterPolicies,
    Policies,
    TrustRoots,
    Secrets,
    ConfigMaps,
    Namespaces,
}

/// An event, and what it is about.
pub(super) type Change = (Source, Event<DynamicObject>);

struct Mirrors {
    cluster_policies: Mirror,
    policies: Mirror,
    trust_roots: Mirror,
    secrets: Mirror,
    config_maps: Mirror,
    namespaces: Mirror,
}

/// The events of everything that is watched. Secrets and config maps: only those of Assay's own namespace.
pub(super) fn changes(
    client: &Client,
    own_namespace: &str,
) -> impl Stream<Item = Change> + Send + use<> {
    let watches = Source::ALL.map(|source| -> BoxStream<'static, Change> {
        let resource = source.resource();
        let api: Api<DynamicObject> = match source {
            Source::Secrets | Source::ConfigMaps => {
                Api::namespaced_with(client.clone(), own_namespace, &resource)
            }
            Source::ClusterPolicies
            | Source::Policies
            | Source::TrustRoots
            | Source::Namespaces => Api::all_with(client.clone(), &resource),
        };
        events(api, source.config(), source.name())
            .map(move |event| (source, event))
            .boxed()
    });
    stream::select_all(watches)
}

impl Keeper {
    /// A keeper that has seen nothing yet.
    pub(super) fn new(
        assembler: Assembler,
        published: Arc<Published>,
        reports: watch::Sender<Vec<Report>>,
    ) -> Self {
        Self {
            mirrors: Mirrors::empty(),
            policies_changed: false,
            statuses_changed: false,
            namespaces_changed: false,
            assembler,
            published,
            reports,
        }
    }

    /// Publishes every change, for as long as there are any. Does not return but on failure; from then
    /// on there is no snapshot, so that nothing is judged by policies that may be out of date.
    pub(super) async fn run(mut self, changes: impl Stream<Item = Change> + Send) -> ClusterError {
        let _withdrawn = WithdrawOnDrop(Arc::clone(&self.published));
        let mut changes = std::pin::pin!(changes);
        let roots_changed = self.assembler.roots_changed();
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => self.take(change),
                    None => return ClusterError::WatchEnded,
                },
                // Its status is to say so; reviews look at the root itself.
                () = roots_changed.notified() => self.policies_changed = true,
            }
            // What has arrived meanwhile is published together.
            for _ in 0..CHANGES_AT_ONCE {
                match changes.next().now_or_never() {
                    Some(Some(change)) => self.take(change),
                    Some(None) => return ClusterError::WatchEnded,
                    None => break,
                }
            }
            if self.mirrors.are_complete() {
                self.publish();
            }
        }
    }

    fn take(&mut self, (source, event): Change) {
        match (self.mirrors.of(source).apply(event), source) {
            (Changed::Content, Source::Namespaces) => self.namespaces_changed = true,
            (
                Changed::Content,
                Source::ClusterPolicies
                | Source::Policies
                | Source::TrustRoots
                | Source::Secrets
                | Source::ConfigMaps,
            ) => self.policies_changed = true,
            (Changed::Told, Source::ClusterPolicies | Source::Policies | Source::TrustRoots) => {
                self.statuses_changed = true;
            }
            (Changed::Told, Source::Secrets | Source::ConfigMaps | Source::Namespaces)
            | (Changed::Nothing, _) => {}
        }
    }

    /// Namespaces first: a snapshot tells that everything is there.
    fn publish(&mut self) {
        if std::mem::take(&mut self.namespaces_changed) {
            let namespaces = labels_of_all(&self.mirrors.namespaces);
            self.published.namespaces.store(Arc::new(namespaces));
        }
        let statuses_changed = std::mem::take(&mut self.statuses_changed);
        let policies_changed = std::mem::take(&mut self.policies_changed);
        if policies_changed {
            let snapshot = self.assembler.assemble(&self.mirrors.objects());
            self.published.snapshot.store(Some(Arc::new(snapshot)));
            let entries = self.assembler.entries(&self.mirrors.objects());
            self.published.entries.store(Some(Arc::new(entries)));
        }
        if policies_changed || statuses_changed {
            let reports = self.assembler.reports(&self.mirrors.objects());
            self.reports.send_replace(reports);
        }
    }
}

impl Source {
    pub(super) const ALL: [Self; 6] = [
        Self::ClusterPolicies,
        Self::Policies,
        Self::TrustRoots,
        Self::Secrets,
        Self::ConfigMaps,
        Self::Namespaces,
    ];

    pub(super) fn resource(self) -> ApiResource {
        let ours = |kind, plural: &str| {
            ApiResource::from_gvk_with_plural(
                &GroupVersionKind::gvk("assay.dev", "v1alpha1", kind),
                plural,
            )
        };
        match self {
            Self::ClusterPolicies => ours("ClusterImageTrustPolicy", "clusterimagetrustpolicies"),
            Self::Policies => ours("ImageTrustPolicy", "imagetrustpolicies"),
            Self::TrustRoots => ours("ImageTrustRoot", "imagetrustroots"),
            Self::Secrets => ApiResource::erase::<Secret>(&()),
            Self::ConfigMaps => ApiResource::erase::<ConfigMap>(&()),
            Self::Namespaces => ApiResource::erase::<Namespace>(&()),
        }
    }

    fn config(self) -> Config {
        match self {
            // Helm keeps its releases in Secrets, up to a megabyte each.
            Self::Secrets => Config::default().fields("type!=helm.sh/release.v1"),
            Self::ClusterPolicies
            | Self::Policies
            | Self::TrustRoots
            | Self::ConfigMaps
            | Self::Namespaces => Config::default(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ClusterPolicies => "cluster policies",
            Self::Policies => "policies",
            Self::TrustRoots => "trust roots",
            Self::Secrets => "secrets",
            Self::ConfigMaps => "config maps",
            Self::Namespaces => "namespaces",
        }
    }
}

impl Mirrors {
    fn empty() -> Self {
        let mirror = |source: Source| Mirror::new(source.resource());
        Self {
            cluster_policies: mirror(Source::ClusterPolicies),
            policies: mirror(Source::Policies),
            trust_roots: mirror(Source::TrustRoots),
            secrets: mirror(Source::Secrets),
            config_maps: mirror(Source::ConfigMaps),
            namespaces: mirror(Source::Namespaces),
        }
    }

    fn of(&mut self, source: Source) -> &mut Mirror {
        match source {
            Source::ClusterPolicies => &mut self.cluster_policies,
            Source::Policies => &mut self.policies,
            Source::TrustRoots => &mut self.trust_roots,
            Source::Secrets => &mut self.secrets,
            Source::ConfigMaps => &mut self.config_maps,
            Source::Namespaces => &mut self.namespaces,
        }
    }

    fn are_complete(&self) -> bool {
        [
            &self.cluster_policies,
            &self.policies,
            &self.trust_roots,
            &self.secrets,
            &self.config_maps,
            &self.namespaces,
        ]
        .iter()
        .all(|mirror| mirror.is_complete())
    }

    fn objects(&self) -> Objects<'_> {
        Objects {
            cluster_policies: &self.cluster_policies,
            policies: &self.policies,
            trust_roots: &self.trust_roots,
            secrets: &self.secrets,
            config_maps: &self.config_maps,
        }
    }
}

/// Takes the snapshot back when the keeper ends, in whatever way it does.
struct WithdrawOnDrop(Arc<Published>);

impl Drop for WithdrawOnDrop {
    fn drop(&mut self) {
        self.0.snapshot.store(None);
    }
}

const CHANGES_AT_ONCE: usize = 10_000;
