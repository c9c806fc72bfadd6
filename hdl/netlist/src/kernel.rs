//! The syntax tree of a kernel, as text.
//!
//! `#[hdl_gen]` of this crate writes it while it expands, and [`read`] makes `rust_hdl`'s tree of it when a block is elaborated.
//! Words are separated by spaces, operators stand before their operands, and nothing needs a priority:
//!
//! ```text
//! statement  = "=" name expression                   assignment of a signal or a field
//!            | "if" expression block else
//!            | "match" expression "{" (name block)* "}"
//!            | "for" name number number block
//!            | "link" index name name                by the function of that index
//!            | "macro" block
//!            | "comment" word                        with no-break spaces
//! block      = "{" statement* "}"
//! else       = "-" | block | "if" …
//! expression = name | decimal | "true" | "false"
//!            | "(" expression                        was in parentheses
//!            | ("!" | "neg" | "all" | "any" | "xor") expression
//!            | ("+" | "-" | "*" | "&&" | …) expression expression
//!            | "cast" number expression
//!            | "slice" number expression expression  width, value, offset
//!            | "bit" expression expression           value, index
//!            | "put" expression expression expression
//! number     = decimal | "@" index                   the number of that index
//! name       = ":" signal                            as `rust_hdl` writes it: `child$port$next`, `rx$val()$field`
//! ```

use rust_hdl::core::ast::{
    VerilogBlock, VerilogBlockOrConditional, VerilogCase, VerilogConditional, VerilogExpression, VerilogLink,
    VerilogLiteral, VerilogLoop, VerilogMatch, VerilogOp, VerilogOpUnary, VerilogStatement,
};
use rust_hdl::prelude::Verilog;

/// Describes how two interfaces are linked, given a prefix and their names (`link_hdl` and `join_hdl` of `rust_hdl`).
pub type LinkFunction = fn(&str, &str, &str) -> Vec<VerilogLink>;

/// The tree of a kernel whose text `#[hdl_gen]` wrote, with the numbers and links that the text refers to.
///
/// # Panics
/// If the text does not follow the grammar; the elaborator reports that as [`crate::ElaborateError::KernelPanicked`].
#[must_use]
pub fn read(text: &str, numbers: &[usize], links: &[LinkFunction]) -> Verilog {
    let mut reader = Reader { words: text.split_ascii_whitespace().peekable(), numbers, links };
    let mut statements = Vec::new();
    while reader.words.peek().is_some() {
        statements.push(reader.statement());
    }
    Verilog::Combinatorial(statements)
}

struct Reader<'a> {
    words: std::iter::Peekable<std::str::SplitAsciiWhitespace<'a>>,
    numbers: &'a [usize],
    links: &'a [LinkFunction],
}

fn malformed(word: &str, expected: &str) -> ! {
    panic!("malformed kernel: `{word}` where {expected} was expected; `#[hdl_gen]` and `kernel::read` disagree")
}

impl<'a> Reader<'a> {
    fn word(&mut self, expected: &str) -> &'a str {
        self.words.next().unwrap_or_else(|| malformed("", expected))
    }

    fn name(&mut self) -> String {
        let word = self.word("a name");
        word.strip_prefix(':').unwrap_or_else(|| malformed(word, "a name")).to_owned()
    }

    fn number(&mut self) -> usize {
        let word = self.word("a number");
        let number = match word.strip_prefix('@') {
            Some(index) => index.parse().ok().and_then(|index: usize| self.numbers.get(index).copied()),
            None => word.parse().ok(),
        };
        number.unwrap_or_else(|| malformed(word, "a number"))
    }

    fn block(&mut self) -> VerilogBlock {
        match self.word("`{`") {
            "{" => self.rest_of_block(),
            other => malformed(other, "`{`"),
        }
    }

    fn rest_of_block(&mut self) -> VerilogBlock {
        let mut statements = Vec::new();
        while self.words.next_if_eq(&"}").is_none() {
            statements.push(self.statement());
        }
        statements
    }

    fn statement(&mut self) -> VerilogStatement {
        match self.word("a statement") {
            "=" => {
                let target = VerilogExpression::Signal(self.name());
                VerilogStatement::Assignment(target, self.expression())
            }
            "if" => self.conditional(),
            "match" => {
                let test = self.expression();
                if self.words.next_if_eq(&"{").is_none() {
                    malformed(self.word("`{`"), "`{`");
                }
                let mut cases = Vec::new();
                while self.words.next_if_eq(&"}").is_none() {
                    let condition = self.name();
                    cases.push(VerilogCase { condition, block: self.block() });
                }
                VerilogStatement::Match(VerilogMatch { test, cases })
            }
            "for" => {
                let (index, from, to) = (self.name(), self.number(), self.number());
                let block = self.block();
                VerilogStatement::Loop(VerilogLoop { index, from: from.into(), to: to.into(), block })
            }
            "link" => {
                let index = self.number();
                let (own, other) = (self.name(), self.name());
                let link = self.links.get(index).unwrap_or_else(|| malformed(&own, "a known link"));
                VerilogStatement::Link(link("", &own, &other))
            }
            "macro" => VerilogStatement::Macro(self.block()),
            "comment" => VerilogStatement::Comment(self.word("a comment").replace('\u{a0}', " ")),
            other => malformed(other, "a statement"),
        }
    }

    fn conditional(&mut self) -> VerilogStatement {
        let test = self.expression();
        let then = self.block();
        let otherwise = match self.word("`else`") {
            "-" => VerilogBlockOrConditional::None,
            "{" => VerilogBlockOrConditional::Block(self.rest_of_block()),
            "if" => VerilogBlockOrConditional::Conditional(Box::new(self.conditional())),
            other => malformed(other, "`else`"),
        };
        VerilogStatement::If(VerilogConditional { test, then, otherwise })
    }

    fn boxed(&mut self) -> Box<VerilogExpression> {
        Box::new(self.expression())
    }

    fn expression(&mut self) -> VerilogExpression {
        let word = self.word("an expression");
        if let Some(name) = word.strip_prefix(':') {
            return VerilogExpression::Signal(name.to_owned());
        }
        if let Some(operation) = unary(word) {
            return VerilogExpression::Unary(operation, self.boxed());
        }
        if let Some(operation) = binary(word) {
            let left = self.boxed();
            return VerilogExpression::Binary(left, operation, self.boxed());
        }
        match word {
            "(" => VerilogExpression::Paren(self.boxed()),
            "true" | "false" => VerilogExpression::Literal((word == "true").into()),
            "cast" => {
                let width = self.number();
                VerilogExpression::Cast(self.boxed(), width)
            }
            "slice" => {
                let (width, value) = (self.number(), self.boxed());
                VerilogExpression::Slice(value, width, self.boxed())
            }
            "bit" => {
                let value = self.boxed();
                VerilogExpression::Index(value, self.boxed())
            }
            "put" => {
                let (value, index) = (self.boxed(), self.boxed());
                VerilogExpression::IndexReplace(value, index, self.boxed())
            }
            _ => VerilogExpression::Literal(literal(word)),
        }
    }
}

fn literal(word: &str) -> VerilogLiteral {
    let value: u128 = word.parse().unwrap_or_else(|_| malformed(word, "an expression"));
    u64::try_from(value).map_or_else(|_| value.into(), Into::into)
}

fn unary(word: &str) -> Option<VerilogOpUnary> {
    Some(match word {
        "!" => VerilogOpUnary::Not,
        "neg" => VerilogOpUnary::Neg,
        "all" => VerilogOpUnary::All,
        "any" => VerilogOpUnary::Any,
        "xor" => VerilogOpUnary::Xor,
        _ => return None,
    })
}

fn binary(word: &str) -> Option<VerilogOp> {
    Some(match word {
        "+" => VerilogOp::Add,
        "-" => VerilogOp::Sub,
        "*" => VerilogOp::Mul,
        "&&" => VerilogOp::LogicalAnd,
        "||" => VerilogOp::LogicalOr,
        "^" => VerilogOp::BitXor,
        "&" => VerilogOp::BitAnd,
        "|" => VerilogOp::BitOr,
        "<<" => VerilogOp::Shl,
        ">>" => VerilogOp::Shr,
        "==" => VerilogOp::Eq,
        "!=" => VerilogOp::Ne,
        "<" => VerilogOp::Lt,
        "<=" => VerilogOp::Le,
        ">" => VerilogOp::Gt,
        ">=" => VerilogOp::Ge,
        _ => return None,
    })
}
