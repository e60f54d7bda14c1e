//! `assay crd`: prints the custom resource definitions, as YAML or as a reference of their fields, or writes them as files.

mod reference;

use std::{fs, io, path::Path};

use super::{CommandError, Exit};
use crate::{
    config::{CrdArgs, CrdFormat},
    policy::crd::definitions,
};

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

/// Prints the definitions as one YAML stream or the reference of their fields, or writes them as files.
pub fn run(args: CrdArgs) -> Result<Exit, CommandError> {
    let mut out = io::stdout().lock();
    match (args.output_dir, args.output) {
        (Some(directory), _) => write_files(&directory),
        (None, CrdFormat::Yaml) => print(&mut out),
        (None, CrdFormat::Markdown) => print_reference(&mut out),
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

/// Every field of every kind with its type, default, bounds and meaning, as Markdown: a part of `docs/policy.md`.
pub fn reference() -> Result<String, CrdError> {
    Ok(reference::write(&definitions()?))
}

/// Prints all definitions as one stream of documents.
pub fn print(out: &mut dyn io::Write) -> Result<(), CrdError> {
    for (_, text) in render()? {
        print_text(&text, out)?;
    }
    Ok(())
}

fn print_reference(out: &mut dyn io::Write) -> Result<(), CrdError> {
    print_text(&reference()?, out)
}

fn print_text(text: &str, out: &mut dyn io::Write) -> Result<(), CrdError> {
    out.write_all(text.as_bytes())
        .map_err(|source| CrdError::Write {
            target: "the standard output".to_owned(),
            source,
        })
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
