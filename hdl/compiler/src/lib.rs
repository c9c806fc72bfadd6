//! The compiler of flat netlists: Rust source, one function call a clock.
//!
//! [`compile`] gives a self-contained module (only the standard library) with a `State` and the functions `power_up`, `set`,
//! `set_all`, `settle`, `get`, `get_all` and `edge`. What makes it fast:
//!
//! * every value is cut into 64-bit words ([`graph`]), and fields of records become shifts and masks that mostly vanish;
//! * the design is cut into regions that are skipped while nothing that they read changes ([`partition`]);
//! * registers change in place, read before written; multiplexers with work behind them are branches ([`scope`]).

mod generate;
mod graph;
mod layout;
mod lower;
mod partition;
mod scope;

use nitro_netlist::Netlist;
use nitro_simulator::validate::{NetlistError, validate};

use crate::graph::Cell;
use crate::partition::{Item, Sizes};

/// Why a netlist cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// It breaks a rule of netlists.
    #[error("netlist {name}: {error}")]
    Invalid {
        /// Name of the netlist.
        name: String,
        /// The rule.
        error: NetlistError,
    },
}

/// How a netlist is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Simplifies the netlist first.
    pub optimise: bool,
    /// Skips regions at rest.
    pub guards: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { optimise: true, guards: true }
    }
}

/// The Rust source of a netlist.
///
/// # Errors
/// [`CompileError`] if the netlist is not valid; every netlist of the elaborator is.
pub fn compile(netlist: &Netlist, options: Options) -> Result<String, CompileError> {
    validate(netlist).map_err(|error| CompileError::Invalid { name: netlist.name.clone(), error })?;
    let mut reduced = if options.optimise { nitro_simulator::optimise(netlist, false) } else { netlist.clone() };
    reduced.trace.clear();
    let mut lowered = lower::lower(&reduced);
    let paths = |item: Item| match item {
        Item::Register(index) => reduced.registers[index].path.clone(),
        Item::Memory(index) => format!("{}.memory", reduced.memories[index].path),
    };
    let sizes = Sizes { group: 48, level: 12, repeat: 3 };
    let partition = partition::partition(&mut lowered, &paths, sizes);
    let order = place_order(&lowered, &partition);
    let layout = layout::Layout::new(&mut lowered.graph, order, &partition.staged, &lowered.memories);
    Ok(generate::generate(&reduced, &lowered, &partition, &layout, options.guards))
}

/// Inputs, kept values and then registers, as the regions come.
fn place_order(lowered: &lower::Lowered, partition: &partition::Partition) -> Vec<Cell> {
    let kept = partition.values.iter().flatten().map(|w| partition.kept[w]);
    let state = partition.sinks.iter().flatten().flat_map(|&item| partition::item_cells(lowered, item));
    lowered.inputs.iter().copied().chain(kept).chain(state).collect()
}
