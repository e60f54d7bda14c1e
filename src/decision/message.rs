//! The words a blocked developer reads: one line per image, bounded, the same for the same input.

mod wording;

use std::fmt;

use super::{
    Denial, Recalled, Refusal,
    text::{quoted, shown, shown_ends},
};
use crate::{
    image::Digest,
    limits::{MESSAGE_BYTES, WARNING_CHARS},
    policy::PolicyId,
    workload::ImageSlot,
};

/// The whole refusal as people read it: one line per image, under [`MESSAGE_BYTES`], the rest counted.
///
/// Lines are never cut. Where not all fit, first the policies' help texts are left out, then lines.
pub fn message(refusal: &Refusal) -> String {
    let lines: Vec<Line> = refusal.denials.iter().map(Line::of).collect();
    for extent in [Extent::Whole, Extent::WithoutHelp] {
        let text = joined(lines.iter().map(|line| line.render(extent)));
        if text.len() < MESSAGE_BYTES {
            return text;
        }
    }
    first_lines(&lines)
}

/// One failure as an admission warning: at most [`WARNING_CHARS`] characters, on one line, with container and code.
pub fn warning(denial: &Denial) -> String {
    let line = Line::of(denial);
    warned(denial, &line.fact, wording::brief(&denial.cause))
}

/// That an image is let in by what was verified before, as an admission warning.
pub fn recalled_warning(recalled: &Recalled) -> String {
    warned(&recalled.failure, RECALLED, RECALLED)
}

/// That an image is let in by what was verified before: which policy lets it in, and what its registry did instead of
/// answering. The same whenever that was, so that what says it again is known to do so.
pub fn recalled_line(recalled: &Recalled) -> String {
    let line = Line::of(&recalled.failure);
    let policy = recalled.failure.policy.as_ref().map(PolicyId::to_string);
    let policy = quoted(&policy.unwrap_or_default(), POLICY_BYTES);
    let Line {
        head, fact, code, ..
    } = line;
    format!("{head} {fact} [{code}]; {RECALLED} by policy {policy}")
}

/// What is said of an image, or in few words where that is too long for a warning.
fn warned(denial: &Denial, fact: &str, brief: &str) -> String {
    let code = denial.cause.code();
    let text = format!("{} {fact} [{code}]", head(denial));
    if text.chars().count() <= WARNING_CHARS {
        return text;
    }
    let slot = slot_text(&denial.slot, WARNING_NAME_BYTES);
    let end = format!("{brief} [{code}]");
    let taken = slot.chars().count() + end.chars().count() + ":  ".len();
    let reference = shown_ends(
        split_reference(denial).0,
        WARNING_CHARS.saturating_sub(taken),
    );
    format!("{slot}: {reference} {end}")
}

/// The line of one failure with what only records need: the label without which it would have been refused.
pub fn recorded(denial: &Denial) -> String {
    match denial.lowered_by {
        None => denial.to_string(),
        Some(label) => format!(
            "{denial}; lowered from Deny to Warn by the namespace's label {}",
            label.name()
        ),
    }
}

impl fmt::Display for Denial {
    /// The line of this image alone, with its command and its policy's help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Line::of(self).render(Extent::Whole))
    }
}

/// One line in its parts, each escaped and bounded.
struct Line {
    /// Which image: `container "api": registry.example/app:1 (sha256:ab12cd34ef56…)`.
    head: String,
    /// What is wrong with it.
    fact: String,
    code: &'static str,
    /// What to do next.
    hint: String,
    /// A command that does it, complete.
    command: Option<String>,
    help: Option<String>,
}

/// How much of a line is shown.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Extent {
    Whole,
    WithoutHelp,
    WithoutCommand,
}

impl Line {
    fn of(denial: &Denial) -> Self {
        Self {
            head: head(denial),
            fact: wording::fact(denial),
            code: denial.cause.code(),
            hint: wording::hint(denial),
            command: wording::command(&denial.cause).filter(|text| text.len() <= COMMAND_BYTES),
            help: denial.help.as_deref().map(help_text),
        }
    }

    fn render(&self, extent: Extent) -> String {
        let mut text = format!("{} {} [{}]; {}", self.head, self.fact, self.code, self.hint);
        if let Some(command) = self
            .command
            .as_ref()
            .filter(|_| extent != Extent::WithoutCommand)
        {
            text.push_str(": ");
            text.push_str(command);
        }
        if let Some(help) = self.help.as_ref().filter(|_| extent == Extent::Whole) {
            text.push_str("; ");
            text.push_str(help);
        }
        text
    }

    /// The most of this line that fits into so many bytes.
    fn fitting(&self, room: usize) -> Option<String> {
        [Extent::Whole, Extent::WithoutHelp, Extent::WithoutCommand]
            .into_iter()
            .map(|extent| self.render(extent))
            .find(|text| text.len() < room)
    }

    /// What is wrong with which image, cut to so many bytes, with the code.
    fn cut(&self, room: usize) -> String {
        let code = format!(" [{}]", self.code);
        let text = format!("{} {}", self.head, self.fact);
        let text = shown(&text, room.saturating_sub(code.len() + 1));
        format!("{text}{code}")
    }
}

/// As many lines as fit, and how many there are more. The first always fits.
fn first_lines(lines: &[Line]) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut room = MESSAGE_BYTES - REST_BYTES;
    for line in lines {
        let text = if shown.is_empty() {
            Some(line.fitting(room).unwrap_or_else(|| line.cut(room)))
        } else {
            Some(line.render(Extent::WithoutHelp)).filter(|text| text.len() < room)
        };
        let Some(text) = text else { break };
        room -= text.len() + 1;
        shown.push(text);
    }
    let rest = lines.len() - shown.len();
    let counted = (rest > 0).then(|| format!("and {rest} more"));
    joined(shown.into_iter().chain(counted))
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn head(denial: &Denial) -> String {
    let slot = slot_text(&denial.slot, NAME_BYTES);
    let (name, digest) = split_reference(denial);
    let name = shown_ends(name, REFERENCE_BYTES);
    match digest {
        Some(digest) => format!("{slot}: {name} ({})", digest.short()),
        None => format!("{slot}: {name}"),
    }
}

/// The reference without its digest, and the digest, which is shown in its short form.
fn split_reference(denial: &Denial) -> (&str, Option<Digest>) {
    let written = denial.slot.written.as_str();
    let own = written
        .rsplit_once('@')
        .and_then(|(name, digest)| Some((name, digest.parse::<Digest>().ok()?)));
    match own {
        Some((name, digest)) => (name, Some(denial.digest.clone().unwrap_or(digest))),
        None => (written, denial.digest.clone()),
    }
}

/// The policy's help text on one line.
fn help_text(help: &str) -> String {
    let words: Vec<&str> = help.split_whitespace().collect();
    shown(&words.join(" "), HELP_BYTES)
}

/// The place, with its name as its author wrote it: a webhook is asked before anybody has looked at the name.
fn slot_text(slot: &ImageSlot, name_bytes: usize) -> String {
    format!("{} {}", slot.kind, quoted(&slot.name, name_bytes))
}

/// What becomes of an image whose registry does not answer, where its policy uses what it has verified.
const RECALLED: &str = "let in as verified before";

/// The longest name of a policy that is shown whole, in bytes.
const POLICY_BYTES: usize = 80;

/// The longest name of a container that is shown whole: the longest that Kubernetes accepts.
const NAME_BYTES: usize = 63;

/// The same in a warning, where there is less room.
const WARNING_NAME_BYTES: usize = 24;

/// The longest reference that is shown whole, in bytes.
const REFERENCE_BYTES: usize = 160;

/// The longest command that is shown, in bytes; a longer one is left out, as half a command is none.
const COMMAND_BYTES: usize = 420;

/// The longest help text of a policy that is shown whole, in bytes.
const HELP_BYTES: usize = 240;

/// The room for the count of the lines that are left out.
const REST_BYTES: usize = "\nand 1000000 more".len();
