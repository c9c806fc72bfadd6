//! The rules of states: what a packet makes of a connection.
//!
//! Ports: `state`, `anew`, `direction`, `tcp_flags`, `after`, `closing`, `after_closing`, `timeout`. Latency: 0 clocks.
//!
//! * TCP: *new*; *established* once ACKs were seen in both directions; *closing* once an RST or both FINs were seen.
//! * UDP: *single*; *stream* once packets were seen in both directions.
//!
//! Flags only accumulate, so the order of two packets of a clock does not matter to the state.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use super::record::{ACK, FIN, RST, State};

/// Code of TCP.
pub const TCP: u64 = 0;
/// Code of UDP.
pub const UDP: u64 = 1;
/// Code of ICMP and ICMPv6.
pub const ICMP: u64 = 2;
/// Code of any other protocol.
pub const OTHER: u64 = 3;

/// Which of the timeouts of an interface holds.
pub mod timeout {
    /// `tcp_transient`.
    pub const TCP_TRANSIENT: u64 = 0;
    /// `tcp_established`.
    pub const TCP_ESTABLISHED: u64 = 1;
    /// `udp`.
    pub const UDP: u64 = 2;
    /// `udp_stream`.
    pub const UDP_STREAM: u64 = 3;
    /// `icmp`.
    pub const ICMP: u64 = 4;
    /// `other`.
    pub const OTHER: u64 = 5;
}

/// A packet for a connection.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Advance {
    /// The connection as it is.
    pub state: Signal<In, State>,
    /// The packet begins it anew.
    pub anew: Signal<In, Bit>,
    /// The packet's direction.
    pub direction: Signal<In, Bit>,
    /// Its TCP flags.
    pub tcp_flags: Signal<In, Bits<8>>,
    /// The connection behind the packet, with the old deadline.
    pub after: Signal<Out, State>,
    /// The connection is closing before the packet.
    pub closing: Signal<Out, Bit>,
    /// And behind it.
    pub after_closing: Signal<Out, Bit>,
    /// Timeout behind it.
    pub timeout: Signal<Out, Bits<3>>,
    side: Signal<Local, Bits<2>>,
    before: Signal<Local, State>,
    tcp: Constant<Bits<2>>,
    udp: Constant<Bits<2>>,
    icmp: Constant<Bits<2>>,
    fin: Constant<Bits<8>>,
    rst: Constant<Bits<8>>,
    ack: Constant<Bits<8>>,
    tcp_transient: Constant<Bits<3>>,
    tcp_established: Constant<Bits<3>>,
    udp_single: Constant<Bits<3>>,
    udp_stream: Constant<Bits<3>>,
    icmp_timeout: Constant<Bits<3>>,
    other: Constant<Bits<3>>,
}

impl Default for Advance {
    fn default() -> Self {
        let flag = |flag: u8| Constant::new(u64::from(flag).to_bits());
        let timeout = |code: u64| Constant::new(code.to_bits());
        Self {
            state: Signal::default(),
            anew: Signal::default(),
            direction: Signal::default(),
            tcp_flags: Signal::default(),
            after: Signal::default(),
            closing: Signal::default(),
            after_closing: Signal::default(),
            timeout: Signal::default(),
            side: Signal::default(),
            before: Signal::default(),
            tcp: Constant::new(TCP.to_bits()),
            udp: Constant::new(UDP.to_bits()),
            icmp: Constant::new(ICMP.to_bits()),
            fin: flag(FIN),
            rst: flag(RST),
            ack: flag(ACK),
            tcp_transient: timeout(timeout::TCP_TRANSIENT),
            tcp_established: timeout(timeout::TCP_ESTABLISHED),
            udp_single: timeout(timeout::UDP),
            udp_stream: timeout(timeout::UDP_STREAM),
            icmp_timeout: timeout(timeout::ICMP),
            other: timeout(timeout::OTHER),
        }
    }
}

impl Logic for Advance {
    #[hdl_gen]
    fn update(&mut self) {
        self.side.next = bits::<2>(1);
        if self.direction.val() {
            self.side.next = bits::<2>(2);
        }
        self.closing.next = self.state.val().rst || self.state.val().fins.all();
        self.before.next = self.state.val();
        if self.anew.val() {
            self.before.next.seen = bits::<2>(0);
            self.before.next.acks = bits::<2>(0);
            self.before.next.fins = bits::<2>(0);
            self.before.next.rst = false;
        }
        self.after.next = self.before.val();
        self.after.next.seen = self.before.val().seen | self.side.val();
        if self.before.val().class == self.tcp.val() {
            if (self.tcp_flags.val() & self.ack.val()).any() {
                self.after.next.acks = self.before.val().acks | self.side.val();
            }
            if (self.tcp_flags.val() & self.fin.val()).any() {
                self.after.next.fins = self.before.val().fins | self.side.val();
            }
            if (self.tcp_flags.val() & self.rst.val()).any() {
                self.after.next.rst = true;
            }
        }
        self.after_closing.next = self.after.val().rst || self.after.val().fins.all();
        self.timeout.next = self.other.val();
        if self.before.val().class == self.tcp.val() {
            self.timeout.next = self.tcp_transient.val();
            if self.after.val().acks.all() && !self.after_closing.val() {
                self.timeout.next = self.tcp_established.val();
            }
        } else if self.before.val().class == self.udp.val() {
            self.timeout.next = self.udp_single.val();
            if self.after.val().seen.all() {
                self.timeout.next = self.udp_stream.val();
            }
        } else if self.before.val().class == self.icmp.val() {
            self.timeout.next = self.icmp_timeout.val();
        }
    }
}
