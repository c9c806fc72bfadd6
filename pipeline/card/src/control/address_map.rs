//! Which addresses have a register, and which of them may be written.
//!
//! Ports: `word`, `known`, `writable`. Latency: 0 clocks. Neighbouring registers are compared as one range.

use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::registers::{REGISTERS, Register};
use rust_hdl::prelude::*;

use super::axi_lite::WORD_ADDRESS;

/// An address as a constant.
type Word = Constant<Bits<WORD_ADDRESS>>;

/// The map's shape.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct AddressMap {
    /// Address of a word.
    pub word: Signal<In, Bits<WORD_ADDRESS>>,
    /// There is a register.
    pub known: Signal<Out, Bit>,
    /// Software may write it.
    pub writable: Signal<Out, Bit>,
    known_first: Vec<Word>,
    known_last: Vec<Word>,
    writable_first: Vec<Word>,
    writable_last: Vec<Word>,
}

/// First and last words of the runs of registers that `pick` picks.
fn runs(pick: impl Fn(&Register) -> bool) -> (Vec<Word>, Vec<Word>) {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for register in REGISTERS.iter().filter(|register| pick(register)) {
        let first = usize::from(register.offset) / 4;
        let last = first + usize::from(register.count) - 1;
        match runs.last_mut() {
            Some(run) if run.1 + 1 == first => run.1 = last,
            _ => runs.push((first, last)),
        }
    }
    let word = |word: usize| Constant::new(word.to_bits());
    runs.into_iter().map(|(first, last)| (word(first), word(last))).unzip()
}

impl Default for AddressMap {
    fn default() -> Self {
        let (known_first, known_last) = runs(|_| true);
        let (writable_first, writable_last) = runs(|register| register.access.writes());
        Self {
            word: Signal::default(),
            known: Signal::default(),
            writable: Signal::default(),
            known_first,
            known_last,
            writable_first,
            writable_last,
        }
    }
}

impl Logic for AddressMap {
    #[hdl_gen]
    fn update(&mut self) {
        self.known.next = false;
        self.writable.next = false;
        for i in 0..self.known_first.len() {
            if (self.word.val() >= self.known_first[i].val()) && (self.word.val() <= self.known_last[i].val()) {
                self.known.next = true;
            }
        }
        for i in 0..self.writable_first.len() {
            if (self.word.val() >= self.writable_first[i].val()) && (self.word.val() <= self.writable_last[i].val()) {
                self.writable.next = true;
            }
        }
    }
}
