//! The serving certificate changes under load.

use serde_json::json;

use crate::support::{
    eventually,
    platform::{CERTIFICATE_SECRET, OWN, Platform, platform},
};

#[test]
#[ignore = "needs a cluster"]
fn no_review_fails_when_the_certificates_secret_is_deleted_nor_while_a_short_lived_one_is_renewed()
{
    let platform = platform();
    platform.with_assay();
    let mut values = platform.values();
    values["extraArgs"] = json!(["--certificate-lifetime=30s"]);
    platform
        .helm_with_values("upgrade", &values)
        .expect_success();
    platform.wait_until_whole();
    let load = platform.load();
    let long_lived = served_by_all(&platform);
    let arguments = ["-n", OWN, "delete", "secret", CERTIFICATE_SECRET];
    platform.kubectl(&arguments).expect_success();
    wait_for_another(&platform, &long_lived);
    for _ in 0..2 {
        load.goes_on(50);
        wait_for_another(&platform, &served_by_all(&platform));
    }
    load.goes_on(100);
    load.stop()
        .expect_no_failure("loss of the certificate's Secret, and two renewals");
    platform.uninstall();
}

#[test]
#[ignore = "needs a cluster"]
fn a_certificate_that_is_replaced_twice_in_a_row_is_served_in_its_newest_form_by_all_replicas() {
    let platform = platform();
    platform.with_assay().uninstall();
    platform.provide_certificate();
    let values = platform.values_with_own_certificate();
    platform
        .helm_with_values("install", &values)
        .expect_success();
    let load = platform.with_assay().load();
    platform.provide_certificate();
    let newest = platform.provide_certificate();
    for replica in platform.node.pods() {
        eventually("the newest certificate to be served", || {
            (served(&platform, &replica)? == newest.der).then_some(())
        });
    }
    load.goes_on(100);
    load.stop().expect_no_failure("two swaps of a Secret");
    platform.uninstall();
}

/// Waits until no replica shows one of these certificates to new connections.
fn wait_for_another(platform: &Platform, old: &[Vec<u8>]) {
    for replica in platform.node.pods() {
        eventually("another certificate", || {
            (!old.contains(&served(platform, &replica)?)).then_some(())
        });
    }
}

/// What the replicas show to new connections.
fn served_by_all(platform: &Platform) -> Vec<Vec<u8>> {
    let replicas = platform.node.pods();
    let certificates = replicas.iter();
    certificates
        .map(|replica| eventually("a certificate", || served(platform, replica)))
        .collect()
}

/// What a replica shows to new connections, to whoever trusts what the API server does.
fn served(platform: &Platform, replica: &str) -> Option<Vec<u8>> {
    let direct = platform.direct(replica);
    platform.api.runtime().block_on(direct.certificate())
}
