//! A register of the map that holds what software writes, or an array of them.
//!
//! Ports: `write`, `read_word`, `read_data`, `value`. Latency: a write shows after 1 clock, a read within the clock.

use nitro_components::register::Register;
use nitro_components::stream::FlowRx;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::registers::Register as MapRegister;
use rust_hdl::prelude::*;

use super::axi_lite::{RegisterWrite, WORD_ADDRESS};

/// Which word of an array holds the most significant bits of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Word 0: addresses and keys.
    First,
    /// The last word: table rows.
    Last,
}

/// `N` words of 32 bits, together `B` = 32 · `N`.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Held<const N: usize, const B: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Writes to any register.
    pub write: FlowRx<RegisterWrite>,
    /// Word that is read.
    pub read_word: Signal<In, Bits<WORD_ADDRESS>>,
    /// Its value, 0 if it is another register's or software may not read it.
    pub read_data: Signal<Out, Bits<32>>,
    /// All words.
    pub value: Signal<Out, Bits<B>>,
    word: Vec<Register<Bits<32>>>,
    present: Signal<Local, Bits<32>>,
    address: Vec<Constant<Bits<WORD_ADDRESS>>>,
    mask: Constant<Bits<32>>,
    readable: Constant<Bit>,
    shift: Vec<Constant<Bits<16>>>,
}

impl<const N: usize, const B: usize> Held<N, B> {
    /// The words of `register`.
    ///
    /// # Panics
    /// If the register has not `N` words, or `B` is not 32 · `N`.
    #[must_use]
    pub fn new(register: &MapRegister, order: Order) -> Self {
        assert!(usize::from(register.count) == N, "{} has {} words, not {N}", register.name, register.count);
        assert!(B == 32 * N, "{N} words are not {B} bits");
        let mask = register.fields.iter().fold(0, |mask, field| mask | field.mask());
        let place = |word: usize| match order {
            Order::First => N - 1 - word,
            Order::Last => word,
        };
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            write: FlowRx::default(),
            read_word: Signal::default(),
            read_data: Signal::default(),
            value: Signal::default(),
            present: Signal::default(),
            word: (0..N).map(|_| Register::new(u64::from(register.reset()).to_bits())).collect(),
            address: (0..N).map(|word| Constant::new((usize::from(register.offset) / 4 + word).to_bits())).collect(),
            mask: Constant::new(u64::from(mask).to_bits()),
            readable: Constant::new(register.access.reads()),
            shift: (0..N).map(|word| Constant::new((32 * place(word)).to_bits())).collect(),
        }
    }
}

impl<const N: usize, const B: usize> Logic for Held<N, B> {
    #[hdl_gen]
    fn update(&mut self) {
        self.value.next = bits::<B>(0);
        self.read_data.next = bits::<32>(0);
        for i in 0..N {
            self.word[i].clock.next = self.clock.val();
            self.word[i].reset.next = self.reset.val();
            self.word[i].d.next = self.word[i].q.val();
            if self.write.tvalid.val()
                && self.write.payload.val().whole
                && (self.write.payload.val().word == self.address[i].val())
            {
                self.word[i].d.next = self.write.payload.val().data & self.mask.val();
            }
            if self.readable.val() && (self.read_word.val() == self.address[i].val()) {
                self.read_data.next = self.word[i].q.val();
            }
            self.present.next = self.word[i].q.val();
            self.value.next = self.value.val() | (bit_cast::<B, 32>(self.present.val()) << self.shift[i].val());
        }
    }
}
