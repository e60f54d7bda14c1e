//! The fields of all kinds as Markdown, from the same schemas that the API server is given.
//!
//! One section per object with a table of its fields. An object that stands in several places is described in the first
//! and linked to from the others.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The reference of these definitions, each with its name. The same definitions always give the same text.
pub(super) fn write(definitions: &[(String, Value)]) -> String {
    let mut sections = Sections::default();
    for (_, definition) in definitions {
        sections.collect_kind(definition);
    }
    let mut text = String::new();
    for section in &sections.0 {
        if !text.is_empty() {
            text.push('\n');
        }
        section.write(&sections, &mut text);
    }
    text
}

/// All sections, in their order.
#[derive(Default)]
struct Sections<'a>(Vec<Section<'a>>);

enum Section<'a> {
    Kind(&'a Value),
    Object {
        path: String,
        schema: &'a Value,
        /// What counts when two are compared: all but what is said of it in one place.
        content: Value,
    },
}

impl<'a> Sections<'a> {
    fn collect_kind(&mut self, definition: &'a Value) {
        self.0.push(Section::Kind(definition));
        for part in ["spec", "status"] {
            let pointer = format!("{SCHEMA}/properties/{part}");
            if let Some(schema) = definition.pointer(&pointer) {
                let kind = text_at(definition, "/spec/names/kind");
                self.collect_object(&format!("{kind}.{part}"), schema);
            }
        }
    }

    fn collect_object(&mut self, path: &str, schema: &'a Value) {
        if self.path_of(schema).is_some() {
            return;
        }
        self.0.push(Section::Object {
            path: path.to_owned(),
            schema,
            content: content(schema),
        });
        for (name, field) in properties(schema) {
            let (marks, inner) = innermost(field);
            if has_fields(inner) {
                self.collect_object(&format!("{path}.{name}{marks}"), inner);
            }
        }
    }

    /// Where this object is described.
    fn path_of(&self, object: &Value) -> Option<&str> {
        let wanted = content(object);
        self.0.iter().find_map(|section| match section {
            Section::Object { path, content, .. } if *content == wanted => Some(path.as_str()),
            Section::Object { .. } | Section::Kind(_) => None,
        })
    }
}

impl Section<'_> {
    fn write(&self, sections: &Sections<'_>, text: &mut String) {
        // Writing to a String cannot fail, here and below.
        let _ = match self {
            Self::Kind(definition) => write_kind(definition, text),
            Self::Object { path, schema, .. } => write_object(path, schema, sections, text),
        };
    }
}

fn write_kind(definition: &Value, text: &mut String) -> std::fmt::Result {
    let schema = definition.pointer(SCHEMA).unwrap_or(&Value::Null);
    writeln!(text, "### {}\n", text_at(definition, "/spec/names/kind"))?;
    writeln!(text, "{}\n", text_at(schema, "/description"))?;
    let scope = match text_at(definition, "/spec/scope") {
        "Namespaced" => "in a namespace",
        _ => "for the whole cluster",
    };
    write!(
        text,
        "`{}/{}`, {scope}",
        text_at(definition, "/spec/group"),
        text_at(definition, "/spec/versions/0/name"),
    )?;
    for short in list_at(definition, "/spec/names/shortNames") {
        write!(
            text,
            ", `kubectl get {}`",
            short.as_str().unwrap_or_default()
        )?;
    }
    text.push('\n');
    write_rules(schema, text)
}

fn write_object(
    path: &str,
    schema: &Value,
    sections: &Sections<'_>,
    text: &mut String,
) -> std::fmt::Result {
    writeln!(text, "#### `{path}`\n")?;
    writeln!(text, "{}\n", text_at(schema, "/description"))?;
    writeln!(text, "| field | type | default | bounds | |")?;
    writeln!(text, "| --- | --- | --- | --- | --- |")?;
    for (name, field) in properties(schema) {
        let (_, inner) = innermost(field);
        let mut words = type_of(field);
        if let Some(path) = sections.path_of(inner) {
            words = format!("[{words}](#{})", anchor(path));
        }
        let default = field.get("default").map(|value| format!("`{value}`"));
        let mut limits = Vec::new();
        if list_at(schema, "/required").any(|required| required == name) {
            limits.push("required".to_owned());
        }
        limits.extend(bounds(field));
        writeln!(
            text,
            "| `{name}` | {words} | {} | {} | {} |",
            default.unwrap_or_default(),
            cell(&limits.join("; ")),
            cell(text_at(field, "/description")),
        )?;
    }
    write_rules(schema, text)
}

/// What must hold between the fields of an object.
fn write_rules(schema: &Value, text: &mut String) -> std::fmt::Result {
    for (index, message) in messages(schema).enumerate() {
        if index == 0 {
            text.push('\n');
        }
        writeln!(text, "- {message}")?;
    }
    Ok(())
}

fn messages(schema: &Value) -> impl Iterator<Item = &str> {
    list_at(schema, "/x-kubernetes-validations").map(|rule| text_at(rule, "/message"))
}

/// `list of strings`, `map of string to string`, `object`.
fn type_of(schema: &Value) -> String {
    match (schema.get("items"), schema.get("additionalProperties")) {
        (Some(items), _) => format!("list of {}s", type_of(items)),
        (None, Some(values)) => format!("map of string to {}", type_of(values)),
        (None, None) => match text_at(schema, "/format") {
            "date-time" => "time".to_owned(),
            _ => text_at(schema, "/type").to_owned(),
        },
    }
}

/// What a value must be.
fn bounds(schema: &Value) -> Vec<String> {
    let mut bounds = Vec::new();
    bounds.extend(alternatives(list_at(schema, "/enum"), "or"));
    bounds.extend(range(schema, "minimum", "maximum"));
    for (least, most, unit) in [
        ("minLength", "maxLength", "characters"),
        ("minItems", "maxItems", "entries"),
        ("minProperties", "maxProperties", "entries"),
    ] {
        let range = range(schema, least, most);
        bounds.extend(range.map(|range| format!("{range} {unit}")));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        bounds.push(format!("matches `{pattern}`"));
    }
    match text_at(schema, "/x-kubernetes-list-type") {
        "set" => bounds.push("none twice".to_owned()),
        "map" => {
            let keys = alternatives(list_at(schema, "/x-kubernetes-list-map-keys"), "and");
            bounds.extend(keys.map(|keys| format!("no two with the same {keys}")));
        }
        _ => {}
    }
    if !has_fields(schema) {
        bounds.extend(messages(schema).map(str::to_owned));
    }
    if let Some(items) = schema.get("items").filter(|items| !has_fields(items)) {
        let each = self::bounds(items);
        bounds.extend(each.into_iter().map(|bound| format!("each {bound}")));
    }
    bounds
}

/// `` `a`, `b` or `c` ``, and nothing of nothing.
fn alternatives<'a>(words: impl Iterator<Item = &'a Value>, last: &str) -> Option<String> {
    let words: Vec<String> = words
        .map(|word| format!("`{}`", word.as_str().unwrap_or_default()))
        .collect();
    match words.split_last()? {
        (only, []) => Some(only.clone()),
        (end, words) => Some(format!("{} {last} {end}", words.join(", "))),
    }
}

fn range(schema: &Value, least: &str, most: &str) -> Option<String> {
    let least = schema.get(least).filter(|least| **least != 0);
    match (least, schema.get(most)) {
        (Some(least), Some(most)) if least == most => Some(format!("{least}")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("at least {least}")),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => None,
    }
}

/// What lies in a list or map in the end, and the marks that say so in a path.
fn innermost(schema: &Value) -> (String, &Value) {
    let inner = match (schema.get("items"), schema.get("additionalProperties")) {
        (Some(items), _) => ("[]", items),
        (None, Some(values)) => ("{}", values),
        (None, None) => return (String::new(), schema),
    };
    let (deeper, value) = innermost(inner.1);
    (format!("{}{deeper}", inner.0), value)
}

fn has_fields(schema: &Value) -> bool {
    schema.get("properties").is_some()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let fields = schema.get("properties").and_then(Value::as_object);
    fields.into_iter().flat_map(Map::iter)
}

/// A schema without what may differ where the same type stands.
fn content(schema: &Value) -> Value {
    let mut content = schema.clone();
    if let Some(fields) = content.as_object_mut() {
        fields.retain(|name, _| name != "description" && name != "default");
    }
    content
}

/// Text in a table: in one line, and without what would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The anchor that GitLab and GitHub give to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'));
    kept.flat_map(char::to_lowercase).collect()
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn list_at<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

const SCHEMA: &str = "/spec/versions/0/schema/openAPIV3Schema";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_told_with_its_type_default_and_bounds() {
        let definition = json!({"spec": {
            "group": "assay.dev",
            "scope": "Namespaced",
            "names": {"kind": "Box", "shortNames": ["bx"]},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {
                "description": "A box.",
                "x-kubernetes-validations": [{"message": "it is closed", "rule": "true"}],
                "properties": {"spec": {
                    "description": "What it is.",
                    "type": "object",
                    "required": ["lid"],
                    "x-kubernetes-validations": [{"message": "lid fits sides", "rule": "true"}],
                    "properties": {
                        "lid": {"type": "string", "enum": ["On", "Off"], "default": "On", "description": "Shut | open."},
                        "sides": {
                            "type": "array", "minItems": 1, "maxItems": 6, "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["name"], "description": "Its sides.",
                            "items": {"type": "object", "description": "One side.", "properties": {
                                "name": {"type": "string", "maxLength": 9, "pattern": "^a|b$", "description": "Its name."},
                            }},
                        },
                        "tags": {
                            "type": "array", "maxItems": 2, "x-kubernetes-list-type": "set", "description": "Words.",
                            "items": {"type": "string", "minLength": 1, "maxLength": 5},
                        },
                        "top": {"type": "object", "description": "The side above.", "properties": {
                            "name": {"type": "string", "maxLength": 9, "pattern": "^a|b$", "description": "Its name."},
                        }},
                        "weight": {
                            "type": "integer", "minimum": 0, "maximum": 9, "description": "In kilograms.",
                            "x-kubernetes-validations": [{"message": "weight is even", "rule": "true"}],
                        },
                    },
                }},
            }}}],
        }});
        insta::assert_snapshot!(write(&[("boxes.assay.dev".to_owned(), definition)]), @r##"
        ### Box

        A box.

        `assay.dev/v1`, in a namespace, `kubectl get bx`

        - it is closed

        #### `Box.spec`

        What it is.

        | field | type | default | bounds | |
        | --- | --- | --- | --- | --- |
        | `lid` | string | `"On"` | required; `On` or `Off` | Shut \| open. |
        | `sides` | [list of objects](#boxspecsides) |  | 1 to 6 entries; no two with the same `name` | Its sides. |
        | `tags` | list of strings |  | at most 2 entries; none twice; each 1 to 5 characters | Words. |
        | `top` | [object](#boxspecsides) |  |  | The side above. |
        | `weight` | integer |  | at most 9; weight is even | In kilograms. |

        - lid fits sides

        #### `Box.spec.sides[]`

        One side.

        | field | type | default | bounds | |
        | --- | --- | --- | --- | --- |
        | `name` | string |  | at most 9 characters; matches `^a\|b$` | Its name. |
        "##);
    }
}
