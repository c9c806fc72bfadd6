//! What runs a recording: an engine with one copy of the design, or with many lanes.

use nitro_netlist::Netlist;
use nitro_simulator::{Engine, EngineFault, InterpretedEngine, Interpreter, PortInfo, Snapshot, image_words};

use crate::hash::OutputHash;
use crate::recording::{Recording, play};

/// Clocks by which each lane lags behind the one before it, so that they do not all do the same in the same clock.
const LAG: usize = 5;

/// An engine that runs several independent copies of a design at once.
pub trait Lanes {
    /// How many.
    fn lanes(&self) -> usize;
    /// The outputs of the design.
    fn outputs(&self) -> &[PortInfo];
    /// One clock: an image of the inputs for each lane; the images of the outputs, lane after lane.
    fn clock(&mut self, inputs: &[&[u64]], outputs: &mut [u64]);
    /// Keeps the present state for [`Lanes::rewind`]; false if it cannot.
    fn keep(&mut self) -> bool {
        false
    }
    /// Goes back to the state that was kept.
    fn rewind(&mut self) {}
}

/// A running engine.
pub enum Machine {
    /// One copy.
    One(Box<dyn Engine>),
    /// Many.
    Many(Box<dyn Lanes>),
}

/// The interpreter over its own lanes.
pub struct InterpretedLanes {
    interpreter: Interpreter,
    kept: Option<Snapshot>,
    input_words: Vec<usize>,
    output_words: Vec<usize>,
}

impl InterpretedLanes {
    /// Compiles a netlist for a number of lanes.
    #[must_use]
    pub fn new(netlist: &Netlist, lanes: usize) -> Self {
        let interpreter = Interpreter::new(netlist, lanes);
        let words = |ports: &[PortInfo]| ports.iter().map(PortInfo::words).collect();
        let (input_words, output_words) = (words(interpreter.inputs()), words(interpreter.outputs()));
        Self { interpreter, kept: None, input_words, output_words }
    }
}

impl Lanes for InterpretedLanes {
    fn lanes(&self) -> usize {
        self.interpreter.lanes()
    }

    fn outputs(&self) -> &[PortInfo] {
        self.interpreter.outputs()
    }

    fn clock(&mut self, inputs: &[&[u64]], outputs: &mut [u64]) {
        for (lane, image) in inputs.iter().enumerate() {
            let mut at = 0;
            for (input, words) in self.input_words.iter().enumerate() {
                self.interpreter.set(input, lane, &image[at..at + words]);
                at += words;
            }
        }
        self.interpreter.settle();
        let mut at = 0;
        for lane in 0..inputs.len() {
            for (output, words) in self.output_words.iter().enumerate() {
                self.interpreter.get(output, lane, &mut outputs[at..at + words]);
                at += words;
            }
        }
        self.interpreter.edge();
    }

    fn keep(&mut self) -> bool {
        self.kept = Some(self.interpreter.snapshot());
        true
    }

    fn rewind(&mut self) {
        if let Some(kept) = &self.kept {
            // A snapshot of this very interpreter always fits.
            let _ = self.interpreter.restore(kept);
        }
    }
}

/// Engines side by side: an array of states under the same code.
impl Lanes for Vec<Box<dyn Engine>> {
    fn lanes(&self) -> usize {
        self.len()
    }

    fn outputs(&self) -> &[PortInfo] {
        self.first().map_or(&[], |engine| engine.outputs())
    }

    fn clock(&mut self, inputs: &[&[u64]], outputs: &mut [u64]) {
        let words = image_words(Lanes::outputs(self));
        for ((engine, inputs), outputs) in self.iter_mut().zip(inputs).zip(outputs.chunks_mut(words.max(1))) {
            engine.clock(inputs, outputs);
        }
    }
}

impl Machine {
    /// An interpreter of one lane.
    #[must_use]
    pub fn interpreted(netlist: &Netlist) -> Self {
        Self::One(Box::new(InterpretedEngine::new(netlist)))
    }

    /// How many copies of the design run.
    #[must_use]
    pub fn lanes(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(lanes) => lanes.lanes(),
        }
    }

    /// Keeps the present state for [`Machine::rewind`]; false if it cannot.
    pub fn keep(&mut self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Many(lanes) => lanes.keep(),
        }
    }

    /// Goes back to the state that was kept.
    pub fn rewind(&mut self) {
        if let Self::Many(lanes) = self {
            lanes.rewind();
        }
    }

    /// What went wrong in it, if anything did.
    #[must_use]
    pub fn fault(&self) -> Option<&EngineFault> {
        match self {
            Self::One(engine) => engine.fault(),
            Self::Many(_) => None,
        }
    }

    /// Runs the lead.
    pub fn lead(&mut self, recording: &Recording) {
        self.start_of_lead(recording, usize::MAX);
    }

    /// Runs the first `clocks` clocks of the lead in all lanes alike, and gives the hash of the outputs of each.
    pub fn start_of_lead(&mut self, recording: &Recording, clocks: usize) -> Vec<u64> {
        match self {
            Self::One(engine) => {
                let mut outputs = vec![0; image_words(engine.outputs())];
                vec![play(engine.as_mut(), recording.lead().take(clocks), &mut outputs)]
            }
            Self::Many(lanes) => {
                let words = image_words(lanes.outputs());
                let mut outputs = vec![0; lanes.lanes() * words];
                let mut hashes = vec![OutputHash::default(); lanes.lanes()];
                for image in recording.lead().take(clocks) {
                    lanes.clock(&vec![image; hashes.len()], &mut outputs);
                    hashes.iter_mut().zip(outputs.chunks_exact(words.max(1))).for_each(|(hash, lane)| hash.add(lane));
                }
                hashes.iter().map(OutputHash::value).collect()
            }
        }
    }

    /// Runs the first `clocks` clocks of the traffic in every lane, and gives the hash of the outputs of each lane.
    ///
    /// Later lanes lag a few clocks behind earlier ones, idle until they begin and after they have ended.
    pub fn traffic(&mut self, recording: &Recording, clocks: usize) -> Vec<u64> {
        match self {
            Self::One(engine) => {
                let mut outputs = vec![0; image_words(engine.outputs())];
                vec![play(engine.as_mut(), recording.traffic().take(clocks), &mut outputs)]
            }
            Self::Many(lanes) => traffic_of_lanes(lanes.as_mut(), recording, clocks),
        }
    }
}

fn traffic_of_lanes(engine: &mut dyn Lanes, recording: &Recording, clocks: usize) -> Vec<u64> {
    let lanes = engine.lanes();
    let words = image_words(engine.outputs());
    let idle = recording.idle().unwrap_or_default();
    let mut images = vec![idle; lanes];
    let mut outputs = vec![0; lanes * words];
    let mut hashes = vec![OutputHash::default(); lanes];
    let image = |clock: usize| &recording.traffic[clock * recording.words..][..recording.words];
    for clock in 0..clocks + LAG * lanes.saturating_sub(1) {
        for (lane, slot) in images.iter_mut().enumerate() {
            *slot = clock.checked_sub(LAG * lane).filter(|clock| *clock < clocks).map_or(idle, image);
        }
        engine.clock(&images, &mut outputs);
        for (lane, (hash, outputs)) in hashes.iter_mut().zip(outputs.chunks_exact(words.max(1))).enumerate() {
            if clock.checked_sub(LAG * lane).is_some_and(|clock| clock < clocks) {
                hash.add(outputs);
            }
        }
    }
    hashes.iter().map(OutputHash::value).collect()
}
