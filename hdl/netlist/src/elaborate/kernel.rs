//! Executes the statements of a kernel symbolically, into one expression a signal.
//!
//! An output or local signal that is read after it was assigned gives what was assigned (`rust_hdl`'s `val()` of those is the
//! next value). Everything else, and a signal that is read before its assignment, gives the value once all blocks have settled.

use std::collections::HashMap;

use rust_hdl::core::ast::{
    VerilogBlock, VerilogBlockOrConditional, VerilogCase, VerilogConditional, VerilogExpression, VerilogLink,
    VerilogLinkDetails, VerilogLoop, VerilogMatch, VerilogStatement,
};

use super::errors::ElaborateError;
use super::scope::literal_value;
use super::symbols::{Class, Leaf, Symbols};
use super::text;
use super::types::{Operand, Value, field};
use crate::design::{SignalId, Warning};
use crate::expression::Graph;
use crate::netlist::{NodeId, Op};
use crate::words;

/// Marks an [`Op::Input`] as the value that a signal has on a path that has not assigned it.
pub(super) const UNASSIGNED: u32 = 1 << 31;

/// The state of executing one kernel.
pub(super) struct Kernel<'a, 's> {
    pub path: &'s str,
    pub symbols: &'s Symbols<'a>,
    pub graph: Graph,
    /// For each signal what the statements so far have assigned.
    pub assigned: Vec<Option<NodeId>>,
    pub warnings: Vec<Warning>,
    /// What each assignment replaced, so that a branch can be taken back.
    log: Vec<(SignalId, Option<NodeId>)>,
    pub(super) loops: Vec<(String, u64)>,
}

/// Where a name of a kernel leads.
pub(super) struct Place<'a> {
    /// Key of the symbol.
    pub symbol: String,
    /// Lowest bit of the field within the symbol.
    pub offset: u32,
    /// Type of the field, or of the whole signal.
    pub descriptor: &'a rust_hdl::prelude::TypeDescriptor,
}

impl<'a, 's> Kernel<'a, 's> {
    pub fn new(path: &'s str, symbols: &'s Symbols<'a>) -> Self {
        let assigned = vec![None; symbols.signals.len()];
        let (log, loops, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { path, symbols, graph: Graph::default(), assigned, warnings, log, loops }
    }

    pub fn run(&mut self, block: &VerilogBlock) -> Result<(), ElaborateError> {
        block.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &VerilogStatement) -> Result<(), ElaborateError> {
        match statement {
            VerilogStatement::Assignment(target, value) => {
                let name = self.target_name(target)?;
                let value = self.evaluate(value)?;
                self.assign(name, value)
            }
            VerilogStatement::SliceAssignment { base, width, offset, replacement } => {
                self.assign_slice(base, *width, offset, replacement)
            }
            VerilogStatement::If(conditional) => self.conditional(conditional),
            VerilogStatement::Match(selection) => self.selection(selection),
            VerilogStatement::Loop(repetition) => self.repetition(repetition),
            VerilogStatement::Comment(text) => self.comment(text),
            VerilogStatement::Link(links) => links.iter().try_for_each(|link| self.link(link)),
            VerilogStatement::Macro(block) => self.run(block),
        }
    }

    fn comment(&self, text: &str) -> Result<(), ElaborateError> {
        let text = text.trim();
        match text.strip_prefix("assert") {
            Some(rest) if rest.trim_start().starts_with('!') => {
                Err(ElaborateError::AssertInKernel { path: self.path.to_owned(), text: text.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn target_name<'e>(&self, target: &'e VerilogExpression) -> Result<&'e str, ElaborateError> {
        match target {
            VerilogExpression::Signal(name) => Ok(name),
            VerilogExpression::Paren(inner) => self.target_name(inner),
            _ => Err(self.unsupported("an assignment to an expression")),
        }
    }

    /// Resolves a name: brackets, then `$next` or `$val()` and the fields behind it.
    pub fn place(&self, name: &str) -> Result<Place<'a>, ElaborateError> {
        let lookup = |variable: &str| self.loop_variable(variable);
        let resolved = text::resolve_indices(name, &lookup).map_err(|index| ElaborateError::IndexNotConstant {
            path: self.path.to_owned(),
            name: name.to_owned(),
            index,
        })?;
        let resolved = resolved.trim_start_matches(['.', '$']).replace('.', "$");
        let segments: Vec<&str> = resolved.split('$').collect();
        let end = segments.iter().skip(1).position(|&segment| segment == "next" || segment == "val()");
        let end = end.map_or(segments.len(), |position| position + 1);
        let symbol = segments[..end].join("$");
        let Some(found) = self.symbols.by_name.get(&symbol) else {
            return Err(ElaborateError::UndeclaredName { path: self.path.to_owned(), name: name.to_owned() });
        };
        let (mut offset, mut descriptor) = (0, found.descriptor);
        for segment in segments.iter().skip(end + 1) {
            let (below, inner) = field(descriptor, segment).ok_or_else(|| ElaborateError::UnknownField {
                path: self.path.to_owned(),
                signal: symbol.clone(),
                field: (*segment).to_owned(),
            })?;
            offset += below;
            descriptor = inner;
        }
        Ok(Place { symbol, offset, descriptor })
    }

    pub fn loop_variable(&self, name: &str) -> Option<u64> {
        self.loops.iter().rev().find(|(variable, _)| variable == name).map(|(_, value)| *value)
    }

    /// Assigns a signal or a field of one.
    fn assign(&mut self, name: &str, value: Operand<'a>) -> Result<(), ElaborateError> {
        let place = self.place(name)?;
        let width = super::types::width_of(place.descriptor);
        let clock = self.is_clock_symbol(&place.symbol);
        if clock != matches!(&value, Operand::Sized(value) if is_clock(value)) {
            return Err(if clock {
                ElaborateError::ClockNotFromRoot { path: self.path.to_owned(), signal: readable(name) }
            } else {
                self.clock_as_data(&format!("the assignment of `{}`", readable(name)))
            });
        }
        let node = match value {
            Operand::Literal(literal) => self.literal(&literal, width)?,
            Operand::Sized(value) => value.node,
        };
        self.expect_width(&format!("assignment of `{}`", readable(name)), width, self.graph.width(node))?;
        self.write(&place.symbol, place.offset, node, name)
    }

    fn is_clock_symbol(&self, symbol: &str) -> bool {
        self.symbols.by_name.get(symbol).is_some_and(super::symbols::Symbol::is_clock)
    }

    fn assign_slice(
        &mut self,
        base: &VerilogExpression,
        width: usize,
        offset: &VerilogExpression,
        value: &VerilogExpression,
    ) -> Result<(), ElaborateError> {
        let name = self.target_name(base)?;
        let width = super::symbols::number(width);
        let VerilogExpression::Literal(offset) = offset else {
            return Err(self.unsupported("an assignment to a slice at a variable offset"));
        };
        let offset = literal_value(offset).and_then(|words| u32::try_from(words.first().copied().unwrap_or(0)).ok());
        let offset = offset.ok_or_else(|| self.unsupported("a negative offset"))?;
        let node = match self.evaluate(value)? {
            Operand::Literal(literal) => self.literal(&literal, width)?,
            Operand::Sized(value) if is_clock(&value) => {
                return Err(self.clock_as_data(&format!("the assignment of `{}`", readable(name))));
            }
            Operand::Sized(value) => value.node,
        };
        self.expect_width(&format!("assignment of a field of `{}`", readable(name)), width, self.graph.width(node))?;
        let place = self.place(name)?;
        self.write(&place.symbol, place.offset + offset, node, name)
    }

    /// Writes bits of a symbol, leaf by leaf.
    fn write(&mut self, symbol: &str, offset: u32, value: NodeId, name: &str) -> Result<(), ElaborateError> {
        let symbols = self.symbols;
        let found = &symbols.by_name[symbol];
        let other = match found.class {
            Class::Driven | Class::ChildInput => None,
            Class::Input => Some("the parent".to_owned()),
            Class::ChildOutput => {
                Some(format!("`{}`", symbol.rsplit_once('$').map_or("the child", |(child, _)| child)))
            }
            Class::Constant => Some("its constant value".to_owned()),
        };
        if let Some(other) = other {
            return Err(ElaborateError::TwoDrivers { path: self.path.to_owned(), signal: readable(name), other });
        }
        let end = offset + self.graph.width(value);
        for index in 0..found.leaves.len() {
            let leaf = found.leaves[index];
            let (from, to) = (offset.max(leaf.offset), end.min(leaf.offset + leaf.width));
            if from >= to {
                continue;
            }
            let part = self.graph.slice(value, from - offset, to - from);
            let whole = self.insert(leaf, from - leaf.offset, part);
            self.set(leaf.signal, whole);
        }
        Ok(())
    }

    /// The value of a leaf with some of its bits replaced.
    fn insert(&mut self, leaf: Leaf, offset: u32, part: NodeId) -> NodeId {
        let width = self.graph.width(part);
        if width == leaf.width {
            return part;
        }
        let old = self.assigned[leaf.signal.0 as usize].unwrap_or_else(|| self.unassigned(leaf.signal));
        let mut parts = Vec::new();
        if offset > 0 {
            parts.push(self.graph.slice(old, 0, offset));
        }
        parts.push(part);
        if offset + width < leaf.width {
            parts.push(self.graph.slice(old, offset + width, leaf.width - offset - width));
        }
        self.graph.concat(parts)
    }

    fn unassigned(&mut self, signal: SignalId) -> NodeId {
        let width = self.symbols.signals[signal.0 as usize].width;
        self.graph.leaf(Op::Input(UNASSIGNED | signal.0), width)
    }

    fn set(&mut self, signal: SignalId, value: NodeId) {
        let old = self.assigned[signal.0 as usize].replace(value);
        self.log.push((signal, old));
    }

    /// Reads a whole symbol.
    pub fn read(&mut self, symbol: &str) -> Result<NodeId, ElaborateError> {
        let symbols = self.symbols;
        let found = &symbols.by_name[symbol];
        if found.width == 0 {
            return Err(ElaborateError::ZeroWidth { path: self.path.to_owned(), signal: readable(symbol) });
        }
        if found.class == Class::Constant {
            return Ok(self.graph.constant(found.width, found.value.to_vec()));
        }
        let blocking = found.class == Class::Driven;
        let parts = (0..found.leaves.len()).map(|index| {
            let leaf = found.leaves[index];
            let assigned = self.assigned[leaf.signal.0 as usize].filter(|_| blocking);
            assigned.unwrap_or_else(|| self.graph.leaf(Op::Input(leaf.signal.0), leaf.width))
        });
        let parts = parts.collect();
        Ok(self.graph.concat(parts))
    }

    fn conditional(&mut self, conditional: &VerilogConditional) -> Result<(), ElaborateError> {
        let test = self.evaluate_bit(&conditional.test, "an `if`")?;
        self.branch(
            test,
            |kernel| kernel.run(&conditional.then),
            |kernel| match &conditional.otherwise {
                VerilogBlockOrConditional::Block(block) => kernel.run(block),
                VerilogBlockOrConditional::Conditional(statement) => kernel.statement(statement),
                VerilogBlockOrConditional::None => Ok(()),
            },
        )
    }

    /// Executes both branches and merges what they assign; of a constant condition only the one that Rust would execute.
    fn branch(
        &mut self,
        test: NodeId,
        then: impl FnOnce(&mut Self) -> Result<(), ElaborateError>,
        otherwise: impl FnOnce(&mut Self) -> Result<(), ElaborateError>,
    ) -> Result<(), ElaborateError> {
        if let Some(value) = self.graph.value(test) {
            return if words::bit(value, 0) { then(self) } else { otherwise(self) };
        }
        let start = self.log.len();
        then(self)?;
        let taken = self.take_back(start);
        otherwise(self)?;
        let mut other: HashMap<SignalId, NodeId> = self.take_back(start).into_iter().collect();
        let mut merged: Vec<(SignalId, NodeId, NodeId)> = Vec::with_capacity(taken.len() + other.len());
        for (signal, value) in taken {
            let otherwise = other.remove(&signal).unwrap_or_else(|| self.present(signal));
            merged.push((signal, value, otherwise));
        }
        let mut rest: Vec<_> = other.into_iter().collect();
        rest.sort_unstable();
        for (signal, value) in rest {
            let present = self.present(signal);
            merged.push((signal, present, value));
        }
        for (signal, then, otherwise) in merged {
            let value = self.graph.mux(test, then, otherwise);
            self.set(signal, value);
        }
        Ok(())
    }

    fn present(&mut self, signal: SignalId) -> NodeId {
        self.assigned[signal.0 as usize].unwrap_or_else(|| self.unassigned(signal))
    }

    /// Undoes the assignments since `start`; gives the last value of each signal assigned, in order of signals.
    fn take_back(&mut self, start: usize) -> Vec<(SignalId, NodeId)> {
        let mut values = Vec::new();
        let mut undone: Vec<SignalId> = self.log[start..].iter().map(|(signal, _)| *signal).collect();
        undone.sort_unstable();
        undone.dedup();
        for signal in undone {
            values.extend(self.assigned[signal.0 as usize].map(|value| (signal, value)));
        }
        for (signal, old) in self.log.drain(start..).rev() {
            self.assigned[signal.0 as usize] = old;
        }
        values
    }

    /// A `match`: Rust's arms are exhaustive, so the last one is taken whenever no other is.
    fn selection(&mut self, selection: &VerilogMatch) -> Result<(), ElaborateError> {
        let Operand::Sized(test) = self.evaluate(&selection.test)? else {
            return Err(self.unsupported("a `match` on a literal"));
        };
        if is_clock(&test) {
            return Err(self.clock_as_data("a `match`"));
        }
        self.arms(test, &selection.cases)
    }

    fn arms(&mut self, test: Value<'a>, cases: &[VerilogCase]) -> Result<(), ElaborateError> {
        let Some((first, rest)) = cases.split_first() else { return Ok(()) };
        if rest.is_empty() || first.condition == "default" {
            return self.run(&first.block);
        }
        let condition = self.pattern(test, &first.condition)?;
        self.branch(condition, |kernel| kernel.run(&first.block), |kernel| kernel.arms(test, rest))
    }

    /// Whether the value matches a pattern. A number that the value cannot hold never does.
    fn pattern(&mut self, test: Value<'a>, pattern: &str) -> Result<NodeId, ElaborateError> {
        let width = self.graph.width(test.node);
        let value = match pattern {
            "true" => 1,
            "false" => 0,
            _ => match text::integer(pattern) {
                Some(value) => value,
                None => {
                    let (value, of) = self.variant(pattern)?;
                    self.expect_width(&format!("pattern `{pattern}`"), width, of)?;
                    value
                }
            },
        };
        if words::significant_bits(&[value]) > width {
            return Ok(self.graph.bool(false));
        }
        let constant = self.graph.constant(width, vec![value]);
        Ok(self.graph.eq(test.node, constant))
    }

    /// Value and width of an enum value.
    pub fn variant(&self, name: &str) -> Result<(u64, u32), ElaborateError> {
        match self.symbols.variant(name) {
            Some(Some(variant)) => Ok(variant),
            Some(None) => {
                Err(ElaborateError::AmbiguousEnum { path: self.path.to_owned(), name: name.replace('$', "::") })
            }
            None => Err(ElaborateError::UndeclaredName { path: self.path.to_owned(), name: name.replace('$', "::") }),
        }
    }

    fn repetition(&mut self, repetition: &VerilogLoop) -> Result<(), ElaborateError> {
        let bound = |literal| {
            let words = literal_value(literal).filter(|words| words::significant_bits(words) <= 32);
            words.map(|words| words.first().copied().unwrap_or(0))
        };
        let (Some(from), Some(to)) = (bound(&repetition.from), bound(&repetition.to)) else {
            return Err(self.unsupported("a loop bound that is negative or over 32 bits"));
        };
        for value in from..to {
            self.loops.push((repetition.index.clone(), value));
            self.run(&repetition.block)?;
            self.loops.pop();
        }
        Ok(())
    }

    /// One signal of an interface that is joined or linked.
    fn link(&mut self, link: &VerilogLink) -> Result<(), ElaborateError> {
        let join = |owner: &str, details: &VerilogLinkDetails| {
            let field = details.my_name.trim_start_matches('.');
            if field.is_empty() { owner.to_owned() } else { format!("{owner}${field}") }
        };
        let (details, forward) = match link {
            VerilogLink::Forward(details) => (details, true),
            VerilogLink::Backward(details) => (details, false),
            VerilogLink::Bidirectional(details) => {
                let signal = readable(&join(&details.owner_name, details));
                return Err(ElaborateError::InOutNotSupported { path: self.path.to_owned(), signal });
            }
        };
        let (mine, other) = (join(&details.owner_name, details), join(&details.other_name, details));
        let (from, to) = if forward { (mine, other) } else { (other, mine) };
        let value = self.name(&from)?;
        self.assign(&to, value)
    }

    pub fn expect_width(&self, operation: &str, left: u32, right: u32) -> Result<(), ElaborateError> {
        if left == right {
            return Ok(());
        }
        let (path, operation) = (self.path.to_owned(), operation.to_owned());
        Err(ElaborateError::WidthMismatch { path, operation, left, right })
    }

    pub fn unsupported(&self, construct: &str) -> ElaborateError {
        ElaborateError::Unsupported { path: self.path.to_owned(), construct: construct.to_owned() }
    }

    pub fn clock_as_data(&self, context: &str) -> ElaborateError {
        ElaborateError::ClockAsData { path: self.path.to_owned(), context: context.to_owned() }
    }
}

pub(super) fn is_clock(value: &Value<'_>) -> bool {
    value.descriptor.is_some_and(crate::names::is_clock)
}

/// A name as the source has it, near enough: dots for `$`, no `$next`.
pub(super) fn readable(name: &str) -> String {
    name.replace("$next", "").trim_start_matches(['.', '$']).replace('$', ".")
}
