//! `token`: a packet from the underlay proves that the mapping service let its sender send to this destination.
//!
//! The token is SipHash-2-4 under the card's key of the token's epoch over
//! `vni(4) ‖ epoch(4) ‖ source underlay IP(16) ‖ destination VPC IP(16)`, big-endian, IPv4 v4-mapped. Two epochs are live at a
//! time, so that keys can be changed without a gap. No state per peer.
//!
//! Ports: `rx` (what a packet claims), `tx` (whether it is true), the two key slots. Latency: [`LATENCY`] clocks, one
//! packet per clock. Drop reason: `bad_token` (given by `decap`, which puts the checks in order). Counters: by that reason.
//! Source: SipHash (Aumasson and Bernstein, SipHash: a fast short-input PRF, 2012), the card's contract for the message.

use nitro_components::delay::DelayRam;
use nitro_components::register::Register;
use nitro_components::siphash::SipHash;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::{Cast, SwapBytes};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_simulator::BlockEntry;
use rust_hdl::prelude::*;

/// Bits of the message.
const MESSAGE: usize = 320;
/// Bits of the padded message: one more word, with its length.
const PADDED: usize = MESSAGE + 64;
/// SipHash-2-4 of such messages.
type Hash = SipHash<2, 4, PADDED>;
/// Clocks from `rx` to `tx`: key selection, hash, comparison.
pub const LATENCY: usize = 1 + Hash::LATENCY + 1;

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct TokenClaim {
    /// Virtual network.
    pub vni: Bits<24>,
    /// Epoch of the key.
    pub epoch: Bits<8>,
    /// Source address of the outer header.
    pub src_ip: Bits<128>,
    /// Destination address of the inner header.
    pub dst_ip: Bits<128>,
    /// The token.
    pub token: Bits<64>,
}

/// The message; its first byte is the most significant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct TokenMessage {
    /// Virtual network.
    pub vni: Bits<32>,
    /// Epoch.
    pub epoch: Bits<32>,
    /// Source underlay address.
    pub src_ip: Bits<128>,
    /// Destination address in the VPC.
    pub dst_ip: Bits<128>,
}

/// What the hash is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Expected {
    /// The epoch has a key.
    pub live: Bit,
    /// The token that came.
    pub token: Bits<64>,
}

/// A key slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct TokenKey {
    /// Tokens of this epoch are accepted.
    pub valid: Bit,
    /// The epoch.
    pub epoch: Bits<8>,
    /// The key, its first byte most significant.
    pub key: Bits<128>,
}

/// The token check.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct TokenCheck {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Key slot 0, which goes first if both have the same epoch.
    pub key_0: Signal<In, TokenKey>,
    /// Key slot 1.
    pub key_1: Signal<In, TokenKey>,
    /// Claims.
    pub rx: FlowRx<TokenClaim>,
    /// For each claim whether it is true.
    pub tx: FlowTx<Bit>,

    message: Signal<Local, TokenMessage>,
    flat: Cast<TokenMessage, Bits<MESSAGE>>,
    swap: SwapBytes<MESSAGE>,
    swap_key: SwapBytes<128>,
    message_q: DFF<Bits<MESSAGE>>,
    key_q: DFF<Bits<128>>,
    expected_q: DFF<Expected>,
    selected_q: Register<Bit>,
    length: Constant<Bits<PADDED>>,
    hash: Hash,
    expected: DelayRam<Expected, 5>,
    good_q: DFF<Bit>,
    valid_q: Register<Bit>,
}

impl Default for TokenCheck {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            key_0: Signal::default(),
            key_1: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            message: Signal::default(),
            flat: Cast::default(),
            swap: SwapBytes::default(),
            swap_key: SwapBytes::default(),
            message_q: DFF::default(),
            key_q: DFF::default(),
            expected_q: DFF::default(),
            selected_q: Register::default(),
            // The message's length in bytes, as the padded message's last byte.
            length: Constant::new(Bits::<PADDED>::from(MESSAGE as u64 / 8) << (PADDED as u64 - 8)),
            hash: Hash::default(),
            expected: DelayRam::new(Hash::LATENCY),
            good_q: DFF::default(),
            valid_q: Register::default(),
        }
    }
}

impl Logic for TokenCheck {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, hash, expected);
        dff_setup!(self, clock, message_q, key_q, expected_q, selected_q, good_q, valid_q);
        self.hash.reset.next = self.reset.val();
        self.expected.reset.next = self.reset.val();
        self.selected_q.reset.next = self.reset.val();
        self.valid_q.reset.next = self.reset.val();

        // Clock 1: the message, and the key of its epoch.
        self.message.next.vni = bit_cast::<32, 24>(self.rx.payload.val().vni);
        self.message.next.epoch = bit_cast::<32, 8>(self.rx.payload.val().epoch);
        self.message.next.src_ip = self.rx.payload.val().src_ip;
        self.message.next.dst_ip = self.rx.payload.val().dst_ip;
        self.flat.i.next = self.message.val();
        self.swap.i.next = self.flat.o.val();
        self.selected_q.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            self.message_q.d.next = self.swap.o.val();
            self.expected_q.d.next.token = self.rx.payload.val().token;
            if self.key_0.val().valid && (self.key_0.val().epoch == self.rx.payload.val().epoch) {
                self.expected_q.d.next.live = true;
                self.key_q.d.next = self.key_0.val().key;
            } else {
                self.expected_q.d.next.live =
                    self.key_1.val().valid && (self.key_1.val().epoch == self.rx.payload.val().epoch);
                self.key_q.d.next = self.key_1.val().key;
            }
        }

        // The hash, and beside it what it must be.
        self.swap_key.i.next = self.key_q.q.val();
        self.hash.rx.payload.next = bit_cast::<PADDED, MESSAGE>(self.message_q.q.val()) | self.length.val();
        self.hash.rx.tvalid.next = self.selected_q.q.val();
        self.hash.key0.next = self.swap_key.o.val().get_bits::<64>(0);
        self.hash.key1.next = self.swap_key.o.val().get_bits::<64>(64);
        self.expected.rx.payload.next = self.expected_q.q.val();
        self.expected.rx.tvalid.next = self.selected_q.q.val();

        // Last clock: the comparison.
        self.valid_q.d.next = self.hash.tx.tvalid.val();
        if self.hash.tx.tvalid.val() {
            self.good_q.d.next = self.expected.tx.payload.val().live
                && (self.expected.tx.payload.val().token == self.hash.tx.payload.val());
        }
        self.tx.payload.next = self.good_q.q.val();
        self.tx.tvalid.next = self.valid_q.q.val();
    }
}

/// The stage's blocks for the catalogue.
#[must_use]
pub fn entries() -> Vec<BlockEntry> {
    vec![BlockEntry::of("token", TokenCheck::default)]
}
