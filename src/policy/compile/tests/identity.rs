//! Keyless identities.

use super::*;
use crate::policy::TrustRootName;

#[test]
fn a_gitlab_instance_is_kept_as_its_tokens_name_it() {
    for (written, kept) in [
        ("https://gitlab.com", "https://gitlab.com"),
        ("https://gitlab.com/", "https://gitlab.com"),
        ("https://GitLab.example:8443", "https://gitlab.example:8443"),
        ("https://git.example/gitlab/", "https://git.example/gitlab"),
    ] {
        let policy = compiled(with(gitlab_at(written, Some("acme"))));
        let AuthorityKind::GitLab(job) = &policy.authorities[0].kind else {
            panic!("{policy:?}")
        };
        assert_eq!(job.instance, kept);
        assert_eq!(
            policy.authorities[0].trust_root,
            Some(TrustRootName::Named("acme".to_owned()))
        );
    }
}

#[test]
fn a_gitlab_instance_is_a_plain_https_url() {
    for written in [
        "http://gitlab.com",
        "gitlab.com",
        "https://user@gitlab.com",
        "https://gitlab.com?x",
        "https://gitlab.com#x",
        "https://*.gitlab.com",
        "https://",
        "",
    ] {
        let found = problems(with(gitlab_at(written, Some("acme"))));
        let expected = "expected an https URL such as https://gitlab.com, found";
        assert_eq!(
            found,
            [format!(
                "spec.authorities[0].gitlab.instance: {expected} \"{written}\""
            )]
        );
    }
}

#[test]
fn an_instance_the_public_sigstore_does_not_know_needs_a_trust_root() {
    for known in [
        "https://gitlab.archlinux.org",
        "https://dev.gitlab.org",
        "https://ops.gitlab.net",
    ] {
        compiled(with(gitlab_at(known, None)));
    }
    for (unknown, trust_root) in [
        ("https://gitlab.example", None),
        ("https://gitlab.example", Some("public")),
        ("https://gitlab.com.example", None),
        ("https://gitlab.com/sub", None),
    ] {
        let found = problems(with(gitlab_at(unknown, trust_root)));
        assert_eq!(
            found,
            [format!(
                "spec.authorities[0].gitlab.instance: expected a trustRootRef that names an ImageTrustRoot beside an \
                 instance whose tokens the public-good Sigstore does not accept, found \"{unknown}\""
            )]
        );
    }
}

#[test]
fn a_project_is_a_path_and_no_url() {
    for written in ["https://gitlab.com/acme/shop", "/acme/shop", "acme/shop/"] {
        assert_eq!(
            problems(with(
                json!({ "name": "a", "gitlab": { "project": written } })
            )),
            [format!(
                "spec.authorities[0].gitlab.project: expected a pattern over the project's path, as in acme/shop/api, found \"{written}\""
            )]
        );
    }
}

#[test]
fn a_github_owner_is_written_out() {
    for written in [
        "*/shop",
        "acme*/shop",
        "**",
        "acme",
        "acme/shop/x",
        "/shop",
        "acme/",
    ] {
        assert_eq!(
            problems(with(
                json!({ "name": "a", "github": { "repository": written } })
            )),
            [format!(
                "spec.authorities[0].github.repository: expected owner/name, the owner without wildcards, found \"{written}\""
            )]
        );
    }
    compiled(with(
        json!({ "name": "a", "github": { "repository": "acme/*", "workflow": ".github/workflows/*.yml" } }),
    ));
}

fn gitlab_at(instance: &str, trust_root: Option<&str>) -> Value {
    let mut authority =
        json!({ "name": "a", "gitlab": { "instance": instance, "project": "acme/shop" } });
    if let Some(name) = trust_root {
        authority["trustRootRef"] = json!({ "name": name });
    }
    authority
}
