//! Reaching the ports of a live `rust_hdl` block by name.
//!
//! `rust_hdl` shows a probe its signals read-only and without their types. [`Ports`] (derived) visits
//! the *public* fields of a block or an interface: public fields are its ports, private ones its
//! internals. Every value crosses as bits, least significant first.

use bitvec::prelude::{BitSlice, Lsb0};
use rust_hdl::prelude::{Bit, Bits, Clock, Direction, In, Local, Out, Signal, Synth, TypeDescriptor};

/// The bits of a port: bit 0 is the least significant.
pub type PortBits = BitSlice<u64, Lsb0>;

/// A value that crosses between a signal and plain bits.
pub trait Pack: Synth {
    /// Writes the value into `bits`, which is exactly `Self::BITS` long.
    fn pack(&self, bits: &mut PortBits);
    /// Reads a value from `bits`, which is exactly `Self::BITS` long.
    fn unpack(bits: &PortBits) -> Self;
}

impl Pack for Bit {
    fn pack(&self, bits: &mut PortBits) {
        bits.set(0, *self);
    }
    fn unpack(bits: &PortBits) -> Self {
        bits[0]
    }
}

impl Pack for Clock {
    fn pack(&self, bits: &mut PortBits) {
        bits.set(0, self.clk);
    }
    fn unpack(bits: &PortBits) -> Self {
        Clock { clk: bits[0] }
    }
}

impl<const N: usize> Pack for Bits<N> {
    fn pack(&self, bits: &mut PortBits) {
        for index in 0..N {
            bits.set(index, self.get_bit(index));
        }
    }
    fn unpack(bits: &PortBits) -> Self {
        if N <= 32 {
            let value = bits.iter().by_vals().rev().fold(0_u64, |value, bit| (value << 1) | u64::from(bit));
            Bits::from(value)
        } else {
            // `replace_bit` copies the whole value for each bit; the array form does not.
            let mut array = [false; N];
            for (slot, bit) in array.iter_mut().zip(bits.iter().by_vals()) {
                *slot = bit;
            }
            Bits::Long(array.into())
        }
    }
}

/// An input port of a live block.
pub trait InputPort {
    /// Width in bits.
    fn width(&self) -> usize;
    /// Its type, for splitting a record into named fields ([`crate::names::leaf_fields`]).
    fn descriptor(&self) -> TypeDescriptor;
    /// Offers a new value; it takes effect when the block is next updated.
    fn set(&mut self, bits: &PortBits);
    /// Marks the port as driven from outside.
    fn connect(&mut self);
}

/// An output port of a live block.
pub trait OutputPort {
    /// Width in bits.
    fn width(&self) -> usize;
    /// Its type, for splitting a record into named fields ([`crate::names::leaf_fields`]).
    fn descriptor(&self) -> TypeDescriptor;
    /// Reads the value as of the last update.
    fn get(&self, bits: &mut PortBits);
}

/// Called once for each port, in declaration order; `name` is the path joined with `$`, as `rust_hdl` joins it.
pub trait PortVisitor {
    /// An input.
    fn input(&mut self, name: &str, port: &mut dyn InputPort);
    /// An output.
    fn output(&mut self, name: &str, port: &mut dyn OutputPort);
}

/// A block or an interface whose ports can be visited. Derive it: `#[derive(LogicBlock, Ports)]`.
pub trait Ports {
    /// Visits every port below the path `name`.
    fn visit_ports(&mut self, name: &str, visitor: &mut dyn PortVisitor);
}

/// Joins a path and a field as `rust_hdl` does; an empty path gives the field alone.
#[must_use]
pub fn join_name(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}${field}") }
}

impl<T: Pack> InputPort for Signal<In, T> {
    fn width(&self) -> usize {
        T::BITS
    }
    fn descriptor(&self) -> TypeDescriptor {
        T::descriptor()
    }
    fn set(&mut self, bits: &PortBits) {
        self.next = T::unpack(bits);
    }
    fn connect(&mut self) {
        rust_hdl::prelude::Logic::connect(self);
    }
}

impl<T: Pack> OutputPort for Signal<Out, T> {
    fn width(&self) -> usize {
        T::BITS
    }
    fn descriptor(&self) -> TypeDescriptor {
        T::descriptor()
    }
    fn get(&self, bits: &mut PortBits) {
        self.val().pack(bits);
    }
}

/// Tells inputs from outputs where only the direction's type is known.
pub trait PortDirection: Direction + Sized {
    /// Shows the signal to the visitor under its direction.
    fn visit<T: Pack>(signal: &mut Signal<Self, T>, name: &str, visitor: &mut dyn PortVisitor);
}

impl PortDirection for In {
    fn visit<T: Pack>(signal: &mut Signal<Self, T>, name: &str, visitor: &mut dyn PortVisitor) {
        visitor.input(name, signal);
    }
}

impl PortDirection for Out {
    fn visit<T: Pack>(signal: &mut Signal<Self, T>, name: &str, visitor: &mut dyn PortVisitor) {
        visitor.output(name, signal);
    }
}

impl PortDirection for Local {
    fn visit<T: Pack>(_: &mut Signal<Self, T>, _: &str, _: &mut dyn PortVisitor) {}
}

impl<D: PortDirection, T: Pack> Ports for Signal<D, T> {
    fn visit_ports(&mut self, name: &str, visitor: &mut dyn PortVisitor) {
        D::visit(self, name, visitor);
    }
}

/// Elements are named by their index, as `rust_hdl` names them.
impl<P: Ports> Ports for Vec<P> {
    fn visit_ports(&mut self, name: &str, visitor: &mut dyn PortVisitor) {
        for (index, element) in self.iter_mut().enumerate() {
            element.visit_ports(&join_name(name, &index.to_string()), visitor);
        }
    }
}

/// The widest value that [`literal`] can show.
const LITERAL_BITS: usize = 4096;

/// The literal that stands for a record's value (its initial value, say).
///
/// # Panics
/// If the record is wider than 4,096 bits; a record is a type, so this shows when a block is first elaborated.
#[must_use]
pub fn literal<T: Pack>(value: &T) -> rust_hdl::prelude::VerilogLiteral {
    assert!(T::BITS <= LITERAL_BITS, "a record of {} bits is wider than {LITERAL_BITS}", T::BITS);
    let mut bits = bitvec::prelude::BitVec::repeat(false, LITERAL_BITS);
    value.pack(&mut bits[..T::BITS]);
    Bits::<LITERAL_BITS>::unpack(&bits).into()
}
