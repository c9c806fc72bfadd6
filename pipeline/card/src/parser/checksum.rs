//! The Internet checksum (RFC 1071) of IPv4 headers with their options, and of neighbour and router solicitations.
//!
//! Ports: `rx`, `good`. Latency: 7 clocks. One adder tree serves both: a frame is either IPv4 or IPv6. The first clock
//! masks the 16-bit words that count (a register's synchronous reset, free in an FPGA), five clocks add them, mostly in
//! pairs (a carry chain adds two numbers at a table a bit; more at once take tables for carry-save adders besides), the
//! last folds the carries and compares.
//!
//! IPv4 sums its 20 to 60 header bytes. IPv6 sums the pseudo-header of ICMPv6 (RFC 8200, section 8.1) and up to
//! 72 bytes of message that follow the fixed header.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use super::ethernet::Network;

/// Clocks from `rx` to `good`.
pub const LATENCY: usize = 7;
/// Words of 16 bits that can count: the IPv6 header and 72 bytes.
const WORDS: usize = 56;

/// Sums what has a checksum that the parser verifies.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Checksum {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The frame after its Ethernet header.
    pub rx: Signal<In, Network>,
    /// IPv4: the header checksum is right. IPv6: the checksum of an ICMPv6 message of whole 8 bytes, at most 72, that
    /// follows the fixed header, is right.
    pub good: Signal<Out, Bit>,
    solicitations: Constant<Bit>,
    words: Vec<DFF<Bits<16>>>,
    is_ipv4: Vec<DFF<Bit>>,
    twos: Vec<DFF<Bits<17>>>,
    fours: Vec<DFF<Bits<18>>>,
    eights: Vec<DFF<Bits<19>>>,
    sixteens: Vec<DFF<Bits<20>>>,
    sum: DFF<Bits<22>>,
    verified: DFF<Bit>,
    /// Pairs of words of the IPv4 header.
    header: Signal<Local, Bits<16>>,
    /// Groups of 8 bytes of the message.
    message: Signal<Local, Bits<9>>,
    counts: Signal<Local, Bits<56>>,
    word_a: Signal<Local, Bits<16>>,
    word_b: Signal<Local, Bits<16>>,
    two_a: Signal<Local, Bits<17>>,
    two_b: Signal<Local, Bits<17>>,
    four_a: Signal<Local, Bits<18>>,
    four_b: Signal<Local, Bits<18>>,
    eight_a: Signal<Local, Bits<19>>,
    eight_b: Signal<Local, Bits<19>>,
    next_header: Signal<Local, Bits<20>>,
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
            is_ipv4: (0..4).map(|_| DFF::default()).collect(),
            twos: (0..WORDS / 2).map(|_| DFF::default()).collect(),
            fours: (0..WORDS / 4).map(|_| DFF::default()).collect(),
            eights: (0..WORDS / 8).map(|_| DFF::default()).collect(),
            sixteens: (0..4).map(|_| DFF::default()).collect(),
            sum: DFF::default(),
            verified: DFF::default(),
            header: Signal::default(),
            message: Signal::default(),
            counts: Signal::default(),
            word_a: Signal::default(),
            word_b: Signal::default(),
            two_a: Signal::default(),
            two_b: Signal::default(),
            four_a: Signal::default(),
            four_b: Signal::default(),
            eight_a: Signal::default(),
            eight_b: Signal::default(),
            next_header: Signal::default(),
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
        dff_setup!(self, clock, sum, verified);
        for i in 0..56 {
            self.words[i].clock.next = self.clock.val();
        }
        for i in 0..28 {
            self.twos[i].clock.next = self.clock.val();
        }
        for i in 0..14 {
            self.fours[i].clock.next = self.clock.val();
        }
        for i in 0..7 {
            self.eights[i].clock.next = self.clock.val();
        }
        for i in 0..4 {
            self.sixteens[i].clock.next = self.clock.val();
            self.is_ipv4[i].clock.next = self.clock.val();
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
        self.is_ipv4[0].d.next = self.rx.val().is_ipv4;
        for i in 0..3 {
            self.is_ipv4[i + 1].d.next = self.is_ipv4[i].q.val();
        }

        // Second to sixth clock: sums of 2, of 4, of 8, of 16, of all.
        for i in 0..28 {
            self.word_a.next = self.words[2 * i].q.val();
            self.word_b.next = self.words[2 * i + 1].q.val();
            self.twos[i].d.next = bit_cast::<17, 16>(self.word_a.val()) + bit_cast::<17, 16>(self.word_b.val());
        }
        for i in 0..14 {
            self.two_a.next = self.twos[2 * i].q.val();
            self.two_b.next = self.twos[2 * i + 1].q.val();
            self.fours[i].d.next = bit_cast::<18, 17>(self.two_a.val()) + bit_cast::<18, 17>(self.two_b.val());
        }
        for i in 0..7 {
            self.four_a.next = self.fours[2 * i].q.val();
            self.four_b.next = self.fours[2 * i + 1].q.val();
            self.eights[i].d.next = bit_cast::<19, 18>(self.four_a.val()) + bit_cast::<19, 18>(self.four_b.val());
        }
        for i in 0..3 {
            self.eight_a.next = self.eights[2 * i].q.val();
            self.eight_b.next = self.eights[2 * i + 1].q.val();
            self.sixteens[i].d.next = bit_cast::<20, 19>(self.eight_a.val()) + bit_cast::<20, 19>(self.eight_b.val());
        }
        // The next header of the pseudo-header: 58 for ICMPv6.
        if self.is_ipv4[3].q.val() || !self.solicitations.val() {
            self.next_header.next = bits::<20>(0);
        } else {
            self.next_header.next = bits::<20>(58);
        }
        self.sixteens[3].d.next = bit_cast::<20, 19>(self.eights[6].q.val()) + self.next_header.val();
        self.sum.d.next = (bit_cast::<22, 20>(self.sixteens[0].q.val()) + bit_cast::<22, 20>(self.sixteens[1].q.val()))
            + (bit_cast::<22, 20>(self.sixteens[2].q.val()) + bit_cast::<22, 20>(self.sixteens[3].q.val()));

        // Seventh clock: with the checksum itself among the words, the ones' complement sum is all ones. It cannot have
        // carried once more: after a carry into bit 16 the low bits are few.
        self.folded.next = bit_cast::<17, 16>(self.sum.q.val().get_bits::<16>(0))
            + bit_cast::<17, 6>(self.sum.q.val().get_bits::<6>(16));
        self.verified.d.next = self.folded.val() == 0xffff;
        self.good.next = self.verified.q.val();
    }
}
