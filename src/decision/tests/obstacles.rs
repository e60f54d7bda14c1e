//! What to do about a registry that cannot be read: each hint helps with its own failure alone.

use super::messages::{a_pod, denial_of};
use crate::decision::{Asked, Reader, cause::Obstacle};

const GITLAB: &str = "registry.gitlab.com/acme/shop/api:1.8.2";
const OTHER: &str = "registry.corp.example:5000/shop/api:1";

/// What follows the code in the line of this image.
fn hint(image: &str, obstacle: Obstacle) -> String {
    let mut denial = denial_of(obstacle);
    image.clone_into(&mut denial.slot.written);
    let line = denial.to_string();
    line.split_once("]; ").expect("a hint").1.to_owned()
}

fn refused(status: u16, tried: &[&str], reader: Reader) -> Obstacle {
    Obstacle::RegistryUnauthorized {
        asked: Asked::ImageRegistry,
        status,
        tried: tried.iter().map(|&origin| origin.to_owned()).collect(),
        forbidden: Vec::new(),
        reader,
    }
}

#[test]
fn a_refused_login_is_told_to_who_can_mend_it() {
    let not_sent =
        "pull secret \"a\" (not sent to t.example, which is not known to belong to the registry)";
    let not_asked = "pull secret \"a\" (not sent: the registry asks for no login that Assay knows)";
    let unfit = "pull secret \"a\" (not sent: the registry takes user name and password only)";
    let named = "name a login for registry.corp.example:5000 in --registries or --docker-config";
    let identity = "the workload identity for ECR";
    let needs_scope = "the deploy token needs read_registry";
    let renewed =
        "renew it: it is wrong, has expired or may not read this (in GitLab: lacks read_registry)";
    let login = "docker login registry.corp.example:5000, or name a login in --registries";
    for (image, status, tried, reader, expected) in [
        (GITLAB, 403, vec!["pull secret \"a\""], a_pod(), needs_scope),
        (OTHER, 403, vec!["pull secret \"a\""], a_pod(), renewed),
        (OTHER, 401, vec!["docker config c"], Reader::Person, renewed),
        (
            OTHER,
            401,
            vec![],
            a_pod(),
            "add a pull secret that may read it (in GitLab: with read_registry)",
        ),
        (OTHER, 401, vec![], Reader::Person, login),
        (
            OTHER,
            401,
            vec![not_sent],
            a_pod(),
            "its token service must share the registry's parent domain, or be named in tokenService of Assay's registries",
        ),
        (OTHER, 401, vec![], Reader::Server, named),
        (
            OTHER,
            401,
            vec![not_asked],
            a_pod(),
            "its operator must let it ask for one: 401 with WWW-Authenticate: Basic or Bearer",
        ),
        (
            OTHER,
            401,
            vec![unfit],
            a_pod(),
            "give it a user name and a password",
        ),
        (
            OTHER,
            401,
            vec![identity],
            Reader::Person,
            &format!("let that identity pull there, or {login}"),
        ),
    ] {
        assert_eq!(hint(image, refused(status, &tried, reader)), expected);
    }
}

#[test]
fn pull_secrets_that_hold_no_login_for_the_registry_are_named() {
    let useless = vec![
        "pull secret \"a\" does not exist".to_owned(),
        "pull secret \"b\" has no login for registry.corp.example:5000".to_owned(),
    ];
    let mut denial = denial_of(refused(401, &[], Reader::Pod { useless }));
    OTHER.clone_into(&mut denial.slot.written);
    insta::assert_snapshot!(denial, @r#"container "api": registry.corp.example:5000/shop/api:1 could not be checked: the registry refused anonymous access (401), and pull secret "a" does not exist and pull secret "b" has no login for registry.corp.example:5000 [RegistryUnauthorized]; write one with a login for registry.corp.example:5000, as kubectl create secret docker-registry does"#);
}

#[test]
fn a_login_that_is_held_because_of_others_is_not_to_be_renewed() {
    let held =
        "pull secret \"a\" (not sent for up to 3 min: gitlab.com has refused too many logins)";
    let reader = Reader::Pod { useless: vec![] };
    let denial = denial_of(refused(403, &[held], reader));
    insta::assert_snapshot!(denial, @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 could not be checked: the registry refused pull secret "a" (not sent for up to 3 min: gitlab.com has refused too many logins) (403) [RegistryUnauthorized]; try again then; other wrong pull secrets are the cause, and the registry would ban the cluster for more of them"#);
}

#[test]
fn a_broken_pull_secret_is_to_be_written_again() {
    for (detail, expected) in [
        (
            "pull secret \"a\" is not a docker config: no JSON at line 1 column 1",
            "write it again, as kubectl create secret docker-registry does",
        ),
        (
            "51 pull secrets are named, at most 50 are read",
            "name fewer",
        ),
        (
            "pull secret \"a\" cannot be read: the API server did not answer in time",
            "see that the secret exists and that Assay may read it",
        ),
    ] {
        let detail = detail.to_owned();
        let obstacle = Obstacle::PullSecretUnreadable { detail };
        assert_eq!(hint(OTHER, obstacle), expected);
    }
}

#[test]
fn only_an_unknown_authority_is_to_be_named_in_ca_file() {
    for (detail, expected) in [
        (
            "invalid peer certificate: UnknownIssuer",
            "name the registry's CA in caFile of Assay's registries",
        ),
        ("the certificate has expired", "its operator must renew it"),
        (
            "the certificate is not valid yet",
            "look at its dates, and at the clock of Assay's node",
        ),
        (
            "the certificate is for another name: wrong.example",
            "its operator must issue it for the name by which the image is pulled",
        ),
        (
            "the certificate is not X.509 version 3",
            "its operator must issue it anew with a subject alternative name",
        ),
        (
            "it answers without TLS",
            "if it has none, say insecureHttp: true for this host and port in Assay's registries",
        ),
        (
            "received fatal alert: CertificateRequired",
            "name a client certificate in clientCertFile and clientKeyFile of Assay's registries",
        ),
        (
            "received fatal alert: CertificateExpired",
            "renew clientCertFile of Assay's registries",
        ),
        (
            "received fatal alert: UnknownCA",
            "name one in clientCertFile of Assay's registries that it accepts",
        ),
        (
            "received fatal alert: ProtocolVersion",
            "its operator must let it speak TLS 1.2 or 1.3",
        ),
    ] {
        let (asked, detail) = (Asked::ImageRegistry, detail.to_owned());
        let obstacle = Obstacle::RegistryTlsFailed { asked, detail };
        assert_eq!(hint(OTHER, obstacle), expected);
    }
}

#[test]
fn a_proxy_that_does_not_lead_to_the_registry_is_to_be_mended_itself() {
    for (detail, expected) in [
        (
            "could not be reached by the proxy p.example:3128 (proxy authorization required)",
            "put user:password@ before the proxy in HTTPS_PROXY of Assay",
        ),
        (
            "could not be reached by the proxy p.example:3128 (it refuses to lead there)",
            "let the proxy lead there, or name the host in NO_PROXY of Assay",
        ),
        (
            "answered 400 to plain HTTP",
            "if it speaks TLS, take insecureHttp from its prefix in Assay's registries",
        ),
        ("answered 502", "try again when the registry answers"),
    ] {
        let (asked, detail) = (Asked::ImageRegistry, detail.to_owned());
        let obstacle = Obstacle::RegistryUnavailable { asked, detail };
        assert_eq!(hint(OTHER, obstacle), expected);
    }
}
