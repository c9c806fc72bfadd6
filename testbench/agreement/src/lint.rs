//! The emitted Verilog of a block before the tools of others.

use nitro_simulator::BlockEntry;
use nitro_tools::{Checked, Tools};

use crate::error::AgreementError;
use crate::subject::Subject;

/// Checks the Verilog of a block: no warning from Verilator (`-Wall`, no waivers), slang (`-Weverything`) nor Yosys, no latch, no loop,
/// no undriven wire, and every memory recognised as a memory. Returns what Yosys counted.
///
/// # Errors
/// At the first objection.
pub fn lint(entry: &BlockEntry) -> Result<Checked, AgreementError> {
    lint_on(&Subject::new(entry, &[])?)
}

/// As [`lint`], on a block that is ready.
///
/// # Errors
/// At the first objection.
pub fn lint_on(subject: &Subject<'_>) -> Result<Checked, AgreementError> {
    let tools = Tools::locate()?;
    let package = subject.design().verilog();
    let files: Vec<(&str, &str)> = package.files.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    tools.verilator().lint(&files, &package.top)?;
    tools.slang().lint(&files, &package.top)?;
    let checked = tools.yosys().check(&package.text(), &package.top)?;
    let expected = subject.netlist().memories.len();
    // Yosys may make more of them: it also finds ROMs in case statements.
    if checked.memories < expected as u64 {
        let block = subject.name().to_owned();
        return Err(AgreementError::Memories { block, expected, found: checked.memories });
    }
    Ok(checked)
}
