//! The compiler of flat netlists: Rust source, one function call a clock.
//!
//! [`compile`] gives a self-contained module (only the standard library) with a `State` and the functions `power_up`, `set`,
//! `set_all`, `settle`, `get`, `get_all` and `edge`, and those that traces need. `settle` and `edge` take any number of states:
//! a function runs over all of them while its code is at hand. What makes it fast:
//!
//! * every value is cut into 64-bit words ([`graph`]), and fields of records become shifts and masks that mostly vanish;
//! * the design is cut into regions that are skipped while nothing that they read changes ([`partition`]);
//! * registers change in place, read before written; multiplexers with work behind them are branches ([`scope`]).

mod context;
mod generate;
mod graph;
mod layout;
mod lower;
mod partition;
pub mod program;
mod scope;

use std::collections::HashMap;

use nitro_netlist::Netlist;
use nitro_simulator::validate::{NetlistError, validate};

use crate::graph::{Cell, Graph, Op, W};
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
    /// Keeps every named signal readable, at some cost in speed and in time to compile.
    pub trace: bool,
    /// Has a second copy of the code for processors with 256-bit vectors, chosen when a design is started.
    pub wide: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { optimise: true, guards: true, trace: false, wide: true }
    }
}

/// The Rust source of a netlist.
///
/// # Errors
/// [`CompileError`] if the netlist is not valid; every netlist of the elaborator is.
pub fn compile(netlist: &Netlist, options: Options) -> Result<String, CompileError> {
    validate(netlist).map_err(|error| CompileError::Invalid { name: netlist.name.clone(), error })?;
    let mut reduced =
        if options.optimise { nitro_simulator::optimise(netlist, options.trace) } else { netlist.clone() };
    if !options.trace {
        reduced.trace.clear();
    }
    let mut lowered = lower::lower(&reduced);
    let paths = |item: Item| match item {
        Item::Register(index) => reduced.registers[index].path.clone(),
        Item::Memory(index) => format!("{}.memory", reduced.memories[index].path),
    };
    // Measured on the cards: larger regions spill more, smaller ones test more; below 8 and above 40 operations are worse.
    let sizes = Sizes { group: 48, level: 12, repeat: 20 };
    let partition = partition::partition(&mut lowered, &paths, sizes);
    let order = place_order(&lowered, &partition);
    let layout = layout::Layout::new(&mut lowered.graph, order, &partition.staged, &lowered.memories);
    Ok(generate::generate(&reduced, &lowered, &partition, &layout, options))
}

/// What a register takes when it is neither reset nor held.
fn strip(graph: &Graph, mut next: W) -> W {
    while let Op::Mux(_, then, otherwise) = *graph.op(next) {
        next = if matches!(graph.op(then), Op::Const(_)) { otherwise } else { then };
    }
    next
}

/// Inputs, kept values and then registers, as the regions come.
fn place_order(lowered: &lower::Lowered, partition: &partition::Partition) -> Vec<Cell> {
    let kept = partition.values.iter().flatten().map(|w| partition.kept[w]);
    // Registers that pass a value on stand in the same order in every region, so that whole runs are copied at once.
    let mut from = HashMap::new();
    for register in &lowered.registers {
        if let [first, ..] = register.next[..]
            && let Op::Load(cell, 0) = *lowered.graph.op(strip(&lowered.graph, first))
            && cell != register.cell
        {
            from.insert(register.cell, cell);
        }
    }
    let origin = |cell: Cell| {
        let mut origin = cell;
        let mut steps = 0;
        while let Some(&before) = from.get(&origin)
            && steps < from.len()
        {
            origin = before;
            steps += 1;
        }
        origin
    };
    let state = partition.sinks.iter().flat_map(|items| {
        let mut cells: Vec<Cell> = items.iter().flat_map(|&item| partition::item_cells(lowered, item)).collect();
        cells.sort_by_key(|&cell| (origin(cell), cell));
        cells
    });
    lowered.inputs.iter().copied().chain(kept).chain(state).collect()
}
