//! Where DHCP messages wait for their turn, and from where they are read byte by byte.
//!
//! Ports: `room`, `reserve`, `length` (of the frame to be sent here); `rx` (the frame's first [`FETCHED`] bytes at most),
//! `record` (of that frame, while it is at `rx`); `bytes`, `client` (whose message is at `bytes`, until `release`). Latency:
//! [`LATENCY`] clocks from a frame's first beat to its first byte; a byte a clock from then on.
//!
//! Whoever sends a frame reserves the place for it before, so `rx` is always ready. There is `room` while fewer than
//! [`MESSAGES`] messages are here and the longest one would fit; the memory's [`2^DEPTH`](DEPTH) beats are what a block RAM has
//! anyway.

use nitro_components::fifo::Fifo;
use nitro_components::fifo_block::FifoBlock;
use nitro_components::register::Register;
use nitro_components::stream::{Beat, StreamRx, StreamTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::encap::outgoing::Outgoing;

/// Clocks from a frame's first beat to its first byte, if none is before it.
pub const LATENCY: usize = 3;
/// Bytes of a frame that are looked at: a datagram of 1,500 with its tag, in whole beats of the widest port.
pub const FETCHED: usize = 1536;
/// Beats that there is place for, as a power of two.
pub const DEPTH: usize = 9;
/// Messages that may be here, as a power of two.
const MESSAGES_LOG2: usize = 3;
/// Messages that may be here: read, or waiting for that.
pub const MESSAGES: usize = 1 << MESSAGES_LOG2;

/// What is known of a message but for its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct DhcpClient {
    /// Number of the frame on its path.
    pub serial: Bits<16>,
    /// The ENI that it comes from.
    pub eni: Bits<8>,
    /// That ENI is configured.
    pub has_eni: Bit,
    /// Length of the frame in bytes.
    pub length: Bits<14>,
    /// It has an 802.1Q tag.
    pub tagged: Bit,
    /// Its tag control information.
    pub vlan: Bits<16>,
    /// Its source MAC.
    pub mac: Bits<48>,
}

/// A byte of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct FrameByte {
    /// The byte.
    pub value: Bits<8>,
    /// It is the frame's last one here.
    pub last: Bit,
}

/// Keeps frames from a `W`-bit port.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct DhcpStore<const W: usize, const K: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// A message may be reserved for.
    pub room: Signal<Out, Bit>,
    /// A message will come.
    pub reserve: Signal<In, Bit>,
    /// Length of its frame in bytes.
    pub length: Signal<In, Bits<14>>,
    /// Frames, cut to [`FETCHED`] bytes.
    pub rx: StreamRx<Beat<W, K, 8>>,
    /// The record of the frame at `rx`.
    pub record: Signal<In, Outgoing>,
    /// The frames' bytes, one frame behind the other.
    pub bytes: StreamTx<FrameByte>,
    /// Whose message it is.
    pub client: Signal<Out, DhcpClient>,
    /// The message is done with; all its bytes have been taken.
    pub release: Signal<In, Bit>,
    frames: FifoBlock<Beat<W, K, 8>, DEPTH>,
    clients: Fifo<DhcpClient, MESSAGES_LOG2>,
    /// Beats reserved and not yet read.
    used: Register<Bits<16>>,
    /// Messages reserved for and not yet released.
    messages: Register<Bits<8>>,
    inside: Register<Bit>,
    word: DFF<Bits<W>>,
    keep: Register<Bits<K>>,
    ends: DFF<Bit>,
    fetched: Signal<Local, Bits<16>>,
    comes: Signal<Local, Bits<16>>,
    goes: Signal<Local, Bits<16>>,
    moves: Signal<Local, Bit>,
    empty: Signal<Local, Bit>,
    no_client: Constant<DhcpClient>,
    longest: Constant<Bits<16>>,
    last_byte: Constant<Bits<16>>,
    beat_shift: Constant<Bits<16>>,
    most_used: Constant<Bits<16>>,
    most_messages: Constant<Bits<8>>,
}

impl<const W: usize, const K: usize> Default for DhcpStore<W, K> {
    /// # Panics
    /// If the bytes looked at are not a whole number of beats that fit.
    fn default() -> Self {
        let beats = FETCHED / K;
        assert!(
            W == 8 * K && K.is_power_of_two() && FETCHED.is_multiple_of(K) && beats < 1 << DEPTH,
            "{FETCHED} bytes are no beats of {K} bytes, or too many"
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            room: Signal::default(),
            reserve: Signal::default(),
            length: Signal::default(),
            rx: StreamRx::default(),
            record: Signal::default(),
            bytes: StreamTx::default(),
            client: Signal::default(),
            release: Signal::default(),
            frames: FifoBlock::default(),
            clients: Fifo::default(),
            used: Register::default(),
            messages: Register::default(),
            inside: Register::default(),
            word: DFF::default(),
            keep: Register::default(),
            ends: DFF::default(),
            fetched: Signal::default(),
            comes: Signal::default(),
            goes: Signal::default(),
            moves: Signal::default(),
            empty: Signal::default(),
            no_client: Constant::new(DhcpClient::default()),
            longest: Constant::new(FETCHED.to_bits()),
            last_byte: Constant::new((K - 1).to_bits()),
            beat_shift: Constant::new(u64::from(K.ilog2()).into()),
            most_used: Constant::new(((1 << DEPTH) - beats).to_bits()),
            most_messages: Constant::new(MESSAGES.to_bits()),
        }
    }
}

impl<const W: usize, const K: usize> Logic for DhcpStore<W, K> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, frames, clients);
        dff_setup!(self, clock, used, messages, inside, word, keep, ends);
        self.frames.reset.next = self.reset.val();
        self.clients.reset.next = self.reset.val();
        self.used.reset.next = self.reset.val();
        self.messages.reset.next = self.reset.val();
        self.inside.reset.next = self.reset.val();
        self.keep.reset.next = self.reset.val();

        // In.
        StreamRx::<Beat<W, K, 8>>::link(&mut self.rx, &mut self.frames.rx);
        if self.rx.tvalid.val() && self.frames.rx.tready.val() {
            self.inside.d.next = !self.rx.payload.val().tlast;
        }
        self.clients.rx.payload.next = self.no_client.val();
        self.clients.rx.payload.next.serial = self.record.val().serial;
        self.clients.rx.payload.next.eni = self.record.val().eni;
        self.clients.rx.payload.next.has_eni = self.record.val().has_eni;
        self.clients.rx.payload.next.length = self.record.val().length;
        self.clients.rx.payload.next.tagged = self.record.val().tagged;
        self.clients.rx.payload.next.vlan = self.record.val().vlan;
        self.clients.rx.payload.next.mac = self.record.val().dst_mac;
        self.clients.rx.tvalid.next = self.rx.tvalid.val() && self.frames.rx.tready.val() && !self.inside.q.val();

        // Out, a byte a clock.
        self.bytes.payload.next.value = bit_cast::<8, W>(self.word.q.val());
        self.bytes.payload.next.last = self.ends.q.val() && !self.keep.q.val().get_bit(1);
        self.bytes.tvalid.next = self.keep.q.val().get_bit(0);
        self.moves.next = self.keep.q.val().get_bit(0) && self.bytes.tready.val();
        self.empty.next = !self.keep.q.val().get_bit(0) || (self.bytes.tready.val() && !self.keep.q.val().get_bit(1));
        if self.moves.val() {
            self.word.d.next = self.word.q.val() >> 8;
            self.keep.d.next = self.keep.q.val() >> 1;
        }
        self.frames.tx.tready.next = self.empty.val();
        self.goes.next = bits::<16>(0);
        if self.empty.val() && self.frames.tx.tvalid.val() {
            self.word.d.next = self.frames.tx.payload.val().tdata;
            self.keep.d.next = self.frames.tx.payload.val().tkeep;
            self.ends.d.next = self.frames.tx.payload.val().tlast;
            self.goes.next = bits::<16>(1);
        }
        self.client.next = self.clients.tx.payload.val();
        self.clients.tx.tready.next = self.release.val();

        // What is reserved.
        self.fetched.next = bit_cast::<16, 14>(self.length.val());
        if self.fetched.val() > self.longest.val() {
            self.fetched.next = self.longest.val();
        }
        self.comes.next = bits::<16>(0);
        if self.reserve.val() {
            self.comes.next = (self.fetched.val() + self.last_byte.val()) >> self.beat_shift.val();
        }
        self.used.d.next = (self.used.q.val() + self.comes.val()) - self.goes.val();
        if self.reserve.val() && !self.release.val() {
            self.messages.d.next = self.messages.q.val() + 1;
        } else if self.release.val() && !self.reserve.val() {
            self.messages.d.next = self.messages.q.val() - 1;
        }
        self.room.next =
            (self.used.q.val() <= self.most_used.val()) && (self.messages.q.val() != self.most_messages.val());
    }
}
