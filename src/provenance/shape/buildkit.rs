//! What BuildKit writes, in SLSA v0.2 and v1.
//!
//! The source is what the build was called with. Without a remote one it is a folder of the client's, of which only the
//! client's hints tell: BuildKit does not verify those.

use super::{Reader, url};
use crate::provenance::{
    FactName, ProvenanceError,
    node::{Node, Stated},
};

pub(super) fn read_v1(
    reader: &mut Reader,
    predicate: &Node<'_>,
    builder: Option<Stated>,
) -> Result<(), ProvenanceError> {
    let definition = predicate.field("buildDefinition")?;
    let parameters = definition.field("externalParameters")?;
    let metadata = predicate.at(&["runDetails", "metadata"])?;
    let mut hints = metadata.at(&["buildkit_metadata", "vcs"])?;
    if !hints.is_stated() {
        // As BuildKit first wrote v1.
        hints = metadata.at(&[OLD_METADATA, "vcs"])?;
    }
    let sources = Sources {
        called_with: parameters.field("configSource")?,
        folders: parameters.at(&["request", "locals"])?.elements()?.len(),
        hints,
        used: definition.field("resolvedDependencies")?.elements()?,
    };
    sources.read(reader)?;
    reader.state_build_page(builder);
    reader.state_times(&metadata)
}

pub(super) fn read_v0_2(
    reader: &mut Reader,
    predicate: &Node<'_>,
    builder: Option<Stated>,
) -> Result<(), ProvenanceError> {
    let invocation = predicate.field("invocation")?;
    let metadata = predicate.field("metadata")?;
    let sources = Sources {
        called_with: invocation.field("configSource")?,
        folders: invocation.at(&["parameters", "locals"])?.elements()?.len(),
        hints: metadata.at(&[OLD_METADATA, "vcs"])?,
        used: predicate.field("materials")?.elements()?,
    };
    sources.read(reader)?;
    reader.state_build_page(builder);
    reader.state_old_times(&metadata)
}

/// Where what was built may have come from.
struct Sources<'a> {
    called_with: Node<'a>,
    /// How many folders of the client took part.
    folders: usize,
    hints: Node<'a>,
    used: Vec<Node<'a>>,
}

impl Sources<'_> {
    fn read(&self, reader: &mut Reader) -> Result<(), ProvenanceError> {
        reader.state_images(&self.used)?;
        let remote = self.called_with.field("uri")?.text()?;
        if let Some(remote) = remote {
            if url::is_git(&remote.value) {
                let commit = self.called_with.at(&["digest", "sha1"])?.text()?;
                state_source(reader, remote, commit);
            }
            return Ok(());
        }
        let (source, revision) = (
            self.hints.field("source")?.text()?,
            self.hints.field("revision")?.text()?,
        );
        if source.is_some() || revision.is_some() {
            reader.state_repository(source);
            reader.state_commit(revision);
            return Ok(());
        }
        if self.folders == 0 {
            self.read_only_repository(reader)?;
        }
        Ok(())
    }

    /// The repository among what was used, when there is exactly one: of several, no one says which was built.
    fn read_only_repository(&self, reader: &mut Reader) -> Result<(), ProvenanceError> {
        let mut found = None;
        for used in &self.used {
            let commit = used.at(&["digest", "sha1"])?.text()?;
            let uri = used.field("uri")?.text()?;
            if let (Some(uri), Some(commit)) = (uri, commit) {
                if found.is_some() {
                    return Ok(());
                }
                found = Some((uri, commit));
            }
        }
        if let Some((uri, commit)) = found {
            state_source(reader, uri, Some(commit));
        }
        Ok(())
    }
}

fn state_source(reader: &mut Reader, uri: Stated, commit: Option<Stated>) {
    let full_ref = url::full_ref(&uri.value).map(|full_ref| Stated {
        value: full_ref.to_owned(),
        path: uri.path.clone(),
    });
    reader.state(FactName::Ref, full_ref);
    reader.state_repository(Some(uri));
    reader.state_commit(commit);
}

const OLD_METADATA: &str = "https://mobyproject.org/buildkit@v1#metadata";
