use super::*;

/// The header's value and how long the token is used.
fn parse(body: &str) -> Option<(String, Duration)> {
    let token = Token::parse(body.as_bytes())?;
    let header = token.header.to_str().expect("ASCII").to_owned();
    Some((header, token.until - token.granted))
}

fn used(text: &str, seconds: u64) -> (String, Duration) {
    (format!("Bearer {text}"), Duration::from_secs(seconds))
}

#[test]
fn a_token_is_used_until_shortly_before_its_end() {
    assert_eq!(
        parse(r#"{"token": "t", "expires_in": 300}"#),
        Some(used("t", 290))
    );
    assert_eq!(parse(r#"{"token": "t"}"#), Some(used("t", 50)));
    assert_eq!(
        parse(r#"{"token": "t", "expires_in": 4}"#),
        Some(used("t", 2))
    );
    assert_eq!(
        parse(r#"{"token": "t", "expires_in": 999999}"#),
        Some(used("t", 3590))
    );
}

#[test]
fn both_names_of_a_token_are_known() {
    assert_eq!(parse(r#"{"access_token": "a"}"#), Some(used("a", 50)));
    assert_eq!(
        parse(r#"{"token": "t", "access_token": "a"}"#),
        Some(used("t", 50))
    );
    assert_eq!(
        parse(r#"{"token": "", "access_token": "a"}"#),
        Some(used("a", 50))
    );
}

#[test]
fn what_is_no_token_is_refused() {
    for body in [
        "{}",
        "<html>",
        r#"{"token": ""}"#,
        r#"{"token": "a b"}"#,
        r#"{"token": "a\nb"}"#,
    ] {
        assert_eq!(parse(body), None, "{body}");
    }
}

#[test]
fn the_remembered_tokens_are_bounded_in_bytes() {
    let tokens = remembered_tokens();
    let text = "x".repeat(limits::TOKEN_BYTES / 2);
    let token = Token::parse(format!(r#"{{"token": "{text}"}}"#).as_bytes()).expect("a token");
    let token = Arc::new(token);
    let realm: Url = "https://a.example/t".parse().expect("a URL");
    for number in 0..100 {
        let bearer = Bearer {
            realm: realm.clone(),
            service: None,
        };
        let key = (
            bearer,
            realm.clone(),
            format!("a/{number}"),
            CredentialId::ANONYMOUS,
        );
        tokens.insert(key, Arc::clone(&token));
    }
    tokens.run_pending_tasks();
    assert!(tokens.weighted_size() <= limits::TOKEN_CACHE_BYTES);
    assert!(tokens.entry_count() > 0);
}

#[test]
fn a_token_never_shows() {
    let token = Token::parse(br#"{"token": "s3cret"}"#).expect("a token");
    assert!(!format!("{token:?} {:?}", token.header).contains("s3cret"));
}
