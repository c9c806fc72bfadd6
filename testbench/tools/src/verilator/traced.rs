//! A model of which every named signal of the netlist can be read.

use nitro_netlist::Netlist;
use nitro_netlist::verilog::VerilogSignal;
use nitro_simulator::{Completion, Engine, PortInfo, TraceSource};

use super::model::VerilatedModel;
use super::probes::Probe;
use super::{Effort, Verilator, VerilogDesign};
use crate::ToolError;

/// An instance of a verilated design as a source of traces.
///
/// Signals that have a name in the Verilog are read from the model. The others stand in the Verilog as expressions of those,
/// and are computed from them by the netlist.
#[derive(Debug)]
pub struct TracedModel {
    model: VerilatedModel,
    completion: Completion,
    /// Where each signal of the netlist's trace that is read begins in `image`; the others are not looked up.
    at: Vec<usize>,
    image: Vec<u64>,
}

impl Verilator {
    /// A model whose named signals are readable. `signals` says where the Verilog has each signal of the netlist's trace
    /// ([`trace_signals`](nitro_netlist::verilog::VerilogPackage::trace_signals)).
    ///
    /// # Errors
    /// Those of [`Verilator::library`], or if a signal is not where it should be.
    pub fn traced(
        &self,
        design: &VerilogDesign<'_>,
        netlist: &Netlist,
        signals: &[Option<VerilogSignal>],
        effort: Effort,
    ) -> Result<TracedModel, ToolError> {
        let given: Vec<bool> = signals.iter().map(Option::is_some).collect();
        let missing = |index: usize| {
            let signal = &netlist.trace[index];
            let path: Vec<&str> = signal.scope.iter().chain([&signal.name]).map(String::as_str).collect();
            ToolError::Probe { top: design.top.to_owned(), signal: path.join(".") }
        };
        let completion = Completion::new(netlist, &given).map_err(missing)?;
        let (mut at, mut words, mut probes, mut indices) = (vec![0; signals.len()], 0, Vec::new(), Vec::new());
        for index in completion.reads() {
            let Some(signal) = &signals[index] else { continue };
            let probe = Probe { signal, width: netlist.nodes[netlist.trace[index].node.0 as usize].width };
            at[index] = words;
            words += probe.words();
            probes.push(probe);
            indices.push(index);
        }
        let library = self.probed_library(design, &probes, effort)?;
        let model = library.instantiate_probed().map_err(|probe| missing(indices[probe.min(indices.len() - 1)]))?;
        Ok(TracedModel { model, completion, at, image: vec![0; words] })
    }
}

impl Engine for TracedModel {
    fn inputs(&self) -> &[PortInfo] {
        self.model.inputs()
    }
    fn outputs(&self) -> &[PortInfo] {
        self.model.outputs()
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        self.model.set(index, value);
    }
    fn settle(&mut self) {
        self.model.settle();
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        self.model.get(index, value);
    }
    fn edge(&mut self) {
        self.model.edge();
    }
    fn clock(&mut self, inputs: &[u64], outputs: &mut [u64]) {
        self.model.clock(inputs, outputs);
    }
}

impl TraceSource for TracedModel {
    fn value(&self, index: usize, value: &mut [u64]) {
        let read = |signal: usize, value: &mut [u64]| {
            value.copy_from_slice(&self.image[self.at[signal]..][..value.len()]);
        };
        self.completion.value(index, read, value);
    }

    fn take_changed(&mut self, changed: &mut [u64]) {
        self.model.read_probes(&mut self.image);
        let (image, at) = (&self.image, &self.at);
        self.completion.update(|signal, value| value.copy_from_slice(&image[at[signal]..][..value.len()]));
        changed[0] = 1;
    }
}
