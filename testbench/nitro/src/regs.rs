//! `nitro regs`: the register map.

use nitro_wire::registers::{c_header, json, markdown, systemrdl};

use crate::args::{Regs, RegsFormat};
use crate::failure::Failure;

/// Prints the register map.
pub fn run(options: &Regs) -> Result<(), Failure> {
    match options.format {
        RegsFormat::Md => print!("{}", markdown()),
        RegsFormat::C => print!("{}", c_header()),
        RegsFormat::Rdl => print!("{}", systemrdl()),
        RegsFormat::Json => println!("{}", serde_json::to_string_pretty(&json()).map_err(Failure::check)?),
    }
    Ok(())
}
