//! Traces of named signals.

/// Anything that knows the values of the traced signals of a netlist.
pub trait TraceSource {
    /// Reads signal `index` of `Netlist::trace` as of the last settling; little-endian words, excess bits zero.
    fn value(&self, index: usize, value: &mut [u64]);
}
