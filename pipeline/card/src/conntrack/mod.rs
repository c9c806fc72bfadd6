//! `conntrack`: the connections of the card's interfaces.

use nitro_netlist::Record;
use rust_hdl::prelude::*;

/// What makes a connection, as its interface sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct FlowKey {
    /// The interface.
    pub eni: Bits<8>,
    /// Its address.
    pub local_ip: Bits<128>,
    /// The other end's address.
    pub remote_ip: Bits<128>,
    /// The interface's port.
    pub local_port: Bits<16>,
    /// The other end's port.
    pub remote_port: Bits<16>,
    /// Protocol above IP.
    pub protocol: Bits<8>,
}
