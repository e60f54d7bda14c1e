//! The list, one module of cases each: what is wrong, and the same without it.

use super::*;

/// Another commit than the one that is built.
const OTHER_COMMIT: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678";

mod built_outside_ci {
    use super::*;

    #[tokio::test]
    async fn nothing_says_how_it_was_built() {
        let case = Case::asking(json!({}));
        let (world, _) = case.bare_world().await;
        let response = world.deploy(&case.path()).await;
        insta::assert_snapshot!(line(&world, &response), @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has no signed provenance, policy "demand" asks for it [ProvenanceMissing]; attest it in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd"#);
    }

    #[tokio::test]
    async fn a_person_says_how_it_was_built() {
        let person = Claims::email("alice@acme.example", "https://accounts.example");
        insta::assert_snapshot!(Case::asking(json!({})).certified(person).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 by alice@acme.example (https://accounts.example), policy "demand" accepts gitlab.com/acme/shop/* [IdentityMismatch]; deploy an image built by the release pipeline"#);
    }

    #[tokio::test]
    async fn the_release_pipeline_says_how_it_was_built() {
        let told = Case::asking(json!({})).admitted().await;
        insta::assert_snapshot!(format!("{told:#}"), @r#"{
  "api": {
    "commit": "714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e",
    "digest": "sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd",
    "job": "https://gitlab.com/acme/shop/api/-/jobs/4316132595",
    "pipeline": "https://gitlab.com/acme/shop/api/-/pipelines/1077352011",
    "policies": [
      "demand"
    ],
    "signer": "gitlab.com/acme/shop/api ref refs/tags/v1.8.2"
  }
}"#);
    }
}

mod rebuilt_under_the_same_tag {
    use super::*;

    fn case() -> Case {
        Case::asking(json!({"tagMatches": ["Commit"]})).tagged("714a630e")
    }

    #[tokio::test]
    async fn the_tag_names_the_commit_that_was_built_first() {
        let rebuilt = case().built(&release().commit(OTHER_COMMIT));
        insta::assert_snapshot!(rebuilt.line().await, @r#"container "api": registry.example/acme/shop/api:714a630e (sha256:64ebbf839cad…) provenance says commit a1b2c3d4e5f60718293a4b5c6d7e8f9012345678 (certificate), the tag says 714a630e, policy "demand" wants them to be the same [CommitMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again"#);
    }

    #[tokio::test]
    async fn the_tag_names_the_commit_that_was_built() {
        case().admitted().await;
        case().tagged("714a630").admitted().await;
        case()
            .tagged("714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e")
            .admitted()
            .await;
    }

    #[tokio::test]
    async fn the_tag_is_another_release_than_the_one_that_was_built() {
        let asks = || Case::asking(json!({"tagMatches": ["Ref"]}));
        insta::assert_snapshot!(asks().tagged("v1.8.3").line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.3 (sha256:64ebbf839cad…) provenance says ref refs/tags/v1.8.2 (certificate), the tag says v1.8.3, policy "demand" wants them to be the same [RefMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again"#);
        asks().admitted().await;
    }
}

mod copied_from_another_project {
    use super::*;

    fn copied(mut case: Case) -> Case {
        case.repository = "acme/shop/web";
        case
    }

    #[tokio::test]
    async fn it_lies_outside_of_the_project_that_built_it() {
        insta::assert_snapshot!(copied(Case::asking(json!({}))).line().await, @r#"container "api": registry.example/acme/shop/web:v1.8.2 (sha256:64ebbf839cad…) was signed by project acme/shop/api, but acme/shop/web is not its registry path, and policy "demand" asks for that [ImageNotInProject]; deploy the image from acme/shop/api or below"#);
    }

    #[tokio::test]
    async fn it_was_built_from_another_repository() {
        let asks = |project: &str| {
            let repository = format!("https://gitlab.com/{project}");
            let mut anywhere = pipeline();
            anywhere["gitlab"]["imageInProject"] = json!(false);
            copied(Case::asking(json!({"sourceRepository": repository})))
                .spec("authorities", json!([anywhere]))
        };
        insta::assert_snapshot!(asks("acme/shop/web").line().await, @r#"container "api": registry.example/acme/shop/web:v1.8.2 (sha256:64ebbf839cad…) provenance says source repository https://gitlab.com/acme/shop/api (certificate), policy "demand" accepts https://gitlab.com/acme/shop/web [ProvenanceMismatch]; deploy an image built from an accepted repository"#);
        asks(PROJECT).admitted().await;
    }
}

mod wrong_branch {
    use super::*;

    #[tokio::test]
    async fn it_was_built_from_a_branch_where_tags_are_asked_for() {
        let asks = || Case::asking(json!({"refs": ["refs/tags/v*"]}));
        let branch = Build::gitlab(PROJECT, "refs/heads/feature/x");
        insta::assert_snapshot!(asks().built(&branch).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance says ref refs/heads/feature/x (certificate), policy "demand" accepts refs/tags/v* [RefMismatch]; deploy an image built from an accepted branch or tag"#);
        asks().admitted().await;
    }

    #[tokio::test]
    async fn it_was_attested_by_a_pipeline_of_a_branch() {
        let mut of_tags = pipeline();
        of_tags["gitlab"]["ref"] = json!("refs/tags/v*");
        let asks = || Case::asking(json!({})).spec("authorities", json!([of_tags]));
        let branch = Build::gitlab(PROJECT, "refs/heads/main");
        insta::assert_snapshot!(asks().built(&branch).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 by gitlab.com/acme/shop/api ref refs/heads/main, policy "demand" accepts gitlab.com/acme/shop/* ref refs/tags/v* [IdentityMismatch]; deploy an image built by the release pipeline"#);
        asks().admitted().await;
    }
}

mod merge_request_pipeline {
    use super::*;

    #[tokio::test]
    async fn it_was_built_for_a_merge_request() {
        let asks = || Case::asking(json!({}));
        let build =
            |source: &str| Build::gitlab(PROJECT, "refs/heads/main").pipeline_source(source);
        insta::assert_snapshot!(asks().built(&build("merge_request_event")).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 by gitlab.com/acme/shop/api ref refs/heads/main with pipeline source merge_request_event, policy "demand" accepts gitlab.com/acme/shop/* with pipeline source any but merge requests [IdentityMismatch]; deploy an image built by the release pipeline"#);
        asks().built(&build("push")).admitted().await;
    }

    #[tokio::test]
    async fn it_was_built_for_a_merge_request_of_a_fork_that_calls_its_branch_main() {
        let of_target =
            Build::gitlab(PROJECT, "refs/heads/main").pipeline_source("merge_request_event");
        let claims = of_target.claims().project("mallory/api").project_id("666");
        let case = Case::asking(json!({})).built(&of_target).certified(claims);
        insta::assert_snapshot!(case.line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 by gitlab.com/mallory/api ref refs/heads/main, policy "demand" accepts gitlab.com/acme/shop/* [IdentityMismatch]; deploy an image built by the release pipeline"#);
    }
}

mod wrong_pipeline_source {
    use super::*;

    #[tokio::test]
    async fn it_was_built_by_a_schedule() {
        let asks = || Case::asking(json!({"pipelineSources": ["push", "web"]}));
        let scheduled = release().pipeline_source("schedule");
        insta::assert_snapshot!(asks().built(&scheduled).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance says pipeline source schedule (certificate), policy "demand" accepts push or web [ProvenanceMismatch]; deploy an image of a push or web pipeline"#);
        asks().admitted().await;
        asks()
            .built(&release().pipeline_source("web"))
            .admitted()
            .await;
    }
}

mod untrusted_runner {
    use super::*;

    fn case() -> Case {
        let runners = json!([
            "https://gitlab.com/groups/acme/-/runners/*",
            "https://gitlab.com/acme/shop/api/-/runners/1234"
        ]);
        Case::asking(json!({"runners": runners}))
    }

    #[tokio::test]
    async fn it_was_built_on_a_runner_that_somebody_registered_for_the_project() {
        let elsewhere = release().runner("https://gitlab.com/acme/shop/api/-/runners/666");
        insta::assert_snapshot!(case().built(&elsewhere).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance says runner https://gitlab.com/acme/shop/api/-/runners/666 (attestation), policy "demand" accepts https://gitlab.com/groups/acme/-/runners/* or https://gitlab.com/acme/shop/api/-/runners/1234 [RunnerNotAllowed]; build it on an accepted runner: the tags of the job choose one"#);
    }

    #[tokio::test]
    async fn nothing_says_which_runner_built_it() {
        let predicate = release().stated_by_job().without("runDetails.builder");
        insta::assert_snapshot!(case().stated(predicate).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance says no runner, policy "demand" accepts https://gitlab.com/groups/acme/-/runners/* or https://gitlab.com/acme/shop/api/-/runners/1234 [RunnerNotAllowed]; attest it with provenance that states the runner"#);
    }

    #[tokio::test]
    async fn it_was_built_on_one_of_ours() {
        case().admitted().await;
        let of_group = release().runner("https://gitlab.com/groups/acme/-/runners/7");
        case().built(&of_group).admitted().await;
    }
}

mod base_image {
    use super::*;

    fn case() -> Case {
        Case::asking(json!({"baseImages": ["registry.gitlab.com/acme/base/**"]}))
    }

    fn plain() -> Build {
        Build::gitlab(PROJECT, TAG)
    }

    #[tokio::test]
    async fn base_image_not_on_the_list() {
        let digest = Digest::of(b"somebody else's");
        let build = release().base_image("docker.io/mallory/debian:12", &digest);
        insta::assert_snapshot!(case().built(&build).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance names base image docker.io/mallory/debian:12 (attestation), policy "demand" accepts registry.gitlab.com/acme/base/** by digest [BaseImageNotAllowed]; build it from an accepted base image"#);
    }

    #[tokio::test]
    async fn base_image_not_by_digest() {
        let build = plain().base_image_without_digest(BASE);
        insta::assert_snapshot!(case().built(&build).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance names base image registry.gitlab.com/acme/base/debian:12 without a digest (attestation), policy "demand" accepts registry.gitlab.com/acme/base/** by digest [BaseImageNotAllowed]; name it by digest in the Dockerfile: FROM <name>@sha256:<digest>"#);
    }

    #[tokio::test]
    async fn base_image_not_stated() {
        insta::assert_snapshot!(case().built(&plain()).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance names no base image, policy "demand" accepts registry.gitlab.com/acme/base/** [BaseImageNotAllowed]; build it with provenance, and sign the index that holds it: docker buildx build --provenance=mode=max"#);
    }

    #[tokio::test]
    async fn base_image_on_the_list_and_by_digest() {
        case().admitted().await;
    }

    #[tokio::test]
    async fn base_image_told_by_buildkit_in_the_index_that_the_attestation_is_about() {
        let index = |base: &Build| {
            let image =
                DescribedImage::new("amd64", "the image").stating(base.stated_by_buildkit());
            DescribedIndex::default().image(image)
        };
        let told_in_index = |base: &Build| case().built(&plain()).pushed(index(base));
        told_in_index(&release()).admitted().await;
        let other = release().base_image("docker.io/mallory/debian:12", &Digest::of(b"x"));
        insta::assert_snapshot!(told_in_index(&other).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:eac725e77859…) provenance names base image docker.io/mallory/debian:12 (build statement), policy "demand" accepts registry.gitlab.com/acme/base/** by digest [BaseImageNotAllowed]; build it from an accepted base image"#);
    }
}

mod provenance_of_another_digest {
    use super::*;

    #[tokio::test]
    async fn it_is_about_another_image() {
        let case = Case::asking(json!({})).about(Digest::of(b"another image"));
        insta::assert_snapshot!(case.line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 that is not valid: signs another image (sha256:210277cb6266afe7c6cc4227ff3e9efc818f55234a7d7fbf033ab602440f2437) [AttestationInvalid]; attest it again in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd"#);
    }
}

mod provenance_signed_by_somebody_else {
    use super::*;

    #[tokio::test]
    async fn a_fork_says_what_the_project_would() {
        let fork = Build::gitlab("mallory/api", TAG);
        let case = Case::asking(json!({})).certified(fork.claims());
        insta::assert_snapshot!(case.line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 by gitlab.com/mallory/api ref refs/tags/v1.8.2, policy "demand" accepts gitlab.com/acme/shop/* [IdentityMismatch]; deploy an image built by the release pipeline"#);
    }

    #[tokio::test]
    async fn an_authority_of_the_policy_that_may_sign_but_not_attest() {
        let signs_and_attests = |attests: &str| {
            let other = json!({
                "name": "security",
                "gitlab": {"project": "acme/security", "imageInProject": false},
                "trustRootRef": {"name": "sandbox"},
            });
            Case::asking(json!({"authorities": [attests]}))
                .spec("authorities", json!([other, pipeline()]))
        };
        insta::assert_snapshot!(signs_and_attests("security").line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 by gitlab.com/acme/shop/api ref refs/tags/v1.8.2, policy "demand" accepts gitlab.com/acme/security [IdentityMismatch]; deploy an image built by the release pipeline"#);
        signs_and_attests("pipeline").admitted().await;
    }
}

mod too_old {
    use super::*;

    #[tokio::test]
    async fn it_was_built_too_long_ago() {
        let asks = |age: &str| {
            let case = Case::asking(json!({"maxAge": age}));
            let finished_on = "2025-10-01T00:00:00Z".parse().unwrap();
            case.built(&release().finished_on(finished_on))
        };
        insta::assert_snapshot!(asks("2160h").line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance says it was built at 2025-10-01T00:00:00Z, policy "demand" accepts builds of at most 2160h [BuildTooOld]; build it again and deploy the new image"#);
        asks("2400h").admitted().await;
    }
}

mod tag_names_another_commit_than_the_attestation {
    use super::*;

    fn case() -> Case {
        Case::asking(json!({"tagMatches": ["Commit"]}))
    }

    #[tokio::test]
    async fn the_tag_is_another_commit() {
        insta::assert_snapshot!(case().tagged("a1b2c3d").line().await, @r#"container "api": registry.example/acme/shop/api:a1b2c3d (sha256:64ebbf839cad…) provenance says commit 714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e (certificate), the tag says a1b2c3d, policy "demand" wants them to be the same [CommitMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again"#);
    }

    #[tokio::test]
    async fn the_attestation_says_what_the_tag_says_and_its_certificate_says_otherwise() {
        let told = release().commit(OTHER_COMMIT).stated_by_job();
        let lying = case().tagged("a1b2c3d").stated(told);
        insta::assert_snapshot!(lying.line().await, @r#"container "api": registry.example/acme/shop/api:a1b2c3d (sha256:64ebbf839cad…) provenance says commit a1b2c3d4e5f60718293a4b5c6d7e8f9012345678 (attestation), but commit 714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e (certificate): it contradicts itself [ProvenanceMismatch]; attest it again in the GitLab release pipeline, in the job that built it: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd"#);
    }

    #[tokio::test]
    async fn the_certificate_says_what_the_tag_says_and_the_attestation_says_otherwise() {
        let told = release().commit(OTHER_COMMIT).stated_by_job();
        insta::assert_snapshot!(case().tagged("714a630").stated(told).line().await, @r#"container "api": registry.example/acme/shop/api:714a630 (sha256:64ebbf839cad…) provenance says commit a1b2c3d4e5f60718293a4b5c6d7e8f9012345678 (attestation), but commit 714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e (certificate): it contradicts itself [ProvenanceMismatch]; attest it again in the GitLab release pipeline, in the job that built it: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd"#);
        case().tagged("714a630").admitted().await;
    }
}

mod layout_c {
    use super::*;

    #[tokio::test]
    async fn the_experiment_of_cosign_2_is_judged_as_the_other_layouts_are() {
        let asks = || Case::asking(json!({"refs": ["refs/tags/v*"]}));
        let (world, response) = asks().response(Stored::Experiment).await;
        told_when_admitted(&world, &asks().path(), &response);
        let branch = asks().built(&Build::gitlab(PROJECT, "refs/heads/feature/x"));
        let (world, response) = branch.response(Stored::Experiment).await;
        assert_eq!(line(&world, &response), branch.line().await);
    }
}
