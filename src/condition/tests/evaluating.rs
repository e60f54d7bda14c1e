//! What conditions answer.

use super::*;

#[test]
fn a_condition_compares_what_it_finds() {
    for expression in [
        "image.tag == 'v1.8.2' && image.tag.startsWith('v')",
        "image.annotations['com.gitlab.ci.pipeline_id'] == provenance.pipelineId",
        "image.platforms.all(p, p in ['linux/amd64', 'linux/arm64'])",
        "size(image.platforms) == 2 && image.platforms.size() == 2",
        "signatures.exists(s, s.logIndex > 2)",
        "signatures.exists_one(s, s.authority == 'release')",
        "signatures.map(s, s.authority) == ['release']",
        "attestation.predicate.components.filter(c, has(c.size)).map(c, c.name) == ['a', 'b']",
        "attestation.predicate.components.map(c, has(c.size), c.size) == [1, 2.5]",
        "attestation.predicate.huge == 18446744073709551615u",
        "attestation.predicate.nothing == null",
        "attestation.predicate.flag",
        "image.annotations.exists(key, key.startsWith('com.gitlab'))",
        "size(image.annotations['käse']) == 1",
        "image.tag.matches('^v[0-9]+') && matches(image.tag, '8')",
        "int('12') + 1 == 13 && string(12) == '12' && double('1.5') == 1.5 && uint(3) == 3u",
        "type(image.tag) == string && type(attestation.predicate.nothing) == null_type",
        "{'a': 1, 2: 'b'}[2] == 'b' && 'a' in {'a': 1} && !('b' in {'a': 1})",
        "{1: 'a'}[1u] == 'a' && [1, 2][1.0] == 2",
        "'a' + 'b' == 'ab' && [1] + [2] == [1, 2] && 7 % 4 == 3 && 7 / 2 == 3",
        "1 < 1.5 && 1u < 2 && 'a' < 'b' && false < true",
        "dyn(1) == 1.0 && [1] == [1.0] && {'a': [1]} == {'a': [1u]}",
        "has(provenance.pipelineId) && !has(provenance.jobId) && !has(pod.spec)",
        "has(provenance.jobId) ? provenance.jobId == '1' : true",
    ] {
        assert_eq!(answer(expression), Ok(true), "{expression}");
    }
}

#[test]
fn what_is_not_there_is_named_with_its_path() {
    for (expression, said) in [
        ("provenance.jobId == '1'", "provenance has no \"jobId\""),
        (
            "image.annotations['a\\nb'] == ''",
            "image.annotations has no \"a\\nb\"",
        ),
        ("pod.spec.hostNetwork", "pod has no \"spec\""),
        (
            "signatures[1].signer == ''",
            "signatures has 1 items and none at 1",
        ),
        (
            "signatures[-1].signer == ''",
            "signatures has 1 items and none at -1",
        ),
        ("{1: 2}[3] == 1", "it has no \"3\""),
        ("{1: 2, 1u: 3} == {}", "a map has the key 1 twice"),
    ] {
        assert_eq!(answer(expression), Err(said.to_owned()), "{expression}");
    }
}

#[test]
fn values_of_the_wrong_type_are_named() {
    for (expression, said) in [
        ("attestation.predicate.flag.x", ". cannot be used with bool"),
        (
            "attestation.predicate.huge.all(a, true)",
            "all cannot be used with uint",
        ),
        (
            "attestation.predicate.nothing + 1 == 1",
            "+ cannot be used with null_type and int",
        ),
        (
            "attestation.predicate.huge + 1 == 1",
            "+ cannot be used with uint and int",
        ),
        (
            "attestation.predicate.huge.contains('a')",
            "contains cannot be used with uint and string",
        ),
        (
            "attestation.predicate.huge.matches('a')",
            "matches cannot be used with uint",
        ),
        (
            "attestation.predicate.huge ? true : true",
            "?: cannot be used with uint",
        ),
        (
            "attestation.predicate.components",
            "it is neither true nor false but of the type list",
        ),
        ("int('a\"b') == 1", "int() cannot convert \"a\\\"b\""),
        (
            "int(1e30) == 1",
            "int() cannot convert 1000000000000000000000000000000",
        ),
        ("1 / 0 == 1", "/ has no result for 1 and 0"),
        (
            "9223372036854775807 + 1 == 1",
            "+ has no result for 9223372036854775807 and 1",
        ),
        (
            "-9223372036854775808 / -1 == 1",
            "/ has no result for -9223372036854775808 and -1",
        ),
    ] {
        assert_eq!(answer(expression), Err(said.to_owned()), "{expression}");
    }
}

#[test]
fn the_operand_that_decides_does_so_beside_one_without_an_answer() {
    for (expression, expected) in [
        ("provenance.jobId == '1' || true", Ok(true)),
        ("provenance.jobId == '1' && false", Ok(false)),
        ("true || provenance.jobId == '1'", Ok(true)),
        ("false && provenance.jobId == '1'", Ok(false)),
        (
            "provenance.jobId == '1' && true",
            Err("provenance has no \"jobId\""),
        ),
        (
            "provenance.jobId == '1' || false",
            Err("provenance has no \"jobId\""),
        ),
        (
            "attestation.predicate.components.exists(c, c.size > 2)",
            Ok(true),
        ),
        (
            "attestation.predicate.components.all(c, c.size > 1)",
            Ok(false),
        ),
        (
            "attestation.predicate.components.all(c, c.size > 0)",
            Err("it has no \"size\""),
        ),
        (
            "attestation.predicate.components.exists(c, c.size > 9)",
            Err("it has no \"size\""),
        ),
    ] {
        let expected = expected.map_err(str::to_owned);
        assert_eq!(answer(expression), expected, "{expression}");
    }
}

#[test]
fn a_variable_that_was_not_given_has_no_value() {
    let condition = compiled("image.tag == ''");
    let found = condition.evaluate(&Variables::default(), &Budget::default());
    assert_eq!(
        found,
        Err(EvaluationError::Missing {
            of: "the condition".to_owned(),
            key: "image".to_owned()
        })
    );
}
