//! What runs a recording: an engine with one copy of the design, or with many lanes.

use nitro_netlist::Netlist;
use nitro_simulator::{
    CompiledDesign, CompiledLanes, Engine, EngineFault, InterpretedEngine, Interpreter, PortInfo, Snapshot, image_words,
};

use crate::clock::{Elapsed, Stopwatch};
use crate::hash::OutputHash;
use crate::recording::{Recording, play};

/// Clocks that each lane is ahead of the next one, so that they do not all do the same in the same clock.
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
struct InterpretedLanes {
    interpreter: Interpreter,
    kept: Option<Snapshot>,
    input_words: Vec<usize>,
    output_words: Vec<usize>,
}

impl InterpretedLanes {
    fn new(netlist: &Netlist, lanes: usize) -> Self {
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

/// The compiled engine over an array of states.
struct CompiledArray<D: CompiledDesign> {
    lanes: CompiledLanes<D>,
    kept: Option<CompiledLanes<D>>,
}

impl<D: CompiledDesign> Lanes for CompiledArray<D> {
    fn lanes(&self) -> usize {
        self.lanes.lanes()
    }

    fn outputs(&self) -> &[PortInfo] {
        self.lanes.outputs()
    }

    fn clock(&mut self, inputs: &[&[u64]], outputs: &mut [u64]) {
        self.lanes.clock(inputs, outputs);
    }

    fn keep(&mut self) -> bool {
        self.kept = Some(self.lanes.clone());
        true
    }

    fn rewind(&mut self) {
        if let Some(kept) = &self.kept {
            self.lanes.clone_from(kept);
        }
    }
}

impl Machine {
    /// An interpreter of one lane.
    #[must_use]
    pub fn interpreted(netlist: &Netlist) -> Self {
        Self::One(Box::new(InterpretedEngine::new(netlist)))
    }

    /// An interpreter of many lanes.
    #[must_use]
    pub fn interpreted_lanes(netlist: &Netlist, lanes: usize) -> Self {
        Self::Many(Box::new(InterpretedLanes::new(netlist, lanes)))
    }

    /// A compiled design over an array of states.
    #[must_use]
    pub fn compiled_lanes<D: CompiledDesign>(lanes: usize) -> Self {
        Self::Many(Box::new(CompiledArray::<D> { lanes: CompiledLanes::new(lanes), kept: None }))
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

    /// Times the first `clocks` clocks of the lead, in all lanes alike.
    pub fn start_of_lead(&mut self, recording: &Recording, clocks: usize) -> Played {
        let clocks = clocks.min(recording.lead_hashes.len());
        match self {
            Self::One(engine) => {
                let mut outputs = vec![0; image_words(engine.outputs())];
                let watch = Stopwatch::start();
                let hash = play(engine.as_mut(), recording.lead().take(clocks), &mut outputs);
                Played { elapsed: watch.elapsed(), lanes: vec![(hash, clocks)] }
            }
            Self::Many(lanes) => {
                let words = image_words(lanes.outputs());
                let mut outputs = vec![0; lanes.lanes() * words];
                let mut hashes = vec![OutputHash::default(); lanes.lanes()];
                let watch = Stopwatch::start();
                for image in recording.lead().take(clocks) {
                    lanes.clock(&vec![image; hashes.len()], &mut outputs);
                    hashes.iter_mut().zip(outputs.chunks_exact(words.max(1))).for_each(|(hash, lane)| hash.add(lane));
                }
                let elapsed = watch.elapsed();
                Played { elapsed, lanes: hashes.iter().map(|hash| (hash.value(), clocks)).collect() }
            }
        }
    }

    /// How many clocks of the traffic [`Machine::traffic`] can time at most.
    #[must_use]
    pub fn most_clocks(&self, recording: &Recording) -> usize {
        recording.traffic_hashes.len().saturating_sub(lag(self.lanes(), recording))
    }

    /// Times `clocks` clocks of the traffic, at most [`Machine::most_clocks`].
    ///
    /// Each lane is a few clocks ahead of the next one; those that it is ahead of the last one are not timed.
    pub fn traffic(&mut self, recording: &Recording, clocks: usize) -> Played {
        let clocks = clocks.min(self.most_clocks(recording));
        match self {
            Self::One(engine) => {
                let mut outputs = vec![0; image_words(engine.outputs())];
                let watch = Stopwatch::start();
                let hash = play(engine.as_mut(), recording.traffic().take(clocks), &mut outputs);
                Played { elapsed: watch.elapsed(), lanes: vec![(hash, clocks)] }
            }
            Self::Many(lanes) => traffic_of_lanes(lanes.as_mut(), recording, clocks),
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Played {
    /// The time of it.
    pub elapsed: Elapsed,
    /// For each lane the hash of its outputs, and the clocks of the traffic that it ran.
    pub lanes: Vec<(u64, usize)>,
}

impl Played {
    /// The first lane's hash that differs from what was recorded, and the right one.
    #[must_use]
    pub fn difference(&self, hashes: &[u64]) -> Option<(u64, u64)> {
        let expected = |clocks: usize| clocks.checked_sub(1).and_then(|last| hashes.get(last)).copied();
        let pairs = self.lanes.iter().map(|&(found, clocks)| (found, expected(clocks)));
        let empty = OutputHash::default().value();
        pairs.map(|(found, expected)| (found, expected.unwrap_or(empty))).find(|(found, expected)| found != expected)
    }
}

/// Clocks that a lane is ahead of the next one: fewer if half of the traffic would not be timed.
fn ahead(lanes: usize, recording: &Recording) -> usize {
    LAG.min(recording.traffic_hashes.len() / (2 * lanes.max(1)))
}

/// Clocks that the first lane is ahead of the last one.
fn lag(lanes: usize, recording: &Recording) -> usize {
    ahead(lanes, recording) * lanes.saturating_sub(1)
}

fn traffic_of_lanes(engine: &mut dyn Lanes, recording: &Recording, clocks: usize) -> Played {
    let lanes = engine.lanes();
    let words = image_words(engine.outputs());
    let idle = recording.idle().unwrap_or_default();
    let mut images = vec![idle; lanes];
    let mut outputs = vec![0; lanes * words];
    let mut hashes = vec![OutputHash::default(); lanes];
    let image = |clock: usize| &recording.traffic[clock * recording.words..][..recording.words];
    let (ahead, lag) = (ahead(lanes, recording), lag(lanes, recording));
    let mut watch = Stopwatch::start();
    for clock in 0..lag + clocks {
        if clock == lag {
            watch = Stopwatch::start();
        }
        for (lane, slot) in images.iter_mut().enumerate() {
            *slot = clock.checked_sub(ahead * lane).map_or(idle, image);
        }
        engine.clock(&images, &mut outputs);
        for (lane, (hash, outputs)) in hashes.iter_mut().zip(outputs.chunks_exact(words.max(1))).enumerate() {
            if clock >= ahead * lane {
                hash.add(outputs);
            }
        }
    }
    let elapsed = watch.elapsed();
    let ran = |lane: usize| lag + clocks - ahead * lane;
    Played { elapsed, lanes: hashes.iter().enumerate().map(|(lane, hash)| (hash.value(), ran(lane))).collect() }
}
