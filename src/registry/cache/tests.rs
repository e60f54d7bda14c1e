//! For how long and in how many bytes things are remembered.

use tokio::time::advance;

use super::*;
use crate::image::BuildStatement;

fn key(number: usize) -> DigestKey {
    let repository = "registry.example/acme/api".parse().expect("a repository");
    let digest = Digest::of(&number.to_be_bytes());
    (repository, digest, CredentialId::ANONYMOUS)
}

fn tag_key() -> TagKey {
    let image: crate::image::Reference =
        "registry.example/acme/api:1".parse().expect("a reference");
    let tag = image.tag().cloned().expect("a tag");
    (image.repository().clone(), tag, CredentialId::ANONYMOUS)
}

fn attachment(bytes: usize) -> Attachment {
    Attachment {
        place: AttachmentPlace::SignatureTag,
        media_type: "a/b".to_owned(),
        digest: Digest::of(b"blob"),
        content: vec![0; bytes].into(),
        annotations: [("a".to_owned(), "b".to_owned())].into(),
        manifest: Digest::of(b"manifest"),
    }
}

fn bytes(limit: u64) -> usize {
    usize::try_from(limit).expect("a limit that fits into memory")
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_believed_for_its_time_and_no_longer() {
    let caches = Caches::new(RegistryOptions::default());
    caches.keep_tag(tag_key(), Digest::of(b"image"));
    advance(limits::TAG_TTL.saturating_sub(SHORTLY)).await;
    assert_eq!(caches.tag(&tag_key()), Some(Digest::of(b"image")));
    advance(SHORTLY).await;
    assert_eq!(caches.tag(&tag_key()), None);
}

#[tokio::test(start_paused = true)]
async fn that_nothing_is_attached_is_believed_for_a_shorter_time_than_what_is() {
    for (found, ttl) in [
        (vec![], limits::NO_ATTACHMENTS_TTL),
        (vec![attachment(1)], limits::ATTACHMENTS_TTL),
    ] {
        let caches = Caches::new(RegistryOptions::default());
        let place = (key(1), AttachmentPlace::SignatureTag, Wanted::Signatures);
        caches.keep_place(place.clone(), Looked::Found(found.into()));
        advance(ttl.saturating_sub(SHORTLY)).await;
        assert!(caches.place(&place, Search::First).is_some(), "{ttl:?}");
        advance(SHORTLY).await;
        assert!(caches.place(&place, Search::First).is_none(), "{ttl:?}");
    }
}

#[tokio::test]
async fn the_attachments_that_are_remembered_are_bounded_in_bytes() {
    let caches = Caches::new(RegistryOptions::default());
    let large = Looked::Found([attachment(1024 * 1024)].into());
    for number in 0..=bytes(limits::ATTACHMENT_CACHE_BYTES) / (1024 * 1024) {
        let place = (
            key(number),
            AttachmentPlace::SignatureTag,
            Wanted::Signatures,
        );
        caches.keep_place(place, large.clone());
    }
    caches.places.run_pending_tasks();
    let size = caches.places.weighted_size();
    assert!(size <= limits::ATTACHMENT_CACHE_BYTES, "{size}");
}

#[tokio::test]
async fn the_children_that_are_remembered_are_bounded_in_bytes() {
    let caches = Caches::new(RegistryOptions::default());
    let many: Arc<[Digest]> = vec![Digest::of(b"child"); limits::DESCRIPTORS_PER_INDEX].into();
    let weight = limits::DESCRIPTORS_PER_INDEX * DIGEST_BYTES;
    for number in 0..=bytes(limits::CHILDREN_CACHE_BYTES) / weight {
        caches.keep_children(key(number), Arc::clone(&many));
    }
    caches.children.run_pending_tasks();
    let size = caches.children.weighted_size();
    assert!(size <= limits::CHILDREN_CACHE_BYTES, "{size}");
}

#[tokio::test]
async fn what_images_say_that_is_remembered_is_bounded_in_bytes() {
    let caches = Caches::new(RegistryOptions::default());
    let said = Contents {
        build_statements: vec![BuildStatement {
            platform: Digest::of(b"image"),
            predicate_type: "a/b".to_owned(),
            statement: vec![0; 1024 * 1024].into(),
        }],
        ..Contents::default()
    };
    let said = Arc::new(said);
    for number in 0..=bytes(limits::CONTENTS_CACHE_BYTES) / (1024 * 1024) {
        let parts = BTreeSet::from([Part::BuildStatements]);
        caches.keep_contents((key(number), parts), Arc::clone(&said));
    }
    caches.contents.run_pending_tasks();
    let size = caches.contents.weighted_size();
    assert!(size <= limits::CONTENTS_CACHE_BYTES, "{size}");
    assert!(size >= 1024 * 1024, "{size}");
}

/// Repositories with the longest paths there are.
fn long(number: usize) -> Repository {
    let path = "x".repeat(limits::REPOSITORY_PATH_BYTES - 8);
    let text = format!("registry.example/{number:06}/{path}");
    text.parse().expect("a repository")
}

#[tokio::test]
async fn what_has_no_size_of_its_own_is_bounded_in_bytes_too() {
    let caches = Caches::new(RegistryOptions::default());
    let (_, tag, _) = tag_key();
    let least = ENTRY_BYTES + limits::REPOSITORY_PATH_BYTES;
    for number in 0..=bytes(limits::TAG_CACHE_BYTES) / least {
        let repository = (long(number), CredentialId::ANONYMOUS);
        let key = (repository.0.clone(), tag.clone(), repository.1);
        caches.keep_tag(key, Digest::of(b"image"));
        caches.keep_let_in(repository, 1);
    }
    let held = caches.read().into_iter().filter_map(|one| {
        let (bytes, limit) = one.bytes?;
        Some((one.name, bytes > limit / 2 && bytes <= limit))
    });
    let held: Vec<_> = held.filter(|(_, is_bounded)| *is_bounded).collect();
    let bounded = ["tags", "let_in"];
    assert_eq!(held, bounded.map(|name| (name, true)));
}

const SHORTLY: Duration = Duration::from_secs(1);
