//! How much one review may be given.

use super::*;
use crate::{
    limits::{CONTENTS_PER_REVIEW, REGISTRY_BYTES_PER_REVIEW},
    registry::Attachment,
};

/// A signature that is none, of this length; different ones are different.
fn long(number: usize, bytes: usize) -> Attachment {
    let mut content = number.to_string();
    content.push_str(&" ".repeat(bytes - content.len()));
    Attachment {
        digest: Digest::of(content.as_bytes()),
        content: content.into(),
        ..signed_by(&SIGNERS.stranger, &image())
    }
}

#[tokio::test(start_paused = true)]
async fn what_all_images_have_together_is_bounded_and_the_next_is_not_asked_for() {
    let each = REGISTRY_BYTES_PER_REVIEW / LOOKUPS_PER_REVIEW;
    let mut world = World::guarded();
    let names: Vec<String> = (0..LOOKUPS_PER_REVIEW + 2)
        .map(|number| format!("r.example/app{number}"))
        .collect();
    for (number, name) in names.iter().enumerate() {
        world = world.attach(name, vec![long(number, each)]);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let [within @ .., over, after] = names.as_slice() else {
        panic!("there are several");
    };
    assert_eq!(
        world.codes(within).await,
        ["KeyMismatch"; LOOKUPS_PER_REVIEW]
    );
    let codes = world.codes(&names).await;
    let limited = codes
        .iter()
        .filter(|code| **code == "LimitExceeded")
        .count();
    assert_eq!((codes.len(), limited), (names.len(), 2));
    let calls = world.calls();
    assert!(calls.contains(&format!("First {over}")));
    assert!(!calls.contains(&format!("First {after}")));
}

#[tokio::test(start_paused = true)]
async fn the_same_content_is_counted_once() {
    let each = REGISTRY_BYTES_PER_REVIEW / LOOKUPS_PER_REVIEW;
    let most = LOOKUPS_PER_REVIEW + 1;
    let mut world = World::guarded();
    let names: Vec<String> = (0..most).map(|n| format!("r.example/app{n}")).collect();
    for name in &names {
        world = world.attach(name, vec![long(0, each)]);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(world.codes(&names).await, vec!["KeyMismatch"; most]);
}

#[tokio::test(start_paused = true)]
async fn what_images_say_is_read_of_a_few_at_a_time() {
    let conditions = json!([{"expression": "image.labels['a'] == '1'", "message": "m"}]);
    let more = json!({"conditions": conditions});
    let mut world = World::under(&[policy("shop", "r.example/**", &more)]);
    world.delay = Duration::from_millis(50);
    let names: Vec<String> = (0..=CONTENTS_PER_REVIEW)
        .map(|number| format!("r.example/app{number}@{}", image()))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(world.codes(&names).await.len(), names.len());
    let calls = world.calls();
    let kinds = calls.iter().map(|call| call.split(' ').next());
    let kinds: Vec<_> = kinds.filter(|kind| *kind != Some("keyring")).collect();
    let mut first = vec![Some("contents"); CONTENTS_PER_REVIEW];
    first.push(Some("First"));
    assert_eq!(kinds[..first.len()], first);
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| **kind == Some("contents"))
            .count(),
        names.len()
    );
}
