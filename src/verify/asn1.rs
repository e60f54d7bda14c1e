//! The shape of DER, looked at before a parser sorts what is in it.
//!
//! The parser sorts the members of every SET, and takes the square of their number for it: a certificate of 24 KiB can
//! cost it a second, and one of 3 MiB hours.

use super::{SignatureError, failure::within};
use crate::limits;

/// Refuses what has more members in one SET than anybody writes.
pub(super) fn sortable(der: &[u8]) -> Result<(), SignatureError> {
    within(
        "members of one ASN.1 set",
        largest_set(der),
        limits::MEMBERS_PER_SET,
    )
}

/// The most members of a SET, or of what may be one under a tag of its own.
///
/// What follows something malformed is not counted: there the parser ends too, before it sorts.
fn largest_set(der: &[u8]) -> usize {
    let mut largest = 0;
    let mut open = vec![(false, der)];
    while let Some((is_set, mut rest)) = open.pop() {
        let mut members = 0_usize;
        while let Some((tag, content, after)) = element(rest) {
            members += 1;
            if tag & CONSTRUCTED != 0 {
                open.push((tag == SET || tag & CLASS == CONTEXT_SPECIFIC, content));
            }
            rest = after;
        }
        if is_set {
            largest = largest.max(members);
        }
    }
    largest
}

/// Tag, content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let join = |length, octet: &u8| length << 8 | usize::from(*octet);
            (octets.iter().fold(0, join), rest)
        }
        // Of no definite length, or longer than anything that is read.
        0x80 | 0x85.. => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

const CONSTRUCTED: u8 = 0x20;
const CLASS: u8 = 0xc0;
const CONTEXT_SPECIFIC: u8 = 0x80;
const SET: u8 = 0x31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_counted_wherever_a_set_may_be() {
        for (der, largest) in [
            (b"".as_slice(), 0),
            (b"\x31\x04\x02\x00\x02\x00", 2),
            (b"\xa0\x04\x02\x00\x02\x00", 2),
            (b"\x30\x04\x02\x00\x02\x00", 0),
            (b"\x30\x06\x31\x04\x02\x00\x02\x00", 2),
            (b"\x31\x81\x04\x02\x00\x02\x00", 2),
            (b"\x31\x84\x00\x00\x00\x04\x02\x00\x02\x00", 2),
            (b"\x02\x00\x31\x02\x02\x00", 1),
            // Something opaque holds no element, and what is beside it counts.
            (b"\x31\x07\x30\x01\x02\x02\x00\x02\x00", 3),
        ] {
            assert_eq!(largest_set(der), largest, "{der:02x?}");
        }
    }

    #[test]
    fn what_is_malformed_ends_the_count() {
        for der in [
            b"\x31".as_slice(),
            b"\x31\x80\x02\x00\x00\x00",
            b"\x31\x05\x02\x00\x02\x00",
            b"\x31\x85\x00\x00\x00\x00\x02\x02\x00",
            b"\x31\x82\x00",
            b"\x31\x84\xff\xff\xff\xff\x02\x00",
        ] {
            assert_eq!(largest_set(der), 0, "{der:02x?}");
        }
    }
}
