//! The reference: a live block, driven by `rust_hdl`'s own update rules.
//!
//! A block is updated again and again until nothing changes. A clock edge travels down the hierarchy one level an
//! update, and so does every value that a register gives off at that edge, but one update later; so every register
//! sees the values from before the edge, as in the netlist.

use bitvec::prelude::{BitSlice, Lsb0};
use nitro_netlist::names::{is_clock, leaf_fields};
use nitro_netlist::netlist::TraceSignal;
use nitro_netlist::ports::{InputPort, OutputPort, PortBits, PortVisitor};
use nitro_netlist::{Netlist, Ports, names::LeafField};
use rust_hdl::prelude::Block;

use crate::engine::{Engine, EngineFault, PortInfo};
use crate::rust_hdl_trace::RustHdlTrace;
use crate::trace::TraceSource;
use crate::words::{bits_at, or_bits};

/// Updates after which a block is taken never to settle; real ones settle within a few times their depth.
const UPDATE_LIMIT: usize = 10_000;

/// One leaf field of a port of the block.
#[derive(Clone, Debug)]
struct Leaf {
    /// Number of the block's port among those of its direction.
    port: usize,
    offset: usize,
    width: usize,
}

/// Ports of one direction: whole ones as the block has them, leaves as the netlist has them.
#[derive(Clone, Debug, Default)]
struct Side {
    /// Values of the whole ports.
    values: Vec<Vec<u64>>,
    leaves: Vec<Leaf>,
    infos: Vec<PortInfo>,
}

impl Side {
    fn add(&mut self, width: usize, leaves: Vec<LeafField>) {
        let port = self.values.len();
        self.values.push(vec![0; width.div_ceil(64)]);
        for LeafField { name, width, offset, .. } in leaves {
            self.leaves.push(Leaf { port, offset, width });
            self.infos.push(PortInfo { name, width });
        }
    }
}

/// A live block whose ports can be reached: any block that derives `LogicBlock` and `Ports`.
pub trait LiveBlock: Block + Ports {
    /// The block alone.
    fn as_block(&self) -> &dyn Block;
}

impl<B: Block + Ports> LiveBlock for B {
    fn as_block(&self) -> &dyn Block {
        self
    }
}

/// Simulates a block by `connect_all`, `update_all` and `has_changed`.
///
/// Big blocks need a big stack: see [`crate::ThreadEngine`].
pub struct RustHdlEngine {
    block: Box<dyn LiveBlock>,
    inputs: Side,
    outputs: Side,
    /// Inputs that were set since the block last saw them.
    stale: Vec<bool>,
    /// The clock is falling: the block has not been updated since the last edge.
    falling: bool,
    fault: Option<EngineFault>,
    trace: Option<Trace>,
}

/// What traces need, if asked for.
struct Trace {
    signals: RustHdlTrace,
    widths: Vec<usize>,
}

impl RustHdlEngine {
    /// Takes a fresh block: connects it and lets it settle with all inputs zero and the clock low.
    #[must_use]
    pub fn new(mut block: Box<dyn LiveBlock>) -> Self {
        let mut shape = Shape::default();
        block.visit_ports("", &mut shape);
        block.connect_all();
        let Shape { inputs, outputs } = shape;
        let stale = vec![true; inputs.values.len()];
        let mut engine = Self { block, inputs, outputs, stale, falling: false, fault: None, trace: None };
        engine.settle();
        engine
    }

    /// Makes the signals of the netlist's trace readable; `netlist` is of this very block. They are sampled by
    /// [`TraceSource::take_changed`].
    ///
    /// # Errors
    /// If the block has no such signal.
    pub fn trace(&mut self, netlist: &Netlist) -> Result<(), EngineFault> {
        let signals =
            RustHdlTrace::new(self.block.as_block(), netlist).map_err(|signal| EngineFault::NoSignal { signal })?;
        let width = |signal: &TraceSignal| netlist.nodes[signal.node.0 as usize].width as usize;
        self.trace = Some(Trace { signals, widths: netlist.trace.iter().map(width).collect() });
        Ok(())
    }

    fn update(&mut self) {
        for _ in 0..UPDATE_LIMIT {
            self.block.update_all();
            if !self.block.has_changed() {
                return;
            }
        }
        self.fault = Some(EngineFault::DoesNotSettle { updates: UPDATE_LIMIT });
    }

    fn set_clock(&mut self, level: bool) {
        let mut clock = ClockPin { level };
        self.block.visit_ports("", &mut clock);
    }
}

impl Engine for RustHdlEngine {
    fn inputs(&self) -> &[PortInfo] {
        &self.inputs.infos
    }

    fn outputs(&self) -> &[PortInfo] {
        &self.outputs.infos
    }

    fn set(&mut self, index: usize, value: &[u64]) {
        let Leaf { port, offset, width } = self.inputs.leaves[index];
        let whole: &mut PortBits = BitSlice::from_slice_mut(&mut self.inputs.values[port]);
        whole[offset..offset + width].fill(false);
        let exact: Vec<u64> =
            (0..width.div_ceil(64)).map(|word| bits_at(value, word * 64, width - word * 64)).collect();
        or_bits(&mut self.inputs.values[port], offset, &exact, width);
        self.stale[port] = true;
    }

    fn settle(&mut self) {
        let mut pins = InputPins { values: &self.inputs.values, stale: &mut self.stale, next: 0 };
        self.block.visit_ports("", &mut pins);
        self.update();
        self.falling = false;
        let mut pins = OutputPins { values: &mut self.outputs.values, next: 0 };
        self.block.visit_ports("", &mut pins);
    }

    fn get(&self, index: usize, value: &mut [u64]) {
        let Leaf { port, offset, width } = self.outputs.leaves[index];
        let whole = &self.outputs.values[port];
        for (word, slot) in value.iter_mut().enumerate() {
            *slot = match width.checked_sub(word * 64) {
                Some(rest) if rest > 0 => bits_at(whole, offset + word * 64, rest),
                _ => 0,
            };
        }
    }

    fn edge(&mut self) {
        if self.falling {
            self.settle();
        }
        self.falling = true;
        self.set_clock(true);
        self.update();
        // Nothing acts on the falling edge, so it travels with the next clock's inputs instead of costing updates of its own.
        self.set_clock(false);
    }

    fn fault(&self) -> Option<&EngineFault> {
        self.fault.as_ref()
    }
}

/// After [`RustHdlEngine::trace`]; before, there are no signals.
impl TraceSource for RustHdlEngine {
    fn value(&self, index: usize, value: &mut [u64]) {
        if let Some(trace) = &self.trace {
            trace.signals.value(index, trace.widths[index], value);
        }
    }

    fn take_changed(&mut self, changed: &mut [u64]) {
        if let Some(trace) = &mut self.trace {
            trace.signals.sample(self.block.as_block());
        }
        changed[0] = 1;
    }
}

/// Lists the ports; clocks are none.
#[derive(Default)]
struct Shape {
    inputs: Side,
    outputs: Side,
}

impl PortVisitor for Shape {
    fn input(&mut self, name: &str, port: &mut dyn InputPort) {
        port.connect();
        let descriptor = port.descriptor();
        if !is_clock(&descriptor) {
            self.inputs.add(port.width(), leaf_fields(name, &descriptor));
        }
    }
    fn output(&mut self, name: &str, port: &mut dyn OutputPort) {
        self.outputs.add(port.width(), leaf_fields(name, &port.descriptor()));
    }
}

/// Moves the values of stale inputs into the block.
struct InputPins<'a> {
    values: &'a [Vec<u64>],
    stale: &'a mut [bool],
    next: usize,
}

impl PortVisitor for InputPins<'_> {
    fn input(&mut self, _: &str, port: &mut dyn InputPort) {
        if is_clock(&port.descriptor()) {
            return;
        }
        if std::mem::take(&mut self.stale[self.next]) {
            let bits: &PortBits = BitSlice::<u64, Lsb0>::from_slice(&self.values[self.next]);
            port.set(&bits[..port.width()]);
        }
        self.next += 1;
    }
    fn output(&mut self, _: &str, _: &mut dyn OutputPort) {}
}

/// Moves the block's outputs out.
struct OutputPins<'a> {
    values: &'a mut [Vec<u64>],
    next: usize,
}

impl PortVisitor for OutputPins<'_> {
    fn input(&mut self, _: &str, _: &mut dyn InputPort) {}
    fn output(&mut self, _: &str, port: &mut dyn OutputPort) {
        let bits: &mut PortBits = BitSlice::from_slice_mut(&mut self.values[self.next]);
        port.get(&mut bits[..port.width()]);
        self.next += 1;
    }
}

/// Sets every clock input.
struct ClockPin {
    level: bool,
}

impl PortVisitor for ClockPin {
    fn input(&mut self, _: &str, port: &mut dyn InputPort) {
        if is_clock(&port.descriptor()) {
            let level = [u64::from(self.level)];
            let bits: &PortBits = BitSlice::<u64, Lsb0>::from_slice(&level);
            port.set(&bits[..1]);
        }
    }
    fn output(&mut self, _: &str, _: &mut dyn OutputPort) {}
}
