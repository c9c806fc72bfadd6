//! The entrance of the rx path: frames from the underlay, and frames that guests of this card send to one another.
//!
//! Ports: `rx` (from the underlay), `local` (from the tx path: inner frames, `tuser` a [`Passage`]), `enable`, `tx` (to the
//! split), `origin`. Latency: 0 clocks. Frames of both come by turns, a frame at a time, so one that waits lets at most one frame
//! of the other input go first. `enable` holds up the underlay only: what the tx path has passed is in the card already.
//!
//! `origin` belongs to the frame whose last beat was taken before, so it stands beside the head that the split makes of that
//! frame. Frames keep the number that they have on the path by which they came to the card.

use nitro_components::arbiter::Arbiter;
use nitro_components::register::Register;
use nitro_components::stream::{Beat, StreamRx, StreamTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

/// Bits of a [`Passage`].
pub const PASSAGE: usize = 40;

/// What comes with a frame from one guest of the card to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Passage {
    /// The sender's VPC.
    pub vni: Bits<24>,
    /// Number of the frame on the tx path.
    pub serial: Bits<16>,
}

/// How a frame came to the rx path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Origin {
    /// From a guest of this card, without outer headers.
    pub local: Bit,
    /// That guest's VPC.
    pub vni: Bits<24>,
    /// Number of the frame among those from the underlay; local: on the tx path.
    pub serial: Bits<16>,
}

/// The entrance, on ports of `W` bits = `K` bytes.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Entrance<const W: usize, const K: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Frames from the underlay are taken.
    pub enable: Signal<In, Bit>,
    /// Frames from the underlay.
    pub rx: StreamRx<Beat<W, K, 1>>,
    /// Frames from guests of this card.
    pub local: StreamRx<Beat<W, K, PASSAGE>>,
    /// All frames.
    pub tx: StreamTx<Beat<W, K, 1>>,
    /// Where the last whole frame came from.
    pub origin: Signal<Out, Origin>,
    arbiter: Arbiter<W, K, PASSAGE>,
    passage: Cast<Bits<PASSAGE>, Passage>,
    is_local: Signal<Local, Bit>,
    /// Frames from the underlay so far.
    count: Register<Bits<16>>,
    origin_q: DFF<Origin>,
}

impl<const W: usize, const K: usize> Default for Entrance<W, K> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            enable: Signal::default(),
            rx: StreamRx::default(),
            local: StreamRx::default(),
            tx: StreamTx::default(),
            origin: Signal::default(),
            arbiter: Arbiter::new(2),
            passage: Cast::default(),
            is_local: Signal::default(),
            count: Register::default(),
            origin_q: DFF::default(),
        }
    }
}

impl<const W: usize, const K: usize> Logic for Entrance<W, K> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, arbiter);
        dff_setup!(self, clock, count, origin_q);
        self.arbiter.reset.next = self.reset.val();
        self.count.reset.next = self.reset.val();

        self.arbiter.rx[0].payload.next.tuser = bit_cast::<PASSAGE, 1>(self.rx.payload.val().tuser);
        self.arbiter.rx[0].payload.next.tlast = self.rx.payload.val().tlast;
        self.arbiter.rx[0].payload.next.tkeep = self.rx.payload.val().tkeep;
        self.arbiter.rx[0].payload.next.tdata = self.rx.payload.val().tdata;
        self.arbiter.rx[0].tvalid.next = self.rx.tvalid.val() && self.enable.val();
        self.rx.tready.next = self.arbiter.rx[0].tready.val() && self.enable.val();
        StreamRx::<Beat<W, K, PASSAGE>>::link(&mut self.local, &mut self.arbiter.rx[1]);

        // What the tx path sends is whole: no error flag.
        self.is_local.next = self.arbiter.source.val() == 1;
        self.tx.payload.next.tuser = bit_cast::<1, PASSAGE>(self.arbiter.tx.payload.val().tuser);
        if self.is_local.val() {
            self.tx.payload.next.tuser = bits::<1>(0);
        }
        self.tx.payload.next.tlast = self.arbiter.tx.payload.val().tlast;
        self.tx.payload.next.tkeep = self.arbiter.tx.payload.val().tkeep;
        self.tx.payload.next.tdata = self.arbiter.tx.payload.val().tdata;
        self.tx.tvalid.next = self.arbiter.tx.tvalid.val();
        self.arbiter.tx.tready.next = self.tx.tready.val();

        self.passage.i.next = self.arbiter.tx.payload.val().tuser;
        if self.arbiter.tx.tvalid.val() && self.tx.tready.val() && self.arbiter.tx.payload.val().tlast {
            self.origin_q.d.next.local = self.is_local.val();
            self.origin_q.d.next.vni = self.passage.o.val().vni;
            self.origin_q.d.next.serial = self.passage.o.val().serial;
            if !self.is_local.val() {
                self.origin_q.d.next.serial = self.count.q.val();
                self.count.d.next = self.count.q.val() + 1;
            }
        }
        self.origin.next = self.origin_q.q.val();
    }
}
