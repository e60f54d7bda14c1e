//! Lists and maps out of strangers' JSON, refused as soon as they are too long.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

/// A list of at most `MOST`.
#[derive(Clone, Debug)]
pub(super) struct List<T, const MOST: usize>(Vec<T>);

/// At most `MOST` texts, each key once.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts<const MOST: usize>(BTreeMap<String, String>);

impl<T, const MOST: usize> List<T, MOST> {
    pub(super) fn items(&self) -> &[T] {
        &self.0
    }

    pub(super) fn into_items(self) -> Vec<T> {
        self.0
    }
}

impl<const MOST: usize> Texts<MOST> {
    pub(super) fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    pub(super) fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }

    /// How long the keys and values are together.
    pub(super) fn bytes(&self) -> usize {
        let lengths = self.0.iter().map(|(key, value)| key.len() + value.len());
        lengths.sum()
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Items<T, MOST> {
            type Value = List<T, MOST>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() == MOST {
                        return Err(de::Error::custom(TOO_LONG));
                    }
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Texts<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<const MOST: usize>;
        impl<'de, const MOST: usize> Visitor<'de> for Map<MOST> {
            type Value = Texts<MOST>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts by key")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = BTreeMap::new();
                while let Some((key, value)) = map.next_entry()? {
                    if found.len() == MOST {
                        return Err(de::Error::custom(TOO_MANY_TEXTS));
                    }
                    if found.insert(key, value).is_some() {
                        return Err(de::Error::custom("the same key twice"));
                    }
                }
                Ok(Texts(found))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// How the error begins when a list has more than it may.
pub(super) const TOO_LONG: &str = "too many items";

/// How the error begins when a map has more than it may.
pub(super) const TOO_MANY_TEXTS: &str = "too many texts";
