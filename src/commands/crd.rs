//! `assay crd`: prints the custom resource definitions, or writes them as files.

use std::{fs, io, path::Path};

use super::{CommandError, Exit};
use crate::{config::CrdArgs, policy::crd::definitions};

/// Why the definitions could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    /// A definition has no JSON form.
    #[error("a definition cannot be made from its type")]
    Json(#[from] serde_json::Error),
    /// A definition has no YAML form.
    #[error("a definition cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
    /// A file or the output cannot be written.
    #[error("{target} cannot be written")]
    Write {
        /// The file, or the standard output.
        target: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Prints the definitions as one YAML stream, or writes them as files.
pub fn run(args: CrdArgs) -> Result<Exit, CommandError> {
    match args.output_dir {
        Some(directory) => write_files(&directory),
        None => print(&mut io::stdout().lock()),
    }
    .map_err(CommandError::failure)?;
    Ok(Exit::Success)
}

/// The definitions as YAML documents, each with the name of its file. The same types always give the same text.
pub fn render() -> Result<Vec<(String, String)>, CrdError> {
    definitions()?
        .into_iter()
        .map(|(name, definition)| {
            let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
            let body = serde_saphyr::to_string_with_options(&definition, options)?;
            Ok((format!("{name}.yaml"), format!("{GENERATED}---\n{body}")))
        })
        .collect()
}

/// Prints all definitions as one stream of documents.
pub fn print(out: &mut dyn io::Write) -> Result<(), CrdError> {
    for (_, text) in render()? {
        out.write_all(text.as_bytes())
            .map_err(|source| CrdError::Write {
                target: "the standard output".to_owned(),
                source,
            })?;
    }
    Ok(())
}

/// Writes one file per definition into a directory, which must exist.
pub fn write_files(directory: &Path) -> Result<(), CrdError> {
    for (name, text) in render()? {
        let path = directory.join(name);
        fs::write(&path, text).map_err(|source| CrdError::Write {
            target: path.display().to_string(),
            source,
        })?;
    }
    Ok(())
}

const GENERATED: &str = "# Generated from the code: assay crd --output-dir manifests/crds\n";
