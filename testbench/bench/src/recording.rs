//! Stimulus made before anything is timed: an image of all inputs for each clock.
//!
//! An input of a stream must hold its beat until it is taken, so what comes next depends on the design. All engines are
//! exact to the clock, though: what was recorded once from a real handshake is right for every one of them.

use nitro_simulator::{Engine, EngineFault, PortInfo, image_words};

use crate::hash::OutputHash;

/// The inputs of a run from power-up on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The inputs of the design, which give an image its form.
    pub inputs: Vec<PortInfo>,
    /// Words of an image; at least 1.
    pub words: usize,
    /// Images of the clocks that bring the design into its working state: reset and programming. Never timed.
    pub lead: Vec<u64>,
    /// Images of the clocks that are timed.
    pub traffic: Vec<u64>,
    /// Hash of the outputs from power-up up to and including each clock of the lead.
    pub lead_hashes: Vec<u64>,
    /// Hash of the outputs from the first clock of the traffic up to and including each: what every engine must get.
    pub traffic_hashes: Vec<u64>,
    /// Frames that the traffic offers, and that come out where they should; both 0 if the stimulus has none.
    pub frames: Frames,
}

/// What the traffic of a recording does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Frames whose last beat was taken.
    pub offered: u64,
    /// Frames that were forwarded, delivered or answered.
    pub passed: u64,
    /// Frames that were dropped.
    pub dropped: u64,
}

impl Recording {
    /// Images of the lead, one a clock.
    pub fn lead(&self) -> impl ExactSizeIterator<Item = &[u64]> + DoubleEndedIterator {
        self.lead.chunks_exact(self.words)
    }

    /// Images of the traffic, one a clock.
    pub fn traffic(&self) -> impl ExactSizeIterator<Item = &[u64]> + DoubleEndedIterator {
        self.traffic.chunks_exact(self.words)
    }

    /// The image of the last clock of the lead, in which nothing is offered.
    #[must_use]
    pub fn idle(&self) -> Option<&[u64]> {
        self.lead().next_back()
    }
}

/// An engine whose inputs and outputs are recorded at each edge; inputs are set, then it settles, then comes the edge.
pub struct Recorder<E> {
    engine: E,
    /// Where each input begins in an image.
    places: Vec<usize>,
    image: Vec<u64>,
    outputs: Vec<u64>,
    hash: OutputHash,
    lead: (Vec<u64>, Vec<u64>),
    recorded: (Vec<u64>, Vec<u64>),
}

impl<E: Engine> Recorder<E> {
    /// Begins with a fresh engine, its inputs zero.
    pub fn new(mut engine: E) -> Self {
        let mut at = 0;
        let mut places = Vec::new();
        for index in 0..engine.inputs().len() {
            let words = engine.inputs()[index].words();
            engine.set(index, &vec![0; words]);
            places.push(at);
            at += words;
        }
        Self {
            outputs: output_image(&engine),
            engine,
            places,
            image: vec![0; at.max(1)],
            hash: OutputHash::default(),
            lead: <_>::default(),
            recorded: <_>::default(),
        }
    }

    /// What was recorded so far is the lead, what follows the traffic.
    pub fn end_lead(&mut self) {
        self.lead = std::mem::take(&mut self.recorded);
        self.hash = OutputHash::default();
    }

    /// Ends the recording.
    pub fn finish(self, frames: Frames) -> Recording {
        let (lead, lead_hashes) = self.lead;
        let (traffic, traffic_hashes) = self.recorded;
        Recording {
            inputs: self.engine.inputs().to_vec(),
            words: self.image.len(),
            lead,
            traffic,
            lead_hashes,
            traffic_hashes,
            frames,
        }
    }
}

impl<E: Engine> Engine for Recorder<E> {
    fn inputs(&self) -> &[PortInfo] {
        self.engine.inputs()
    }

    fn outputs(&self) -> &[PortInfo] {
        self.engine.outputs()
    }

    fn set(&mut self, index: usize, value: &[u64]) {
        let at = self.places[index];
        self.image[at..at + value.len()].copy_from_slice(value);
        self.engine.set(index, value);
    }

    fn settle(&mut self) {
        self.engine.settle();
    }

    fn get(&self, index: usize, value: &mut [u64]) {
        self.engine.get(index, value);
    }

    fn edge(&mut self) {
        let mut at = 0;
        for (index, port) in self.engine.outputs().iter().enumerate() {
            self.engine.get(index, &mut self.outputs[at..at + port.words()]);
            at += port.words();
        }
        self.hash.add(&self.outputs);
        let (images, hashes) = &mut self.recorded;
        images.extend_from_slice(&self.image);
        hashes.push(self.hash.value());
        self.engine.edge();
    }

    fn fault(&self) -> Option<&EngineFault> {
        self.engine.fault()
    }
}

/// Runs images on an engine, and hashes all outputs in every clock. This is what is timed, for every engine.
pub fn play<'a>(engine: &mut dyn Engine, images: impl Iterator<Item = &'a [u64]>, outputs: &mut [u64]) -> u64 {
    let mut hash = OutputHash::default();
    for image in images {
        engine.clock(image, outputs);
        hash.add(outputs);
    }
    hash.value()
}

/// A buffer for the outputs of an engine.
#[must_use]
pub fn output_image(engine: &dyn Engine) -> Vec<u64> {
    vec![0; image_words(engine.outputs())]
}
