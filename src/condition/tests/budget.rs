//! Conditions that would run away.

use super::*;

const SPENT: EvaluationError = EvaluationError::Limit {
    limit: limits::CONDITION_STEPS,
};

/// A predicate as large as an attestation may be: some thousand components and one long text.
fn large() -> Variables {
    let component = json!({"name": "x".repeat(200), "version": "1.2.3", "licenses": ["MIT"]});
    let predicate = json!({
        "components": vec![component; 6000],
        "blob": "y".repeat(1024 * 1024),
    });
    Variables::from([("attestation", json!({ "predicate": predicate }))])
}

fn over_large(expression: &str) -> Result<bool, EvaluationError> {
    let condition = compiled(expression);
    let found = condition.evaluate(&large(), &Budget::default());
    assert_eq!(
        condition.evaluate(&large(), &Budget::default()),
        found,
        "the same every time"
    );
    found
}

#[test]
fn one_way_through_a_large_predicate_is_within_the_budget() {
    for expression in [
        "attestation.predicate.components.all(c, c.version.startsWith('1.') && c.name != '')",
        "attestation.predicate.components.all(c, c.licenses.all(l, l in ['GPL', 'BSD', 'MIT']))",
        "attestation.predicate.components.filter(c, c.name == 'log4j').size() == 0",
        "attestation.predicate.components.all(c, c.name.matches('^x+$'))",
        "!attestation.predicate.blob.contains('secret')",
    ] {
        assert_eq!(over_large(expression), Ok(true), "{expression}");
    }
}

#[test]
fn loops_in_loops_end_at_the_budget() {
    let all = "attestation.predicate.components";
    for expression in [
        format!("{all}.all(a, {all}.all(b, a.name == b.name))"),
        format!("{all}.all(a, {all}.all(b, {all}.all(c, true)))"),
        format!("{all}.map(a, {all}.map(b, {all})).size() > 0"),
        format!("{all}.filter(a, {all}.exists(b, has(b.x))).size() > 0"),
        format!("{all}.exists(a, attestation.predicate.blob.contains(a.name))"),
        format!("{all}.exists(a, {all} != {all})"),
        format!("{all}.exists(a, a in {all}.map(b, b.name))"),
        format!("{all}.exists(a, size({all} + {all}) == 1)"),
        format!("{all}.map(a, attestation.predicate.blob + attestation.predicate.blob).size() > 0"),
        format!("{all}.exists(a, attestation.predicate.blob.matches('z$'))"),
        format!("{all}.exists(a, size(attestation.predicate.blob) == 1)"),
    ] {
        assert_eq!(over_large(&expression), Err(SPENT), "{expression}");
    }
}

#[test]
fn a_spent_budget_is_never_taken_for_an_answer() {
    let endless = "[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, [1,2,3,4,5,6,7,8].all(c, \
                   [1,2,3,4,5,6,7,8].all(d, [1,2,3,4,5,6,7,8].all(e, [1,2,3,4,5,6,7,8].all(f, \
                   [1,2,3,4,5,6,7,8].all(g, true)))))))";
    for expression in [
        endless.to_owned(),
        format!("{endless} || true"),
        format!("{endless} && false"),
        format!("[1].exists(x, {endless}) || true"),
        format!("[1, 2].exists(x, {endless} || x == 2)"),
    ] {
        let condition = compiled(&expression);
        assert_eq!(
            condition.evaluate(&Variables::default(), &Budget::default()),
            Err(SPENT),
            "{expression}"
        );
    }
    assert_eq!(
        answer(&format!("true || {endless}")),
        Ok(true),
        "it is not looked at"
    );
}

#[test]
fn texts_do_not_grow_beyond_the_budget() {
    let doubled = (0..5).fold("attestation.predicate.blob".to_owned(), |text, _| {
        format!("[{text}].map(t, t + t)[0]")
    });
    assert_eq!(over_large(&format!("size({doubled}) > 0")), Err(SPENT));
}

#[test]
fn values_nested_too_deep_are_not_compared() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let condition = compiled("pod.spec == pod.metadata");
    let compare = |levels: usize| {
        let pod = json!({"spec": nested(levels), "metadata": nested(levels)});
        condition.evaluate(&Variables::from([("pod", pod)]), &Budget::default())
    };
    assert_eq!(compare(limits::CONDITION_VALUE_DEPTH - 1), Ok(true));
    assert_eq!(compare(limits::CONDITION_VALUE_DEPTH), Err(SPENT));
}

#[test]
fn a_pattern_costs_more_the_larger_it_is() {
    let steps = |pattern: &str| {
        let condition = compiled(&format!("attestation.predicate.blob.matches('{pattern}')"));
        let budget = Budget::new(u64::MAX);
        let _ = condition.evaluate(&large(), &budget);
        budget.taken()
    };
    assert!(steps("z$") * 4 < steps("(z[a-x]{40}){4}$"));
}

#[test]
fn conditions_that_share_a_budget_spend_it_together() {
    let condition = compiled("attestation.predicate.components.all(c, c.version == '1.2.3')");
    let (variables, budget) = (large(), Budget::default());
    let mut held = 0;
    while condition.evaluate(&variables, &budget) == Ok(true) {
        held += 1;
    }
    assert_eq!(condition.evaluate(&variables, &budget), Err(SPENT));
    assert_eq!(compiled("true").evaluate(&variables, &budget), Err(SPENT));
    assert!((5..100).contains(&held), "{held}");
}

#[test]
fn an_error_that_is_made_good_costs_more_than_an_answer() {
    let steps = |expression: &str| {
        let budget = Budget::default();
        assert_eq!(compiled(expression).evaluate(&large(), &budget), Ok(true));
        budget.taken()
    };
    let all = "attestation.predicate.components";
    let plain = steps(&format!("{all}.all(c, c.name == '' || true)"));
    let failing = steps(&format!("{all}.all(c, c.none == '' || true)"));
    assert!(plain + 6000 * 25 < failing, "{plain} and {failing}");
}
