//! Lists of referrers in pages: the forms that the link to the next one has.

use serde_json::json;

use super::*;

const HOST: &str = "registry.example";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry with three referrers of one image, each on a page of its own, that links to the next by `link` with the
/// number of the page in place of `PAGE` and the path in place of `PATH`.
async fn pages(link: &'static str) -> Result<Vec<Vec<u8>>, String> {
    let product = Product::new(&[HOST], Referrers::Api).await;
    let registry = &product.registry;
    let image = registry.push_image("shop/api", "1", "image");
    let pages: Vec<String> = ["one", "two", "three"]
        .into_iter()
        .map(|content| {
            let digest = registry.attach_bundle("shop/api", &image, content);
            let manifest = "application/vnd.oci.image.manifest.v1+json";
            let listed = json!([{"mediaType": manifest, "digest": digest.as_str(), "size": 1}]);
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).to_string()
        })
        .collect();
    product.plays(move |request| {
        if !is_referrers(request) {
            return None;
        }
        let page = request.query.rsplit_once("n=").map(|(_, page)| page);
        let page: usize = page.unwrap_or("0").parse().expect("a number");
        let next = link.replace("PAGE", &(page + 1).to_string());
        let next = next.replace("PATH", &request.path);
        let mut headers = vec![("content-type", INDEX)];
        if page + 1 < pages.len() {
            headers.push(("link", &next));
        }
        Some(answer(200, &headers, pages.get(page)?.clone()))
    });
    let found = product
        .review(&format!("{HOST}/shop/api:1"), &anonymous())
        .await?;
    Ok(found.into_iter().map(|(_, _, content)| content).collect())
}

#[tokio::test]
async fn pages_are_followed_in_whatever_form_they_are_linked() {
    for link in [
        "<PATH?n=PAGE>; rel=\"next\"",
        "<?n=PAGE>; rel=\"next\"",
        "<http://registry.examplePATH?n=PAGE>; rel=\"next\"",
        "<http://registry.example:80PATH?n=PAGE>;rel=next",
        // Behind a proxy that ends TLS, a registry may take itself for another scheme or port.
        "<https://registry.example:5000PATH?n=PAGE>; rel=\"next\"",
        "PATH?n=PAGE>; rel=\"next\"",
        "<PATH>; rel=\"self\", <PATH?n=PAGE>; rel=\"next\"",
        "<PATH?n=PAGE>; title=\"more\"; REL=\"Next\"",
    ] {
        let expected = [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()];
        assert_eq!(pages(link).await, Ok(expected.to_vec()), "{link}");
    }
}

#[tokio::test]
async fn a_page_elsewhere_is_not_followed() {
    for link in [
        "<https://elsewhere.example/v2/x?n=PAGE>; rel=\"next\"",
        "<http://elsewhere.examplePATH?n=PAGE>; rel=\"next\"",
        "<//elsewhere.examplePATH?n=PAGE>; rel=\"next\"",
        "</v2/other/repository/referrers/x?n=PAGE>; rel=\"next\"",
        "<http://[>; rel=\"next\"",
    ] {
        let elsewhere = format!("{HOST} continues its list of referrers elsewhere");
        assert_eq!(pages(link).await, Err(elsewhere), "{link}");
    }
}

#[tokio::test]
async fn a_list_that_leads_back_to_a_page_is_refused() {
    let again = format!("{HOST} lists the same page of referrers again and again");
    let link = "<PATH?n=1>; rel=\"next\"";
    assert_eq!(pages(link).await, Err(again));
}

#[tokio::test]
async fn a_link_to_something_else_than_the_next_page_is_the_end() {
    for link in [
        "<PATH?n=PAGE>; rel=\"prev\"",
        "<PATH?n=PAGE>",
        "next",
        "<PATH?n=PAGE; rel=\"next\"",
    ] {
        assert_eq!(pages(link).await, Ok(vec![b"one".to_vec()]), "{link}");
    }
}
