//! Asking the services of a cloud. Nothing that came from a registry or an image decides where these requests go.

use std::{
    io,
    net::{IpAddr, Ipv6Addr},
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::{io::AsyncReadExt as _, time::Instant};
use url::{Host, Url};

use super::error::IdentityError;
use crate::{
    limits,
    registry::{
        ClientError, RegistryOptions, Secret,
        behalf::Behalf,
        body::{self, BodyError},
        budget::Budget,
        form::{FORM, encode},
        proxies::on_the_way,
        tls::{obedient, public_tls},
    },
};

/// Asks services of a cloud: follows no redirect, tries once.
#[derive(Debug)]
pub(super) struct CloudClient {
    /// Without a proxy.
    direct: reqwest::Client,
    /// By the proxies that the environment names, if it names one.
    proxied: Option<reqwest::Client>,
    /// What is asked by them.
    by_proxy: Matcher,
}

/// One request to a service.
#[derive(Debug)]
pub(super) struct Question {
    /// As messages name the service.
    pub(super) who: &'static str,
    pub(super) url: Url,
    pub(super) way: Way,
    pub(super) headers: HeaderMap,
    /// Sent by POST; without one, the request is a GET.
    pub(super) body: Option<Secret>,
}

/// How a service is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// As the environment says.
    Outward,
    /// Without a proxy: it is on this node, which none can reach.
    Direct,
}

/// What a service said with 200.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl CloudClient {
    pub(super) fn new(options: &RegistryOptions) -> Result<Self, ClientError> {
        let tls = public_tls()?;
        let timeout = limits::IDENTITY_CONNECT_TIMEOUT;
        let builder = || obedient(&tls, timeout, &options.stand_ins).pool_idle_timeout(IDLE);
        Ok(Self {
            direct: builder().no_proxy().build()?,
            proxied: options.proxies.client(builder)?,
            by_proxy: options.proxies.matcher(),
        })
    }

    /// What the service says, when that is 200.
    pub(super) async fn ask(&self, question: Question) -> Result<Said, IdentityError> {
        let who = question.who;
        let client = self.client_for(&question);
        let method = match question.body {
            Some(_) => Method::POST,
            None => Method::GET,
        };
        let mut request = client
            .request(method, question.url)
            .headers(question.headers);
        if let Some(body) = question.body {
            request = request.body(body.reveal().to_owned());
        }
        let deadline = Instant::now() + limits::IDENTITY_ANSWER_TIMEOUT;
        let mut response = match tokio::time::timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(unreachable(who, &error)),
            Err(_) => return Err(IdentityError::Timeout { who }),
        };
        let status = response.status().as_u16();
        if status != 200 {
            return Err(IdentityError::Answered { who, status });
        }
        let headers = std::mem::take(response.headers_mut());
        let limit = limits::IDENTITY_ANSWER_BYTES;
        // No registry sent it, so that it is none of their budget's.
        let mut share = Budget::new(3 * limit).open(who, &Behalf::of_all());
        let pause = limits::IDENTITY_ANSWER_TIMEOUT;
        let read = body::read(response, limit, pause, deadline, &mut share);
        let body = read.await.map_err(|error| match error {
            BodyError::TooLarge | BodyError::Crowded => IdentityError::TooLarge { who, limit },
            BodyError::Paused | BodyError::Deadline => IdentityError::Timeout { who },
            BodyError::Broken => IdentityError::Unreachable {
                who,
                reason: "the connection broke".to_owned(),
            },
        })?;
        Ok(Said { headers, body })
    }

    fn client_for(&self, question: &Question) -> &reqwest::Client {
        let is_by_proxy = match question.way {
            Way::Direct => false,
            Way::Outward => {
                !is_near(&question.url) && on_the_way(&self.by_proxy, &question.url).is_some()
            }
        };
        let proxied = self.proxied.as_ref().filter(|_| is_by_proxy);
        proxied.unwrap_or(&self.direct)
    }
}

fn unreachable(who: &'static str, error: &reqwest::Error) -> IdentityError {
    if error.is_timeout() {
        return IdentityError::Timeout { who };
    }
    let reason = if error.is_dns() {
        NOT_FOUND.to_owned()
    } else {
        io_kind(error).unwrap_or_else(|| "the connection failed".to_owned())
    };
    IdentityError::Unreachable { who, reason }
}

fn io_kind(error: &reqwest::Error) -> Option<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found.kind().to_string());
        }
        next = error.source();
    }
    None
}

/// The URL that a variable gives: `https`, or plain HTTP to this node only.
pub(super) fn endpoint(variable: &'static str, text: &str) -> Result<Url, IdentityError> {
    let problem = |problem| IdentityError::Variable { variable, problem };
    let url = Url::parse(text).map_err(|_| problem("no URL"))?;
    let is_plain_and_near = url.scheme() == "http" && is_near(&url);
    if url.host().is_none() || !url.username().is_empty() || url.password().is_some() {
        return Err(problem("no URL of a service"));
    }
    if url.scheme() == "https" || is_plain_and_near {
        Ok(url)
    } else {
        Err(problem("no https URL"))
    }
}

/// Whether this is on the node itself: loopback, or the link-local addresses of agents and metadata servers.
pub(super) fn is_near(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Domain(name)) => return name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        None => return false,
    };
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address == EKS_AGENT,
    }
}

/// The text of a file that a variable names, without the line break at its end. It is read each time: the kubelet
/// replaces what is in it.
pub(super) async fn read_token(
    variable: &'static str,
    file: &Path,
) -> Result<Secret, IdentityError> {
    let failed = |error: io::Error| IdentityError::File {
        variable,
        reason: error.kind().to_string(),
    };
    let limit = limits::IDENTITY_FILE_BYTES;
    let mut text = String::new();
    tokio::fs::File::open(file)
        .await
        .map_err(failed)?
        .take(limit as u64 + 1)
        .read_to_string(&mut text)
        .await
        .map_err(failed)?;
    if text.len() > limit {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(failed(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Secret::new(text.to_owned()))
}

/// The body of a form, and the header that says so.
pub(super) fn form(fields: &[(&str, &str)]) -> (Secret, HeaderMap) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
    (encode(fields), headers)
}

/// A header whose value does not show.
pub(super) fn insert_secret(headers: &mut HeaderMap, name: HeaderName, value: &str) -> bool {
    let Ok(mut value) = HeaderValue::try_from(value) else {
        return false;
    };
    value.set_sensitive(true);
    headers.insert(name, value);
    true
}

/// As the reason of [`IdentityError::Unreachable`], when there is no such host.
const NOT_FOUND: &str = "its name is not known";

/// The address of EKS's agent where there is IPv6.
const EKS_AGENT: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23);

/// Identities are asked for once in hours.
const IDLE: Duration = Duration::from_secs(5);
