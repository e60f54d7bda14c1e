//! Wildcards over bytes, matched in time linear in the text.

/// One piece of a pattern.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Piece {
    /// This byte.
    Byte(u8),
    /// `*`: any run, also an empty one, without a dividing byte.
    Within,
    /// `**`: any run, also an empty one.
    Across,
}

/// Reads `*` and `**`; all else stands for itself. None when three stars stand in a row.
pub(super) fn pieces(text: &str) -> Option<Vec<Piece>> {
    if text.contains("***") {
        return None;
    }
    let mut pieces: Vec<Piece> = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match (byte, pieces.last_mut()) {
            (b'*', Some(last @ Piece::Within)) => *last = Piece::Across,
            (b'*', _) => pieces.push(Piece::Within),
            _ => pieces.push(Piece::Byte(byte)),
        }
    }
    Some(pieces)
}

/// Whether the pieces match the whole text; `divides` says which bytes [`Piece::Within`] stops at.
///
/// Follows every way to match at once, so that the work is bounded by pieces × bytes. Bytes do as well as
/// characters, because no character's UTF-8 form is found inside another's.
pub(super) fn matches_whole(
    pieces: &[Piece],
    text: impl Iterator<Item = u8>,
    divides: fn(u8) -> bool,
) -> bool {
    // `open[i]`: the text so far can be matched by the first `i` pieces.
    let mut open = vec![false; pieces.len() + 1];
    open_place(&mut open, 0);
    skip_empty_runs(pieces, &mut open);
    let mut next = open.clone();
    for byte in text {
        next.fill(false);
        let mut alive = false;
        for (place, piece) in pieces.iter().enumerate() {
            if !open.get(place).copied().unwrap_or_default() {
                continue;
            }
            let reached = match piece {
                Piece::Byte(literal) if *literal == byte => place + 1,
                Piece::Within if !divides(byte) => place,
                Piece::Across => place,
                Piece::Byte(_) | Piece::Within => continue,
            };
            open_place(&mut next, reached);
            alive = true;
        }
        if !alive {
            return false;
        }
        skip_empty_runs(pieces, &mut next);
        std::mem::swap(&mut open, &mut next);
    }
    open.last().copied().unwrap_or_default()
}

/// A run may be empty: where one may begin, what follows it may begin as well.
fn skip_empty_runs(pieces: &[Piece], open: &mut [bool]) {
    for (place, piece) in pieces.iter().enumerate() {
        let is_run = matches!(piece, Piece::Within | Piece::Across);
        if is_run && open.get(place).copied().unwrap_or_default() {
            open_place(open, place + 1);
        }
    }
}

fn open_place(open: &mut [bool], place: usize) {
    if let Some(slot) = open.get_mut(place) {
        *slot = true;
    }
}
