use clap::{CommandFactory, error::ErrorKind};
use rstest::rstest;

use super::*;
use crate::telemetry::TraceSettings;

fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"assay").chain(arguments))
}

fn verify_args(arguments: &[&str]) -> VerifyArgs {
    let all: Vec<&str> = ["verify"].iter().chain(arguments).copied().collect();
    match parse(&all).unwrap().command {
        Command::Verify(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[rstest]
#[case::no_command(&[], ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)]
#[case::unknown_flag(&["serve", "--polices", "x"], ErrorKind::UnknownArgument)]
#[case::certificate_without_key(&["serve", "--policies", "p", "--tls-cert", "c"], ErrorKind::MissingRequiredArgument)]
#[case::negative_delay(&["serve", "--policies", "p", "--drain-delay=-1s"], ErrorKind::ValueValidation)]
#[case::no_rules(&["verify", "nginx"], ErrorKind::MissingRequiredArgument)]
#[case::no_image(&["verify", "--policies", "p"], ErrorKind::MissingRequiredArgument)]
#[case::images_and_files(&["verify", "nginx", "-f", "x", "--policies", "p"], ErrorKind::ArgumentConflict)]
#[case::two_rules(&["verify", "nginx", "--key", "k", "--gitlab-project", "a/b"], ErrorKind::ArgumentConflict)]
#[case::identity_without_issuer(&["verify", "nginx", "--certificate-identity", "x"], ErrorKind::MissingRequiredArgument)]
#[case::ref_without_project(&["verify", "nginx", "--key", "k", "--gitlab-ref", "x"], ErrorKind::ArgumentConflict)]
#[case::issuer_beside_a_key(&["verify", "nginx", "--key", "k", "--certificate-oidc-issuer", "x"], ErrorKind::ArgumentConflict)]
#[case::trust_root_beside_policies(&["verify", "nginx", "--policies", "p", "--trust-root", "x"], ErrorKind::ArgumentConflict)]
#[case::label_without_value(&["verify", "nginx", "--key", "k", "--namespace-labels", "env"], ErrorKind::ValueValidation)]
fn wrong_usage_is_refused(#[case] arguments: &[&str], #[case] expected: ErrorKind) {
    assert_eq!(parse(arguments).unwrap_err().kind(), expected);
}

#[test]
fn standalone_needs_no_certificate_and_has_the_documented_defaults() {
    let Command::Serve(args) = parse(&["serve", "--policies", "rules"]).unwrap().command else {
        panic!("not serve");
    };
    assert_eq!(args.mode(), Mode::Standalone("rules".into()));
    assert_eq!(args.listen, "0.0.0.0:8443".parse().unwrap());
    assert_eq!(args.metrics_listen, "0.0.0.0:9090".parse().unwrap());
    assert_eq!(args.default_action, DefaultActionArg::Allow);
    assert_eq!(args.drain_delay(), Duration::ZERO);
}

#[test]
fn in_a_cluster_the_flag_names_the_own_namespace() {
    let arguments = [
        "serve",
        "--tls-cert",
        "c",
        "--tls-key",
        "k",
        "--namespace",
        "guard",
    ];
    let Command::Serve(args) = parse(&arguments).unwrap().command else {
        panic!("not serve");
    };
    assert_eq!(args.drain_delay(), Duration::from_secs(5));
    let namespace = "guard".to_owned();
    assert_eq!(args.mode(), Mode::Cluster { namespace });
}

#[test]
fn every_flag_of_serve_has_an_environment_variable_of_its_name() {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").unwrap();
    for argument in serve.get_arguments().chain(cli.get_arguments()) {
        let Some(long) = argument
            .get_long()
            .filter(|long| !["help", "version"].contains(long))
        else {
            continue;
        };
        let expected = format!("ASSAY_{}", long.to_uppercase().replace('-', "_"));
        let env = argument
            .get_env()
            .map(|name| name.to_string_lossy().into_owned());
        assert_eq!(env, Some(expected), "--{long}");
    }
}

#[test]
fn quick_flags_become_one_authority() {
    let gitlab = verify_args(&[
        "nginx",
        "--gitlab-project",
        "a/b",
        "--gitlab-ref",
        "refs/tags/*",
    ]);
    let authority = Authority::GitLab {
        project: "a/b".to_owned(),
        instance: None,
        ref_pattern: Some("refs/tags/*".to_owned()),
    };
    assert_eq!(
        gitlab.source(),
        Some(Source::Flags {
            authority,
            trust_root: None,
            attestations: Vec::new(),
        })
    );

    let certificate = verify_args(&[
        "nginx",
        "--certificate-identity",
        "me@x.example",
        "--certificate-oidc-issuer",
        "https://x.example",
        "--trust-root",
        "root.json",
    ]);
    let authority = Authority::Certificate {
        san: "me@x.example".to_owned(),
        oidc_issuer: "https://x.example".to_owned(),
    };
    let trust_root = Some("root.json".into());
    assert_eq!(
        certificate.source(),
        Some(Source::Flags {
            authority,
            trust_root,
            attestations: Vec::new(),
        })
    );
}

#[test]
fn namespace_labels_are_split_at_commas_and_the_first_equals_sign() {
    let args = verify_args(&[
        "nginx",
        "--key",
        "k",
        "--namespace-labels",
        "env=production,note=a=b,empty=",
    ]);
    let expected = [("env", "production"), ("note", "a=b"), ("empty", "")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(args.namespace_labels, expected);
}

#[test]
fn a_timeout_without_a_unit_is_refused_with_an_example() {
    let refused = Cli::try_parse_from(["assay", "inspect", "nginx", "--timeout", "5"]).unwrap_err();
    let expected = "expected a duration like 5s, 1m 30s or 500ms";
    assert!(refused.to_string().contains(expected), "{refused}");
}

#[test]
fn traces_are_sent_only_where_the_flag_says_and_to_what_can_be_a_collector() {
    let parsed = |flags: &[&str]| {
        let arguments = [&["serve", "--policies", "p"], flags].concat();
        parse(&arguments)
            .map(|cli| cli.traces())
            .map_err(|error| error.kind())
    };
    assert_eq!(parsed(&[]), Ok(None));
    let sent = |ratio| {
        Ok(Some(TraceSettings {
            endpoint: "http://collector:4318".parse().unwrap(),
            ratio,
        }))
    };
    let collector = ["--otlp-endpoint", "http://collector:4318"];
    assert_eq!(parsed(&collector), sent(1.0));
    let some = [collector, ["--otlp-sample-ratio", "0.25"]].concat();
    assert_eq!(parsed(&some), sent(0.25));
    for wrong in [
        ["--otlp-endpoint", "collector:4318"],
        ["--otlp-endpoint", "grpc://collector:4317"],
        ["--otlp-sample-ratio", "1.5"],
        ["--otlp-sample-ratio", "NaN"],
    ] {
        assert_eq!(parsed(&wrong), Err(ErrorKind::ValueValidation), "{wrong:?}");
    }
}
