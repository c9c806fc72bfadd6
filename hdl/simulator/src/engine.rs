//! What every clocked engine looks like from a test bench.
//!
//! One clock is: [`Engine::set`] the inputs, [`Engine::settle`], [`Engine::get`] the outputs (which may depend on the
//! inputs of the same clock), then [`Engine::edge`]. Port names and widths are those of the netlist (and
//! of the Verilog), the clock is not among them; all engines of a block have the same ports in the same order.

/// Name and width of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInfo {
    /// As in the Verilog.
    pub name: String,
    /// Width in bits.
    pub width: usize,
}

impl PortInfo {
    /// The number of 64-bit words that a value takes.
    #[must_use]
    pub fn words(&self) -> usize {
        self.width.div_ceil(64)
    }
}

/// The number of words that the image of so many ports takes.
#[must_use]
pub fn image_words(ports: &[PortInfo]) -> usize {
    ports.iter().map(PortInfo::words).sum()
}

/// Why the values of an engine are not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineFault {
    /// The logic went on changing with its inputs held: it has a combinational loop.
    #[error("the block does not settle: it still changes after {updates} updates, so it has a combinational loop")]
    DoesNotSettle {
        /// Updates that were tried.
        updates: usize,
    },
    /// A signal of the netlist's trace is not there.
    #[error(
        "the block has no signal `{signal}`, which its netlist names; trace an engine of the block that was elaborated"
    )]
    NoSignal {
        /// Its path.
        signal: String,
    },
    /// The process that runs the engine failed.
    #[error("the engine's process failed: {reason}")]
    Process {
        /// What happened.
        reason: String,
    },
    /// The thread that runs the engine failed.
    #[error("the engine's thread failed: {reason}")]
    Thread {
        /// What happened.
        reason: String,
    },
}

/// A clocked simulation of one block. Values are little-endian words, `width.div_ceil(64)` of them, excess bits zero.
pub trait Engine {
    /// The inputs, without the clock.
    fn inputs(&self) -> &[PortInfo];
    /// The outputs.
    fn outputs(&self) -> &[PortInfo];
    /// Offers a value at input `index`.
    fn set(&mut self, index: usize, value: &[u64]);
    /// Lets the inputs reach the outputs.
    fn settle(&mut self);
    /// Reads output `index` as of the last [`Engine::settle`].
    fn get(&self, index: usize, value: &mut [u64]);
    /// The rising clock edge: registers and memories take their next values.
    fn edge(&mut self);
    /// One whole clock with all ports at once: takes every input from `inputs`, settles, puts every output into
    /// `outputs`, then the edge. Both are images: port after port, each beginning at a word of its own ([`image_words`]).
    ///
    /// # Panics
    /// If an image is shorter than its ports.
    fn clock(&mut self, inputs: &[u64], outputs: &mut [u64]) {
        let mut at = 0;
        for index in 0..self.inputs().len() {
            let words = self.inputs()[index].words();
            self.set(index, &inputs[at..at + words]);
            at += words;
        }
        self.settle();
        at = 0;
        for index in 0..self.outputs().len() {
            let words = self.outputs()[index].words();
            self.get(index, &mut outputs[at..at + words]);
            at += words;
        }
        self.edge();
    }
    /// What went wrong, if anything did; from then on the values mean nothing.
    fn fault(&self) -> Option<&EngineFault> {
        None
    }
}

/// An engine in a box is an engine, so that test benches take whatever computes a block.
impl<E: Engine + ?Sized> Engine for Box<E> {
    fn inputs(&self) -> &[PortInfo] {
        (**self).inputs()
    }
    fn outputs(&self) -> &[PortInfo] {
        (**self).outputs()
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        (**self).set(index, value);
    }
    fn settle(&mut self) {
        (**self).settle();
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        (**self).get(index, value);
    }
    fn edge(&mut self) {
        (**self).edge();
    }
    fn clock(&mut self, inputs: &[u64], outputs: &mut [u64]) {
        (**self).clock(inputs, outputs);
    }
    fn fault(&self) -> Option<&EngineFault> {
        (**self).fault()
    }
}
