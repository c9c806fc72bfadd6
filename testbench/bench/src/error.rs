//! What can go wrong in a benchmark.

use nitro_agreement::AgreementError;
use nitro_compiler::program::ProgramError;
use nitro_driver::DriverError;
use nitro_netlist::ElaborateError;
use nitro_simulator::{EngineFault, TraceError};
use nitro_tools::ToolError;
use nitro_vpc::VpcError;

use crate::cold_start::ColdStartError;

impl BenchError {
    /// Whether it is the fault of whoever asked.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

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
    /// A design cannot be compiled.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Verilator or the C++ compiler failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The emitted Verilog could not be built.
    #[error(transparent)]
    Verilog(#[from] AgreementError),
    /// The card could not be programmed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A trace could not be written.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// An edit could not be built and replayed.
    #[error(transparent)]
    ColdStart(#[from] ColdStartError),
    /// The embedded VPC file is wrong.
    #[error(transparent)]
    Vpc(#[from] VpcError),
    /// A name that means nothing.
    #[error("no {kind} is called `{name}`; there are: {}", known.join(", "))]
    Unknown {
        /// Kind of thing.
        kind: &'static str,
        /// The name.
        name: String,
        /// Names that mean something.
        known: Vec<&'static str>,
    },
    /// A card without a port that every card has.
    #[error("the design has no port `{0}`")]
    NoPort(String),
    /// The traffic should go all the way.
    #[error("`{design}` dropped {frames} frames of workload `{workload}`, all of which should pass")]
    Dropped {
        /// The configuration.
        design: &'static str,
        /// The workload.
        workload: &'static str,
        /// How many.
        frames: u64,
    },
    /// What is measured does not do what the measurement is about.
    #[error("the measurement means nothing: {0}")]
    Traffic(String),
    /// A port broke the rules of its handshake, or is not there.
    #[error(transparent)]
    Port(#[from] nitro_components::bench::BenchError),
    /// Two engines differ, so that their speeds mean nothing.
    #[error(
        "engine {engine} gives other outputs for `{design}` under `{workload}` than the handshake that it was recorded \
         from: hash {found:016x}, expected {expected:016x}"
    )]
    Unequal {
        /// The design.
        design: String,
        /// The workload.
        workload: String,
        /// The engine.
        engine: String,
        /// The hash of its outputs.
        found: u64,
        /// The hash that it should be.
        expected: u64,
    },
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
