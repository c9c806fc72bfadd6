//! Stage `eni`: the ENI's own identity.
//!
//! * **Purpose.** tx ([`tx::EniTx`]): find the ENI that a frame came from, refuse what does not carry its addresses, refuse broadcast and
//!   multicast that no responder takes (they do not exist in a VPC), and learn whose address must be looked up.
//!   rx ([`rx::EniRx`]): find the ENI that a frame goes to. Both: does the other end lie in the ENI's subnet, or is it one of the
//!   services that policies do not concern?
//! * **Ports.** `rx`, `tx`: flows of [`Packet`](crate::record::Packet); `table`: writes to the ENI table and to the
//!   local-address table; `hash_key`: key of the latter's hash; `gateway_mac`.
//! * **Latency.** Constant, one packet per clock: [`tx::LATENCY`], `rx::LATENCY`.
//! * **Drop reasons.** `spoofed_mac`, `spoofed_ip`, `no_broadcast`, `no_such_eni`.
//! * **Counters.** None of its own: drops count where the verdict is final.
//! * **Source.** Source/destination checks and the absence of broadcast as in Amazon VPC; RFC 5227 (ARP probes from 0.0.0.0);
//!   RFC 4861, section 4 (link-local and unspecified sources of neighbour discovery); RFC 4291, section 2.5.6
//!   (link-local addresses) and appendix A (EUI-64 from a MAC).

pub mod identify;
pub mod rows;
pub mod rx;
pub mod subnet;
pub mod tx;
