//! SipHash-c-d as a pipeline of half rounds.
//!
//! Ports: `rx` (flow), `key0`, `key1`, `tx` (flow). Latency: 2 · (`C` · words + `D`) clocks, one message per clock. A
//! clock holds one 64-bit addition and two exclusive ors of a SipRound, and at the seams a message word.
//!
//! Source: Aumasson and Bernstein, SipHash: a fast short-input PRF (2012), section 2. The message comes in finished
//! 64-bit words: the caller pads it, and puts its length in bytes, modulo 256, into the last word's top byte.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{FlowRx, FlowTx};

/// Bits of a message word.
const WORD: usize = 64;

/// Hashes messages of `BITS` bits (a multiple of 64) with `C` rounds per word and `D` final rounds.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct SipHash<const C: usize, const D: usize, const BITS: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Messages, the first word lowest; each word's first byte is its lowest.
    pub rx: FlowRx<Bits<BITS>>,
    /// Bytes 0 to 7 of the key, the first lowest; sampled with the message.
    pub key0: Signal<In, Bits<64>>,
    /// Bytes 8 to 15 of the key.
    pub key1: Signal<In, Bits<64>>,
    /// Hashes.
    pub tx: FlowTx<Bits<64>>,
    v0: Vec<DFF<Bits<64>>>,
    v1: Vec<DFF<Bits<64>>>,
    v2: Vec<DFF<Bits<64>>>,
    v3: Vec<DFF<Bits<64>>>,
    message: Vec<DFF<Bits<BITS>>>,
    valid: Vec<Register<Bit>>,
    a: Signal<Local, Bits<64>>,
    b: Signal<Local, Bits<64>>,
    c: Signal<Local, Bits<64>>,
    d: Signal<Local, Bits<64>>,
    m: Signal<Local, Bits<BITS>>,
    go: Signal<Local, Bit>,
    // What half round `i` does.
    absorbs: Vec<Constant<Bit>>,
    absorbed: Vec<Constant<Bit>>,
    finishes: Vec<Constant<Bit>>,
    second: Vec<Constant<Bit>>,
    initial: Vec<Constant<Bits<64>>>,
}

impl<const C: usize, const D: usize, const BITS: usize> SipHash<C, D, BITS> {
    /// Half rounds before the finalisation.
    const COMPRESSION: usize = 2 * C * (BITS / WORD);

    /// Clocks from a message to its hash.
    pub const LATENCY: usize = Self::COMPRESSION + 2 * D;
}

impl<const C: usize, const D: usize, const BITS: usize> Default for SipHash<C, D, BITS> {
    /// # Panics
    /// If the message is not a whole number of words, or there is a count of rounds that is 0.
    fn default() -> Self {
        assert!(
            BITS > 0 && BITS.is_multiple_of(WORD),
            "a message of {BITS} bits is not a whole number of {WORD}-bit words"
        );
        assert!(C > 0 && D > 0, "SipHash-{C}-{D} is not defined: both counts of rounds are at least 1");
        let stages = 0..Self::LATENCY;
        let data = || stages.clone().map(|_| DFF::default()).collect();
        let flags = |flag: &dyn Fn(usize) -> bool| stages.clone().map(|stage| Constant::new(flag(stage))).collect();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            key0: Signal::default(),
            key1: Signal::default(),
            tx: FlowTx::default(),
            v0: data(),
            v1: data(),
            v2: data(),
            v3: data(),
            message: stages.clone().map(|_| DFF::default()).collect(),
            valid: stages.clone().map(|_| Register::default()).collect(),
            a: Signal::default(),
            b: Signal::default(),
            c: Signal::default(),
            d: Signal::default(),
            m: Signal::default(),
            go: Signal::default(),
            absorbs: flags(&|stage| stage < Self::COMPRESSION && stage.is_multiple_of(2 * C)),
            absorbed: flags(&|stage| stage < Self::COMPRESSION && (stage + 1).is_multiple_of(2 * C)),
            finishes: flags(&|stage| stage == Self::COMPRESSION),
            second: flags(&|stage| stage % 2 == 1),
            // "somepseudorandomlygeneratedbytes"
            initial: [0x736f_6d65_7073_6575, 0x646f_7261_6e64_6f6d, 0x6c79_6765_6e65_7261, 0x7465_6462_7974_6573]
                .map(|word: u64| Constant::new(word.into()))
                .to_vec(),
        }
    }
}

impl<const C: usize, const D: usize, const BITS: usize> Logic for SipHash<C, D, BITS> {
    #[hdl_gen]
    fn update(&mut self) {
        self.a.next = self.key0.val() ^ self.initial[0].val();
        self.b.next = self.key1.val() ^ self.initial[1].val();
        self.c.next = self.key0.val() ^ self.initial[2].val();
        self.d.next = self.key1.val() ^ self.initial[3].val();
        self.m.next = self.rx.payload.val();
        self.go.next = self.rx.tvalid.val();
        for i in 0..self.valid.len() {
            if self.absorbs[i].val() {
                self.d.next = self.d.val() ^ bit_cast::<64, BITS>(self.m.val());
            }
            if self.finishes[i].val() {
                self.c.next = self.c.val() ^ 0xff;
            }
            if self.second[i].val() {
                self.a.next = self.a.val() + self.d.val();
                self.d.next = ((self.d.val() << 21) | (self.d.val() >> 43)) ^ self.a.val();
                self.c.next = self.c.val() + self.b.val();
                self.b.next = ((self.b.val() << 17) | (self.b.val() >> 47)) ^ self.c.val();
                self.c.next = (self.c.val() << 32) | (self.c.val() >> 32);
            } else {
                self.a.next = self.a.val() + self.b.val();
                self.b.next = ((self.b.val() << 13) | (self.b.val() >> 51)) ^ self.a.val();
                self.a.next = (self.a.val() << 32) | (self.a.val() >> 32);
                self.c.next = self.c.val() + self.d.val();
                self.d.next = ((self.d.val() << 16) | (self.d.val() >> 48)) ^ self.c.val();
            }
            if self.absorbed[i].val() {
                self.a.next = self.a.val() ^ bit_cast::<64, BITS>(self.m.val());
                self.m.next = self.m.val() >> 64;
            }
            self.v0[i].clock.next = self.clock.val();
            self.v1[i].clock.next = self.clock.val();
            self.v2[i].clock.next = self.clock.val();
            self.v3[i].clock.next = self.clock.val();
            self.message[i].clock.next = self.clock.val();
            self.valid[i].clock.next = self.clock.val();
            self.valid[i].reset.next = self.reset.val();
            self.valid[i].d.next = self.go.val();
            self.v0[i].d.next = self.v0[i].q.val();
            self.v1[i].d.next = self.v1[i].q.val();
            self.v2[i].d.next = self.v2[i].q.val();
            self.v3[i].d.next = self.v3[i].q.val();
            self.message[i].d.next = self.message[i].q.val();
            if self.go.val() {
                self.v0[i].d.next = self.a.val();
                self.v1[i].d.next = self.b.val();
                self.v2[i].d.next = self.c.val();
                self.v3[i].d.next = self.d.val();
                self.message[i].d.next = self.m.val();
            }
            self.a.next = self.v0[i].q.val();
            self.b.next = self.v1[i].q.val();
            self.c.next = self.v2[i].q.val();
            self.d.next = self.v3[i].q.val();
            self.m.next = self.message[i].q.val();
            self.go.next = self.valid[i].q.val();
        }
        self.tx.payload.next = (self.a.val() ^ self.b.val()) ^ (self.c.val() ^ self.d.val());
        self.tx.tvalid.next = self.go.val();
    }
}
