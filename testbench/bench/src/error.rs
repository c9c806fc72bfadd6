//! What can go wrong in a benchmark.

use nitro_agreement::AgreementError;
use nitro_driver::DriverError;
use nitro_netlist::ElaborateError;
use nitro_simulator::EngineFault;
use nitro_tools::ToolError;
use nitro_vpc::VpcError;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A design cannot be elaborated.
    #[error(transparent)]
    Elaborate(#[from] ElaborateError),
    /// An engine's values are not to be trusted.
    #[error(transparent)]
    Engine(#[from] EngineFault),
    /// Verilator or the C++ compiler failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The emitted Verilog could not be built.
    #[error(transparent)]
    Verilog(#[from] AgreementError),
    /// The card could not be programmed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The embedded VPC file is wrong.
    #[error(transparent)]
    Vpc(#[from] VpcError),
    /// A file could not be read or written, or a program not be started.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which file or program.
        path: String,
        /// Why it failed.
        source: std::io::Error,
    },
}
