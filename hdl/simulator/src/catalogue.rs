//! Blocks by name: what a test or a tool needs to run any of them in any engine.

use nitro_netlist::{Design, ElaborateError, Netlist, Ports, elaborate, with_large_stack};
use rust_hdl::prelude::Block;

use crate::engine::{Engine, EngineFault};
use crate::interpreter::InterpretedEngine;
use crate::rust_hdl_engine::RustHdlEngine;
use crate::thread_engine::ThreadEngine;
use crate::trace::TracedEngine;

type Elaborate = dyn Fn() -> Result<Design, ElaborateError> + Send + Sync;
type Start = dyn Fn() -> Result<Box<dyn Engine>, EngineFault> + Send + Sync;
type StartTraced = dyn Fn(&Netlist) -> Result<Box<dyn TracedEngine>, EngineFault> + Send + Sync;

/// A block with its name.
pub struct BlockEntry {
    /// Name of the block, and of its top module.
    pub name: &'static str,
    elaborate: Box<Elaborate>,
    rust_hdl: Box<Start>,
    rust_hdl_traced: Box<StartTraced>,
}

impl BlockEntry {
    /// An entry for the block that `make` makes; one line a block:
    /// `BlockEntry::of("spill", || Spill::<Bits<8>>::default())`.
    pub fn of<B, F>(name: &'static str, make: F) -> Self
    where
        B: Block + Ports + 'static,
        F: Fn() -> B + Clone + Send + Sync + 'static,
    {
        let (live, traced) = (make.clone(), make.clone());
        Self {
            name,
            elaborate: Box::new(move || with_large_stack(|| elaborate(&*Box::new(make()), name))),
            rust_hdl: Box::new(move || {
                let make = live.clone();
                let engine = ThreadEngine::new(move || RustHdlEngine::new(Box::new(make())))?;
                Ok(Box::new(engine))
            }),
            rust_hdl_traced: Box::new(move |netlist| {
                let (make, own) = (traced.clone(), netlist.clone());
                let build = move || {
                    let mut engine = RustHdlEngine::new(Box::new(make()));
                    engine.trace(&own).map(|()| engine)
                };
                Ok(Box::new(ThreadEngine::traced(build, netlist)?))
            }),
        }
    }

    /// Elaborates a fresh block.
    ///
    /// # Errors
    /// What the elaborator finds.
    pub fn elaborate(&self) -> Result<Design, ElaborateError> {
        (self.elaborate)()
    }

    /// The flat netlist of a fresh block.
    ///
    /// # Errors
    /// What the elaborator finds.
    pub fn netlist(&self) -> Result<Netlist, ElaborateError> {
        self.elaborate().map(|design| design.flatten())
    }

    /// A fresh block in the interpreter.
    ///
    /// # Errors
    /// What the elaborator finds.
    pub fn interpreted(&self) -> Result<InterpretedEngine, ElaborateError> {
        self.netlist().map(|netlist| InterpretedEngine::new(&netlist))
    }

    /// A fresh block under `rust_hdl`'s own rules.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn rust_hdl(&self) -> Result<Box<dyn Engine>, EngineFault> {
        (self.rust_hdl)()
    }
}

impl BlockEntry {
    /// A fresh block under `rust_hdl`'s own rules, with the signals of its netlist's trace readable.
    ///
    /// # Errors
    /// If its thread cannot be started, or `netlist` is of another block.
    pub fn rust_hdl_traced(&self, netlist: &Netlist) -> Result<Box<dyn TracedEngine>, EngineFault> {
        (self.rust_hdl_traced)(netlist)
    }
}

impl std::fmt::Debug for BlockEntry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BlockEntry").field("name", &self.name).finish_non_exhaustive()
    }
}
