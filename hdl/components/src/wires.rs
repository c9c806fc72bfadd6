//! Wiring that costs no gates: permutations, repetitions and changes of type.
//!
//! Ports: `i`, `o`. Latency: 0 clocks.

use nitro_netlist::primitive::{Primitive, describe};
use nitro_netlist::{Pack, Ports};
use rust_hdl::prelude::*;

/// Any wiring: output bit `n` is input bit `map[n]`.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Wires<const N: usize, const M: usize> {
    /// In.
    pub i: Signal<In, Bits<N>>,
    /// Out.
    pub o: Signal<Out, Bits<M>>,
    _map: Vec<usize>,
}

impl<const N: usize, const M: usize> Wires<N, M> {
    /// Wires output bit `n` to input bit `map(n)`.
    ///
    /// # Panics
    /// If an output bit asks for an input bit that there is not.
    #[must_use]
    pub fn new(map: impl Fn(usize) -> usize) -> Self {
        let map: Vec<usize> = (0..M).map(map).collect();
        assert!(map.iter().all(|&bit| bit < N), "every output bit needs one of the {N} input bits, found {map:?}");
        Self { i: Signal::default(), o: Signal::default(), _map: map }
    }

    /// Repeats each input bit `M / N` times: byte enables to a mask of bits.
    ///
    /// # Panics
    /// If `N` does not divide `M`.
    #[must_use]
    pub fn repeat() -> Self {
        assert!(M.is_multiple_of(N), "{N} bits cannot each be repeated to make {M}");
        Self::new(|bit| bit / (M / N))
    }

    /// Reverses the order of the bits.
    ///
    /// # Panics
    /// If `M` is greater than `N`.
    #[must_use]
    pub fn reverse() -> Self {
        assert!(M <= N, "{N} bits cannot be reversed to make {M}");
        Self::new(|bit| N - 1 - bit)
    }
}

impl<const N: usize, const M: usize> Logic for Wires<N, M> {
    fn update(&mut self) {
        let (input, mut output) = (self.i.val(), [false; M]);
        for (bit, &from) in output.iter_mut().zip(&self._map) {
            *bit = input.get_bit(from);
        }
        self.o.next = crate::from_bools(output);
    }

    fn connect(&mut self) {
        self.o.connect();
    }

    fn hdl(&self) -> Verilog {
        describe(Primitive::Wires { input_width: N, map: self._map.clone() });
        Verilog::Custom("// wires".into())
    }
}

/// Reverses the order of the bytes: what arrives with its first byte lowest (streams) leaves with it highest (records),
/// and the other way round.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct SwapBytes<const N: usize> {
    /// In.
    pub i: Signal<In, Bits<N>>,
    /// Out.
    pub o: Signal<Out, Bits<N>>,
}

impl<const N: usize> Default for SwapBytes<N> {
    /// # Panics
    /// If `N` is not a whole number of bytes.
    fn default() -> Self {
        assert!(N.is_multiple_of(8), "{N} bits are not a whole number of bytes");
        Self { i: Signal::default(), o: Signal::default() }
    }
}

/// Where bit `bit` of a value of `width` bits is after its bytes have been swapped.
fn swapped(width: usize, bit: usize) -> usize {
    (width / 8 - 1 - bit / 8) * 8 + bit % 8
}

impl<const N: usize> Logic for SwapBytes<N> {
    fn update(&mut self) {
        let (input, mut output) = (self.i.val(), [false; N]);
        for (index, bit) in output.iter_mut().enumerate() {
            *bit = input.get_bit(swapped(N, index));
        }
        self.o.next = crate::from_bools(output);
    }

    fn connect(&mut self) {
        self.o.connect();
    }

    fn hdl(&self) -> Verilog {
        describe(Primitive::Wires { input_width: N, map: (0..N).map(|bit| swapped(N, bit)).collect() });
        Verilog::Custom("// byte swap".into())
    }
}

/// The same bits under another type: a flat vector as a record, or a record as a flat vector.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Cast<I: Pack, O: Pack> {
    /// In.
    pub i: Signal<In, I>,
    /// Out.
    pub o: Signal<Out, O>,
}

impl<I: Pack, O: Pack> Default for Cast<I, O> {
    /// # Panics
    /// If the types differ in width.
    fn default() -> Self {
        assert!(I::BITS == O::BITS, "a value of {} bits cannot be cast to one of {}", I::BITS, O::BITS);
        Self { i: Signal::default(), o: Signal::default() }
    }
}

impl<I: Pack, O: Pack> Logic for Cast<I, O> {
    fn update(&mut self) {
        self.o.next = O::unpack(&crate::packed(&self.i.val()));
    }

    fn connect(&mut self) {
        self.o.connect();
    }

    fn hdl(&self) -> Verilog {
        describe(Primitive::Wires { input_width: I::BITS, map: (0..I::BITS).collect() });
        Verilog::Custom("// cast".into())
    }
}
