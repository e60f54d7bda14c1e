//! What images say about themselves: which requests that takes, and what is refused.

mod image;
mod refused;

use std::collections::BTreeSet;

use assay::image::{BuildStatement, Contents, Part, PlatformContents};
use futures::future::join_all;
use serde_json::json;

use self::image::{IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest, PROVENANCE, statement, texts};
use super::*;

const PATH: &str = "acme/api";

impl Setup {
    async fn contents(
        &self,
        digest: &Digest,
        parts: &[Part],
        access: &Access,
    ) -> Result<Arc<Contents>, RegistryError> {
        let parts = parts.iter().copied().collect::<BTreeSet<_>>();
        let repository = self.repository(PATH);
        self.reader
            .contents(&repository, digest, &parts, access)
            .await
    }
}

async fn open() -> Setup {
    Setup::new(sandbox::RegistrySettings::default()).await
}

#[tokio::test]
async fn the_annotations_of_a_single_manifest_cost_one_request() {
    let setup = open().await;
    let manifest = Manifest::new("amd64")
        .annotated("a", "1")
        .labelled("l", "2");
    let image = manifest.push(&setup);
    let found = setup
        .contents(&image, &[Part::Annotations], &anonymous())
        .await;
    let expected = Contents {
        media_type: IMAGE_MANIFEST.to_owned(),
        annotations: texts(&[("a", "1")]),
        platforms: vec![PlatformContents {
            platform: String::new(),
            digest: image.clone(),
            annotations: texts(&[("a", "1")]),
            labels: texts(&[]),
        }],
        ..Contents::default()
    };
    assert_eq!(*found.expect("read"), expected);
    assert_eq!(
        setup.requests(),
        [format!("GET /v2/acme/api/manifests/{image} 200")]
    );
}

#[tokio::test]
async fn the_labels_of_a_single_manifest_cost_one_more_and_tell_the_platform() {
    let setup = open().await;
    let manifest = Manifest::new("amd64")
        .annotated("a", "1")
        .labelled("l", "2");
    let image = manifest.push(&setup);
    let found = setup.contents(&image, &[Part::Labels], &anonymous()).await;
    let expected = Contents {
        media_type: IMAGE_MANIFEST.to_owned(),
        platforms: vec![PlatformContents {
            platform: "linux/amd64".to_owned(),
            digest: image.clone(),
            annotations: texts(&[]),
            labels: texts(&[("l", "2")]),
        }],
        ..Contents::default()
    };
    assert_eq!(*found.expect("read"), expected);
    let config = manifest.config_digest();
    assert_eq!(
        setup.requests(),
        [
            format!("GET /v2/acme/api/blobs/{config} 200"),
            format!("GET /v2/acme/api/manifests/{image} 200"),
        ]
    );
}

#[tokio::test]
async fn platforms_cost_a_configuration_only_where_no_index_says_them() {
    let setup = open().await;
    let single = Manifest::new("amd64").labelled("l", "2").push(&setup);
    let index = Index::of_two().push(&setup);
    for (image, platforms, cost) in [
        (single, ["linux/amd64"].as_slice(), 2),
        (index, &["linux/amd64", "linux/arm64"], 1),
    ] {
        let found = setup
            .contents(&image, &[Part::Platforms], &anonymous())
            .await;
        let found = found.expect("read");
        let told = found.platforms.iter().map(|one| one.platform.as_str());
        assert_eq!(told.collect::<Vec<_>>(), platforms);
        assert!(found.platforms.iter().all(|one| one.labels.is_empty()));
        assert_eq!(setup.requests().len(), cost);
    }
}

#[tokio::test]
async fn a_docker_manifest_has_labels_and_no_annotations() {
    let setup = open().await;
    let manifest = Manifest::new("amd64")
        .annotated("a", "1")
        .labelled("l", "2")
        .of_docker();
    let image = manifest.push(&setup);
    let parts = [Part::Annotations, Part::Labels];
    let found = setup.contents(&image, &parts, &anonymous()).await;
    let expected = Contents {
        media_type: "application/vnd.docker.distribution.manifest.v2+json".to_owned(),
        platforms: vec![PlatformContents {
            platform: "linux/amd64".to_owned(),
            digest: image.clone(),
            annotations: texts(&[]),
            labels: texts(&[("l", "2")]),
        }],
        ..Contents::default()
    };
    assert_eq!(*found.expect("read"), expected);
}

#[tokio::test]
async fn an_index_is_read_with_every_image_in_it() {
    let setup = open().await;
    let index = Index::of_two().attested();
    let image = index.push(&setup);
    let found = setup
        .contents(&image, &[Part::Annotations], &anonymous())
        .await;
    let platform = |at: usize, platform: &str, own: &str| PlatformContents {
        platform: platform.to_owned(),
        digest: index.platforms[at].digest(),
        annotations: texts(&[("both", own), ("descriptor", "d"), ("own", own)]),
        labels: texts(&[]),
    };
    let expected = Contents {
        media_type: IMAGE_INDEX.to_owned(),
        annotations: texts(&[("index", "i")]),
        platforms: vec![
            platform(0, "linux/amd64", "amd64"),
            platform(1, "linux/arm64", "arm64"),
        ],
        ..Contents::default()
    };
    assert_eq!(*found.expect("read"), expected);
    assert_eq!(setup.requests().len(), 1 + 2);
    let parts = [Part::Annotations, Part::Labels];
    let found = setup.contents(&image, &parts, &anonymous()).await;
    let labels = &found.expect("read").platforms[1].labels;
    assert_eq!(*labels, texts(&[("for", "arm64")]));
    assert_eq!(setup.requests().len(), 1 + 2 + 2);
}

#[tokio::test]
async fn the_statements_of_an_index_cost_two_requests_for_each_platform() {
    let setup = open().await;
    setup.registry.answer_in_rounds();
    let index = Index::of_two().attested();
    let image = index.push(&setup);
    let parts = [Part::BuildStatements];
    let found = setup.contents(&image, &parts, &anonymous()).await;
    let found = found.expect("read");
    let expected = index.platforms.iter().map(|platform| BuildStatement {
        platform: platform.digest(),
        predicate_type: PROVENANCE.to_owned(),
        statement: statement(&platform.digest()).to_string().into(),
    });
    assert_eq!(found.build_statements, expected.collect::<Vec<_>>());
    assert_eq!(found.broken_statements, []);
    assert_eq!(setup.cost(), (1 + 2 + 2, 3));
    // What a rule about base images wants.
    let parts = [Part::BuildStatements, Part::Annotations];
    let found = setup.contents(&image, &parts, &anonymous()).await;
    assert_eq!(found.expect("read").build_statements.len(), 2);
    assert_eq!(setup.cost(), (1 + 4 + 2, 3));
}

#[tokio::test]
async fn the_second_time_costs_nothing_and_other_credentials_share_nothing() {
    let setup = open().await;
    let image = Index::of_two().attested().push(&setup);
    let parts = [Part::Annotations, Part::BuildStatements];
    let first = setup.contents(&image, &parts, &anonymous()).await;
    let first = first.expect("read");
    let cost = setup.requests().len();
    let again = setup.contents(&image, &parts, &anonymous()).await;
    assert_eq!(again.expect("read"), first);
    assert_eq!(setup.requests(), [""; 0]);
    let other = access(setup.keyring(&["other"]));
    let found = setup.contents(&image, &parts, &other).await;
    assert_eq!(found.expect("read"), first);
    assert_eq!(setup.requests().len(), cost);
}

#[tokio::test]
async fn a_hundred_callers_cost_what_one_does() {
    let setup = open().await;
    setup.registry.answer_in_rounds();
    let image = Index::of_two().attested().push(&setup);
    let parts = [Part::Annotations, Part::Labels, Part::BuildStatements];
    let access = anonymous();
    let all = join_all((0..100).map(|_| setup.contents(&image, &parts, &access))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(setup.cost(), (1 + 4 + 4, 3));
}

#[tokio::test]
async fn statements_that_are_kept_are_no_longer_on_their_way() {
    let options = RegistryOptions {
        held_bytes: 200_000,
        ..options()
    };
    let setup = Setup::with_options(sandbox::RegistrySettings::default(), options).await;
    // More together than one registry may have on its way.
    for number in 0..6 {
        let mut index = Index::of_two().attested();
        let long = format!("{number}{}", "x".repeat(20_000));
        index.records[0].statements[0]["predicate"] = json!({"long": long});
        let image = index.push(&setup);
        let parts = [Part::BuildStatements];
        let found = setup.contents(&image, &parts, &anonymous()).await;
        assert_eq!(found.expect("read").build_statements.len(), 2);
    }
}

#[tokio::test]
async fn a_bill_of_materials_in_the_index_is_not_fetched() {
    let setup = open().await;
    let mut index = Index::of_two().attested();
    for record in &mut index.records {
        record.layers.push(json!({
            "mediaType": "application/vnd.in-toto+json",
            "digest": Digest::of(b"pages and pages").as_str(),
            "size": 100_000_000,
            "annotations": {"in-toto.io/predicate-type": "https://spdx.dev/Document"},
        }));
    }
    let image = index.push(&setup);
    let parts = [Part::BuildStatements];
    let found = setup.contents(&image, &parts, &anonymous()).await;
    assert_eq!(found.expect("read").build_statements.len(), 2);
    assert_eq!(setup.requests().len(), 1 + 2 + 2);
}

#[tokio::test]
async fn what_a_runtime_may_choose_is_an_image_whatever_its_annotations_say() {
    let setup = open().await;
    let mut index = Index::of_two().attested();
    for record in &mut index.records {
        record.platform = json!({"os": "linux", "architecture": "amd64"});
    }
    let image = index.push(&setup);
    let parts = [Part::BuildStatements];
    let found = setup.contents(&image, &parts, &anonymous()).await;
    let found = found.expect("read");
    assert_eq!(found.platforms.len(), 4);
    assert_eq!(found.build_statements, []);
}
