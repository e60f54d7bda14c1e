//! Regular expressions over tags.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::{image::Tag, limits};

/// A regular expression that matches whole tags. It takes time linear in the tag's length.
#[derive(Clone, Debug)]
pub struct TagPattern {
    written: String,
    whole: Regex,
}

/// Why a text is no pattern over tags.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct TagPatternError {
    detail: String,
}

impl TagPattern {
    /// Compiles a regular expression as its author wrote it: without anchors, as it always matches whole tags.
    ///
    /// # Errors
    /// It is no regular expression, or too large once compiled.
    pub fn new(written: &str) -> Result<Self, TagPatternError> {
        // By itself first, so that it cannot close the group that it is put into.
        let compile = |expression: &str| {
            RegexBuilder::new(expression)
                .size_limit(limits::TAG_PATTERN_BYTES)
                .build()
                .map_err(|error| TagPatternError {
                    detail: last_line(&error.to_string()),
                })
        };
        compile(written)?;
        Ok(Self {
            written: written.to_owned(),
            whole: compile(&format!("\\A(?:{written})\\z"))?,
        })
    }

    /// Whether it matches the whole tag.
    pub fn matches(&self, tag: &Tag) -> bool {
        self.whole.is_match(tag.as_str())
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The parser draws the expression over several lines and says what is wrong in the last.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, tag: &str) -> bool {
        let reference: crate::image::Reference =
            format!("registry.example/app:{tag}").parse().unwrap();
        let pattern = TagPattern::new(pattern).unwrap();
        pattern.matches(reference.tag().unwrap())
    }

    #[test]
    fn a_pattern_matches_whole_tags() {
        assert!(matches(r"v\d+\.\d+", "v1.20"));
        assert!(!matches(r"v\d+\.\d+", "v1.20-rc"));
        assert!(!matches(r"v\d+\.\d+", "xv1.20"));
        assert!(!matches("latest|v1", "v12"));
        assert!(matches("latest|v1", "v1"));
    }

    #[test]
    fn what_cannot_be_compiled_says_why() {
        let refused = |pattern: &str| TagPattern::new(pattern).unwrap_err().to_string();
        assert_eq!(refused("v("), "unclosed group");
        assert_eq!(refused("a)|(b"), "unopened group");
        assert_eq!(
            refused(r"(\w{100}){100}"),
            "Compiled regex exceeds size limit of 65536 bytes."
        );
    }
}
