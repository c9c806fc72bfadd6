//! The interrupt: what has happened, what of it software wants to be told, and the line to the host.
//!
//! Ports: `causes` (a pulse for each cause, bits of `nitro_wire::Interrupt`), `write`, `read_word`, `read_data`, `irq`. Latency: a cause
//! shows in its register and at `irq` from the next clock on, a write likewise; a read is answered within the clock.
//!
//! The line is a level: high while a cause that is not masked is set. A cause that comes in the clock in which it is cleared stays set:
//! whoever clears it before looking for what has happened misses nothing.

use nitro_components::register::Register;
use nitro_components::stream::FlowRx;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::Interrupt;
use nitro_wire::registers as map;
use rust_hdl::prelude::*;

use super::axi_lite::{RegisterWrite, WORD_ADDRESS};
use super::held::{Held, Order};

/// Number of causes.
pub const CAUSES: usize = Interrupt::ALL.len();

/// Causes and mask.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Interrupts {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// What happens in this clock.
    pub causes: Signal<In, Bits<CAUSES>>,
    /// Writes to any register.
    pub write: FlowRx<RegisterWrite>,
    /// Word that is read.
    pub read_word: Signal<In, Bits<WORD_ADDRESS>>,
    /// Its value, 0 if it is none of these registers.
    pub read_data: Signal<Out, Bits<32>>,
    /// A cause that is not masked is set.
    pub irq: Signal<Out, Bit>,
    cause: Register<Bits<CAUSES>>,
    mask: Held<1, 32>,
    kept: Signal<Local, Bits<CAUSES>>,
    cause_word: Constant<Bits<WORD_ADDRESS>>,
}

impl Default for Interrupts {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            causes: Signal::default(),
            write: FlowRx::default(),
            read_word: Signal::default(),
            read_data: Signal::default(),
            irq: Signal::default(),
            cause: Register::default(),
            mask: Held::new(&map::INTERRUPT_MASK, Order::First),
            kept: Signal::default(),
            cause_word: Constant::new((u64::from(map::INTERRUPT_CAUSE.offset) / 4).to_bits()),
        }
    }
}

impl Logic for Interrupts {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, mask);
        dff_setup!(self, clock, cause);
        self.cause.reset.next = self.reset.val();
        self.mask.reset.next = self.reset.val();
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.mask.write);
        self.mask.read_word.next = self.read_word.val();

        self.kept.next = self.cause.q.val();
        if self.write.tvalid.val()
            && self.write.payload.val().whole
            && (self.write.payload.val().word == self.cause_word.val())
        {
            self.kept.next = self.cause.q.val() & !self.write.payload.val().data.get_bits::<CAUSES>(0);
        }
        self.cause.d.next = self.kept.val() | self.causes.val();
        self.read_data.next = self.mask.read_data.val();
        if self.read_word.val() == self.cause_word.val() {
            self.read_data.next = bit_cast::<32, CAUSES>(self.cause.q.val());
        }
        self.irq.next = (self.cause.q.val() & !self.mask.value.val().get_bits::<CAUSES>(0)).any();
    }
}

/// The causes that the verdicts of both paths are. Combinational.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct VerdictCauses {
    /// Drop reason of the tx path's verdict, 0 for none.
    pub tx_reason: Signal<In, Bits<6>>,
    /// The same of the rx path's.
    pub rx_reason: Signal<In, Bits<6>>,
    /// Bits of the causes.
    pub causes: Signal<Out, Bits<CAUSES>>,
    reasons: Vec<Constant<Bits<6>>>,
    bits: Vec<Constant<Bits<CAUSES>>>,
}

impl Default for VerdictCauses {
    fn default() -> Self {
        let pairs = || Interrupt::ALL.into_iter().flat_map(|cause| cause.reasons().iter().map(move |of| (*of, cause)));
        Self {
            tx_reason: Signal::default(),
            rx_reason: Signal::default(),
            causes: Signal::default(),
            reasons: pairs().map(|(of, _)| crate::reason::reason(of)).collect(),
            bits: pairs().map(|(_, cause)| Constant::new(u64::from(cause.mask()).to_bits())).collect(),
        }
    }
}

impl Logic for VerdictCauses {
    #[hdl_gen]
    fn update(&mut self) {
        self.causes.next = bits::<CAUSES>(0);
        for i in 0..self.reasons.len() {
            if (self.tx_reason.val() == self.reasons[i].val()) || (self.rx_reason.val() == self.reasons[i].val()) {
                self.causes.next = self.causes.val() | self.bits[i].val();
            }
        }
    }
}
