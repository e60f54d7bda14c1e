//! Objects as they are read from a review.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Reads an object as it is written, but for its `metadata.managedFields`: they tell who has set which field, which
/// nothing here asks for, and of many objects they are the larger part.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Part::Object.deserialize(deserializer)
}

/// What is being read.
#[derive(Clone, Copy)]
enum Part {
    Object,
    Metadata,
}

impl<'de> DeserializeSeed<'de> for Part {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = match (self, name.as_str()) {
                (Self::Metadata, "managedFields") => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Self::Object, "metadata") => map.next_value_seed(Self::Metadata)?,
                (Self::Object | Self::Metadata, _) => map.next_value()?,
            };
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_text(text: &str) -> Value {
        let mut parser = serde_json::Deserializer::from_str(text);
        let value = read(&mut parser).unwrap();
        parser.end().unwrap();
        value
    }

    #[test]
    fn everything_but_who_has_set_which_field_is_read_as_it_is_written() {
        let mut object = json!({
            "metadata": {
                "name": "api",
                "managedFields": [{"manager": "m", "fieldsV1": {"f:metadata": {}}}],
                "annotations": {"managedFields": "kept"},
                "metadata": {"managedFields": ["kept"]},
            },
            "managedFields": [null],
            "spec": {
                "metadata": {"managedFields": [1, -2, 2.5, true]},
                "template": {"metadata": {"managedFields": ["ä\n", {}]}},
            },
        });
        let read = read_text(&object.to_string());
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        assert_eq!(read, object);
    }

    #[test]
    fn what_is_no_object_is_read_as_it_is_written() {
        for value in [
            json!(null),
            json!(true),
            json!(-1),
            json!(1),
            json!(0.5),
            json!("text"),
            json!([{"metadata": {"managedFields": []}}]),
            json!({"metadata": "text"}),
            json!({"metadata": [{"managedFields": []}]}),
        ] {
            assert_eq!(read_text(&value.to_string()), value);
        }
    }
}
