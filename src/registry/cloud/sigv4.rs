//! AWS Signature Version 4, as far as one request to an API needs it: its path is `/` and it has no query.

use aws_lc_rs::hmac;

use super::hex;
use crate::registry::Secret;

/// Who signs.
#[derive(Clone, Debug)]
pub(super) struct AwsKeys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    /// For keys that are good for a while only.
    pub(super) session_token: Option<Secret>,
}

/// What is signed for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// As in `20150830T123600Z`.
    pub(super) time: &'a str,
}

/// The value of the `Authorization` header for this request. `headers` holds all that are signed, `host` and
/// `x-amz-date` among them, their names in lower case and in order.
pub(super) fn authorization(
    method: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    scope: Scope<'_>,
    keys: &AwsKeys,
) -> String {
    let signed: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let signed = signed.join(";");
    let lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}", value.trim()))
        .collect();
    let lines = lines.join("\n");
    let canonical = format!("{method}\n/\n\n{lines}\n\n{signed}\n{}", hash(body));
    let place = scope.place();
    let text = format!(
        "{ALGORITHM}\n{}\n{place}\n{}",
        scope.time,
        hash(canonical.as_bytes())
    );
    let signature = hex(mac(scope.key(&keys.secret_access_key).as_ref(), &text).as_ref());
    let id = &keys.access_key_id;
    format!("{ALGORITHM} Credential={id}/{place}, SignedHeaders={signed}, Signature={signature}")
}

impl Scope<'_> {
    fn day(&self) -> &str {
        self.time.split('T').next().unwrap_or_default()
    }

    fn place(&self) -> String {
        let (day, region, service) = (self.day(), self.region, self.service);
        format!("{day}/{region}/{service}/aws4_request")
    }

    /// The key for this day, region and service.
    fn key(&self, secret: &Secret) -> hmac::Tag {
        let first = format!("AWS4{}", secret.reveal());
        let day = mac(first.as_bytes(), self.day());
        let region = mac(day.as_ref(), self.region);
        let service = mac(region.as_ref(), self.service);
        mac(service.as_ref(), "aws4_request")
    }
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hash(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys, time and scope of AWS's published test suite.
    fn keys() -> AwsKeys {
        AwsKeys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: None,
        }
    }

    fn scope(service: &'static str) -> Scope<'static> {
        Scope {
            region: "us-east-1",
            service,
            time: "20150830T123600Z",
        }
    }

    fn signature(method: &str, headers: &[(&str, &str)], body: &str) -> String {
        authorization(method, headers, body.as_bytes(), scope("service"), &keys())
    }

    #[test]
    fn the_published_requests_get_the_published_signatures() {
        let plain = [
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ];
        let form = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ];
        let start = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=";
        // get-vanilla, post-vanilla, post-x-www-form-urlencoded.
        for (found, rest) in [
            (
                signature("GET", &plain, ""),
                "host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                signature("POST", &plain, ""),
                "host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                signature("POST", &form, "Param1=value1"),
                "content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            assert_eq!(found, format!("{start}{rest}"));
        }
    }

    #[test]
    fn the_published_key_is_derived() {
        let key = scope("iam").key(&keys().secret_access_key);
        assert_eq!(
            hex(key.as_ref()),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    #[test]
    fn keys_never_show() {
        let shown = format!("{:?}", keys());
        assert!(!shown.contains("wJalr"), "{shown}");
    }
}
