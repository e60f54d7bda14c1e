//! Images that lie about themselves, and registries that lie about images.

use assay::{
    image::{BrokenStatement, StatementFault},
    limits,
};
use serde_json::Value;

use super::{
    image::{Record, push_index},
    sandbox::Fault,
    *,
};

const ALL: [Part; 3] = [Part::Annotations, Part::Labels, Part::BuildStatements];

/// What is wrong with the statements of an index over two platforms whose first record has been changed.
async fn faults(change: impl FnOnce(&mut Record)) -> Vec<String> {
    let setup = open().await;
    let mut index = Index::of_two().attested();
    change(index.records.first_mut().expect("a record"));
    let image = index.push(&setup);
    let found = setup.contents(&image, &ALL, &anonymous()).await;
    let found = found.expect("read");
    assert_eq!(found.build_statements.len(), 1);
    // Whoever does not ask is not held up.
    let others = [Part::Annotations, Part::Labels];
    let others = setup.contents(&image, &others, &anonymous()).await;
    assert_eq!(others.expect("read").broken_statements, []);
    let broken = found.broken_statements.iter();
    broken.map(|one| one.fault.to_string()).collect()
}

fn stranger() -> Digest {
    Digest::of(b"another image")
}

#[tokio::test]
async fn a_statement_about_another_image_is_broken() {
    let arm64 = Index::of_two().platforms[1].digest();
    let amd64 = Index::of_two().platforms[0].digest();
    for other in [stranger(), arm64] {
        let found = faults(|record| record.statements = vec![statement(&other)]).await;
        let expected = format!("it is about {other}, the index says {amd64}");
        assert_eq!(found, [expected]);
    }
}

#[tokio::test]
async fn a_link_to_what_is_no_image_of_the_index_is_broken() {
    let found = faults(|record| record.link = stranger().to_string()).await;
    let stranger = stranger();
    assert_eq!(
        found,
        [format!(
            "the index links it to \"{stranger}\", which is no image in it"
        )]
    );
    let found = faults(|record| record.link = "sha256:x\ny".to_owned()).await;
    assert_eq!(
        found,
        ["the index links it to \"sha256:x\\ny\", which is no image in it"]
    );
}

#[tokio::test]
async fn a_statement_of_another_type_than_listed_is_broken() {
    let other = "https://slsa.dev/provenance/v0.2";
    let found = faults(|record| record.predicate_type = other.to_owned()).await;
    assert_eq!(
        found,
        [format!(
            "it is of type \"{PROVENANCE}\", its manifest says \"{other}\""
        )]
    );
}

#[tokio::test]
async fn what_is_no_statement_is_broken() {
    let amd64 = Index::of_two().platforms[0].digest();
    let changed = |field: &str, value: Value| {
        let mut changed = statement(&amd64);
        changed[field] = value;
        changed
    };
    let twice = statement(&amd64)
        .to_string()
        .replacen('{', "{\"predicate\":{},", 1);
    let many =
        vec![json!({"digest": {"sha256": stranger().hex()}}); limits::SUBJECTS_PER_STATEMENT + 1];
    let digests: serde_json::Map<_, _> = (0..=limits::DIGESTS_PER_SUBJECT)
        .map(|number| (number.to_string(), json!("x")))
        .collect();
    for (content, expected) in [
        (json!("<html>"), "expected value"),
        (json!(""), "EOF while parsing"),
        (json!(twice), "duplicate field `predicate`"),
        (
            changed("_type", json!("x")),
            "it is a statement of type \\\"x\\\"",
        ),
        (changed("subject", json!([])), "it names no sha256 digest"),
        (
            changed("subject", json!([{"digest": {"gitCommit": "x"}}])),
            "it names no sha256 digest",
        ),
        (changed("predicateType", Value::Null), "invalid type: null"),
        (changed("subject", json!(many)), "too many items"),
        (
            changed("subject", json!([{"digest": digests}])),
            "too many texts",
        ),
    ] {
        let found = faults(|record| record.statements = vec![content]).await;
        assert_eq!(found.len(), 1);
        assert!(found[0].contains(expected), "{found:?}");
    }
}

#[tokio::test]
async fn a_broken_statement_is_named_by_the_manifest_that_holds_it() {
    let broken = BrokenStatement {
        manifest: stranger(),
        fault: StatementFault::UnknownPlatform {
            presented: "x".to_owned(),
        },
    };
    assert_eq!(
        broken.to_string(),
        format!(
            "the build statement in {}: the index links it to \"x\", which is no image in it",
            stranger().short()
        )
    );
}

/// The error of reading all of an index whose parts at this path are spoiled.
async fn spoiled(path: String, fault: Fault) -> String {
    let setup = Setup::with_options(
        sandbox::RegistrySettings::default(),
        RegistryOptions {
            body_pause_timeout: Duration::from_millis(200),
            answer_timeout: Duration::from_millis(200),
            ..options()
        },
    )
    .await;
    let image = Index::of_two().attested().push(&setup);
    setup
        .registry
        .set_fault(move |request| request.path.contains(&path).then(|| fault.clone()));
    error_of(&setup, &image).await
}

async fn error_of(setup: &Setup, image: &Digest) -> String {
    let found = setup.contents(image, &ALL, &anonymous()).await;
    let error = format!("{:?}", found.expect_err("an error"));
    error.replace(&setup.registry.host(), "HOST")
}

#[tokio::test]
async fn a_registry_that_misbehaves_is_told_apart_from_an_image_that_does() {
    let index = Index::of_two().attested();
    let manifest = &index.platforms[0];
    let [manifest, config] = [manifest.digest(), manifest.config_digest()];
    let [short, short_config] = [manifest.short(), config.short()];
    for (path, fault, expected) in [
        (
            format!("manifests/{manifest}"),
            Fault::Html404,
            format!(
                "Unusable {{ host: \"HOST\", detail: \"lists the manifest {short} and does not have it\" }}"
            ),
        ),
        (
            format!("manifests/{manifest}"),
            Fault::WrongContent,
            OTHER_CONTENT.to_owned(),
        ),
        (
            format!("blobs/{config}"),
            Fault::Html404,
            format!(
                "Unusable {{ host: \"HOST\", detail: \"lists the blob {short_config} and does not have it\" }}"
            ),
        ),
        (
            format!("blobs/{config}"),
            Fault::WrongContent,
            OTHER_CONTENT.to_owned(),
        ),
        (
            format!("blobs/{config}"),
            Fault::SlowBody,
            "Timeout { host: \"HOST\" }".to_owned(),
        ),
    ] {
        let found = spoiled(path, fault).await;
        if expected == OTHER_CONTENT {
            assert!(found.starts_with(OTHER_CONTENT), "{found}");
        } else {
            assert_eq!(found, expected);
        }
    }
    let endless = spoiled(format!("blobs/{config}"), Fault::EndlessBody).await;
    let expected =
        format!("Limit {{ host: \"HOST\", detail: \"the blob {short_config} is larger than");
    assert!(endless.starts_with(&expected), "{endless}");
}

#[tokio::test]
async fn an_index_in_an_index_is_not_followed() {
    let setup = open().await;
    let inner = Index::of_two().push(&setup);
    let outer = push_index(
        &setup,
        &[json!({"mediaType": IMAGE_INDEX, "digest": inner.as_str(), "size": 1})],
    );
    let short = inner.short();
    assert_eq!(
        error_of(&setup, &outer).await,
        format!(
            "Limit {{ host: \"HOST\", detail: \"the index lists the index {short}, at most one level is read\" }}"
        )
    );
}

const OTHER_CONTENT: &str = "Unusable { host: \"HOST\", detail: \"answered with other content than its digest says (expected ";
