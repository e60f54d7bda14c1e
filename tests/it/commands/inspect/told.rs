//! What people read.

use std::{fs, path::Path};

use insta::assert_snapshot;
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_release_pipeline_with_provenance() {
    let bench = Bench::new().await;
    released(&bench);
    assert_snapshot!(bench.told(&[]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json
    ├─ signature, by referrers API
    │  sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    │  verified: gitlab.com/acme/shop/api ref refs/tags/v1.8.2
    │  signed 2026-01-02T03:05:05Z, log entry 25002
    └─ attestation, by referrers API
       sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
       https://slsa.dev/provenance/v1 (GitLab)
       verified: gitlab.com/acme/shop/api ref refs/tags/v1.8.2
       signed 2026-01-02T03:05:06Z, log entry 25004

    provenance
      source repository  certificate  https://gitlab.com/acme/shop/api
                         attestation  the same
      ref                certificate  refs/tags/v1.8.2
                         attestation  the same
      commit             certificate  714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
                         attestation  the same
      pipeline           attestation  1077352011
      job                certificate  4316132595
                         attestation  the same
      pipeline source    certificate  push
                         attestation  the same
      runner             attestation
        https://gitlab.com/acme/shop/api/-/runners/1234
      builder            attestation
        https://gitlab.com/acme/shop/api/-/runners/1234
      build type         attestation  https://assay.dev/gitlab-ci/v1
      start              attestation  2026-01-02T03:04:05Z
      end                attestation  2026-01-02T03:05:05Z
      user               attestation  alice

    base images
      registry.example/base/jdk:21 (attestation)
        sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd

    links
      commit
        https://gitlab.com/acme/shop/api/-/commit/714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
      pipeline  https://gitlab.com/acme/shop/api/-/pipelines/1077352011
      job       https://gitlab.com/acme/shop/api/-/jobs/4316132595
    ");
}

/// The example in the README is this run, with the digests of another day.
#[tokio::test(flavor = "multi_thread")]
async fn the_readme_shows_what_is_printed() {
    let bench = Bench::new().await;
    released(&bench);
    let printed = bench.inspect(&[]).await.stdout;
    let printed = printed.replace(&bench.registry.host(), "registry.example");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inspect.txt");
    fs::write(&path, &printed).unwrap();
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let command = "$ assay inspect registry.example/acme/shop/api:v1\n";
    let shown = readme.split(command).nth(1).unwrap();
    let shown = shown.split("```").next().unwrap();
    let (shown, printed) = (bench.redacted(shown), bench.redacted(&printed));
    assert!(shown == printed, "the README is to show {}", path.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_the_annotations_of_its_holder() {
    let bench = Bench::new().await;
    let image = bench.push_one(&DescribedImage::new("amd64", "keyed"));
    let signing = bench.sigstore.sign_with(&bench.key, &image).without_log();
    let signing = signing
        .annotation("com.gitlab.ci.pipeline.id", "1077352011")
        .annotation(
            "org.opencontainers.image.source",
            "https://gitlab.com/acme/shop/api",
        )
        .annotation("note", &"long words ".repeat(20));
    bench.attached(&image, signing);
    assert_snapshot!(bench.told(&["--key", "cosign.pub"]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json
    └─ signature, by referrers API
       sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
       verified: key sha256:############…
       com.gitlab.ci.pipeline.id: 1077352011
       note: long words long words long words long words long words long words long
       words long words long words long words long words long words long words long
       words long words long words long words long words long words long words
       org.opencontainers.image.source: https://gitlab.com/acme/shop/api

    provenance
      source repository  signature annotation  https://gitlab.com/acme/shop/api
      pipeline           signature annotation  1077352011

    links
      pipeline  https://gitlab.com/acme/shop/api/-/pipelines/1077352011
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_nobody_has_signed() {
    let bench = Bench::new().await;
    bench.push_one(&DescribedImage::new("amd64", "unsigned"));
    assert_snapshot!(bench.told(&[]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json

    warnings
      - nobody has signed it
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predicate_that_contradicts_the_certificate() {
    let bench = Bench::new().await;
    let image = DescribedImage::new("amd64", "contradicted").label(
        "org.opencontainers.image.revision",
        "5ba5ed0000000000000000000000000000000000",
    );
    let image = bench.push_one(&image);
    let other = build()
        .commit("8f3c0c1d2e3f405162738495a6b7c8d9eafb0c1d")
        .job_id(7);
    bench.release(&image, &build(), &other.stated_by_gitlab());
    assert_snapshot!(bench.told(&[]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json
    ├─ signature, by referrers API
    │  sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    │  verified: gitlab.com/acme/shop/api ref refs/tags/v1.8.2
    │  signed 2026-01-02T03:05:05Z, log entry 25002
    └─ attestation, by referrers API
       sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
       https://slsa.dev/provenance/v1 (GitLab)
       verified: gitlab.com/acme/shop/api ref refs/tags/v1.8.2
       signed 2026-01-02T03:05:06Z, log entry 25004

    provenance
      source repository  certificate  https://gitlab.com/acme/shop/api
                         attestation  the same
      ref                certificate  refs/tags/v1.8.2
                         attestation  the same
      commit             certificate  714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
                         attestation  8f3c0c1d2e3f405162738495a6b7c8d9eafb0c1d
                         label        5ba5ed0000000000000000000000000000000000
      pipeline           attestation  1077352011
      job                certificate  4316132595
                         attestation  7
      job link           attestation  https://gitlab.com/acme/shop/api/-/jobs/7
      pipeline source    certificate  push
                         attestation  the same
      runner             attestation
        https://gitlab.com/acme/shop/api/-/runners/1234
      builder            attestation
        https://gitlab.com/acme/shop/api/-/runners/1234
      build type         attestation
        https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1
      start              attestation  2026-01-02T03:04:05Z
      end                attestation  2026-01-02T03:05:05Z
      user               attestation  alice

    links
      commit
        https://gitlab.com/acme/shop/api/-/commit/714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
      pipeline  https://gitlab.com/acme/shop/api/-/pipelines/1077352011
      job       https://gitlab.com/acme/shop/api/-/jobs/4316132595

    warnings
      - commit: the certificate says 714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e, the
        attestation says 8f3c0c1d2e3f405162738495a6b7c8d9eafb0c1d
      - commit: the certificate says 714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e, the
        label org.opencontainers.image.revision (linux/amd64) says
        5ba5ed0000000000000000000000000000000000
      - job: the certificate says 4316132595, the attestation says 7
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_signers_are_told_apart() {
    let bench = Bench::new().await;
    let image = bench.push_one(&DescribedImage::new("amd64", "two"));
    let fork = Build::gitlab("mallory/api", "refs/heads/main");
    for (build, seconds) in [(build(), 1), (fork, 2)] {
        let signing = bench.sigstore.sign_as(&build.claims(), &image);
        bench.attached(&image, signing.at(after(seconds)));
    }
    assert_snapshot!(bench.told(&[]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json
    ├─ signature, by referrers API
    │  sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    │  verified: gitlab.com/acme/shop/api ref refs/tags/v1.8.2
    │  signed 2026-01-02T03:04:06Z, log entry 25002
    └─ signature, by referrers API
       sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
       verified: gitlab.com/mallory/api ref refs/heads/main
       signed 2026-01-02T03:04:07Z, log entry 25004

    provenance
      source repository  certificate [1]  https://gitlab.com/acme/shop/api
                         certificate [2]  https://gitlab.com/mallory/api
      ref                certificate [1]  refs/tags/v1.8.2
                         certificate [2]  refs/heads/main
      commit             certificate [1]  714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
                         certificate [2]  the same
      job                certificate [1]  4316132595
                         certificate [2]  the same
      job link           certificate [2]
        https://gitlab.com/mallory/api/-/jobs/4316132595
      pipeline source    certificate [1]  push
                         certificate [2]  the same

    signers
      [1] gitlab.com/acme/shop/api ref refs/tags/v1.8.2
      [2] gitlab.com/mallory/api ref refs/heads/main

    links
      commit
        https://gitlab.com/acme/shop/api/-/commit/714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
      job     https://gitlab.com/acme/shop/api/-/jobs/4316132595

    warnings
      - source repository: the certificate of gitlab.com/acme/shop/api ref
        refs/tags/v1.8.2 says https://gitlab.com/acme/shop/api, the certificate of
        gitlab.com/mallory/api ref refs/heads/main says
        https://gitlab.com/mallory/api
      - ref: the certificate of gitlab.com/acme/shop/api ref refs/tags/v1.8.2 says
        refs/tags/v1.8.2, the certificate of gitlab.com/mallory/api ref
        refs/heads/main says refs/heads/main
      - job link: the certificate of gitlab.com/acme/shop/api ref refs/tags/v1.8.2
        says https://gitlab.com/acme/shop/api/-/jobs/4316132595, the certificate of
        gitlab.com/mallory/api ref refs/heads/main says
        https://gitlab.com/mallory/api/-/jobs/4316132595
    ");
}

fn buildx_index() -> DescribedIndex {
    let statement = build().stated_by_buildkit();
    DescribedIndex::default()
        .image(DescribedImage::new("amd64", "one").stating(statement))
        .image(DescribedImage::new("arm64", "two"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_buildx_that_is_signed() {
    let bench = Bench::new().await;
    let registry = &bench.registry;
    let (index, _) = registry.push_described_index(REPOSITORY, "v1", &buildx_index());
    bench.attached(
        &index,
        bench.sigstore.sign_with(&bench.key, &index).without_log(),
    );
    assert_snapshot!(bench.told(&["--key", "cosign.pub"]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.index.v1+json
    ├─ platform linux/amd64
    │  sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    ├─ platform linux/arm64
    │  sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
    ├─ build statement in the index, for linux/amd64
    │  https://slsa.dev/provenance/v1 (BuildKit)
    └─ signature, by referrers API
       sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
       verified: key sha256:############…

    provenance
      source repository  build statement  https://gitlab.com/acme/shop/api
      ref                build statement  refs/tags/v1.8.2
      commit             build statement  714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
      build type         build statement
        https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md
      start              build statement  2026-01-02T03:04:05Z
      end                build statement  2026-01-02T03:05:05Z

    base images
      registry.example/base/jdk:21 (build statement)
        sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee

    links
      commit
        https://gitlab.com/acme/shop/api/-/commit/714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_which_only_one_image_is_signed() {
    let bench = Bench::new().await;
    let registry = &bench.registry;
    let (_, images) = registry.push_described_index(REPOSITORY, "v1", &buildx_index());
    let signing = bench.sigstore.sign_with(&bench.key, &images[1]);
    bench.attached(&images[1], signing.without_log());
    assert_snapshot!(bench.told(&["--key", "cosign.pub"]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.index.v1+json
    ├─ platform linux/amd64
    │  sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    ├─ platform linux/arm64
    │  sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
    └─ build statement in the index, for linux/amd64
       https://slsa.dev/provenance/v1 (BuildKit)
       not verified: nothing that is verified covers the index

    claims, not verified
      source repository  build statement  https://gitlab.com/acme/shop/api
      ref                build statement  refs/tags/v1.8.2
      commit             build statement  714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
      build type         build statement
        https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md
      start              build statement  2026-01-02T03:04:05Z
      end                build statement  2026-01-02T03:05:05Z

    claims about base images, not verified
      registry.example/base/jdk:21 (build statement)
        sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd

    warnings
      - nobody has signed it
      - it is an index, and only its image for linux/arm64 (sha256:cccccccccccc…)
        has a signature: sign the index itself
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn provenance_of_a_shape_that_is_not_known() {
    let bench = Bench::new().await;
    let image = bench.push_one(&DescribedImage::new("amd64", "unknown"));
    let content = json!({"buildDefinition": {"buildType": "https://builder.example/v1"}});
    let predicate = Predicate::new("https://slsa.dev/provenance/v1", content);
    bench.release(&image, &build(), &predicate);
    assert_snapshot!(bench.told(&[]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json
    ├─ signature, by referrers API
    │  sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    │  verified: gitlab.com/acme/shop/api ref refs/tags/v1.8.2
    │  signed 2026-01-02T03:05:05Z, log entry 25002
    └─ attestation, by referrers API
       sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
       https://slsa.dev/provenance/v1 (unknown shape)
       verified: gitlab.com/acme/shop/api ref refs/tags/v1.8.2
       signed 2026-01-02T03:05:06Z, log entry 25004

    provenance
      source repository  certificate  https://gitlab.com/acme/shop/api
      ref                certificate  refs/tags/v1.8.2
      commit             certificate  714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
      job                certificate  4316132595
      pipeline source    certificate  push

    links
      commit
        https://gitlab.com/acme/shop/api/-/commit/714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e
      job     https://gitlab.com/acme/shop/api/-/jobs/4316132595

    warnings
      - an attestation is provenance of a shape that is not known: no facts are read
        from it
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_which_nothing_is_verified() {
    let bench = Bench::new().await;
    unverified(&bench);
    assert_snapshot!(bench.told(&[]).await, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json
    ├─ signature, by referrers API
    │  sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    │  not verified: signed with a key: give it with --key
    └─ attestation, by referrers API
       sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
       says it is https://slsa.dev/provenance/v1
       not verified: transparency log: no entry is of a log that the trust root
       names

    claims, not verified
      commit    label             5ba5ed0000000000000000000000000000000000
      pipeline  image annotation  1077352011

    claims about base images, not verified
      registry.example/base/jdk:21 (image annotation)
        without a digest

    warnings
      - nothing that is attached to it is verified
      - said by labels alone, which may be those of the base image: commit
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_in_a_folder() {
    let bench = Bench::new().await;
    let sign = |image: &Digest| {
        let signing = bench.sigstore.sign_with(&bench.key, image).without_log();
        Some(String::from_utf8(signing.bundle().unwrap().content.to_vec()).unwrap())
    };
    super::super::folder::write_layout(&bench, "app", None, sign);
    let inspect = async |more: &[&str]| {
        let run = bench
            .run(&[&["inspect", "oci:app", "--key", "cosign.pub"], more].concat())
            .await;
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        bench.redacted(&run.stdout)
    };
    assert_snapshot!(inspect(&[]).await, @r"
    oci:app
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json
    └─ signature, by referrers tag
       sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
       verified: key sha256:############…
    ");
    let named = inspect(&["--as", "registry.gitlab.com/acme/shop/api:1.8.2"]).await;
    let digest = format!("sha256:{}", "a".repeat(64));
    let expected =
        format!("oci:app\nas registry.gitlab.com/acme/shop/api:1.8.2@{digest}\n{digest}\n");
    assert!(named.starts_with(&expected), "{named}");
    assert_eq!(bench.registry.requests().len(), 0);
}
