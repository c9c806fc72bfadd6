//! What can keep a block from passing.

use nitro_compiler::program::ProgramError;
use nitro_netlist::ElaborateError;
use nitro_simulator::engine::EngineFault;
use nitro_tools::ToolError;

use crate::compare::CompareError;
use crate::stimulus::Case;

/// Why a block did not pass.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// The block cannot be elaborated.
    #[error("block `{block}` cannot be elaborated: {source}")]
    Elaborate {
        /// The block.
        block: String,
        /// Why.
        source: Box<ElaborateError>,
    },
    /// The live block could not be set up for `rust_hdl`'s own rules.
    #[error("block `{block}` cannot be simulated by rust_hdl: {source}")]
    RustHdl {
        /// The block.
        block: String,
        /// Why.
        source: EngineFault,
    },
    /// A hardware tool failed or objects to the Verilog.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// Yosys found fewer memories in the Verilog than the design has: some became registers.
    #[error("block `{block}` has {expected} memories, Yosys recognises {found} in its Verilog")]
    Memories {
        /// The block.
        block: String,
        /// Memories of the netlist.
        expected: usize,
        /// Memories that Yosys recognised.
        found: u64,
    },
    /// The engines do not agree, or one of them gave up.
    #[error("{source}{}", show_case(case.as_ref()))]
    Compare {
        /// What happened.
        source: CompareError,
        /// The random case that it happened in, if it was one.
        case: Option<Case>,
    },
    /// A compiled program has no named signals.
    #[error("a netlist that is compiled for a comparison has no trace; any other engine has one")]
    NoTrace,
    /// A netlist could not be compiled to a program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A stored case cannot be read.
    #[error("stored case {}: {reason}", path.display())]
    Stored {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: StoredError,
    },
}

/// What is wrong with a file of stored cases.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is not what it should be.
    #[error("is not of the form {{\"block\", \"description\", \"cases\"}}: {0}")]
    Form(#[from] serde_json::Error),
    /// It names a block that is not in the catalogue.
    #[error("names block `{0}`, which the catalogue does not have")]
    UnknownBlock(String),
}

/// How to keep the case for good.
fn show_case(case: Option<&Case>) -> String {
    match case.map(serde_json::to_string) {
        Some(Ok(text)) => format!("; to keep the case: vectors/agreement/, \"cases\": [{text}]"),
        _ => String::new(),
    }
}
