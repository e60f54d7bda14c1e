//! What people read: at most 80 columns but for long names and addresses, coloured on a terminal only.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{document::Inspection, table, tree};
use crate::{limits, untrusted::escaped};

/// Prints the tree of what is attached, and the tables of what is said, on stdout.
pub(super) fn print(inspection: &Inspection) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    tree::write(&mut out, inspection)?;
    table::write(&mut out, inspection)?;
    out.flush()
}

/// Text from outside on one line, cut where it is far too long. Quotation marks stay as they are: none stand around it.
pub(super) fn line(text: &str) -> String {
    let mut characters = text.chars();
    let within = characters.by_ref().take(limits::SHOWN_LINE_CHARS);
    let mut shown: String = within.flat_map(escaped).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Breaks a text at its spaces into lines of at most `width` characters; a longer word stays whole.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// As much of a list as is shown, and how much is left out.
pub(super) fn bounded<T>(list: &[T]) -> (&[T], usize) {
    let most = limits::SHOWN_PER_LIST;
    match list.split_at_checked(most) {
        Some((shown, rest)) => (shown, rest.len()),
        None => (list, 0),
    }
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();

/// The width of a line.
pub(super) const LINE: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reasons_are_broken_at_spaces() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a-very-long-word b", 5), ["a-very-long-word", "b"]);
    }

    #[test]
    fn a_line_holds_no_control_characters_and_is_cut_at_its_limit() {
        assert_eq!(line("a \"b\"\n\u{1b}[31m"), "a \"b\"\\n\\u{1b}[31m");
        let longest = "x".repeat(limits::SHOWN_LINE_CHARS);
        assert_eq!(line(&longest), longest);
        assert_eq!(line(&format!("{longest}y")), format!("{longest}…"));
    }

    #[test]
    fn a_list_is_shown_up_to_its_limit_and_the_rest_is_counted() {
        let list = vec![0; limits::SHOWN_PER_LIST + 2];
        assert_eq!(bounded(&list), (&list[2..], 2));
        assert_eq!(bounded(&list[2..]), (&list[2..], 0));
    }
}
