//! What npm writes in a job of GitLab, in SLSA v0.2.

use super::{Reader, gitlab};
use crate::provenance::{
    FactName, ProvenanceError,
    node::{Node, Stated},
};

pub(super) fn read(
    reader: &mut Reader,
    predicate: &Node<'_>,
    builder: Option<Stated>,
) -> Result<(), ProvenanceError> {
    let invocation = predicate.field("invocation")?;
    let configuration = invocation.field("configSource")?;
    reader.state_repository(configuration.field("uri")?.text()?);
    reader.state_commit(configuration.at(&["digest", "sha1"])?.text()?);
    let materials = predicate.field("materials")?.elements()?;
    if let Some(source) = materials.first() {
        reader.state_repository(source.field("uri")?.text()?);
        reader.state_commit(source.at(&["digest", "sha1"])?.text()?);
    }
    let environment = invocation.field("environment")?;
    let pipeline = environment.at(&["pipeline", "id"])?;
    reader.state(FactName::PipelineId, pipeline.id()?);
    reader.state(FactName::JobId, environment.at(&["job", "id"])?.id()?);
    reader.state(FactName::Runner, builder);
    let metadata = predicate.field("metadata")?;
    let job = metadata.field("buildInvocationId")?.text()?;
    let is_link = |stated: &Stated| stated.value.contains("://");
    reader.state_link(FactName::JobUrl, job.filter(is_link));
    reader.state_old_times(&metadata)?;
    gitlab::read_variables(reader, &invocation.field("parameters")?)?;
    gitlab::compose_links(reader);
    Ok(())
}
