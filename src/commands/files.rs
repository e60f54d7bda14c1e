//! Files that the command line names, read with a bound.

use std::{
    error::Error,
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::CommandError;

/// Why a file that the command line names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened or read, or is no UTF-8.
    #[error("{file} cannot be read")]
    Unreadable {
        /// Which file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It is too large.
    #[error("{file} is larger than {limit} bytes")]
    TooLarge {
        /// Which file.
        file: String,
        /// How much is read.
        limit: u64,
    },
    /// It was read, but is not what it should be.
    #[error("{file}")]
    Unusable {
        /// Which file.
        file: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl FileError {
    /// What was read is not what it should be: wrong usage.
    pub(super) fn unusable(file: &Path, error: impl Error + Send + Sync + 'static) -> CommandError {
        CommandError::usage(Self::Unusable {
            file: file.display().to_string(),
            source: Box::new(error),
        })
    }
}

/// Reads a text file.
pub(super) fn read(file: &Path, limit: u64) -> Result<String, FileError> {
    let opened = File::open(file).map_err(|source| unreadable(file, source))?;
    read_bounded(file, opened, limit)
}

/// Reads a text file, or stdin for `-`.
pub(super) fn read_or_stdin(file: &Path, limit: u64) -> Result<String, FileError> {
    if file == Path::new("-") {
        return read_bounded(file, io::stdin().lock(), limit);
    }
    read(file, limit)
}

fn read_bounded(file: &Path, reader: impl Read, limit: u64) -> Result<String, FileError> {
    let mut text = String::new();
    reader
        .take(limit + 1)
        .read_to_string(&mut text)
        .map_err(|source| unreadable(file, source))?;
    if text.len() as u64 > limit {
        let file = file.display().to_string();
        return Err(FileError::TooLarge { file, limit });
    }
    Ok(text)
}

fn unreadable(file: &Path, source: io::Error) -> FileError {
    let file = file.display().to_string();
    FileError::Unreadable { file, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_refused_beyond() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(read(file.path(), 5).unwrap(), "12345");
        let refused = read(file.path(), 4).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("{} is larger than 4 bytes", file.path().display())
        );
    }
}
