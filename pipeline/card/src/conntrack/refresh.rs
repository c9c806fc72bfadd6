//! Keeps packets away from the connections' state that would not change it: all but the first few of a connection in a tick.
//!
//! Ports: `rx`, `tx` (streams of updates), `tick`, `retimed`, `write`. Latency: 3 clocks; takes an update every clock as long as few of
//! them must go on.
//!
//! A packet changes nothing if its connection's last change was in the present tick and all its flags are known. That stays so
//! whatever other updates are on their way: flags only accumulate, and all ticks up to the present one have been.

use nitro_components::fifo::Fifo;
use nitro_components::ram::Ram;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, StreamRx, StreamTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::record::{ACK, ConntrackUpdate, FIN, RST, StateWrite};
use super::state::TCP;

/// What was seen last of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Last {
    generation: Bits<8>,
    tcp: Bit,
    seen: Bits<2>,
    acks: Bits<2>,
    fins: Bits<2>,
    rst: Bit,
    tick: Bits<24>,
}

/// Lets through what matters, for `2^CA` connections.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Refresh<const CA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Updates.
    pub rx: StreamRx<ConntrackUpdate>,
    /// Those that may change something.
    pub tx: StreamTx<ConntrackUpdate>,
    /// The present tick.
    pub tick: Signal<In, Bits<24>>,
    /// Timeouts have been changed in this tick: everything may matter.
    pub retimed: Signal<In, Bit>,
    /// Changes of connections.
    pub write: FlowRx<StateWrite<CA>>,
    last: Ram<Last, CA, true>,
    fifo: Fifo<ConntrackUpdate, 3>,
    asked: DFF<ConntrackUpdate>,
    asked_valid: Register<Bit>,
    present: Signal<Local, Last>,
    side: Signal<Local, Bits<2>>,
    adds: Signal<Local, Bit>,
    known: Signal<Local, Bit>,
    most: Constant<Bits<16>>,
    tcp: Constant<Bits<2>>,
    fin: Constant<Bits<8>>,
    rst: Constant<Bits<8>>,
    ack: Constant<Bits<8>>,
}

impl<const CA: usize> Default for Refresh<CA> {
    fn default() -> Self {
        let flag = |flag: u8| Constant::new(u64::from(flag).to_bits());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            tick: Signal::default(),
            retimed: Signal::default(),
            write: FlowRx::default(),
            last: Ram::default(),
            fifo: Fifo::default(),
            asked: DFF::default(),
            asked_valid: Register::default(),
            present: Signal::default(),
            side: Signal::default(),
            adds: Signal::default(),
            known: Signal::default(),
            // The FIFO has room for the one that is being compared, and for the next.
            most: Constant::new(6_u64.to_bits()),
            tcp: Constant::new(TCP.to_bits()),
            fin: flag(FIN),
            rst: flag(RST),
            ack: flag(ACK),
        }
    }
}

impl<const CA: usize> Logic for Refresh<CA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, last, fifo);
        dff_setup!(self, clock, asked, asked_valid);
        self.fifo.reset.next = self.reset.val();
        self.asked_valid.reset.next = self.reset.val();

        self.rx.tready.next = self.fifo.level.val() <= self.most.val();
        self.asked_valid.d.next = self.rx.tvalid.val() && self.rx.tready.val();
        self.asked.d.next = self.rx.payload.val();
        self.last.read_address.next = bit_cast::<CA, 16>(self.rx.payload.val().id);
        self.last.read_enable.next = true;
        self.last.write_address.next = self.write.payload.val().id;
        self.last.write_data.next.generation = self.write.payload.val().state.generation;
        self.last.write_data.next.tcp = self.write.payload.val().state.class == self.tcp.val();
        self.last.write_data.next.seen = self.write.payload.val().state.seen;
        self.last.write_data.next.acks = self.write.payload.val().state.acks;
        self.last.write_data.next.fins = self.write.payload.val().state.fins;
        self.last.write_data.next.rst = self.write.payload.val().state.rst;
        self.last.write_data.next.tick = self.write.payload.val().tick;
        self.last.write_enable.next = self.write.tvalid.val();

        self.present.next = self.last.read_data.val();
        self.side.next = bits::<2>(1);
        if self.asked.q.val().direction {
            self.side.next = bits::<2>(2);
        }
        self.known.next = !self.retimed.val()
            && (self.present.val().generation == self.asked.q.val().generation)
            && (self.present.val().tick == self.tick.val())
            && (self.present.val().seen & self.side.val()).any();
        self.adds.next = ((self.asked.q.val().tcp_flags & self.ack.val()).any()
            && !(self.present.val().acks & self.side.val()).any())
            || ((self.asked.q.val().tcp_flags & self.fin.val()).any()
                && !(self.present.val().fins & self.side.val()).any())
            || ((self.asked.q.val().tcp_flags & self.rst.val()).any() && !self.present.val().rst);
        if self.present.val().tcp && self.adds.val() {
            self.known.next = false;
        }
        self.fifo.rx.payload.next = self.asked.q.val();
        self.fifo.rx.tvalid.next = self.asked_valid.q.val() && !self.known.val();
        StreamTx::<ConntrackUpdate>::link(&mut self.tx, &mut self.fifo.tx);
    }
}
