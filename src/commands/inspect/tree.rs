//! The tree of what an image is and what is attached to it.

use std::io::{self, Write};

use super::{
    document::{
        Attachment, Attestation, BuildStatement, Inspection, Place, Platform, Signature, Signer,
    },
    text::{BOLD, DIM, GREEN, LINE, YELLOW, bounded, line, wrapped},
};
use crate::provenance::Shape;

/// Writes the image and its tree.
pub(super) fn write(out: &mut impl Write, inspection: &Inspection) -> io::Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}", line(&inspection.image))?;
    if let Some(known_as) = &inspection.known_as {
        writeln!(out, "as {}", line(known_as))?;
    }
    writeln!(out, "{}", inspection.digest)?;
    writeln!(out, "{}", line(&inspection.media_type))?;
    let children = children(inspection);
    let mut left = children.len();
    for child in children {
        left -= 1;
        child.write(out, &Branch::new(left), inspection)?;
    }
    Ok(())
}

/// A child of the root.
enum Child<'a> {
    Platform(&'a Platform),
    BuildStatement(&'a BuildStatement),
    Signature(&'a Signature),
    Attestation(&'a Attestation),
    /// So many that are not shown.
    More(usize, &'static str),
}

fn children(inspection: &Inspection) -> Vec<Child<'_>> {
    let mut children = Vec::new();
    add(
        &mut children,
        &inspection.platforms,
        Child::Platform,
        "platforms",
    );
    let statements = &inspection.build_statements;
    add(
        &mut children,
        statements,
        Child::BuildStatement,
        "build statements",
    );
    add(
        &mut children,
        &inspection.signatures,
        Child::Signature,
        "signatures",
    );
    let attestations = &inspection.attestations;
    add(
        &mut children,
        attestations,
        Child::Attestation,
        "attestations",
    );
    children
}

fn add<'a, T>(
    children: &mut Vec<Child<'a>>,
    list: &'a [T],
    child: fn(&'a T) -> Child<'a>,
    name: &'static str,
) {
    let (shown, more) = bounded(list);
    children.extend(shown.iter().map(child));
    if more > 0 {
        children.push(Child::More(more, name));
    }
}

impl Child<'_> {
    fn write(
        &self,
        out: &mut impl Write,
        branch: &Branch,
        inspection: &Inspection,
    ) -> io::Result<()> {
        let (first, rest) = (branch.first, branch.rest);
        match self {
            Self::Platform(platform) => {
                writeln!(out, "{first}platform {}", platform_name(platform))?;
                writeln!(out, "{rest}{DIM}{}{DIM:#}", platform.digest)
            }
            Self::BuildStatement(statement) => {
                let mut platforms = inspection.platforms.iter();
                let about = platforms.find(|platform| platform.digest == statement.platform);
                let about = about.map_or_else(|| statement.platform.clone(), platform_name);
                writeln!(out, "{first}build statement in the index, for {about}")?;
                writeln!(
                    out,
                    "{rest}{}",
                    typed(&statement.predicate_type, statement.shape)
                )?;
                if statement.covered {
                    return Ok(());
                }
                write_problem(out, rest, "nothing that is verified covers the index")
            }
            Self::Signature(signature) => {
                write_attachment(out, branch, "signature", &signature.attachment)?;
                write_signer(out, rest, signature.signer.as_ref())?;
                let (annotations, more) = bounded(&signature.annotations);
                for annotation in annotations {
                    let (name, value) = (line(&annotation.name), line(&annotation.value));
                    write_wrapped(out, rest, &format!("{name}: {value}"))?;
                }
                if more > 0 {
                    writeln!(out, "{rest}and {more} more annotations")?;
                }
                write_problem_of(out, rest, signature.verified, signature.problem.as_deref())
            }
            Self::Attestation(attestation) => {
                write_attachment(out, branch, "attestation", &attestation.attachment)?;
                let says = if attestation.verified {
                    ""
                } else {
                    "says it is "
                };
                let typed = typed(&attestation.predicate_type, attestation.shape);
                writeln!(out, "{rest}{says}{typed}")?;
                write_signer(out, rest, attestation.signer.as_ref())?;
                let problem = attestation.problem.as_deref();
                write_problem_of(out, rest, attestation.verified, problem)
            }
            Self::More(count, name) => writeln!(out, "{first}and {count} more {name}"),
        }
    }
}

fn platform_name(platform: &Platform) -> String {
    match platform.platform.as_str() {
        "" => "unknown".to_owned(),
        platform => line(platform),
    }
}

fn write_attachment(
    out: &mut impl Write,
    branch: &Branch,
    kind: &str,
    attachment: &Attachment,
) -> io::Result<()> {
    let place = match attachment.place {
        Place::SignatureTag => "signature tag",
        Place::AttestationTag => "attestation tag",
        Place::ReferrersApi => "referrers API",
        Place::ReferrersTag => "referrers tag",
    };
    let repository = attachment.repository.as_deref();
    let elsewhere = repository.map_or_else(String::new, |it| format!(" in {}", line(it)));
    writeln!(out, "{}{kind}, by {place}{elsewhere}", branch.first)?;
    writeln!(out, "{}{DIM}{}{DIM:#}", branch.rest, attachment.digest)
}

/// A predicate's type, and who wrote the predicate.
fn typed(predicate_type: &str, shape: Option<&str>) -> String {
    let shapes = Shape::ALL.into_iter();
    let mut shapes = shapes.filter(|known| Some(known.as_str()) == shape);
    let written_by = match shapes.next() {
        None => "",
        Some(Shape::GitLabRunner) => " (GitLab Runner)",
        Some(Shape::GitLab) => " (GitLab)",
        Some(Shape::NpmGitLab) => " (npm in GitLab)",
        Some(Shape::BuildKit) => " (BuildKit)",
        Some(Shape::GitHub) => " (GitHub)",
        Some(Shape::SlsaGithubGenerator) => " (slsa-github-generator)",
        Some(Shape::Unknown) => " (unknown shape)",
    };
    format!("{}{written_by}", line(predicate_type))
}

fn write_signer(out: &mut impl Write, rest: &str, signer: Option<&Signer>) -> io::Result<()> {
    let Some(signer) = signer else {
        return Ok(());
    };
    writeln!(
        out,
        "{rest}{GREEN}verified{GREEN:#}: {}",
        line(&signer.name)
    )?;
    let time = signer
        .signed_at
        .as_ref()
        .map(|time| format!("signed {time}"));
    let entry = signer.log_index.map(|index| format!("log entry {index}"));
    let facts: Vec<String> = time.into_iter().chain(entry).collect();
    if facts.is_empty() {
        return Ok(());
    }
    writeln!(out, "{rest}{}", facts.join(", "))
}

fn write_problem_of(
    out: &mut impl Write,
    rest: &str,
    verified: bool,
    problem: Option<&str>,
) -> io::Result<()> {
    match problem {
        None => Ok(()),
        Some(problem) if verified => write_wrapped(out, rest, &line(problem)),
        Some(problem) => write_problem(out, rest, problem),
    }
}

fn write_problem(out: &mut impl Write, rest: &str, problem: &str) -> io::Result<()> {
    for text in wrapped(&format!("{NOT_VERIFIED}: {}", line(problem)), ROOM) {
        match text.strip_prefix(NOT_VERIFIED) {
            Some(tail) => writeln!(out, "{rest}{YELLOW}{NOT_VERIFIED}{YELLOW:#}{tail}")?,
            None => writeln!(out, "{rest}{text}")?,
        }
    }
    Ok(())
}

fn write_wrapped(out: &mut impl Write, rest: &str, text: &str) -> io::Result<()> {
    wrapped(text, ROOM)
        .iter()
        .try_for_each(|text| writeln!(out, "{rest}{text}"))
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

const NOT_VERIFIED: &str = "not verified";

/// What is left of a line beside the branch.
const ROOM: usize = LINE - 3;
