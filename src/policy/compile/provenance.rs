//! Demands for provenance, compiled.

use jiff::SignedDuration;
use url::Url;

use super::{Compiler, Fault, FieldPath, duration};
use crate::{
    image::Pattern,
    limits::{ENTRIES_PER_RULE, LONGEST_BUILD_AGE},
    policy::{
        ProvenanceDemand, TagMatch,
        crd::{self, ClusterImageTrustPolicySpec},
    },
};

impl Compiler<'_> {
    pub(super) fn provenance(
        &mut self,
        spec: &ClusterImageTrustPolicySpec,
    ) -> Option<ProvenanceDemand> {
        let wire = spec.provenance.as_ref()?;
        let path = FieldPath::new("spec").field("provenance");
        let authorities = self.attesters(wire, &spec.authorities, &path.field("authorities"));
        let source = wire.source_repository.as_deref();
        let source_repository =
            source.and_then(|text| self.source_repository(text, &path.field("sourceRepository")));
        let refs = self.each(
            wire.refs.as_deref(),
            &path.field("refs"),
            |it, entry, at| it.full_ref(&entry.0, at),
        );
        let tag_matches = self.each(
            wire.tag_matches.as_deref(),
            &path.field("tagMatches"),
            |_, entry, _| Some(TagMatch::from(*entry)),
        );
        let runners = self.each(
            wire.runners.as_deref(),
            &path.field("runners"),
            |it, entry, at| it.runner(&entry.0, at),
        );
        let pipeline_sources = self.each(
            wire.pipeline_sources.as_deref(),
            &path.field("pipelineSources"),
            |it, entry, at| {
                it.pipeline_source(entry, at);
                Some(entry.clone())
            },
        );
        let base_images = self.each(
            wire.base_images.as_deref(),
            &path.field("baseImages"),
            |it, entry, at| it.repository_pattern(&entry.0, at),
        );
        let age = wire.max_age.as_deref();
        let max_age = age.and_then(|text| self.max_age(text, &path.field("maxAge")));
        Some(ProvenanceDemand {
            authorities,
            source_repository,
            refs,
            tag_matches,
            runners,
            pipeline_sources,
            base_images,
            max_age,
        })
    }

    /// Every entry of a list, compiled. A list that is written has entries: an empty one would look like a rule and be none.
    fn each<T, U>(
        &mut self,
        wire: Option<&[T]>,
        path: &FieldPath,
        compile: impl Fn(&mut Self, &T, &FieldPath) -> Option<U>,
    ) -> Vec<U> {
        let Some(wire) = wire else {
            return Vec::new();
        };
        if wire.is_empty() {
            self.report(path, Fault::expected("at least one entry", "none"));
        }
        self.at_most(ENTRIES_PER_RULE, wire.len(), path);
        wire.iter()
            .take(ENTRIES_PER_RULE)
            .enumerate()
            .filter_map(|(index, entry)| compile(self, entry, &path.index(index)))
            .collect()
    }

    /// Who may attest, by their place among the policy's authorities; all of them where none is named.
    fn attesters(
        &mut self,
        wire: &crd::Provenance,
        authorities: &[crd::Authority],
        path: &FieldPath,
    ) -> Vec<usize> {
        if wire.authorities.is_none() {
            return (0..authorities.len()).collect();
        }
        let mut attesters = self.each(wire.authorities.as_deref(), path, |it, name, at| {
            let found = authorities.iter().position(|other| other.name == *name);
            if found.is_none() {
                let names: Vec<&str> = authorities.iter().map(|it| it.name.as_str()).collect();
                let expected = format!("an authority of this policy ({})", names.join(", "));
                it.report(at, Fault::expected_text(expected, name));
            }
            found
        });
        attesters.sort_unstable();
        attesters.dedup();
        attesters
    }

    /// In the form in which repositories are compared: the host in lower case, no `.git` and no slash at the end.
    fn source_repository(&mut self, text: &str, path: &FieldPath) -> Option<Pattern> {
        let expected =
            "an https URL whose host has no wildcard, as in https://gitlab.com/acme/shop/api";
        let url = self.url_pattern(text, &["https"], expected, path)?;
        let url = url.trim_end_matches('/');
        let url = url.strip_suffix(".git").unwrap_or(url);
        self.pattern(url.trim_end_matches('/'), path)
    }

    fn runner(&mut self, text: &str, path: &FieldPath) -> Option<Pattern> {
        let expected = "a URL whose host has no wildcard, as in https://gitlab.com/acme/shop/api/-/runners/1234";
        let url = self.url_pattern(text, &["https", "http"], expected, path)?;
        self.pattern(&url, path)
    }

    /// A URL with wildcards nowhere but in its path, the scheme and host as URLs have them.
    fn url_pattern(
        &mut self,
        text: &str,
        schemes: &[&str],
        expected: &'static str,
        path: &FieldPath,
    ) -> Option<String> {
        let normalised = normalised_url(text, schemes);
        if normalised.is_none() {
            self.report(path, Fault::expected_text(expected, text));
        }
        normalised
    }

    fn max_age(&mut self, text: &str, path: &FieldPath) -> Option<SignedDuration> {
        let longest = SignedDuration::try_from(LONGEST_BUILD_AGE).unwrap_or(SignedDuration::MAX);
        let age = duration::parse(text).filter(|age| age.is_positive() && *age <= longest);
        if age.is_none() {
            let expected = "a duration in hours, minutes and seconds, as in 2160h for 90 days";
            self.report(path, Fault::expected_text(expected, text));
        }
        age
    }
}

impl From<crd::TagMatch> for TagMatch {
    fn from(wire: crd::TagMatch) -> Self {
        match wire {
            crd::TagMatch::Ref => Self::Ref,
            crd::TagMatch::Commit => Self::Commit,
        }
    }
}

fn normalised_url(text: &str, schemes: &[&str]) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let is_plain = schemes.contains(&scheme)
        && host.chars().all(is_host)
        && !path.trim_matches('/').is_empty()
        && !path.contains(['?', '#'])
        && !path.contains(char::is_whitespace);
    let origin = Url::parse(&format!("{scheme}://{host}")).ok()?;
    (is_plain && origin.has_host()).then(|| format!("{origin}{path}"))
}
