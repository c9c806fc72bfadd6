//! The open hardware tools, as a library: Yosys, nextpnr, Verilator and slang, installed by itself on first use.
//!
//! ```no_run
//! # fn main() -> Result<(), nitro_tools::ToolError> {
//! let tools = nitro_tools::Tools::locate()?;
//! tools.yosys().check("module top(input wire a, output wire y); assign y = ~a; endmodule", "top")?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Tools::locate`] makes a virtual environment below Cargo's target folder from `synth/requirements.txt`, whose
//! hashes pin every file. [`VerilatedLibrary`] is emitted Verilog as a loadable library, built once per content;
//! [`VerilatedModel`] is one instance of it and a [`nitro_simulator::Engine`].

mod directory;
mod error;
mod install;
mod nextpnr;
mod process;
mod slang;
mod symbiyosys;
mod synthesis;
pub mod verilator;
mod yosys;

pub use directory::target_directory;
pub use error::ToolError;
pub use install::Tools;
pub use nextpnr::{Nextpnr, PathStep, PlaceAndRoute, Placed, Utilisation};
pub use slang::Slang;
pub use symbiyosys::{ProofEngine, Proven, SymbiYosys};
pub use synthesis::{Area, ModuleArea, Synthesised, Technology};
pub use verilator::{Effort, TracedModel, VerilatedLibrary, VerilatedModel, Verilator, VerilogDesign};
pub use yosys::{Checked, Yosys};
