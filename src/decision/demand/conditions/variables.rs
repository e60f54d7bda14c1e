//! What conditions see. The names are documented in docs/conditions.md, and known to `condition::schema`.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    super::{Case, provenance::AcceptedProvenance},
    Accepted,
};
use crate::{
    condition::Variables,
    decision::{
        cause::{Asked, Cause, Obstacle},
        signer_text,
    },
    image::Contents,
    provenance::{BaseImage, FactName, Facts, Provenance, Source},
    verify::{Identity, Signer, VerifiedAttestation, VerifiedSignature},
};

type Texts = BTreeMap<String, String>;

impl Case<'_> {
    /// What all conditions of the policy are over, as far as they may look at it; attestations come later.
    pub(super) fn variables(&self, accepted: Accepted<'_>) -> Result<Variables, Box<Cause>> {
        let mut variables = Variables::default();
        variables.set("image", self.image(accepted)?);
        if self.policy.conditions_read(&["signatures"]) {
            let signatures = accepted.signatures.iter();
            let described = signatures.map(|(authority, it)| signature(authority, it));
            variables.set("signatures", Value::Array(described.collect()));
        }
        let provenance = accepted.provenance.map(|it| {
            let reads_predicate = self.policy.conditions_read(&["provenance", "predicate"]);
            provenance(it, reads_predicate)
        });
        variables.set("provenance", provenance.unwrap_or_else(nothing));
        let place = &self.circumstances.place;
        variables.set(
            "namespace",
            json!({"name": place.namespace, "labels": place.namespace_labels}),
        );
        let pod = &self.circumstances.pod;
        if pod.is_object() {
            variables.set("pod", Arc::clone(pod));
        } else {
            variables.set("pod", nothing());
        }
        Ok(variables)
    }

    fn image(&self, accepted: Accepted<'_>) -> Result<Value, Box<Cause>> {
        let repository = self.reference.repository();
        let mut image = Map::new();
        let mut put = |name: &str, value: Value| image.insert(name.to_owned(), value);
        put("reference", self.reference.written().into());
        put("registry", repository.host().as_str().into());
        put("repository", repository.to_string().into());
        put("path", repository.path().into());
        put("digest", self.digest.to_string().into());
        if self.reference.tag().is_some() || self.reference.digest().is_none() {
            put("tag", self.reference.tag_or_latest().as_str().into());
        }
        let fields = ["annotations", "labels", "platforms"];
        let reads = |field: &&str| self.policy.conditions_read(&["image", field]);
        if !fields.iter().any(reads) {
            return Ok(Value::Object(image));
        }
        let contents: &Contents = match accepted.contents {
            Some(Ok(contents)) => contents,
            Some(Err(failure)) => {
                return Err(Box::new(Cause::of_lookup(failure, Asked::ImageRegistry)));
            }
            None => return Err(Box::new(Obstacle::DeadlineExceeded.into())),
        };
        let platforms = &contents.platforms;
        let mut annotations = agreed(platforms.iter().map(|it| &it.annotations));
        annotations.extend(contents.annotations.clone());
        put("annotations", json!(annotations));
        put(
            "labels",
            json!(agreed(platforms.iter().map(|it| &it.labels))),
        );
        let names = platforms.iter().map(|it| it.platform.as_str());
        put("platforms", names.filter(|it| !it.is_empty()).collect());
        Ok(Value::Object(image))
    }

    /// One attestation, with its predicate if that is asked for.
    pub(super) fn attestation(
        &self,
        authority: &str,
        attestation: &VerifiedAttestation,
        reads_predicate: bool,
    ) -> Result<Value, Box<Cause>> {
        let predicate_type = attestation.predicate_type();
        let mut described = Map::new();
        let mut put = |name: &str, value: Value| described.insert(name.to_owned(), value);
        put("predicateType", predicate_type.into());
        put("authority", authority.into());
        put("signer", signer_text(attestation.signer()).into());
        if let Some(time) = attestation.signed_at() {
            put("signedAt", time.to_string().into());
        }
        if reads_predicate {
            let statement = attestation.statement();
            let read = Provenance::parse(predicate_type, statement, Source::Attestation);
            let read = read.map_err(|error| Box::new(self.unreadable(predicate_type, &error)))?;
            put("predicate", read.predicate);
        }
        Ok(Value::Object(described))
    }
}

fn signature(authority: &str, signature: &VerifiedSignature) -> Value {
    let mut described = Map::new();
    let mut put = |name: &str, value: Value| described.insert(name.to_owned(), value);
    put("authority", authority.into());
    put("signer", signer_text(signature.signer()).into());
    if let Some(time) = signature.signed_at() {
        put("signedAt", time.to_string().into());
    }
    if let Some(index) = signature.log_index() {
        put("logIndex", index.into());
    }
    put("annotations", json!(signature.annotations()));
    match signature.signer() {
        Signer::Key { .. } => {}
        Signer::Certificate(identity) => described.extend(of_certificate(identity)),
    }
    Value::Object(described)
}

fn of_certificate(identity: &Identity) -> Map<String, Value> {
    let mut described = stated(&Facts::of_certificate(identity));
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            described.insert(name.to_owned(), value.into());
        }
    };
    put("issuer", Some(&identity.oidc_issuer));
    put("san", Some(identity.san.as_str()));
    put(
        "repositoryId",
        identity.source_repository_identifier.as_deref(),
    );
    put("runnerEnvironment", identity.runner_environment.as_deref());
    put("environment", identity.deployment_environment.as_deref());
    put("tokenSubject", identity.token_subject.as_deref());
    described
}

fn provenance(accepted: &AcceptedProvenance, reads_predicate: bool) -> Value {
    let (read, attestation) = (&accepted.provenance, &accepted.attestation);
    let mut described = stated(&read.facts);
    let mut put = |name: &str, value: Value| described.insert(name.to_owned(), value);
    put("authority", accepted.authority.as_str().into());
    put("signer", signer_text(attestation.signer()).into());
    if let Some(time) = attestation.signed_at() {
        put("signedAt", time.to_string().into());
    }
    put("predicateType", attestation.predicate_type().into());
    put("shape", read.shape.as_str().into());
    put(
        "baseImages",
        read.facts.base_images().iter().map(base_image).collect(),
    );
    if reads_predicate {
        put("predicate", read.predicate.clone());
    }
    Value::Object(described)
}

/// Each fact as its most trusted source states it; of refs a full one before a short one.
fn stated(facts: &Facts) -> Map<String, Value> {
    let mut described = Map::new();
    for name in FactName::ALL {
        let fact = if name == FactName::Ref {
            facts.ref_name()
        } else {
            facts.best(name)
        };
        if let Some(fact) = fact {
            described.insert(name.as_str().to_owned(), fact.value.as_str().into());
        }
    }
    described
}

fn base_image(base: &BaseImage) -> Value {
    let mut described = Map::new();
    described.insert("name".to_owned(), base.name.as_str().into());
    if let Some(repository) = &base.repository {
        described.insert("repository".to_owned(), repository.to_string().into());
    }
    if let Some(digest) = &base.digest {
        described.insert("digest".to_owned(), digest.to_string().into());
    }
    Value::Object(described)
}

/// What all of them say.
fn agreed<'a>(mut all: impl Iterator<Item = &'a Texts>) -> Texts {
    let mut agreed = all.next().cloned().unwrap_or_default();
    for other in all {
        agreed.retain(|key, value| other.get(key) == Some(value));
    }
    agreed
}

fn nothing() -> Value {
    Value::Object(Map::new())
}
