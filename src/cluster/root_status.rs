//! What the status of a trust root says.

use serde_json::Map;

use super::{
    assemble::{generation, seen_status},
    mirror::Mirror,
    status::{Report, Told, Truth, Wanted},
};
use crate::{
    policy::TrustRootName,
    trust::{Absence, Origin, RootState},
};

/// What this root's object is to say; none for a root without an object.
pub(super) fn trust_root_report(
    mirror: &Mirror,
    name: &TrustRootName,
    state: &RootState,
) -> Option<Report> {
    let name = match name {
        TrustRootName::Public => return None,
        TrustRootName::Named(name) => name.clone(),
    };
    let key = (None, name);
    let object = mirror.objects().get(&key)?;
    let (reason, message) = told(state);
    Some(Report {
        resource: mirror.resource().clone(),
        key,
        seen: seen_status(object),
        wanted: Wanted {
            generation: generation(object),
            conditions: vec![Told {
                kind: "Ready",
                truth: match state.usable {
                    Ok(_) => Truth::True,
                    Err(_) => Truth::False,
                },
                reason,
                message,
            }],
            fields: fields(state),
        },
    })
}

fn told(state: &RootState) -> (&'static str, String) {
    let trouble = || match &state.trouble {
        Some(trouble) => format!("; the last refresh failed: {trouble}"),
        None => String::new(),
    };
    match (&state.usable, state.origin) {
        (Ok(_), Origin::Tuf) if state.trouble.is_some() => (
            "RefreshFailed",
            format!("policies can use it until it expires{}", trouble()),
        ),
        (Ok(_), _) => ("Loaded", "policies can use it".to_owned()),
        (Err(Absence::Expired { since }), _) => (
            "Expired",
            format!("it has been out of date since {since}{}", trouble()),
        ),
        (Err(Absence::Unavailable { reason }), Origin::Tuf) => ("NotFetched", reason.clone()),
        (Err(Absence::Unavailable { reason }), Origin::Given | Origin::BuiltIn) => {
            ("NotLoaded", reason.clone())
        }
    }
}

fn fields(state: &RootState) -> Map<String, serde_json::Value> {
    let mut fields = Map::new();
    if let Ok(root) = &state.usable {
        let summary = root.summary();
        fields.insert("version".to_owned(), root.version().into());
        fields.insert(
            "authorities".to_owned(),
            summary.certificate_authorities.into(),
        );
        fields.insert("logs".to_owned(), summary.logs.into());
        fields.insert(
            "certificateLogs".to_owned(),
            summary.certificate_logs.into(),
        );
        fields.insert(
            "timestampAuthorities".to_owned(),
            summary.timestamp_authorities.into(),
        );
        if let Some(end) = summary.ends {
            fields.insert("authoritiesEnd".to_owned(), end.to_string().into());
        }
    }
    for (name, time) in [
        ("expires", state.expires),
        ("lastRefreshed", state.refreshed),
    ] {
        if let Some(time) = time {
            fields.insert(name.to_owned(), time.to_string().into());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::{sandbox::sigstore::PrivateSigstore, trust::TrustRoots, verify::TrustRoot};

    fn from_tuf(usable: Result<(), Absence>, trouble: Option<&str>) -> RootState {
        RootState {
            usable: usable.map(|()| Arc::new(TrustRoot::public_good().unwrap())),
            origin: Origin::Tuf,
            refreshed: Some("2026-11-21T12:00:00Z".parse().unwrap()),
            expires: Some("2026-11-22T12:00:00Z".parse().unwrap()),
            trouble: trouble.map(str::to_owned),
        }
    }

    #[test]
    fn a_good_root_says_what_it_holds_and_until_when_it_is_good() {
        let state = from_tuf(Ok(()), None);
        assert_eq!(told(&state), ("Loaded", "policies can use it".to_owned()));
        let mut fields = fields(&state);
        assert!(fields.remove("version").is_some());
        assert_eq!(
            Value::Object(fields),
            json!({
                "authorities": 2, "logs": 2, "certificateLogs": 2, "timestampAuthorities": 1,
                "authoritiesEnd": "2031-10-05T13:56:58Z",
                "expires": "2026-11-22T12:00:00Z", "lastRefreshed": "2026-11-21T12:00:00Z",
            })
        );
    }

    #[test]
    fn a_root_whose_authorities_end_says_when() {
        let window = json!({"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"});
        let sigstore = PrivateSigstore::new("2026-06-01T12:00:00Z".parse().unwrap()).unwrap();
        let mut root = sigstore.trusted_root();
        root["certificateAuthorities"][0]["validFor"] = window;
        let state = RootState {
            usable: Ok(Arc::new(TrustRoot::from_json(&root.to_string()).unwrap())),
            ..from_tuf(Ok(()), None)
        };
        assert_eq!(fields(&state)["authoritiesEnd"], "2027-01-01T00:00:00Z");
    }

    #[test]
    fn a_failed_refresh_is_told_while_the_root_is_good_and_when_it_is_not() {
        let state = from_tuf(Ok(()), Some("timed out"));
        assert_eq!(
            told(&state),
            (
                "RefreshFailed",
                "policies can use it until it expires; the last refresh failed: timed out"
                    .to_owned()
            )
        );
        let since = "2026-11-22T12:00:00Z".parse().unwrap();
        let state = from_tuf(Err(Absence::Expired { since }), Some("timed out"));
        assert_eq!(
            told(&state),
            (
                "Expired",
                "it has been out of date since 2026-11-22T12:00:00Z; the last refresh failed: timed out"
                    .to_owned()
            )
        );
        let state = RootState::never_fetched("it has not been fetched yet".to_owned());
        assert_eq!(
            told(&state),
            ("NotFetched", "it has not been fetched yet".to_owned())
        );
    }

    #[test]
    fn a_root_that_cannot_be_read_says_why() {
        let name = TrustRootName::Named("acme".to_owned());
        let roots = TrustRoots::public_only().with(name.clone(), Err("no JSON".to_owned()));
        let (_, state) = roots.iter().find(|(found, _)| **found == name).unwrap();
        assert_eq!(told(state), ("NotLoaded", "no JSON".to_owned()));
        assert_eq!(fields(state), Map::new());
    }
}
