//! Elaborates every shipped card and writes it as Rust source.

use std::path::PathBuf;

use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_compiler::{Options, compile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Only what this depends on changes the output, and cargo follows dependencies by itself.
    println!("cargo::rerun-if-changed=build.rs");
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    for config in Config::ALL {
        let netlist = card_entry(*config).netlist()?;
        // The small card is for tests, which do not wait for it.
        let wide = *config != Config::Tiny;
        let plain = Options { wide, ..Options::default() };
        std::fs::write(folder.join(format!("{config}.rs")), compile(&netlist, plain)?)?;
        let traced = Options { trace: true, wide: false, ..Options::default() };
        std::fs::write(folder.join(format!("{config}_traced.rs")), compile(&netlist, traced)?)?;
    }
    Ok(())
}
