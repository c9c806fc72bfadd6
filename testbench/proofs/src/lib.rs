//! Proofs of the emitted Verilog with SymbiYosys: properties that hold for every input and for ever, or to a stated depth.
//!
//! A [`Proof`] is a property of a block of the catalogue, and how it is proven. [`Proof::run`] gives the Verilog that anybody else gets, together with
//! a harness that assumes what the block's surroundings promise and asserts what it promises itself, to SymbiYosys. Each proof
//! has a planted fault ([`Proof::run_planted`]), which it must find: a property that cannot fail proves nothing.
//!
//! What is assumed of the surroundings: reset in the first clock, and later whenever they like; streams that follow the rules; and of an input that belongs to
//! no stream, that it holds while a stream that comes in has to wait, if the block says so of it.

mod harness;
mod proofs;

use nitro_netlist::ElaborateError;
use nitro_simulator::BlockEntry;
use nitro_tools::{ProofEngine, Proven, ToolError, Tools};

pub use proofs::proofs;

/// What is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// Every stream that goes out keeps its rules: what is offered and not taken is offered again, unchanged.
    Streams,
    /// What enters at `rx` leaves at `tx`, each item once and in order; at most so many are inside.
    Order {
        /// Items inside, at most.
        capacity: u8,
    },
    /// Frames that enter at `rx` leave at `tx` with all their beats, in order, or not at all, which `dropped` tells.
    WholeFrames,
}

impl Property {
    /// A name for tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Order { .. } => "order",
            Self::WholeFrames => "whole_frames",
        }
    }
}

/// A change of the block's Verilog that breaks the property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted {
    /// A text that stands in it once.
    pub text: &'static str,
    /// What stands in its place.
    pub fault: &'static str,
}

/// A property of a block, and how it is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Name of the block in the catalogue.
    pub block: &'static str,
    /// What is proven.
    pub property: Property,
    /// How.
    pub engine: ProofEngine,
    /// A fault that it finds.
    pub planted: Planted,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The block is not in the catalogue.
    #[error("no block is called `{0}`")]
    NoBlock(&'static str),
    /// The block cannot be elaborated.
    #[error(transparent)]
    Elaborate(#[from] ElaborateError),
    /// A fault cannot be planted any more.
    #[error("`{text}` stands {count} times in the Verilog of `{block}`, not once")]
    NotPlanted {
        /// The block.
        block: &'static str,
        /// What is looked for.
        text: &'static str,
        /// How often it is there.
        count: usize,
    },
    /// The block has not the ports that the property is about.
    #[error("`{block}` has no port `{port}`, which its property is about")]
    NoPort {
        /// The block.
        block: &'static str,
        /// The port.
        port: String,
    },
    /// The tools fail.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

impl Proof {
    fn entry(&self) -> Result<BlockEntry, ProofError> {
        let blocks = nitro_components::catalogue();
        blocks.into_iter().find(|block| block.name == self.block).ok_or(ProofError::NoBlock(self.block))
    }

    fn prove(&self, tools: &Tools, planted: bool) -> Result<Proven, ProofError> {
        let design = self.entry()?.elaborate()?;
        let harness = harness::harness(&design, self)?;
        let mut verilog = design.verilog().text();
        if planted {
            let Planted { text, fault } = self.planted;
            let count = verilog.matches(text).count();
            if count != 1 {
                return Err(ProofError::NotPlanted { block: self.block, text, count });
            }
            verilog = verilog.replace(text, fault);
        }
        Ok(tools.symbiyosys().prove(&verilog, &harness, harness::TOP, self.engine)?)
    }

    /// Runs the proof.
    ///
    /// # Errors
    /// If it cannot be run. That the property does not hold is no error.
    pub fn run(&self, tools: &Tools) -> Result<Proven, ProofError> {
        self.prove(tools, false)
    }

    /// The same with the planted fault.
    ///
    /// # Errors
    /// If it cannot be run, or the fault cannot be planted.
    pub fn run_planted(&self, tools: &Tools) -> Result<Proven, ProofError> {
        self.prove(tools, true)
    }
}
