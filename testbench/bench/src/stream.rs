//! Random traffic at every stream and flow of a design, by the names of its ports.
//!
//! Inputs `p_…` with an input `p_tvalid` are a stream (with an output `p_tready`) or a flow towards the design; an input
//! `p_tready` is the answer to a stream from it. A beat that is offered is held until it is taken, and between beats the
//! payload keeps the last values, as a registered sender's would.

use std::collections::VecDeque;

use nitro_simulator::Engine;
use nitro_simulator::random::Random;

/// Probabilities of a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// That no beat is offered although one waits, in each clock.
    pub idle: f64,
    /// That an output is not ready, in each clock.
    pub backpressure: f64,
}

/// True with this probability.
pub(crate) fn chance(random: &mut Random, probability: f64) -> bool {
    // 53 bits are all that a double holds.
    probability > 0.0 && ((random.word() >> 11) as f64) < probability * 9_007_199_254_740_992.0
}

/// One beat: the values of the fields of its port, in the order of [`Source::fields`].
pub(crate) type Beat = Vec<Vec<u64>>;

/// A stream or flow towards the design.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) prefix: String,
    valid: usize,
    /// None for a flow.
    ready: Option<usize>,
    /// Name, index and width of each field.
    pub(crate) fields: Vec<(String, usize, usize)>,
    pub(crate) queue: VecDeque<Beat>,
    offering: bool,
}

/// The index of the port of a name.
pub(crate) fn position(ports: &[nitro_simulator::PortInfo], name: &str) -> Option<usize> {
    ports.iter().position(|port| port.name == name)
}

/// Every stream and flow towards the design.
pub(crate) fn sources(engine: &dyn Engine) -> Vec<Source> {
    let prefixes = engine.inputs().iter().enumerate().filter_map(|(index, port)| {
        let prefix = port.name.strip_suffix("_tvalid")?;
        Some((index, prefix.to_owned()))
    });
    prefixes
        .map(|(valid, prefix)| {
            let ready = position(engine.outputs(), &format!("{prefix}_tready"));
            let fields = engine.inputs().iter().enumerate().filter(|(index, _)| *index != valid);
            let fields = fields.filter_map(|(index, port)| {
                let field = port.name.strip_prefix(&prefix)?.strip_prefix('_')?;
                Some((field.to_owned(), index, port.width))
            });
            Source { valid, ready, fields: fields.collect(), queue: VecDeque::new(), offering: false, prefix }
        })
        .collect()
}

/// The readiness inputs of the streams from the design.
pub(crate) fn ready_inputs(engine: &dyn Engine) -> Vec<usize> {
    let ports = engine.inputs().iter().enumerate();
    ports.filter(|(_, port)| port.name.ends_with("_tready")).map(|(index, _)| index).collect()
}

impl Source {
    /// Whether an input is one of its ports.
    pub(crate) fn owns(&self, input: usize) -> bool {
        self.valid == input || self.fields.iter().any(|(_, index, _)| *index == input)
    }

    /// Offers the next beat, if one waits and this clock is no bubble.
    pub(crate) fn drive(&mut self, engine: &mut dyn Engine, idle: bool) {
        if self.offering {
            return;
        }
        match self.queue.front() {
            Some(beat) if !idle => {
                for ((_, index, _), value) in self.fields.iter().zip(beat) {
                    engine.set(*index, value);
                }
                engine.set(self.valid, &[1]);
                self.offering = true;
            }
            _ => engine.set(self.valid, &[0]),
        }
    }

    /// After settling: gives the beat that this edge transfers.
    pub(crate) fn take(&mut self, engine: &dyn Engine) -> Option<Beat> {
        let mut ready = [1];
        if let Some(index) = self.ready {
            engine.get(index, &mut ready);
        }
        if !self.offering || ready[0] == 0 {
            return None;
        }
        self.offering = false;
        self.queue.pop_front()
    }
}
