//! Workloads of the whole card.

use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_driver::{AxiLite, Driver, DriverError};
use nitro_replay::plan::{Offer, Plan};
use nitro_replay::report::Path;
use nitro_simulator::random::Random;
use nitro_simulator::{Engine, InterpretedEngine};

use crate::BenchError;
use crate::frames::{self, Sizes};
use crate::recording::{Frames, Recorder, Recording};
use crate::stream::{self, Beat, Load, Source, chance, position};

/// Frames that a source repeats.
const POOL: usize = 256;
/// Clocks of reset before anything else.
const RESET_CLOCKS: usize = 4;
/// Clocks from the first packet of a flow to that of the next, long enough to enter the connection.
const FLOW_CLOCKS: usize = 512;
/// Clocks without anything between programming and traffic.
const IDLE_CLOCKS: usize = 64;

/// What the card does while it is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardWorkload {
    /// The shortest packets, back to back at both inputs, outputs always ready.
    Saturated64,
    /// IP packets of 1,500 bytes, back to back at both inputs, outputs always ready.
    Saturated1500,
    /// Packets of all sizes; 30 % of the beats wait, and outputs are not ready in 30 % of the clocks.
    Random,
    /// Packets of all sizes, each input in use in 1 % of the clocks.
    Load1,
}

impl CardWorkload {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Saturated64, Self::Saturated1500, Self::Random, Self::Load1];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Saturated64 => "saturated_64",
            Self::Saturated1500 => "saturated_1500",
            Self::Random => "random",
            Self::Load1 => "load_1",
        }
    }

    fn sizes(self) -> Sizes {
        match self {
            Self::Saturated64 => Sizes::Least,
            Self::Saturated1500 => Sizes::Full,
            Self::Random | Self::Load1 => Sizes::Mixed,
        }
    }

    fn load(self) -> Load {
        match self {
            Self::Random => Load { idle: 0.3, backpressure: 0.3 },
            _ => Load { idle: 0.0, backpressure: 0.0 },
        }
    }

    /// Clocks from the beginning of a frame of so many beats to that of the next.
    fn period(self, beats: usize) -> usize {
        if self == Self::Load1 { 100 * beats } else { 0 }
    }
}

/// The beats of a frame at a source.
fn beats(source: &Source, bytes: &[u8], tuser: u64) -> Vec<Beat> {
    let width = |name: &str| source.fields.iter().find(|(field, ..)| field == name).map_or(8, |(.., width)| *width);
    let size = width("tdata") / 8;
    let count = bytes.len().div_ceil(size);
    let beat = |(number, bytes): (usize, &[u8])| {
        let mut data = vec![0_u64; size.div_ceil(8)];
        for (word, chunk) in data.iter_mut().zip(bytes.chunks(8)) {
            *word = chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        let keep = (0..size.div_ceil(64)).map(|word| match bytes.len().saturating_sub(64 * word) {
            count @ 0..64 => (1 << count) - 1,
            _ => u64::MAX,
        });
        let mut keep: Vec<u64> = keep.collect();
        let field = |(name, _, width): &(String, usize, usize)| match name.as_str() {
            "tdata" => std::mem::take(&mut data),
            "tkeep" => std::mem::take(&mut keep),
            "tlast" => vec![u64::from(number + 1 == count)],
            "tuser" => vec![tuser],
            _ => vec![0; width.div_ceil(64)],
        };
        source.fields.iter().map(field).collect()
    };
    bytes.chunks(size).enumerate().map(beat).collect()
}

/// Frames for one input, over and over.
struct Feeder {
    source: Source,
    frames: Vec<Vec<Beat>>,
    next: usize,
    /// Clock before which the next one does not begin.
    due: usize,
}

impl Feeder {
    fn new(source: Source, path: Path, offers: &[Option<Offer>]) -> Self {
        let offers = offers.iter().flatten().filter(|offer| offer.path == path);
        let tuser = |offer: &Offer| if path == Path::Tx { u64::from(offer.eni.unwrap_or(u8::MAX)) } else { 0 };
        let frames = offers.map(|offer| beats(&source, &offer.bytes, tuser(offer))).collect();
        Self { source, frames, next: 0, due: 0 }
    }

    /// Queues what may begin by now; `period` gives the clocks from a frame of so many beats to the next.
    fn refill(&mut self, clock: usize, period: &dyn Fn(usize) -> usize) {
        if self.source.queue.is_empty() && clock >= self.due && !self.frames.is_empty() {
            let frame = &self.frames[self.next];
            self.due = clock + period(frame.len());
            self.source.queue.extend(frame.iter().cloned());
            self.next = (self.next + 1) % self.frames.len();
        }
    }
}

/// Indices of the ports of the events of one path.
struct Events {
    valid: usize,
    verdict: usize,
}

fn output(engine: &dyn Engine, name: &str) -> Result<usize, BenchError> {
    position(engine.outputs(), name).ok_or_else(|| BenchError::NoPort(name.to_owned()))
}

fn value(engine: &dyn Engine, port: usize) -> u64 {
    let mut word = [0];
    engine.get(port, &mut word);
    word[0]
}

/// The inputs for frames, with those of a plan.
fn feeders(engine: &dyn Engine, plan: &Plan) -> Vec<Feeder> {
    let path = |source: &Source| match source.prefix.as_str() {
        "guest_rx" => Some(Path::Tx),
        "net_rx" => Some(Path::Rx),
        _ => None,
    };
    let sources = stream::sources(engine).into_iter();
    sources.filter_map(|source| path(&source).map(|path| Feeder::new(source, path, &plan.offers))).collect()
}

/// A programmed card with something at all of its packet ports.
struct Bench {
    engine: Recorder<InterpretedEngine>,
    /// `net_tx_tready` and `guest_tx_tready`.
    ready: Vec<usize>,
    events: Vec<Events>,
    random: Random,
}

impl Bench {
    fn new(engine: Recorder<InterpretedEngine>, seed: u64) -> Result<Self, BenchError> {
        let ready = ["net_tx_tready", "guest_tx_tready"]
            .into_iter()
            .map(|name| position(engine.inputs(), name).ok_or_else(|| BenchError::NoPort(name.to_owned())))
            .collect::<Result<_, _>>()?;
        let events = ["tx_event", "rx_event"]
            .into_iter()
            .map(|name| {
                let port = |field: &str| output(&engine, &format!("{name}_{field}"));
                Ok(Events { valid: port("tvalid")?, verdict: port("verdict")? })
            })
            .collect::<Result<_, BenchError>>()?;
        Ok(Self { engine, ready, events, random: Random::new(seed) })
    }

    /// Runs so many clocks with the frames of a plan, over and over.
    fn run(&mut self, plan: &Plan, clocks: usize, load: Load, period: &dyn Fn(usize) -> usize) -> Frames {
        let mut feeders = feeders(&self.engine, plan);
        let mut frames = Frames::default();
        for clock in 0..clocks {
            for feeder in &mut feeders {
                feeder.refill(clock, period);
                feeder.source.drive(&mut self.engine, chance(&mut self.random, load.idle));
            }
            for &port in &self.ready {
                self.engine.set(port, &[u64::from(!chance(&mut self.random, load.backpressure))]);
            }
            self.engine.settle();
            for feeder in &mut feeders {
                // A frame is queued whole, and the next one after its last beat.
                let taken = feeder.source.take(&self.engine).is_some();
                frames.offered += u64::from(taken && feeder.source.queue.is_empty());
            }
            for event in &self.events {
                if value(&self.engine, event.valid) != 0 {
                    match value(&self.engine, event.verdict) {
                        1 => frames.dropped += 1,
                        _ => frames.passed += 1,
                    }
                }
            }
            self.engine.edge();
        }
        frames
    }
}

/// Records a workload of the whole card, from power-up: reset, programming through its registers, the first packet of each flow, then
/// `clocks` clocks of traffic of these flows.
///
/// # Errors
/// If the card cannot be elaborated or programmed, or drops a frame of the traffic.
pub fn record(config: Config, workload: CardWorkload, clocks: usize, seed: u64) -> Result<Recording, BenchError> {
    let vpc = frames::vpc()?;
    let traffic = frames::traffic(&vpc, workload.sizes(), POOL, seed);
    let mut engine = Recorder::new(card_entry(config).interpreted()?);
    program(&mut engine, &traffic.steady.whole_config())?;

    let mut bench = Bench::new(engine, seed)?;
    let calm = Load { idle: 0.0, backpressure: 0.0 };
    let before = bench.run(&traffic.first, traffic.first.offers.len() * FLOW_CLOCKS, calm, &|_| FLOW_CLOCKS);
    bench.engine.end_lead();
    let frames = bench.run(&traffic.steady, clocks, workload.load(), &|beats| workload.period(beats));
    if let Some(fault) = bench.engine.fault() {
        return Err(fault.clone().into());
    }
    let dropped = before.dropped + frames.dropped;
    if dropped > 0 {
        return Err(BenchError::Dropped { design: config.name(), workload: workload.name(), frames: dropped });
    }
    Ok(bench.engine.finish(frames))
}

/// Resets a card and installs a configuration through its registers.
fn program(
    engine: &mut Recorder<InterpretedEngine>,
    config: &nitro_wire::control::CardConfig,
) -> Result<(), BenchError> {
    let reset = position(engine.inputs(), "reset").ok_or_else(|| BenchError::NoPort("reset".to_owned()))?;
    let run = |engine: &mut Recorder<InterpretedEngine>, clocks| {
        for _ in 0..clocks {
            engine.settle();
            engine.edge();
        }
    };
    engine.set(reset, &[1]);
    run(engine, RESET_CLOCKS);
    engine.set(reset, &[0]);
    let bus = AxiLite::new(engine).map_err(DriverError::from)?;
    Driver::open(bus, config.hash_key)?.configure(config)?;
    run(engine, IDLE_CLOCKS);
    Ok(())
}
