//! Writes the answer to a DHCP message, a byte a clock, and sends it when it is complete.
//!
//! Ports: `start`, `idle` (it may be started); `client`, `facts`, `lease`, `id_byte` (stable from `start` to `done`),
//! `id_index`, `gateway_mac`; `done`; `tx` (packets to the guest port, `tuser` the ENI). Latency: as many clocks from `start`
//! to `done` as the answer has bytes, rounded up to whole beats; 1 more to its first beat. It leaves a beat a clock.
//!
//! Options, in this order: 53 message number, 54 server; but for a NAK 51 lease time, 1 mask, 3 router, 6 resolver, 28
//! broadcast address, 26 MTU; 61 client identifier, if the client has one (RFC 6842). No UDP checksum (RFC 768): that of IPv4
//! covers the addresses, Ethernet's the rest.

use nitro_components::fifo_block::FifoBlock;
use nitro_components::register::Register;
use nitro_components::stream::{Beat, StreamTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::constants::{GUEST_MTU, ethertype, protocol};
use rust_hdl::prelude::*;

use super::message::DhcpFacts;
use super::store::DhcpClient;
use crate::format::{Bootp, Ipv4, Udp};

/// DHCP messages by their number in option 53: the client looks for servers.
pub const DISCOVER: u8 = 1;
/// The server offers an address.
pub const OFFER: u8 = 2;
/// The client wants an address.
pub const REQUEST: u8 = 3;
/// It has it.
pub const ACK: u8 = 5;
/// It may not have it.
pub const NAK: u8 = 6;

/// Bytes of a message but for a client's identifier: fixed fields, names, magic number, options with their end.
pub const ANSWER_BYTES: usize = 240 + OPTIONS_BYTES + 1;
/// The same of a NAK.
pub const REFUSAL_BYTES: usize = 240 + REFUSAL_OPTIONS_BYTES + 1;
/// Shortest message (RFC 951).
pub const MIN_BYTES: usize = 300;
/// Seconds for which an address is leased.
const LEASE_SECONDS: u32 = 3600;
/// What options begin with.
const MAGIC: u32 = 0x6382_5363;
/// Ports of servers and clients.
const PORTS: (u8, u8) = (67, 68);
/// TTL of an answer.
const TTL: u8 = 64;
/// Bytes of the fields for names.
const NAMES_BYTES: usize = 64 + 128;
/// Message number; server; 5 more of 4 bytes; MTU.
const OPTIONS_BYTES: usize = 3 + 6 + 5 * 6 + 4;
/// Message number and server.
const REFUSAL_OPTIONS_BYTES: usize = 3 + 6;
/// Bytes from the frame's first to the end of the BOOTP header, without tag.
const HEAD_BYTES: usize = 14 + 20 + 8 + 44;
/// Bytes of a tag.
const TAG_BYTES: usize = 4;
/// Width of what is written from a register: a tagged frame up to the names.
const IMAGE: usize = 720;
/// Width of a frame from its EtherType on, up to the names.
const BODY: usize = 592;
/// Beats of the longest answer, and more, as a power of two: its identifier has 255 bytes, a beat at least 8.
const DEPTH: usize = 7;

const _: () = assert!(
    IMAGE == 8 * (HEAD_BYTES + TAG_BYTES)
        && HEAD_BYTES + TAG_BYTES + ANSWER_BYTES - 44 + 2 + 255 <= 8 << DEPTH
        && OPTIONS_BYTES + 4 <= IMAGE / 8
);

/// What an answer tells, and to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct DhcpLease {
    /// Message number.
    pub number: Bits<8>,
    /// It is a NAK.
    pub refused: Bit,
    /// The address that the client gets.
    pub own: Bits<32>,
    /// The gateway, as server and router.
    pub server: Bits<32>,
    /// The subnet's mask.
    pub mask: Bits<32>,
    /// The resolver.
    pub resolver: Bits<32>,
    /// The subnet's broadcast address.
    pub broadcast: Bits<32>,
    /// Where the answer goes.
    pub destination: Bits<32>,
    /// Bytes of the message.
    pub length: Bits<16>,
    /// Checksum of the IPv4 header.
    pub checksum: Bits<16>,
}

/// A frame from its EtherType on, up to the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct DhcpBody {
    /// EtherType.
    pub ethertype: Bits<16>,
    /// IPv4 header.
    pub ip: Bits<160>,
    /// UDP header.
    pub udp: Bits<64>,
    /// Begin of the message.
    pub bootp: Bits<352>,
}

/// A frame without tag, up to the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct PlainLease {
    /// Destination MAC.
    pub dst: Bits<48>,
    /// Source MAC.
    pub src: Bits<48>,
    /// All from the EtherType on.
    pub body: Bits<BODY>,
    /// Not sent.
    pub unused: Bits<32>,
}

/// A frame with an 802.1Q tag, up to the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct TaggedLease {
    /// Destination MAC.
    pub dst: Bits<48>,
    /// Source MAC.
    pub src: Bits<48>,
    /// Tag protocol identifier.
    pub tpid: Bits<16>,
    /// Tag control information.
    pub vlan: Bits<16>,
    /// All from the EtherType on.
    pub body: Bits<BODY>,
}

/// The magic number and the options; each value behind its number and length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct DhcpOptions {
    /// Magic number.
    pub magic: Bits<32>,
    /// 53, 1.
    pub number_head: Bits<16>,
    /// Message number.
    pub number: Bits<8>,
    /// 54, 4.
    pub server_head: Bits<16>,
    /// Server.
    pub server: Bits<32>,
    /// 51, 4.
    pub time_head: Bits<16>,
    /// Seconds of the lease.
    pub time: Bits<32>,
    /// 1, 4.
    pub mask_head: Bits<16>,
    /// Mask.
    pub mask: Bits<32>,
    /// 3, 4.
    pub router_head: Bits<16>,
    /// Router.
    pub router: Bits<32>,
    /// 6, 4.
    pub resolver_head: Bits<16>,
    /// Resolver.
    pub resolver: Bits<32>,
    /// 28, 4.
    pub broadcast_head: Bits<16>,
    /// Broadcast address.
    pub broadcast: Bits<32>,
    /// 26, 2.
    pub mtu_head: Bits<16>,
    /// MTU.
    pub mtu: Bits<16>,
    /// Not sent.
    pub unused: Bits<344>,
}

/// Writes answers on a `W`-bit port.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct DhcpAnswer<const W: usize, const K: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Write an answer.
    pub start: Signal<In, Bit>,
    /// Nothing is being written, and the last answer has left.
    pub idle: Signal<Out, Bit>,
    /// Whose message is answered.
    pub client: Signal<In, DhcpClient>,
    /// What the message says.
    pub facts: Signal<In, DhcpFacts>,
    /// What the answer says.
    pub lease: Signal<In, DhcpLease>,
    /// Which byte of the client's identifier?
    pub id_index: Signal<Out, Bits<8>>,
    /// That byte.
    pub id_byte: Signal<In, Bits<8>>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    /// The answer has been written.
    pub done: Signal<Out, Bit>,
    /// Answers.
    pub tx: StreamTx<Beat<W, K, 8>>,
    ip: Cast<Ipv4, Bits<160>>,
    udp: Cast<Udp, Bits<64>>,
    bootp: Cast<Bootp, Bits<352>>,
    body: Cast<DhcpBody, Bits<BODY>>,
    plain: Cast<PlainLease, Bits<IMAGE>>,
    tagged: Cast<TaggedLease, Bits<IMAGE>>,
    options: Cast<DhcpOptions, Bits<IMAGE>>,
    /// 0 nothing, 1 headers, 2 names, 3 options, 4 head of the identifier, 5 identifier, 6 end, 7 zeros.
    part: Register<Bits<3>>,
    left: DFF<Bits<8>>,
    total: DFF<Bits<16>>,
    image: DFF<Bits<IMAGE>>,
    index: DFF<Bits<8>>,
    eni: DFF<Bits<8>>,
    word: DFF<Bits<W>>,
    keep: DFF<Bits<K>>,
    slot: Register<Bits<8>>,
    complete: Register<Bit>,
    beats: FifoBlock<Beat<W, K, 8>, DEPTH>,
    mac: Signal<Local, Bits<48>>,
    byte: Signal<Local, Bits<8>>,
    kept: Signal<Local, Bit>,
    new_word: Signal<Local, Bits<W>>,
    new_keep: Signal<Local, Bits<K>>,
    pushes: Signal<Local, Bit>,
    finishes: Signal<Local, Bit>,
    ack: Constant<Bits<8>>,
    id_option: Constant<Bits<8>>,
    end_option: Constant<Bits<8>>,
    last_slot: Constant<Bits<8>>,
    word_shift: Constant<Bits<16>>,
    first_keep: Constant<Bits<K>>,
    head_bytes: Constant<Bits<8>>,
    tagged_bytes: Constant<Bits<8>>,
    names_bytes: Constant<Bits<8>>,
    options_bytes: Constant<Bits<8>>,
    refusal_bytes: Constant<Bits<8>>,
    before_message: Constant<Bits<16>>,
    before_tagged: Constant<Bits<16>>,
    no_beat: Constant<Beat<W, K, 8>>,
    blank_ip: Constant<Ipv4>,
    blank_udp: Constant<Udp>,
    blank_bootp: Constant<Bootp>,
    blank_body: Constant<DhcpBody>,
    blank_plain: Constant<PlainLease>,
    blank_tagged: Constant<TaggedLease>,
    blank_options: Constant<DhcpOptions>,
}

/// Number and length of an option.
fn option(number: u8, length: u8) -> Bits<16> {
    (u16::from(number) << 8 | u16::from(length)).to_bits()
}

impl<const W: usize, const K: usize> Default for DhcpAnswer<W, K> {
    /// # Panics
    /// If `K` does not fit `W`, or the longest answer the memory.
    fn default() -> Self {
        assert!(W == 8 * K && K >= 8, "a port of {W} bits with {K} byte enables cannot send answers");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            start: Signal::default(),
            idle: Signal::default(),
            client: Signal::default(),
            facts: Signal::default(),
            lease: Signal::default(),
            id_index: Signal::default(),
            id_byte: Signal::default(),
            gateway_mac: Signal::default(),
            done: Signal::default(),
            tx: StreamTx::default(),
            ip: Cast::default(),
            udp: Cast::default(),
            bootp: Cast::default(),
            body: Cast::default(),
            plain: Cast::default(),
            tagged: Cast::default(),
            options: Cast::default(),
            part: Register::default(),
            left: DFF::default(),
            total: DFF::default(),
            image: DFF::default(),
            index: DFF::default(),
            eni: DFF::default(),
            word: DFF::default(),
            keep: DFF::default(),
            slot: Register::default(),
            complete: Register::default(),
            beats: FifoBlock::default(),
            mac: Signal::default(),
            byte: Signal::default(),
            kept: Signal::default(),
            new_word: Signal::default(),
            new_keep: Signal::default(),
            pushes: Signal::default(),
            finishes: Signal::default(),
            ack: Constant::new(ACK.to_bits()),
            id_option: Constant::new(61_u8.to_bits()),
            end_option: Constant::new(255_u8.to_bits()),
            last_slot: Constant::new((K - 1).to_bits()),
            word_shift: Constant::new((W - 8).to_bits()),
            first_keep: Constant::new(Bits::<K>::default().replace_bit(K - 1, true)),
            head_bytes: Constant::new(HEAD_BYTES.to_bits()),
            tagged_bytes: Constant::new((HEAD_BYTES + TAG_BYTES).to_bits()),
            names_bytes: Constant::new(NAMES_BYTES.to_bits()),
            options_bytes: Constant::new((4 + OPTIONS_BYTES).to_bits()),
            refusal_bytes: Constant::new((4 + REFUSAL_OPTIONS_BYTES).to_bits()),
            before_message: Constant::new((HEAD_BYTES - 44).to_bits()),
            before_tagged: Constant::new((HEAD_BYTES - 44 + TAG_BYTES).to_bits()),
            no_beat: Constant::new(Beat::default()),
            blank_ip: Constant::new(Ipv4 {
                version: 4_u8.to_bits(),
                ihl: 5_u8.to_bits(),
                dont_fragment: true,
                ttl: TTL.to_bits(),
                protocol: protocol::UDP.to_bits(),
                ..Ipv4::default()
            }),
            blank_udp: Constant::new(Udp {
                src_port: PORTS.0.to_bits(),
                dst_port: PORTS.1.to_bits(),
                ..Udp::default()
            }),
            blank_bootp: Constant::new(Bootp {
                operation: 2_u8.to_bits(),
                hardware_type: 1_u8.to_bits(),
                hardware_length: 6_u8.to_bits(),
                ..Bootp::default()
            }),
            blank_body: Constant::new(DhcpBody { ethertype: ethertype::IPV4.to_bits(), ..DhcpBody::default() }),
            blank_plain: Constant::new(PlainLease::default()),
            blank_tagged: Constant::new(TaggedLease { tpid: ethertype::VLAN.to_bits(), ..TaggedLease::default() }),
            blank_options: Constant::new(DhcpOptions {
                magic: MAGIC.to_bits(),
                number_head: option(53, 1),
                server_head: option(54, 4),
                time_head: option(51, 4),
                time: LEASE_SECONDS.to_bits(),
                mask_head: option(1, 4),
                router_head: option(3, 4),
                resolver_head: option(6, 4),
                broadcast_head: option(28, 4),
                mtu_head: option(26, 2),
                mtu: GUEST_MTU.to_bits(),
                ..DhcpOptions::default()
            }),
        }
    }
}

impl<const W: usize, const K: usize> Logic for DhcpAnswer<W, K> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, beats);
        dff_setup!(self, clock, part, left, total, image, index, eni, word, keep, slot, complete);
        self.part.reset.next = self.reset.val();
        self.slot.reset.next = self.reset.val();
        self.complete.reset.next = self.reset.val();
        self.beats.reset.next = self.reset.val();

        // What is written of the headers and of the options.
        self.ip.i.next = self.blank_ip.val();
        self.ip.i.next.total_length = self.lease.val().length + 28;
        self.ip.i.next.checksum = self.lease.val().checksum;
        self.ip.i.next.src = self.lease.val().server;
        self.ip.i.next.dst = self.lease.val().destination;
        self.udp.i.next = self.blank_udp.val();
        self.udp.i.next.length = self.lease.val().length + 8;
        self.bootp.i.next = self.blank_bootp.val();
        self.bootp.i.next.transaction = self.facts.val().transaction;
        self.bootp.i.next.flags = self.facts.val().flags;
        if self.lease.val().number == self.ack.val() {
            self.bootp.i.next.client_ip = self.facts.val().client_ip;
        }
        if !self.lease.val().refused {
            self.bootp.i.next.your_ip = self.lease.val().own;
        }
        self.bootp.i.next.hardware = self.facts.val().hardware;
        self.body.i.next = self.blank_body.val();
        self.body.i.next.ip = self.ip.o.val();
        self.body.i.next.udp = self.udp.o.val();
        self.body.i.next.bootp = self.bootp.o.val();
        self.mac.next = self.client.val().mac;
        if self.lease.val().destination.all() {
            self.mac.next = !bits::<48>(0);
        }
        self.plain.i.next = self.blank_plain.val();
        self.plain.i.next.dst = self.mac.val();
        self.plain.i.next.src = self.gateway_mac.val();
        self.plain.i.next.body = self.body.o.val();
        self.tagged.i.next = self.blank_tagged.val();
        self.tagged.i.next.dst = self.mac.val();
        self.tagged.i.next.src = self.gateway_mac.val();
        self.tagged.i.next.vlan = self.client.val().vlan;
        self.tagged.i.next.body = self.body.o.val();
        self.options.i.next = self.blank_options.val();
        self.options.i.next.number = self.lease.val().number;
        self.options.i.next.server = self.lease.val().server;
        self.options.i.next.mask = self.lease.val().mask;
        self.options.i.next.router = self.lease.val().server;
        self.options.i.next.resolver = self.lease.val().resolver;
        self.options.i.next.broadcast = self.lease.val().broadcast;

        // A byte, and what comes behind it.
        self.idle.next = (self.part.q.val() == bits::<3>(0)) && !self.complete.q.val();
        self.id_index.next = self.index.q.val();
        self.byte.next = bits::<8>(0);
        if (self.part.q.val() == bits::<3>(1)) || (self.part.q.val() == bits::<3>(3)) {
            self.byte.next = self.image.q.val().get_bits::<8>(712);
            self.image.d.next = self.image.q.val() << 8;
        } else if self.part.q.val() == bits::<3>(4) {
            self.byte.next = self.facts.val().id_bytes;
            if self.left.q.val() == bits::<8>(2) {
                self.byte.next = self.id_option.val();
            }
        } else if self.part.q.val() == bits::<3>(5) {
            self.byte.next = self.id_byte.val();
            self.index.d.next = self.index.q.val() + 1;
        } else if self.part.q.val() == bits::<3>(6) {
            self.byte.next = self.end_option.val();
        }
        self.left.d.next = self.left.q.val() - 1;
        if self.left.q.val() == bits::<8>(1) {
            if self.part.q.val() == bits::<3>(1) {
                self.part.d.next = bits::<3>(2);
                self.left.d.next = self.names_bytes.val();
            } else if self.part.q.val() == bits::<3>(2) {
                self.part.d.next = bits::<3>(3);
                self.image.d.next = self.options.o.val();
                self.left.d.next = self.options_bytes.val();
                if self.lease.val().refused {
                    self.left.d.next = self.refusal_bytes.val();
                }
            } else if (self.part.q.val() == bits::<3>(3)) && self.facts.val().has_id {
                self.part.d.next = bits::<3>(4);
                self.left.d.next = bits::<8>(2);
                self.index.d.next = bits::<8>(0);
            } else if (self.part.q.val() == bits::<3>(4)) && self.facts.val().id_bytes.any() {
                self.part.d.next = bits::<3>(5);
                self.left.d.next = self.facts.val().id_bytes;
            } else if (self.part.q.val() == bits::<3>(6)) || (self.part.q.val() == bits::<3>(7)) {
                self.part.d.next = bits::<3>(7);
            } else if self.part.q.val() != bits::<3>(0) {
                self.part.d.next = bits::<3>(6);
                self.left.d.next = bits::<8>(1);
            }
        }

        // Beats: of the last one, bytes behind the answer's end fill the rest.
        self.kept.next = self.total.q.val().any();
        self.new_word.next = (self.word.q.val() >> 8) | (bit_cast::<W, 8>(self.byte.val()) << self.word_shift.val());
        self.new_keep.next = self.keep.q.val() >> 1;
        if self.kept.val() {
            self.new_keep.next = (self.keep.q.val() >> 1) | self.first_keep.val();
            self.total.d.next = self.total.q.val() - 1;
        }
        self.pushes.next = (self.part.q.val() != bits::<3>(0)) && (self.slot.q.val() == self.last_slot.val());
        self.finishes.next = self.pushes.val() && (self.total.q.val() <= bits::<16>(1));
        self.beats.rx.payload.next = self.no_beat.val();
        self.beats.rx.payload.next.tuser = self.eni.q.val();
        self.beats.rx.payload.next.tlast = self.finishes.val();
        self.beats.rx.payload.next.tkeep = self.new_keep.val();
        self.beats.rx.payload.next.tdata = self.new_word.val();
        self.beats.rx.tvalid.next = self.pushes.val();
        if self.part.q.val() != bits::<3>(0) {
            self.word.d.next = self.new_word.val();
            self.keep.d.next = self.new_keep.val();
            self.slot.d.next = self.slot.q.val() + 1;
            if self.pushes.val() {
                self.slot.d.next = bits::<8>(0);
            }
        }
        if self.finishes.val() {
            self.part.d.next = bits::<3>(0);
            self.complete.d.next = true;
        }
        self.done.next = self.finishes.val();

        if self.start.val() {
            self.part.d.next = bits::<3>(1);
            self.image.d.next = self.plain.o.val();
            self.left.d.next = self.head_bytes.val();
            self.total.d.next = self.lease.val().length + self.before_message.val();
            if self.client.val().tagged {
                self.image.d.next = self.tagged.o.val();
                self.left.d.next = self.tagged_bytes.val();
                self.total.d.next = self.lease.val().length + self.before_tagged.val();
            }
            self.eni.d.next = self.client.val().eni;
        }

        // Out.
        self.tx.payload.next = self.beats.tx.payload.val();
        self.tx.tvalid.next = self.beats.tx.tvalid.val() && self.complete.q.val();
        self.beats.tx.tready.next = self.tx.tready.val() && self.complete.q.val();
        if self.beats.tx.tvalid.val()
            && self.complete.q.val()
            && self.tx.tready.val()
            && self.beats.tx.payload.val().tlast
        {
            self.complete.d.next = false;
        }
    }
}
