//! Sources and sinks of items.

use std::collections::VecDeque;

use nitro_simulator::Engine;

use super::{BenchError, Random, input, output, words_of};

/// One payload: a value for each field, as little-endian words.
pub type Item = Vec<Vec<u64>>;

/// Offers items at a receiving port of the block (`StreamRx`, `FlowRx`).
#[derive(Clone, Debug)]
pub struct Source {
    valid: usize,
    /// None for a flow.
    ready: Option<usize>,
    fields: Vec<(usize, usize)>,
    queue: VecDeque<Item>,
    offering: bool,
    idle: f64,
    random: Random,
    sent: u64,
}

impl Source {
    /// A source at the port `prefix`, whose payload has these fields (`tdata` if it is no record). `idle` is the
    /// probability of a bubble before each item.
    ///
    /// # Errors
    /// If the block has no such port.
    pub fn new(engine: &dyn Engine, prefix: &str, fields: &[&str], idle: f64, seed: u64) -> Result<Self, BenchError> {
        let fields = fields.iter().map(|field| {
            let index = input(engine, &format!("{prefix}_{field}"))?;
            Ok::<_, BenchError>((index, words_of(&engine.inputs()[index])))
        });
        Ok(Self {
            valid: input(engine, &format!("{prefix}_tvalid"))?,
            ready: output(engine, &format!("{prefix}_tready")).ok(),
            fields: fields.collect::<Result<_, _>>()?,
            queue: VecDeque::new(),
            offering: false,
            idle,
            random: Random::new(seed),
            sent: 0,
        })
    }

    /// Queues an item.
    pub fn push(&mut self, item: Item) {
        self.queue.push_back(item);
    }

    /// Items that have not been taken yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Items that have been taken.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The item that is offered in this clock, if one is.
    #[must_use]
    pub fn offered(&self) -> Option<&Item> {
        self.queue.front().filter(|_| self.offering)
    }

    /// Changes the probability of a bubble.
    pub fn set_idle(&mut self, idle: f64) {
        self.idle = idle;
    }

    pub(super) fn drive(&mut self, engine: &mut dyn Engine) {
        if !self.offering {
            self.offering = !self.queue.is_empty() && !self.random.chance(self.idle);
        }
        engine.set(self.valid, &[u64::from(self.offering)]);
        match self.queue.front().filter(|_| self.offering) {
            Some(item) => {
                for (&(index, words), value) in self.fields.iter().zip(item) {
                    let mut padded = value.clone();
                    padded.resize(words, 0);
                    engine.set(index, &padded);
                }
            }
            None => {
                // A block must not look at the payload of a bubble.
                for &(index, words) in &self.fields {
                    let unused = 64 * words - engine.inputs()[index].width;
                    let mut noise: Vec<u64> = (0..words).map(|_| self.random.bits()).collect();
                    if let Some(last) = noise.last_mut() {
                        *last &= u64::MAX >> unused;
                    }
                    engine.set(index, &noise);
                }
            }
        }
    }

    pub(super) fn observe(&mut self, engine: &dyn Engine) {
        let mut ready = [1];
        if let Some(index) = self.ready {
            engine.get(index, &mut ready);
        }
        if self.offering && ready[0] != 0 {
            self.queue.pop_front();
            self.offering = false;
            self.sent += 1;
        }
    }
}

/// Takes items at a sending port of the block (`StreamTx`, `FlowTx`) and checks its rules.
#[derive(Clone, Debug)]
pub struct Sink {
    prefix: String,
    valid: usize,
    /// None for a flow.
    ready: Option<usize>,
    fields: Vec<(usize, usize)>,
    received: VecDeque<(u64, Item)>,
    /// What was offered and not taken in the clock before.
    pending: Option<Item>,
    /// What is offered with `tready` clear, if that is checked.
    refused: Option<Option<Item>>,
    answer: bool,
    backpressure: f64,
    independence: bool,
    random: Random,
    clock: u64,
}

impl Sink {
    /// A sink at the port `prefix`, whose payload has these fields (`tdata` if it is no record). `backpressure` is the
    /// probability in each clock that it is not ready.
    ///
    /// # Errors
    /// If the block has no such port.
    pub fn new(
        engine: &dyn Engine,
        prefix: &str,
        fields: &[&str],
        backpressure: f64,
        seed: u64,
    ) -> Result<Self, BenchError> {
        let fields = fields.iter().map(|field| {
            let index = output(engine, &format!("{prefix}_{field}"))?;
            Ok::<_, BenchError>((index, words_of(&engine.outputs()[index])))
        });
        Ok(Self {
            prefix: prefix.to_owned(),
            valid: output(engine, &format!("{prefix}_tvalid"))?,
            ready: input(engine, &format!("{prefix}_tready")).ok(),
            fields: fields.collect::<Result<_, _>>()?,
            received: VecDeque::new(),
            pending: None,
            refused: None,
            answer: false,
            backpressure,
            independence: true,
            random: Random::new(seed),
            clock: 0,
        })
    }

    /// Whether to check that offers do not depend on `tready` within the clock (rule 2), which takes a second settling;
    /// by default it is checked.
    pub fn check_independence(&mut self, check: bool) {
        self.independence = check;
    }

    /// Changes the probability of backpressure.
    pub fn set_backpressure(&mut self, backpressure: f64) {
        self.backpressure = backpressure;
    }

    /// The port's name.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The next item that has been received, and its clock.
    pub fn pop(&mut self) -> Option<(u64, Item)> {
        self.received.pop_front()
    }

    /// Items received and not yet popped.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.received.len()
    }

    pub(super) fn checks_independence(&self) -> bool {
        self.independence && self.ready.is_some()
    }

    fn offered(&self, engine: &dyn Engine) -> Option<Item> {
        let mut valid = [0];
        engine.get(self.valid, &mut valid);
        (valid[0] != 0).then(|| {
            let read = |&(index, words): &(usize, usize)| {
                let mut value = vec![0; words];
                engine.get(index, &mut value);
                value
            };
            self.fields.iter().map(read).collect()
        })
    }

    pub(super) fn refuse(&mut self, engine: &mut dyn Engine) {
        if let Some(index) = self.ready {
            engine.set(index, &[0]);
        }
    }

    pub(super) fn remember(&mut self, engine: &dyn Engine) {
        self.refused = self.checks_independence().then(|| self.offered(engine));
    }

    pub(super) fn drive(&mut self, engine: &mut dyn Engine) {
        self.answer = true;
        if let Some(index) = self.ready {
            self.answer = !self.random.chance(self.backpressure);
            engine.set(index, &[u64::from(self.answer)]);
        }
    }

    pub(super) fn observe(&mut self, engine: &dyn Engine) -> Result<(), BenchError> {
        let clock = self.clock;
        self.clock += 1;
        let offered = self.offered(engine);
        if self.refused.take().is_some_and(|refused| refused != offered) {
            return Err(BenchError::WaitsForReady { prefix: self.prefix.clone(), clock });
        }
        if self.pending.is_some() && self.pending != offered {
            return Err(BenchError::Unstable { prefix: self.prefix.clone(), clock });
        }
        self.pending = None;
        if self.answer {
            self.received.extend(offered.map(|item| (clock, item)));
        } else {
            self.pending = offered;
        }
        Ok(())
    }
}
