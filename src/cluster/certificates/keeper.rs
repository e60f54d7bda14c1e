//! The one task that follows the Secret and the webhook configurations, and writes them while it leads.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, Stream, StreamExt};
use jiff::Timestamp;
use kube::{
    Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    runtime::watcher::Event,
};
use tokio::{sync::watch, time::Instant};

use super::{
    CertificateSettings, bundles,
    mirrors::{CONFIGURATIONS, Mirrors, Source},
    secret,
    server_time::server_time,
};
use crate::{
    certificates::{
        Bundle, Entries, Found, MakeError, Material, ServingCertificate, SigningAuthority, Step,
        plan,
    },
    cluster::{ClusterError, leader::Role, mirror::Changed},
    limits,
    telemetry::Causes,
};

/// An event, and what it is about.
type Change = (Source, Event<DynamicObject>);

/// Follows and, while it leads, writes.
pub(super) struct Keeper {
    client: Client,
    settings: CertificateSettings,
    give: watch::Sender<Option<Arc<ServingCertificate>>>,
    mirrors: Mirrors,
    material: Material,
    /// The authority that signs, and since when every webhook has trusted it.
    trusted: Option<(Bundle, Instant)>,
    /// The first seen of the certificate that is kept, DER.
    served: Option<(Vec<u8>, Instant)>,
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Make(#[from] MakeError),
    #[error("{} cannot be written", .what.name())]
    Write {
        what: Source,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("{} was not written in time", .0.name())]
    Slow(Source),
    /// Somebody else wrote first: what is to be done is another question now.
    #[error("{} was changed meanwhile", .0.name())]
    Overtaken(Source),
}

impl Keeper {
    pub(super) fn new(
        client: Client,
        settings: CertificateSettings,
        give: watch::Sender<Option<Arc<ServingCertificate>>>,
    ) -> Self {
        Self {
            client,
            settings,
            give,
            mirrors: Mirrors::new(),
            material: Material::default(),
            trusted: None,
            served: None,
        }
    }

    /// Follows every change. Does not return but on failure.
    pub(super) async fn run(
        mut self,
        changes: impl Stream<Item = Change> + Send,
        mut role: watch::Receiver<Role>,
    ) -> ClusterError {
        let mut changes = std::pin::pin!(changes);
        let mut wait = limits::CERTIFICATE_LOOK;
        let began = Instant::now();
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => self.take(change),
                    None => return ClusterError::WatchEnded,
                },
                () = changed(&mut role) => {}
                () = tokio::time::sleep(wait) => {}
            }
            // What has arrived meanwhile is looked at together.
            while let Some(next) = changes.next().now_or_never() {
                match next {
                    Some(change) => self.take(change),
                    None => return ClusterError::WatchEnded,
                }
            }
            if !self.mirrors.is_complete() {
                continue;
            }
            self.look();
            let leads = matches!(*role.borrow_and_update(), Role::Leads);
            let patience = limits::CERTIFICATE_PATIENCE.saturating_sub(began.elapsed());
            wait = if leads || (patience.is_zero() && self.has_none()) {
                self.lead().await
            } else if self.has_none() {
                patience
            } else {
                limits::CERTIFICATE_LOOK
            };
        }
    }

    /// Whether there is nothing to serve. A replica that has waited long enough for the leader then does without: the
    /// leader may be one that has its certificate from files and keeps none, and two that write do no harm.
    fn has_none(&self) -> bool {
        self.give.borrow().is_none()
    }

    fn take(&mut self, (source, event): Change) {
        let changed = self.mirrors.apply(source, event);
        if changed != Changed::Nothing && source == Source::Secret {
            let entries = self.mirrors.object(Source::Secret).map(secret::entries);
            self.material = Material::read(&entries.unwrap_or_default());
        }
    }

    /// Notes since when what is, and gives on a certificate that every webhook trusts.
    fn look(&mut self) {
        let now = Instant::now();
        let bundles = self.mirrors.bundles();
        let trusted_by_all = |wanted: &Bundle| {
            let mut all = bundles.iter();
            all.all(|(_, _, bundle)| bundle.contains_all(wanted))
        };
        let signer = self.material.signer.as_ref().map(|signer| {
            let certificate = signer.certificate().clone();
            Bundle::default().with(certificate)
        });
        self.trusted = signer.filter(trusted_by_all).map(|signer| {
            let since = self.trusted.take().filter(|(known, _)| *known == signer);
            (signer, since.map_or(now, |(_, since)| since))
        });
        let leaf = self.material.serving.as_ref();
        let leaf = leaf.and_then(|serving| serving.chain().first().map(|der| der.to_vec()));
        self.served = leaf.map(|leaf| {
            let since = self.served.take().filter(|(known, _)| *known == leaf);
            (leaf, since.map_or(now, |(_, since)| since))
        });
        if let Some(serving) = &self.material.serving {
            let mut all = bundles.iter();
            if all.all(|(_, _, bundle)| serving.is_issued_by_any(bundle)) {
                self.give(Arc::clone(serving));
            }
        }
    }

    fn give(&self, serving: Arc<ServingCertificate>) {
        self.give.send_if_modified(|given| {
            let is_new = given.as_ref() != Some(&serving);
            if is_new {
                *given = Some(serving);
            }
            is_new
        });
    }

    /// Takes steps until there is nothing to do, and answers when to look again.
    async fn lead(&mut self) -> Duration {
        let now = server_time(&self.client, self.settings.clock.as_ref()).await;
        for _ in 0..STEPS_AT_ONCE {
            let bundles = self.mirrors.bundles();
            if self.mirrors.object(Source::Secret).is_none()
                && (bundles.is_empty() || self.mirrors.is_replaced())
            {
                // A Secret made now would be left behind.
                return limits::CERTIFICATE_LOOK;
            }
            let trusted: Vec<Bundle> = bundles
                .iter()
                .map(|(_, _, bundle)| bundle.clone())
                .collect();
            let found = Found {
                material: &self.material,
                trusted: &trusted,
                trusted_for: elapsed(self.trusted.as_ref()),
                served_for: elapsed(self.served.as_ref()),
            };
            let step = plan(&found, &self.settings.wanted, now);
            if let Step::Wait(wait) = step {
                return wait;
            }
            match self.step(step, &bundles, now).await {
                Ok(()) => self.look(),
                Err(StepError::Overtaken(what)) => {
                    tracing::debug!(what = what.name(), "somebody else wrote first");
                    return RETRY_PAUSE;
                }
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "the certificates are not as they should be");
                    return RETRY_PAUSE;
                }
            }
        }
        RETRY_PAUSE
    }

    async fn step(
        &mut self,
        step: Step,
        bundles: &[(Source, String, Bundle)],
        now: Timestamp,
    ) -> Result<(), StepError> {
        let wanted = &self.settings.wanted;
        match step {
            Step::Wait(_) => Ok(()),
            Step::NewAuthority { keep, because } => {
                let signer = SigningAuthority::make(wanted, now)?;
                self.write_secret(&Entries::of_authority(&signer, &keep))
                    .await?;
                let expires = signer.certificate().validity().end();
                tracing::info!(because = because.text(), %expires, "a new certificate authority was made");
                Ok(())
            }
            Step::NewCertificate { because } => {
                let Some(signer) = &self.material.signer else {
                    return Ok(());
                };
                let serving = signer.issue(wanted, now)?;
                self.write_secret(&Entries::of_serving(&serving)).await?;
                let expires = serving.validity().end();
                tracing::info!(because = because.text(), %expires, "a new certificate was issued");
                Ok(())
            }
            Step::Retire(bundle) => {
                self.write_secret(&Entries::of_bundle(&bundle)).await?;
                tracing::info!("old certificate authorities are no longer trusted");
                Ok(())
            }
            Step::Publish(wanted) => self.publish(bundles, wanted).await,
        }
    }

    /// Writes the configurations that are not as they should be.
    async fn publish(
        &mut self,
        found: &[(Source, String, Bundle)],
        wanted: Vec<Bundle>,
    ) -> Result<(), StepError> {
        let mut changed = Vec::new();
        for ((source, name, old), new) in found.iter().zip(wanted) {
            if *old != new {
                changed.push((*source, (name.clone(), new)));
            }
        }
        for source in CONFIGURATIONS {
            let of_this: Vec<(String, Bundle)> = changed
                .iter()
                .filter(|(found, _)| *found == source)
                .map(|(_, webhook)| webhook.clone())
                .collect();
            if !of_this.is_empty() {
                let version = self.mirrors.version(source);
                let patch = Patch::Strategic(bundles::patch(&version, &of_this));
                let (api, name) = source.api(&self.client, &self.settings);
                let parameters = parameters();
                let written = in_time(source, api.patch(&name, &parameters, &patch)).await?;
                self.take((source, Event::Apply(written)));
                tracing::info!(
                    configuration = source.name(),
                    name,
                    "the caBundle was written"
                );
            }
        }
        Ok(())
    }

    async fn write_secret(&mut self, entries: &Entries) -> Result<(), StepError> {
        let (api, name) = Source::Secret.api(&self.client, &self.settings);
        let written = if self.mirrors.object(Source::Secret).is_some() {
            let version = self.mirrors.version(Source::Secret);
            let patch = Patch::Merge(secret::patch(&version, entries));
            let parameters = parameters();
            in_time(Source::Secret, api.patch(&name, &parameters, &patch)).await?
        } else {
            let mut configurations = CONFIGURATIONS.into_iter();
            let registration = configurations.find_map(|source| self.mirrors.object(source));
            let object = secret::created(&name, entries, registration);
            let object = serde_json::from_value(object).map_err(|source| StepError::Write {
                what: Source::Secret,
                source: Box::new(kube::Error::SerdeError(source)),
            })?;
            let parameters = PostParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PostParams::default()
            };
            let written = api.create(&parameters, &object);
            in_time(Source::Secret, written).await?
        };
        self.take((Source::Secret, Event::Apply(written)));
        Ok(())
    }
}

/// Waits for another role; for ever, when nobody tells roles any more.
async fn changed(role: &mut watch::Receiver<Role>) {
    if role.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn elapsed<T>(since: Option<&(T, Instant)>) -> Duration {
    since.map_or(Duration::ZERO, |(_, since)| since.elapsed())
}

fn parameters() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

async fn in_time(
    what: Source,
    write: impl Future<Output = kube::Result<DynamicObject>>,
) -> Result<DynamicObject, StepError> {
    match tokio::time::timeout(limits::KUBERNETES_READ_TIMEOUT, write).await {
        Ok(Ok(written)) => Ok(written),
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {
            Err(StepError::Overtaken(what))
        }
        Ok(Err(source)) => Err(StepError::Write {
            what,
            source: Box::new(source),
        }),
        Err(_) => Err(StepError::Slow(what)),
    }
}

const FIELD_MANAGER: &str = "assay";

/// More than any rotation takes without a wait.
const STEPS_AT_ONCE: usize = 8;

/// After a write that failed. A write of another comes with the watch, before this.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
