//! What is asked for, and what can go wrong with it.

use assay::sandbox::registry::{Fault, RequestInfo};

/// What a registry is asked for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Step {
    Tag,
    Referrers,
    Manifest,
    Blob,
    Token,
}

/// What goes wrong with it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Trouble {
    Status(u16),
    UnknownAuthority,
    Expired,
    NoSuchName,
    Closed,
    SlowHead,
    SlowBody,
    Endless,
    WebPage,
    PlainRedirect,
    MovedTag,
    OtherContent,
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Referrers => "list of referrers",
            Self::Manifest => "manifest of a signature",
            Self::Blob => "signature",
            Self::Token => "token",
        }
    }

    /// Whether this is such a request. What comes without a login is answered with the challenge.
    pub(super) fn is(self, request: &RequestInfo) -> bool {
        let is_path = match self {
            Self::Tag => request.path.ends_with("/manifests/1.8.2"),
            Self::Referrers => request.path.contains("/referrers/"),
            // The image itself may be an index, and is asked for as one.
            Self::Manifest => {
                request.path.contains("/manifests/sha256:") && !request.accept.contains("index")
            }
            Self::Blob => request.path.contains("/blobs/"),
            Self::Token => request.path == "/token",
        };
        is_path && request.authorized
    }
}

impl Trouble {
    pub(super) fn name(self) -> String {
        match self {
            Self::Status(status) => return status.to_string(),
            Self::UnknownAuthority => "TLS, unknown CA",
            Self::Expired => "TLS, expired",
            Self::NoSuchName => "no such name (DNS)",
            Self::Closed => "connection refused",
            Self::SlowHead => "no answer",
            Self::SlowBody => "body too slow",
            Self::Endless => "body without end",
            Self::WebPage => "web page (200)",
            Self::PlainRedirect => "redirect to plain HTTP",
            Self::MovedTag => "tag moves",
            Self::OtherContent => "other content",
        }
        .to_owned()
    }

    /// Whether it can happen to such a request.
    pub(super) fn may_befall(self, step: Step) -> bool {
        match self {
            Self::MovedTag => step != Step::Token,
            // What has no digest can be no other.
            Self::OtherContent => !matches!(step, Step::Referrers | Step::Token),
            Self::SlowBody | Self::Endless => step != Step::Tag,
            Self::Status(_)
            | Self::UnknownAuthority
            | Self::Expired
            | Self::NoSuchName
            | Self::Closed
            | Self::SlowHead
            | Self::WebPage
            | Self::PlainRedirect => true,
        }
    }

    /// What the registry answers when it happens to such a request.
    pub(super) fn fault(self, step: Step) -> Option<Fault> {
        Some(match self {
            Self::Status(429) => Fault::answer(429, &[("retry-after", "3600")], ""),
            Self::Status(status) => Fault::status(status),
            Self::SlowHead => Fault::Hang,
            Self::SlowBody => Fault::SlowBody,
            Self::Endless => Fault::EndlessBody,
            Self::WebPage => Fault::Status {
                status: 200,
                headers: vec![("content-type".to_owned(), "text/html".to_owned())],
                body: b"<html>".to_vec(),
            },
            Self::PlainRedirect => Fault::Redirect("http://elsewhere.example/".to_owned()),
            Self::OtherContent if step == Step::Tag => Fault::WrongDigestHeader,
            Self::OtherContent => Fault::WrongContent,
            Self::UnknownAuthority
            | Self::Expired
            | Self::NoSuchName
            | Self::Closed
            | Self::MovedTag => return None,
        })
    }
}

pub(super) const STEPS: [Step; 5] = [
    Step::Tag,
    Step::Referrers,
    Step::Manifest,
    Step::Blob,
    Step::Token,
];

pub(super) const TROUBLES: [Trouble; 17] = [
    Trouble::Status(401),
    Trouble::Status(403),
    Trouble::Status(404),
    Trouble::Status(429),
    Trouble::Status(500),
    Trouble::Status(503),
    Trouble::UnknownAuthority,
    Trouble::Expired,
    Trouble::NoSuchName,
    Trouble::Closed,
    Trouble::SlowHead,
    Trouble::SlowBody,
    Trouble::Endless,
    Trouble::WebPage,
    Trouble::PlainRedirect,
    Trouble::MovedTag,
    Trouble::OtherContent,
];
