//! The parts of a signed note.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Changes, flipped, text_changes};

/// Origin, size and root, then hint and signature. The name before the signature is the origin's again.
pub(super) fn changes(place: &str, note: &str) -> Changes<String> {
    let Some((text, signature)) = note.split_once("\n\n") else {
        return Vec::new();
    };
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (index, name) in ["origin", "size", "root"].into_iter().enumerate() {
        let line = lines.get(index).copied().unwrap_or_default();
        for (place, changed) in text_changes(&format!("{place} {name}"), line) {
            let mut lines = lines.clone();
            if let Some(line) = lines.get_mut(index) {
                *line = &changed;
            }
            found.push((place, format!("{}\n\n{signature}", lines.join("\n"))));
        }
    }
    let Some((name, encoded)) = signature.trim_end().rsplit_once(' ') else {
        return found;
    };
    let signed = STANDARD.decode(encoded).unwrap_or_default();
    found.extend(flipped(&signed).into_iter().map(|(octet, changed)| {
        let encoded = STANDARD.encode(changed);
        (
            format!("{place} signature{octet}"),
            format!("{text}\n\n{name} {encoded}\n"),
        )
    }));
    found
}
