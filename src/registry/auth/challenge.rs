//! `WWW-Authenticate`, as far as registries use it (RFC 9110 §11.6.1).

use http::{HeaderMap, header};
use url::Url;

use crate::limits;

/// What a registry wants before it answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::registry) enum Challenge {
    /// Nothing, so far.
    Open,
    /// User name and password with each request.
    Basic,
    /// A token from a token service.
    Bearer(Bearer),
}

/// A token service, and the name by which it knows the registry.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::registry) struct Bearer {
    /// Where tokens are to be had.
    pub(in crate::registry) realm: Url,
    /// What the registry calls itself there.
    pub(in crate::registry) service: Option<String>,
}

impl Challenge {
    /// The strongest challenge that we can meet: a token, else a password. None when there is none such.
    pub(in crate::registry) fn parse(headers: &HeaderMap) -> Option<Self> {
        let offered: Vec<Offer> = headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(offers)
            .collect();
        let bearer = offered
            .iter()
            .filter(|offer| offer.scheme.eq_ignore_ascii_case("bearer"))
            .find_map(Offer::bearer);
        if let Some(bearer) = bearer {
            return Some(Self::Bearer(bearer));
        }
        offered
            .iter()
            .any(|offer| offer.scheme.eq_ignore_ascii_case("basic"))
            .then_some(Self::Basic)
    }
}

impl Bearer {
    /// Whether a refusal by this service is of the login and never of a repository: GitLab hands a good login without
    /// rights a token for nothing.
    pub(in crate::registry) fn refuses_logins_alone(&self) -> bool {
        self.realm.path().ends_with("/jwt/auth")
    }

    /// How long its texts are.
    pub(in crate::registry) fn bytes(&self) -> usize {
        self.realm.as_str().len() + self.service.as_ref().map_or(0, String::len)
    }
}

/// One challenge of a list: its scheme and its parameters.
struct Offer {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Offer {
    fn bearer(&self) -> Option<Bearer> {
        let realm = Url::parse(self.parameter("realm")?).ok()?;
        let service = self.parameter("service");
        // Both are kept for a while, and are the registry's choice. What had to be escaped has become longer.
        if is_too_long(realm.as_str()) || service.is_some_and(is_too_long) {
            return None;
        }
        let is_web = matches!(realm.scheme(), "http" | "https") && realm.host().is_some();
        let names_nobody = realm.username().is_empty() && realm.password().is_none();
        (is_web && names_nobody).then(|| Bearer {
            realm,
            service: service.map(str::to_owned),
        })
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

fn is_too_long(text: &str) -> bool {
    text.len() > limits::CHALLENGE_TEXT_BYTES
}

/// Reads a list of challenges up to the first thing that is none.
fn offers(mut text: &str) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t', ',']);
        let (word, rest) = token(text);
        if word.is_empty() {
            return offers;
        }
        let after = rest.trim_start_matches([' ', '\t']);
        let Some(after) = after.strip_prefix('=') else {
            offers.push(Offer {
                scheme: word.to_owned(),
                parameters: Vec::new(),
            });
            text = rest;
            continue;
        };
        let Some((value, rest)) = value(after.trim_start_matches([' ', '\t'])) else {
            return offers;
        };
        if let Some(offer) = offers.last_mut() {
            offer.parameters.push((word.to_owned(), value));
        }
        text = rest;
    }
}

fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// A token or a quoted text, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = token(text);
        return (!word.is_empty()).then(|| (word.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return quoted.get(at + 1..).map(|rest| (value, rest)),
            '\\' => value.push(chars.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                header::WWW_AUTHENTICATE,
                value.parse().expect("a header value"),
            );
        }
        Challenge::parse(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer(Bearer {
            realm: realm.parse().expect("a URL"),
            service: service.map(str::to_owned),
        })
    }

    #[test]
    fn a_bearer_challenge_names_its_realm_and_service() {
        let text = r#"Bearer realm="https://gitlab.example/jwt/auth",service="container_registry",scope="repository:a/b:pull,push""#;
        let expected = bearer(
            "https://gitlab.example/jwt/auth",
            Some("container_registry"),
        );
        assert_eq!(parse(&[text]), Some(expected));
    }

    #[test]
    fn spaces_cases_and_escapes_do_not_matter() {
        let text = r#"bearer  Realm = "https://a.example/t?x=\"y\\z\"" , SERVICE=plain"#;
        assert_eq!(
            parse(&[text]),
            Some(bearer("https://a.example/t?x=\"y\\z\"", Some("plain")))
        );
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let expected = Some(bearer("https://a.example/t", None));
        assert_eq!(
            parse(&[r#"Basic realm="x", Bearer realm="https://a.example/t""#]),
            expected
        );
        assert_eq!(
            parse(&["Basic realm=x", r#"Bearer realm="https://a.example/t""#]),
            expected
        );
    }

    #[test]
    fn basic_is_understood_with_and_without_parameters() {
        assert_eq!(parse(&["Basic"]), Some(Challenge::Basic));
        assert_eq!(
            parse(&[r#"Negotiate, Basic realm="a, Bearer b""#]),
            Some(Challenge::Basic)
        );
    }

    #[test]
    fn a_realm_or_service_of_any_length_is_not_kept() {
        let realm = format!(
            "https://a.example/{}",
            "x".repeat(limits::CHALLENGE_TEXT_BYTES)
        );
        let service = "x".repeat(limits::CHALLENGE_TEXT_BYTES + 1);
        let escaped = format!(
            "https://a.example/{}",
            "ä".repeat(limits::CHALLENGE_TEXT_BYTES / 4)
        );
        for text in [
            format!("Bearer realm=\"{realm}\""),
            format!("Bearer realm=\"{escaped}\""),
            format!("Bearer realm=\"https://a.example/t\",service=\"{service}\""),
        ] {
            assert_eq!(parse(&[&text]), None);
        }
    }

    #[test]
    fn what_cannot_be_met_is_no_challenge() {
        for text in [
            "Negotiate",
            "Bearer",
            r#"Bearer realm="not a url""#,
            r#"Bearer realm="file:///etc/passwd""#,
            r#"Bearer realm="https://user:password@a.example/t""#,
            r#"Bearer realm="https://a.example/t"#,
            "=,=",
            "",
        ] {
            assert_eq!(parse(&[text]), None, "{text}");
        }
    }
}
