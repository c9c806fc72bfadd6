//! The one stream type, and its rules.
//!
//! A **stream** carries payloads of any type `T` from a `tx` port to an `rx` port under AXI4-Stream's handshake:
//!
//! 1. A transfer happens at a rising clock edge at which `tvalid` and `tready` are both set.
//! 2. `tvalid` never waits for `tready`.
//! 3. Once set, `tvalid` stays set and the payload stays stable until the transfer.
//! 4. Out of reset, `tvalid` is clear until there is something to send.
//!
//! A packet is a stream of [`Beat`]s: byte 0 of the packet is the lowest byte of the first beat; `tkeep` is contiguous
//! from bit 0 and all ones but on the last beat; `tuser` is constant over a packet unless a port says otherwise. (AMBA
//! AXI4-Stream Protocol Specification, ARM IHI 0051A, sections 2.2 and 2.4.)
//!
//! A **flow** is a stream that never pushes back: it has no `tready`, so each clock with `tvalid` is a transfer.
//! Fixed-latency pipelines are flows; a credit gate at their start makes sure that whatever leaves them finds room.
//!
//! Ports are called `rx` (towards the block) and `tx` (from the block), with a prefix where there are several.

#![allow(missing_docs, reason = "the derive of rust_hdl makes an undocumented `join`")]

use nitro_netlist::{Pack, Ports, Record};
use rust_hdl::prelude::*;

/// One beat of a packet: `W` data bits, `K` = `W / 8` byte enables, `U` bits of side information.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Beat<const W: usize, const K: usize, const U: usize> {
    /// Side information of the packet.
    pub tuser: Bits<U>,
    /// Set on the packet's last beat.
    pub tlast: Bit,
    /// Which bytes of `tdata` belong to the packet.
    pub tkeep: Bits<K>,
    /// The bytes, the packet's first in the lowest.
    pub tdata: Bits<W>,
}

/// The receiving end of a stream.
#[derive(Clone, Debug, Default, LogicInterface, Ports)]
#[join = "StreamTx"]
pub struct StreamRx<T: Pack> {
    /// What is offered.
    pub payload: Signal<In, T>,
    /// Something is offered.
    pub tvalid: Signal<In, Bit>,
    /// It is taken at this clock's edge.
    pub tready: Signal<Out, Bit>,
}

/// The sending end of a stream.
#[derive(Clone, Debug, Default, LogicInterface, Ports)]
#[join = "StreamRx"]
pub struct StreamTx<T: Pack> {
    /// What is offered.
    pub payload: Signal<Out, T>,
    /// Something is offered.
    pub tvalid: Signal<Out, Bit>,
    /// It is taken at this clock's edge.
    pub tready: Signal<In, Bit>,
}

/// The receiving end of a flow.
#[derive(Clone, Debug, Default, LogicInterface, Ports)]
#[join = "FlowTx"]
pub struct FlowRx<T: Pack> {
    /// What arrives.
    pub payload: Signal<In, T>,
    /// Something arrives in this clock.
    pub tvalid: Signal<In, Bit>,
}

/// The sending end of a flow.
#[derive(Clone, Debug, Default, LogicInterface, Ports)]
#[join = "FlowRx"]
pub struct FlowTx<T: Pack> {
    /// What leaves.
    pub payload: Signal<Out, T>,
    /// Something leaves in this clock.
    pub tvalid: Signal<Out, Bit>,
}
