//! Mutations of JSON documents: one place is changed, and what is encoded inside a text (Base64, PEM, JSON) is
//! changed inside, so that the change reaches the parsers behind the encoding.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value};

/// Lets libFuzzer mutate the JSON document that its input is.
#[macro_export]
macro_rules! mutate_as_json {
    () => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutation::of_json(data, size, max_size, seed)
        });
    };
}

/// Changes the document in `data[..size]`; what is no JSON is changed as bytes. Returns the new size.
pub fn of_json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random::new(seed);
    let document = match random.below(8) {
        0 => None,
        _ => serde_json::from_slice::<Value>(&data[..size]).ok(),
    };
    let Some(mut document) = document else {
        return fuzzer_mutate(data, size, max_size);
    };
    for _ in 0..=random.below(2) {
        change(&mut document, &mut random, DEPTH);
    }
    let mut text = document.to_string();
    if random.below(16) == 0 {
        repeat_a_name(&mut text, &mut random);
    }
    let room = max_size.min(data.len());
    if text.len() > room {
        return fuzzer_mutate(data, size, max_size);
    }
    data[..text.len()].copy_from_slice(text.as_bytes());
    text.len()
}

/// Changes one place of a document.
fn change(document: &mut Value, random: &mut Random, depth: usize) {
    let mut pointers = Vec::new();
    places(document, String::new(), &mut pointers);
    let other = document
        .pointer(random.of(&pointers))
        .cloned()
        .unwrap_or_default();
    let Some(place) = document.pointer_mut(random.of(&pointers)) else {
        return;
    };
    if random.below(12) == 0 {
        *place = other;
        return;
    }
    match place {
        Value::Null => *place = other,
        Value::Bool(value) => *value = !*value,
        Value::Number(number) => *place = changed_number(number, random),
        Value::String(text) => *text = changed_text(text, random, depth),
        Value::Array(items) => change_list(items, other, random),
        Value::Object(fields) => change_fields(fields, other, random),
    }
}

fn places(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(field, format!("{pointer}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found.push(pointer);
}

fn changed_number(number: &serde_json::Number, random: &mut Random) -> Value {
    let value = number.as_i64().unwrap_or_default();
    match random.below(8) {
        0 => 0.into(),
        1 => (-1).into(),
        2 => i64::MAX.into(),
        3 => u64::MAX.into(),
        4 => 0.5.into(),
        5 => value.to_string().into(),
        6 => value.wrapping_add(1).into(),
        _ => value.wrapping_sub(1).into(),
    }
}

fn change_list(items: &mut Vec<Value>, other: Value, random: &mut Random) {
    let last = items.len().saturating_sub(1);
    let at = random.below(items.len().max(1));
    match random.below(5) {
        0 if !items.is_empty() => drop(items.remove(at)),
        1 if !items.is_empty() => items.swap(at, last),
        2 if !items.is_empty() => items.push(items[at].clone()),
        // Over the limits, as long as the whole stays short.
        3 if !items.is_empty() && items[at].to_string().len() < 64 => {
            let item = items[at].clone();
            items.extend(std::iter::repeat_n(item, random.below(1200)));
        }
        _ => items.insert(at, other),
    }
}

fn change_fields(fields: &mut Map<String, Value>, other: Value, random: &mut Random) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let name = match names.as_slice() {
        [] => String::new(),
        names => names[random.below(names.len())].clone(),
    };
    match random.below(4) {
        0 => drop(fields.remove(&name)),
        1 => {
            let value = fields.remove(&name).unwrap_or_default();
            fields.insert(mutated_bytes_as_text(name.as_bytes()), value);
        }
        2 => drop(fields.insert(mutated_bytes_as_text(name.as_bytes()), other)),
        _ => drop(fields.insert(name, other)),
    }
}

fn changed_text(text: &str, random: &mut Random, depth: usize) -> String {
    if random.below(5) == 0 || depth == 0 {
        return mutated_bytes_as_text(text.as_bytes());
    }
    if let Some(body) = text.find(PEM_LINE_END).map(|at| at + PEM_LINE_END.len())
        && let Some(end) = text.rfind("-----END").filter(|end| *end > body)
        && let Ok(der) = STANDARD.decode(text[body..end].replace(['\n', '\r'], ""))
    {
        let changed = STANDARD.encode(mutated_bytes(&der));
        return format!("{}{changed}\n{}", &text[..body], &text[end..]);
    }
    if let Some(changed) = changed_json(text.as_bytes(), random, depth) {
        return changed;
    }
    match STANDARD.decode(text) {
        Ok(bytes) if bytes.len() > 3 => match changed_json(&bytes, random, depth) {
            Some(changed) => STANDARD.encode(changed),
            None => STANDARD.encode(mutated_bytes(&bytes)),
        },
        Ok(_) | Err(_) => mutated_bytes_as_text(text.as_bytes()),
    }
}

fn changed_json(bytes: &[u8], random: &mut Random, depth: usize) -> Option<String> {
    let mut inner: Value = serde_json::from_slice(bytes).ok()?;
    if !inner.is_object() {
        return None;
    }
    change(&mut inner, random, depth - 1);
    Some(inner.to_string())
}

fn mutated_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut buffer = bytes.to_vec();
    buffer.resize(bytes.len() + GROWTH, 0);
    let room = buffer.len();
    let size = fuzzer_mutate(&mut buffer, bytes.len(), room);
    buffer.truncate(size);
    buffer
}

fn mutated_bytes_as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&mutated_bytes(bytes)).into_owned()
}

/// Writes a name of an object a second time into it: two readers may take different ones.
fn repeat_a_name(text: &mut String, random: &mut Random) {
    let starts: Vec<usize> = text.match_indices("{\"").map(|(at, _)| at).collect();
    if starts.is_empty() {
        return;
    }
    let start = starts[random.below(starts.len())] + 1;
    if let Some(length) = text[start + 1..].find('"') {
        let name = text[start..=start + 1 + length].to_owned();
        let value = ["null", "\"\"", "{}", "[]", "0"][random.below(5)];
        text.insert_str(start, &format!("{name}:{value},"));
    }
}

/// A small generator: libFuzzer wants the same mutation for the same seed.
struct Random(u64);

impl Random {
    fn new(seed: u32) -> Self {
        Self(u64::from(seed) ^ 0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, texts: &'a [String]) -> &'a str {
        match texts {
            [] => "",
            texts => &texts[self.below(texts.len())],
        }
    }
}

const DEPTH: usize = 4;
const GROWTH: usize = 64;
const PEM_LINE_END: &str = "-----\n";
