//! Whose certificate authority counts for a token service.

use super::*;

/// What becomes of an image of a registry with a private authority, whose token service is at `realm`; `PREFIXES` of the
/// settings are made of the two addresses.
async fn resolved(
    realm: impl Fn(&Front, &Front) -> String,
    prefixes: impl Fn(&Front, &Front) -> String,
) -> Result<Digest, RegistryError> {
    let scene = Scene::new().await;
    let registry = scene.front("a.example", &["h2"], Clients::Unknown).await;
    let tokens = scene.front("b.example", &["h2"], Clients::Unknown).await;
    let challenge = format!(
        "Bearer realm=\"https://{}/token\"",
        realm(&registry, &tokens)
    );
    scene.registry.set_fault(move |request| {
        if request.path == "/token" {
            return Some(answer(200, &[], br#"{"token": "t"}"#));
        }
        let wanted = || answer(401, &[("www-authenticate", &challenge)], b"");
        (!request.authorized).then(wanted)
    });
    let reader = scene.reader(&prefixes(&registry, &tokens), options());
    resolve(&reader, format!("{}/acme/api:1", registry.address)).await
}

#[tokio::test]
async fn an_entry_of_a_token_service_without_an_authority_leaves_it_that_of_the_registry() {
    let found = resolved(
        |_, tokens| tokens.address.to_string(),
        |registry, tokens| {
            let (registry, tokens) = (registry.address, tokens.address);
            format!("{{prefix: \"{registry}\", {TRUSTED}}}, {{prefix: \"{tokens}\"}}")
        },
    );
    found.await.expect("resolved");
}

#[tokio::test]
async fn a_registry_that_hands_out_tokens_itself_does_so_under_the_authority_of_the_image() {
    let found = resolved(
        |registry, _| registry.address.to_string(),
        |registry, _| {
            let registry = registry.address;
            format!("{{prefix: \"{registry}/acme\", {TRUSTED}}}, {{prefix: \"{registry}\"}}")
        },
    );
    found.await.expect("resolved");
}
