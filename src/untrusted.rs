//! Text that others wrote (a Pod's author, a registry, a certificate), made safe for messages and logs.

/// The text on one line: whatever does not print plainly is escaped, and after `most` characters it is
/// cut and ends in `…`.
///
/// Control characters, line breaks, bidirectional marks, combining marks, `"` and `\` come out as escapes, so
/// that nothing shown can forge a line, leave its quotation marks or turn the reading order around.
pub fn shown(text: &str, most: usize) -> String {
    if text.len() <= most && is_plain(text) {
        return text.to_owned();
    }
    let mut line = String::new();
    let mut length = 0;
    for character in text.chars() {
        let quoted = matches!(character, '"' | '\\').then_some('\\');
        let piece = quoted.into_iter().chain(escaped(character));
        length += piece.clone().count();
        if length > most {
            line.push('…');
            break;
        }
        line.extend(piece);
    }
    line
}

/// Whether the text is ASCII of which nothing is ever escaped, as nearly all that is shown is.
pub fn is_plain(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

/// The character as it is safe to show: what does not print plainly becomes an escape.
///
/// Quotation marks and `\` stay as they are, so that what is escaped already can be shown again. Between quotation
/// marks that is not enough: see [`shown`].
pub fn escaped(character: char) -> impl Iterator<Item = char> + Clone {
    let plain = matches!(character, ' '..='~').then_some(character);
    let escape = plain.is_none().then(|| character.escape_debug());
    plain.into_iter().chain(escape.into_iter().flatten())
}

/// A text of ours on one line, cut at a character so that it takes at most `most` bytes with the `…` at its end.
///
/// For texts whose foreign parts are escaped already: of the rest, only control characters are replaced, by spaces.
pub fn bounded_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if line.len() + character.len_utf8() + '…'.len_utf8() > most {
            line.push('…');
            break;
        }
        line.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_shown_as_it_is() {
        assert_eq!(shown("it's käse: a/b@c", 40), "it's käse: a/b@c");
    }

    #[test]
    fn line_breaks_quotes_and_direction_marks_are_escaped() {
        assert_eq!(
            shown("a\nb\"c\u{202e}d\u{1b}[0m\u{301}", 80),
            "a\\nb\\\"c\\u{202e}d\\u{1b}[0m\\u{301}"
        );
    }

    #[test]
    fn a_single_character_is_escaped_but_for_what_escapes_and_quotes() {
        let text: String = "a'\"\\\n\u{202e}".chars().flat_map(escaped).collect();
        assert_eq!(text, "a'\"\\\\n\\u{202e}");
    }

    #[test]
    fn what_is_longer_than_allowed_is_cut_and_marked() {
        assert_eq!(shown("abcd", 4), "abcd");
        assert_eq!(shown("abcde", 4), "abcd…");
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        assert_eq!(shown("abc\nd", 4), "abc…");
    }

    #[test]
    fn a_line_is_cut_at_a_character_and_within_its_bytes() {
        assert_eq!(bounded_line("a\nb", 6), "a b");
        assert_eq!(bounded_line("ää", 7), "ää");
        assert_eq!(bounded_line("äää", 7), "ää…");
        assert_eq!(bounded_line("äääää", 6), "ä…");
    }
}
