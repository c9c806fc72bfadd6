//! Every block by name.

use nitro_card::catalogue::{card_entry, catalogue};
use nitro_card::config::Config;
use nitro_simulator::BlockEntry;

use crate::failure::Failure;

/// The components and the blocks of a configuration's card, the card itself last.
pub fn all(config: Config) -> Vec<BlockEntry> {
    let mut blocks = nitro_components::catalogue();
    blocks.extend(catalogue(config));
    blocks
}

/// The block of a name; no name means the card.
pub fn find(config: Config, name: Option<&str>) -> Result<BlockEntry, Failure> {
    let Some(name) = name else { return Ok(card_entry(config)) };
    let mut blocks = all(config);
    match blocks.iter().position(|block| block.name == name) {
        Some(index) => Ok(blocks.swap_remove(index)),
        None => {
            let known: Vec<_> = blocks.iter().map(|block| block.name).collect();
            Err(Failure::input(format!(
                "no block is called `{name}`; the blocks of {} are: {}",
                config.name(),
                known.join(", ")
            )))
        }
    }
}
