use super::*;

fn credential(name: &str) -> Credential {
    Credential {
        origin: format!("pull secret {name:?}"),
        username: name.to_owned(),
        password: Secret::new("hunter2".to_owned()),
    }
}

fn keyring(keys: &[&str]) -> Keyring {
    let mut keyring = Keyring::default();
    for key in keys {
        keyring.add(key, credential(key));
    }
    keyring
}

/// The keys that match this repository, in the order in which they are tried.
fn matching(keys: &[&str], repository: &str) -> Vec<String> {
    let keyring = keyring(keys);
    let repository = repository.parse().expect("a repository");
    keyring
        .lookup(&repository)
        .into_iter()
        .map(|credential| credential.username.clone())
        .collect()
}

const NONE: [&str; 0] = [];

#[test]
fn ports_are_compared_as_text() {
    let keys = ["r.example", "r.example:443", "r.example:5000"];
    assert_eq!(matching(&keys, "r.example/a"), ["r.example"]);
    assert_eq!(matching(&keys, "r.example:443/a"), ["r.example:443"]);
    assert_eq!(matching(&["r.example:0443"], "r.example:443/a"), NONE);
}

#[test]
fn a_star_stands_for_exactly_one_label() {
    let keys = ["*.example.com"];
    assert_eq!(matching(&keys, "r.example.com/a"), keys);
    assert_eq!(matching(&keys, "example.com/a"), NONE);
    assert_eq!(matching(&keys, "a.r.example.com/a"), NONE);
    assert_eq!(matching(&keys, "r.example.com.evil.org/a"), NONE);
    assert_eq!(matching(&["*.*.com"], "r.example.com/a"), ["*.*.com"]);
    assert_eq!(
        matching(&["r*-1.example"], "reg-1.example/a"),
        ["r*-1.example"]
    );
    assert_eq!(matching(&["r*-1.example"], "reg-12.example/a"), NONE);
}

#[test]
fn base64_is_read_as_the_kubelet_reads_it() {
    // u:p, wrapped; and with bits beyond the last byte.
    for auth in ["dT\\npw", "dT\\r\\npw\\n", "dTpwcQ==", "dTpwcR==", "dTpwcR"] {
        let text = format!(r#"{{"auths": {{"r.example": {{"auth": "{auth}"}}}}}}"#);
        let mut keyring = Keyring::default();
        let read = keyring.add_docker_config_json("a secret", &text);
        read.expect("read");
        let repository = "r.example/a".parse().expect("a repository");
        let found = keyring.lookup(&repository);
        let logins: Vec<_> = found.iter().map(|one| one.username.as_str()).collect();
        assert_eq!(logins, ["u"], "{auth}");
    }
}

#[test]
fn a_label_is_matched_as_a_file_name() {
    assert_eq!(
        matching(&["r[0-9].example"], "r1.example/a"),
        ["r[0-9].example"]
    );
    assert_eq!(matching(&["r[^0-9].example"], "r1.example/a"), NONE);
    assert_eq!(matching(&["r[.example"], "r1.example/a"), NONE);
}

#[test]
fn a_host_never_matches_as_a_prefix_or_suffix() {
    assert_eq!(matching(&["r.example"], "r.example.evil/a"), NONE);
    assert_eq!(matching(&["r.example"], "xr.example/a"), NONE);
}

#[test]
fn a_path_is_a_plain_prefix() {
    let keys = ["r.example/group/app"];
    assert_eq!(matching(&keys, "r.example/group/app"), keys);
    assert_eq!(matching(&keys, "r.example/group/app2"), keys);
    assert_eq!(matching(&keys, "r.example/group/app/sub"), keys);
    assert_eq!(matching(&keys, "r.example/group"), NONE);
}

#[test]
fn the_scheme_and_the_api_version_of_a_key_do_not_count() {
    for key in [
        "https://r.example",
        "http://r.example/",
        "r.example/v1/",
        "https://r.example/v2/",
    ] {
        assert_eq!(matching(&[key], "r.example/a"), [key]);
    }
    assert_eq!(
        matching(&["https://r.example/v2/a"], "r.example/a"),
        ["https://r.example/v2/a"]
    );
    // Without its last slash it is a path like any other.
    assert_eq!(matching(&["r.example/v2"], "r.example/a"), NONE);
}

#[test]
fn all_matching_keys_are_tried_the_most_specific_first() {
    let keys = [
        "*.example",
        "r.example",
        "r.example/group/app",
        "r.example/group",
    ];
    let expected = [
        "r.example/group/app",
        "r.example/group",
        "r.example",
        "*.example",
    ];
    assert_eq!(matching(&keys, "r.example/group/app"), expected);
}

#[test]
fn docker_hub_is_known_by_its_old_name() {
    let hub = "https://index.docker.io/v1/";
    assert_eq!(matching(&[hub], "docker.io/library/nginx"), [hub]);
    assert_eq!(matching(&[hub], "r.example/nginx"), NONE);
    assert_eq!(
        matching(&[hub, "docker.io"], "docker.io/library/nginx"),
        ["docker.io"]
    );
    assert_eq!(
        matching(&["docker.io/acme"], "docker.io/library/nginx"),
        NONE
    );
}

#[test]
fn keyrings_are_tried_one_after_the_other() {
    let mut pod = keyring(&["r.example"]);
    let own = keyring(&["r.example/group/app"]);
    pod.append(&own);
    let found: Vec<_> = pod
        .lookup(&"r.example/group/app".parse().expect("a repository"))
        .into_iter()
        .map(|credential| credential.username.as_str())
        .collect();
    assert_eq!(found, ["r.example", "r.example/group/app"]);
}

#[test]
fn an_entry_is_read_from_auth_or_from_user_name_and_password() {
    let mut keyring = Keyring::default();
    // user:pass:word, without and with padding
    let text = r#"{"auths": {
        "a.example": {"auth": "dXNlcjpwYXNzOndvcmQ", "username": "ignored", "password": "ignored"},
        "b.example": {"auth": "dXNlcjI6cGFzcw=="},
        "c.example": {"username": "user3", "password": "pass", "email": "x@y"},
        "d.example": {}
    }, "credHelpers": {"e.example": "helper"}}"#;
    keyring
        .add_docker_config_json("pull secret \"s\"", text)
        .expect("a docker config");
    let found = |repository: &str| {
        keyring
            .lookup(&repository.parse().expect("a repository"))
            .into_iter()
            .map(|found| (found.username.clone(), found.password.reveal().to_owned()))
            .collect::<Vec<_>>()
    };
    let pair = |user: &str, password: &str| vec![(user.to_owned(), password.to_owned())];
    assert_eq!(found("a.example/x"), pair("user", "pass:word"));
    assert_eq!(found("b.example/x"), pair("user2", "pass"));
    assert_eq!(found("c.example/x"), pair("user3", "pass"));
    assert_eq!(found("d.example/x"), []);
    assert_eq!(found("e.example/x"), []);
}

#[test]
fn the_old_format_has_no_auths_level() {
    let mut keyring = Keyring::default();
    let text = r#"{"https://r.example/v1/": {"username": "u", "password": "p"}}"#;
    keyring
        .add_dockercfg("pull secret \"old\"", text)
        .expect("a dockercfg");
    let repository = "r.example/a".parse().expect("a repository");
    let expected = Credential {
        origin: "pull secret \"old\"".to_owned(),
        username: "u".to_owned(),
        password: Secret::new("p".to_owned()),
    };
    assert_eq!(keyring.lookup(&repository), [&expected]);
}

#[test]
fn an_identity_token_is_used_beside_a_password_and_instead_of_none() {
    // The first as `az acr login` writes it: "auth" is a user name and no password.
    for (auth, users) in [
        ("bm9ib2R5Og==", vec!["<token>"]),
        ("dXNlcjI6cGFzcw==", vec!["user2", "<token>"]),
    ] {
        let mut keyring = Keyring::default();
        let text = format!(
            r#"{{"auths": {{"r.example": {{"auth": "{auth}", "identitytoken": "s3cret"}}}}}}"#
        );
        keyring
            .add_docker_config_json("pull secret \"s\"", &text)
            .expect("a docker config");
        let repository = "r.example/a".parse().expect("a repository");
        let found = keyring.lookup(&repository);
        let names: Vec<&str> = found.iter().map(|one| one.username.as_str()).collect();
        assert_eq!(names, users);
        let token = found.last().and_then(|one| one.identity_token());
        assert_eq!(token, Some(&Secret::new("s3cret".to_owned())));
        assert!(!format!("{found:?}").contains("s3cret"));
    }
}

#[test]
fn what_cannot_be_read_is_refused_without_quoting_it() {
    for (text, detail) in [
        ("s3cret", "no JSON at line 1 column 1"),
        (
            r#"{"auths": "s3cret"}"#,
            "unexpected type at line 1 column 18",
        ),
        (
            r#"{"auths": {"r.example": {"auth": "czNjcmV0"}}}"#,
            "\"auth\" of \"r.example\" is not base64 of user:password",
        ),
    ] {
        let mut keyring = Keyring::default();
        assert_eq!(
            keyring.add_docker_config_json("pull secret \"s\"", text),
            Err(DockerConfigError::Malformed {
                origin: "pull secret \"s\"".to_owned(),
                detail: detail.to_owned(),
            })
        );
    }
}

#[test]
fn a_password_never_shows() {
    let keyring = keyring(&["r.example"]);
    assert!(!format!("{keyring:?}").contains("hunter2"));
    assert!(!format!("{:#?}", credential("x")).contains("hunter2"));
}

#[test]
fn an_id_tells_logins_apart_and_not_their_origins() {
    let one = credential("a");
    let elsewhere = Credential {
        origin: "another".to_owned(),
        ..one.clone()
    };
    let other = Credential {
        password: Secret::new("other".to_owned()),
        ..one.clone()
    };
    assert_eq!(CredentialId::of(&one), CredentialId::of(&elsewhere));
    assert_ne!(CredentialId::of(&one), CredentialId::of(&other));
    assert_eq!(CredentialId::of_all([]), CredentialId::ANONYMOUS);
    assert_ne!(
        CredentialId::of_all([&one, &other]),
        CredentialId::of_all([&other, &one])
    );
}
