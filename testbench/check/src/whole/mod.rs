//! A whole card under test: programmed through its registers, driven at either side or both, and held against the golden model.
//!
//! The model takes one frame after the other. The card keeps the order only within a flow, and its paths run at the same time, so a
//! comparison goes by turns ([`Whole::turn`]): frames enter, the card works until all are disposed of, then the model gets them in
//! the order in which they entered. Verdicts are told apart by serial numbers; of the frames that leave, each must be due, and
//! those of a flow in order. A packet that found the waiting room full never came to the policy, which the model cannot know: it is not
//! shown to it, if it was one that may have to wait. So it is with DHCP messages, which have a room of their own.
//!
//! A frame from one guest of the card to another has an event on each path. Its verdict on the rx path has the number that it has
//! on the tx path.
//!
//! Time stands still in a turn and passes between two ([`Whole::pass_ticks`]), so both agree on the tick of each packet.
//!
//! A policy may be replaced in the middle of a turn ([`Whole::turn_with`]). Then each packet must have been judged by the old policy or by the
//! new one, and once one of a flow was judged by the new one, all later ones.
//!
//! Whoever answers the model's queries ([`Whole::with_service`]) answers the card's too, after some clocks each, in any order. In the midst
//! of a turn software may end mappings ([`Whole::interrupt`]): as the service says the same before and after, that must not show.

mod books;
mod change;
mod difference;
mod judgement;
mod ports;
pub mod service;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_components::bench::{self, Packet};
use nitro_components::cuckoo::SPACING;
use nitro_driver::{AxiLite, Driver, DriverState, RegisterPort};
use nitro_model::{Model, Outcome, Parsed, Service};
use nitro_netlist::Netlist;
use nitro_simulator::{Engine, InterpretedEngine};
use nitro_wire::control::CardConfig;
use nitro_wire::counters::Bank;
use nitro_wire::registers;
use serde::{Deserialize, Serialize};

pub use change::Change;
pub use difference::{Difference, EventDifference, head};
use judgement::in_order;
pub use ports::{Busy, Ports, Seen};
use service::Interruption;

/// Fields of an event.
pub const EVENT: [&str; 9] = ["serial", "verdict", "reason", "eni", "has_eni", "length", "flow", "local", "told"];
/// Field `local` of an event.
const LOCAL: usize = 7;
/// Thousands of clocks in which the sweeper has been everywhere in a table of up to `2^SMALL` connections.
const SWEEPS: u32 = 30;
/// See [`SWEEPS`].
const SMALL: usize = 11;
/// Clocks without any progress after which a turn has failed, for all but walks.
const PATIENCE: u64 = 20_000;
/// The same for each connection that the card can track: the table has two places for each, is walked over in [`SPACING`] clocks a place, twice
/// that while keys are moved, before an insertion is refused, and a walk of the tick before may have to end first.
const PATIENCE_PER_CONNECTION: u64 = 2 * 2 * 2 * SPACING as u64;
/// Clocks after which what a packet changed is seen by the next.
const SETTLED: u64 = 60;
/// Clocks of reset.
const RESET_CLOCKS: u32 = 2;
/// Clocks after which a card at rest has done everything.
const REST_CLOCKS: u64 = 300;
/// Clocks of a tick when time passes.
const CLOCKS_PER_TICK: u32 = 8;

/// A frame for the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// The path that it takes.
    pub bank: Bank,
    /// Tx: number of the interface; rx: the stream's error flag.
    pub tuser: u8,
    /// The frame.
    #[serde(with = "crate::hex")]
    pub bytes: Vec<u8>,
}

impl Frame {
    /// A guest's frame.
    #[must_use]
    pub fn tx(port: u8, bytes: Vec<u8>) -> Self {
        Self { bank: Bank::Tx, tuser: port, bytes }
    }

    /// A frame from the underlay.
    #[must_use]
    pub fn rx(bytes: Vec<u8>, error: bool) -> Self {
        Self { bank: Bank::Rx, tuser: u8::from(error), bytes }
    }
}

/// How the bench disturbs the card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Probability of a bubble before a beat.
    pub idle: f64,
    /// Probability that an output is not ready.
    pub pressure: f64,
    /// Of the randomness.
    pub seed: u64,
}

/// What the bench insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// Everything, and that no packet finds the waiting room full.
    Full,
    /// Everything of what the room had place for.
    RoomMayBeFull,
    /// Not the kinds of flows, for turns with frames at both sides: which of two packets found the other's entry is open.
    NoKinds,
}

/// What a packet's order depends on: port, addresses, protocol, ports, ICMP type and identifier.
type FlowId = (u64, u128, u128, u8, u16, u16, u8, u16);

/// Frames that shall leave, and by which flow.
type Due = Vec<(FlowId, Packet)>;

/// A card and its model. A clone goes its own way from here.
#[derive(Clone)]
pub struct Whole<E = InterpretedEngine> {
    /// The card.
    pub engine: E,
    /// What it shall do.
    pub model: Model,
    /// How often each verdict, reason and kind came up.
    pub shown: BTreeMap<String, u32>,
    /// Clocks of the traffic.
    pub clocks: u64,
    /// Clocks without any progress after which a turn has failed.
    patience: u64,
    state: Option<DriverState>,
    /// Its packet ports, and the mapping service.
    pub ports: Ports,
    interruption: Interruption,
    serials: [u16; 2],
    /// Frames and bytes that found the waiting room full, or no place to ask for a mapping, which the model does not count.
    refused: [BTreeMap<u8, (u64, u64)>; 2],
    /// The table is big.
    is_big: bool,
    /// It is, and connections may have ended without having been swept.
    lags: bool,
}

/// The netlist of a configuration's card, made once.
///
/// # Panics
/// If the card cannot be elaborated.
#[must_use]
pub fn netlist(config: Config) -> &'static Netlist {
    static NETLISTS: [OnceLock<Netlist>; 3] = [const { OnceLock::new() }; 3];
    let index = Config::ALL.iter().position(|known| *known == config).unwrap_or(0);
    NETLISTS[index].get_or_init(|| card_entry(config).netlist().unwrap_or_else(|error| panic!("{config}: {error}")))
}

/// A card of this configuration at power-up, compiled for the interpreter once.
///
/// # Panics
/// As [`netlist`].
#[must_use]
pub fn interpreted(config: Config) -> InterpretedEngine {
    static ENGINES: [OnceLock<InterpretedEngine>; 3] = [const { OnceLock::new() }; 3];
    let index = Config::ALL.iter().position(|known| *known == config).unwrap_or(0);
    ENGINES[index].get_or_init(|| InterpretedEngine::new(netlist(config))).clone()
}

/// A card of this configuration out of reset.
///
/// # Panics
/// As [`netlist`].
#[must_use]
pub fn start(config: Config) -> InterpretedEngine {
    let mut engine = interpreted(config);
    if let Err(error) = bench::reset(&mut engine, RESET_CLOCKS) {
        panic!("{config}: {error}");
    }
    engine
}

/// The model of a card of this configuration.
#[must_use]
pub fn model(config: Config, card: &CardConfig) -> Model {
    Model::with_capacity(card.clone(), 1 << config.dimensions().connections_log2)
}

fn flow_id(port: u64, parsed: &Parsed) -> FlowId {
    let Parsed { src_ip, dst_ip, protocol, src_port, dst_port, icmp_type, icmp_identifier, .. } = *parsed;
    (port, src_ip, dst_ip, protocol, src_port, dst_port, icmp_type, icmp_identifier)
}

/// The model's verdict of a frame.
pub fn judge(model: &mut Model, frame: &Frame) -> Outcome {
    match frame.bank {
        Bank::Tx => model.tx(frame.tuser, &frame.bytes, false),
        Bank::Rx => model.rx(&frame.bytes, frame.tuser != 0),
    }
}

impl Whole {
    /// A card of a configuration, interpreted and programmed; its time stands still from tick 0 on.
    ///
    /// # Panics
    /// If it cannot be programmed.
    #[must_use]
    pub fn new(config: Config, card: &CardConfig, rates: Rates) -> Self {
        Self::on(interpreted(config), config, card, rates)
    }
}

impl<E: Engine> Whole<E> {
    /// The same with a card of some past, which it shall forget in reset.
    ///
    /// # Panics
    /// If it cannot be programmed.
    #[must_use]
    pub fn on(engine: E, config: Config, card: &CardConfig, rates: Rates) -> Self {
        Self::try_on(engine, config, card, rates).unwrap_or_else(|error| panic!("{config}: {error}"))
    }

    /// Resets a card of a configuration, and programs it; its time stands still from tick 0 on.
    ///
    /// # Errors
    /// If it cannot be programmed.
    pub fn try_on(mut engine: E, config: Config, card: &CardConfig, rates: Rates) -> Result<Self, Difference> {
        bench::reset(&mut engine, RESET_CLOCKS)?;
        let mut driver = Driver::open(AxiLite::new(&mut engine)?, card.hash_key)?;
        driver.configure(&CardConfig { clocks_per_tick: 0, ..card.clone() })?;
        let state = Some(driver.suspend());
        Ok(Self {
            ports: Ports::new(&engine, rates)?,
            model: model(config, card),
            shown: BTreeMap::new(),
            clocks: 0,
            patience: PATIENCE + (PATIENCE_PER_CONNECTION << config.dimensions().connections_log2),
            state,
            interruption: Interruption::default(),
            serials: [0; 2],
            refused: [BTreeMap::new(), BTreeMap::new()],
            is_big: config.dimensions().connections_log2 > SMALL,
            lags: false,
            engine,
        })
    }

    /// The same card, whose queries and the model's are answered by this service; the card's after at most so many clocks.
    #[must_use]
    pub fn with_service(mut self, service: Service, most_clocks: u64) -> Self {
        self.ports.server.serve(service.clone(), most_clocks);
        self.model = self.model.with_service(service);
        self
    }

    /// Queries of the card so far.
    pub fn queries(&self) -> &[nitro_driver::service::Key] {
        &self.ports.server.asked
    }

    /// Software writes these registers in the next turn, after so many clocks.
    pub fn interrupt(&mut self, clocks: u64, writes: &[(u16, u32)]) {
        self.interruption.plan(clocks, writes);
    }

    /// Looks in every clock whether outputs depend on `tready`, which takes twice as long; on from the beginning.
    pub fn check_independence(&mut self, check: bool) {
        self.ports.check_independence(check);
    }

    /// From the next turn on time runs, until [`Whole::pass_ticks`].
    pub fn let_time_run(&mut self) {
        self.interrupt(0, &[(registers::CLOCKS_PER_TICK.offset, CLOCKS_PER_TICK)]);
    }

    /// The card's software.
    ///
    /// # Panics
    /// If the block is no card.
    pub fn driver<T>(&mut self, work: impl FnOnce(&mut Driver<AxiLite<'_>>) -> T) -> T {
        let bus = AxiLite::new(&mut self.engine).expect("it was found before");
        let mut driver = Driver::resume(bus, self.state.take().expect("it is put back below"));
        let result = work(&mut driver);
        self.state = Some(driver.suspend());
        result
    }

    /// The card's software while frames come and go.
    fn driver_in_traffic<T>(&mut self, work: impl FnOnce(&mut Driver<AxiLite<'_>>) -> T) -> T {
        let mut busy = Busy::new(&mut self.engine, &mut self.ports);
        let bus = AxiLite::new(&mut busy).expect("it was found before");
        let mut driver = Driver::resume(bus, self.state.take().expect("it is put back below"));
        let before = driver.port().clocks();
        let result = work(&mut driver);
        self.clocks += driver.port().clocks() - before;
        self.state = Some(driver.suspend());
        result
    }

    /// Replaces a policy, in the card and in the model.
    ///
    /// # Errors
    /// If the card does not take it.
    pub fn change(&mut self, change: &Change) -> Result<(), Difference> {
        self.driver(|driver| change.install(driver, true))?;
        change.apply(&mut self.model);
        Ok(())
    }

    /// Lets at least so many ticks pass, in the card and in the model.
    ///
    /// # Errors
    /// If something comes out, or the registers fail.
    pub fn pass_ticks(&mut self, ticks: u32) -> Result<(), Difference> {
        self.lags = self.is_big;
        self.driver(|driver| driver.port().write(registers::CLOCKS_PER_TICK.offset, CLOCKS_PER_TICK))?;
        self.idle(u64::from(ticks) * u64::from(CLOCKS_PER_TICK))?;
        let tick = self.driver(|driver| {
            driver.port().write(registers::CLOCKS_PER_TICK.offset, 0)?;
            driver.port().read(registers::TIME.offset)
        });
        self.model.set_tick(tick?.into());
        Ok(())
    }

    /// Runs so many clocks in which nothing is offered.
    ///
    /// # Errors
    /// If a stream breaks its rules.
    pub fn idle(&mut self, clocks: u64) -> Result<(), Difference> {
        for _ in 0..clocks {
            self.clock()?;
        }
        Ok(())
    }

    fn clock(&mut self) -> Result<(), Difference> {
        self.clocks += 1;
        self.interruption.drive(&mut self.engine);
        self.ports.settle(&mut self.engine)?;
        self.interruption.observe(&mut self.engine);
        self.ports.edge(&mut self.engine)
    }

    /// Sends the frames, all that go to a side one behind the other, and compares all that comes of them.
    ///
    /// # Errors
    /// What differs.
    pub fn turn(&mut self, frames: &[Frame], strictness: Strictness) -> Result<(), Difference> {
        self.turn_with(frames, strictness, None)
    }

    /// The same; so many clocks after the first beat is offered the policy begins to be replaced. It must leave limits and timeouts alone.
    ///
    /// # Errors
    /// What differs.
    pub fn turn_with(
        &mut self,
        frames: &[Frame],
        strictness: Strictness,
        change: Option<(u64, &Change)>,
    ) -> Result<(), Difference> {
        let mut missing = [0; 2];
        for frame in frames {
            self.ports.push(frame);
            missing[frame.bank as usize] += 1;
        }
        let mut seen = Seen::default();
        let (mut progress, mut silence, mut clock) = (0, 0, 0);
        let mut due = change;
        self.interruption.begin();
        let entered = |seen: &Seen| [missing[0], missing[1], seen.crossed()];
        while due.is_some() || entered(&seen).iter().zip(seen.disposed()).any(|(count, disposed)| disposed < *count) {
            // Both are software at the same registers.
            let interrupted = self.interruption.is_under_way();
            if let Some((_, change)) = due.take_if(|(at, _)| clock >= *at && !interrupted) {
                self.driver_in_traffic(|driver| change.install(driver, false))?;
            }
            self.step(&mut seen)?;
            clock += 1;
            let now = self.ports.sent() + seen.all();
            silence = if now == progress { silence + 1 } else { 0 };
            progress = now;
            if silence > self.patience && due.is_none() {
                return Err(Difference::Lost { entered: entered(&seen), disposed: seen.disposed() });
            }
        }
        let due = self.expect(frames, &seen, strictness, change.map(|(_, change)| change))?;
        let wanted = [due[0].len(), due[1].len()];
        let mut clocks = 0;
        while wanted.iter().zip(seen.frames()).any(|(count, left)| left < *count) {
            self.step(&mut seen)?;
            clocks += 1;
            if clocks > self.patience {
                break;
            }
        }
        let mut clocks = 0;
        while self.interruption.is_under_way() {
            self.step(&mut seen)?;
            clocks += 1;
            if clocks > self.patience {
                return Err(Difference::NoAnswer { clocks });
            }
        }
        // Until the next turn, other software has the registers for itself.
        self.interruption.end();
        for _ in 0..SETTLED {
            self.step(&mut seen)?;
        }
        let (entered, disposed) = (entered(&seen), seen.disposed());
        for ((due, left), port) in due.into_iter().zip(seen.left).zip(["net_tx", "guest_tx"]) {
            in_order(port, due, left)?;
        }
        if entered != disposed {
            return Err(Difference::Lost { entered, disposed });
        }
        for (serial, count) in self.serials.iter_mut().zip(missing) {
            *serial = serial.wrapping_add(u16::try_from(count & 0xffff).unwrap_or(0));
        }
        Ok(())
    }

    fn step(&mut self, seen: &mut Seen) -> Result<(), Difference> {
        self.clock()?;
        self.ports.take(self.serials, seen)
    }

    /// How often something came up.
    pub fn count(&self, name: &str) -> u32 {
        self.shown.get(name).copied().unwrap_or(0)
    }
}
