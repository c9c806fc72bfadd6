//! What goes into and out of the connection table.

use nitro_netlist::Record;
use rust_hdl::prelude::*;

/// Width of a [`FlowKey`].
pub const FLOW_KEY: usize = 304;
/// Width of the message that is hashed of a [`FlowKey`].
pub const FLOW_MESSAGE: usize = 64 * (FLOW_KEY.div_ceil(64) + 1);

/// TCP flag FIN, a bit of the flags' byte (RFC 9293, section 3.1).
pub const FIN: u8 = 1 << 0;
/// TCP flag SYN.
pub const SYN: u8 = 1 << 1;
/// TCP flag RST.
pub const RST: u8 = 1 << 2;
/// TCP flag ACK.
pub const ACK: u8 = 1 << 4;

/// What a connection is known by, as its interface sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct FlowKey {
    /// The interface.
    pub eni: Bits<8>,
    /// Its address, IPv4 as v4-mapped.
    pub local_ip: Bits<128>,
    /// The other end's address.
    pub remote_ip: Bits<128>,
    /// Port, or identifier of an echo, at the interface; 0 if there is none.
    pub local_port: Bits<16>,
    /// The same at the other end.
    pub remote_port: Bits<16>,
    /// Protocol number.
    pub protocol: Bits<8>,
}

/// A packet's question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ConntrackAsk {
    /// Its flow.
    pub key: FlowKey,
    /// It is a TCP segment with SYN and without ACK: a closing connection is none to it.
    pub is_open: Bit,
}

/// The answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ConntrackHit {
    /// There is a live connection.
    pub hit: Bit,
    /// Its number; 0 without one.
    pub id: Bits<16>,
    /// Which of the connections that have had the number; 0 without one.
    pub generation: Bits<8>,
}

/// The question of a packet that has waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ConntrackFind {
    /// Comes back: who asks.
    pub tag: Bit,
    /// The question.
    pub ask: ConntrackAsk,
}

/// The answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ConntrackFound {
    /// Who asked.
    pub tag: Bit,
    /// The answer.
    pub hit: ConntrackHit,
}

/// A packet that passed all checks and has no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ConntrackInsert {
    /// Comes back: who asks.
    pub tag: Bit,
    /// Its flow.
    pub key: FlowKey,
    /// Its direction (`nitro_wire::policy::Direction`).
    pub direction: Bit,
    /// Its TCP flags; without meaning for other protocols.
    pub tcp_flags: Bits<8>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ConntrackInserted {
    /// Who asked.
    pub tag: Bit,
    /// The flow has a connection now.
    pub made: Bit,
    /// It has none: the interface has as many as it may. Otherwise, without `made`: the table is full.
    pub allowance_exceeded: Bit,
    /// The connection's number; 0 without one.
    pub id: Bits<16>,
    /// Its generation; 0 without one.
    pub generation: Bits<8>,
}

/// A packet of a connection that passed all checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ConntrackUpdate {
    /// The connection's number.
    pub id: Bits<16>,
    /// The generation that the packet found. If the connection has begun anew in its place since, by a packet that came before this one and
    /// waited, this one counts for the new one ([`State::renewals`]); otherwise the packet of another generation counts for nothing.
    pub generation: Bits<8>,
    /// The packet's TCP flags; without meaning for other protocols.
    pub tcp_flags: Bits<8>,
    /// Its direction.
    pub direction: Bit,
}

/// Connections of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ConntrackAllowance {
    /// Entries that count for it.
    pub used: Bits<24>,
    /// Entries that it may still make.
    pub available: Bits<24>,
}

/// What is known of a connection. Arrays of two bits are by direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct State {
    /// Which of the connections that have had the number.
    pub generation: Bits<8>,
    /// How many generations before this one had the same key, 15 at most.
    pub renewals: Bits<4>,
    /// The interface.
    pub eni: Bits<8>,
    /// What kind of protocol ([`class`](super::state)).
    pub class: Bits<2>,
    /// Packets were seen.
    pub seen: Bits<2>,
    /// TCP: ACKs were seen.
    pub acks: Bits<2>,
    /// TCP: FINs were seen.
    pub fins: Bits<2>,
    /// TCP: an RST was seen.
    pub rst: Bit,
    /// The tick from which on there is no connection.
    pub deadline: Bits<24>,
}

/// A change of a connection, for all who keep a part of its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct StateWrite<const CA: usize> {
    /// The connection's number.
    pub id: Bits<CA>,
    /// Its state.
    pub state: State,
    /// It is closing.
    pub closing: Bit,
    /// Tick of the packet.
    pub tick: Bits<24>,
}
