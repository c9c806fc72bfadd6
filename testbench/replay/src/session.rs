//! One replay from a VPC file and a capture to an outcome, on any engine.

use nitro_agreement::{AgreementError, Subject};
use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_netlist::ElaborateError;
use nitro_simulator::{
    BlockEntry, Engine, EngineFault, InterpretedEngine, TraceError, TraceFile, TraceOptions, TraceWriter, TracedEngine,
};
use nitro_vpc::Vpc;

use crate::capture::CapturedFrame;
use crate::modelled;
use crate::plan::{Planner, Timing};
use crate::report::Outcome;
use crate::runner::{self, Device, Disturbance, RunError};

/// Clocks that the mapping service takes to answer a query, unless it is told otherwise: 4 µs at 250 MHz.
pub const REPLY_AFTER: u64 = 1000;

/// What computes the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// The netlist, compiled into the binary.
    Compiled,
    /// The netlist, interpreted.
    Interpreted,
    /// rust_hdl's own update rules.
    RustHdl,
    /// The emitted Verilog in Verilator.
    Verilator,
    /// The golden model, without clocks.
    Model,
}

/// The fastest engine that the binary has.
impl Default for EngineKind {
    fn default() -> Self {
        if cfg!(feature = "compiled") { Self::Compiled } else { Self::Interpreted }
    }
}

impl EngineKind {
    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Compiled => "compiled",
            Self::Interpreted => "interpreted",
            Self::RustHdl => "rust_hdl",
            Self::Verilator => "verilator",
            Self::Model => "model",
        }
    }
}

/// Where a trace goes and what it shows.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The files.
    pub files: Vec<TraceFile>,
    /// Window, scopes and the length of a clock.
    pub options: TraceOptions,
}

/// How a capture is replayed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Configuration of the card.
    pub config: Config,
    /// What computes it.
    pub engine: EngineKind,
    /// Spacing of the frames.
    pub timing: Timing,
    /// Disturbances of the ports.
    pub disturbance: Disturbance,
    /// Clocks that the mapping service takes to answer a query.
    pub reply_after: u64,
    /// Every frame is a tx frame of this ENI.
    pub from: Option<u8>,
    /// Trace of the traffic's clocks.
    pub trace: Option<Trace>,
}

/// What can go wrong in a replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The card cannot be elaborated.
    #[error(transparent)]
    Elaborate(#[from] ElaborateError),
    /// The engine cannot be started.
    #[error(transparent)]
    Engine(#[from] EngineFault),
    /// The binary was built without the cards.
    #[cfg(not(feature = "compiled"))]
    #[error(
        "this binary was built without the compiled cards: use --engine interpreted, or build with default features"
    )]
    NotCompiled,
    /// The emitted Verilog could not be built.
    #[error(transparent)]
    Verilog(#[from] AgreementError),
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The model is no card.
    #[error("engine model is what cards are compared with; expected an engine with clocks")]
    NoCard,
    /// The model has no clocks, so there is nothing to trace.
    #[error("engine model has no clocks and so no trace; any other engine writes one")]
    NoTrace,
}

/// An engine whose clocks are written to a trace.
struct Traced {
    engine: Box<dyn TracedEngine>,
    writer: TraceWriter,
}

impl Device for Traced {
    fn engine(&mut self) -> &mut dyn Engine {
        &mut *self.engine
    }

    fn sample(&mut self) -> Result<(), TraceError> {
        self.writer.sample(&mut *self.engine)
    }

    fn skip(&mut self, clocks: u64) {
        self.writer.skip(clocks);
    }
}

/// An engine without a trace.
struct Untraced(Box<dyn Engine>);

impl Device for Untraced {
    fn engine(&mut self) -> &mut dyn Engine {
        self.0.as_mut()
    }
}

/// The cards in the binary.
#[cfg(feature = "compiled")]
mod compiled {
    use super::{Config, Engine, ReplayError, TracedEngine};

    #[allow(clippy::unnecessary_wraps, reason = "without the feature there are none")]
    pub(super) fn card(config: Config) -> Result<Box<dyn Engine>, ReplayError> {
        Ok(nitro_compiled::card(config))
    }

    pub(super) fn traced_card(config: Config) -> Result<Box<dyn TracedEngine>, ReplayError> {
        Ok(nitro_compiled::traced_card(config)?)
    }
}

#[cfg(not(feature = "compiled"))]
mod compiled {
    use super::{Config, Engine, ReplayError, TracedEngine};

    pub(super) fn card(_: Config) -> Result<Box<dyn Engine>, ReplayError> {
        Err(ReplayError::NotCompiled)
    }

    pub(super) fn traced_card(_: Config) -> Result<Box<dyn TracedEngine>, ReplayError> {
        Err(ReplayError::NotCompiled)
    }
}

fn verilated(entry: &BlockEntry) -> Result<Box<dyn Engine>, ReplayError> {
    let subject = Subject::new(entry, &[nitro_agreement::EngineKind::Verilator])?;
    Ok(Box::new(subject.library()?.instantiate()))
}

/// Mappings that a card's cache is filled with at one time. Software finds room for the last tenth only by long searches.
#[must_use]
pub fn mapping_capacity(config: Config) -> usize {
    4 * config.dimensions().mapping_rows() * 9 / 10
}

/// A fresh card on an engine. The model is none.
///
/// # Errors
/// If the engine cannot be had.
pub fn card(config: Config, engine: EngineKind) -> Result<Box<dyn Engine>, ReplayError> {
    let entry = card_entry(config);
    match engine {
        EngineKind::Model => Err(ReplayError::NoCard),
        EngineKind::Compiled => compiled::card(config),
        EngineKind::RustHdl => Ok(entry.rust_hdl()?),
        EngineKind::Verilator => verilated(&entry),
        EngineKind::Interpreted => Ok(Box::new(entry.interpreted()?)),
    }
}

/// Replays frames. `progress` is told the number of frames disposed of.
///
/// # Errors
/// If the engine cannot be had, the card fails, or a trace cannot be written.
pub fn replay(
    vpc: &Vpc,
    frames: &[CapturedFrame],
    options: &Options,
    progress: &mut dyn FnMut(usize),
) -> Result<Outcome, ReplayError> {
    let dimensions = options.config.dimensions();
    let plan = Planner::new(vpc, options.from).plan(frames, options.timing, mapping_capacity(options.config));
    let entry = || card_entry(options.config);
    let run = |device: &mut dyn Device, progress: &mut dyn FnMut(usize)| {
        runner::run(vpc, &plan, device, options.disturbance, options.reply_after, progress)
    };
    let traced = |engine: Box<dyn TracedEngine>, trace: &Trace, progress: &mut dyn FnMut(usize)| {
        let writer = TraceWriter::create(&trace.files, &entry().netlist()?, &trace.options)?;
        let mut device = Traced { engine, writer };
        let outcome = run(&mut device, progress)?;
        device.writer.finish()?;
        Ok(outcome)
    };
    let readable = |kind| Ok::<_, ReplayError>(Subject::new(&entry(), &[])?.traced(kind)?);
    match (options.engine, &options.trace) {
        (EngineKind::Model, Some(_)) => Err(ReplayError::NoTrace),
        (EngineKind::Model, None) => Ok(modelled::run(vpc, &plan, 1 << dimensions.connections_log2, progress)),
        (engine, None) => Ok(run(&mut Untraced(card(options.config, engine)?), progress)?),
        (EngineKind::Compiled, Some(trace)) => traced(compiled::traced_card(options.config)?, trace, progress),
        (EngineKind::RustHdl, Some(trace)) => traced(readable(nitro_agreement::EngineKind::RustHdl)?, trace, progress),
        (EngineKind::Verilator, Some(trace)) => {
            traced(readable(nitro_agreement::EngineKind::Verilator)?, trace, progress)
        }
        (EngineKind::Interpreted, Some(trace)) => {
            traced(Box::new(InterpretedEngine::traced(&entry().netlist()?)), trace, progress)
        }
    }
}
