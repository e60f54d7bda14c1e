//! As much of JSON Schema as our own schemas use: what else they say is an error.

use serde_json::{Map, Value};

/// What in this document is not as the schema says.
pub(crate) fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut validator = Validator {
        root: schema,
        faults: Vec::new(),
    };
    validator.judge(schema, document, "$");
    validator.faults
}

/// Every property of every object in the schema, with its own schema.
pub(crate) fn properties(schema: &Value) -> Vec<(String, Value)> {
    let definitions = schema["$defs"].as_object().unwrap().values();
    let objects = definitions.chain([schema]);
    objects
        .filter_map(|object| object["properties"].as_object())
        .flatten()
        .map(|(name, property)| (name.clone(), property.clone()))
        .collect()
}

struct Validator<'a> {
    root: &'a Value,
    faults: Vec<String>,
}

impl Validator<'_> {
    fn judge(&mut self, schema: &Value, value: &Value, path: &str) {
        for (keyword, rule) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" | "format" | "minimum" => {}
                "$ref" => {
                    let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    let target = self.root.pointer(pointer).unwrap().clone();
                    self.judge(&target, value, path);
                }
                "type" => self.require(is_of_type(rule, value), path, "type", rule, value),
                "enum" => {
                    let is_one = rule.as_array().unwrap().contains(value);
                    self.require(is_one, path, "enum", rule, value);
                }
                "const" => self.require(rule == value, path, "const", rule, value),
                "oneOf" | "anyOf" => {
                    let alternatives = rule.as_array().unwrap().iter();
                    let fitting = alternatives
                        .filter(|it| {
                            let mut inner = Validator {
                                root: self.root,
                                faults: Vec::new(),
                            };
                            inner.judge(it, value, path);
                            inner.faults.is_empty()
                        })
                        .count();
                    let is_right = fitting == 1 || (keyword == "anyOf" && fitting > 1);
                    self.require(is_right, path, keyword, rule, value);
                }
                "items" => {
                    let items = value.as_array().into_iter().flatten().enumerate();
                    for (index, item) in items {
                        self.judge(rule, item, &format!("{path}[{index}]"));
                    }
                }
                "properties" | "required" | "additionalProperties" => {
                    if let Some(object) = value.as_object() {
                        self.judge_object(schema, keyword, object, path);
                    }
                }
                other => self.faults.push(format!("{path}: unknown keyword {other}")),
            }
        }
    }

    fn judge_object(
        &mut self,
        schema: &Value,
        keyword: &str,
        object: &Map<String, Value>,
        path: &str,
    ) {
        let rule = &schema[keyword];
        match keyword {
            "properties" => {
                for (name, property) in rule.as_object().unwrap() {
                    if let Some(value) = object.get(name) {
                        self.judge(property, value, &format!("{path}.{name}"));
                    }
                }
            }
            "required" => {
                let names = rule.as_array().unwrap().iter();
                for name in names.map(|name| name.as_str().unwrap()) {
                    if !object.contains_key(name) {
                        self.faults.push(format!("{path}: {name} is missing"));
                    }
                }
            }
            _ => {
                assert_eq!(rule, &Value::Bool(false), "{path}: additionalProperties");
                let known = schema["properties"].as_object().unwrap();
                for name in object.keys().filter(|name| !known.contains_key(*name)) {
                    self.faults.push(format!("{path}: {name} is not known"));
                }
            }
        }
    }

    fn require(&mut self, holds: bool, path: &str, keyword: &str, rule: &Value, value: &Value) {
        if !holds {
            self.faults
                .push(format!("{path}: {keyword} {rule}, found {value}"));
        }
    }
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        // A type that is not known here is of no value, so that it is seen.
        _ => false,
    };
    match rule {
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    }
}
