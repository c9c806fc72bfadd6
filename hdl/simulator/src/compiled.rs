//! The compiled engine: a design that was turned into Rust source and is part of the program.

use crate::engine::{Engine, PortInfo, image_words};
use crate::trace::TraceSource;

/// What the generated module of a design offers; [`crate::compiled_design`] writes it out.
pub trait CompiledDesign: 'static {
    /// Registers, memories, inputs and kept values.
    type State: Clone;
    /// Names and widths of the inputs.
    const INPUTS: &'static [(&'static str, usize)];
    /// Names and widths of the outputs.
    const OUTPUTS: &'static [(&'static str, usize)];
    /// The state at power-up.
    fn power_up() -> Box<Self::State>;
    /// Offers a value at an input.
    fn set(state: &mut Self::State, index: usize, value: &[u64]);
    /// Offers values at all inputs.
    fn set_all(state: &mut Self::State, inputs: &[u64]);
    /// Lets inputs and state reach the outputs, in each state.
    fn settle(states: &mut [Self::State]);
    /// Reads an output as last settled.
    fn get(state: &Self::State, index: usize, value: &mut [u64]);
    /// Reads all outputs as last settled.
    fn get_all(state: &Self::State, outputs: &mut [u64]);
    /// The rising clock edge, in each state.
    fn edge(states: &mut [Self::State]);
}

/// A compiled design that keeps every named signal; [`crate::traced_design`] writes it out. For the terms see [`TraceSource`].
pub trait TracedDesign: CompiledDesign {
    /// The number of groups of signals.
    const GROUPS: usize;
    /// The group of a signal.
    fn group(index: usize) -> usize;
    /// Which groups may have changed since the last call.
    fn take_changed(state: &mut Self::State, changed: &mut [u64]);
    /// The value of a signal as last settled.
    fn value(state: &Self::State, index: usize, value: &mut [u64]);
}

/// Makes a [`CompiledDesign`] of a generated module: name of the type, path of the module, documentation.
#[macro_export]
macro_rules! compiled_design {
    ($name:ident, $module:path, $documentation:literal) => {
        #[doc = $documentation]
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        const _: () = {
            use $module as design;
            impl $crate::CompiledDesign for $name {
                type State = design::State;
                const INPUTS: &'static [(&'static str, usize)] = design::INPUTS;
                const OUTPUTS: &'static [(&'static str, usize)] = design::OUTPUTS;
                fn power_up() -> Box<Self::State> {
                    design::power_up()
                }
                fn set(state: &mut Self::State, index: usize, value: &[u64]) {
                    design::set(state, index, value);
                }
                fn set_all(state: &mut Self::State, inputs: &[u64]) {
                    design::set_all(state, inputs);
                }
                fn settle(states: &mut [Self::State]) {
                    design::settle(states);
                }
                fn get(state: &Self::State, index: usize, value: &mut [u64]) {
                    design::get(state, index, value);
                }
                fn get_all(state: &Self::State, outputs: &mut [u64]) {
                    design::get_all(state, outputs);
                }
                fn edge(states: &mut [Self::State]) {
                    design::edge(states);
                }
            }
        };
    };
}

/// Makes a [`TracedDesign`] of a module that was generated with traces.
#[macro_export]
macro_rules! traced_design {
    ($name:ident, $module:path, $documentation:literal) => {
        $crate::compiled_design!($name, $module, $documentation);

        const _: () = {
            use $module as design;
            impl $crate::TracedDesign for $name {
                const GROUPS: usize = design::TRACE_GROUPS;
                fn group(index: usize) -> usize {
                    design::trace_group(index)
                }
                fn take_changed(state: &mut Self::State, changed: &mut [u64]) {
                    design::take_changed(state, changed);
                }
                fn value(state: &Self::State, index: usize, value: &mut [u64]) {
                    design::trace_value(state, index, value);
                }
            }
        };
    };
}

/// Copies of a compiled design with their own stimulus, one after another under the same code.
pub struct CompiledLanes<D: CompiledDesign> {
    states: Vec<D::State>,
    inputs: Vec<PortInfo>,
    outputs: Vec<PortInfo>,
    output_words: usize,
}

impl<D: CompiledDesign> CompiledLanes<D> {
    /// At least one copy at power-up.
    #[must_use]
    pub fn new(lanes: usize) -> Self {
        let ports = |ports: &[(&str, usize)]| -> Vec<PortInfo> {
            ports.iter().map(|&(name, width)| PortInfo { name: name.to_owned(), width }).collect()
        };
        let (inputs, outputs) = (ports(D::INPUTS), ports(D::OUTPUTS));
        let output_words = image_words(&outputs);
        Self { states: vec![*D::power_up(); lanes.max(1)], inputs, outputs, output_words }
    }

    /// The number of copies.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.states.len()
    }

    /// The inputs, without the clock.
    #[must_use]
    pub fn inputs(&self) -> &[PortInfo] {
        &self.inputs
    }

    /// The outputs.
    #[must_use]
    pub fn outputs(&self) -> &[PortInfo] {
        &self.outputs
    }

    /// One clock of every lane: an image of the inputs of each, and room for an image of the outputs of each, one after another.
    ///
    /// # Panics
    /// If there are fewer images than lanes, or one is too short.
    pub fn clock(&mut self, inputs: &[&[u64]], outputs: &mut [u64]) {
        let inputs = &inputs[..self.states.len()];
        for (state, image) in self.states.iter_mut().zip(inputs) {
            D::set_all(state, image);
        }
        D::settle(&mut self.states);
        for (state, image) in self.states.iter().zip(outputs.chunks_mut(self.output_words.max(1))) {
            D::get_all(state, image);
        }
        D::edge(&mut self.states);
    }

    /// Copies the whole state of a lane.
    ///
    /// # Panics
    /// If there is no such lane.
    #[must_use]
    pub fn snapshot(&self, lane: usize) -> D::State {
        self.states[lane].clone()
    }

    /// Sets a lane to a snapshot.
    ///
    /// # Panics
    /// If there is no such lane.
    pub fn restore(&mut self, lane: usize, snapshot: &D::State) {
        self.states[lane].clone_from(snapshot);
    }
}

impl<D: CompiledDesign> Clone for CompiledLanes<D> {
    fn clone(&self) -> Self {
        Self {
            states: self.states.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            output_words: self.output_words,
        }
    }
}

impl<D: CompiledDesign> std::fmt::Debug for CompiledLanes<D> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CompiledLanes").field("lanes", &self.lanes()).finish_non_exhaustive()
    }
}

/// One copy of a compiled design, as an [`Engine`].
#[derive(Clone, Debug)]
pub struct CompiledEngine<D: CompiledDesign> {
    lanes: CompiledLanes<D>,
}

impl<D: CompiledDesign> CompiledEngine<D> {
    /// The design at power-up.
    #[must_use]
    pub fn new() -> Self {
        Self { lanes: CompiledLanes::new(1) }
    }

    /// Copies the whole state.
    #[must_use]
    pub fn snapshot(&self) -> D::State {
        self.lanes.snapshot(0)
    }

    /// Goes back to a snapshot.
    pub fn restore(&mut self, snapshot: &D::State) {
        self.lanes.restore(0, snapshot);
    }

    fn state(&mut self) -> &mut D::State {
        &mut self.lanes.states[0]
    }
}

impl<D: CompiledDesign> Default for CompiledEngine<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: CompiledDesign> Engine for CompiledEngine<D> {
    fn inputs(&self) -> &[PortInfo] {
        &self.lanes.inputs
    }
    fn outputs(&self) -> &[PortInfo] {
        &self.lanes.outputs
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        D::set(self.state(), index, value);
    }
    fn settle(&mut self) {
        D::settle(&mut self.lanes.states);
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        D::get(&self.lanes.states[0], index, value);
    }
    fn edge(&mut self) {
        D::edge(&mut self.lanes.states);
    }
    fn clock(&mut self, inputs: &[u64], outputs: &mut [u64]) {
        D::set_all(self.state(), inputs);
        D::settle(&mut self.lanes.states);
        D::get_all(&self.lanes.states[0], outputs);
        D::edge(&mut self.lanes.states);
    }
}

impl<D: TracedDesign> TraceSource for CompiledEngine<D> {
    fn value(&self, index: usize, value: &mut [u64]) {
        D::value(&self.lanes.states[0], index, value);
    }
    fn groups(&self) -> usize {
        D::GROUPS
    }
    fn group(&self, index: usize) -> usize {
        D::group(index)
    }
    fn take_changed(&mut self, changed: &mut [u64]) {
        D::take_changed(self.state(), changed);
    }
}
