//! Stage `conntrack`: which packets belong to a connection that an interface already has.
//!
//! A connection is one entry, found from both directions by its [`Key`]. Only packets that passed every check of their path
//! make an entry, count for its state and refresh its timeout; [`Conntrack::find`] therefore changes nothing, and
//! [`Conntrack::pass`] is called at the end of the path. Later fragments have no ports: [`crate::fragments`] lets them follow
//! their first one.
//!
//! Drop reasons: `strict_tcp`, `conntrack_full`, `conntrack_allowance_exceeded`.
//!
//! Sources: EC2 user guide, "Security group connection tracking"; EC2 API, `ConnectionTrackingConfiguration`; RFC 9293 (TCP
//! flags); RFC 792 and RFC 4443 (echo, errors and what they quote).

use std::collections::HashMap;

use nitro_wire::constants::{icmp, icmpv6, protocol};
use nitro_wire::policy::{Direction, EniPolicy, TICKS_PER_SECOND, Timeouts};
use nitro_wire::{DropReason, Flow};

use crate::parser::Parsed;

/// TCP flag FIN.
const FIN: u8 = 1;
/// TCP flag SYN.
const SYN: u8 = 2;
/// TCP flag RST.
const RST: u8 = 4;
/// TCP flag ACK.
const ACK: u8 = 16;

/// A connection as its interface sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Number of the interface.
    pub eni: u8,
    /// The interface's side.
    pub local_ip: u128,
    /// The other side.
    pub remote_ip: u128,
    /// Port of the interface's side; identifier of an echo that it asked for; else 0.
    pub local_port: u16,
    /// Port of the other side; identifier of an echo that it asked for; else 0.
    pub remote_port: u16,
    /// Protocol above IP.
    pub protocol: u8,
}

/// What a connection's timeout depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// TCP that is opening: no ACK yet from one of the sides.
    TcpNew,
    /// TCP with ACK from both sides.
    TcpEstablished,
    /// TCP after an RST, or after a FIN of each side.
    TcpClosing,
    /// UDP seen in one direction.
    UdpSingle,
    /// UDP seen in both directions.
    UdpStream,
    /// Protocol 1 or 58: echo, and over the wrong family whatever it is.
    Icmp,
    /// Any other protocol.
    Other,
}

impl State {
    /// Idle seconds until the connection is forgotten.
    #[must_use]
    pub fn seconds(self, timeouts: &Timeouts) -> u32 {
        match self {
            Self::TcpNew | Self::TcpClosing => timeouts.tcp_transient,
            Self::TcpEstablished => timeouts.tcp_established,
            Self::UdpSingle => timeouts.udp,
            Self::UdpStream => timeouts.udp_stream,
            Self::Icmp => timeouts.icmp,
            Self::Other => timeouts.other,
        }
    }
}

/// A tracked connection. Pairs are by direction: from the interface, to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Packets were seen.
    pub seen: [bool; 2],
    /// TCP packets with ACK were seen.
    pub acked: [bool; 2],
    /// TCP packets with FIN were seen.
    pub finished: [bool; 2],
    /// A TCP packet with RST was seen.
    pub reset: bool,
    /// Tick from which on it is gone.
    pub deadline: u64,
}

impl Connection {
    /// The state of a connection of this protocol.
    #[must_use]
    pub fn state(&self, protocol_number: u8) -> State {
        match protocol_number {
            protocol::TCP if self.reset || self.finished == [true; 2] => State::TcpClosing,
            protocol::TCP if self.acked == [true; 2] => State::TcpEstablished,
            protocol::TCP => State::TcpNew,
            protocol::UDP if self.seen == [true; 2] => State::UdpStream,
            protocol::UDP => State::UdpSingle,
            protocol::ICMP | protocol::ICMPV6 => State::Icmp,
            _ => State::Other,
        }
    }

    /// A packet of it passed.
    fn count(&mut self, direction: Direction, parsed: &Parsed, timeouts: &Timeouts, tick: u64) {
        let side = usize::from(direction.code());
        self.seen[side] = true;
        if parsed.protocol == protocol::TCP {
            self.acked[side] |= parsed.tcp_flags & ACK != 0;
            self.finished[side] |= parsed.tcp_flags & FIN != 0;
            self.reset |= parsed.tcp_flags & RST != 0;
        }
        self.deadline = deadline(tick, self.state(parsed.protocol).seconds(timeouts));
    }
}

/// What a look at the table gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// `New`, `Established` or `Related`.
    pub flow: Flow,
    /// The packet's own key; none for ICMP other than echo, which has no connection of its own.
    pub key: Option<Key>,
}

/// The connections of all interfaces.
///
/// A connection is gone from its deadline on, but counts, for its interface and for the table, until the tick after that: the
/// card needs a tick to find what has ended.
#[derive(Clone, Debug)]
pub struct Conntrack {
    /// Those that count.
    connections: HashMap<Key, Connection>,
    /// Connections of each interface.
    counts: HashMap<u8, u32>,
    capacity: usize,
    tick: u64,
    /// No connection ceases to count before this tick.
    next_end: u64,
}

/// Tick from which on something is gone that lasts some seconds from a tick on. One tick more than the seconds have, since a
/// tick is a span: counted from its beginning, what happened at its end would be gone too early.
#[must_use]
pub fn deadline(tick: u64, seconds: u32) -> u64 {
    tick + u64::from(seconds) * u64::from(TICKS_PER_SECOND) + 1
}

impl Conntrack {
    /// An empty table for this many connections.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { connections: HashMap::new(), counts: HashMap::new(), capacity, tick: 0, next_end: u64::MAX }
    }

    /// It is now this tick: forgets what has been ended for a tick.
    pub fn set_tick(&mut self, tick: u64) {
        self.tick = tick;
        if tick < self.next_end {
            return;
        }
        self.connections.retain(|_, connection| connection.deadline >= tick);
        self.next_end = self.connections.values().map(|connection| connection.deadline + 1).min().unwrap_or(u64::MAX);
        self.counts.clear();
        for key in self.connections.keys() {
            *self.counts.entry(key.eni).or_default() += 1;
        }
    }

    /// Connections that count for an interface.
    #[must_use]
    pub fn count(&self, eni: u8) -> u32 {
        self.counts.get(&eni).copied().unwrap_or(0)
    }

    /// All connections.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Connection)> {
        self.connections.iter().filter(|(_, connection)| connection.deadline > self.tick)
    }

    /// A connection that has not ended.
    fn alive(&self, key: &Key) -> Option<&Connection> {
        self.connections.get(key).filter(|connection| connection.deadline > self.tick)
    }

    /// Looks up the connection of a packet that is no later fragment.
    #[must_use]
    pub fn find(&self, eni: u8, direction: Direction, parsed: &Parsed) -> Found {
        if parsed.quoted_valid {
            let known = self.alive(&quoted_key(eni, direction, parsed)).is_some();
            return Found { flow: if known { Flow::Related } else { Flow::New }, key: None };
        }
        let key = key(eni, direction, parsed);
        let connection = key.and_then(|key| self.alive(&key));
        // A port that is used again before its last connection has timed out: the SYN begins another one.
        let begins = parsed.protocol == protocol::TCP && parsed.tcp_flags & (SYN | ACK) == SYN;
        let usable =
            connection.is_some_and(|connection| !(begins && connection.state(parsed.protocol) == State::TcpClosing));
        Found { flow: if usable { Flow::Established } else { Flow::New }, key }
    }

    /// A packet passed all checks of its path: makes its connection or keeps it alive. Nothing for related errors, and for what
    /// has no connection and makes none.
    pub fn pass(
        &mut self,
        found: &Found,
        direction: Direction,
        parsed: &Parsed,
        policy: &EniPolicy,
    ) -> Result<(), DropReason> {
        let Some(key) = found.key else { return Ok(()) };
        let mut connection = match (found.flow, self.connections.get(&key)) {
            (Flow::Established, Some(connection)) => *connection,
            // One that closes, or has ended and still counts, makes place for the next of the same key.
            (_, Some(_)) => Connection::default(),
            (_, None) => {
                self.admit(key.eni, policy.max_connections)?;
                Connection::default()
            }
        };
        connection.count(direction, parsed, &policy.timeouts, self.tick);
        self.next_end = self.next_end.min(connection.deadline + 1);
        self.connections.insert(key, connection);
        Ok(())
    }

    /// Is there place for one more?
    fn admit(&mut self, eni: u8, max_connections: u32) -> Result<(), DropReason> {
        if self.count(eni) >= max_connections {
            return Err(DropReason::ConntrackAllowanceExceeded);
        }
        if self.connections.len() >= self.capacity {
            return Err(DropReason::ConntrackFull);
        }
        *self.counts.entry(eni).or_default() += 1;
        Ok(())
    }
}

/// A packet that begins a connection if rules admit it: all but ICMP other than echo requests.
#[must_use]
pub fn opens(parsed: &Parsed) -> bool {
    !parsed.is_icmp || is_echo_request(parsed)
}

/// A TCP packet that cannot be a connection's first.
#[must_use]
pub fn is_mid_stream(parsed: &Parsed) -> bool {
    parsed.protocol == protocol::TCP && parsed.tcp_flags & (SYN | RST) != SYN
}

/// The key of a packet's own connection.
#[must_use]
pub fn key(eni: u8, direction: Direction, parsed: &Parsed) -> Option<Key> {
    let (source_port, destination_port) = if parsed.is_icmp {
        // The identifier is the requester's port.
        let identifier = parsed.icmp_identifier;
        match (is_echo_request(parsed), is_echo_reply(parsed)) {
            (true, _) => (identifier, 0),
            (_, true) => (0, identifier),
            _ => return None,
        }
    } else {
        (parsed.src_port, parsed.dst_port)
    };
    let source = (parsed.src_ip, source_port);
    let destination = (parsed.dst_ip, destination_port);
    Some(oriented(eni, direction, parsed.protocol, source, destination))
}

/// The key of the packet that an ICMP error is about: the error goes the opposite way.
#[must_use]
pub fn quoted_key(eni: u8, direction: Direction, parsed: &Parsed) -> Key {
    let source = (parsed.quoted_src_ip, parsed.quoted_src_port);
    let destination = (parsed.quoted_dst_ip, parsed.quoted_dst_port);
    oriented(eni, direction.opposite(), parsed.quoted_protocol, source, destination)
}

fn oriented(eni: u8, direction: Direction, protocol: u8, source: (u128, u16), destination: (u128, u16)) -> Key {
    let (local, remote) = match direction {
        Direction::Egress => (source, destination),
        Direction::Ingress => (destination, source),
    };
    Key { eni, local_ip: local.0, remote_ip: remote.0, local_port: local.1, remote_port: remote.1, protocol }
}

fn is_echo_request(parsed: &Parsed) -> bool {
    let kind = if parsed.is_ipv6 { icmpv6::ECHO_REQUEST } else { icmp::ECHO_REQUEST };
    parsed.is_icmp && parsed.icmp_type == kind
}

fn is_echo_reply(parsed: &Parsed) -> bool {
    let kind = if parsed.is_ipv6 { icmpv6::ECHO_REPLY } else { icmp::ECHO_REPLY };
    parsed.is_icmp && parsed.icmp_type == kind
}
