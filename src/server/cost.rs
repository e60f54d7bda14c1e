//! What a body takes in memory once it is read as JSON: of many small objects, hundreds of times its own bytes.

use memchr::memchr2;

/// Adds up what bytes will take, in whatever pieces they come. Looks at no more than where texts begin and end: what is
/// no JSON at all is found out later.
#[derive(Debug, Default)]
pub(super) struct Cost {
    within: Within,
}

#[derive(Clone, Copy, Debug, Default)]
enum Within {
    #[default]
    Structure,
    Text,
    Escape,
}

impl Cost {
    /// What these further bytes will take.
    pub(super) fn of(&mut self, bytes: &[u8]) -> usize {
        let (mut structure, mut rest) = (0, bytes);
        loop {
            // Most bytes are within texts, where only two mean anything.
            if let Within::Text = self.within {
                let end = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                rest = rest.get(end..).unwrap_or_default();
            }
            let Some((byte, after)) = rest.split_first() else {
                return bytes.len() * PER_BYTE + structure;
            };
            structure += self.of_structure(*byte);
            rest = after;
        }
    }

    fn of_structure(&mut self, byte: u8) -> usize {
        let (next, cost) = match (self.within, byte) {
            (Within::Structure, b'"') => (Within::Text, 0),
            (Within::Structure, b'{') => (Within::Structure, PER_OBJECT),
            (Within::Structure, b'[' | b',') => (Within::Structure, PER_VALUE),
            (Within::Structure, _) | (Within::Text, b'"') => (Within::Structure, 0),
            (Within::Text, b'\\') => (Within::Escape, 0),
            (Within::Text | Within::Escape, _) => (Within::Text, 0),
        };
        self.within = next;
        cost
    }
}

/// The body itself, its texts as values, and a copy of them.
const PER_BYTE: usize = 3;

/// A map with one entry, and a copy of it: as measured.
const PER_OBJECT: usize = 1536;

/// A further element of a list or map, and a copy of it: as measured.
const PER_VALUE: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_elements_count_wherever_the_bytes_are_cut() {
        let text = br#"{"a{,[\"{":[1,{},"x,"],"\\":{"b":0}}"#;
        let structure = 3 * PER_OBJECT + 4 * PER_VALUE;
        let expected = text.len() * PER_BYTE + structure;
        assert_eq!(Cost::default().of(text), expected);
        let mut cost = Cost::default();
        let pieces: usize = text.chunks(1).map(|piece| cost.of(piece)).sum();
        assert_eq!(pieces, expected);
    }
}
