//! Evaluates kernel expressions symbolically, with the widths that Rust gives them.

use rust_hdl::core::ast::{VerilogExpression, VerilogOp, VerilogOpUnary};

use super::errors::ElaborateError;
use super::kernel::{Kernel, is_clock};
use super::scope::{literal_is_bool, literal_value};
use super::symbols::number;
use super::types::{Literal, Operand, Value, field_at, width_of};
use crate::design::Warning;
use crate::netlist::NodeId;
use crate::words;

/// Width of `rust_hdl`'s `LiteralType`, in bits.
const LITERAL_BITS: u32 = 64;

impl<'a> Kernel<'a, '_> {
    pub fn evaluate(&mut self, expression: &VerilogExpression) -> Result<Operand<'a>, ElaborateError> {
        match expression {
            VerilogExpression::Signal(name) => self.name(name),
            VerilogExpression::Literal(literal) => {
                let words = literal_value(literal).ok_or_else(|| ElaborateError::SignedNotSupported {
                    path: self.path.to_owned(),
                    signal: literal.to_string(),
                })?;
                Ok(Operand::Literal(Literal { words, is_bool: literal_is_bool(literal) }))
            }
            VerilogExpression::Paren(inner) => self.evaluate(inner),
            VerilogExpression::Cast(inner, width) => self.cast(inner, number(*width)),
            VerilogExpression::Signed(_) => Err(self.signed("a signed cast")),
            VerilogExpression::Unsigned(_) => Err(self.signed("an unsigned cast")),
            VerilogExpression::Binary(left, operation, right) => {
                let left = self.evaluate(left)?;
                let right = self.evaluate(right)?;
                self.binary(left, operation, right)
            }
            VerilogExpression::Unary(operation, inner) => self.unary(operation, inner),
            VerilogExpression::Index(of, index) => self.bit(of, index),
            VerilogExpression::Slice(of, width, offset) => self.slice(of, number(*width), offset),
            VerilogExpression::IndexReplace(of, index, value) => self.replace_bit(of, index, value),
        }
    }

    fn signed(&self, what: &str) -> ElaborateError {
        ElaborateError::SignedNotSupported { path: self.path.to_owned(), signal: what.to_owned() }
    }

    /// A loop variable, a signal, a field of one, or an enum value.
    pub fn name(&mut self, name: &str) -> Result<Operand<'a>, ElaborateError> {
        if let Some(value) = self.loop_variable(name) {
            return Ok(Operand::Literal(Literal::number(value)));
        }
        let place = match self.place(name) {
            Err(ElaborateError::UndeclaredName { .. }) if self.symbols.variant(name).is_some() => {
                let (value, width) = self.variant(name)?;
                if width == 0 {
                    return Err(ElaborateError::ZeroWidth {
                        path: self.path.to_owned(),
                        signal: name.replace('$', "::"),
                    });
                }
                let node = self.graph.constant(width, vec![value]);
                return Ok(Operand::Sized(Value { node, descriptor: None }));
            }
            place => place?,
        };
        let whole = self.read(&place.symbol)?;
        let width = width_of(place.descriptor);
        if width == 0 {
            return Err(ElaborateError::ZeroWidth {
                path: self.path.to_owned(),
                signal: super::kernel::readable(name),
            });
        }
        let node = self.graph.slice(whole, place.offset, width);
        Ok(Operand::Sized(Value { node, descriptor: Some(place.descriptor) }))
    }

    /// A literal at the width that its partner gives it.
    pub fn literal(&mut self, literal: &Literal, width: u32) -> Result<NodeId, ElaborateError> {
        if words::significant_bits(&literal.words) > width {
            return Err(ElaborateError::LiteralTooWide { path: self.path.to_owned(), literal: literal.text(), width });
        }
        Ok(self.graph.constant(width, literal.words.clone()))
    }

    /// A value that is not a clock and has a width.
    fn sized(&mut self, operand: Operand<'a>, context: &str) -> Result<Value<'a>, ElaborateError> {
        match operand {
            Operand::Sized(value) if is_clock(&value) => Err(self.clock_as_data(context)),
            Operand::Sized(value) => Ok(value),
            Operand::Literal(literal) if literal.is_bool => {
                let node = self.literal(&literal, 1)?;
                Ok(Value { node, descriptor: None })
            }
            Operand::Literal(literal) => {
                Err(ElaborateError::LiteralWithoutWidth { path: self.path.to_owned(), literal: literal.text() })
            }
        }
    }

    fn evaluate_sized(&mut self, expression: &VerilogExpression, context: &str) -> Result<Value<'a>, ElaborateError> {
        let operand = self.evaluate(expression)?;
        self.sized(operand, context)
    }

    /// A one-bit condition.
    pub fn evaluate_bit(&mut self, expression: &VerilogExpression, context: &str) -> Result<NodeId, ElaborateError> {
        let value = self.evaluate_sized(expression, context)?;
        self.expect_width(context, 1, self.graph.width(value.node))?;
        Ok(value.node)
    }

    fn cast(&mut self, inner: &VerilogExpression, width: u32) -> Result<Operand<'a>, ElaborateError> {
        if width == 0 {
            return Err(ElaborateError::ZeroWidth { path: self.path.to_owned(), signal: "a cast".into() });
        }
        let node = match self.evaluate(inner)? {
            Operand::Literal(literal) => self.literal(&literal, width)?,
            operand @ Operand::Sized(_) => {
                let value = self.sized(operand, "a cast")?;
                if self.graph.width(value.node) == width {
                    let warning = Warning::CastKeepsWidth { path: self.path.to_owned(), width };
                    if !self.warnings.contains(&warning) {
                        self.warnings.push(warning);
                    }
                }
                self.graph.resize(value.node, width)
            }
        };
        Ok(plain(node))
    }

    fn unary(&mut self, operation: &VerilogOpUnary, inner: &VerilogExpression) -> Result<Operand<'a>, ElaborateError> {
        let operand = self.evaluate(inner)?;
        let node = match operation {
            VerilogOpUnary::Neg => return Err(self.signed("a negation")),
            VerilogOpUnary::Not => {
                if let Operand::Literal(literal) = &operand
                    && literal.is_bool
                {
                    return Ok(Operand::Literal(Literal::bool(words::is_zero(&literal.words))));
                }
                let value = self.sized(operand, "`!`")?;
                self.graph.not(value.node)
            }
            VerilogOpUnary::All => {
                let value = self.sized(operand, "`all`")?;
                self.graph.reduce_and(value.node)
            }
            VerilogOpUnary::Any => {
                let value = self.sized(operand, "`any`")?;
                self.graph.reduce_or(value.node)
            }
            VerilogOpUnary::Xor => {
                let value = self.sized(operand, "`xor`")?;
                self.graph.reduce_xor(value.node)
            }
        };
        Ok(plain(node))
    }

    fn binary(
        &mut self,
        left: Operand<'a>,
        operation: &VerilogOp,
        right: Operand<'a>,
    ) -> Result<Operand<'a>, ElaborateError> {
        let context = symbol(operation);
        if let (Operand::Literal(left), Operand::Literal(right)) = (&left, &right) {
            return self.fold(left, operation, right).map(Operand::Literal);
        }
        match operation {
            VerilogOp::LogicalAnd | VerilogOp::LogicalOr => {
                let (left, right) = (self.sized(left, context)?, self.sized(right, context)?);
                self.expect_width(context, 1, self.graph.width(left.node))?;
                self.expect_width(context, 1, self.graph.width(right.node))?;
                let and = matches!(operation, VerilogOp::LogicalAnd);
                let node =
                    if and { self.graph.and(left.node, right.node) } else { self.graph.or(left.node, right.node) };
                return Ok(plain(node));
            }
            VerilogOp::Shl | VerilogOp::Shr => return self.shift(left, operation, right),
            VerilogOp::Mul => return self.multiply(left, right),
            _ => {}
        }
        let (left, right) = self.unify(left, right, operation)?;
        Ok(plain(self.apply(operation, left, right)))
    }

    fn apply(&mut self, operation: &VerilogOp, left: NodeId, right: NodeId) -> NodeId {
        let graph = &mut self.graph;
        let complement = match operation {
            VerilogOp::Add => return graph.add(left, right),
            VerilogOp::Sub => return graph.sub(left, right),
            VerilogOp::BitXor => return graph.xor(left, right),
            VerilogOp::BitAnd => return graph.and(left, right),
            VerilogOp::BitOr => return graph.or(left, right),
            VerilogOp::Eq => return graph.eq(left, right),
            VerilogOp::Lt => return graph.lt(left, right),
            VerilogOp::Gt => return graph.lt(right, left),
            VerilogOp::Ne => graph.eq(left, right),
            VerilogOp::Le => graph.lt(right, left),
            VerilogOp::Ge => graph.lt(left, right),
            VerilogOp::Mul => return graph.mul(left, right),
            VerilogOp::Shl => return graph.shl(left, right),
            VerilogOp::Shr => return graph.shr(left, right),
            VerilogOp::LogicalAnd => return graph.and(left, right),
            VerilogOp::LogicalOr => return graph.or(left, right),
        };
        graph.not(complement)
    }

    /// Brings both sides to one width: a literal takes its partner's, and `Bits<N> + bool` adds the bit.
    fn unify(
        &mut self,
        left: Operand<'a>,
        right: Operand<'a>,
        operation: &VerilogOp,
    ) -> Result<(NodeId, NodeId), ElaborateError> {
        let context = symbol(operation);
        match (left, right) {
            (Operand::Literal(literal), right) => {
                let right = self.sized(right, context)?.node;
                Ok((self.literal(&literal, self.graph.width(right))?, right))
            }
            (left, Operand::Literal(literal)) => {
                let left = self.sized(left, context)?.node;
                Ok((left, self.literal(&literal, self.graph.width(left))?))
            }
            (left, right) => {
                let (left, right) = (self.sized(left, context)?.node, self.sized(right, context)?.node);
                let width = self.graph.width(left);
                if matches!(operation, VerilogOp::Add) && self.graph.width(right) == 1 {
                    return Ok((left, self.graph.resize(right, width)));
                }
                self.expect_width(context, width, self.graph.width(right))?;
                Ok((left, right))
            }
        }
    }

    fn shift(
        &mut self,
        left: Operand<'a>,
        operation: &VerilogOp,
        right: Operand<'a>,
    ) -> Result<Operand<'a>, ElaborateError> {
        let context = symbol(operation);
        let left = match left {
            Operand::Literal(literal) => self.literal(&literal, LITERAL_BITS)?,
            left @ Operand::Sized(_) => self.sized(left, context)?.node,
        };
        let right = match right {
            Operand::Literal(literal) => self.literal(&literal, LITERAL_BITS)?,
            right @ Operand::Sized(_) => self.sized(right, context)?.node,
        };
        Ok(plain(self.apply(operation, left, right)))
    }

    /// `Bits<16> * Bits<16>` gives 32 bits; Rust knows no other product.
    fn multiply(&mut self, left: Operand<'a>, right: Operand<'a>) -> Result<Operand<'a>, ElaborateError> {
        let (left, right) = (self.sized(left, "`*`")?.node, self.sized(right, "`*`")?.node);
        let width = self.graph.width(left);
        self.expect_width("`*`", width, self.graph.width(right))?;
        let (left, right) = (self.graph.resize(left, 2 * width), self.graph.resize(right, 2 * width));
        Ok(plain(self.graph.mul(left, right)))
    }

    /// Literal with literal, as Rust's integers compute.
    fn fold(&self, left: &Literal, operation: &VerilogOp, right: &Literal) -> Result<Literal, ElaborateError> {
        let too_wide = |literal: &Literal| ElaborateError::LiteralTooWide {
            path: self.path.to_owned(),
            literal: literal.text(),
            width: LITERAL_BITS,
        };
        let a = left.as_u64().ok_or_else(|| too_wide(left))?;
        let b = right.as_u64().ok_or_else(|| too_wide(right))?;
        let shift = u32::try_from(b).unwrap_or(u32::MAX);
        let result = match operation {
            VerilogOp::Add => a.checked_add(b),
            VerilogOp::Sub => a.checked_sub(b),
            VerilogOp::Mul => a.checked_mul(b),
            VerilogOp::BitXor => Some(a ^ b),
            VerilogOp::BitAnd | VerilogOp::LogicalAnd => Some(a & b),
            VerilogOp::BitOr | VerilogOp::LogicalOr => Some(a | b),
            VerilogOp::Shl => Some(a.checked_shl(shift).unwrap_or(0)),
            VerilogOp::Shr => Some(a.checked_shr(shift).unwrap_or(0)),
            VerilogOp::Eq => return Ok(Literal::bool(a == b)),
            VerilogOp::Ne => return Ok(Literal::bool(a != b)),
            VerilogOp::Lt => return Ok(Literal::bool(a < b)),
            VerilogOp::Le => return Ok(Literal::bool(a <= b)),
            VerilogOp::Gt => return Ok(Literal::bool(a > b)),
            VerilogOp::Ge => return Ok(Literal::bool(a >= b)),
        };
        let value = result.ok_or_else(|| {
            self.unsupported(&format!("{} {} {}, which overflows", left.text(), symbol(operation), right.text()))
        })?;
        Ok(Literal { words: vec![value], is_bool: left.is_bool && right.is_bool })
    }

    /// `get_bit(index)`.
    fn bit(&mut self, of: &VerilogExpression, index: &VerilogExpression) -> Result<Operand<'a>, ElaborateError> {
        let of = self.evaluate_sized(of, "`get_bit`")?.node;
        let width = self.graph.width(of);
        let node = match self.index(index)? {
            Operand::Literal(literal) => {
                let index = self.constant_index(&literal, width, width - 1)?;
                self.graph.slice(of, index, 1)
            }
            Operand::Sized(amount) => {
                let moved = self.graph.shr(of, amount.node);
                self.graph.slice(moved, 0, 1)
            }
        };
        Ok(plain(node))
    }

    /// `get_bits::<width>(offset)`, and the fields of records. Bits beyond the value's end are zero.
    fn slice(
        &mut self,
        of: &VerilogExpression,
        width: u32,
        offset: &VerilogExpression,
    ) -> Result<Operand<'a>, ElaborateError> {
        if width == 0 {
            return Err(ElaborateError::ZeroWidth { path: self.path.to_owned(), signal: "a slice".into() });
        }
        let of = self.evaluate_sized(of, "a slice")?;
        let present = self.graph.width(of.node);
        match self.index(offset)? {
            Operand::Literal(literal) => {
                let offset = self.constant_index(&literal, present, present)?;
                let moved = self.graph.shift_right(of.node, offset);
                let node = self.graph.resize(moved, width);
                let descriptor = of.descriptor.and_then(|record| field_at(record, offset, width));
                Ok(Operand::Sized(Value { node, descriptor }))
            }
            Operand::Sized(amount) => {
                let moved = self.graph.shr(of.node, amount.node);
                Ok(plain(self.graph.resize(moved, width)))
            }
        }
    }

    /// `replace_bit(index, value)`.
    fn replace_bit(
        &mut self,
        of: &VerilogExpression,
        index: &VerilogExpression,
        value: &VerilogExpression,
    ) -> Result<Operand<'a>, ElaborateError> {
        let of = self.evaluate_sized(of, "`replace_bit`")?.node;
        let value = self.evaluate_bit(value, "`replace_bit`")?;
        let width = self.graph.width(of);
        let node = match self.index(index)? {
            Operand::Literal(literal) => {
                let index = self.constant_index(&literal, width, width - 1)?;
                let mut parts = Vec::with_capacity(3);
                if index > 0 {
                    parts.push(self.graph.slice(of, 0, index));
                }
                parts.push(value);
                if index + 1 < width {
                    parts.push(self.graph.slice(of, index + 1, width - index - 1));
                }
                self.graph.concat(parts)
            }
            Operand::Sized(amount) => {
                let one = self.graph.constant(width, vec![1]);
                let mask = self.graph.shl(one, amount.node);
                let bit = self.graph.resize(value, width);
                let bit = self.graph.shl(bit, amount.node);
                let hole = self.graph.not(mask);
                let kept = self.graph.and(of, hole);
                self.graph.or(kept, bit)
            }
        };
        Ok(plain(node))
    }

    fn constant_index(&self, literal: &Literal, width: u32, last: u32) -> Result<u32, ElaborateError> {
        let index = literal.as_u64().unwrap_or(u64::MAX);
        match u32::try_from(index) {
            Ok(index) if index <= last => Ok(index),
            _ => Err(ElaborateError::IndexOutOfRange { path: self.path.to_owned(), index, width }),
        }
    }

    /// A bit index. Rust computes it as `usize`, so sums and products do not wrap at the signals' widths.
    fn index(&mut self, expression: &VerilogExpression) -> Result<Operand<'a>, ElaborateError> {
        match expression {
            VerilogExpression::Binary(left, operation, right) => {
                let (left, right) = (self.index(left)?, self.index(right)?);
                self.index_arithmetic(left, operation, right)
            }
            VerilogExpression::Paren(inner) => {
                let value = self.index(inner)?;
                let arithmetic = matches!(**inner, VerilogExpression::Binary(..));
                if arithmetic && matches!(&value, Operand::Sized(value) if self.graph.value(value.node).is_none()) {
                    return Err(ElaborateError::AmbiguousIndex { path: self.path.to_owned() });
                }
                Ok(value)
            }
            _ => match self.evaluate(expression)? {
                literal @ Operand::Literal(_) => Ok(literal),
                operand @ Operand::Sized(_) => {
                    let value = self.sized(operand, "an index")?;
                    // The value of a `Constant` is as good as a literal here.
                    match self.graph.value(value.node) {
                        Some(words) => Ok(Operand::Literal(Literal { words: words.to_vec(), is_bool: false })),
                        None => Ok(Operand::Sized(value)),
                    }
                }
            },
        }
    }

    fn index_arithmetic(
        &mut self,
        left: Operand<'a>,
        operation: &VerilogOp,
        right: Operand<'a>,
    ) -> Result<Operand<'a>, ElaborateError> {
        if let (Operand::Literal(left), Operand::Literal(right)) = (&left, &right) {
            return self.fold(left, operation, right).map(Operand::Literal);
        }
        let (left, right) = (self.index_node(left), self.index_node(right));
        let (a, b) = (self.graph.width(left), self.graph.width(right));
        let width = match operation {
            VerilogOp::Add | VerilogOp::Sub => a.max(b) + 1,
            VerilogOp::Mul => a + b,
            _ => return Err(self.unsupported(&format!("{} in a bit index", symbol(operation)))),
        };
        let (left, right) = (self.graph.resize(left, width), self.graph.resize(right, width));
        Ok(plain(self.apply(operation, left, right)))
    }

    fn index_node(&mut self, operand: Operand<'a>) -> NodeId {
        match operand {
            Operand::Sized(value) => value.node,
            Operand::Literal(literal) => {
                let width = words::significant_bits(&literal.words).max(1);
                self.graph.constant(width, literal.words)
            }
        }
    }
}

/// A value that is plain bits.
fn plain<'a>(node: NodeId) -> Operand<'a> {
    Operand::Sized(Value { node, descriptor: None })
}

/// The operator as Rust writes it, in quotes for error messages.
fn symbol(operation: &VerilogOp) -> &'static str {
    match operation {
        VerilogOp::Add => "`+`",
        VerilogOp::Sub => "`-`",
        VerilogOp::Mul => "`*`",
        VerilogOp::LogicalAnd => "`&&`",
        VerilogOp::LogicalOr => "`||`",
        VerilogOp::BitXor => "`^`",
        VerilogOp::BitAnd => "`&`",
        VerilogOp::BitOr => "`|`",
        VerilogOp::Shl => "`<<`",
        VerilogOp::Shr => "`>>`",
        VerilogOp::Eq => "`==`",
        VerilogOp::Lt => "`<`",
        VerilogOp::Le => "`<=`",
        VerilogOp::Ne => "`!=`",
        VerilogOp::Ge => "`>=`",
        VerilogOp::Gt => "`>`",
    }
}
