use super::*;

async fn spoiled(fault: Fault) -> (MemoryRegistry, Response) {
    let registry = registry(RegistrySettings::default()).await;
    registry.push_image("acme/api", "1", "one");
    registry.set_fault(move |_| Some(fault.clone()));
    let response = get(&registry, "/v2/acme/api/manifests/1").await;
    (registry, response)
}

#[tokio::test]
async fn faults_change_what_they_are_named_after() {
    let digest = {
        let registry = registry(RegistrySettings::default()).await;
        registry.push_image("acme/api", "1", "one")
    };
    let (_registry, html) = spoiled(Fault::Html404).await;
    assert_eq!(html.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&html, "content-type"), "text/html; charset=utf-8");

    let (_registry, moved) = spoiled(Fault::Redirect("http://127.0.0.1:1/".to_owned())).await;
    assert_eq!(moved.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(header(&moved, "location"), "http://127.0.0.1:1/");

    let (_registry, wrong) = spoiled(Fault::WrongDigestHeader).await;
    assert_ne!(header(&wrong, "docker-content-digest"), digest.as_str());
    assert_eq!(Digest::of(&wrong.bytes().await.unwrap()), digest);

    let (_registry, bare) = spoiled(Fault::NoDigestHeader).await;
    assert_eq!(bare.headers().get("docker-content-digest"), None);

    let (_registry, changed) = spoiled(Fault::WrongContent).await;
    assert_eq!(header(&changed, "docker-content-digest"), digest.as_str());
    assert_ne!(Digest::of(&changed.bytes().await.unwrap()), digest);

    let (_registry, broken) = spoiled(Fault::BrokenBody).await;
    assert!(broken.bytes().await.is_err());
}

#[tokio::test]
async fn an_endless_body_goes_on_beyond_any_limit() {
    let (_registry, mut response) = spoiled(Fault::EndlessBody).await;
    let mut read = 0;
    while read <= crate::limits::MANIFEST_BYTES {
        read += response.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn a_dropped_registry_lets_go_of_hanging_requests() {
    let registry = registry(RegistrySettings::default()).await;
    registry.set_fault(|_| Some(Fault::Hang));
    let (arrived, mut arrivals) = tokio::sync::mpsc::channel(1);
    registry.set_fault(move |_| {
        let _ = arrived.try_send(());
        Some(Fault::Hang)
    });
    let url = format!("{}/v2/acme/api/manifests/1", registry.base_url());
    let asking = client().get(url).send();
    let stopping = async {
        arrivals.recv().await.unwrap();
        drop(registry);
    };
    let (answer, ()) = tokio::join!(asking, stopping);
    assert_eq!(answer.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}
