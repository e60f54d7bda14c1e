//! Settings that are replaced while a reader is in use: certificates are renewed, authorities change.

use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    connections::{IDENTIFIED, Scene, TRUSTED, resolve},
    front::{Authority, Clients, Front},
    *,
};

fn image(front: &Front, number: usize) -> String {
    format!("{}/acme/api:{number}", front.address)
}

fn entry(front: &Front, fields: &str) -> String {
    format!("{{prefix: \"{}\", {fields}}}", front.address)
}

#[tokio::test]
async fn a_client_certificate_that_was_renewed_is_shown_from_the_next_request_on() {
    let scene = Scene::new().await;
    let front = scene.front("a.example", &["h2"], Clients::Required).await;
    let settings = entry(&front, IDENTIFIED);
    let mut certificates = vec![scene.renew_client().certificate];
    let reader = scene.reader(&settings, options());
    resolve(&reader, image(&front, 0)).await.expect("resolved");
    for number in 1..3 {
        certificates.push(scene.renew_client().certificate);
        let renewed = scene.settings(&settings);
        reader.replace_settings(renewed).expect("replaced");
        let found = resolve(&reader, image(&front, number)).await;
        found.expect("resolved");
    }
    let shown = certificates
        .iter()
        .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"));
    // Two requests may go out before there is a connection, each by one of its own.
    let mut seen = front.shown();
    seen.dedup();
    assert_eq!(seen, shown.collect::<Vec<_>>());
}

#[tokio::test]
async fn authorities_that_were_exchanged_count_at_once_and_no_failure_of_the_old_ones_stands_in_the_way()
 {
    let scene = Scene::new().await;
    let front = scene.front("a.example", &["h2"], Clients::Unknown).await;
    let settings = entry(&front, TRUSTED);
    let reader = scene.reader(&settings, options());
    resolve(&reader, image(&front, 0)).await.expect("resolved");

    scene.write("ca.pem", &Authority::new().pem);
    reader
        .replace_settings(scene.settings(&settings))
        .expect("replaced");
    // Often enough that the registry would be left alone.
    for number in 1..20 {
        let error = resolve(&reader, image(&front, number)).await;
        assert!(matches!(error, Err(RegistryError::Tls { .. })), "{error:?}");
    }

    scene.write("ca.pem", &scene.authority.pem);
    reader
        .replace_settings(scene.settings(&settings))
        .expect("replaced");
    resolve(&reader, image(&front, 20)).await.expect("resolved");
}

#[tokio::test]
async fn connections_stay_where_the_settings_of_their_registry_do() {
    let scene = Scene::new().await;
    let same = scene.front("a.example", &["h2"], Clients::Unknown).await;
    let other = scene.front("b.example", &["h2"], Clients::Unknown).await;
    let settings = [entry(&same, TRUSTED), entry(&other, TRUSTED)].join(", ");
    let reader = scene.reader(&settings, options());
    let changed = [
        entry(&same, TRUSTED),
        entry(&other, IDENTIFIED),
        "{prefix: c.example, mirrorOf: docker.io}".to_owned(),
    ];
    // From the second image on, what the registry has is known, and one request is enough.
    for number in 0..2 {
        for front in [&same, &other] {
            let found = resolve(&reader, image(front, number)).await;
            found.expect("resolved");
        }
    }
    let before = [&same, &other].map(|front| front.seen().len());
    for (number, settings) in [(2, settings), (3, changed.join(", "))] {
        reader
            .replace_settings(scene.settings(&settings))
            .expect("replaced");
        for front in [&same, &other] {
            let found = resolve(&reader, image(front, number)).await;
            found.expect("resolved");
        }
    }
    let [of_same, of_other] = before;
    let after = [&same, &other].map(|front| front.seen().len());
    assert_eq!(after, [of_same, of_other + 1]);
}
