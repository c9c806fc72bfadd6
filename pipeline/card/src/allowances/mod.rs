//! `allowances`: what an interface may use of the card, and what it lost because it asked for more.
//!
//! * **Purpose.** Packets to link-local services pass without connections and rules, so that no rule can cut a guest off from them; a
//!   rate for each interface keeps them from being flooded. What interfaces lose because of this and other allowances is counted
//!   for each.
//! * **Ports.** See the blocks.
//! * **Latency.** [`buckets::Buckets`] says within the clock whether a packet may pass, and counts it at the clock's end.
//! * **Drop reasons.** `linklocal_allowance_exceeded`, which the tx path sets in front of its dispatcher: a packet pays only when
//!   nothing else holds it back.
//! * **Counters.** Those of `nitro_wire::counters::EniCounter`, in [`counters::EniCounters`].
//! * **Source.** The card's contract, sections 3 and 9. Names of the counters: the public driver of such cards.
//!
//! The limit of connections is kept where connections are: [`conntrack::limits`](crate::conntrack::limits).

pub mod buckets;
pub mod counters;

use nitro_simulator::BlockEntry;

/// The stage's blocks for `2^EA` interfaces; `EC` is `EA` + 3.
#[must_use]
pub fn entries<const EA: usize, const EC: usize>() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("allowances_buckets", buckets::Buckets::<EA>::default),
        BlockEntry::of("allowances_counters", counters::EniCounters::<EA, EC>::default),
    ]
}
