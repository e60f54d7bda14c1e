//! What the load program is asked to do.

use std::path::PathBuf;

/// How much is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Size {
    /// Everything, as `docs/performance.md` tells it: some minutes on a quiet machine.
    Full,
    /// Enough to see that every part works: less than a minute, and its numbers mean little.
    Quick,
}

/// What to run.
#[derive(Debug)]
pub(crate) enum Task {
    /// Answer every request with the same bytes until stdin is closed.
    ConstantServer,
    /// Say how it is run: `cargo bench` runs every benchmark, and this one wants to be told what to measure.
    Explain,
    /// Measure, and write what was found.
    Measure(Arguments),
}

/// What to measure, of which program, and where to write it.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// The release build of `assay`.
    pub(crate) program: PathBuf,
    /// The folder that gets `performance.md` and `performance/*.svg`.
    pub(crate) output: PathBuf,
    pub(crate) size: Size,
    /// Only the part of this name, if one is named.
    pub(crate) only: Option<String>,
}

impl Size {
    /// One of two numbers.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

impl Task {
    /// Reads the command line; what `cargo bench` adds to it is skipped.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut program, mut output, mut only) = (None, None, None);
        let mut size = Size::Full;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match word.as_str() {
                CONSTANT_SERVER => return Ok(Self::ConstantServer),
                "--quick" => size = Size::Quick,
                "--program" => program = Some(value()?.into()),
                "--output" => output = Some(value()?.into()),
                "--only" => only = Some(value()?),
                "--bench" => {}
                _ => return Err(format!("{word:?} is not understood")),
            }
        }
        if program.is_none() && output.is_none() {
            return Ok(Self::Explain);
        }
        Ok(Self::Measure(Arguments {
            program: program.ok_or("--program wants the release build of assay")?,
            output: output.ok_or("--output wants a folder")?,
            size,
            only,
        }))
    }
}

/// Makes this program the server that Assay is compared with.
pub(crate) const CONSTANT_SERVER: &str = "--constant-server";
