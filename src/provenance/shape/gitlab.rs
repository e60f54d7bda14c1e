//! What GitLab Runner and GitLab itself write, in SLSA v1.

use super::{Reader, within};
use crate::{
    limits,
    provenance::{
        FactName, ProvenanceError,
        node::{Node, Stated},
    },
};

/// GitLab Runner's artifact metadata: it names variables without their values, and has the commit under `sha256`.
pub(super) fn read_runners(
    reader: &mut Reader,
    predicate: &Node<'_>,
    builder: Option<Stated>,
) -> Result<(), ProvenanceError> {
    read_common(reader, predicate, builder, &["sha256"])?;
    reader.compose_link(FactName::JobUrl, FactName::JobId, JOBS);
    Ok(())
}

/// GitLab's own provenance, and ours: with the values of variables, and with base images in ours.
pub(super) fn read(
    reader: &mut Reader,
    predicate: &Node<'_>,
    builder: Option<Stated>,
) -> Result<(), ProvenanceError> {
    read_common(reader, predicate, builder, &["gitCommit", "sha1"])?;
    let variables = predicate.at(&["buildDefinition", "externalParameters", "variables"])?;
    read_variables(reader, &variables)?;
    let dependencies = predicate.at(&["buildDefinition", "resolvedDependencies"])?;
    reader.state_images(&dependencies.elements()?)?;
    compose_links(reader);
    Ok(())
}

/// What both have.
fn read_common(
    reader: &mut Reader,
    predicate: &Node<'_>,
    builder: Option<Stated>,
    commits: &[&str],
) -> Result<(), ProvenanceError> {
    let definition = predicate.field("buildDefinition")?;
    let details = predicate.field("runDetails")?;
    let source = definition.at(&["externalParameters", "source"])?;
    reader.state_repository(source.text()?);
    let dependencies = definition.field("resolvedDependencies")?.elements()?;
    if let Some(source) = dependencies.first() {
        let uri = source.field("uri")?.text()?;
        let is_image = uri.as_ref().is_some_and(|it| it.value.starts_with("pkg:"));
        if !is_image {
            reader.state_repository(uri);
            for algorithm in commits {
                reader.state_commit(source.at(&["digest", algorithm])?.text()?);
            }
        }
    }
    let metadata = details.field("metadata")?;
    let job = definition.at(&["internalParameters", "job"])?;
    reader.state(FactName::JobId, job.id()?);
    // cosign 2 writes the second name when it attests a predicate with the first.
    for name in ["invocationId", "invocationID"] {
        reader.state(FactName::JobId, metadata.field(name)?.id()?);
    }
    reader.state(FactName::Runner, builder);
    reader.state_times(&metadata)
}

/// CI variables, of which some may be masked.
pub(super) fn read_variables(
    reader: &mut Reader,
    variables: &Node<'_>,
) -> Result<(), ProvenanceError> {
    within(
        "variables of one statement",
        variables.fields()?,
        limits::PROVENANCE_VARIABLES,
    )?;
    let of = |name: &str| -> Result<Option<Stated>, ProvenanceError> {
        Ok((variables.field(name)?.id()?).filter(|stated| stated.value != MASKED))
    };
    reader.state_repository(of("CI_PROJECT_URL")?);
    reader.state_commit(of("CI_COMMIT_SHA")?);
    let is_masked = |stated: &Stated| stated.value == MASKED;
    let tag = variables.field("CI_COMMIT_TAG")?.id()?;
    let ref_name = of("CI_COMMIT_REF_NAME")?;
    match (tag, ref_name) {
        (Some(tag), ref_name) if !is_masked(&tag) => {
            reader.state(FactName::Ref, Some(full("refs/tags/", tag)));
            let ref_name = ref_name.map(|it| full("refs/tags/", it));
            reader.state(FactName::Ref, ref_name);
        }
        // Whether it is a branch or a tag is not said. A tag may be called as a full ref is, and is none.
        (Some(_), ref_name) => {
            let short = ref_name.filter(|it| !it.value.starts_with("refs/"));
            reader.state(FactName::Ref, short);
        }
        (None, ref_name) => {
            let ref_name = ref_name.map(|it| full("refs/heads/", it));
            reader.state(FactName::Ref, ref_name);
        }
    }
    reader.state(FactName::PipelineId, of("CI_PIPELINE_ID")?);
    reader.state_link(FactName::PipelineUrl, of("CI_PIPELINE_URL")?);
    reader.state(FactName::JobId, of("CI_JOB_ID")?);
    reader.state_link(FactName::JobUrl, of("CI_JOB_URL")?);
    reader.state(FactName::PipelineSource, of("CI_PIPELINE_SOURCE")?);
    let user = of("GITLAB_USER_LOGIN")?;
    reader.state(
        FactName::User,
        user.map_or_else(|| of("GITLAB_USER_ID"), |it| Ok(Some(it)))?,
    );
    Ok(())
}

/// The links that the parts of make up, where they are not stated.
pub(super) fn compose_links(reader: &mut Reader) {
    reader.compose_link(FactName::PipelineUrl, FactName::PipelineId, PIPELINES);
    reader.compose_link(FactName::JobUrl, FactName::JobId, JOBS);
}

fn full(kind: &str, Stated { value, path }: Stated) -> Stated {
    Stated {
        value: format!("{kind}{value}"),
        path,
    }
}

/// What GitLab writes in place of a secret's value.
const MASKED: &str = "[MASKED]";

const JOBS: &str = "/-/jobs/";
const PIPELINES: &str = "/-/pipelines/";
