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
//! Whoever answers the model's queries ([`Whole::with_service`]) answers the card's too, after some clocks each, in any order. In the midst of a turn software may end
//! mappings ([`Whole::interrupt`]): as the service says the same before and after, that must not show.

pub mod service;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Sink, Source};
use nitro_driver::{AxiLite, Driver, DriverState, RegisterPort};
use nitro_model::{Model, Outcome, Parsed, Service, Verdict, eni, parse};
use nitro_netlist::Netlist;
use nitro_simulator::InterpretedEngine;
use nitro_wire::control::CardConfig;
use nitro_wire::counters::{self, Bank, EniCounter};
use nitro_wire::{DropReason, Flow, Interrupt, registers};

use service::{Interruption, MappingServer};

/// Fields of an event.
pub const EVENT: [&str; 9] = ["serial", "verdict", "reason", "eni", "has_eni", "length", "flow", "local", "told"];
/// Field `local` of an event.
const LOCAL: usize = 7;
/// Clocks without any progress after which a turn has failed. The table is walked over before an insertion is refused, which is what
/// takes longest.
const PATIENCE: u64 = 60_000;
/// Thousands of clocks in which the sweeper has been everywhere in a table of up to `2^SMALL` connections.
const SWEEPS: u32 = 30;
/// See [`SWEEPS`].
const SMALL: usize = 11;
/// Clocks after which what a packet changed is seen by the next.
const SETTLED: u64 = 60;

/// A frame for the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The path that it takes.
    pub bank: Bank,
    /// Tx: number of the interface; rx: the stream's error flag.
    pub tuser: u8,
    /// The frame.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// A guest's frame.
    pub fn tx(port: u8, bytes: Vec<u8>) -> Self {
        Self { bank: Bank::Tx, tuser: port, bytes }
    }

    /// A frame from the underlay.
    pub fn rx(bytes: Vec<u8>, error: bool) -> Self {
        Self { bank: Bank::Rx, tuser: u8::from(error), bytes }
    }
}

/// How the bench disturbs the card.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Probability of a bubble before a beat.
    pub idle: f64,
    /// Probability that an output is not ready.
    pub pressure: f64,
    /// Of the randomness.
    pub seed: u64,
}

/// What the bench insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Events by number: of frames from guests, of frames from the underlay, and of those of guests on the rx path.
type Events = [BTreeMap<u16, Vec<u64>>; 3];

/// Frames that shall leave, and by which flow.
type Due = Vec<(FlowId, Packet)>;

/// A card and its model.
pub struct Whole {
    /// The card.
    pub engine: InterpretedEngine,
    /// What it shall do.
    pub model: Model,
    /// How often each verdict, reason and kind came up.
    pub shown: BTreeMap<String, u32>,
    state: Option<DriverState>,
    sources: [PacketSource; 2],
    /// `net_tx`, `guest_tx`.
    sinks: [PacketSink; 2],
    events: [Sink; 2],
    serials: [u16; 2],
    /// Frames and bytes that found the waiting room full, or no place to ask for a mapping, which the model does not count.
    refused: [BTreeMap<u8, (u64, u64)>; 2],
    /// The mapping service's end.
    pub server: MappingServer,
    interruption: Interruption,
    /// The table is big.
    is_big: bool,
    /// It is, and connections may have ended without having been swept.
    lags: bool,
}

/// The netlist of a configuration's card, made once.
pub fn netlist(config: Config) -> &'static Netlist {
    static NETLISTS: [OnceLock<Netlist>; 3] = [const { OnceLock::new() }; 3];
    let index = Config::ALL.iter().position(|known| *known == config).unwrap();
    NETLISTS[index].get_or_init(|| card_entry(config).netlist().unwrap_or_else(|error| panic!("{error}")))
}

/// A card of this configuration out of reset.
pub fn start(config: Config) -> InterpretedEngine {
    let mut engine = InterpretedEngine::new(netlist(config));
    bench::reset(&mut engine, 2).unwrap();
    engine
}

/// The model of a card of this configuration.
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
    /// A card of a configuration, programmed; its time stands still from tick 0 on.
    pub fn new(config: Config, card: &CardConfig, rates: Rates) -> Self {
        Self::on(start(config), config, card, rates)
    }

    /// The same with a card of some past, which it shall forget in reset.
    pub fn on(mut engine: InterpretedEngine, config: Config, card: &CardConfig, rates: Rates) -> Self {
        bench::reset(&mut engine, 2).unwrap();
        let mut driver = Driver::open(AxiLite::new(&mut engine).unwrap(), card.hash_key).unwrap();
        driver.configure(&CardConfig { clocks_per_tick: 0, ..card.clone() }).unwrap();
        let state = Some(driver.suspend());
        let Rates { idle, pressure, seed } = rates;
        let source = |port, seed| PacketSource::new(&engine, port, idle, seed).unwrap();
        let sink = |port, seed| PacketSink::new(&engine, port, pressure, seed).unwrap();
        let event = |port| Sink::new(&engine, port, &EVENT, 0.0, 0).unwrap();
        Self {
            sources: [source("guest_rx", seed), source("net_rx", seed + 1)],
            sinks: [sink("net_tx", seed + 2), sink("guest_tx", seed + 3)],
            events: [event("tx_event"), event("rx_event")],
            model: model(config, card),
            shown: BTreeMap::new(),
            state,
            serials: [0; 2],
            refused: [BTreeMap::new(), BTreeMap::new()],
            server: MappingServer::new(&engine, seed + 4),
            interruption: Interruption::default(),
            is_big: config.dimensions().connections_log2 > SMALL,
            lags: false,
            engine,
        }
    }

    /// The same card, whose queries and the model's are answered by this service; the card's after at most so many clocks.
    pub fn with_service(mut self, service: Service, most_clocks: u64) -> Self {
        self.server.serve(service.clone(), most_clocks);
        self.model = self.model.with_service(service);
        self
    }

    /// Queries of the card so far.
    pub fn queries(&self) -> &[nitro_driver::service::Key] {
        &self.server.asked
    }

    /// Software writes these registers in the next turn, after so many clocks.
    pub fn interrupt(&mut self, clocks: u64, writes: &[(u16, u32)]) {
        self.interruption.plan(clocks, writes);
    }

    /// The card's software.
    pub fn driver<T>(&mut self, work: impl FnOnce(&mut Driver<AxiLite<'_>>) -> T) -> T {
        let mut driver = Driver::resume(AxiLite::new(&mut self.engine).unwrap(), self.state.take().unwrap());
        let result = work(&mut driver);
        self.state = Some(driver.suspend());
        result
    }

    /// Lets at least so many ticks pass, in the card and in the model.
    pub fn pass_ticks(&mut self, ticks: u32) {
        self.lags = self.is_big;
        let clocks = 8;
        self.driver(|driver| driver.port().write(registers::CLOCKS_PER_TICK.offset, clocks)).unwrap();
        self.idle(u64::from(ticks * clocks));
        let tick = self.driver(|driver| {
            driver.port().write(registers::CLOCKS_PER_TICK.offset, 0)?;
            driver.port().read(registers::TIME.offset)
        });
        self.model.set_tick(tick.unwrap().into());
    }

    /// Runs so many clocks in which nothing is offered, and nothing must come.
    pub fn idle(&mut self, clocks: u64) {
        for _ in 0..clocks {
            self.clock().unwrap();
        }
    }

    fn clock(&mut self) -> Result<(), String> {
        let [guest_rx, net_rx] = &mut self.sources;
        let [net_tx, guest_tx] = &mut self.sinks;
        let [tx_event, rx_event] = &mut self.events;
        let (query, reply) = self.server.ports();
        let sinks: &mut [&mut Sink] = &mut [&mut net_tx.stream, &mut guest_tx.stream, tx_event, rx_event, query];
        let sources: &mut [&mut Source] = &mut [&mut guest_rx.stream, &mut net_rx.stream, reply];
        self.interruption.drive(&mut self.engine);
        bench::settle(&mut self.engine, sources, sinks).map_err(|error| error.to_string())?;
        self.interruption.observe(&mut self.engine);
        bench::edge(&mut self.engine, sources, sinks).map_err(|error| error.to_string())?;
        self.server.answer()
    }

    /// Sends the frames, all that go to a side one behind the other, and compares all that comes of them.
    ///
    /// # Errors
    /// What differs.
    pub fn turn(&mut self, frames: &[Frame], strictness: Strictness) -> Result<(), String> {
        let mut missing = [0; 2];
        for frame in frames {
            let side = frame.bank as usize;
            self.sources[side].push(&Packet { bytes: frame.bytes.clone(), tuser: frame.tuser.into() });
            missing[side] += 1;
        }
        let (mut events, mut left) = (Events::default(), [Vec::new(), Vec::new()]);
        let (mut progress, mut silence) = (0, 0);
        self.interruption.begin();
        let crossed = |events: &Events| events[0].values().filter(|event| event[LOCAL] == 1).count();
        while missing.iter().zip(&events).any(|(count, events)| events.len() < *count)
            || events[2].len() < crossed(&events)
        {
            self.step(&mut events, &mut left)?;
            let now = self.sources.iter().map(|source| source.stream.sent()).sum::<u64>()
                + events.iter().map(BTreeMap::len).sum::<usize>() as u64
                + left.iter().map(Vec::len).sum::<usize>() as u64;
            silence = if now == progress { silence + 1 } else { 0 };
            progress = now;
            if silence > PATIENCE {
                return Err(format!("{missing:?} frames entered, {:?} came to an end", events.map(|side| side.len())));
            }
        }
        let due = self.expect(frames, &events, strictness)?;
        let wanted = [due[0].len(), due[1].len()];
        let mut clocks = 0;
        while wanted.iter().zip(&left).any(|(count, left)| left.len() < *count) {
            self.step(&mut events, &mut left)?;
            clocks += 1;
            if clocks > PATIENCE {
                break;
            }
        }
        while self.interruption.is_under_way() {
            self.step(&mut events, &mut left)?;
        }
        for _ in 0..SETTLED {
            self.step(&mut events, &mut left)?;
        }
        for ((due, left), port) in due.into_iter().zip(left).zip(["net_tx", "guest_tx"]) {
            in_order(due, left).map_err(|error| format!("{port}: {error}"))?;
        }
        if [missing[0], missing[1], crossed(&events)] != events.each_ref().map(BTreeMap::len) {
            return Err(format!("{missing:?} frames entered, {:?} events", events.map(|side| side.len())));
        }
        for (serial, count) in self.serials.iter_mut().zip(missing) {
            *serial = serial.wrapping_add(u16::try_from(count).unwrap());
        }
        Ok(())
    }

    fn step(&mut self, events: &mut Events, left: &mut [Vec<Packet>; 2]) -> Result<(), String> {
        self.clock()?;
        for (side, sink) in self.events.iter_mut().enumerate() {
            while let Some((clock, item)) = sink.pop() {
                let event: Vec<u64> = item.iter().map(|field| field[0]).collect();
                let crossed = side == 1 && event[LOCAL] == 1;
                let serial =
                    u16::try_from(event[0]).unwrap().wrapping_sub(self.serials[if crossed { 0 } else { side }]);
                if events[if crossed { 2 } else { side }].insert(serial, event).is_some() {
                    return Err(format!("clock {clock}: a second event of frame {serial}"));
                }
            }
        }
        for (sink, left) in self.sinks.iter_mut().zip(left) {
            while let Some((_, packet)) = sink.pop().map_err(|error| error.to_string())? {
                left.push(packet);
            }
        }
        Ok(())
    }

    /// Shows the frames to the model, compares the events, and tells what shall leave at either side.
    fn expect(&mut self, frames: &[Frame], events: &Events, strictness: Strictness) -> Result<[Due; 2], String> {
        let mut due = [Vec::new(), Vec::new()];
        let mut numbers = [0_u16; 2];
        for (index, frame) in frames.iter().enumerate() {
            let side = frame.bank as usize;
            let number = numbers[side];
            numbers[side] += 1;
            let found = events[side].get(&number).ok_or_else(|| format!("no event of frame {index}"))?;
            let full = [DropReason::NewFlowQueueFull, DropReason::MissBufferFull];
            let full = full.into_iter().find(|full| found[2] == u64::from(full.code()));
            let (outcome, wanted_reason) = if let Some(full) = full.filter(|_| strictness != Strictness::Full) {
                let mut outcome = judge(&mut self.model.clone(), frame);
                let is_served =
                    matches!(outcome.verdict, Verdict::Reply { .. } | Verdict::Drop(DropReason::NoBroadcast))
                        && frame.bank == Bank::Tx
                        && eni::is_dhcp(&parse(&frame.bytes));
                if outcome.flow == Flow::None && !is_served && full == DropReason::NewFlowQueueFull {
                    return Err(format!("frame {index} found the room full, though it need not wait: {outcome:?}"));
                }
                let refused = self.refused[side].entry(full.code()).or_default();
                refused.0 += 1;
                refused.1 += frame.bytes.len() as u64;
                // Established or not: those before it in its flow may have been refused.
                outcome.flow = Flow::from_code(u8::try_from(found[6]).unwrap()).unwrap_or_default();
                outcome.verdict = Verdict::Drop(full);
                outcome.eni = outcome.eni.filter(|_| frame.bank == Bank::Tx);
                (outcome, full.code())
            } else {
                let outcome = judge(&mut self.model, frame);
                let reason = outcome.verdict.reason().map_or(0, DropReason::code);
                (outcome, reason)
            };
            let eni = match frame.bank {
                Bank::Tx => frame.tuser,
                Bank::Rx => outcome.eni.unwrap_or(0),
            };
            let mut wanted = vec![
                u64::from(self.serials[side].wrapping_add(number)),
                outcome.verdict.code().code().into(),
                wanted_reason.into(),
                eni.into(),
                outcome.eni.is_some().into(),
                frame.bytes.len().min(16_383) as u64,
                outcome.flow.code().into(),
                (outcome.verdict == Verdict::Local).into(),
                matches!(outcome.verdict, Verdict::Bounce { .. }).into(),
            ];
            if strictness == Strictness::NoKinds {
                wanted[6] = found[6];
            }
            if *found != wanted {
                let name = |code: u64| {
                    DropReason::from_code(u8::try_from(code).unwrap()).map_or("no reason", DropReason::name)
                };
                let kind = |code: u64| Flow::from_code(u8::try_from(code).unwrap()).map_or("?", Flow::name);
                return Err(format!(
                    "frame {index} ({:?}, number {}, {:02x?}):\n{EVENT:?}\n{found:?} {} {} in the card,\n{wanted:?} {} {} in the model",
                    frame.bank,
                    wanted[0],
                    head(&frame.bytes),
                    name(found[2]),
                    kind(found[6]),
                    name(wanted[2]),
                    kind(wanted[6]),
                ));
            }
            let reason = outcome
                .verdict
                .reason()
                .map_or_else(|| format!("{:?}", outcome.verdict.code()), |reason| reason.name().to_owned());
            for shown in [reason, format!("{:?} {}", frame.bank, outcome.flow.name())] {
                *self.shown.entry(shown).or_default() += 1;
            }
            if let Some(local) = outcome.local {
                let (port, inner) = (frame.tuser.into(), parse(&frame.bytes));
                due[1].extend(
                    self.expect_local(number, frame, *local, &events[2])?.map(|packet| (flow_id(port, &inner), packet)),
                );
            }
            match outcome.verdict {
                Verdict::Forward(bytes) => {
                    due[0].push((flow_id(frame.tuser.into(), &parse(&frame.bytes)), Packet { bytes, tuser: 0 }));
                }
                Verdict::Deliver { eni, frame: bytes } => {
                    let tuser = u64::from(eni);
                    due[1].push((flow_id(tuser, &parse(&bytes)), Packet { bytes, tuser }));
                }
                Verdict::Reply { eni, frame: bytes } | Verdict::Bounce { eni, frame: bytes, .. } => {
                    *self.shown.entry(format!("answer of {} bytes", bytes.len())).or_default() += 1;
                    let asked = parse(&frame.bytes);
                    if eni::is_dhcp(&asked) {
                        *self.shown.entry(dhcp_name(&bytes).to_owned()).or_default() += 1;
                    }
                    // Apart from what else leaves at this side.
                    let flow = flow_id(256 + u64::from(eni), &asked);
                    due[1].push((flow, Packet { bytes, tuser: eni.into() }));
                }
                Verdict::Local | Verdict::Drop(_) => {}
            }
        }
        Ok(due)
    }

    /// Compares the event on the rx path of a guest's frame for another guest, and tells what that gets.
    fn expect_local(
        &mut self,
        number: u16,
        frame: &Frame,
        outcome: Outcome,
        events: &BTreeMap<u16, Vec<u64>>,
    ) -> Result<Option<Packet>, String> {
        let found = events.get(&number).ok_or_else(|| format!("frame {number} never came to the rx path"))?;
        let wanted = vec![
            u64::from(self.serials[0].wrapping_add(number)),
            outcome.verdict.code().code().into(),
            outcome.verdict.reason().map_or(0, DropReason::code).into(),
            outcome.eni.unwrap_or(0).into(),
            outcome.eni.is_some().into(),
            frame.bytes.len() as u64,
            outcome.flow.code().into(),
            1,
            0,
        ];
        if *found != wanted {
            let bytes = head(&frame.bytes);
            return Err(format!(
                "frame {number} ({bytes:02x?}) on the rx path:\n{EVENT:?}\n{found:?} in the card,\n{wanted:?} in the model"
            ));
        }
        let reason = outcome.verdict.reason().map_or("Pass", DropReason::name);
        for shown in [format!("Local {reason}"), format!("Local {}", outcome.flow.name())] {
            *self.shown.entry(shown).or_default() += 1;
        }
        Ok(match outcome.verdict {
            Verdict::Deliver { eni, frame: bytes } => Some(Packet { bytes, tuser: eni.into() }),
            _ => None,
        })
    }

    /// Compares all counters with the model's, and that nothing is held or still comes.
    ///
    /// # Errors
    /// What differs.
    pub fn finish(&mut self) -> Result<(), String> {
        let (mut events, mut left) = (Events::default(), [Vec::new(), Vec::new()]);
        for _ in 0..300 {
            self.step(&mut events, &mut left)?;
        }
        if events.iter().any(|events| !events.is_empty()) || left.iter().any(|left| !left.is_empty()) {
            return Err(format!("unasked for: {events:?} {left:02x?}"));
        }
        for bank in Bank::ALL {
            let refused = self.refused[bank as usize].clone();
            let all = refused.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            for (index, name) in counters::all() {
                let found = self.driver(|driver| driver.counter(bank, index)).map_err(|error| error.to_string())?;
                let counted = self.model.counters().get(bank, index);
                let mut wanted = (counted.packets, counted.bytes);
                let more = if index == counters::RECEIVED { Some(&all) } else { refused.get(&index) };
                if let Some((packets, bytes)) = more {
                    wanted = (wanted.0 + packets, wanted.1 + bytes);
                }
                if (found.packets, found.bytes) != wanted {
                    return Err(format!("{}.{name}: {found:?} in the card, {wanted:?} in the model", bank.name()));
                }
            }
        }
        self.finish_enis()?;
        let status =
            self.driver(|driver| driver.port().read(registers::STATUS.offset)).map_err(|error| error.to_string())?;
        for bank in Bank::ALL {
            let held = registers::STATUS.field(&format!("{}_held", bank.name())).unwrap();
            if held.get(status) != 0 {
                return Err(format!("{} frames are held in {}", held.get(status), bank.name()));
            }
        }
        Ok(())
    }

    /// The counters of the interfaces, which must add up to the paths', and the causes of the interrupt, which nobody has cleared.
    fn finish_enis(&mut self) -> Result<(), String> {
        let mut lost = BTreeMap::new();
        for eni in 0..=u8::try_from(self.model.config().enis.len()).unwrap() {
            for counter in EniCounter::ALL {
                let wanted = self.model.eni_counter(eni, counter);
                let mut found =
                    self.driver(|driver| driver.eni_counter(eni, counter)).map_err(|error| error.to_string())?;
                // What has ended counts until the sweeper has come by. That takes long in a big table, where it may lag behind.
                for _ in 0..SWEEPS {
                    let lags = self.lags && found <= wanted;
                    if found == wanted || lags || counter.reason().is_some() {
                        break;
                    }
                    self.idle(1000);
                    found =
                        self.driver(|driver| driver.eni_counter(eni, counter)).map_err(|error| error.to_string())?;
                }
                let lags = self.lags && counter.reason().is_none() && found <= wanted;
                if found != wanted && !lags {
                    return Err(format!("interface {eni}, {}: {found}, {wanted} in the model", counter.name()));
                }
                *lost.entry(counter.reason()).or_insert(0) += found;
            }
        }
        let causes = self.driver(|driver| driver.take_interrupts()).map_err(|error| error.to_string())?;
        for reason in DropReason::ALL {
            let counted = |bank| self.model.counters().get(bank, reason.code()).packets;
            let drops: u64 = Bank::ALL.map(counted).iter().sum();
            if lost.get(&Some(*reason)).is_some_and(|lost| *lost != drops) {
                return Err(format!("{drops} drops for {reason}, but {lost:?} of the interfaces"));
            }
            let full = self.refused.iter().any(|refused| refused.contains_key(&reason.code()));
            for cause in Interrupt::ALL.into_iter().filter(|cause| cause.reasons() == [*reason]) {
                if causes.contains(&cause) != (drops > 0 || full) {
                    return Err(format!("{drops} drops for {reason}, interrupts: {causes:?}"));
                }
            }
        }
        let lost = lost.iter().any(|(reason, lost)| reason.is_some() && *lost > 0);
        if causes.contains(&Interrupt::AllowanceExceeded) != lost || !causes.contains(&Interrupt::CommitDone) {
            return Err(format!("interrupts: {causes:?}"));
        }
        Ok(())
    }

    /// How often something came up.
    pub fn count(&self, name: &str) -> u32 {
        self.shown.get(name).copied().unwrap_or(0)
    }
}

/// The frames that left are those that were due, in the order of their flows.
fn in_order(mut due: Due, left: Vec<Packet>) -> Result<(), String> {
    for (number, packet) in left.into_iter().enumerate() {
        let place = due.iter().position(|(_, wanted)| *wanted == packet);
        let Some(place) = place else {
            let like = due.iter().find(|(_, wanted)| wanted.bytes.len() == packet.bytes.len());
            let (bytes, like) = (head(&packet.bytes), like.map(|(_, wanted)| (wanted.tuser, head(&wanted.bytes))));
            return Err(format!(
                "frame {number}, tuser {}: {bytes:02x?} is not due; of its length is {like:02x?}",
                packet.tuser
            ));
        };
        let flow = due[place].0;
        if due[..place].iter().any(|(other, _)| *other == flow) {
            return Err(format!("frame {number} overtakes another of its flow: {:02x?}", head(&packet.bytes)));
        }
        due.remove(place);
    }
    match due.first() {
        Some((_, packet)) => Err(format!("{} frames never left, {:02x?} first", due.len(), head(&packet.bytes))),
        None => Ok(()),
    }
}

/// Which DHCP message an answer is.
fn dhcp_name(answer: &[u8]) -> &'static str {
    let offset = if answer[12..14] == [0x81, 0] { 4 } else { 0 };
    match answer.get(offset + 284) {
        Some(2) => "OFFER",
        Some(5) => "ACK",
        Some(6) => "NAK",
        _ => "no DHCP",
    }
}

/// As much of a frame as is worth showing.
pub fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(160)]
}
