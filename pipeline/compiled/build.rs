//! Elaborates every shipped card and writes it as Rust source.

use std::path::PathBuf;

use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_compiler::{Options, compile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Only what this depends on changes the output, and cargo follows dependencies by itself.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(swift)");
    // The text of a traced card is twice that of a plain one, and a second copy for wide vectors doubles it once more: minutes of compiling that
    // tests do not gain back.
    let swift = std::env::var("PROFILE")? == "release";
    if swift {
        println!("cargo::rustc-cfg=swift");
    }
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    for config in Config::ALL {
        let netlist = card_entry(*config).netlist()?;
        let small = *config == Config::Tiny;
        let plain = Options { wide: swift && !small, ..Options::default() };
        std::fs::write(folder.join(format!("{config}.rs")), compile(&netlist, plain)?)?;
        if swift || small {
            let traced = Options { trace: true, wide: false, ..Options::default() };
            std::fs::write(folder.join(format!("{config}_traced.rs")), compile(&netlist, traced)?)?;
        }
    }
    Ok(())
}
