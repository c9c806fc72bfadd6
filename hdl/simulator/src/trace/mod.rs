//! Traces of named signals: what to write, and where the values come from.
//!
//! [`TraceWriter`] asks a [`TraceSource`] (an engine) for the values of a clock, compares them with those of the clock before, and hands
//! what changed to a second thread, which writes VCD, FST or both. Names of one node share one value. The file depends
//! on the netlist and on the values only, so it is the same from every engine.

mod batch;
mod completion;
mod digits;
mod fst;
mod fst_hierarchy;
mod layout;
mod vcd;
mod writer;

use std::io;
use std::path::PathBuf;

use crate::engine::Engine;

pub use completion::Completion;
pub use writer::{TraceSize, TraceWriter};

/// What the files say wrote them.
const PROGRAM: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// Anything that knows the values of the traced signals of a netlist.
///
/// An engine that knows which of its parts were at rest says so: the signals are divided into groups, and only those of groups
/// that may have changed are read. The default is one group that may always have changed.
pub trait TraceSource {
    /// Reads signal `index` of [`Netlist::trace`](nitro_netlist::Netlist::trace) as of the last settling; little-endian words, excess bits
    /// zero. `value` has `width.div_ceil(64)` of them.
    fn value(&self, index: usize, value: &mut [u64]);

    /// The number of groups; always the same.
    fn groups(&self) -> usize {
        1
    }

    /// The group of signal `index`, less than [`TraceSource::groups`]; always the same.
    fn group(&self, index: usize) -> usize {
        let _ = index;
        0
    }

    /// Sets bit `g % 64` of word `g / 64` for every group `g` with a signal that may have changed since the last call. `changed`
    /// has `groups().div_ceil(64)` words, all zero.
    fn take_changed(&mut self, changed: &mut [u64]) {
        changed[0] = 1;
    }
}

/// An engine that can be traced.
pub trait TracedEngine: Engine + TraceSource {}

impl<E: Engine + TraceSource> TracedEngine for E {}

/// Format of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// Value change dump, text: readable everywhere. An enum `state` has its value's name beside it in `state_text`.
    Vcd,
    /// GTKWave's compressed format, some tens of times smaller. Enums have tables of their names.
    Fst,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFile {
    /// Where.
    pub path: PathBuf,
    /// How.
    pub format: TraceFormat,
}

/// What a trace holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceOptions {
    /// The first clock written.
    pub from: u64,
    /// The last clock written.
    pub to: u64,
    /// Instance paths joined with `.`, with or without the top's name: only signals at or below one of them are written.
    /// Empty for all.
    pub scopes: Vec<String>,
    /// Time of a clock in nanoseconds: an even number, so that its falling edge is on a whole one.
    pub clock_nanoseconds: u32,
}

impl Default for TraceOptions {
    fn default() -> Self {
        // 250 MHz, the card's clock.
        Self { from: 0, to: u64::MAX, scopes: Vec::new(), clock_nanoseconds: 4 }
    }
}

/// Why a trace cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The disk.
    #[error("cannot write the trace {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A device or a folder stands at the path; the finished file would replace it.
    #[error("{path} is no ordinary file and would be replaced; give the trace a name of its own")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Two traces would go to one file.
    #[error("{path} is to hold two traces; give each a name of its own")]
    SameFile {
        /// The path.
        path: PathBuf,
    },
    /// No signal lies in a scope that was asked for.
    #[error("no signal lies in scope `{scope}`; there are: {known}")]
    NoSuchScope {
        /// As asked for.
        scope: String,
        /// What there is in its place.
        known: String,
    },
    /// An odd or zero clock time.
    #[error(
        "a clock of {nanoseconds} ns has no half in whole nanoseconds; an even number of at least 2 would be right"
    )]
    ClockTime {
        /// As asked for.
        nanoseconds: u32,
    },
}
