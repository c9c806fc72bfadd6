//! AXI4-Lite subordinate: five channels in, register reads and writes out.
//!
//! Ports: `bus` (the channels), `ready`, `write` and `read` (to the registers), `write_reply` and `read_reply` (from them, any number of
//! clocks later). One write and one read may be under way at a time, independently of each other. Address and data of a write may come in any order; no
//! `ready` depends on a `valid` of the same clock.
//! Source: AMBA AXI Protocol Specification, ARM IHI 0022, part B. `AWPROT` and `ARPROT` are not looked at, so are no ports.

#![allow(missing_docs, reason = "the derive of rust_hdl makes an undocumented `join`")]

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

/// Bits of a byte address.
pub const ADDRESS: usize = nitro_wire::registers::ADDRESS_BITS;
/// Bits of a word address: registers are words of 4 bytes.
pub const WORD_ADDRESS: usize = ADDRESS - 2;

/// The card's end of the five channels.
#[derive(Clone, Debug, Default, LogicInterface, Ports)]
#[join = "AxiLiteManager"]
pub struct AxiLiteSubordinate {
    /// Write address.
    pub awaddr: Signal<In, Bits<ADDRESS>>,
    /// Write address is offered.
    pub awvalid: Signal<In, Bit>,
    /// Write address is taken.
    pub awready: Signal<Out, Bit>,
    /// Write data.
    pub wdata: Signal<In, Bits<32>>,
    /// Which bytes to write.
    pub wstrb: Signal<In, Bits<4>>,
    /// Write data are offered.
    pub wvalid: Signal<In, Bit>,
    /// Write data are taken.
    pub wready: Signal<Out, Bit>,
    /// How the write went: 0 OKAY, 2 SLVERR, 3 DECERR.
    pub bresp: Signal<Out, Bits<2>>,
    /// Write response is offered.
    pub bvalid: Signal<Out, Bit>,
    /// Write response is taken.
    pub bready: Signal<In, Bit>,
    /// Read address.
    pub araddr: Signal<In, Bits<ADDRESS>>,
    /// Read address is offered.
    pub arvalid: Signal<In, Bit>,
    /// Read address is taken.
    pub arready: Signal<Out, Bit>,
    /// Read data.
    pub rdata: Signal<Out, Bits<32>>,
    /// How the read went.
    pub rresp: Signal<Out, Bits<2>>,
    /// Read data are offered.
    pub rvalid: Signal<Out, Bit>,
    /// Read data are taken.
    pub rready: Signal<In, Bit>,
}

/// The software's end of the five channels.
#[derive(Clone, Debug, Default, LogicInterface, Ports)]
#[join = "AxiLiteSubordinate"]
pub struct AxiLiteManager {
    /// Write address.
    pub awaddr: Signal<Out, Bits<ADDRESS>>,
    /// Write address is offered.
    pub awvalid: Signal<Out, Bit>,
    /// Write address is taken.
    pub awready: Signal<In, Bit>,
    /// Write data.
    pub wdata: Signal<Out, Bits<32>>,
    /// Which bytes to write.
    pub wstrb: Signal<Out, Bits<4>>,
    /// Write data are offered.
    pub wvalid: Signal<Out, Bit>,
    /// Write data are taken.
    pub wready: Signal<In, Bit>,
    /// How the write went.
    pub bresp: Signal<In, Bits<2>>,
    /// Write response is offered.
    pub bvalid: Signal<In, Bit>,
    /// Write response is taken.
    pub bready: Signal<Out, Bit>,
    /// Read address.
    pub araddr: Signal<Out, Bits<ADDRESS>>,
    /// Read address is offered.
    pub arvalid: Signal<Out, Bit>,
    /// Read address is taken.
    pub arready: Signal<In, Bit>,
    /// Read data.
    pub rdata: Signal<In, Bits<32>>,
    /// How the read went.
    pub rresp: Signal<In, Bits<2>>,
    /// Read data are offered.
    pub rvalid: Signal<In, Bit>,
    /// Read data are taken.
    pub rready: Signal<Out, Bit>,
}

/// A write to a register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct RegisterWrite {
    /// Address of the word.
    pub word: Bits<WORD_ADDRESS>,
    /// All four bytes are to be written.
    pub whole: Bit,
    /// The data.
    pub data: Bits<32>,
}

/// What a read found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct RegisterRead {
    /// AXI response.
    pub response: Bits<2>,
    /// The data.
    pub data: Bits<32>,
}

/// The subordinate.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct AxiLite {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The five channels.
    pub bus: AxiLiteSubordinate,
    /// The card takes writes; until then they wait (reads do not).
    pub ready: Signal<In, Bit>,
    /// A write; the next comes only after its reply.
    pub write: FlowTx<RegisterWrite>,
    /// AXI response of the write.
    pub write_reply: FlowRx<Bits<2>>,
    /// Address of the word to read; the next comes only after its reply.
    pub read: FlowTx<Bits<WORD_ADDRESS>>,
    /// What was read.
    pub read_reply: FlowRx<RegisterRead>,

    have_address: Register<Bit>,
    have_data: Register<Bit>,
    writing: Register<Bit>,
    written: Register<Bit>,
    write_word_q: DFF<Bits<WORD_ADDRESS>>,
    write_data_q: DFF<Bits<32>>,
    write_whole_q: DFF<Bit>,
    write_response_q: DFF<Bits<2>>,
    have_read: Register<Bit>,
    reading: Register<Bit>,
    was_read: Register<Bit>,
    read_word_q: DFF<Bits<WORD_ADDRESS>>,
    read_result_q: DFF<RegisterRead>,
    start_write: Signal<Local, Bit>,
    start_read: Signal<Local, Bit>,
}

impl Logic for AxiLite {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, have_address, have_data, writing, written, have_read, reading, was_read);
        dff_setup!(
            self,
            clock,
            write_word_q,
            write_data_q,
            write_whole_q,
            write_response_q,
            read_word_q,
            read_result_q
        );
        self.have_address.reset.next = self.reset.val();
        self.have_data.reset.next = self.reset.val();
        self.writing.reset.next = self.reset.val();
        self.written.reset.next = self.reset.val();
        self.have_read.reset.next = self.reset.val();
        self.reading.reset.next = self.reset.val();
        self.was_read.reset.next = self.reset.val();

        // Writes: address and data wait for each other, then for the previous response to be taken.
        self.start_write.next = self.ready.val()
            && self.have_address.q.val()
            && self.have_data.q.val()
            && !self.writing.q.val()
            && !self.written.q.val();
        self.write.tvalid.next = self.start_write.val();
        self.write.payload.next.word = self.write_word_q.q.val();
        self.write.payload.next.whole = self.write_whole_q.q.val();
        self.write.payload.next.data = self.write_data_q.q.val();
        if self.start_write.val() {
            self.have_address.d.next = false;
            self.have_data.d.next = false;
            self.writing.d.next = true;
        }
        self.bus.awready.next = !self.have_address.q.val();
        if self.bus.awvalid.val() && !self.have_address.q.val() {
            self.have_address.d.next = true;
            self.write_word_q.d.next = self.bus.awaddr.val().get_bits::<WORD_ADDRESS>(2);
        }
        self.bus.wready.next = !self.have_data.q.val();
        if self.bus.wvalid.val() && !self.have_data.q.val() {
            self.have_data.d.next = true;
            self.write_data_q.d.next = self.bus.wdata.val();
            self.write_whole_q.d.next = self.bus.wstrb.val().all();
        }
        if self.written.q.val() && self.bus.bready.val() {
            self.written.d.next = false;
        }
        if self.writing.q.val() && self.write_reply.tvalid.val() {
            self.writing.d.next = false;
            self.written.d.next = true;
            self.write_response_q.d.next = self.write_reply.payload.val();
        }
        self.bus.bvalid.next = self.written.q.val();
        self.bus.bresp.next = self.write_response_q.q.val();

        // Reads.
        self.start_read.next = self.have_read.q.val() && !self.reading.q.val() && !self.was_read.q.val();
        self.read.tvalid.next = self.start_read.val();
        self.read.payload.next = self.read_word_q.q.val();
        if self.start_read.val() {
            self.have_read.d.next = false;
            self.reading.d.next = true;
        }
        self.bus.arready.next = !self.have_read.q.val();
        if self.bus.arvalid.val() && !self.have_read.q.val() {
            self.have_read.d.next = true;
            self.read_word_q.d.next = self.bus.araddr.val().get_bits::<WORD_ADDRESS>(2);
        }
        if self.was_read.q.val() && self.bus.rready.val() {
            self.was_read.d.next = false;
        }
        if self.reading.q.val() && self.read_reply.tvalid.val() {
            self.reading.d.next = false;
            self.was_read.d.next = true;
            self.read_result_q.d.next = self.read_reply.payload.val();
        }
        self.bus.rvalid.next = self.was_read.q.val();
        self.bus.rdata.next = self.read_result_q.q.val().data;
        self.bus.rresp.next = self.read_result_q.q.val().response;
    }
}
