//! Conditions that do not run away answer as the `cel` crate's own interpreter does.

use cel::{Context, Program};
use proptest::prelude::*;

use super::*;

fn by_the_crate(expression: &str) -> Option<Result<bool, ()>> {
    let program = Program::compile(expression).ok()?;
    let mut context = Context::default();
    let variables = variables();
    for name in ATTESTATION_VARIABLES {
        let value = variables.get(name).unwrap();
        context.add_variable(name, value).unwrap();
    }
    Some(match program.execute(&context) {
        Ok(cel::Value::Bool(holds)) => Ok(holds),
        Ok(_) | Err(_) => Err(()),
    })
}

/// Expressions of all types, most of which compile.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("image.tag".to_owned()),
        Just("image.platforms".to_owned()),
        Just("image.annotations".to_owned()),
        Just("attestation.predicate.components".to_owned()),
        Just("attestation.predicate.huge".to_owned()),
        Just("attestation.predicate.nothing".to_owned()),
        Just("attestation.predicate.flag".to_owned()),
        Just("attestation.predicate.absent".to_owned()),
        Just("x".to_owned()),
        Just("'v1.8.2'".to_owned()),
        Just("''".to_owned()),
        Just("'12'".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        (-3i64..4).prop_map(|number| number.to_string()),
        (0u64..3).prop_map(|number| format!("{number}u")),
        Just("1.5".to_owned()),
        Just("2.0".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("{'a': 1, 2: [3]}".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let binary = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||",
        ]);
        let method = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
        let free = prop::sample::select(vec![
            "size", "int", "uint", "double", "string", "bool", "dyn", "type", "!", "-",
        ]);
        let looped = prop::sample::select(vec!["all", "exists", "exists_one", "filter", "map"]);
        prop_oneof![
            4 => (two.clone(), binary).prop_map(|((a, b), sign)| format!("({a} {sign} {b})")),
            1 => (two.clone(), method).prop_map(|((a, b), name)| format!("{a}.{name}({b})")),
            2 => (inner.clone(), free).prop_map(|(a, name)| format!("{name}({a})")),
            3 => (two.clone(), looped).prop_map(|((a, b), name)| format!("{a}.{name}(x, {b})")),
            1 => two.clone().prop_map(|(a, b)| format!("{a}[{b}]")),
            1 => two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => two.clone().prop_map(|(a, b)| format!("{{{a}: {b}}}")),
            1 => inner.clone().prop_map(|a| format!("has({a}.size)")),
            1 => (inner.clone(), two).prop_map(|(a, (b, c))| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn answers_are_those_of_the_crate(one in expression(), other in expression()) {
        let wrapped = format!("[1, 'a'].exists(x, {one} == {other})");
        for text in [one, wrapped] {
            let Ok(condition) = Condition::compile(&text, &ATTESTATION_VARIABLES) else {
                continue;
            };
            let found = condition.evaluate(&variables(), &Budget::default());
            let expected = by_the_crate(&text);
            prop_assert_eq!(found.clone().map_err(|_| ()), expected.unwrap(), "{} gave {:?}", text, found);
        }
    }
}
