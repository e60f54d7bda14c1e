//! From the syntax tree of a condition to what is evaluated: resolves its names and refuses what can never work.

mod rules;

use cel::{
    IdedExpr,
    common::ast::{
        CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, MapExpr, SelectExpr, operators,
    },
    parser::Expression,
};

use super::{
    error::{ConditionError, shown},
    function::{Form, Function},
    node::{Arithmetic, Comparison, Literal, Loop, Node, Operator, Pattern, Work},
    schema::{self, Shape},
    source,
    value::Kind,
};
use crate::limits;

/// Compiles a condition over these variables.
pub(super) fn compile(tree: &IdedExpr, variables: &[&str]) -> Result<Node, ConditionError> {
    let mut compiler = Compiler {
        variables,
        locals: Vec::new(),
        depth: 0,
        pattern_bytes: limits::CONDITION_PATTERN_BYTES,
    };
    let (node, shape) = compiler.part(tree)?;
    match shape.kind() {
        None | Some(Kind::Bool) => Ok(node),
        Some(kind) => Err(ConditionError::NotBoolean {
            found: kind.to_string(),
        }),
    }
}

struct Compiler<'a> {
    variables: &'a [&'a str],
    /// The variables of the loops around the present part, the outermost first.
    locals: Vec<(String, Shape)>,
    depth: usize,
    /// What regular expressions may still take.
    pattern_bytes: usize,
}

type Part = (Node, Shape);

impl Compiler<'_> {
    fn part(&mut self, tree: &Expression) -> Result<Part, ConditionError> {
        self.depth += 1;
        if self.depth > limits::CONDITION_DEPTH {
            return Err(ConditionError::TooLarge {
                what: "levels",
                limit: limits::CONDITION_DEPTH,
            });
        }
        let part = match &tree.expr {
            Expr::Literal(literal) => constant(literal),
            Expr::Ident(name) => self.variable(source::name(name)),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                let mut items = Vec::with_capacity(list.elements.len());
                for item in &list.elements {
                    items.push(self.part(item)?.0);
                }
                Ok((Node::List(items), Shape::Of(Kind::List)))
            }
            Expr::Map(map) => self.map(map),
            Expr::Comprehension(parts) => self.iteration(parts),
            Expr::Struct(_) => Err(ConditionError::Unsupported { what: "messages" }),
            Expr::Unspecified => Err(ConditionError::Unsupported {
                what: "an empty part",
            }),
        };
        self.depth -= 1;
        part
    }

    fn boxed(&mut self, tree: &Expression) -> Result<(Box<Node>, Shape), ConditionError> {
        let (node, shape) = self.part(tree)?;
        Ok((Box::new(node), shape))
    }

    fn variable(&self, name: &str) -> Result<Part, ConditionError> {
        let local = self.locals.iter().enumerate().rev();
        for (place, (known, shape)) in local {
            if known == name {
                return Ok((Node::Local(place), *shape));
            }
        }
        if self.variables.contains(&name) {
            return Ok((Node::Variable(name.to_owned()), schema::variable(name)));
        }
        if let Some(kind) = Kind::named(name) {
            return Ok((Node::Literal(Literal::Type(kind)), Shape::Of(Kind::Type)));
        }
        Err(ConditionError::UnknownVariable {
            name: shown(name),
            known: self.variables.join(", "),
        })
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Part, ConditionError> {
        let (operand, of) = self.boxed(&select.operand)?;
        let found = rules::field(&operand, of, &select.field)?;
        let field = select.field.clone();
        Ok(if select.test {
            (Node::Has { operand, field }, Shape::BOOL)
        } else {
            (Node::Select { operand, field }, found)
        })
    }

    fn call(&mut self, call: &CallExpr) -> Result<Part, ConditionError> {
        let name = source::name(&call.func_name);
        if let (Some(operator), None, [one, other]) =
            (operator(name), &call.target, call.args.as_slice())
        {
            let (one, one_shape) = self.part(one)?;
            let (other, other_shape) = self.part(other)?;
            let shape = rules::binary(operator, one_shape, other_shape)?;
            return Ok((Node::Binary(operator, Box::new([one, other])), shape));
        }
        match (name, &call.target, call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, None, [one, other]) => {
                let sign = name.trim_matches('_');
                let one = self.truth(sign, one)?;
                let parts = Box::new([one, self.truth(sign, other)?]);
                let node = match name {
                    operators::LOGICAL_AND => Node::And(parts),
                    _ => Node::Or(parts),
                };
                Ok((node, Shape::BOOL))
            }
            (operators::LOGICAL_NOT, None, [operand]) => {
                let operand = Box::new(self.truth("!", operand)?);
                Ok((Node::Not(operand), Shape::BOOL))
            }
            (operators::NEGATE, None, [operand]) => {
                let (operand, shape) = self.boxed(operand)?;
                rules::negatable(shape)?;
                Ok((Node::Negate(operand), shape))
            }
            (operators::CONDITIONAL, None, [test, one, other]) => {
                let test = self.truth("?:", test)?;
                let (one, one_shape) = self.part(one)?;
                let (other, other_shape) = self.part(other)?;
                let shape = rules::either(one_shape, other_shape);
                Ok((Node::Choice(Box::new([test, one, other])), shape))
            }
            (operators::INDEX, None, [operand, index]) => {
                let (operand, of) = self.part(operand)?;
                let (index, by) = self.part(index)?;
                let shape = rules::item(&operand, of, &index, by)?;
                Ok((Node::Index(Box::new([operand, index])), shape))
            }
            (_, target, arguments) => self.function(name, target.as_deref(), arguments),
        }
    }

    fn truth(&mut self, what: &str, tree: &Expression) -> Result<Node, ConditionError> {
        let (node, shape) = self.part(tree)?;
        match shape.kind() {
            None | Some(Kind::Bool) => Ok(node),
            Some(kind) => Err(ConditionError::WrongType {
                what: what.to_owned(),
                found: kind.to_string(),
            }),
        }
    }

    fn function(
        &mut self,
        name: &str,
        target: Option<&Expression>,
        arguments: &[Expression],
    ) -> Result<Part, ConditionError> {
        let Some(function) = Function::named(name) else {
            return Err(rules::no_function(name));
        };
        let formed = match function.form() {
            Form::Method => target.is_some(),
            Form::Free => target.is_none(),
            Form::Both => true,
        };
        let given = usize::from(target.is_some()) + arguments.len();
        if !formed || given != function.arity() {
            return Err(ConditionError::WrongCall {
                function: function.as_str().to_owned(),
                usage: function.usage(),
            });
        }
        let mut nodes = Vec::with_capacity(given);
        for argument in target.into_iter().chain(arguments) {
            let (node, shape) = self.part(argument)?;
            rules::argument(function, shape)?;
            nodes.push(node);
        }
        let shape = function.gives().map_or(Shape::Any, Shape::Of);
        if function != Function::Matches {
            return Ok((Node::Call(function, nodes), shape));
        }
        match (nodes.pop(), nodes.pop()) {
            (Some(Node::Literal(Literal::Text(pattern))), Some(text)) => {
                let pattern = Box::new(self.pattern(&pattern)?);
                Ok((Node::Matches(Box::new(text), pattern), shape))
            }
            _ => Err(ConditionError::PatternNotWritten),
        }
    }

    fn pattern(&mut self, written: &str) -> Result<Pattern, ConditionError> {
        let (pattern, bytes) = rules::pattern(written, self.pattern_bytes)?;
        self.pattern_bytes = self.pattern_bytes.saturating_sub(bytes);
        Ok(pattern)
    }

    fn map(&mut self, map: &MapExpr) -> Result<Part, ConditionError> {
        let mut entries = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err(ConditionError::Unsupported { what: "messages" });
            };
            let key = self.part(&entry.key)?.0;
            entries.push((key, self.part(&entry.value)?.0));
        }
        Ok((Node::Map(entries), Shape::Of(Kind::Map)))
    }

    /// The macros are told apart by what they start from, as the parser writes them.
    fn iteration(&mut self, parts: &ComprehensionExpr) -> Result<Part, ConditionError> {
        let unknown = || ConditionError::Unsupported {
            what: "such a loop",
        };
        let Expr::Call(step) = &parts.loop_step.expr else {
            return Err(unknown());
        };
        let (over, of) = self.part(&parts.iter_range)?;
        rules::iterable(of)?;
        self.locals
            .push((source::name(&parts.iter_var).to_owned(), of.item()));
        let made = match (&parts.accu_init.expr, step.args.as_slice()) {
            (Expr::Literal(LiteralValue::Boolean(from)), [_, body]) => {
                let (what, work) = if *from.inner() {
                    ("all", Work::All)
                } else {
                    ("exists", Work::Exists)
                };
                let body = self.truth(what, body)?;
                Ok((work, body, Shape::BOOL))
            }
            (Expr::Literal(LiteralValue::Int(_)), [body, _, _]) => {
                let body = self.truth("exists_one", body)?;
                Ok((Work::ExistsOne, body, Shape::BOOL))
            }
            (Expr::List(_), [guard, addition, _]) => self.collected(of, Some(guard), addition),
            (Expr::List(_), [_, _]) => self.collected(of, None, &parts.loop_step),
            _ => Err(unknown()),
        };
        self.locals.pop();
        let (work, body, shape) = made?;
        Ok((Node::Loop(Box::new(Loop { over, work, body })), shape))
    }

    /// `filter` and `map`, from `@result + [value]` and what it depends on.
    fn collected(
        &mut self,
        of: Shape,
        guard: Option<&Expression>,
        addition: &Expression,
    ) -> Result<(Work, Node, Shape), ConditionError> {
        let unknown = ConditionError::Unsupported {
            what: "such a loop",
        };
        let Expr::Call(addition) = &addition.expr else {
            return Err(unknown);
        };
        let [_, added] = addition.args.as_slice() else {
            return Err(unknown);
        };
        let Expr::List(added) = &added.expr else {
            return Err(unknown);
        };
        let [value] = added.elements.as_slice() else {
            return Err(unknown);
        };
        let guard = match guard {
            Some(guard) => Some(self.truth("filter", guard)?),
            None => None,
        };
        match (guard, self.part(value)?) {
            (Some(guard), (Node::Local(place), _)) if place + 1 == self.locals.len() => {
                let shape = match of {
                    Shape::List(_) => of,
                    _ => Shape::Of(Kind::List),
                };
                Ok((Work::Filter, guard, shape))
            }
            (guard, (body, _)) => Ok((Work::Map { guard }, body, Shape::Of(Kind::List))),
        }
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Calculate(Arithmetic::Add),
        operators::SUBSTRACT => Operator::Calculate(Arithmetic::Subtract),
        operators::MULTIPLY => Operator::Calculate(Arithmetic::Multiply),
        operators::DIVIDE => Operator::Calculate(Arithmetic::Divide),
        operators::MODULO => Operator::Calculate(Arithmetic::Remainder),
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::Unequal,
        operators::LESS => Operator::Order(Comparison::Less),
        operators::LESS_EQUALS => Operator::Order(Comparison::LessOrEqual),
        operators::GREATER => Operator::Order(Comparison::Greater),
        operators::GREATER_EQUALS => Operator::Order(Comparison::GreaterOrEqual),
        operators::IN => Operator::In,
        _ => return None,
    })
}

fn constant(literal: &LiteralValue) -> Result<Part, ConditionError> {
    let (literal, kind) = match literal {
        LiteralValue::Boolean(value) => (Literal::Bool(*value.inner()), Kind::Bool),
        LiteralValue::Double(number) => (Literal::Double(*number.inner()), Kind::Double),
        LiteralValue::Int(number) => (Literal::Int(*number.inner()), Kind::Int),
        LiteralValue::Null => (Literal::Null, Kind::Null),
        LiteralValue::String(text) => (Literal::Text(text.inner().to_owned()), Kind::Text),
        LiteralValue::UInt(number) => (Literal::UInt(*number.inner()), Kind::UInt),
        LiteralValue::Bytes(_) => return Err(ConditionError::Unsupported { what: "bytes" }),
    };
    Ok((Node::Literal(literal), Shape::Of(kind)))
}
