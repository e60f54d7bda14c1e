//! Text from outside, made fit for a message, whose length is bounded in bytes: escaped and cut.

use crate::untrusted;

/// The text with everything escaped that could hide, reorder or break a line, cut to `max` bytes.
///
/// What is cut off at the end is marked by `…`, which counts.
pub(super) fn shown(text: &str, max: usize) -> String {
    if text.len() <= max && untrusted::is_plain(text) {
        return text.to_owned();
    }
    let (mut out, whole) = fitting(text.chars(), max);
    if !whole {
        truncate(&mut out, max.saturating_sub(ELLIPSIS.len()));
        out.push_str(ELLIPSIS);
    }
    out
}

/// As [`shown`], but keeps both ends: of a long reference the registry and the tag say most.
pub(super) fn shown_ends(text: &str, max: usize) -> String {
    let (out, whole) = fitting(text.chars(), max);
    if whole {
        return out;
    }
    let half = max.saturating_sub(ELLIPSIS.len()) / 2;
    let (head, _) = fitting(text.chars(), half);
    let mut tail = Vec::new();
    let mut size = 0;
    for character in text.chars().rev() {
        let piece: String = untrusted::escaped(character).collect();
        size += piece.len();
        if size > half {
            break;
        }
        tail.push(piece);
    }
    tail.reverse();
    format!("{head}{ELLIPSIS}{}", tail.concat())
}

/// As [`shown`], in double quotes that the text cannot close.
pub(super) fn quoted(text: &str, max: usize) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", shown(&text, max))
}

/// Lists these for reading: `a`, `a or b`, `a, b or c`; what is more than `most` is counted.
pub(super) fn listed(items: &[String], conjunction: &str, most: usize) -> String {
    let left_out = items.len().saturating_sub(most);
    let mut named: Vec<String> = items.iter().take(most).cloned().collect();
    if left_out > 0 {
        named.push(format!("{left_out} more"));
    }
    match named.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {conjunction} {last}", rest.join(", ")),
    }
}

/// The escaped form of as many characters as fit, and whether those were all.
fn fitting(text: impl Iterator<Item = char>, max: usize) -> (String, bool) {
    let mut out = String::new();
    for character in text {
        let piece = untrusted::escaped(character);
        let size: usize = piece.clone().map(char::len_utf8).sum();
        if out.len() + size > max {
            return (out, false);
        }
        out.extend(piece);
    }
    (out, true)
}

fn truncate(text: &mut String, max: usize) {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

const ELLIPSIS: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_hide_or_reorder_text_are_escaped() {
        assert_eq!(
            shown("a\nb\u{202e}c\u{200b}d\u{2028}e\u{1b}[31m\u{feff}", 200),
            "a\\nb\\u{202e}c\\u{200b}d\\u{2028}e\\u{1b}[31m\\u{feff}"
        );
    }

    #[test]
    fn plain_text_is_shown_as_it_is() {
        assert_eq!(
            shown("it's \"C:\\x\", Zürich", 200),
            "it's \"C:\\x\", Zürich"
        );
    }

    #[test]
    fn a_long_text_is_cut_with_a_mark_and_stays_within_its_bytes() {
        assert_eq!(shown("abcdefghij", 10), "abcdefghij");
        assert_eq!(shown("abcdefghijk", 10), "abcdefg…");
        assert_eq!(shown("éééééé", 10), "ééé…");
    }

    #[test]
    fn both_ends_of_a_long_reference_stay() {
        assert_eq!(
            shown_ends("registry.example/team/app:1.8.2", 23),
            "registry.e…/app:1.8.2"
        );
        assert_eq!(shown_ends("short", 23), "short");
    }

    #[test]
    fn a_quoted_text_cannot_close_its_quotes() {
        assert_eq!(quoted("a\" is fine: \\", 40), r#""a\" is fine: \\""#);
    }

    #[test]
    fn a_list_counts_what_it_leaves_out() {
        let items = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(listed(&items[..1], "or", 2), "a");
        assert_eq!(listed(&items[..2], "or", 2), "a or b");
        assert_eq!(listed(&items, "and", 2), "a, b and 2 more");
        assert_eq!(listed(&[], "and", 2), "");
    }
}
