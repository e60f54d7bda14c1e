//! Which hosts may be asked: any, but for special addresses, and those too when the settings name them.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::{
    RegistryError,
    address::AddressClass,
    auth::authority,
    settings::{RegistrySetting, RegistrySettings},
};

/// Finds the addresses of names.
pub trait Names: Debug + Send + Sync {
    /// The addresses of this name, in the order in which they are tried.
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Names as the machine finds them: by its `hosts` file and its DNS.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

/// The authorities that the prefixes of the settings name, which may be at any address.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    named: BTreeSet<Authority>,
}

/// A host and port, as they are connected to.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Authority {
    host: String,
    port: Option<u16>,
}

/// Finds names, and keeps what is at a special address to itself. Every connection goes to an address that was looked at
/// here, so that a name that changes its mind between two questions wins nothing.
#[derive(Debug)]
pub(super) struct Guarded(pub(super) Arc<dyn Names>);

/// Finds names, for hosts that the settings name and for proxies.
#[derive(Debug)]
pub(super) struct Unguarded(pub(super) Arc<dyn Names>);

/// A name stands for special addresses only.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{address} is {}", class.words())]
pub(super) struct SpecialAddress {
    pub(super) address: IpAddr,
    pub(super) class: AddressClass,
}

impl Names for SystemNames {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

impl Reach {
    pub(super) fn new(settings: &RegistrySettings) -> Self {
        let entries = settings.entries().iter();
        Self {
            named: entries.filter_map(Authority::of_entry).collect(),
        }
    }

    /// Whether a prefix of the settings names this host and port.
    pub(super) fn is_named(&self, url: &Url) -> bool {
        self.named.contains(&Authority::of(url))
    }

    /// Refuses a host that is a special address, or a name for one, unless the settings name it.
    pub(super) fn permit(&self, url: &Url) -> Result<(), RegistryError> {
        match class(url) {
            Some(class) if !self.is_named(url) => Err(RegistryError::AddressRefused {
                host: authority(url),
                reason: class.words().to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

impl Authority {
    pub(super) fn of(url: &Url) -> Self {
        Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default(),
        }
    }

    /// What a prefix of the settings names; none when that can be no part of a URL.
    pub(super) fn of_entry(entry: &RegistrySetting) -> Option<Self> {
        let scheme = if entry.insecure_http { "http" } else { "https" };
        let prefix = entry.prefix();
        let host = prefix.split('/').next()?;
        let url = Url::parse(&format!("{scheme}://{}/", endpoint(host))).ok()?;
        Some(Self::of(&url))
    }
}

impl SpecialAddress {
    /// The refusal of a host whose name stands for this address.
    pub(super) fn refusal(&self, url: &Url) -> RegistryError {
        RegistryError::AddressRefused {
            host: authority(url),
            reason: format!("which is at {}, {}", self.address, self.class.words()),
        }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0.addresses(name.as_str().to_owned());
        Box::pin(async move { Ok(addresses(permitted(found.await?)?)) })
    }
}

impl Resolve for Unguarded {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0.addresses(name.as_str().to_owned());
        Box::pin(async move { Ok(addresses(found.await?)) })
    }
}

/// Docker Hub's registry answers under another name than its images carry.
pub(super) fn endpoint(host: &str) -> &str {
    if host == "docker.io" {
        "registry-1.docker.io"
    } else {
        host
    }
}

/// Whether this is the machine itself, which is not asked through a proxy.
pub(super) fn is_loopback(url: &Url) -> bool {
    class(url) == Some(AddressClass::Loopback)
}

fn class(url: &Url) -> Option<AddressClass> {
    match url.host()? {
        Host::Domain(name) => AddressClass::of_name(name),
        Host::Ipv4(address) => AddressClass::of(address.into()),
        Host::Ipv6(address) => AddressClass::of(address.into()),
    }
}

/// What is left without special addresses; an error when that is nothing.
fn permitted(found: Vec<IpAddr>) -> Result<Vec<IpAddr>, SpecialAddress> {
    let mut refused = None;
    let mut left = Vec::with_capacity(found.len());
    for address in found {
        match AddressClass::of(address) {
            Some(class) => refused = refused.or(Some(SpecialAddress { address, class })),
            None => left.push(address),
        }
    }
    match refused {
        Some(refused) if left.is_empty() => Err(refused),
        Some(_) | None => Ok(left),
    }
}

/// The port is set by who connects.
fn addresses(found: Vec<IpAddr>) -> Addrs {
    Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(prefixes: &str) -> Reach {
        let yaml = format!("registries: [{prefixes}]");
        Reach::new(&RegistrySettings::from_yaml("r.yaml", &yaml).expect("settings"))
    }

    fn refusal(reach: &Reach, url: &str) -> Option<String> {
        let url = Url::parse(url).expect("a URL");
        Some(reach.permit(&url).err()?.to_string())
    }

    #[test]
    fn an_address_is_known_however_it_is_written() {
        let reach = reach("");
        for (url, host, class) in [
            ("https://127.0.0.1", "127.0.0.1", "a loopback address"),
            ("https://127.1", "127.0.0.1", "a loopback address"),
            (
                "https://127.0.0.1.:6443/x",
                "127.0.0.1:6443",
                "a loopback address",
            ),
            ("https://2130706433", "127.0.0.1", "a loopback address"),
            ("https://0x7f.0.0.1", "127.0.0.1", "a loopback address"),
            ("https://0177.0.0.1", "127.0.0.1", "a loopback address"),
            ("https://%31%32%37.0.0.1", "127.0.0.1", "a loopback address"),
            ("https://１２７.0.0.1", "127.0.0.1", "a loopback address"),
            ("https://LOCALHOST.:1", "localhost.:1", "a loopback address"),
            ("https://x.localhost", "x.localhost", "a loopback address"),
            ("https://[::1]", "[::1]", "a loopback address"),
            (
                "https://[::ffff:7f00:1]",
                "[::ffff:7f00:1]",
                "a loopback address",
            ),
            ("https://[0:0::1]:6443", "[::1]:6443", "a loopback address"),
            ("http://0", "0.0.0.0", "an unspecified address"),
            (
                "http://0xa9fea9fe/latest",
                "169.254.169.254",
                "a link-local address",
            ),
            (
                "http://[fd00:ec2::254]",
                "[fd00:ec2::254]",
                "an address of a cloud's metadata service",
            ),
        ] {
            let expected = format!("no request is sent to {host}, {class}");
            assert_eq!(refusal(&reach, url), Some(expected), "{url}");
        }
        for url in [
            "https://10.0.0.1",
            "https://registry.example",
            "https://[fd00::1]:5000",
        ] {
            assert_eq!(refusal(&reach, url), None, "{url}");
        }
    }

    #[test]
    fn what_a_prefix_names_is_that_host_and_port_alone() {
        let reach = reach(
            r#"{prefix: "localhost:5000", insecureHttp: true}, {prefix: "127.0.0.1/team"}, {prefix: "[::1]:5001"}, {prefix: "localhost", insecureHttp: true}"#,
        );
        for url in [
            "http://localhost:5000/v2/",
            "https://127.0.0.1/v2/",
            "https://127.0.0.1:443/v2/",
            "https://[0::1]:5001/",
            "http://localhost/",
        ] {
            assert_eq!(refusal(&reach, url), None, "{url}");
        }
        for url in [
            "https://localhost/v2/",
            "https://localhost:6443/v2/",
            "https://127.0.0.1:5000/",
            "https://127.0.0.2/",
            "https://[::1]/",
            "https://a.localhost:5000/",
        ] {
            assert!(refusal(&reach, url).is_some(), "{url}");
        }
    }

    /// Answers each question with the next of these.
    #[derive(Debug)]
    struct Changing(std::sync::Mutex<Vec<IpAddr>>);

    impl Names for Changing {
        fn addresses(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            let next = self.0.lock().expect("one thread").remove(0);
            Box::pin(std::future::ready(Ok(vec![next])))
        }
    }

    #[tokio::test]
    async fn a_name_that_changes_its_mind_is_looked_at_each_time() {
        let answers = [
            "10.0.0.1",
            "127.0.0.1",
            "10.0.0.1",
            "::ffff:169.254.169.254",
        ];
        let answers = answers.map(|text| text.parse().expect("an address"));
        let resolver = Guarded(Arc::new(Changing(answers.to_vec().into())));
        let mut found = Vec::new();
        for _ in answers {
            let name: Name = "rebinding.example".parse().expect("a name");
            found.push(match resolver.resolve(name).await {
                Ok(addresses) => addresses.map(|one| one.to_string()).collect(),
                Err(error) => vec![error.to_string()],
            });
        }
        assert_eq!(
            found.concat(),
            [
                "10.0.0.1:0",
                "127.0.0.1 is a loopback address",
                "10.0.0.1:0",
                "::ffff:169.254.169.254 is a link-local address",
            ]
        );
    }

    #[test]
    fn a_name_stands_for_its_other_addresses_and_is_refused_without_any() {
        let parse = |texts: &[&str]| -> Vec<IpAddr> {
            texts
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect()
        };
        let mixed = parse(&["169.254.169.254", "10.0.0.1", "::1"]);
        assert_eq!(permitted(mixed), Ok(parse(&["10.0.0.1"])));
        let special = permitted(parse(&["::1", "169.254.169.254"]));
        let text = special.map_err(|error| error.to_string());
        assert_eq!(text, Err("::1 is a loopback address".to_owned()));
        assert_eq!(permitted(Vec::new()), Ok(Vec::new()));
    }
}
