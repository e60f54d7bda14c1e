//! Which tags are let in, compiled.

use super::{Compiler, Fault, FieldPath};
use crate::{
    limits::{SHOWN_CHARS, TAG_PATTERN_CHARS, TAG_PATTERNS_PER_POLICY},
    policy::{TagDemand, TagPattern, crd},
    untrusted::shown,
};

impl Compiler<'_> {
    pub(super) fn tags(&mut self, wire: Option<&crd::Tags>) -> Option<TagDemand> {
        let wire = wire?;
        let path = FieldPath::new("spec").field("tags").field("allow");
        if wire.allow.is_empty() {
            let expected = "at least one regular expression";
            self.report(&path, Fault::expected(expected, "none"));
        }
        self.at_most(TAG_PATTERNS_PER_POLICY, wire.allow.len(), &path);
        let allow = wire
            .allow
            .iter()
            .take(TAG_PATTERNS_PER_POLICY)
            .enumerate()
            .filter_map(|(index, text)| self.tag_pattern(text, &path.index(index)))
            .collect();
        Some(TagDemand { allow })
    }

    fn tag_pattern(&mut self, text: &str, path: &FieldPath) -> Option<TagPattern> {
        if !self.is_text_of_at_most(TAG_PATTERN_CHARS, text, path) {
            return None;
        }
        TagPattern::new(text)
            .map_err(|error| {
                let presented = shown(text, SHOWN_CHARS);
                self.report(path, Fault::TagPattern { presented, error });
            })
            .ok()
    }
}
