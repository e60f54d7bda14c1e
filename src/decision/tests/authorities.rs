//! Which certificates each authority stands for: one thing is changed in a good one, and it is refused.

mod gitlab;
mod self_managed;

use super::build::*;
use crate::{
    decision::{Decision, FactMismatch, authority::Mismatch, signer_text},
    image::Repository,
    policy::{AuthorityKind, GitHubJob},
    verify::{Identity, San, Signer},
};

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

fn github_accepts(change: impl FnOnce(&mut GitHubJob, &mut Identity)) -> Result<(), Mismatch> {
    let (mut job, mut identity) = (github_job(), github_identity());
    change(&mut job, &mut identity);
    let authority = authority("actions", AuthorityKind::GitHub(Box::new(job)));
    authority.accepts(
        by_identity(identity).signer(),
        &repository("ghcr.io/acme/shop"),
    )
}

fn other_fact(name: &'static str, presented: Option<&str>, accepted: &str) -> Result<(), Mismatch> {
    Err(Mismatch::OtherFact(FactMismatch {
        name,
        presented: presented.map(str::to_owned),
        accepted: accepted.to_owned(),
    }))
}

#[test]
fn a_github_job_of_the_repository_is_accepted() {
    assert_eq!(github_accepts(|_, _| ()), Ok(()));
}

#[test]
fn a_github_certificate_is_matched_in_every_part() {
    let issuer = github_accepts(|_, identity| {
        identity.oidc_issuer = "https://token.actions.githubusercontent.com.evil".to_owned();
    });
    assert_eq!(issuer, Err(Mismatch::OtherSigner));
    let san = github_accepts(|_, identity| {
        identity.san = San::Uri("https://github.com.evil/acme/shop/x.yml@refs/tags/v1".to_owned());
    });
    assert_eq!(san, Err(Mismatch::OtherSigner));
    for uri in [
        "https://github.com/acme/shop-evil",
        "https://github.com/evil/acme/shop",
        "acme/shop",
    ] {
        let repository = github_accepts(|_, identity| {
            identity.source_repository_uri = Some(uri.to_owned());
        });
        assert_eq!(repository, Err(Mismatch::OtherProject), "{uri}");
    }
    for name in [Some("refs/heads/main"), Some("refs/tags/v1/x"), None] {
        let ref_name = github_accepts(|_, identity| {
            identity.source_repository_ref = name.map(str::to_owned);
        });
        assert_eq!(ref_name, Err(Mismatch::OtherRef), "{name:?}");
    }
}

#[test]
fn a_github_workflow_is_the_one_that_was_started() {
    let with_workflow = |config: Option<&str>| {
        github_accepts(|job, identity| {
            job.workflow = Some(pattern(".github/workflows/release.yml"));
            identity.san = San::Uri(
                "https://github.com/acme/actions/.github/workflows/sign.yml@refs/heads/main"
                    .to_owned(),
            );
            identity.build_config_uri = config.map(str::to_owned);
        })
    };
    let at = |path: &str| format!("https://github.com/acme/shop/{path}@refs/tags/v1.8.2");
    assert_eq!(
        with_workflow(Some(&at(".github/workflows/release.yml"))),
        Ok(())
    );
    let accepted = ".github/workflows/release.yml";
    assert_eq!(
        with_workflow(Some(&at(".github/workflows/pr.yml"))),
        other_fact("workflow", Some(".github/workflows/pr.yml"), accepted)
    );
    assert_eq!(with_workflow(None), other_fact("workflow", None, accepted));
    assert_eq!(
        with_workflow(Some(
            "https://github.com/acme/other/.github/workflows/release.yml@refs/tags/v1.8.2"
        )),
        other_fact("workflow", None, accepted)
    );
}

#[test]
fn a_keyless_identity_is_matched_whole() {
    let accepts = |oidc_issuer: &str, san: San| {
        let kind = AuthorityKind::Keyless {
            oidc_issuer: "https://issuer.example".to_owned(),
            san: pattern("https://partner.example/*"),
        };
        let identity = Identity {
            oidc_issuer: oidc_issuer.to_owned(),
            san,
            ..gitlab_identity()
        };
        authority("partner", kind).accepts(
            by_identity(identity).signer(),
            &repository("registry.example/a"),
        )
    };
    let uri = |text: &str| San::Uri(text.to_owned());
    let (issuer, good) = ("https://issuer.example", uri("https://partner.example/ci"));
    assert_eq!(accepts(issuer, good.clone()), Ok(()));
    assert_eq!(
        accepts("https://issuer.example.evil", good),
        Err(Mismatch::OtherSigner)
    );
    for san in [
        "https://partner.example/ci/x",
        "https://partner.example.evil/ci",
        "x https://partner.example/ci",
    ] {
        assert_eq!(
            accepts(issuer, uri(san)),
            Err(Mismatch::OtherProject),
            "{san}"
        );
    }
}

#[test]
fn a_key_is_no_identity_and_an_identity_no_key() {
    let repository = repository("registry.gitlab.com/acme/shop/api");
    assert_eq!(
        key_authority("a", 0).accepts(by_key(0).signer(), &repository),
        Ok(())
    );
    assert_eq!(
        key_authority("a", 0).accepts(by_key(1).signer(), &repository),
        Err(Mismatch::OtherSigner)
    );
    let by_pipeline = by_identity(gitlab_identity());
    assert_eq!(
        key_authority("a", 0).accepts(by_pipeline.signer(), &repository),
        Err(Mismatch::OtherSigner)
    );
    assert_eq!(
        gitlab_authority().accepts(by_key(0).signer(), &repository),
        Err(Mismatch::OtherSigner)
    );
}

#[test]
fn signers_are_named_as_policies_name_them() {
    let named = |identity: Identity| signer_text(&Signer::Certificate(Box::new(identity)));
    assert_eq!(
        named(gitlab_identity()),
        "gitlab.com/acme/shop/api ref refs/tags/v1.8.2"
    );
    assert_eq!(
        named(github_identity()),
        "github.com/acme/shop ref refs/tags/v1.8.2"
    );
    let mut fork = gitlab_identity();
    fork.source_repository_uri = Some("https://gitlab.com/mallory/api".to_owned());
    assert_eq!(named(fork), "gitlab.com/mallory/api ref refs/tags/v1.8.2");
    let person = Identity {
        oidc_issuer: "https://accounts.example".to_owned(),
        san: San::Email("kim@acme.example".to_owned()),
        ..gitlab_identity()
    };
    assert_eq!(named(person), "kim@acme.example (https://accounts.example)");
    let key = signer_text(&Signer::Key {
        fingerprint: "ab12cd34ef5678".to_owned(),
    });
    assert_eq!(key, "key sha256:ab12cd34ef56…");
}

#[test]
fn an_admitted_image_names_its_commit_and_its_job_at_its_own_instance() {
    let mut job = gitlab_job();
    job.instance = "https://git.acme.example".to_owned();
    let policy = policy(vec![authority(
        "release",
        AuthorityKind::GitLab(Box::new(job)),
    )]);
    let mut identity = gitlab_identity();
    identity.oidc_issuer = "https://git.acme.example".to_owned();
    identity.san = San::Uri(
        "https://git.acme.example/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.8.2".to_owned(),
    );
    let found = found(IMAGE, vec![checked_by_identity(&policy, 1, &identity)]);
    let Decision::Admit(admission) = judged(policy, found) else {
        panic!("a signed image was refused")
    };
    let image = &admission.images[0];
    assert_eq!(
        image.signers(),
        ["git.acme.example/acme/shop/api ref refs/tags/v1.8.2"]
    );
    assert_eq!(image.commit(), Some("8a5c".repeat(10)));
    let job = "https://git.acme.example/acme/shop/api/-/jobs/4316132595";
    assert_eq!(image.job_url().as_deref(), Some(job));
}
