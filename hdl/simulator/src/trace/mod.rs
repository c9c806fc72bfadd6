//! Traces of named signals: what to write, and where the values come from.

mod format;
mod vcd_writer;

use std::io;
use std::path::PathBuf;

use nitro_netlist::netlist::TraceSignal;

pub use vcd_writer::VcdWriter;

/// Anything that knows the values of the traced signals of a netlist.
pub trait TraceSource {
    /// Reads signal `index` of `Netlist::trace` as of the last settling; little-endian words, excess bits zero.
    fn value(&self, index: usize, value: &mut [u64]);
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
    /// No signal lies in a scope that was asked for.
    #[error("no signal lies in scope `{scope}`; the scopes below the top are: {known}")]
    NoSuchScope {
        /// As asked for.
        scope: String,
        /// What there is.
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

/// The indices of the signals that the scopes select, in order.
fn select(top: &str, signals: &[TraceSignal], scopes: &[String]) -> Result<Vec<usize>, TraceError> {
    if scopes.is_empty() {
        return Ok((0..signals.len()).collect());
    }
    let mut selected = vec![false; signals.len()];
    for scope in scopes {
        let mut found = false;
        for (signal, selected) in signals.iter().zip(&mut selected) {
            if below(top, signal, scope) {
                *selected = true;
                found = true;
            }
        }
        if !found {
            let mut known: Vec<String> = signals.iter().filter_map(|signal| signal.scope.first().cloned()).collect();
            known.sort();
            known.dedup();
            return Err(TraceError::NoSuchScope { scope: scope.clone(), known: known.join(", ") });
        }
    }
    Ok((0..signals.len()).filter(|&index| selected[index]).collect())
}

/// Whether the signal's scope is `scope` or lies below it.
fn below(top: &str, signal: &TraceSignal, scope: &str) -> bool {
    let wanted: Vec<&str> = scope.split('.').filter(|name| !name.is_empty()).collect();
    let starts = |wanted: &[&str]| {
        wanted.len() <= signal.scope.len() && wanted.iter().zip(&signal.scope).all(|(wanted, name)| wanted == name)
    };
    starts(&wanted) || wanted.split_first().is_some_and(|(first, rest)| *first == top && starts(rest))
}
