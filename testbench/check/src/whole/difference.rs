//! What can differ between a card and its model.

use nitro_components::bench::BenchError;
use nitro_driver::{BusError, DriverError};
use nitro_simulator::EngineFault;
use nitro_vpc::VpcError;
use nitro_wire::counters::Bank;
use nitro_wire::{DropReason, Flow, FormatError, Interrupt};

use super::EVENT;

/// As much of a frame as is worth showing.
const SHOWN_BYTES: usize = 160;

/// As much of a frame as is worth showing.
#[must_use]
pub fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(SHOWN_BYTES)]
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The event of a frame as the card and the model have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDifference {
    /// Place of the frame in its turn.
    pub frame: usize,
    /// Its path.
    pub bank: Bank,
    /// Its first bytes.
    pub head: Vec<u8>,
    /// The fields of [`EVENT`] from the card.
    pub found: Vec<u64>,
    /// From the model.
    pub wanted: Vec<u64>,
}

impl std::fmt::Display for EventDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |event: &[u64]| {
            let code = |field: usize| event.get(field).and_then(|&code| u8::try_from(code).ok());
            let reason = code(2).and_then(DropReason::from_code).map_or("no reason", DropReason::name);
            let flow = code(6).and_then(Flow::from_code).map_or("?", Flow::name);
            format!("{reason} {flow}")
        };
        let Self { frame, bank, head, found, wanted } = self;
        write!(
            f,
            "frame {frame} ({}, {}):\n{EVENT:?}\n{found:?} {} in the card,\n{wanted:?} {} in the model",
            bank.name(),
            digits(head),
            name(found),
            name(wanted)
        )
    }
}

/// The card is not the model's, or the bench cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// In an act of a case.
    #[error("act {act}: {difference}")]
    Act {
        /// Its place in the case.
        act: usize,
        /// What differs.
        difference: Box<Difference>,
    },
    /// The VPC file of a case is none.
    #[error(transparent)]
    World(#[from] VpcError),
    /// There is no configuration of this name.
    #[error("there is no configuration `{0}`; there are line, edge, tiny")]
    Config(String),
    /// There is no engine to run the card.
    #[error("the card cannot be run: {0}")]
    NoEngine(String),
    /// The card cannot be programmed or read.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A stream breaks its rules.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The engine's values are not to be trusted.
    #[error(transparent)]
    Engine(#[from] EngineFault),
    /// What the card asks the mapping service, or what that replies, has no form.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Software waits for ever.
    #[error("a write to a register has no answer after {clocks} clocks")]
    NoAnswer {
        /// Clocks that it was waited for.
        clocks: u64,
    },
    /// Nothing happens any more, and frames have no verdict.
    #[error("{entered:?} frames entered (tx, rx, and tx frames in rx), {disposed:?} came to an end")]
    Lost {
        /// Frames that entered: of guests, of the underlay, and of guests for guests.
        entered: [usize; 3],
        /// Those with a verdict.
        disposed: [usize; 3],
    },
    /// A frame has no event, though as many came as frames entered.
    #[error("no event of frame {frame}")]
    NoEvent {
        /// Place of the frame in its turn.
        frame: usize,
    },
    /// A frame has two events.
    #[error("clock {clock}: a second event of frame {serial}")]
    SecondEvent {
        /// The clock.
        clock: u64,
        /// The frame's number in its turn.
        serial: u16,
    },
    /// A frame's event is another one.
    #[error("{0}")]
    Event(Box<EventDifference>),
    /// The room was full for a packet that need not wait.
    #[error("frame {frame} found the waiting room full, though it need not wait")]
    NeedNotWait {
        /// Place of the frame in its turn.
        frame: usize,
    },
    /// A frame left that the model does not send.
    #[error(
        "{port}: frame {frame}, tuser {tuser}: {} is not due{}",
        digits(head),
        like.as_ref().map(|(tuser, head)| format!("; of its length is, tuser {tuser}: {}", digits(head))).unwrap_or_default()
    )]
    NotDue {
        /// Where it left.
        port: &'static str,
        /// Its place among those that left.
        frame: usize,
        /// Its `tuser`.
        tuser: u64,
        /// Its first bytes.
        head: Vec<u8>,
        /// A frame of the same length that is due, `tuser` and first bytes.
        like: Option<(u64, Vec<u8>)>,
    },
    /// The order within a flow is not kept.
    #[error("{port}: frame {frame} overtakes another of its flow: {}", digits(head))]
    Overtakes {
        /// Where it left.
        port: &'static str,
        /// Its place among those that left.
        frame: usize,
        /// Its first bytes.
        head: Vec<u8>,
    },
    /// Frames did not leave.
    #[error("{port}: {count} frames never left, {} first", digits(head))]
    NeverLeft {
        /// Where they are due.
        port: &'static str,
        /// How many.
        count: usize,
        /// The first bytes of the first.
        head: Vec<u8>,
    },
    /// Something came after the end.
    #[error("{events} events and {frames} frames came that nobody asked for")]
    Unasked {
        /// Events.
        events: usize,
        /// Frames.
        frames: usize,
    },
    /// A counter has another value.
    #[error("{}.{name}: (packets, bytes) {found:?} in the card, {wanted:?} in the model", bank.name())]
    Counter {
        /// The path.
        bank: Bank,
        /// The counter.
        name: &'static str,
        /// In the card.
        found: (u64, u64),
        /// In the model.
        wanted: (u64, u64),
    },
    /// A counter of an interface has another value.
    #[error("interface {eni}, {name}: {found} in the card, {wanted} in the model")]
    EniCounter {
        /// The interface.
        eni: u8,
        /// The counter.
        name: &'static str,
        /// In the card.
        found: u64,
        /// In the model.
        wanted: u64,
    },
    /// The interfaces' counters do not add up to the paths'.
    #[error("{drops} drops for {reason}, {lost} of the interfaces")]
    EniSum {
        /// The reason.
        reason: DropReason,
        /// Drops of both paths.
        drops: u64,
        /// Sum over the interfaces.
        lost: u64,
    },
    /// The causes of the interrupt are others.
    #[error("{cause:?} should be {wanted} among the causes of the interrupt: {causes:?}")]
    Interrupts {
        /// The cause.
        cause: Interrupt,
        /// It should be one of them.
        wanted: bool,
        /// The causes.
        causes: Vec<Interrupt>,
    },
    /// `received` is not the sum of everything that became of frames.
    #[error("{}: {received} frames were received, {accounted} passed, were answered, dropped or held", bank.name())]
    Conservation {
        /// The path.
        bank: Bank,
        /// Counter `received`.
        received: u64,
        /// Sum of all others, and of what is held.
        accounted: u64,
    },
    /// Frames stay in a card at rest.
    #[error("{held} frames are held in {}", bank.name())]
    Held {
        /// The path.
        bank: Bank,
        /// How many.
        held: u32,
    },
}

impl From<BusError> for Difference {
    fn from(error: BusError) -> Self {
        Self::Driver(error.into())
    }
}

impl Difference {
    /// The same, in this act.
    #[must_use]
    pub fn in_act(self, act: usize) -> Self {
        Self::Act { act, difference: Box::new(self) }
    }

    /// The case does not even begin: its world is none, or does not fit the card.
    #[must_use]
    pub fn is_no_case(&self) -> bool {
        match self {
            Self::World(_) | Self::Config(_) => true,
            Self::Driver(error) => matches!(
                error,
                DriverError::TooManyEnis { .. }
                    | DriverError::NoSuchSubnet { .. }
                    | DriverError::TooManyNaclRules { .. }
                    | DriverError::TooManyKeys { .. }
                    | DriverError::TableFull { .. }
                    | DriverError::Security { .. }
                    | DriverError::Format(_)
            ),
            Self::Act { difference, .. } => difference.is_no_case(),
            _ => false,
        }
    }
}
