//! Clock-by-clock simulation: the common [`Engine`] and its implementations.
//!
//! * [`Interpreter`] runs any netlist at once, over many lanes.
//! * [`CompiledEngine`] runs a design that was compiled into the program.
//! * [`RustHdlEngine`] drives the live block by `rust_hdl`'s own rules, as the reference for all others.

pub mod catalogue;
mod compiled;
pub mod engine;
mod interpreter;
pub mod optimise;
pub mod random;
mod rust_hdl_engine;
mod rust_hdl_trace;
mod thread_engine;
pub mod trace;
pub mod validate;
mod words;

pub use catalogue::BlockEntry;
pub use compiled::{CompiledDesign, CompiledEngine, CompiledLanes, TracedDesign};
pub use engine::{Engine, EngineFault, PortInfo, image_words};
pub use interpreter::{InterpretedEngine, Interpreter, Lane, Options, RestoreError, Snapshot, port_words};
pub use optimise::optimise;
pub use rust_hdl_engine::{LiveBlock, RustHdlEngine};
pub use thread_engine::ThreadEngine;
pub use trace::{
    Completion, TraceError, TraceFile, TraceFormat, TraceOptions, TraceSize, TraceSource, TraceWriter, TracedEngine,
};
