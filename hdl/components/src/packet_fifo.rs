//! Store-and-forward FIFO of whole packets that never pushes back.
//!
//! Ports: `rx`, `drop_packet`, `tx`, `dropped`. Latency: 2 clocks after a packet's last beat. A packet leaves only when
//! it is complete. It is dropped whole if `drop_packet` is set with its last beat, or if it finds no room for one of
//! its beats; `dropped` pulses once for each, in the clock of its last beat.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::ram::Ram;
use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};

/// A ring of `2^A` beats (`A` at most 15).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct PacketFifo<const W: usize, const K: usize, const U: usize, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From upstream; always ready.
    pub rx: StreamRx<Beat<W, K, U>>,
    /// With the last beat at `rx`: drop the packet.
    pub drop_packet: Signal<In, Bit>,
    /// To downstream.
    pub tx: StreamTx<Beat<W, K, U>>,
    /// A packet has been dropped.
    pub dropped: Signal<Out, Bit>,
    ram: Ram<Beat<W, K, U>, A>,
    head: Register<Bits<A>>,
    tail: Register<Bits<A>>,
    packet_start: Register<Bits<A>>,
    occupied: Register<Bits<16>>,
    pending: Register<Bits<16>>,
    lost: Register<Bit>,
    valid: Register<Bit>,
    depth: Constant<Bits<16>>,
    push: Signal<Local, Bit>,
    pop: Signal<Local, Bit>,
    fails: Signal<Local, Bit>,
    room: Signal<Local, Bits<16>>,
    held: Signal<Local, Bits<16>>,
}

impl<const W: usize, const K: usize, const U: usize, const A: usize> Default for PacketFifo<W, K, U, A> {
    /// # Panics
    /// If `A` is over 15.
    fn default() -> Self {
        assert!(A <= 15, "a ring of 2^{A} beats has more than its level can count");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            drop_packet: Signal::default(),
            tx: StreamTx::default(),
            dropped: Signal::default(),
            ram: Ram::default(),
            head: Register::default(),
            tail: Register::default(),
            packet_start: Register::default(),
            occupied: Register::default(),
            pending: Register::default(),
            lost: Register::default(),
            valid: Register::default(),
            depth: Constant::new((1_u64 << A).into()),
            push: Signal::default(),
            pop: Signal::default(),
            fails: Signal::default(),
            room: Signal::default(),
            held: Signal::default(),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize, const A: usize> Logic for PacketFifo<W, K, U, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ram);
        dff_setup!(self, clock, head, tail, packet_start, occupied, pending, lost, valid);
        self.head.reset.next = self.reset.val();
        self.tail.reset.next = self.reset.val();
        self.packet_start.reset.next = self.reset.val();
        self.occupied.reset.next = self.reset.val();
        self.pending.reset.next = self.reset.val();
        self.lost.reset.next = self.reset.val();
        self.valid.reset.next = self.reset.val();
        self.rx.tready.next = true;
        self.dropped.next = false;

        self.push.next = self.rx.tvalid.val() && !self.lost.q.val() && (self.occupied.q.val() != self.depth.val());
        self.ram.write_address.next = self.tail.q.val();
        self.ram.write_data.next = self.rx.payload.val();
        self.ram.write_enable.next = self.push.val();

        self.pop.next =
            (self.occupied.q.val() != self.pending.q.val()) && (self.tx.tready.val() || !self.valid.q.val());
        self.ram.read_address.next = self.head.q.val();
        self.ram.read_enable.next = self.pop.val();
        self.tx.payload.next = self.ram.read_data.val();
        self.tx.tvalid.next = self.valid.q.val();
        // A read frees its slot: the word waits in the RAM's output.
        self.room.next = self.occupied.q.val();
        if self.pop.val() {
            self.head.d.next = self.head.q.val() + 1;
            self.valid.d.next = true;
            self.room.next = self.occupied.q.val() - 1;
        } else if self.tx.tready.val() {
            self.valid.d.next = false;
        }
        self.held.next = self.room.val();
        if self.push.val() {
            self.held.next = self.room.val() + 1;
        }

        self.occupied.d.next = self.held.val();
        self.fails.next = self.drop_packet.val() || !self.push.val();
        if self.rx.tvalid.val() {
            if self.rx.payload.val().tlast {
                self.lost.d.next = false;
                self.pending.d.next = bits::<16>(0);
                if self.fails.val() {
                    self.dropped.next = true;
                    self.tail.d.next = self.packet_start.q.val();
                    self.occupied.d.next = self.room.val() - self.pending.q.val();
                } else {
                    self.tail.d.next = self.tail.q.val() + 1;
                    self.packet_start.d.next = self.tail.q.val() + 1;
                }
            } else if self.push.val() {
                self.tail.d.next = self.tail.q.val() + 1;
                self.pending.d.next = self.pending.q.val() + 1;
            } else {
                self.lost.d.next = true;
            }
        }
    }
}
