//! From the text of a condition to its syntax tree, by the `cel` crate's parser, within bounds that the parser does not
//! have by itself.

use cel::{
    IdedExpr,
    parser::{
        ParseErrors, PrattParser,
        pratt_parser::{Lexer, Token, TokenKind},
    },
};

use super::error::ConditionError;
use crate::{limits, untrusted};

/// What stands for `namespace` while the text is parsed: the language reserves that word, and it is a variable here. It
/// is as long, so that errors name the right place.
const NAMESPACE: &str = "namespace";
const STAND_IN: &str = "_nmspace_";

/// Parses a condition.
pub(super) fn parse(written: &str) -> Result<IdedExpr, ConditionError> {
    if written.len() > limits::CONDITION_BYTES {
        return Err(ConditionError::TooLarge {
            what: "bytes",
            limit: limits::CONDITION_BYTES,
        });
    }
    let tokens = tokens(written)?;
    let text = with_stand_in(written, &tokens)?;
    PrattParser::new()
        .max_recursion_depth(u16::try_from(limits::CONDITION_DEPTH).unwrap_or(u16::MAX))
        .max_expression_node_count(limits::CONDITION_NODES)
        .error_recovery_limit(1)
        .parse(&text)
        .map_err(|errors| syntax(&errors))
}

/// The name of an identifier as its author wrote it.
pub(super) fn name(identifier: &str) -> &str {
    if identifier == STAND_IN {
        NAMESPACE
    } else {
        identifier
    }
}

/// The tokens that mean something.
fn tokens(written: &str) -> Result<Vec<Token>, ConditionError> {
    let mut lexer = Lexer::new(written);
    let (mut tokens, mut choices) = (Vec::new(), 0);
    loop {
        let token = lexer.lex();
        match token.kind {
            TokenKind::TokEnd => return Ok(tokens),
            TokenKind::TokWhitespace | TokenKind::TokComment => continue,
            TokenKind::TokError => {
                let said = lexer.get_error().map(|error| error.message.as_str());
                return Err(at(written, token.start, said.unwrap_or("unexpected text")));
            }
            TokenKind::TokQuestion => choices += 1,
            _ => {}
        }
        tokens.push(token);
        if tokens.len() > limits::CONDITION_TOKENS {
            return Err(ConditionError::TooLarge {
                what: "tokens",
                limit: limits::CONDITION_TOKENS,
            });
        }
        if choices > limits::CONDITION_CHOICES {
            return Err(ConditionError::TooLarge {
                what: "\"?\"",
                limit: limits::CONDITION_CHOICES,
            });
        }
    }
}

fn with_stand_in(written: &str, tokens: &[Token]) -> Result<String, ConditionError> {
    let mut text = String::with_capacity(written.len());
    let (mut copied, mut behind_dot) = (0, false);
    for token in tokens {
        let word = written.get(token.start..token.end).unwrap_or_default();
        if word == STAND_IN {
            return Err(at(written, token.start, "reserved identifier"));
        }
        if word == NAMESPACE && !behind_dot {
            text.push_str(written.get(copied..token.start).unwrap_or_default());
            text.push_str(STAND_IN);
            copied = token.end;
        }
        behind_dot = token.kind == TokenKind::TokDot;
    }
    text.push_str(written.get(copied..).unwrap_or_default());
    Ok(text)
}

/// An error at a byte of the text.
fn at(written: &str, byte: usize, detail: &str) -> ConditionError {
    let before = written.get(..byte).unwrap_or(written);
    let line = before.rsplit('\n').next().unwrap_or_default();
    ConditionError::Syntax {
        detail: detail.to_owned(),
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}

/// The first of the parser's errors, without its drawing.
fn syntax(errors: &ParseErrors) -> ConditionError {
    let first = errors.errors.first();
    let said = first.map_or("it cannot be parsed", |error| error.msg.as_str());
    let (line, column) = first.map_or((1, 1), |error| error.pos);
    let detail = said
        .trim_start_matches("Syntax error: ")
        .replace(STAND_IN, NAMESPACE);
    ConditionError::Syntax {
        detail: untrusted::shown(&detail, limits::CONDITION_ERROR_CHARS).replace("\\\"", "\""),
        line: usize::try_from(line).unwrap_or(1).max(1),
        column: usize::try_from(column).unwrap_or(1).max(1),
    }
}
