//! Every block of a card, by name, for tools and for the agreement of all engines.

use nitro_simulator::BlockEntry;

use crate::card::TX_WINDOW;
use crate::config::Config;
use crate::eni::rx::EniRx;
use crate::rx_path::RxPath;
use crate::rx_path::entrance::Entrance;
use crate::{conntrack, control, decap, parser, token, tx_path, waiting_room};

/// The whole card.
#[must_use]
pub fn card_entry(config: Config) -> BlockEntry {
    config.card_entry()
}

/// Entries of the blocks whose types depend on the dimensions, without the card.
pub(crate) fn sized_entries<
    const W: usize,
    const K: usize,
    const CA: usize,
    const CB: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
    const NQ: usize,
    const SQ: usize,
    const RL: usize,
    const RA: usize,
>() -> Vec<BlockEntry> {
    let mut entries = decap::entries::<W, K>();
    entries.extend(tx_path::entries::<W, K, TX_WINDOW, CA, CB, PA, EA, LA, MA, NA, NQ, SQ, RL, RA>());
    entries.push(BlockEntry::of("eni_rx", EniRx::<EA, LA>::default));
    entries.push(BlockEntry::of("rx_path_entrance", Entrance::<W, K>::default));
    entries.push(BlockEntry::of("rx_path", RxPath::<W, K, CA, CB, PA, EA, LA, NA, NQ, SQ, RL, RA>::default));
    entries
}

/// The connection table in a size for tests.
fn conntrack_entries(config: Config) -> Vec<BlockEntry> {
    match config {
        Config::Line => conntrack::entries::<5, 3, 7, 4>(115),
        Config::Edge => conntrack::entries::<3, 3, 5, 1>(24),
        Config::Tiny => conntrack::entries::<2, 2, 4, 1>(14),
    }
}

/// All blocks of a configuration; the whole card is the last.
#[must_use]
pub fn catalogue(config: Config) -> Vec<BlockEntry> {
    let mut entries = parser::parser_entries();
    entries.extend(token::entries());
    entries.extend(waiting_room::entries());
    entries.extend(conntrack_entries(config));
    entries.extend(control::entries(config.dimensions().capabilities()));
    entries.extend(config.sized_entries());
    entries
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_the_card_is_last() {
        for config in Config::ALL {
            let entries = catalogue(*config);
            let names: BTreeSet<_> = entries.iter().map(|entry| entry.name).collect();
            assert_eq!(names.len(), entries.len(), "{config}");
            assert!(entries.last().is_some_and(|entry| entry.name == "card"));
        }
    }
}
