//! GitLab jobs.

use super::other_fact;
use crate::{
    decision::{authority::Mismatch, tests::build::*},
    image::Repository,
    policy::{AuthorityKind, GitLabJob},
    verify::{Identity, San},
};

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

fn gitlab_accepts(change: impl FnOnce(&mut GitLabJob, &mut Identity)) -> Result<(), Mismatch> {
    let (mut job, mut identity) = (gitlab_job(), gitlab_identity());
    change(&mut job, &mut identity);
    let authority = authority("release", AuthorityKind::GitLab(Box::new(job)));
    authority.accepts(
        by_identity(identity).signer(),
        &repository("registry.gitlab.com/acme/shop/api"),
    )
}

#[test]
fn a_job_of_the_project_is_accepted() {
    assert_eq!(gitlab_accepts(|_, _| ()), Ok(()));
}

#[test]
fn every_condition_holds_for_a_certificate_that_says_so() {
    let all = |job: &mut GitLabJob, identity: &mut Identity| {
        job.project_id = Some("45821955".to_owned());
        job.protected_ref = true;
        job.config_path = Some(".gitlab-ci.yml".to_owned());
        job.pipeline_sources = vec!["web".to_owned(), "push".to_owned()];
        job.runner_environment = Some("gitlab-hosted".to_owned());
        job.environment = Some("production".to_owned());
        identity.token_subject = Some(
            "project_path:acme/shop/api:ref_type:tag:ref:v1.8.2:ref_protected:true".to_owned(),
        );
    };
    assert_eq!(gitlab_accepts(all), Ok(()));
}

#[test]
fn another_issuer_is_refused_even_if_it_begins_alike() {
    for issuer in [
        "https://gitlab.com.evil.example",
        "https://gitlab.com/",
        "https://gitlab.example",
    ] {
        let accepted = gitlab_accepts(|_, identity| identity.oidc_issuer = issuer.to_owned());
        assert_eq!(accepted, Err(Mismatch::OtherSigner), "{issuer}");
    }
}

#[test]
fn a_san_of_another_host_is_refused() {
    let accepted = gitlab_accepts(|_, identity| {
        identity.san = San::Uri(
            "https://gitlab.example/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.8.2".to_owned(),
        );
    });
    assert_eq!(accepted, Err(Mismatch::OtherSigner));
}

#[test]
fn a_san_of_another_form_is_refused() {
    for san in [
        San::Email("https://gitlab.com/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.8.2".to_owned()),
        San::Uri("https://gitlab.com/acme/shop/api/.gitlab-ci.yml@refs/tags/v1.8.2".to_owned()),
        San::Uri("http://gitlab.com/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.8.2".to_owned()),
        San::Uri("https://gitlab.com/acme/shop/api//@refs/tags/v1.8.2".to_owned()),
        San::Uri("https://gitlab.com/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.8.3".to_owned()),
        San::Uri("https://gitlab.com/acme/shop/api//.gitlab-ci.yml".to_owned()),
    ] {
        let accepted = gitlab_accepts(|_, identity| identity.san = san.clone());
        assert_eq!(accepted, Err(Mismatch::OtherProject), "{san:?}");
    }
}

#[test]
fn a_project_is_matched_whole() {
    for project in [
        "acme/shop/api-evil",
        "acme/shop",
        "evil/acme/shop/api",
        "acme/shop/api/sub",
    ] {
        let accepted = gitlab_accepts(|_, identity| {
            *identity = gitlab_identity_of(project, "refs/tags/v1.8.2");
        });
        assert_eq!(accepted, Err(Mismatch::OtherProject), "{project}");
    }
}

#[test]
fn a_forks_merge_request_in_the_target_project_is_refused() {
    let accepted = gitlab_accepts(|job, identity| {
        job.pipeline_sources = vec!["merge_request_event".to_owned()];
        identity.build_trigger = Some("merge_request_event".to_owned());
        identity.source_repository_uri = Some("https://gitlab.com/mallory/api".to_owned());
    });
    assert_eq!(accepted, Err(Mismatch::OtherProject));
}

#[test]
fn a_fork_that_the_pattern_matches_too_is_refused() {
    let accepted = gitlab_accepts(|job, identity| {
        job.project = pattern("acme/**");
        identity.source_repository_uri = Some("https://gitlab.com/acme/fork".to_owned());
    });
    let presented = Some("https://gitlab.com/acme/fork");
    assert_eq!(
        accepted,
        other_fact("source repository", presented, "acme/shop/api")
    );
}

#[test]
fn a_source_repository_that_only_ends_alike_or_is_absent_is_refused() {
    for uri in [
        None,
        Some("https://gitlab.com/evil/acme/shop/api"),
        Some("https://gitlab.com/acme/shop/api/"),
        Some("https://gitlab.example/acme/shop/api"),
        Some("acme/shop/api"),
    ] {
        let accepted = gitlab_accepts(|_, identity| {
            identity.source_repository_uri = uri.map(str::to_owned);
        });
        assert!(accepted.is_err(), "{uri:?}");
    }
}

#[test]
fn a_self_managed_instance_is_matched_by_its_own_name() {
    let self_managed = |source: &str| {
        gitlab_accepts(|job, identity| {
            job.instance = "https://git.acme.example:8443".to_owned();
            identity.oidc_issuer.clone_from(&job.instance);
            identity.san = San::Uri(
                "https://git.acme.example:8443/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.8.2"
                    .to_owned(),
            );
            identity.source_repository_uri = Some(source.to_owned());
        })
    };
    assert_eq!(self_managed("https://gitlab.com/acme/shop/api"), Ok(()));
    assert_eq!(
        self_managed("https://git.acme.example:8443/acme/shop/api"),
        Ok(())
    );
    assert_eq!(
        self_managed("https://git.acme.example:8443/mallory/api"),
        Err(Mismatch::OtherProject)
    );
}

#[test]
fn a_branch_that_ends_like_an_accepted_ref_is_refused() {
    let accepted = gitlab_accepts(|job, identity| {
        job.ref_pattern = Some(pattern("refs/heads/main"));
        *identity = gitlab_identity_of("acme/shop/api", "refs/heads/x@refs/heads/main");
    });
    assert_eq!(accepted, Err(Mismatch::OtherRef));
}

#[test]
fn the_ref_is_that_of_its_extension_and_not_the_end_of_the_san() {
    let forged = gitlab_accepts(|job, identity| {
        job.ref_pattern = Some(pattern("refs/heads/main"));
        *identity = gitlab_identity_of("acme/shop/api", "refs/heads/x@refs/heads/main");
        identity.source_repository_ref = None;
    });
    assert_eq!(forged, Err(Mismatch::OtherProject));
}

#[test]
fn a_pipeline_of_a_merge_request_is_refused_unless_it_is_listed() {
    for source in [
        Some("merge_request_event"),
        Some("external_pull_request_event"),
        None,
    ] {
        let accepted =
            gitlab_accepts(|_, identity| identity.build_trigger = source.map(str::to_owned));
        assert_eq!(
            accepted,
            other_fact("pipeline source", source, "any but merge requests")
        );
    }
    let listed = gitlab_accepts(|job, identity| {
        job.pipeline_sources = vec!["merge_request_event".to_owned()];
        identity.build_trigger = Some("merge_request_event".to_owned());
    });
    assert_eq!(listed, Ok(()));
}

#[test]
fn only_the_listed_pipeline_sources_are_accepted() {
    let accepted = gitlab_accepts(|job, _| {
        job.pipeline_sources = vec!["web".to_owned(), "schedule".to_owned()];
    });
    assert_eq!(
        accepted,
        other_fact("pipeline source", Some("push"), "web or schedule")
    );
}

#[test]
fn a_rule_on_a_fact_that_the_certificate_lacks_fails() {
    let accepted = gitlab_accepts(|job, identity| {
        job.environment = Some("production".to_owned());
        identity.deployment_environment = None;
    });
    assert_eq!(accepted, other_fact("environment", None, "production"));
}

#[test]
fn each_exact_fact_is_compared() {
    let id = gitlab_accepts(|job, _| job.project_id = Some("4582195".to_owned()));
    assert_eq!(id, other_fact("project id", Some("45821955"), "4582195"));
    let config = gitlab_accepts(|job, _| job.config_path = Some("ci.yml".to_owned()));
    assert_eq!(
        config,
        other_fact("CI configuration", Some(".gitlab-ci.yml"), "ci.yml")
    );
    let runner = gitlab_accepts(|job, _| job.runner_environment = Some("self-hosted".to_owned()));
    assert_eq!(
        runner,
        other_fact("runner environment", Some("gitlab-hosted"), "self-hosted")
    );
}

#[test]
fn a_configuration_of_another_project_is_taken_whole() {
    let accepted = gitlab_accepts(|job, identity| {
        job.config_path = Some("ci.yml@other/group".to_owned());
        identity.san = San::Uri(
            "https://gitlab.com/acme/shop/api//ci.yml@other/group@refs/tags/v1.8.2".to_owned(),
        );
    });
    assert_eq!(accepted, Ok(()));
}

#[test]
fn a_protected_ref_must_be_said_by_the_token_subject_itself() {
    let project = "project_path:acme/shop/api";
    for subject in [
        None,
        Some(format!("{project}:ref_type:tag:ref:v1.8.2")),
        Some(format!(
            "{project}:ref_type:tag:ref:v1.8.2:ref_protected:false"
        )),
        Some(format!(
            "{project}:ref_type:tag:ref:v1.8.2:ref_protected:truest"
        )),
        Some(format!("{project}:ref_type:tag:ref:x:ref_protected:true")),
        Some(format!(
            "{project}:ref_type:tag:ref:v1.8.2:ref_protected:true:ref_protected:false"
        )),
        Some(format!(
            "{project}:ref_type:branch:ref:v1.8.2:ref_protected:true"
        )),
        Some(format!("{project}:user_login:x:ref_protected:true")),
        Some(format!("{project}:ref_protected:true:ref")),
        Some("project_path:mallory/api:ref_protected:true".to_owned()),
        Some("ref_protected:true:project_path:acme/shop/api".to_owned()),
        Some("ref_protected:true".to_owned()),
    ] {
        let accepted = gitlab_accepts(|job, identity| {
            job.protected_ref = true;
            identity.token_subject.clone_from(&subject);
        });
        let wanted = "saying ref_protected:true";
        assert_eq!(
            accepted,
            other_fact("token subject", subject.as_deref(), wanted)
        );
    }
}

#[test]
fn a_ref_name_cannot_pose_as_protected() {
    let accepted = gitlab_accepts(|job, identity| {
        job.protected_ref = true;
        job.ref_pattern = None;
        *identity = gitlab_identity_of("acme/shop/api", "refs/heads/x:ref_protected:true");
        identity.token_subject =
            Some("project_path:acme/shop/api:ref_type:branch:ref:x:ref_protected:true".to_owned());
    });
    assert!(accepted.is_err());
}

#[test]
fn an_image_must_lie_in_its_project_or_below() {
    let lies_at = |path: &str, image_in_project: bool| {
        let mut job = gitlab_job();
        job.project = pattern("Acme/Shop");
        job.image_in_project = image_in_project;
        let authority = authority("release", AuthorityKind::GitLab(Box::new(job)));
        let signature = by_identity(gitlab_identity_of("Acme/Shop", "refs/tags/v1"));
        authority.accepts(
            signature.signer(),
            &repository(&format!("registry.gitlab.com/{path}")),
        )
    };
    let outside = || {
        Err(Mismatch::ImageNotInProject {
            project: "Acme/Shop".to_owned(),
        })
    };
    assert_eq!(lies_at("acme/shop", true), Ok(()));
    assert_eq!(lies_at("acme/shop/api", true), Ok(()));
    assert_eq!(lies_at("acme/shop-evil", true), outside());
    assert_eq!(lies_at("acme", true), outside());
    assert_eq!(lies_at("mirror/acme/shop", true), outside());
    assert_eq!(lies_at("mirror/acme/shop", false), Ok(()));
}
