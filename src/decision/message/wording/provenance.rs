//! The words of what is wrong with how an image was built.

use super::{SHORT_BYTES, cut, cut_short, listed_short, signing};
use crate::decision::{
    cause::{
        BaseImageFault, BuildFact, BuildTime, ProvenanceFault, Stated, TagExpectation, TagFault,
    },
    text::shown,
};

/// What is wrong, as the second half of a sentence about the image.
pub(super) fn fact(fault: &ProvenanceFault, policy: &str) -> String {
    match fault {
        ProvenanceFault::Missing { signing } => format!(
            "has no signed provenance{}, policy {policy} asks for it",
            signing::looked_in(signing)
        ),
        ProvenanceFault::Contradicted {
            name,
            trusted,
            other,
            ..
        } => format!(
            "provenance says {name} {}, but {name} {}: it contradicts itself",
            placed(other, SHORT_BYTES),
            placed(trusted, SHORT_BYTES)
        ),
        ProvenanceFault::NotAccepted {
            fact,
            stated,
            accepted,
        } => format!(
            "provenance says {}, policy {policy} accepts {}",
            said(fact.words(), stated.as_ref()),
            values(accepted)
        ),
        ProvenanceFault::OtherTag(fault) => other_tag(fault, policy),
        ProvenanceFault::BaseImageNotAllowed { fault, accepted } => {
            base_image(fault, accepted, policy)
        }
        ProvenanceFault::TooOld {
            built,
            max_age,
            now,
        } => {
            let when = match built {
                Some(BuildTime::Stated(time)) if time > now => {
                    format!("says it was built at {time}, which is yet to come")
                }
                Some(BuildTime::Stated(time)) => format!("says it was built at {time}"),
                Some(BuildTime::Signed(time)) => format!("was signed at {time} (verified time)"),
                None => "does not say when it was built".to_owned(),
            };
            format!("provenance {when}, policy {policy} accepts builds of at most {max_age:#}")
        }
    }
}

/// The same where several attestations of provenance were judged.
pub(super) fn fact_of_several(fault: &ProvenanceFault, judged: usize, policy: &str) -> String {
    format!(
        "{judged} attestations of provenance found, none accepted: the closest {}",
        fact(fault, policy)
    )
}

/// What to do next.
pub(super) fn hint(fault: &ProvenanceFault) -> String {
    match fault {
        ProvenanceFault::Missing { signing } => signing::hint("it", signing),
        ProvenanceFault::Contradicted { signing, .. } => {
            format!("{}, in the job that built it", signing::hint("it again", signing))
        }
        ProvenanceFault::NotAccepted {
            fact, stated: None, ..
        } => format!("attest it with provenance that states the {}", fact.words()),
        ProvenanceFault::NotAccepted { fact, accepted, .. } => match fact {
            BuildFact::SourceRepository => {
                "deploy an image built from an accepted repository".to_owned()
            }
            BuildFact::Ref => "deploy an image built from an accepted branch or tag".to_owned(),
            BuildFact::PipelineSource => {
                format!("deploy an image of a {} pipeline", values(accepted))
            }
            BuildFact::Runner => {
                "build it on an accepted runner: the tags of the job choose one".to_owned()
            }
        },
        ProvenanceFault::OtherTag(_) => {
            "deploy it by a tag that names its build, or let the release pipeline push this tag again"
                .to_owned()
        }
        ProvenanceFault::BaseImageNotAllowed { fault, .. } => match fault {
            BaseImageFault::NoneNamed => {
                "build it with provenance, and sign the index that holds it: docker buildx build --provenance=mode=max"
            }
            BaseImageFault::Unreadable { .. } => "build it again with an unchanged BuildKit",
            BaseImageFault::NotListed { .. } => "build it from an accepted base image",
            BaseImageFault::NoDigest { .. } => {
                "name it by digest in the Dockerfile: FROM <name>@sha256:<digest>"
            }
        }
        .to_owned(),
        ProvenanceFault::TooOld { built: None, .. } => {
            "attest it with provenance that states finishedOn".to_owned()
        }
        ProvenanceFault::TooOld { .. } => "build it again and deploy the new image".to_owned(),
    }
}

/// The command that attests the image, where that is the next step.
pub(super) fn command(fault: &ProvenanceFault) -> Option<String> {
    match fault {
        ProvenanceFault::Missing { signing } | ProvenanceFault::Contradicted { signing, .. } => {
            Some(signing.command())
        }
        ProvenanceFault::NotAccepted { .. }
        | ProvenanceFault::OtherTag(_)
        | ProvenanceFault::BaseImageNotAllowed { .. }
        | ProvenanceFault::TooOld { .. } => None,
    }
}

/// The fact in few words, for a warning.
pub(super) fn brief(fault: &ProvenanceFault) -> &'static str {
    match fault {
        ProvenanceFault::Missing { .. } => "has no signed provenance",
        ProvenanceFault::Contradicted { .. } => "has contradicting provenance",
        ProvenanceFault::NotAccepted { fact, .. } => match fact {
            BuildFact::SourceRepository => "was built from another source",
            BuildFact::Ref => "was built from another ref",
            BuildFact::PipelineSource => "is of another pipeline source",
            BuildFact::Runner => "was built by another runner",
        },
        ProvenanceFault::OtherTag(_) => "has the tag of another build",
        ProvenanceFault::BaseImageNotAllowed { .. } => "has another base image",
        ProvenanceFault::TooOld { .. } => "was built too long ago",
    }
}

impl BuildFact {
    /// What it is called in a sentence.
    fn words(self) -> &'static str {
        match self {
            Self::SourceRepository => "source repository",
            Self::Ref => "ref",
            Self::PipelineSource => "pipeline source",
            Self::Runner => "runner",
        }
    }
}

/// `commit 8a5c… (certificate)`, or `no commit`.
fn said(name: &str, stated: Option<&Stated>) -> String {
    match stated {
        Some(stated) => format!("{name} {}", placed(stated, PLACE_BYTES)),
        None => format!("no {name}"),
    }
}

fn placed(stated: &Stated, place_bytes: usize) -> String {
    let place = shown(&stated.place, place_bytes);
    format!("{} ({place})", cut_short(&stated.value))
}

fn values(accepted: &[String]) -> String {
    listed_short(accepted, VALUE_BYTES, "or")
}

fn other_tag(fault: &TagFault, policy: &str) -> String {
    let build: Vec<String> = (fault.expected.iter())
        .map(|expected| match expected {
            TagExpectation::Commit(stated) => said("commit", stated.as_ref()),
            TagExpectation::Ref(stated) => said("ref", stated.as_ref()),
        })
        .collect();
    let wanted = match build.len() {
        0 | 1 => "them to be the same",
        _ => "it to name one of them",
    };
    format!(
        "provenance says {}, the tag says {}, policy {policy} wants {wanted}",
        build.join(" and "),
        cut_short(&fault.tag)
    )
}

fn base_image(fault: &BaseImageFault, accepted: &[String], policy: &str) -> String {
    let accepted = values(accepted);
    let (base, how, others) = match fault {
        BaseImageFault::NoneNamed => {
            return format!("provenance names no base image, policy {policy} accepts {accepted}");
        }
        BaseImageFault::Unreadable { place, detail } => {
            return format!(
                "has a {place} that cannot be read ({}), policy {policy} asks for its base images",
                cut(detail)
            );
        }
        BaseImageFault::NotListed { base, others } => (base, "", others),
        BaseImageFault::NoDigest { base, others } => (base, " without a digest", others),
    };
    let more = match others {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    format!(
        "provenance names base image {}{how} ({}){more}, policy {policy} accepts {accepted} by digest",
        cut_short(&base.value),
        shown(&base.place, PLACE_BYTES)
    )
}

/// The longest accepted value of several that is shown whole, in bytes.
const VALUE_BYTES: usize = 60;

/// The longest place that is shown whole, in bytes, where there is no path to show.
const PLACE_BYTES: usize = 40;
