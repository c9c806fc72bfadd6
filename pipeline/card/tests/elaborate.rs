//! Every block of every configuration elaborates.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;

#[test]
fn every_block_elaborates() {
    for config in Config::ALL {
        let failures: Vec<_> = catalogue(*config)
            .iter()
            .filter_map(|entry| entry.elaborate().err().map(|error| format!("{config}/{}: {error}", entry.name)))
            .collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}
