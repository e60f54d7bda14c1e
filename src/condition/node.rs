//! A condition, ready to be evaluated: names are resolved, and only what the language has can be expressed.

use std::cmp::Ordering;

use regex::Regex;

use super::{function::Function, value::Kind};

/// A part of a condition.
#[derive(Debug)]
pub(super) enum Node {
    Literal(Literal),
    /// A variable of the condition.
    Variable(String),
    /// A variable of a loop, counted from the outermost.
    Local(usize),
    /// `operand.field`
    Select {
        operand: Box<Self>,
        field: String,
    },
    /// `has(operand.field)`
    Has {
        operand: Box<Self>,
        field: String,
    },
    /// `operand[index]`
    Index(Box<[Self; 2]>),
    Not(Box<Self>),
    Negate(Box<Self>),
    And(Box<[Self; 2]>),
    Or(Box<[Self; 2]>),
    /// `test ? one : other`
    Choice(Box<[Self; 3]>),
    Binary(Operator, Box<[Self; 2]>),
    Call(Function, Vec<Self>),
    /// `text.matches("pattern")`
    Matches(Box<Self>, Box<Pattern>),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Loop(Box<Loop>),
}

/// What stands for itself.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(String),
    Type(Kind),
}

/// What stands between two operands, but for `&&` and `||`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Calculate(Arithmetic),
    Equal,
    Unequal,
    Order(Comparison),
    In,
}

/// What makes a number of two. A sum may also be of texts or of lists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// What asks for the greater of two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A regular expression and what it costs to try it.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    /// Steps for each few bytes of text.
    pub(super) weight: u64,
}

/// What is done with each item of a list, or each key of a map.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) over: Node,
    pub(super) work: Work,
    /// What is evaluated with the item as the innermost [`Node::Local`].
    pub(super) body: Node,
}

/// What a loop is for.
#[derive(Debug)]
pub(super) enum Work {
    All,
    Exists,
    ExistsOne,
    /// The items for which the body holds.
    Filter,
    /// The body's values, for the items for which the guard holds.
    Map {
        guard: Option<Node>,
    },
}

impl Operator {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Calculate(operator) => operator.as_str(),
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Order(operator) => operator.as_str(),
            Self::In => "in",
        }
    }
}

impl Arithmetic {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Comparison {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Whether it holds where the first of two compares so with the second.
    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Work {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Filter => "filter",
            Self::Map { .. } => "map",
        }
    }
}

impl Node {
    /// The way from a variable to this part: `image.annotations["a"]` is `image`, `annotations`, `a`.
    pub(super) fn path(&self) -> Option<Vec<&str>> {
        let mut path = Vec::new();
        let mut node = self;
        loop {
            node = match node {
                Self::Variable(name) => {
                    path.push(name.as_str());
                    path.reverse();
                    return Some(path);
                }
                Self::Select { operand, field } | Self::Has { operand, field } => {
                    path.push(field.as_str());
                    operand
                }
                Self::Index(parts) => {
                    let [operand, Self::Literal(Literal::Text(key))] = parts.as_ref() else {
                        return None;
                    };
                    path.push(key.as_str());
                    operand
                }
                _ => return None,
            };
        }
    }

    /// The parts that it is made of.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Literal(_) | Self::Variable(_) | Self::Local(_) => Vec::new(),
            Self::Select { operand, .. }
            | Self::Has { operand, .. }
            | Self::Not(operand)
            | Self::Negate(operand)
            | Self::Matches(operand, _) => vec![operand],
            Self::Index(parts) | Self::And(parts) | Self::Or(parts) | Self::Binary(_, parts) => {
                parts.iter().collect()
            }
            Self::Choice(parts) => parts.iter().collect(),
            Self::Call(_, nodes) | Self::List(nodes) => nodes.iter().collect(),
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| [key, value])
                .collect(),
            Self::Loop(parts) => {
                let guard = match &parts.work {
                    Work::Map { guard } => guard.as_ref(),
                    Work::All | Work::Exists | Work::ExistsOne | Work::Filter => None,
                };
                [Some(&parts.over), guard, Some(&parts.body)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        }
    }

    /// Whether the condition may look at what is at this path, or at something below or around it.
    pub(super) fn reads(&self, wanted: &[&str]) -> bool {
        match self.path() {
            Some(path) => path
                .iter()
                .zip(wanted)
                .all(|(named, wanted)| named == wanted),
            None => self.parts().into_iter().any(|part| part.reads(wanted)),
        }
    }
}
