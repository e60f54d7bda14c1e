//! The simple-signing payload of the older layout (cosign's `SIGNATURE_SPEC.md`).
//!
//! Read more strictly than Go does: names are matched exactly, and no name may occur twice or be unknown
//! where it counts, so that no two readers can take the same signed bytes for different claims.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::{Deserialize, Deserializer, de};

use super::{
    SignatureError,
    failure::{invalid, presented, within},
    text::Text,
};
use crate::{image::Digest, limits};

/// Steps 3, 4 and 6, on bytes whose signature has verified: the image, the type, and the signer's annotations.
///
/// The `docker-reference` is what the signer typed and proves nothing about where the image lies, so it is not judged.
pub(super) fn accept(
    content: &[u8],
    image: &Digest,
) -> Result<BTreeMap<String, String>, SignatureError> {
    within("bytes of one payload", content.len(), limits::PAYLOAD_BYTES)?;
    let Object::<Payload>(payload) = serde_json::from_slice(content)
        .map_err(|error| invalid("not a simple-signing payload", &error))?;
    let Object(critical) = payload.critical;
    if critical.kind != CRITICAL_TYPE {
        return Err(SignatureError::Invalid {
            detail: format!(
                "the payload is of type \"{}\", not \"{CRITICAL_TYPE}\"",
                presented(&critical.kind)
            ),
        });
    }
    let Object(Image { digest }) = critical.image;
    if digest != image.as_str() {
        return Err(SignatureError::OtherImage {
            presented: presented(&digest),
        });
    }
    Ok(payload
        .optional
        .map(Annotations::into_texts)
        .unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    critical: Object<Critical>,
    #[serde(default)]
    optional: Option<Annotations>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    #[serde(rename = "identity")]
    _identity: Option<Annotations>,
    image: Object<Image>,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// A value written as a JSON object. The parser would take an array too, in which nothing has a name.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamedFields(PhantomData))
    }
}

struct NamedFields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for NamedFields<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(de::value::MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A JSON object in which no name occurs twice. Of a value that is no text it keeps nothing.
pub(super) struct Annotations(BTreeMap<String, Text>);

impl Annotations {
    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The text of this name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.0.as_deref()
    }

    /// Those that are texts; annotations are compared as texts, so others can match nothing.
    pub(super) fn into_texts(self) -> BTreeMap<String, String> {
        self.0
            .into_iter()
            .filter_map(|(name, Text(value))| Some((name, value?)))
            .collect()
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueNames)
    }
}

struct UniqueNames;

impl<'de> de::Visitor<'de> for UniqueNames {
    type Value = Annotations;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if fields.contains_key(&name) {
                return Err(de::Error::custom(format_args!(
                    "the name {name:?} occurs twice"
                )));
            }
            fields.insert(name, map.next_value()?);
        }
        Ok(Annotations(fields))
    }
}

const CRITICAL_TYPE: &str = "cosign container image signature";
