//! The compiled engine: a design that was turned into Rust source and is part of the program.

use crate::engine::{Engine, PortInfo};

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
    /// Lets inputs and state reach the outputs.
    fn settle(state: &mut Self::State);
    /// Reads an output as last settled.
    fn get(state: &Self::State, index: usize, value: &mut [u64]);
    /// Reads all outputs as last settled.
    fn get_all(state: &Self::State, outputs: &mut [u64]);
    /// The rising clock edge.
    fn edge(state: &mut Self::State);
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
                fn settle(state: &mut Self::State) {
                    design::settle(state);
                }
                fn get(state: &Self::State, index: usize, value: &mut [u64]) {
                    design::get(state, index, value);
                }
                fn get_all(state: &Self::State, outputs: &mut [u64]) {
                    design::get_all(state, outputs);
                }
                fn edge(state: &mut Self::State) {
                    design::edge(state);
                }
            }
        };
    };
}

/// One copy of a compiled design.
#[derive(Clone)]
pub struct CompiledEngine<D: CompiledDesign> {
    state: Box<D::State>,
    inputs: Vec<PortInfo>,
    outputs: Vec<PortInfo>,
}

impl<D: CompiledDesign> CompiledEngine<D> {
    /// The design at power-up.
    #[must_use]
    pub fn new() -> Self {
        let ports = |ports: &[(&str, usize)]| {
            ports.iter().map(|&(name, width)| PortInfo { name: name.to_owned(), width }).collect()
        };
        Self { state: D::power_up(), inputs: ports(D::INPUTS), outputs: ports(D::OUTPUTS) }
    }

    /// Copies the whole state.
    #[must_use]
    pub fn snapshot(&self) -> Box<D::State> {
        self.state.clone()
    }

    /// Goes back to a snapshot.
    pub fn restore(&mut self, snapshot: &D::State) {
        self.state.as_mut().clone_from(snapshot);
    }
}

impl<D: CompiledDesign> Default for CompiledEngine<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: CompiledDesign> std::fmt::Debug for CompiledEngine<D> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CompiledEngine").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

impl<D: CompiledDesign> Engine for CompiledEngine<D> {
    fn inputs(&self) -> &[PortInfo] {
        &self.inputs
    }
    fn outputs(&self) -> &[PortInfo] {
        &self.outputs
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        D::set(&mut self.state, index, value);
    }
    fn settle(&mut self) {
        D::settle(&mut self.state);
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        D::get(&self.state, index, value);
    }
    fn edge(&mut self) {
        D::edge(&mut self.state);
    }
    fn clock(&mut self, inputs: &[u64], outputs: &mut [u64]) {
        D::set_all(&mut self.state, inputs);
        D::settle(&mut self.state);
        D::get_all(&self.state, outputs);
        D::edge(&mut self.state);
    }
}
