//! Driving a clocked card: the frames of a plan in, everything that comes out.
//!
//! Frames are offered in the order of the capture. A frame that takes the other path than the one before it waits until
//! the card has disposed of all earlier ones, so that each meets the connections that it meets in the model; frames of one path follow back to back. Frames from one guest of the card to another take both paths: those from
//! one address follow back to back, all others wait for them, and they for all others.
//!
//! A card in mode `query` finds its mapping cache empty and asks; who answers it is in [`service`](crate::service). In mode `drop` the cache is filled before
//! the frames that need it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Instant;

use nitro_driver::{AxiLite, BusError, Driver, DriverError, DriverState};
use nitro_simulator::random::Random;
use nitro_simulator::{Engine, EngineFault, PortInfo, TraceError};
use nitro_vpc::Vpc;
use nitro_wire::control::Mapping;
use nitro_wire::{DropReason, Flow, counters};

use crate::plan::{Batch, Offer, Plan};
use crate::report::{Fate, FrameVerdict, Outcome, OutputFrame, Path, eni_counter_name, eni_counters};
use crate::service::Replies;

/// Clocks without any progress after which a card counts as stuck.
const STALL_CLOCKS: u64 = 100_000;
/// Clocks of reset before anything else.
const RESET_CLOCKS: u64 = 4;

/// A card under replay: an engine, and possibly a trace that is told of each clock.
pub trait Device {
    /// The engine.
    fn engine(&mut self) -> &mut dyn Engine;
    /// Called in each clock of the traffic, when everything has settled, before the edge.
    ///
    /// # Errors
    /// If the trace cannot be written.
    fn sample(&mut self) -> Result<(), TraceError> {
        Ok(())
    }
    /// Called when `clocks` clocks without events are passed over.
    fn skip(&mut self, _clocks: u64) {}
}

/// A bare engine.
impl<E: Engine> Device for E {
    fn engine(&mut self) -> &mut dyn Engine {
        self
    }
}

/// Disturbances of the ports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disturbance {
    /// Probability of a bubble before an input beat.
    pub idle: f64,
    /// Probability, in each clock, that an output is not ready.
    pub backpressure: f64,
    /// Seed of both.
    pub seed: u64,
}

/// What can go wrong while a card runs.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Programming or reading the card failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The engine's values are not to be trusted.
    #[error(transparent)]
    Engine(#[from] EngineFault),
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// Nothing happens any more although something should.
    #[error(
        "the card made no progress for {STALL_CLOCKS} clocks at clock {clock}: {missing} frames have no verdict (the first is packet {packet})"
    )]
    Stalled {
        /// The clock.
        clock: u64,
        /// Frames without a verdict.
        missing: usize,
        /// The first of them.
        packet: usize,
    },
    /// The card reported what it was not asked.
    #[error("at clock {clock} the card reported {what} that belongs to no frame offered")]
    Unexpected {
        /// The clock.
        clock: u64,
        /// What.
        what: &'static str,
    },
    /// The books of the card do not balance.
    #[error("{bank}: {received} frames entered, but {accounted} were passed, replied or dropped")]
    Conservation {
        /// The path.
        bank: &'static str,
        /// Counter `received`.
        received: u64,
        /// Sum of all others.
        accounted: u64,
    },
}

/// Finds a port; a missing one is reported as the driver reports its own.
pub(crate) fn port(ports: &[PortInfo], name: &str) -> Result<usize, RunError> {
    let missing = || DriverError::from(BusError::NoPort(name.to_owned()));
    Ok(ports.iter().position(|port| port.name == name).ok_or_else(missing)?)
}

/// A packet input of the card.
struct Source {
    tdata: usize,
    tkeep: usize,
    tlast: usize,
    tuser: usize,
    tvalid: usize,
    tready: usize,
    bytes_per_beat: usize,
}

impl Source {
    fn new(engine: &dyn Engine, name: &str) -> Result<Self, RunError> {
        let input = |field: &str| port(engine.inputs(), &format!("{name}_{field}"));
        let tdata = input("tdata")?;
        Ok(Self {
            tdata,
            tkeep: input("tkeep")?,
            tlast: input("tlast")?,
            tuser: input("tuser")?,
            tvalid: input("tvalid")?,
            tready: port(engine.outputs(), &format!("{name}_tready"))?,
            bytes_per_beat: engine.inputs()[tdata].width / 8,
        })
    }

    fn offer(&self, engine: &mut dyn Engine, bytes: &[u8], from: usize, tuser: u64) {
        let beat = &bytes[from..bytes.len().min(from + self.bytes_per_beat)];
        let mut data = vec![0_u64; self.bytes_per_beat.div_ceil(8)];
        for (word, chunk) in data.iter_mut().zip(beat.chunks(8)) {
            *word = chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        engine.set(self.tdata, &data);
        let keep = u64::MAX.checked_shr(64 - u32::try_from(beat.len()).unwrap_or(64)).unwrap_or(0);
        engine.set(self.tkeep, &[keep]);
        engine.set(self.tlast, &[u64::from(from + beat.len() == bytes.len())]);
        engine.set(self.tuser, &[tuser]);
        engine.set(self.tvalid, &[1]);
    }
}

/// A packet output of the card.
struct Sink {
    tdata: usize,
    tkeep: usize,
    tlast: usize,
    tuser: usize,
    tvalid: usize,
    tready: usize,
    bytes_per_beat: usize,
    partial: Vec<u8>,
    first: u64,
}

impl Sink {
    fn new(engine: &dyn Engine, name: &str) -> Result<Self, RunError> {
        let output = |field: &str| port(engine.outputs(), &format!("{name}_{field}"));
        let tdata = output("tdata")?;
        Ok(Self {
            tdata,
            tkeep: output("tkeep")?,
            tlast: output("tlast")?,
            tuser: output("tuser")?,
            tvalid: output("tvalid")?,
            tready: port(engine.inputs(), &format!("{name}_tready"))?,
            bytes_per_beat: engine.outputs()[tdata].width / 8,
            partial: Vec::new(),
            first: 0,
        })
    }

    /// Takes the beat that is transferred in this clock, and gives the frame that it completes.
    fn take(&mut self, engine: &dyn Engine, clock: u64) -> Option<OutputFrame> {
        if self.partial.is_empty() {
            self.first = clock;
        }
        let keep = value(engine, self.tkeep);
        let bytes = self.bytes_per_beat.min(usize::try_from(keep.count_ones()).unwrap_or(0));
        let mut data = vec![0_u64; self.bytes_per_beat.div_ceil(8)];
        engine.get(self.tdata, &mut data);
        self.partial.extend(data.iter().flat_map(|word| word.to_le_bytes()).take(bytes));
        (value(engine, self.tlast) != 0).then(|| OutputFrame {
            clock: self.first,
            eni: u8::try_from(value(engine, self.tuser)).ok(),
            bytes: std::mem::take(&mut self.partial),
        })
    }
}

/// The events of one path.
struct Events {
    tvalid: usize,
    serial: usize,
    verdict: usize,
    reason: usize,
    eni: usize,
    has_eni: usize,
    flow: usize,
    local: usize,
    told: usize,
}

impl Events {
    fn new(engine: &dyn Engine, name: &str) -> Result<Self, RunError> {
        let output = |field: &str| port(engine.outputs(), &format!("{name}_{field}"));
        Ok(Self {
            tvalid: output("tvalid")?,
            serial: output("serial")?,
            verdict: output("verdict")?,
            reason: output("reason")?,
            eni: output("eni")?,
            has_eni: output("has_eni")?,
            flow: output("flow")?,
            local: output("local")?,
            told: output("told")?,
        })
    }
}

/// A port value of up to 64 bits.
pub(crate) fn value(engine: &dyn Engine, port: usize) -> u64 {
    let mut word = [0];
    engine.get(port, &mut word);
    word[0]
}

/// A frame that is in the card.
struct Held {
    packet: usize,
    serial: u16,
    path: Path,
    clock_in: u64,
    /// Its verdict, and the clock of it.
    verdict: Option<(Fate, u64)>,
    /// Something leaves the card for it.
    leaves: bool,
    /// The clock of its output's first beat, once the output is complete.
    output: Option<u64>,
    /// Of a frame from one guest to another: that guest's address.
    local: Option<IpAddr>,
    /// It has gone on to the rx path: the interface and the flow that the tx path found.
    crossed: Option<(Option<String>, Flow)>,
}

/// Everything about one run.
struct Run<'a> {
    vpc: &'a Vpc,
    device: &'a mut dyn Device,
    disturbance: Disturbance,
    /// Clocks that the mapping service takes for a reply.
    reply_after: u64,
    random: Random,
    clock: u64,
    /// Clocks that were passed over without simulating them.
    skipped: u64,
    progress: u64,
    held: VecDeque<Held>,
    /// Packets whose frames are to leave, to the underlay, to the guests, and as answers, each in the order of their verdicts.
    leaving: [VecDeque<usize>; 3],
    driver: Option<DriverState>,
    /// Clocks spent at the control port.
    programming: u64,
    outcome: Outcome,
}

/// Runs a plan on a card: resets it, programs it through its registers, plays the frames, and reads its counters. Queries are answered
/// `reply_after` clocks after they were asked. `progress` is told the number of frames disposed of.
///
/// # Errors
/// If the card cannot be programmed, gets stuck, invents or loses a frame, or the trace cannot be written.
pub fn run(
    vpc: &Vpc,
    plan: &Plan,
    device: &mut dyn Device,
    disturbance: Disturbance,
    reply_after: u64,
    progress: &mut dyn FnMut(usize),
) -> Result<Outcome, RunError> {
    let started = Instant::now();
    let (programming, driver) = prepare(plan, device)?;
    let mut run = Run {
        vpc,
        device,
        disturbance,
        reply_after,
        random: Random::new(disturbance.seed),
        clock: 0,
        skipped: 0,
        progress: 0,
        held: VecDeque::new(),
        leaving: [VecDeque::new(), VecDeque::new(), VecDeque::new()],
        driver: Some(driver),
        programming,
        outcome: Outcome { verdicts: Vec::with_capacity(plan.offers.len()), ..Outcome::default() },
    };
    let last = run.play(plan, progress)?;
    let Run { device, clock, skipped, programming, driver, mut outcome, .. } = run;
    outcome.verdicts.sort_by_key(|verdict| verdict.packet);
    outcome.clocks = Some(last);
    outcome.simulated_clocks = programming + clock - skipped;
    if let Some(driver) = driver {
        read_counters(plan, driver, device, &mut outcome)?;
    }
    if let Some(fault) = device.engine().fault() {
        return Err(fault.clone().into());
    }
    outcome.elapsed = started.elapsed();
    Ok(outcome)
}

/// Resets and programs the card; gives the clocks that it took, and what the driver knows of the card.
fn prepare(plan: &Plan, device: &mut dyn Device) -> Result<(u64, DriverState), RunError> {
    let engine = device.engine();
    let reset = port(engine.inputs(), "reset")?;
    for index in 0..engine.inputs().len() {
        let zeros = vec![0; engine.inputs()[index].width.div_ceil(64)];
        engine.set(index, &zeros);
    }
    engine.set(reset, &[1]);
    for _ in 0..RESET_CLOCKS {
        engine.settle();
        engine.edge();
    }
    engine.set(reset, &[0]);
    let bus = AxiLite::new(engine).map_err(DriverError::from)?;
    let mut driver = Driver::open(bus, plan.config.hash_key)?;
    driver.configure(&plan.config)?;
    Ok((driver.port().clocks() + RESET_CLOCKS, driver.suspend()))
}

/// Reads every counter and checks that the books balance.
fn read_counters(
    plan: &Plan,
    driver: DriverState,
    device: &mut dyn Device,
    outcome: &mut Outcome,
) -> Result<(), RunError> {
    let bus = AxiLite::new(device.engine()).map_err(DriverError::from)?;
    let mut driver = Driver::resume(bus, driver);
    for bank in counters::Bank::ALL {
        let (mut received, mut accounted) = (0, 0);
        for (index, name) in counters::all() {
            let counter = driver.counter(bank, index)?;
            if index == counters::RECEIVED {
                received = counter.packets;
            } else if index != counters::MADE {
                accounted += counter.packets;
            }
            outcome.counters.insert(format!("{}_{name}_packets", bank.name()), counter.packets);
            outcome.counters.insert(format!("{}_{name}_bytes", bank.name()), counter.bytes);
        }
        if received != accounted {
            return Err(RunError::Conservation { bank: bank.name(), received, accounted });
        }
    }
    for (eni, counter) in eni_counters(plan) {
        let value = driver.eni_counter(eni.number, counter)?;
        outcome.counters.insert(eni_counter_name(&eni.name, counter), value);
    }
    outcome.simulated_clocks += driver.port().clocks();
    Ok(())
}

impl Run<'_> {
    fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are all that a double holds.
        probability > 0.0 && ((self.random.word() >> 11) as f64) < probability * 9_007_199_254_740_992.0
    }

    /// Offers every frame and waits for every verdict; gives the clock after the last event.
    fn play(&mut self, plan: &Plan, progress: &mut dyn FnMut(usize)) -> Result<u64, RunError> {
        let engine = &*self.device.engine();
        let mut feeder = Feeder {
            sources: [Source::new(engine, "guest_rx")?, Source::new(engine, "net_rx")?],
            waiting: VecDeque::new(),
            position: 0,
            offered: false,
            sent: [0; 2],
        };
        let mut sinks = [Sink::new(engine, "net_tx")?, Sink::new(engine, "guest_tx")?];
        let events = [Events::new(engine, "tx_event")?, Events::new(engine, "rx_event")?];
        let mut replies = Replies::new(self.vpc, engine, self.reply_after)?;
        for (packet, offer) in plan.offers.iter().enumerate() {
            match offer {
                Some(offer) => feeder.waiting.push_back((packet, offer)),
                None => self.outcome.verdicts.push(skipped(packet)),
            }
        }
        let mut last = 0;
        let filled: &[Batch] = if plan.config.query_on_miss { &[] } else { &plan.batches };
        let mut batches = filled.iter().peekable();
        while !feeder.waiting.is_empty() || !self.held.is_empty() {
            let next = feeder.waiting.front().map(|next| next.0).filter(|_| feeder.position == 0 && !feeder.offered);
            let due = batches.peek().is_some_and(|batch| next.is_some_and(|next| next >= batch.from));
            if due && self.held.is_empty() {
                self.install(batches.next().map_or(&[], |batch| &batch.mappings))?;
                continue;
            }
            if !replies.is_busy() {
                self.pass_idle_time(&feeder);
            }
            if !due {
                self.offer(&mut feeder);
            }
            let ready = [0, 1].map(|_| !self.chance(self.disturbance.backpressure));
            let engine = self.device.engine();
            for (sink, ready) in sinks.iter().zip(ready) {
                engine.set(sink.tready, &[u64::from(ready)]);
            }
            replies.drive(engine, self.clock);
            engine.settle();
            if replies.observe(engine, self.clock)? {
                self.progress = self.clock;
            }
            let taken = self.accept(&mut feeder);
            for (path, events) in [Path::Tx, Path::Rx].into_iter().zip(&events) {
                self.event(path, events)?;
            }
            for (index, sink) in sinks.iter_mut().enumerate() {
                let engine = self.device.engine();
                if ready[index] && value(engine, sink.tvalid) != 0 {
                    self.progress = self.clock;
                    if let Some(frame) = sink.take(engine, self.clock) {
                        self.output(plan, index == 0, frame)?;
                    }
                }
            }
            self.retire();
            self.device.sample()?;
            self.device.engine().edge();
            if self.progress == self.clock {
                last = self.clock + 1;
                progress(self.outcome.verdicts.len());
            }
            self.clock += 1;
            if taken {
                feeder.advance(self.device.engine());
            }
            if self.clock - self.progress > STALL_CLOCKS.saturating_add(self.reply_after) {
                if let Some(fault) = self.device.engine().fault() {
                    return Err(fault.clone().into());
                }
                let packet = self.held.front().map(|held| held.packet).or(feeder.waiting.front().map(|next| next.0));
                let missing = self.held.len() + feeder.waiting.len();
                return Err(RunError::Stalled { clock: self.clock, missing, packet: packet.unwrap_or(0) });
            }
        }
        Ok(last)
    }

    /// Fills the mapping cache of the empty card anew. The clocks at the control port are not the traffic's.
    fn install(&mut self, mappings: &[Mapping]) -> Result<(), RunError> {
        let Some(state) = self.driver.take() else { return Ok(()) };
        let bus = AxiLite::new(self.device.engine()).map_err(DriverError::from)?;
        let mut driver = Driver::resume(bus, state);
        driver.clear_mappings()?;
        mappings.iter().try_for_each(|mapping| driver.install_mapping(mapping))?;
        self.programming += driver.port().clocks();
        self.driver = Some(driver.suspend());
        Ok(())
    }

    /// Nothing can happen in an empty card before the next frame is due: passes over that time.
    fn pass_idle_time(&mut self, feeder: &Feeder<'_>) {
        let Some(&(_, next)) = feeder.waiting.front() else { return };
        if self.held.is_empty() && feeder.position == 0 && !feeder.offered && next.not_before > self.clock {
            self.device.skip(next.not_before - self.clock);
            self.skipped += next.not_before - self.clock;
            self.clock = next.not_before;
            self.progress = self.clock;
        }
    }

    /// Offers the next beat, if it may be offered now and no bubble comes before it.
    fn offer(&mut self, feeder: &mut Feeder<'_>) {
        let Some(&(_, offer)) = feeder.waiting.front() else { return };
        let way = (offer.path, offer.local);
        let other_way_busy = self.held.back().is_some_and(|held| (held.path, held.local) != way);
        let may_start = feeder.position > 0 || (!other_way_busy && offer.not_before <= self.clock);
        if feeder.offered || !may_start || self.chance(self.disturbance.idle) {
            return;
        }
        let tuser = if offer.path == Path::Tx { u64::from(offer.eni.unwrap_or(u8::MAX)) } else { 0 };
        feeder.source(offer.path).offer(self.device.engine(), &offer.bytes, feeder.position, tuser);
        feeder.offered = true;
    }

    /// The offered beat is transferred at this clock's edge.
    fn accept(&mut self, feeder: &mut Feeder<'_>) -> bool {
        let Some(&(packet, offer)) = feeder.waiting.front() else { return false };
        if !feeder.offered || value(self.device.engine(), feeder.source(offer.path).tready) == 0 {
            return false;
        }
        self.progress = self.clock;
        if feeder.position == 0 {
            let next = &mut feeder.sent[side(offer.path)];
            let serial = std::mem::replace(next, next.wrapping_add(1));
            self.held.push_back(Held {
                packet,
                serial,
                path: offer.path,
                clock_in: self.clock,
                verdict: None,
                leaves: false,
                output: None,
                local: offer.local,
                crossed: None,
            });
        }
        true
    }

    /// Reads a path's event, if there is one in this clock.
    fn event(&mut self, path: Path, events: &Events) -> Result<(), RunError> {
        let engine = &*self.device.engine();
        if value(engine, events.tvalid) == 0 {
            return Ok(());
        }
        let serial = value(engine, events.serial);
        let (verdict, reason) = (value(engine, events.verdict), value(engine, events.reason));
        let eni = (value(engine, events.has_eni) != 0).then(|| value(engine, events.eni));
        let unexpected = |what| RunError::Unexpected { clock: self.clock, what };
        let fate = match (verdict, path) {
            (0, Path::Tx) => Fate::Forward,
            (0, _) => Fate::Deliver,
            (1, _) => Fate::Drop,
            (2, _) => Fate::Reply,
            _ => return Err(unexpected("a verdict out of range")),
        };
        let reason = match fate {
            Fate::Drop => {
                let code = u8::try_from(reason).unwrap_or(0);
                Some(DropReason::from_code(code).ok_or_else(|| unexpected("a drop without a reason of the list"))?)
            }
            _ => None,
        };
        let flow = u8::try_from(value(engine, events.flow)).ok().and_then(Flow::from_code);
        let flow = flow.ok_or_else(|| unexpected("a kind of flow out of range"))?;
        // On the rx path frames of guests have the numbers of the tx path.
        let local = value(engine, events.local) != 0;
        let crosses = local && path == Path::Rx;
        let entered = if crosses { Path::Tx } else { path };
        let held = self.held.iter().position(|held| {
            held.path == entered
                && u64::from(held.serial) == serial
                && held.verdict.is_none()
                && held.crossed.is_some() == crosses
        });
        let held = held.ok_or_else(|| unexpected("a verdict"))?;
        let told = value(engine, events.told) != 0;
        let name = eni.and_then(|eni| self.vpc.enis.get(usize::try_from(eni).ok()?)).map(|eni| eni.name.clone());
        self.progress = self.clock;
        let entry = &mut self.held[held];
        if local && path == Path::Tx {
            entry.crossed = Some((name, flow));
            return Ok(());
        }
        // A frame that took both paths is reported as the sender's.
        let (name, flow) = entry.crossed.take().unwrap_or((name, flow));
        entry.verdict = Some((fate, self.clock));
        let queue = match fate {
            Fate::Forward => Some(0),
            Fate::Deliver => Some(1),
            Fate::Reply => Some(2),
            Fate::Drop | Fate::Skipped => told.then_some(2),
        };
        entry.leaves = queue.is_some();
        self.leaving.iter_mut().enumerate().filter(|(index, _)| queue == Some(*index)).for_each(|(_, leaving)| {
            leaving.push_back(entry.packet);
        });
        self.outcome.verdicts.push(FrameVerdict {
            packet: entry.packet,
            path: entered,
            eni: name,
            verdict: fate,
            reason,
            flow,
            clock_in: Some(entry.clock_in),
            latency_clocks: None,
        });
        Ok(())
    }

    /// A frame left the card: frames leave in the order of their verdicts. Answers and frames for guests share a port; of both at
    /// once, a frame for a guest is known by what no path changes, all behind its MACs.
    fn output(&mut self, plan: &Plan, to_net: bool, frame: OutputFrame) -> Result<(), RunError> {
        let unexpected = RunError::Unexpected { clock: self.clock, what: "an output frame" };
        let is_sent = |&packet: &usize| {
            let sent = plan.offers.get(packet).and_then(Option::as_ref);
            sent.is_some_and(|sent| sent.bytes.get(12..) == frame.bytes.get(12..))
        };
        let [_, delivered, answers] = &self.leaving;
        let queue = match (delivered.front(), answers.front()) {
            _ if to_net => 0,
            (Some(packet), Some(_)) if !is_sent(packet) => 2,
            (Some(_), _) => 1,
            (None, _) => 2,
        };
        let packet = self.leaving[queue].pop_front();
        let held = self.held.iter_mut().find(|held| Some(held.packet) == packet).ok_or(unexpected)?;
        held.output = Some(frame.clock);
        if to_net {
            self.outcome.net.push(OutputFrame { eni: None, ..frame });
        } else {
            self.outcome.guest.push(frame);
        }
        Ok(())
    }

    /// Lets go of the frames that are wholly disposed of.
    fn retire(&mut self) {
        let outcome = &mut self.outcome;
        self.held.retain(|held| {
            let until = match (held.verdict, held.output) {
                (Some((_, clock)), _) if !held.leaves => clock,
                (Some((Fate::Drop, clock)), Some(_)) => clock,
                (Some(_), Some(clock)) => clock,
                _ => return true,
            };
            if let Some(verdict) = outcome.verdicts.iter_mut().rev().find(|verdict| verdict.packet == held.packet) {
                verdict.latency_clocks = Some(until - held.clock_in);
            }
            false
        });
    }
}

fn side(path: Path) -> usize {
    usize::from(path != Path::Tx)
}

/// A frame that is never offered.
pub(crate) fn skipped(packet: usize) -> FrameVerdict {
    FrameVerdict {
        packet,
        path: Path::Skipped,
        eni: None,
        verdict: Fate::Skipped,
        reason: None,
        flow: Flow::None,
        clock_in: None,
        latency_clocks: None,
    }
}

/// The frames on their way in.
struct Feeder<'a> {
    /// Guest side and underlay side.
    sources: [Source; 2],
    waiting: VecDeque<(usize, &'a Offer)>,
    /// Bytes of the first waiting frame that are transferred.
    position: usize,
    /// Its next beat is offered.
    offered: bool,
    /// Frames offered on each side, which is how the card numbers them.
    sent: [u16; 2],
}

impl Feeder<'_> {
    fn source(&self, path: Path) -> &Source {
        &self.sources[side(path)]
    }

    /// After the edge at which the offered beat was transferred.
    fn advance(&mut self, engine: &mut dyn Engine) {
        let Some(&(_, offer)) = self.waiting.front() else { return };
        let source = &self.sources[side(offer.path)];
        engine.set(source.tvalid, &[0]);
        self.offered = false;
        self.position += source.bytes_per_beat;
        if self.position >= offer.bytes.len() {
            self.waiting.pop_front();
            self.position = 0;
        }
    }
}
