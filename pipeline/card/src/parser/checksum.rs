//! The Internet checksum (RFC 1071) of IPv4 headers with their options, and of neighbour and router solicitations.
//!
//! Ports: `rx`, `good`. Latency: 5 clocks. One adder tree serves both: a frame is either IPv4 or IPv6. The first clock
//! masks the 16-bit words that count (a register's synchronous reset, free in an FPGA), three clocks add them without
//! carry loops, the last folds the carries and compares.
//!
//! IPv4 sums its 20 to 60 header bytes. IPv6 sums the pseudo-header of ICMPv6 (RFC 8200, section 8.1) and up to
//! 72 bytes of message that follow the fixed header.

use nitro_netlist::Ports;
use rust_hdl::prelude::*;

use super::ethernet::Network;

/// Clocks from `rx` to `good`.
pub const LATENCY: usize = 5;
/// Words of 16 bits that can count: the IPv6 header and 72 bytes.
const WORDS: usize = 56;

/// Sums what has a checksum that the parser verifies.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Checksum {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The frame after its Ethernet header.
    pub rx: Signal<In, Network>,
    /// IPv4: the header checksum is right. IPv6: the checksum of an ICMPv6 message of whole 8 bytes, at most 72, that follows
    /// the fixed header, is right.
    pub good: Signal<Out, Bit>,
    solicitations: Constant<Bit>,
    words: Vec<DFF<Bits<16>>>,
    pseudo: DFF<Bits<20>>,
    pseudo_later: DFF<Bits<20>>,
    quads: Vec<DFF<Bits<18>>>,
    groups: Vec<DFF<Bits<20>>>,
    sum: DFF<Bits<22>>,
    verified: DFF<Bit>,
    /// Pairs of words of the IPv4 header.
    header: Signal<Local, Bits<16>>,
    /// Groups of 8 bytes of the message.
    message: Signal<Local, Bits<9>>,
    counts: Signal<Local, Bits<56>>,
    word_a: Signal<Local, Bits<16>>,
    word_b: Signal<Local, Bits<16>>,
    word_c: Signal<Local, Bits<16>>,
    word_d: Signal<Local, Bits<16>>,
    quad_a: Signal<Local, Bits<18>>,
    quad_b: Signal<Local, Bits<18>>,
    quad_c: Signal<Local, Bits<18>>,
    quad_d: Signal<Local, Bits<18>>,
    folded: Signal<Local, Bits<17>>,
}

impl Checksum {
    /// With or without the checksums of solicitations; without them they count as wrong, and the adders are fewer.
    #[must_use]
    pub fn new(solicitations: bool) -> Self {
        Self {
            clock: Signal::default(),
            rx: Signal::default(),
            good: Signal::default(),
            solicitations: Constant::new(solicitations),
            words: (0..WORDS).map(|_| DFF::default()).collect(),
            pseudo: DFF::default(),
            pseudo_later: DFF::default(),
            quads: (0..WORDS / 4).map(|_| DFF::default()).collect(),
            groups: (0..4).map(|_| DFF::default()).collect(),
            sum: DFF::default(),
            verified: DFF::default(),
            header: Signal::default(),
            message: Signal::default(),
            counts: Signal::default(),
            word_a: Signal::default(),
            word_b: Signal::default(),
            word_c: Signal::default(),
            word_d: Signal::default(),
            quad_a: Signal::default(),
            quad_b: Signal::default(),
            quad_c: Signal::default(),
            quad_d: Signal::default(),
            folded: Signal::default(),
        }
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Logic for Checksum {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, pseudo, pseudo_later, sum, verified);
        for i in 0..56 {
            self.words[i].clock.next = self.clock.val();
        }
        for i in 0..14 {
            self.quads[i].clock.next = self.clock.val();
        }
        for i in 0..4 {
            self.groups[i].clock.next = self.clock.val();
        }

        // First clock: the words that count.
        self.header.next = !(bits::<16>(0xffff) << self.rx.val().window.get_bits::<4>(1128));
        self.message.next = !(bits::<9>(0x1ff) << self.rx.val().window.get_bits::<4>(1091));
        self.counts.next = bits::<56>(0);
        if self.rx.val().is_ipv4 {
            for pair in 0..5 {
                self.counts.next = self.counts.val().replace_bit(2 * pair, true);
                self.counts.next = self.counts.val().replace_bit(2 * pair + 1, true);
            }
            for pair in 5..15 {
                self.counts.next = self.counts.val().replace_bit(2 * pair, self.header.val().get_bit(pair));
                self.counts.next = self.counts.val().replace_bit(2 * pair + 1, self.header.val().get_bit(pair));
            }
        } else if self.solicitations.val() {
            // The payload length, the addresses, the message; the next header is added below.
            self.counts.next = self.counts.val().replace_bit(2, true);
            for word in 4..20 {
                self.counts.next = self.counts.val().replace_bit(word, true);
            }
            for chunk in 0..9 {
                for word in 0..4 {
                    self.counts.next =
                        self.counts.val().replace_bit(20 + 4 * chunk + word, self.message.val().get_bit(chunk));
                }
            }
        }
        for word in 0..56 {
            if self.counts.val().get_bit(word) {
                self.words[word].d.next = self.rx.val().window.get_bits::<16>(1120 - 16 * word);
            } else {
                self.words[word].d.next = bits::<16>(0);
            }
        }
        if self.rx.val().is_ipv4 {
            self.pseudo.d.next = bits::<20>(0);
        } else {
            self.pseudo.d.next = bits::<20>(58);
        }
        self.pseudo_later.d.next = self.pseudo.q.val();

        // Second to fourth clock: sums of 4, of 16, of all.
        for quad in 0..14 {
            self.word_a.next = self.words[4 * quad].q.val();
            self.word_b.next = self.words[4 * quad + 1].q.val();
            self.word_c.next = self.words[4 * quad + 2].q.val();
            self.word_d.next = self.words[4 * quad + 3].q.val();
            self.quads[quad].d.next = (bit_cast::<18, 16>(self.word_a.val()) + bit_cast::<18, 16>(self.word_b.val()))
                + (bit_cast::<18, 16>(self.word_c.val()) + bit_cast::<18, 16>(self.word_d.val()));
        }
        for group in 0..3 {
            self.quad_a.next = self.quads[4 * group].q.val();
            self.quad_b.next = self.quads[4 * group + 1].q.val();
            self.quad_c.next = self.quads[4 * group + 2].q.val();
            self.quad_d.next = self.quads[4 * group + 3].q.val();
            self.groups[group].d.next = (bit_cast::<20, 18>(self.quad_a.val()) + bit_cast::<20, 18>(self.quad_b.val()))
                + (bit_cast::<20, 18>(self.quad_c.val()) + bit_cast::<20, 18>(self.quad_d.val()));
        }
        self.groups[3].d.next = bit_cast::<20, 18>(self.quads[12].q.val())
            + bit_cast::<20, 18>(self.quads[13].q.val())
            + self.pseudo_later.q.val();
        self.sum.d.next = (bit_cast::<22, 20>(self.groups[0].q.val()) + bit_cast::<22, 20>(self.groups[1].q.val()))
            + (bit_cast::<22, 20>(self.groups[2].q.val()) + bit_cast::<22, 20>(self.groups[3].q.val()));

        // Fifth clock: with the checksum itself among the words, the ones' complement sum is all ones. It cannot have
        // carried once more: after a carry into bit 16 the low bits are few.
        self.folded.next = bit_cast::<17, 16>(self.sum.q.val().get_bits::<16>(0))
            + bit_cast::<17, 6>(self.sum.q.val().get_bits::<6>(16));
        self.verified.d.next = self.folded.val() == 0xffff;
        self.good.next = self.verified.q.val();
    }
}
