//! Reads a client's DHCP message, a byte a clock.
//!
//! Ports: `rx` (the bytes of its frame), `tagged` (the frame has an 802.1Q tag), `facts`, `done`, `release`; `id_index`,
//! `id_byte` (the client's identifier, to be read within the clock). Latency: 1 clock from the frame's last byte to `done`.
//! From then on no byte is taken, and all outputs stay, until `release`.
//!
//! Sound is a request (op 1) of a client with an Ethernet address (htype 1, hlen 6), through no relay, with the magic number,
//! and options each of which lies within the UDP datagram, up to an end option, with a message number. (RFC 2131, section 2;
//! RFC 2132.) Options in the fields for names (option 52) are not looked for: a client has no need of them. Of an option that
//! comes twice the last one counts.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_components::stream::StreamRx;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::store::FrameByte;

/// What a message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct DhcpFacts {
    /// It is well-formed; else nothing else counts.
    pub sound: Bit,
    /// Message number (option 53).
    pub number: Bits<8>,
    /// Transaction.
    pub transaction: Bits<32>,
    /// Flags.
    pub flags: Bits<16>,
    /// Address that the client has.
    pub client_ip: Bits<32>,
    /// Its hardware address, as the message has it.
    pub hardware: Bits<128>,
    /// It asks for an address (option 50).
    pub has_requested: Bit,
    /// That address.
    pub requested: Bits<32>,
    /// It names a server (option 54).
    pub has_server: Bit,
    /// That server.
    pub server: Bits<32>,
    /// It has an identifier (option 61).
    pub has_id: Bit,
    /// Length of that in bytes.
    pub id_bytes: Bits<8>,
}

/// Reads messages.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct DhcpMessage {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The bytes of frames.
    pub rx: StreamRx<FrameByte>,
    /// The frame has an 802.1Q tag.
    pub tagged: Signal<In, Bit>,
    /// What the message says.
    pub facts: Signal<Out, DhcpFacts>,
    /// The whole frame has been read.
    pub done: Signal<Out, Bit>,
    /// Read the next one.
    pub release: Signal<In, Bit>,
    /// Which byte of the client's identifier?
    pub id_index: Signal<In, Bits<8>>,
    /// That byte.
    pub id_byte: Signal<Out, Bits<8>>,
    id: RamDistributed<Bits<8>, 8>,
    position: Register<Bits<16>>,
    done_q: Register<Bit>,
    udp_length: DFF<Bits<16>>,
    transaction: DFF<Bits<32>>,
    flags: DFF<Bits<16>>,
    client_ip: DFF<Bits<32>>,
    hardware: DFF<Bits<128>>,
    /// A field has a value that it must not have.
    bad: Register<Bit>,
    /// The end option has come.
    ended: Register<Bit>,
    /// What the next byte of the options is: 0 a number, 1 a length, 2 of a value.
    part: Register<Bits<2>>,
    option: DFF<Bits<8>>,
    left: DFF<Bits<8>>,
    index: DFF<Bits<8>>,
    has_number: Register<Bit>,
    number: DFF<Bits<8>>,
    has_requested: Register<Bit>,
    requested: DFF<Bits<32>>,
    has_server: Register<Bit>,
    server: DFF<Bits<32>>,
    has_id: Register<Bit>,
    id_bytes: DFF<Bits<8>>,
    at: Signal<Local, Bits<16>>,
    byte: Signal<Local, Bits<8>>,
    takes: Signal<Local, Bit>,
    in_options: Signal<Local, Bit>,
}

impl Logic for DhcpMessage {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, id);
        dff_setup!(
            self,
            clock,
            position,
            done_q,
            udp_length,
            transaction,
            flags,
            client_ip,
            hardware,
            bad,
            ended,
            part
        );
        dff_setup!(self, clock, option, left, index, has_number, number, has_requested, requested, has_server, server);
        dff_setup!(self, clock, has_id, id_bytes);
        self.position.reset.next = self.reset.val();
        self.done_q.reset.next = self.reset.val();
        self.bad.reset.next = self.reset.val();
        self.ended.reset.next = self.reset.val();
        self.part.reset.next = self.reset.val();
        self.has_number.reset.next = self.reset.val();
        self.has_requested.reset.next = self.reset.val();
        self.has_server.reset.next = self.reset.val();
        self.has_id.reset.next = self.reset.val();

        // Where in a frame without tag the byte would be; those before the tag's end are of no interest.
        self.at.next = self.position.q.val();
        if self.tagged.val() {
            self.at.next = self.position.q.val() - 4;
        }
        self.byte.next = self.rx.payload.val().value;
        self.rx.tready.next = !self.done_q.q.val();
        self.takes.next = self.rx.tvalid.val() && !self.done_q.q.val();
        if self.takes.val() {
            self.position.d.next = self.position.q.val() + 1;
            self.done_q.d.next = self.rx.payload.val().last;
        }

        // Fields: UDP from byte 34 on, the message from 42.
        if self.takes.val() {
            if (self.at.val() == bits::<16>(38)) || (self.at.val() == bits::<16>(39)) {
                self.udp_length.d.next = (self.udp_length.q.val() << 8) | bit_cast::<16, 8>(self.byte.val());
            }
            if (self.at.val() >= bits::<16>(46)) && (self.at.val() <= bits::<16>(49)) {
                self.transaction.d.next = (self.transaction.q.val() << 8) | bit_cast::<32, 8>(self.byte.val());
            }
            if (self.at.val() == bits::<16>(52)) || (self.at.val() == bits::<16>(53)) {
                self.flags.d.next = (self.flags.q.val() << 8) | bit_cast::<16, 8>(self.byte.val());
            }
            if (self.at.val() >= bits::<16>(54)) && (self.at.val() <= bits::<16>(57)) {
                self.client_ip.d.next = (self.client_ip.q.val() << 8) | bit_cast::<32, 8>(self.byte.val());
            }
            if (self.at.val() >= bits::<16>(70)) && (self.at.val() <= bits::<16>(85)) {
                self.hardware.d.next = (self.hardware.q.val() << 8) | bit_cast::<128, 8>(self.byte.val());
            }
            if ((self.at.val() == bits::<16>(42)) && (self.byte.val() != bits::<8>(1)))
                || ((self.at.val() == bits::<16>(43)) && (self.byte.val() != bits::<8>(1)))
                || ((self.at.val() == bits::<16>(44)) && (self.byte.val() != bits::<8>(6)))
                || ((self.at.val() >= bits::<16>(66)) && (self.at.val() <= bits::<16>(69)) && self.byte.val().any())
                || ((self.at.val() == bits::<16>(278)) && (self.byte.val() != bits::<8>(0x63)))
                || ((self.at.val() == bits::<16>(279)) && (self.byte.val() != bits::<8>(0x82)))
                || ((self.at.val() == bits::<16>(280)) && (self.byte.val() != bits::<8>(0x53)))
                || ((self.at.val() == bits::<16>(281)) && (self.byte.val() != bits::<8>(0x63)))
            {
                self.bad.d.next = true;
            }
        }

        // Options, as far as the UDP datagram goes. One that is cut off leaves the message without end.
        self.in_options.next = self.takes.val()
            && (self.at.val() >= bits::<16>(282))
            && (self.at.val() < (self.udp_length.q.val() + 34))
            && !self.ended.q.val();
        self.id.write_address.next = self.index.q.val();
        self.id.write_data.next = self.byte.val();
        self.id.write_enable.next = false;
        if self.in_options.val() {
            if self.part.q.val() == bits::<2>(0) {
                if self.byte.val() == bits::<8>(255) {
                    self.ended.d.next = true;
                } else if self.byte.val() != bits::<8>(0) {
                    self.option.d.next = self.byte.val();
                    self.part.d.next = bits::<2>(1);
                }
            } else if self.part.q.val() == bits::<2>(1) {
                self.left.d.next = self.byte.val();
                self.index.d.next = bits::<8>(0);
                self.part.d.next = bits::<2>(2);
                if self.byte.val() == bits::<8>(0) {
                    self.part.d.next = bits::<2>(0);
                }
                if self.option.q.val() == bits::<8>(53) {
                    self.has_number.d.next = true;
                    if self.byte.val() != bits::<8>(1) {
                        self.bad.d.next = true;
                    }
                } else if self.option.q.val() == bits::<8>(50) {
                    self.has_requested.d.next = true;
                    if self.byte.val() != bits::<8>(4) {
                        self.bad.d.next = true;
                    }
                } else if self.option.q.val() == bits::<8>(54) {
                    self.has_server.d.next = true;
                    if self.byte.val() != bits::<8>(4) {
                        self.bad.d.next = true;
                    }
                } else if self.option.q.val() == bits::<8>(61) {
                    self.has_id.d.next = true;
                    self.id_bytes.d.next = self.byte.val();
                }
            } else {
                self.left.d.next = self.left.q.val() - 1;
                self.index.d.next = self.index.q.val() + 1;
                if self.left.q.val() == bits::<8>(1) {
                    self.part.d.next = bits::<2>(0);
                }
                if self.option.q.val() == bits::<8>(53) {
                    self.number.d.next = self.byte.val();
                } else if self.option.q.val() == bits::<8>(50) {
                    self.requested.d.next = (self.requested.q.val() << 8) | bit_cast::<32, 8>(self.byte.val());
                } else if self.option.q.val() == bits::<8>(54) {
                    self.server.d.next = (self.server.q.val() << 8) | bit_cast::<32, 8>(self.byte.val());
                } else if self.option.q.val() == bits::<8>(61) {
                    self.id.write_enable.next = true;
                }
            }
        }

        if self.release.val() {
            self.position.d.next = bits::<16>(0);
            self.done_q.d.next = false;
            self.bad.d.next = false;
            self.ended.d.next = false;
            self.part.d.next = bits::<2>(0);
            self.has_number.d.next = false;
            self.has_requested.d.next = false;
            self.has_server.d.next = false;
            self.has_id.d.next = false;
        }

        self.facts.next.sound = self.ended.q.val() && !self.bad.q.val() && self.has_number.q.val();
        self.facts.next.number = self.number.q.val();
        self.facts.next.transaction = self.transaction.q.val();
        self.facts.next.flags = self.flags.q.val();
        self.facts.next.client_ip = self.client_ip.q.val();
        self.facts.next.hardware = self.hardware.q.val();
        self.facts.next.has_requested = self.has_requested.q.val();
        self.facts.next.requested = self.requested.q.val();
        self.facts.next.has_server = self.has_server.q.val();
        self.facts.next.server = self.server.q.val();
        self.facts.next.has_id = self.has_id.q.val();
        self.facts.next.id_bytes = self.id_bytes.q.val();
        self.done.next = self.done_q.q.val();
        self.id.read_address.next = self.id_index.val();
        self.id_byte.next = self.id.read_data.val();
    }
}
