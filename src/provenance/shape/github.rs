//! What GitHub's attest actions write, in SLSA v1, and slsa-github-generator, in v0.2.

use super::{Reader, url};
use crate::provenance::{
    FactName, ProvenanceError,
    node::{Node, Stated},
};

pub(super) fn read(reader: &mut Reader, predicate: &Node<'_>) -> Result<(), ProvenanceError> {
    let definition = predicate.field("buildDefinition")?;
    let dependencies = definition.field("resolvedDependencies")?.elements()?;
    let source = dependencies.first();
    let uri = source.map(|it| it.field("uri")?.text()).transpose()?;
    let uri = uri.flatten();
    let workflow = definition.at(&["externalParameters", "workflow"])?;
    let (repository, full_ref) = (
        workflow.field("repository")?.text()?,
        workflow.field("ref")?.text()?,
    );
    // An organisation's required workflow lies in another repository than what it builds.
    let is_elsewhere = match (&uri, &repository) {
        (Some(uri), Some(repository)) => {
            url::repository(&uri.value) != url::repository(&repository.value)
        }
        (_, _) => false,
    };
    if let Some(uri) = uri {
        state_source(reader, uri);
    }
    if !is_elsewhere {
        reader.state_repository(repository);
        reader.state(FactName::Ref, full_ref);
    }
    if let Some(source) = source {
        reader.state_commit(source.at(&["digest", "gitCommit"])?.text()?);
    }
    let github = definition.at(&["internalParameters", "github"])?;
    reader.state(
        FactName::PipelineSource,
        github.field("event_name")?.text()?,
    );
    reader.state(
        FactName::Runner,
        github.field("runner_environment")?.text()?,
    );
    let metadata = predicate.at(&["runDetails", "metadata"])?;
    let run = metadata.field("invocationId")?.text()?;
    let is_link = |stated: &Stated| stated.value.contains("://");
    reader.state_link(FactName::PipelineUrl, run.filter(is_link));
    reader.state_times(&metadata)
}

pub(super) fn read_generators(
    reader: &mut Reader,
    predicate: &Node<'_>,
) -> Result<(), ProvenanceError> {
    let invocation = predicate.field("invocation")?;
    let configuration = invocation.field("configSource")?;
    if let Some(uri) = configuration.field("uri")?.text()? {
        state_source(reader, uri);
    }
    reader.state_commit(configuration.at(&["digest", "sha1"])?.text()?);
    let materials = predicate.field("materials")?.elements()?;
    if let Some(source) = materials.first() {
        reader.state_commit(source.at(&["digest", "sha1"])?.text()?);
    }
    let environment = invocation.field("environment")?;
    let event = environment.field("github_event_name")?;
    reader.state(FactName::PipelineSource, event.text()?);
    reader.state(
        FactName::PipelineId,
        environment.field("github_run_id")?.id()?,
    );
    reader.state(FactName::User, environment.field("github_actor")?.text()?);
    reader.compose_link(
        FactName::PipelineUrl,
        FactName::PipelineId,
        "/actions/runs/",
    );
    reader.state_old_times(&predicate.field("metadata")?)
}

/// `git+https://github.com/acme/shop@refs/tags/v1.8.2`
fn state_source(reader: &mut Reader, uri: Stated) {
    let full_ref = url::full_ref(&uri.value).map(|full_ref| Stated {
        value: full_ref.to_owned(),
        path: uri.path.clone(),
    });
    reader.state(FactName::Ref, full_ref);
    reader.state_repository(Some(uri));
}
