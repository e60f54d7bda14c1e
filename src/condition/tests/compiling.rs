//! What is refused when a policy is loaded.

use super::*;

#[test]
fn an_expression_that_cannot_be_parsed_says_where_on_one_line() {
    assert_eq!(
        refused("image.tag == "),
        "mismatched input '<EOF>' expecting expression (line 1, column 14)"
    );
    assert_eq!(
        refused("image.tag ==\n  &"),
        "unexpected single '&', expected '&&' (line 2, column 3)"
    );
    assert_eq!(
        refused("image.tag == 'a"),
        "unterminated string literal (line 1, column 14)"
    );
    assert_eq!(
        refused("package == 1"),
        "reserved identifier: package (line 1, column 1)"
    );
}

#[test]
fn unknown_variables_are_named() {
    let known = "image, signatures, provenance, attestations, pod, namespace";
    assert_eq!(
        refused("images.all(i, true)"),
        format!("there is no variable \"images\" here, only {known}")
    );
    assert_eq!(
        refused("attestation.predicate.ok"),
        format!("there is no variable \"attestation\" here, only {known}")
    );
    assert_eq!(
        refused("pod.spec.x.all(c, true) && c.image == ''"),
        format!("there is no variable \"c\" here, only {known}"),
        "a variable of a loop ends with it"
    );
    assert_eq!(
        refused("@result"),
        "unexpected character (line 1, column 1)",
        "what the macros use cannot be written"
    );
}

#[test]
fn variables_of_loops_cover_others() {
    assert_eq!(answer("[1].all(image, image == 1)"), Ok(true));
    assert_eq!(
        answer("[[1, 2], [3]].all(a, a.exists(b, b in a && b > 0))"),
        Ok(true)
    );
}

#[test]
fn unknown_fields_are_named() {
    assert_eq!(
        refused("image.digset == 'sha256:ab'"),
        "image has no field \"digset\", only reference, registry, repository, path, tag, digest, \
         annotations, labels, platforms"
    );
    assert_eq!(
        refused("has(namespace.label)"),
        "namespace has no field \"label\", only name, labels"
    );
    assert_eq!(
        refused("pod['status']"),
        "pod has no field \"status\", only metadata, spec"
    );
    assert!(refused("signatures.all(s, s.log == 1)").starts_with("it has no field \"log\", only "));
    assert!(refused("signatures[0].log == 1").starts_with("it has no field \"log\", only "));
    assert!(refused("signatures.filter(s, true)[0].log == 1").starts_with("it has no field"));
}

#[test]
fn unknown_functions_are_named() {
    assert_eq!(
        refused("image.tag.lowerAscii() == 'a'"),
        "there is no function \"lowerAscii\", only has, all, exists, exists_one, filter, map, \
         contains, endsWith, matches, startsWith, size, bool, double, dyn, int, string, type, uint"
    );
    assert!(refused("timestamp('2026-01-01T00:00:00Z') > 1").starts_with("there is no function"));
}

#[test]
fn calls_with_the_wrong_arguments_say_how_it_is_done() {
    assert_eq!(refused("size() > 1"), "size() is called as size(value)");
    assert_eq!(
        refused("image.tag.startsWith('a', 'b')"),
        "startsWith() is called as text.startsWith(part)"
    );
    assert_eq!(
        refused("contains(image.tag, 'a')"),
        "contains() is called as text.contains(part)"
    );
    assert_eq!(
        refused("image.platforms.all(p)"),
        "all() is called as list.all(item, item > 0)"
    );
    assert_eq!(
        refused("image.platforms.all(1, true)"),
        "argument must be a simple name (line 1, column 21)"
    );
    assert_eq!(
        refused("has(image)"),
        "invalid argument to has() macro (line 1, column 5)"
    );
}

#[test]
fn what_can_never_be_true_or_false_is_refused() {
    let never = |found: &str| format!("it can only be of the type {found}, never true or false");
    assert_eq!(refused("'yes'"), never("string"));
    assert_eq!(refused("[true]"), never("list"));
    assert_eq!(refused("{'a': true}"), never("map"));
    assert_eq!(refused("1 + 1"), never("int"));
    assert_eq!(refused("image"), never("map"));
    assert_eq!(refused("image.tag"), never("string"));
    assert_eq!(refused("size(image.platforms)"), never("int"));
    assert_eq!(refused("image.platforms.map(p, true)"), never("list"));
    assert_eq!(refused("null"), never("null_type"));
    assert_eq!(refused("bool"), never("type"));
    assert!(Condition::compile("true", &[]).is_ok());
    assert!(Condition::compile("pod.spec.hostNetwork", &["pod"]).is_ok());
}

#[test]
fn values_that_cannot_be_combined_are_refused_when_their_types_are_known() {
    for (expression, said) in [
        ("image.tag == 3", "== cannot be used with string and int"),
        (
            "image.tag + 3 == ''",
            "+ cannot be used with string and int",
        ),
        ("image.tag > 3", "> cannot be used with string and int"),
        ("image.tag && true", "&& cannot be used with string"),
        ("!image.tag", "! cannot be used with string"),
        ("-image.tag == ''", "- cannot be used with string"),
        ("image.tag ? true : false", "?: cannot be used with string"),
        (
            "image.tag.length == 3",
            ".length cannot be used with string",
        ),
        (
            "image.tag[0] == 'v'",
            "[] cannot be used with string and int",
        ),
        (
            "signatures['a'] == 1",
            "[] cannot be used with list and string",
        ),
        (
            "image.annotations[1] == ''",
            "[] cannot be used with map and int",
        ),
        (
            "image.tag in 'abc'",
            "in cannot be used with string and string",
        ),
        (
            "1 in image.platforms",
            "in cannot be used with int and list",
        ),
        (
            "image.tag.all(c, true)",
            "a loop cannot be used with string",
        ),
        (
            "image.platforms.all(p, p)",
            "all cannot be used with string",
        ),
        ("size(1) == 1", "size() cannot be used with int"),
        (
            "1.0 % 2.0 == 0.0",
            "% cannot be used with double and double",
        ),
        ("1 + 1u == 2", "+ cannot be used with int and uint"),
    ] {
        assert_eq!(refused(expression), said, "{expression}");
    }
}

#[test]
fn parts_of_the_language_without_a_use_here_are_refused() {
    assert_eq!(
        refused("b'a' == b'a'"),
        "bytes cannot be used in conditions"
    );
    assert_eq!(
        refused("Foo{a: 1} == 1"),
        "messages cannot be used in conditions"
    );
    assert!(refused("image.?tag == 1").starts_with("unsupported syntax '.?'"));
}

#[test]
fn patterns_are_compiled_with_the_condition() {
    assert_eq!(
        refused("image.tag.matches('v(')"),
        "the pattern \"v(\" cannot be used: unclosed group"
    );
    assert_eq!(
        refused(r"image.tag.matches('(\\w{100}){100}')"),
        "the pattern \"(\\\\w{100}){100}\" cannot be used: Compiled regex exceeds size limit of 262144 bytes."
    );
    assert_eq!(
        refused("image.tag.matches(namespace.name)"),
        "the pattern of matches() must be written out as a string"
    );
}

#[test]
fn the_patterns_of_one_condition_share_their_limit() {
    let pattern = r"image.tag.matches('(\\w{2}){2}')";
    let many = [pattern; 5].join(" || ");
    assert!(Condition::compile(pattern, &POLICY_VARIABLES).is_ok());
    assert!(refused(&many).contains("Compiled regex exceeds size limit"));
}

#[test]
fn a_condition_is_bounded_in_every_direction() {
    let bytes = format!("'{}' == ''", "a".repeat(limits::CONDITION_BYTES));
    assert_eq!(refused(&bytes), "it has more than 4096 bytes");
    let tokens = format!("[{}] == []", "1,".repeat(limits::CONDITION_TOKENS / 2));
    assert_eq!(refused(&tokens), "it has more than 1024 tokens");
    let choices = format!("{}true", "true?true:".repeat(limits::CONDITION_CHOICES + 1));
    assert_eq!(refused(&choices), "it has more than 16 \"?\"");
    let levels = format!("{}1 == 1", "1 + ".repeat(limits::CONDITION_DEPTH));
    assert_eq!(refused(&levels), "it has more than 32 levels");
    let fields = format!("pod.spec{}", ".a".repeat(limits::CONDITION_DEPTH));
    assert_eq!(refused(&fields), "it has more than 32 levels");
    let lists = format!("{}{} == 1", "[".repeat(200), "]".repeat(200));
    assert!(refused(&lists).starts_with("expression recursion limit exceeded: 32"));
    let parts = ["[1].exists_one(a,a==1)"; 64].join("&&");
    assert!(refused(&parts).starts_with("expression count exceeds limit of 1024 while expanding"));
}

#[test]
fn the_longest_conditions_within_the_bounds_compile() {
    let chain = ["image.tag == 'v1.8.2'"; 100].join(" && ");
    assert_eq!(answer(&chain), Ok(true));
    let choices = format!("{}true", "false?false:".repeat(limits::CONDITION_CHOICES));
    assert_eq!(answer(&choices), Ok(true));
}

#[test]
fn the_namespace_is_a_variable_although_the_language_reserves_its_name() {
    assert_eq!(answer("namespace.name == 'shop'"), Ok(true));
    assert_eq!(answer("namespace.labels['env'] == 'production'"), Ok(true));
    assert_eq!(
        answer("!has(pod.metadata) || pod.metadata.namespace == 'a'"),
        Ok(true)
    );
    assert_eq!(
        answer("'namespace'.startsWith('name') // namespace"),
        Ok(true)
    );
    assert_eq!(
        refused("_nmspace_.name == 'shop'"),
        "reserved identifier (line 1, column 1)"
    );
}
