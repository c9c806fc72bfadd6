//! What a trace shows, worked out once: the tree of scopes, and the distinct values behind its names.

use std::collections::{BTreeSet, HashMap};

use nitro_netlist::Netlist;
use nitro_netlist::netlist::TraceSignal;

use super::TraceError;

/// A value that changes; several names may show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// Width in bits.
    pub(super) width: u32,
    /// Index into [`Netlist::trace`] of the first signal that has it.
    pub(super) signal: usize,
}

impl Value {
    /// The number of words that it takes.
    pub(super) fn words(self) -> usize {
        self.width.div_ceil(64) as usize
    }
}

/// A name in a scope.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    /// Index into [`Layout::values`].
    pub(super) value: usize,
    /// For an enum the index into [`Layout::enums`].
    pub(super) variants: Option<usize>,
}

/// A scope with its own signals and those below, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) signals: Vec<Declared>,
    pub(super) inner: Vec<(String, Self)>,
}

/// The selected signals of a netlist's trace.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) top: String,
    pub(super) scope: Scope,
    /// Distinct values, numbered by the first name that shows them.
    pub(super) values: Vec<Value>,
    /// Distinct lists of an enum's names.
    pub(super) enums: Vec<Vec<String>>,
}

impl Layout {
    /// Lays out what the scopes select.
    ///
    /// Names of one node share a value: ports on both sides of an instance, copies, constants. That depends on the
    /// netlist alone, so the trace is the same from every engine.
    pub(super) fn new(netlist: &Netlist, scopes: &[String]) -> Result<Self, TraceError> {
        let selected = select(&netlist.name, &netlist.trace, scopes)?;
        let top = if netlist.name.is_empty() { "top".to_owned() } else { netlist.name.clone() };
        let mut layout = Self { top, scope: Scope::default(), values: Vec::new(), enums: Vec::new() };
        let mut values = HashMap::new();
        let mut enums = HashMap::new();
        for index in selected {
            let signal = &netlist.trace[index];
            let node = signal.node;
            let value = *values.entry(node).or_insert_with(|| {
                layout.values.push(Value { width: netlist.nodes[node.0 as usize].width, signal: index });
                layout.values.len() - 1
            });
            let variants = (!signal.variants.is_empty()).then(|| {
                *enums.entry(&signal.variants).or_insert_with(|| {
                    layout.enums.push(signal.variants.clone());
                    layout.enums.len() - 1
                })
            });
            layout.scope.add(&signal.scope, Declared { name: signal.name.clone(), value, variants });
        }
        Ok(layout)
    }

    /// What an enum value is called.
    pub(super) fn variant(&self, variants: usize, value: u64) -> Option<&str> {
        self.enums[variants].get(usize::try_from(value).ok()?).map(String::as_str)
    }
}

impl Scope {
    fn add(&mut self, path: &[String], signal: Declared) {
        let Some((name, rest)) = path.split_first() else {
            self.signals.push(signal);
            return;
        };
        let known = self.inner.iter().position(|(known, _)| known == name);
        let at = known.unwrap_or_else(|| {
            self.inner.push((name.clone(), Self::default()));
            self.inner.len() - 1
        });
        self.inner[at].1.add(rest, signal);
    }
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
            return Err(no_such_scope(top, signals, scope));
        }
    }
    Ok((0..signals.len()).filter(|&index| selected[index]).collect())
}

/// The error for a scope that is not there, with what is there beside its first unknown name.
fn no_such_scope(top: &str, signals: &[TraceSignal], scope: &str) -> TraceError {
    let wanted: Vec<&str> = scope.split('.').filter(|name| !name.is_empty()).collect();
    let wanted = if wanted.first() == Some(&top) { &wanted[1..] } else { &wanted[..] };
    let shared =
        |signal: &TraceSignal| wanted.iter().zip(&signal.scope).take_while(|(wanted, name)| *wanted == name).count();
    let depth = signals.iter().map(shared).max().unwrap_or(0);
    let beside = |depth: usize| -> BTreeSet<String> {
        let beside = signals.iter().filter(|signal| shared(signal) >= depth && signal.scope.len() > depth);
        beside.map(|signal| signal.scope[..=depth].join(".")).collect()
    };
    // Below a scope without inner ones there is nothing to name.
    let known = (0..=depth).rev().map(beside).find(|known| !known.is_empty()).unwrap_or_default();
    let known = known.into_iter().collect::<Vec<_>>().join(", ");
    TraceError::NoSuchScope { scope: scope.to_owned(), known }
}

/// Whether the signal's scope is `scope` or lies below it.
fn below(top: &str, signal: &TraceSignal, scope: &str) -> bool {
    let wanted: Vec<&str> = scope.split('.').filter(|name| !name.is_empty()).collect();
    let starts = |wanted: &[&str]| {
        wanted.len() <= signal.scope.len() && wanted.iter().zip(&signal.scope).all(|(wanted, name)| wanted == name)
    };
    starts(&wanted) || wanted.split_first().is_some_and(|(first, rest)| *first == top && starts(rest))
}
