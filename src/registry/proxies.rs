//! The proxies through which registries are reached.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;

/// What the environment says about proxies, as it stands there. May hold passwords, so it never shows.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    /// `ALL_PROXY`.
    pub all: String,
    /// `HTTP_PROXY`.
    pub http: String,
    /// `HTTPS_PROXY`.
    pub https: String,
    /// `NO_PROXY`.
    pub no: String,
}

/// The proxies, and who is asked without them. None by default.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Intercept>,
    https: Option<Intercept>,
    variables: ProxyVariables,
}

/// Why a proxy cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{variable} is not http://[user:password@]host[:port]")]
pub struct ProxyError {
    /// Where it is named. What stands there is not told: it may hold a password.
    pub variable: &'static str,
}

impl Proxies {
    /// The proxies that these variables name, with curl's meaning of each.
    ///
    /// # Errors
    ///
    /// When one of them is no HTTP proxy: registries would be asked without it otherwise.
    pub fn new(variables: ProxyVariables) -> Result<Self, ProxyError> {
        let all = proxy("ALL_PROXY", &variables.all)?;
        let http = proxy("HTTP_PROXY", &variables.http)?.or_else(|| all.clone());
        let https = proxy("HTTPS_PROXY", &variables.https)?.or(all);
        Ok(Self {
            http,
            https,
            variables,
        })
    }

    /// Which hosts are asked through a proxy.
    pub(super) fn matcher(&self) -> Matcher {
        let ProxyVariables {
            all,
            http,
            https,
            no,
        } = self.variables.clone();
        let builder = Matcher::builder();
        builder.all(all).http(http).https(https).no(no).build()
    }

    /// A client that asks everybody through them, since who is asked so is known before; none without a proxy.
    pub(super) fn client(
        &self,
        builder: impl FnOnce() -> reqwest::ClientBuilder,
    ) -> Result<Option<reqwest::Client>, reqwest::Error> {
        let proxies = self.for_client()?;
        if proxies.is_empty() {
            return Ok(None);
        }
        let builder = proxies
            .into_iter()
            .fold(builder(), reqwest::ClientBuilder::proxy);
        builder.build().map(Some)
    }

    /// As the HTTP library wants them.
    fn for_client(&self) -> Result<Vec<reqwest::Proxy>, reqwest::Error> {
        let mut proxies = Vec::new();
        if let Some(intercept) = &self.http {
            proxies.push(with_login(
                reqwest::Proxy::http(intercept.uri().to_string())?,
                intercept,
            ));
        }
        if let Some(intercept) = &self.https {
            proxies.push(with_login(
                reqwest::Proxy::https(intercept.uri().to_string())?,
                intercept,
            ));
        }
        Ok(proxies)
    }
}

impl fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyVariables(***)")
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = |intercept: &Option<Intercept>| {
            let intercept = intercept.as_ref();
            intercept.map(|intercept| intercept.uri().to_string())
        };
        f.debug_struct("Proxies")
            .field("http", &uri(&self.http))
            .field("https", &uri(&self.https))
            .field("no", &self.variables.no)
            .finish()
    }
}

/// The proxy that this URL is reached through, without the login for it.
pub(super) fn on_the_way(matcher: &Matcher, url: &Url) -> Option<Uri> {
    let uri = url.as_str().parse().ok()?;
    Some(matcher.intercept(&uri)?.uri().clone())
}

fn proxy(variable: &'static str, value: &str) -> Result<Option<Intercept>, ProxyError> {
    if value.is_empty() {
        return Ok(None);
    }
    let matcher = Matcher::builder().all(value.to_owned()).build();
    let found = matcher.intercept(&Uri::from_static("https://any.invalid"));
    match found.filter(|found| matches!(found.uri().scheme_str(), Some("http" | "https"))) {
        Some(found) => Ok(Some(found)),
        None => Err(ProxyError { variable }),
    }
}

fn with_login(proxy: reqwest::Proxy, intercept: &Intercept) -> reqwest::Proxy {
    match intercept.basic_auth() {
        Some(login) => proxy.custom_http_auth(login.clone()),
        None => proxy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: ProxyVariables) -> Proxies {
        Proxies::new(variables).expect("proxies")
    }

    fn via(proxies: &Proxies, url: &str) -> Option<String> {
        let url = url.parse().expect("a URL");
        Some(on_the_way(&proxies.matcher(), &url)?.to_string())
    }

    #[test]
    fn each_scheme_has_its_proxy_and_some_hosts_have_none() {
        let proxies = proxies(ProxyVariables {
            all: "all.example:1".to_owned(),
            https: "http://user:s3cret@https.example:3128".to_owned(),
            no: "inside.example, 10.0.0.0/8,[fd00::1]".to_owned(),
            ..ProxyVariables::default()
        });
        for (url, proxy) in [
            ("https://r.example/v2/", Some("http://https.example:3128/")),
            ("http://r.example/v2/", Some("http://all.example:1/")),
            ("https://r.inside.example/v2/", None),
            (
                "https://notinside.example/v2/",
                Some("http://https.example:3128/"),
            ),
            ("https://10.1.2.3:5000/v2/", None),
        ] {
            assert_eq!(via(&proxies, url).as_deref(), proxy, "{url}");
        }
        assert_eq!(via(&Proxies::default(), "https://r.example"), None);
    }

    #[test]
    fn what_means_nothing_in_no_proxy_keeps_no_host_from_the_proxy() {
        let through = |no: &str, url: &str| {
            let proxies = proxies(ProxyVariables {
                https: "p.example:1".to_owned(),
                no: no.to_owned(),
                ..ProxyVariables::default()
            });
            via(&proxies, url).is_some()
        };
        for (no, url) in [
            ("*.wild.example", "https://r.wild.example"),
            ("ported.example:8443", "https://ported.example:8443"),
            ("10.0.0.1:5000", "https://10.0.0.1:5000"),
            ("10.0.0.0/99", "https://10.0.0.1"),
        ] {
            assert!(through(no, url), "{no}");
        }
        assert!(!through("*", "https://r.wild.example"));
        assert!(!through(".wild.example", "https://r.wild.example"));
    }

    #[test]
    fn a_password_for_a_proxy_never_shows() {
        let variables = ProxyVariables {
            https: "http://user:s3cret@proxy.example:3128".to_owned(),
            ..ProxyVariables::default()
        };
        let proxies = proxies(variables.clone());
        let shown = format!("{variables:?} {proxies:?} {:?}", proxies.matcher());
        assert!(shown.contains("proxy.example"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(!shown.contains("user:"), "{shown}");
    }

    #[test]
    fn what_is_no_http_proxy_is_refused_and_not_repeated() {
        for wrong in [
            "socks5://u:s3cret@proxy.example:1080",
            "http://",
            "ftp://p",
            "a b",
        ] {
            let variables = ProxyVariables {
                https: wrong.to_owned(),
                ..ProxyVariables::default()
            };
            let error = Proxies::new(variables).expect_err(wrong);
            let text = "HTTPS_PROXY is not http://[user:password@]host[:port]";
            assert_eq!(error.to_string(), text);
        }
    }
}
