//! What `assay verify` prints: the pinned references on stdout, everything else on stderr; or one document.

use std::{
    error::Error as _,
    io::{self, Write},
};

use serde::Serialize;

use super::targets::{ObjectName, Origin, Target};
use crate::{
    commands::{
        Exit, print_document,
        signature::{AttestationReport, SignatureReport},
    },
    config::OutputFormat,
    decision::{self, AdmittedImage, Decision, Denial, Outcome, PlannedImage, Question},
    limits,
    policy::{ModeLabel, Modes},
    registry::LayoutError,
    review::Examination,
    untrusted::shown,
    workload::ImageSlot,
};

/// What came of all targets: the document of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    verdict: Verdict,
    images: Vec<ImageReport>,
    /// What came of the namespace's labels that say anything else than the flags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
}

/// How it ended, for one image or for all of them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    Admitted,
    Undetermined,
    Denied,
}

/// What came of one image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ObjectName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    image: String,
    verdict: Verdict,
    /// The digest that was judged.
    digest: Option<String>,
    /// What to deploy; absent when it is not admitted, or when nothing was verified.
    pinned: Option<String>,
    /// The policies that were satisfied.
    policies: Vec<String>,
    signatures: Vec<SignatureReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attestations: Vec<AttestationReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// Where the job can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    /// Where the pipeline can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<String>,
    denials: Vec<DenialReport>,
    warnings: Vec<DenialReport>,
    audits: Vec<DenialReport>,
    /// Whether no policy matched.
    unmatched: bool,
    /// What says what happens then.
    #[serde(skip)]
    default_of: &'static str,
}

/// One failure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DenialReport {
    code: &'static str,
    policy: Option<String>,
    verdict: Verdict,
    message: String,
    /// The namespace's label without which it would be denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    lowered_by: Option<&'static str>,
}

/// Collects the reports of all targets, in order.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    images: Vec<ImageReport>,
    labels: Vec<String>,
}

impl Reporter {
    /// Adds what came of one target; without an examination, why there is none.
    pub(super) fn add(&mut self, target: &Target, examination: Option<&Examination>) {
        if let Origin::Unreadable(error) = &target.origin {
            let unreadable = target
                .slots
                .iter()
                .map(|slot| ImageReport::unreadable(slot, error));
            self.images.extend(unreadable);
        }
        let Some(examination) = examination else {
            return;
        };
        for planned in &examination.plan.images {
            let image = ImageReport::new(target, planned, examination);
            self.images.push(image);
        }
        for note in examination.plan.modes.notes() {
            let note = note.to_string();
            if !self.labels.contains(&note) {
                self.labels.push(note);
            }
        }
    }

    /// Prints everything. Says how the command ends.
    pub(super) fn print(self, format: OutputFormat) -> io::Result<Exit> {
        let report = Report {
            verdict: overall(&self.images),
            images: self.images,
            labels: self.labels,
        };
        match format {
            OutputFormat::Text => report.print_text()?,
            format => print_document(&report, format)?,
        }
        Ok(report.verdict.exit())
    }
}

impl Report {
    fn print_text(&self) -> io::Result<()> {
        let (mut stdout, mut stderr) = (io::stdout().lock(), io::stderr().lock());
        let mut heading = None;
        for image in &self.images {
            if image.object.as_ref() != heading && image.has_remarks() {
                heading = image.object.as_ref();
                if let Some(object) = heading {
                    writeln!(stderr, "{object}:")?;
                }
            }
            image.print_remarks(&mut stderr)?;
            if image.verdict == Verdict::Admitted {
                writeln!(stdout, "{}", image.pinned.as_ref().unwrap_or(&image.image))?;
            }
        }
        for label in &self.labels {
            writeln!(stderr, "note: label {label}")?;
        }
        stdout.flush()
    }
}

impl ImageReport {
    fn new(target: &Target, planned: &PlannedImage, examination: &Examination) -> Self {
        let slot = &planned.slot;
        let (images, denials, warnings, audits) = match &examination.decision {
            Decision::Admit(admission) => (
                &admission.images,
                &[][..],
                &admission.warnings,
                &admission.audits,
            ),
            Decision::Deny(refusal) => (
                &refusal.images,
                refusal.denials.as_slice(),
                &refusal.warnings,
                &refusal.audits,
            ),
        };
        let admitted = images.iter().find(|image| image.slot == *slot);
        let of_slot = |all: &[Denial]| -> Vec<DenialReport> {
            let own = all.iter().filter(|denial| denial.slot == *slot);
            own.map(|denial| DenialReport::new(target, denial))
                .collect()
        };
        let digest = digest_of(slot, admitted, [denials, warnings, audits]);
        let denials = of_slot(denials);
        Self {
            object: target.object.clone(),
            field: target.object.as_ref().map(|_| slot.field_path()),
            image: match &target.origin {
                Origin::Folder(folder) => folder.written.clone(),
                Origin::Registry | Origin::Unreadable(_) => slot.written.clone(),
            },
            verdict: strictest(denials.iter().map(|denial| denial.verdict)),
            digest,
            pinned: admitted.map(|image| pinned(target, image)),
            policies: admitted.map(policy_names).unwrap_or_default(),
            signatures: admitted.map(SignatureReport::of_image).unwrap_or_default(),
            attestations: admitted
                .map(AttestationReport::of_image)
                .unwrap_or_default(),
            commit: admitted.and_then(AdmittedImage::commit),
            job: admitted.and_then(AdmittedImage::job_url),
            pipeline: admitted.and_then(AdmittedImage::pipeline_url),
            denials,
            warnings: of_slot(warnings),
            audits: of_slot(audits),
            unmatched: matches!(planned.question, Question::Unmatched(_)),
            default_of: default_of(&examination.plan.modes),
        }
    }

    /// Of an image in a folder that counts as a registry does which cannot be read.
    fn unreadable(slot: &ImageSlot, error: &LayoutError) -> Self {
        let code = if matches!(error, LayoutError::Limit { .. }) {
            "LimitExceeded"
        } else {
            "RegistryUnavailable"
        };
        let image = shown(&slot.written, limits::SHOWN_CHARS);
        let mut reasons = error.to_string();
        if let Some(source) = error.source() {
            reasons = format!("{reasons}: {source}");
        }
        Self {
            object: None,
            field: None,
            image: slot.written.clone(),
            verdict: Verdict::Undetermined,
            digest: None,
            pinned: None,
            policies: Vec::new(),
            signatures: Vec::new(),
            attestations: Vec::new(),
            commit: None,
            job: None,
            pipeline: None,
            denials: vec![DenialReport {
                code,
                policy: None,
                verdict: Verdict::Undetermined,
                message: format!("{image} could not be checked: {reasons} [{code}]"),
                lowered_by: None,
            }],
            warnings: Vec::new(),
            audits: Vec::new(),
            unmatched: false,
            default_of: FLAG,
        }
    }

    fn has_remarks(&self) -> bool {
        self.unmatched || self.has_failures()
    }

    fn has_failures(&self) -> bool {
        let failures = [&self.denials, &self.warnings, &self.audits];
        failures.iter().any(|list| !list.is_empty())
    }

    fn print_remarks(&self, out: &mut impl Write) -> io::Result<()> {
        for denial in &self.denials {
            writeln!(out, "{}", denial.message)?;
        }
        for warning in &self.warnings {
            writeln!(out, "warning: {}", warning.message)?;
        }
        for audit in &self.audits {
            writeln!(out, "audit: {}", audit.message)?;
        }
        // Every other default action is told as a failure.
        if self.unmatched && !self.has_failures() {
            let (image, default_of) = (&self.image, self.default_of);
            writeln!(
                out,
                "note: {image} was not looked at: no policy matches it and {default_of} is Allow"
            )?;
        }
        Ok(())
    }
}

impl DenialReport {
    fn new(target: &Target, denial: &Denial) -> Self {
        let line = decision::recorded(denial);
        // An image that was named alone sits in no container: the rest of the line is the webhook's.
        let message = match target.object {
            Some(_) => line,
            None => line
                .strip_prefix(&format!("{}: ", denial.slot))
                .map_or_else(|| line.clone(), str::to_owned),
        };
        let message = match &target.origin {
            Origin::Folder(folder) => folder.told(&message),
            Origin::Registry | Origin::Unreadable(_) => message,
        };
        Self {
            code: denial.cause.code(),
            policy: denial.policy.as_ref().map(ToString::to_string),
            verdict: denial.cause.outcome().into(),
            message,
            lowered_by: denial.lowered_by.map(ModeLabel::name),
        }
    }
}

impl Verdict {
    fn exit(self) -> Exit {
        match self {
            Self::Admitted => Exit::Success,
            Self::Denied => Exit::Failure,
            Self::Undetermined => Exit::Undetermined,
        }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Rejected => Self::Denied,
            Outcome::Undetermined => Self::Undetermined,
        }
    }
}

fn overall(images: &[ImageReport]) -> Verdict {
    strictest(images.iter().map(|image| image.verdict))
}

fn strictest(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.max().unwrap_or(Verdict::Admitted)
}

fn digest_of(
    slot: &ImageSlot,
    admitted: Option<&AdmittedImage>,
    failures: [&[Denial]; 3],
) -> Option<String> {
    let mut judged = failures.into_iter().flatten();
    admitted.map(|image| image.digest.to_string()).or_else(|| {
        judged
            .find(|denial| denial.slot == *slot && denial.digest.is_some())
            .and_then(|denial| denial.digest.as_ref())
            .map(ToString::to_string)
    })
}

fn pinned(target: &Target, image: &AdmittedImage) -> String {
    let reference = image.reference.pinned(&image.digest);
    match &target.origin {
        Origin::Folder(folder) => folder.pinned(reference),
        Origin::Registry | Origin::Unreadable(_) => reference,
    }
}

fn default_of(modes: &Modes) -> &'static str {
    let mut notes = modes.notes().iter();
    let label = notes.find(|note| note.label == ModeLabel::DefaultAction && !note.is_ignored());
    label.map_or(FLAG, |note| note.label.name())
}

fn policy_names(image: &AdmittedImage) -> Vec<String> {
    image.policies.iter().map(ToString::to_string).collect()
}

/// What says what images get that no policy matches.
const FLAG: &str = "--default-action";
