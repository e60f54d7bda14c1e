//! What a serving certificate names.

use std::{collections::BTreeSet, net::IpAddr};

/// The names under which the API server, and whoever else, reaches the webhook.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceNames {
    common: String,
    all: BTreeSet<String>,
}

/// A name that no certificate can carry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name:?} is no name for a certificate: expected {expected}")]
pub struct NameError {
    name: String,
    expected: &'static str,
}

impl ServiceNames {
    /// The names of a Service in its namespace, and further ones: DNS names or addresses.
    ///
    /// # Errors
    ///
    /// When one of them is no such name.
    pub fn new(service: &str, namespace: &str, further: &[String]) -> Result<Self, NameError> {
        for name in [service, namespace] {
            if !is_label(name) {
                return Err(refused(name, "lower-case letters, digits and `-`"));
            }
        }
        let common = format!("{service}.{namespace}.svc");
        let mut all = BTreeSet::from([
            service.to_owned(),
            format!("{service}.{namespace}"),
            common.clone(),
            format!("{common}.cluster.local"),
        ]);
        for name in further {
            all.insert(further_name(name)?);
        }
        Ok(Self { common, all })
    }

    /// The name that the API server asks for.
    pub fn common(&self) -> &str {
        &self.common
    }

    /// All names, addresses among them.
    pub fn all(&self) -> &BTreeSet<String> {
        &self.all
    }
}

/// As it is read back from a certificate: DNS names in lower case, addresses in their shortest form.
fn further_name(name: &str) -> Result<String, NameError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let lower = name.to_ascii_lowercase();
    if lower.len() <= LONGEST_NAME && lower.split('.').all(is_label) {
        Ok(lower)
    } else {
        Err(refused(name, "a DNS name or an IP address"))
    }
}

fn is_label(label: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !label.is_empty()
        && label.len() <= LONGEST_LABEL
        && label.chars().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn refused(name: &str, expected: &'static str) -> NameError {
    NameError {
        name: name.chars().take(LONGEST_NAME).collect(),
        expected,
    }
}

/// RFC 1035 §2.3.4.
const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_the_names_that_a_cluster_gives_it() {
        let further = ["Webhook.Example", "127.0.0.1", "::0001"].map(str::to_owned);
        let names = ServiceNames::new("assay", "assay-system", &further).unwrap();
        assert_eq!(names.common(), "assay.assay-system.svc");
        let all: Vec<&str> = names.all().iter().map(String::as_str).collect();
        assert_eq!(
            all,
            [
                "127.0.0.1",
                "::1",
                "assay",
                "assay.assay-system",
                "assay.assay-system.svc",
                "assay.assay-system.svc.cluster.local",
                "webhook.example",
            ]
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for service in ["", "Assay", "a.b", "-a", "a-", "a b", &"a".repeat(64)] {
            let refused = ServiceNames::new(service, "assay-system", &[]);
            assert!(refused.is_err(), "{service:?}");
        }
        for further in ["", "a..b", "*.example", "https://a", "a b"] {
            let refused = ServiceNames::new("assay", "assay-system", &[further.to_owned()]);
            assert!(refused.is_err(), "{further:?}");
        }
        let error = ServiceNames::new("assay", "Own", &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"Own\" is no name for a certificate: expected lower-case letters, digits and `-`"
        );
    }
}
