use proptest::prelude::*;

use super::*;

prop_compose! {
    fn hosts()(
        name in r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,3})?(\.[a-z][a-z0-9]{0,4}){1,3}",
        port in prop::option::of(1..=u16::MAX),
    ) -> String {
        port.map_or(name.clone(), |port| format!("{name}:{port}"))
    }
}

prop_compose! {
    fn repositories()(
        host in prop_oneof![hosts(), Just("localhost".to_owned()), Just("[::1]:5000".to_owned())],
        path in r"[a-z0-9]{1,4}((\.|_|__|--?)[a-z0-9]{1,3}){0,2}(/[a-z0-9]{1,5}){0,3}",
    ) -> String {
        format!("{host}/{path}")
    }
}

prop_compose! {
    fn references()(
        repository in prop_oneof![repositories(), r"[a-z]{1,8}(/[a-z]{1,8}){0,2}"],
        tag in prop::option::of(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}"),
        content in prop::option::of(any::<[u8; 4]>()),
    ) -> String {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = content.map(|c| format!("@{}", Digest::of(&c))).unwrap_or_default();
        format!("{repository}{tag}{digest}")
    }
}

proptest! {
    #[test]
    fn printing_a_reference_gives_what_was_written(text in references()) {
        prop_assert_eq!(reference(&text).to_string(), text);
    }

    #[test]
    fn parsing_a_printed_repository_gives_the_same_one(text in references()) {
        let normalised = reference(&text).repository().clone();
        prop_assert_eq!(normalised.to_string().parse(), Ok(normalised.clone()));
        let host = normalised.host();
        prop_assert_eq!(host.to_string().parse(), Ok(host.clone()));
    }

    #[test]
    fn any_text_that_parses_prints_as_it_was_and_normalises_once(text in "[a-zA-Z0-9./:@_\\[\\]-]{0,24}") {
        if let Ok(image) = text.parse::<Reference>() {
            prop_assert_eq!(image.to_string(), text);
            let normalised = image.repository().clone();
            prop_assert_eq!(normalised.to_string().parse(), Ok(normalised));
        }
    }

    #[test]
    fn no_text_makes_parsing_panic_or_show_control_characters(text in any::<String>()) {
        let errors = [
            text.parse::<Reference>().err().map(|e| e.to_string()),
            text.parse::<Repository>().err().map(|e| e.to_string()),
            text.parse::<Digest>().err().map(|e| e.to_string()),
            text.parse::<Tag>().err().map(|e| e.to_string()),
            text.parse::<RepositoryPattern>().err().map(|e| e.to_string()),
            text.parse::<Pattern>().err().map(|e| e.to_string()),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(!error.chars().any(char::is_control), "{:?}", error);
            prop_assert!(error.chars().count() < 400);
        }
    }

    #[test]
    fn pinning_twice_is_pinning_once(text in references(), first: [u8; 4]) {
        let digest = Digest::of(&first);
        let image = reference(&text);
        let pinned = reference(&image.pinned(&digest));
        prop_assert_eq!(pinned.digest(), Some(&digest));
        prop_assert_eq!(pinned.tag(), image.tag());
        prop_assert_eq!(pinned.repository(), image.repository());
        prop_assert_eq!(pinned.pinned(&digest), pinned.written());
    }

    #[test]
    fn a_pattern_for_one_host_matches_no_other(host in hosts(), other in hosts(), path in "[a-z]{1,5}(/[a-z]{1,5}){0,2}") {
        let everything = pattern(&format!("{host}/**"));
        let name = host.split(':').next().unwrap_or_default();
        let look_alikes = [
            other,
            format!("{name}.evil"),
            format!("evil-{host}"),
            format!("evil.{host}"),
            format!("{name}-evil.example"),
            format!("evil.example/{name}"),
            if host == name { format!("{name}:5000") } else { name.to_owned() },
        ];
        let own = repository(&format!("{host}/{path}"));
        prop_assert!(everything.matches(&own));
        for look_alike in look_alikes.iter().filter(|look_alike| **look_alike != host) {
            let image = repository(&format!("{look_alike}/{path}"));
            prop_assert!(!everything.matches(&image), "{}", image);
        }
    }

    #[test]
    fn a_pattern_for_one_project_matches_only_what_is_below_it(
        group in "[a-z]{1,5}",
        project in "[a-z]{1,5}",
        rest in "[a-z]{1,5}(/[a-z]{1,5}){0,2}",
        mark in r"(\.|_|__|-)[a-z0-9]{1,4}",
    ) {
        let below = pattern(&format!("registry.example/{group}/{project}/**"));
        let image = |path: String| repository(&format!("registry.example/{path}"));
        let own = image(format!("{group}/{project}/{rest}"));
        prop_assert!(below.matches(&own));
        for look_alike in [
            format!("{group}{mark}/{project}/{rest}"),
            format!("{group}/{project}{mark}/{rest}"),
            format!("{group}/{project}{mark}"),
            format!("{group}/{project}"),
            format!("evil/{group}/{project}/{rest}"),
        ] {
            prop_assert!(!below.matches(&image(look_alike.clone())), "{}", look_alike);
        }
    }

    #[test]
    fn a_pattern_without_wildcards_matches_only_itself(one in repositories(), other in repositories()) {
        let literal = pattern(&one);
        prop_assert!(literal.matches(&repository(&one)));
        prop_assert_eq!(literal.matches(&repository(&other)), repository(&one) == repository(&other));
    }

    #[test]
    fn matching_agrees_with_a_regular_expression(
        text in r"[ab/*]{1,8}".prop_filter("three stars", |t| !t.contains("***")),
        value in r"[ab/]{0,10}",
    ) {
        let expression = text.replace("**", "%").replace('*', "[^/]*").replace('%', ".*");
        let expected = regex::Regex::new(&format!("^(?:{expression})$")).unwrap().is_match(&value);
        prop_assert_eq!(text.parse::<Pattern>().unwrap().matches(&value), expected);
    }
}
