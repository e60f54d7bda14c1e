//! The tree that people read: at most 80 columns but for long names, coloured on a terminal only.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{
    Inspection,
    findings::{Finding, Kind},
};
use crate::untrusted::shown;

/// Prints the tree on stdout.
pub(super) fn print(inspection: &Inspection) -> io::Result<()> {
    write(&mut anstream::stdout().lock(), inspection)
}

fn write(out: &mut impl Write, inspection: &Inspection) -> io::Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}", shown(&inspection.image, LINE))?;
    writeln!(out, "{}", inspection.digest)?;
    writeln!(out, "{}", shown(&inspection.media_type, LINE))?;
    let children = inspection.platforms.len() + inspection.attachments.len();
    let mut left = children;
    for platform in &inspection.platforms {
        left -= 1;
        let branch = Branch::new(left);
        writeln!(
            out,
            "{}platform {}",
            branch.first,
            shown(&platform.platform, ROOM)
        )?;
        writeln!(out, "{}{DIM}{}{DIM:#}", branch.rest, platform.digest)?;
    }
    for finding in &inspection.attachments {
        left -= 1;
        write_finding(out, finding, &Branch::new(left))?;
    }
    if inspection.attachments.is_empty() {
        writeln!(out, "{YELLOW}nothing is attached to it{YELLOW:#}")?;
    }
    out.flush()
}

fn write_finding(out: &mut impl Write, finding: &Finding, branch: &Branch) -> io::Result<()> {
    let rest = branch.rest;
    let kind = match finding.kind {
        Kind::Signature => "signature",
        Kind::Attestation => "attestation",
    };
    writeln!(out, "{}{kind}, by {}", branch.first, finding.place)?;
    writeln!(out, "{rest}{DIM}{}{DIM:#}", finding.digest)?;
    if let Some(predicate_type) = &finding.predicate_type {
        writeln!(out, "{rest}says it is {}", shown(predicate_type, ROOM))?;
    }
    if let Some(signature) = &finding.signature {
        writeln!(out, "{rest}{GREEN}verified{GREEN:#}: {}", signature.signer)?;
        let signed = signature.signed_at.map(|time| format!("signed {time}"));
        let logged = signature
            .log_index
            .map(|index| format!("log entry {index}"));
        let facts: Vec<String> = signed.into_iter().chain(logged).collect();
        if !facts.is_empty() {
            writeln!(out, "{rest}{}", facts.join(", "))?;
        }
    }
    if let Some(problem) = &finding.problem {
        write_problem(out, rest, problem)?;
    }
    Ok(())
}

fn write_problem(out: &mut impl Write, rest: &str, problem: &str) -> io::Result<()> {
    for line in wrapped(&format!("{NOT_VERIFIED}: {problem}"), ROOM) {
        match line.strip_prefix(NOT_VERIFIED) {
            Some(tail) => writeln!(out, "{rest}{YELLOW}{NOT_VERIFIED}{YELLOW:#}{tail}")?,
            None => writeln!(out, "{rest}{line}")?,
        }
    }
    Ok(())
}

/// What stands before the lines of one child of the root.
struct Branch {
    first: &'static str,
    rest: &'static str,
}

impl Branch {
    fn new(children_after: usize) -> Self {
        let (first, rest) = if children_after == 0 {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        Self { first, rest }
    }
}

/// Breaks a text at its spaces into lines of at most `width` characters; a longer word stays whole.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

const NOT_VERIFIED: &str = "not verified";

/// The width of a line.
const LINE: usize = 80;

/// What is left of a line beside the branch.
const ROOM: usize = LINE - 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reasons_are_broken_at_spaces() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a-very-long-word b", 5), ["a-very-long-word", "b"]);
    }
}
