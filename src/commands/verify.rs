//! `assay verify`: the webhook's decision outside a cluster.

mod engine;
mod images;
mod report;
mod roots;
mod targets;

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, stream};
use tokio::time::Instant;

use self::{
    engine::Reviewers,
    report::Reporter,
    targets::{Target, read_all},
};
use super::{CommandError, Exit};
use crate::{
    config::VerifyArgs,
    decision::Enforcement,
    limits,
    policy::Place,
    review::{Asked, Examination, Request, ReviewError},
};

/// Judges all images and prints what to deploy.
pub async fn run(args: VerifyArgs) -> Result<Exit, CommandError> {
    let targets = if args.files.is_empty() {
        images::read_images(&args)?
    } else {
        read_all(&args.files).map_err(CommandError::usage)?
    };
    let namespaces = targets.iter().map(|target| namespace(&args, target));
    let reviewers = Reviewers::assemble(&args, &targets, namespaces).await?;
    let examinations = examine(&reviewers, &args, &targets)
        .await
        .map_err(CommandError::undetermined)?;
    let mut reporter = Reporter::default();
    for (target, examination) in targets.iter().zip(&examinations) {
        reporter.add(target, examination.as_ref());
    }
    reporter
        .print(args.output)
        .map_err(CommandError::undetermined)
}

/// Judges every target by itself, some of them at the same time; the order is kept. None is for what cannot be read.
async fn examine(
    reviewers: &Reviewers,
    args: &VerifyArgs,
    targets: &[Target],
) -> Result<Vec<Option<Examination>>, ReviewError> {
    let reviews =
        (targets.iter().zip(reviewers.of_targets())).map(|(target, reviewer)| async move {
            match reviewer {
                Some(reviewer) => reviewer.examine(request(args, target)).await.map(Some),
                None => Ok(None),
            }
        });
    let examinations: Vec<_> = stream::iter(reviews)
        .buffered(limits::OBJECTS_AT_ONCE)
        .collect()
        .await;
    examinations.into_iter().collect()
}

fn request(args: &VerifyArgs, target: &Target) -> Request {
    Request {
        slots: target.slots.clone(),
        place: Place {
            namespace: namespace(args, target),
            // Filled in by the reviewer, from the labels that the flags give.
            namespace_labels: BTreeMap::new(),
            object_labels: target.labels.clone(),
        },
        pod: Arc::clone(&target.pod),
        pull: target.pull.clone(),
        enforcement: Enforcement::AsPolicySays,
        deadline: Instant::now() + args.timeout,
        asked: Asked::default(),
    }
}

fn namespace(args: &VerifyArgs, target: &Target) -> String {
    target
        .namespace
        .clone()
        .unwrap_or_else(|| args.namespace.clone())
}
