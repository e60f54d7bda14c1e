//! The words of each cause.

mod obstacles;
mod provenance;
mod rejections;
mod several;
mod signing;

use crate::{
    decision::{
        cause::{Cause, Denial},
        text::{listed, quoted, shown},
    },
    policy::PolicyId,
};

/// What is wrong with the image, as the second half of a sentence about it.
pub(super) fn fact(denial: &Denial) -> String {
    let policy = policy_text(denial.policy.as_ref());
    match &denial.cause {
        Cause::Rejected(rejection) if denial.judged > 1 => {
            several::fact(rejection, denial.judged, &policy)
        }
        Cause::Rejected(rejection) => rejections::fact(rejection, &policy),
        Cause::Undetermined(obstacle) => {
            format!(
                "could not be checked: {}",
                obstacles::fact(obstacle, &policy)
            )
        }
    }
}

/// What to do next.
pub(super) fn hint(denial: &Denial) -> String {
    match &denial.cause {
        Cause::Rejected(rejection) => rejections::hint(rejection),
        Cause::Undetermined(obstacle) => obstacles::hint(obstacle, denial),
    }
}

/// The command that does it, where one does.
pub(super) fn command(cause: &Cause) -> Option<String> {
    match cause {
        Cause::Rejected(rejection) => rejections::command(rejection),
        Cause::Undetermined(_) => None,
    }
}

/// The fact in few words, for a warning.
pub(super) fn brief(cause: &Cause) -> &'static str {
    match cause {
        Cause::Rejected(rejection) => rejections::brief(rejection),
        Cause::Undetermined(_) => "could not be checked",
    }
}

fn policy_text(policy: Option<&PolicyId>) -> String {
    quoted_short(&policy.map(PolicyId::to_string).unwrap_or_default())
}

/// At most three of these texts, each cut to `most` bytes.
fn listed_short(texts: &[String], most: usize, conjunction: &str) -> String {
    let texts: Vec<String> = texts.iter().map(|text| shown(text, most)).collect();
    listed(&texts, conjunction, 3)
}

fn quoted_short(text: &str) -> String {
    quoted(text, SHORT_BYTES)
}

fn cut(text: &str) -> String {
    shown(text, DETAIL_BYTES)
}

fn cut_short(text: &str) -> String {
    shown(text, SHORT_BYTES)
}

/// The longest explanation that is shown whole, in bytes.
const DETAIL_BYTES: usize = 200;

/// The longest single value that is shown whole, in bytes.
const SHORT_BYTES: usize = 80;
