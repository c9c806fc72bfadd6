//! Stage `responder`: the card answers ARP, neighbour discovery, DHCP, and echo requests to the gateway itself; none of these
//! ever reaches the network. It also tells senders of datagrams that are too big for their way.
//!
//! * **Purpose.** [`ask::ResponderAsk`] judges the request (before the mapping is known), [`answer::ResponderAnswer`] finds the
//!   MAC to tell (the gateway's, or the peer's virtual MAC out of its mapping), [`sum::ReplySum`] adds up the answer's checksum
//!   beside them, and [`reply::Reply`] makes the frame once the join has decided. A router solicitation asks for the gateway
//!   and the prefix of the ENI's IPv6 subnet, which `eni` has put where the target of other solicitations is. An echo's answer
//!   is the request itself, which [`echo::EchoEdit`] edits on its way to the guest; [`too_big::TooBig`] quotes a frame's
//!   beginning ([`quote::Quote`]). [`dhcp::Dhcp`] reads DHCP messages beside the path, one after the other.
//! * **Ports.** `rx`, `tx`: flows of [`Packet`](crate::record::Packet); `gateway_mac`.
//! * **Latency.** 1 clock each ([`ask::LATENCY`], [`answer::LATENCY`]); a reply's first beat leaves 1 clock after its record.
//!   [`too_big::LATENCY`] for a quote.
//! * **Drop reasons.** `bad_arp`, `arp_unanswered`, `bad_nd`, `nd_unanswered`; DHCP: `no_broadcast`.
//! * **Counters.** None of its own: replies and drops count where the verdict is final.
//! * **Source.** ARP: RFC 826, RFC 5227 (probes). Neighbour discovery: RFC 4861, sections 7.1.1, 7.2.3 and 7.2.4; routers:
//!   sections 4.2, 6.1.1 and 6.2.3. What a VPC answers: the gateway is the subnet's base + 1; a host never hears of its own
//!   address; a router advertises the subnet as on the link, but addresses come from DHCPv6.

pub mod answer;
pub mod ask;
pub mod dhcp;
pub mod echo;
pub mod link_local;
pub mod quote;
pub mod reply;
pub mod sum;
pub mod too_big;

use nitro_simulator::BlockEntry;

/// The blocks of this folder on ports of `W` bits = `K` bytes, for `2^EA` ENIs.
#[must_use]
pub fn entries<const W: usize, const K: usize, const EA: usize>() -> Vec<BlockEntry> {
    let mut entries = vec![
        BlockEntry::of("responder_ask", ask::ResponderAsk::default),
        BlockEntry::of("responder_answer", answer::ResponderAnswer::default),
        BlockEntry::of("responder_sum", sum::ReplySum::default),
        BlockEntry::of("responder_reply", reply::Reply::<W, K>::default),
        BlockEntry::of("responder_echo", echo::EchoEdit::default),
        BlockEntry::of("responder_quote", quote::Quote::<W, K>::default),
        BlockEntry::of("responder_too_big", too_big::TooBig::<W, K>::default),
    ];
    entries.extend(dhcp::entries::<W, K, EA>());
    entries
}
