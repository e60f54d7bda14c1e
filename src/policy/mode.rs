//! What failures mean in one namespace: what the cluster says, and what the namespace's labels change of it.
//!
//! Stricter than the cluster always counts. Laxer counts only where the platform engineer has allowed it, because whoever
//! may label a namespace need not be who answers for the cluster.

use std::{collections::BTreeMap, fmt};

use super::{Action, DefaultAction};
use crate::{limits::SHOWN_CHARS, untrusted::shown};

/// Whether labels may make things laxer in their namespace than the cluster says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Lowering {
    /// They do not count.
    #[default]
    Forbidden,
    /// They count.
    Allowed,
}

/// What the platform engineer chose for the whole cluster.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClusterModes {
    /// What images get that no policy matches.
    pub default_action: DefaultAction,
    /// Whether namespaces may be laxer.
    pub lowering: Lowering,
}

/// What failures mean in one namespace. Made by [`ClusterModes::within`] alone, so that a label never counts unseen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Modes {
    cluster_default: DefaultAction,
    default_action: DefaultAction,
    policies: PolicyMode,
    notes: Vec<LabelNote>,
}

/// What the failure of one demand means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Meaning {
    /// What happens.
    pub action: Action,
    /// The label without which it would be refused.
    pub lowered_by: Option<ModeLabel>,
}

/// A label of a namespace that changes what failures mean there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ModeLabel {
    /// `assay.dev/default-action`: what images get that no policy matches.
    DefaultAction,
    /// `assay.dev/action`: `Warn` makes every policy that denies one that warns.
    Action,
}

/// What came of one label.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LabelNote {
    /// Which.
    pub label: ModeLabel,
    /// What it says; cut and escaped.
    pub value: String,
    /// What that does.
    pub effect: LabelEffect,
}

/// What a label does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LabelEffect {
    /// It makes things laxer.
    Lowers,
    /// It makes things stricter.
    Raises,
    /// Nothing: it would make things laxer, which is not allowed.
    NotAllowed,
    /// Nothing: nobody knows this value.
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum PolicyMode {
    /// As each policy says.
    #[default]
    AsWritten,
    /// What denies warns.
    WarnAtMost,
}

impl ClusterModes {
    /// What failures mean in a namespace with these labels.
    pub fn within(self, labels: &BTreeMap<String, String>) -> Modes {
        let mut modes = Modes {
            cluster_default: self.default_action,
            default_action: self.default_action,
            policies: PolicyMode::AsWritten,
            notes: Vec::new(),
        };
        for label in ModeLabel::ALL {
            let Some(value) = labels.get(label.name()) else {
                continue;
            };
            if let Some(effect) = modes.apply(label, value, self.lowering) {
                modes.notes.push(LabelNote {
                    label,
                    value: shown(value, SHOWN_CHARS),
                    effect,
                });
            }
        }
        modes
    }
}

impl From<DefaultAction> for ClusterModes {
    /// With labels that can only make things stricter.
    fn from(default_action: DefaultAction) -> Self {
        Self {
            default_action,
            lowering: Lowering::Forbidden,
        }
    }
}

impl Modes {
    /// None where the label says what holds anyway.
    fn apply(&mut self, label: ModeLabel, value: &str, lowering: Lowering) -> Option<LabelEffect> {
        match (label, value) {
            (ModeLabel::Action, WARN) => Some(match lowering {
                Lowering::Forbidden => LabelEffect::NotAllowed,
                Lowering::Allowed => {
                    self.policies = PolicyMode::WarnAtMost;
                    LabelEffect::Lowers
                }
            }),
            (ModeLabel::DefaultAction, ALLOW) => self.choose(DefaultAction::Allow, lowering),
            (ModeLabel::DefaultAction, WARN) => self.choose(DefaultAction::Warn, lowering),
            (ModeLabel::DefaultAction, DENY) => self.choose(DefaultAction::Deny, lowering),
            (ModeLabel::Action | ModeLabel::DefaultAction, _) => Some(LabelEffect::Unknown),
        }
    }

    fn choose(&mut self, chosen: DefaultAction, lowering: Lowering) -> Option<LabelEffect> {
        let effect = match (chosen.cmp(&self.cluster_default), lowering) {
            (std::cmp::Ordering::Equal, _) => return None,
            (std::cmp::Ordering::Less, Lowering::Forbidden) => {
                return Some(LabelEffect::NotAllowed);
            }
            (std::cmp::Ordering::Less, Lowering::Allowed) => LabelEffect::Lowers,
            (std::cmp::Ordering::Greater, _) => LabelEffect::Raises,
        };
        self.default_action = chosen;
        Some(effect)
    }

    /// What it means that a policy of this action is not satisfied.
    pub fn of_policy(&self, action: Action) -> Meaning {
        match (self.policies, action) {
            (PolicyMode::WarnAtMost, Action::Deny) => Meaning {
                action: Action::Warn,
                lowered_by: Some(ModeLabel::Action),
            },
            (PolicyMode::WarnAtMost, Action::Warn | Action::Audit) | (PolicyMode::AsWritten, _) => {
                Meaning::plain(action)
            }
        }
    }

    /// What it means that no policy at all matches an image. None: nothing.
    pub fn of_unmatched(&self) -> Option<Meaning> {
        self.of_default(self.default_action)
    }

    /// What it means that only policies of the namespace itself match an image. None: nothing.
    ///
    /// They can only add demands, so they take no image out of what the cluster says. What the namespace's own label says
    /// beyond that is for images that nothing matches: for the others its policies are there.
    pub fn of_uncovered(&self) -> Option<Meaning> {
        self.of_default(self.default_action.min(self.cluster_default))
    }

    /// What images get here that no policy matches.
    pub fn default_action(&self) -> DefaultAction {
        self.default_action
    }

    /// What came of each label that says anything else than the cluster.
    pub fn notes(&self) -> &[LabelNote] {
        &self.notes
    }

    fn of_default(&self, action: DefaultAction) -> Option<Meaning> {
        match action {
            DefaultAction::Allow => None,
            DefaultAction::Warn => Some(Meaning {
                action: Action::Warn,
                lowered_by: (self.cluster_default == DefaultAction::Deny)
                    .then_some(ModeLabel::DefaultAction),
            }),
            DefaultAction::Deny => Some(Meaning::plain(Action::Deny)),
        }
    }
}

impl Meaning {
    /// This, whatever labels say.
    pub fn plain(action: Action) -> Self {
        Self {
            action,
            lowered_by: None,
        }
    }
}

impl ModeLabel {
    /// Both, in the order in which they are told.
    pub const ALL: [Self; 2] = [Self::DefaultAction, Self::Action];

    /// Its key.
    pub fn name(self) -> &'static str {
        match self {
            Self::DefaultAction => "assay.dev/default-action",
            Self::Action => "assay.dev/action",
        }
    }

    /// The values that it may have.
    fn values(self) -> &'static str {
        match self {
            Self::DefaultAction => "Allow, Warn or Deny",
            Self::Action => "Warn",
        }
    }
}

impl fmt::Display for ModeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl LabelNote {
    /// Whether the label does nothing, although somebody meant it to.
    pub fn is_ignored(&self) -> bool {
        match self.effect {
            LabelEffect::Lowers | LabelEffect::Raises => false,
            LabelEffect::NotAllowed | LabelEffect::Unknown => true,
        }
    }
}

impl fmt::Display for LabelNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            label,
            value,
            effect,
        } = self;
        write!(f, "{label}={value} ")?;
        match (effect, label) {
            (LabelEffect::Lowers, ModeLabel::Action) => {
                f.write_str("lowers what policies deny to a warning")
            }
            (LabelEffect::Lowers, ModeLabel::DefaultAction) => {
                f.write_str("lowers the cluster's default action")
            }
            (LabelEffect::Raises, _) => f.write_str("raises the cluster's default action"),
            (LabelEffect::NotAllowed, _) => f.write_str(
                "does not count: namespaces may not be laxer than the cluster (--namespaces-may-lower is off)",
            ),
            (LabelEffect::Unknown, _) => {
                write!(f, "does not count: expected {}", label.values())
            }
        }
    }
}

const ALLOW: &str = "Allow";
const WARN: &str = "Warn";
const DENY: &str = "Deny";

#[cfg(test)]
mod tests;
