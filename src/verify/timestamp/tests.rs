//! Tokens that are malformed; those of an authority are tested with the engine's.

use super::*;

#[test]
fn what_is_no_token_is_malformed() {
    for junk in [&b""[..], b"junk", &[0x30, 0x00], &[0x30, 0x80, 0x00, 0x00]] {
        let result = verified_time(junk, b"content", &[]);
        assert!(
            matches!(result, Err(SignatureError::Timestamp { .. })),
            "{junk:?}: {result:?}"
        );
    }
}

#[test]
fn a_token_above_the_limit_is_not_parsed() {
    assert_eq!(
        verified_time(&vec![0; limits::TIMESTAMP_BYTES + 1], b"content", &[]),
        Err(SignatureError::Limit {
            what: "bytes of one signed timestamp",
            found: limits::TIMESTAMP_BYTES + 1,
            limit: limits::TIMESTAMP_BYTES
        })
    );
}
