//! Blocks by name: what a test or a tool needs to run any of them in any engine.

use std::sync::Arc;

use nitro_netlist::{Design, ElaborateError, Netlist, elaborate, with_large_stack};

use crate::engine::{Engine, EngineFault};
use crate::interpreter::InterpretedEngine;
use crate::rust_hdl_engine::{LiveBlock, RustHdlEngine};
use crate::thread_engine::ThreadEngine;
use crate::trace::TracedEngine;

/// A block with its name.
///
/// Catalogues have hundreds of these: all that is compiled for each is how to make the block.
pub struct BlockEntry {
    /// Name of the block, and of its top module.
    pub name: &'static str,
    make: Arc<dyn Fn() -> Box<dyn LiveBlock> + Send + Sync>,
}

impl BlockEntry {
    /// An entry for the block that `make` makes; one line a block:
    /// `BlockEntry::of("spill", || Spill::<Bits<8>>::default())`.
    pub fn of<B, F>(name: &'static str, make: F) -> Self
    where
        B: LiveBlock + 'static,
        F: Fn() -> B + Send + Sync + 'static,
    {
        Self { name, make: Arc::new(move || Box::new(make())) }
    }

    /// Elaborates a fresh block.
    ///
    /// # Errors
    /// What the elaborator finds.
    pub fn elaborate(&self) -> Result<Design, ElaborateError> {
        with_large_stack(|| elaborate((self.make)().as_block(), self.name))
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
        let make = Arc::clone(&self.make);
        Ok(Box::new(ThreadEngine::new(move || RustHdlEngine::new(make()))?))
    }

    /// A fresh block under `rust_hdl`'s own rules, with the signals of its netlist's trace readable.
    ///
    /// # Errors
    /// If its thread cannot be started, or `netlist` is of another block.
    pub fn rust_hdl_traced(&self, netlist: &Netlist) -> Result<Box<dyn TracedEngine>, EngineFault> {
        let (make, own) = (Arc::clone(&self.make), netlist.clone());
        let build = move || {
            let mut engine = RustHdlEngine::new(make());
            engine.trace(&own).map(|()| engine)
        };
        Ok(Box::new(ThreadEngine::traced(build, netlist)?))
    }
}

impl std::fmt::Debug for BlockEntry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BlockEntry").field("name", &self.name).finish_non_exhaustive()
    }
}
