use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    definitions, lease, objects,
    service::{self, Answer},
    webhooks::{self, Target},
};
use crate::{cluster::Found, policy::crd};

fn installed() -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    for (name, mut definition) in crd::definitions().unwrap() {
        definition["status"] =
            json!({ "conditions": [{ "type": "Established", "status": "True" }] });
        found.insert(name, Ok(Some(definition)));
    }
    found
}

fn lines(found: &BTreeMap<String, Found>) -> Vec<String> {
    let expected = crd::definitions().unwrap().into_iter().collect();
    let findings = definitions::judge(&expected, found);
    findings.iter().map(super::Finding::line).collect()
}

#[test]
fn the_definitions_of_this_version_are_fine() {
    assert_eq!(
        lines(&installed()),
        ["ok     the 3 custom resource definitions are those of this version"]
    );
}

#[test]
fn a_missing_an_older_and_a_newer_definition_are_told_apart() {
    let mut found = installed();
    let mut names = found.keys().cloned().collect::<Vec<_>>().into_iter();
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let (first, second, third) = (
        names.next().unwrap(),
        names.next().unwrap(),
        names.next().unwrap(),
    );
    found.insert(first, Ok(None));
    let change = |found: &mut BTreeMap<String, Found>, name: &str, change: &dyn Fn(&mut Value)| {
        let definition = found
            .get_mut(name)
            .unwrap()
            .as_mut()
            .unwrap()
            .as_mut()
            .unwrap();
        change(definition.pointer_mut(spec).unwrap());
    };
    change(&mut found, &second, &|fields| {
        fields.as_object_mut().unwrap().remove("pin");
    });
    change(&mut found, &third, &|fields| {
        fields["next"] = json!({ "type": "string" });
    });
    assert_eq!(
        lines(&found),
        [
            "wrong  the definition clusterimagetrustpolicies.assay.dev is missing; install it: assay crd | kubectl apply --server-side -f -",
            "wrong  the definition imagetrustpolicies.assay.dev is older than this program and lacks v1alpha1.spec.pin; bring it up to date: assay crd | kubectl apply --server-side -f -",
            "wrong  the definition imagetrustroots.assay.dev is newer than this program and also has v1alpha1.spec.next; bring the program up to date: a policy with a field that it does not know is broken",
        ]
    );
}

#[test]
fn a_webhook_without_an_authority_is_named_and_the_others_are_asked() {
    let service = json!({ "name": "assay", "namespace": "assay-system", "path": "/mutate" });
    let mutating = json!({ "webhooks": [
        { "name": "mutate.assay.dev", "clientConfig": { "caBundle": "UEVN", "service": service } },
    ]});
    let validating = json!({ "webhooks": [
        { "name": "validate.assay.dev", "clientConfig": { "service": service } },
    ]});
    let (findings, targets) = webhooks::judge(
        "assay",
        "assay-system",
        &Ok(Some(mutating)),
        &Ok(Some(validating)),
    );
    let lines: Vec<String> = findings.iter().map(super::Finding::line).collect();
    assert_eq!(
        lines,
        [
            "wrong  webhook validate.assay.dev: it has no caBundle, so that the API server trusts nobody there; Assay writes it when it starts: kubectl --namespace assay-system logs --selector app.kubernetes.io/name=assay"
        ]
    );
    assert_eq!(targets.into_iter().collect::<Vec<_>>(), [target()]);
}

#[test]
fn a_configuration_that_is_missing_is_said_to_judge_nothing() {
    let (findings, targets) = webhooks::judge(
        "assay",
        "assay-system",
        &Ok(None),
        &Err("forbidden".to_owned()),
    );
    let lines: Vec<String> = findings.iter().map(super::Finding::line).collect();
    assert_eq!(
        lines,
        [
            "wrong  the MutatingWebhookConfiguration \"assay\" is missing, so that nothing is judged; install it again: helm upgrade, or kubectl apply -k manifests",
            "wrong  the ValidatingWebhookConfiguration \"assay\" cannot be read: forbidden; use a kubeconfig that may read it",
        ]
    );
    assert!(targets.is_empty());
}

#[test]
fn an_answer_tells_of_the_certificate_and_of_the_replica() {
    let lines = |answer| {
        let findings = service::judge(&target(), "assay-system", answer);
        findings
            .iter()
            .map(super::Finding::line)
            .collect::<Vec<_>>()
    };
    let answered = |status, text: &str| Answer::Answered {
        status,
        text: text.to_owned(),
    };
    let trusted = "ok     the certificate of https://assay.assay-system.svc is from the authority in the webhook configurations";
    assert_eq!(
        lines(answered(200, "ready")),
        [
            trusted,
            "ok     a replica behind https://assay.assay-system.svc is ready"
        ]
    );
    assert_eq!(
        lines(answered(503, "shutting down")),
        [
            trusted,
            "wrong  the replica behind https://assay.assay-system.svc is not ready (503, shutting down); look at what it logs: kubectl --namespace assay-system logs --selector app.kubernetes.io/name=assay --tail 50"
        ]
    );
    assert!(
        lines(Answer::Untrusted(
            "invalid peer certificate: UnknownIssuer".to_owned()
        ))[0]
            .starts_with(
                "wrong  the certificate of https://assay.assay-system.svc is not from the authority"
            )
    );
}

/// Asks a server that shows this certificate, trusting the other; then once more when nobody serves.
async fn asked(served: rcgen::CertifiedKey<rcgen::KeyPair>, trusted: String) -> [Answer; 2] {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let key =
        rustls_pki_types::PrivateKeyDer::try_from(served.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![served.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let answering = async {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else {
            return;
        };
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready";
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let target = Target {
        url: "https://assay.assay-system.svc".to_owned(),
        authorities: trusted.into_bytes(),
    };
    let (answer, ()) = tokio::join!(service::ask(&target, Some(address)), answering);
    drop(listener);
    [answer, service::ask(&target, Some(address)).await]
}

fn certificate(is_ca: rcgen::IsCa) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    let names = ["assay.assay-system.svc".to_owned()];
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.is_ca = is_ca;
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    rcgen::CertifiedKey { cert, signing_key }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_taken_for_silence() {
    let [of_other, silence] = asked(
        certificate(rcgen::IsCa::NoCa),
        certificate(rcgen::IsCa::NoCa).cert.pem(),
    )
    .await;
    assert!(matches!(of_other, Answer::Untrusted(_)), "{of_other:?}");
    assert!(matches!(silence, Answer::Unreachable(_)), "{silence:?}");
}

#[tokio::test]
async fn a_serving_certificate_that_is_the_ca_bundle_itself_is_trusted_as_the_api_server_trusts_it()
{
    let authority = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    for is_ca in [rcgen::IsCa::NoCa, authority] {
        let served = certificate(is_ca);
        let itself = served.cert.pem();
        let [answer, _] = asked(served, itself).await;
        let ready = Answer::Answered {
            status: 200,
            text: "ready".to_owned(),
        };
        assert_eq!(answer, ready);
    }
}

#[test]
fn a_lease_that_is_renewed_is_fine_also_by_a_clock_that_is_wrong() {
    let judge = |found: Value, before: Option<Value>| {
        lease::judge("assay", &Ok(Some(found)), before.as_ref(), now()).line()
    };
    let held = |at: &str| json!({ "spec": { "holderIdentity": "assay-1", "renewTime": at } });
    assert_eq!(
        judge(held("2026-01-02T03:04:00.000000Z"), None),
        "ok     assay-1 leads"
    );
    let old = held("2026-01-02T01:00:00.000000Z");
    let stale = judge(old.clone(), Some(old.clone()));
    assert!(
        stale.starts_with("wrong  assay-1 holds the Lease \"assay\" and does not renew it; "),
        "{stale}"
    );
    assert_eq!(
        judge(held("2026-01-02T01:00:05.000000Z"), Some(old)),
        "ok     assay-1 leads"
    );
    let empty = judge(json!({ "spec": {} }), None);
    assert!(
        empty.starts_with("wrong  no replica leads: nobody holds the Lease \"assay\"; "),
        "{empty}"
    );
}

#[test]
fn policies_that_are_not_in_force_are_named_and_none_at_all_is_a_hint() {
    let object = |kind: &str, namespace: Option<&str>, status: &str| {
        json!({
            "kind": kind,
            "metadata": { "name": "shop", "namespace": namespace },
            "status": { "conditions": [{ "type": "Ready", "status": status, "message": "no\nkey" }] },
        })
    };
    let lines = |objects: Vec<Value>| -> Vec<String> {
        let findings = objects::judge(Ok(objects));
        findings.iter().map(super::Finding::line).collect()
    };
    assert_eq!(
        lines(vec![]),
        ["hint   there is no policy yet, so that every image gets the default action"]
    );
    assert_eq!(
        lines(vec![
            object("ClusterImageTrustPolicy", None, "True"),
            object("ImageTrustRoot", None, "True"),
        ]),
        ["ok     all policies (1) and trust roots (1) are in force"]
    );
    assert_eq!(
        lines(vec![object("ImageTrustPolicy", Some("dev"), "False")]),
        [
            "wrong  ImageTrustPolicy \"shop\" is not ready: no\\nkey; images that it matches are denied: kubectl describe imagetrustpolicy shop --namespace dev"
        ]
    );
}

fn target() -> Target {
    Target {
        url: "https://assay.assay-system.svc".to_owned(),
        authorities: b"PEM".to_vec(),
    }
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}
