//! Values of kernel expressions, typed by Rust's rules.

use rust_hdl::prelude::{TypeDescriptor, TypeKind};

use crate::names;
use crate::netlist::NodeId;
use crate::words;

/// A value of a kernel expression.
#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    /// A value with a width of its own.
    Sized(Value<'a>),
    /// A literal, which takes its partner's width.
    Literal(Literal),
}

/// A value with a width of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub node: NodeId,
    /// Its type, where it is known to be more than plain bits: a record, an enum, a clock.
    pub descriptor: Option<&'a TypeDescriptor>,
}

/// A literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub words: Vec<u64>,
    /// `true` or `false`, which is one bit wide.
    pub is_bool: bool,
}

impl Literal {
    pub fn number(value: u64) -> Self {
        Self { words: vec![value], is_bool: false }
    }

    pub fn bool(value: bool) -> Self {
        Self { words: vec![u64::from(value)], is_bool: true }
    }

    /// The value, if it fits in 64 bits.
    pub fn as_u64(&self) -> Option<u64> {
        (words::significant_bits(&self.words) <= 64).then(|| self.words.first().copied().unwrap_or(0))
    }

    /// In hexadecimal with its prefix, as errors name it.
    pub fn text(&self) -> String {
        let mut text = String::from("0x");
        let digits: String = self.words.iter().rev().map(|word| format!("{word:016x}")).collect();
        let digits = digits.trim_start_matches('0');
        text.push_str(if digits.is_empty() { "0" } else { digits });
        text
    }
}

/// Width in bits of a type.
pub(super) fn width_of(descriptor: &TypeDescriptor) -> u32 {
    u32::try_from(names::descriptor_width(descriptor)).unwrap_or(u32::MAX)
}

/// The field of a record: its lowest bit and its type.
pub(super) fn field<'a>(record: &'a TypeDescriptor, name: &str) -> Option<(u32, &'a TypeDescriptor)> {
    let TypeKind::Composite(fields) = &record.kind else { return None };
    let mut offset = 0;
    for field in fields {
        if field.fieldname == name {
            return Some((offset, &field.kind));
        }
        offset += width_of(&field.kind);
    }
    None
}

/// The type of the field that lies exactly at those bits, if there is one.
pub(super) fn field_at(record: &TypeDescriptor, offset: u32, width: u32) -> Option<&TypeDescriptor> {
    let TypeKind::Composite(fields) = &record.kind else { return None };
    let mut base = 0;
    for field in fields {
        let present = width_of(&field.kind);
        if base == offset && present == width {
            return Some(&field.kind);
        }
        base += present;
    }
    None
}

/// Whether any part of the type is signed.
pub(super) fn is_signed(descriptor: &TypeDescriptor) -> bool {
    match &descriptor.kind {
        TypeKind::Signed(_) => true,
        TypeKind::Composite(fields) => fields.iter().any(|field| is_signed(&field.kind)),
        TypeKind::Bits(_) | TypeKind::Enum(_) => false,
    }
}
