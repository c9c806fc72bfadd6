//! The packet ports of a card in the bench, and the card whose traffic goes on while software is at its registers.

use std::collections::BTreeMap;

use nitro_components::bench::{self, BenchError, Packet, PacketSink, PacketSource, Sink};
use nitro_simulator::{Engine, EngineFault, PortInfo};

use super::{Difference, EVENT, Frame, Rates};

/// What came out of a card since a turn began.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Events of both sides, by the number of their frame in the turn.
    pub events: [BTreeMap<u16, Vec<u64>>; 2],
    /// Frames that left at `net_tx` and `guest_tx`.
    pub left: [Vec<Packet>; 2],
}

impl Seen {
    /// Number of the events.
    #[must_use]
    pub fn disposed(&self) -> [usize; 2] {
        self.events.each_ref().map(BTreeMap::len)
    }

    /// Number of the frames.
    #[must_use]
    pub fn frames(&self) -> [usize; 2] {
        self.left.each_ref().map(Vec::len)
    }
}

/// Sources and sinks at the packet ports, and sinks of events.
pub struct Ports {
    sources: [PacketSource; 2],
    /// `net_tx`, `guest_tx`.
    sinks: [PacketSink; 2],
    events: [Sink; 2],
    /// Offers and answers of this clock are made.
    driven: bool,
    /// The first error of a clock that ran under the driver.
    error: Option<BenchError>,
}

impl Ports {
    /// The ports of this card.
    ///
    /// # Errors
    /// If it is none.
    pub fn new(engine: &dyn Engine, rates: Rates) -> Result<Self, BenchError> {
        let Rates { idle, pressure, seed } = rates;
        let source = |port, seed| PacketSource::new(engine, port, idle, seed);
        let sink = |port, seed| PacketSink::new(engine, port, pressure, seed);
        let event = |port| Sink::new(engine, port, &EVENT, 0.0, 0);
        Ok(Self {
            sources: [source("guest_rx", seed)?, source("net_rx", seed.wrapping_add(1))?],
            sinks: [sink("net_tx", seed.wrapping_add(2))?, sink("guest_tx", seed.wrapping_add(3))?],
            events: [event("tx_event")?, event("rx_event")?],
            driven: false,
            error: None,
        })
    }

    /// Looks in every clock whether outputs depend on `tready`, which settles everything twice; on from the beginning.
    pub fn check_independence(&mut self, check: bool) {
        self.sinks.iter_mut().for_each(|sink| sink.stream.check_independence(check));
        self.events.iter_mut().for_each(|sink| sink.check_independence(check));
    }

    /// Queues a frame.
    pub fn push(&mut self, frame: &Frame) {
        let packet = Packet { bytes: frame.bytes.clone(), tuser: frame.tuser.into() };
        self.sources[frame.bank as usize].push(&packet);
    }

    /// Beats that were taken.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sources.iter().map(|source| source.stream.sent()).sum()
    }

    fn settle(&mut self, engine: &mut dyn Engine) -> Result<(), BenchError> {
        let [guest_rx, net_rx] = &mut self.sources;
        let [net_tx, guest_tx] = &mut self.sinks;
        let [tx_event, rx_event] = &mut self.events;
        let sinks: &mut [&mut Sink] = &mut [&mut net_tx.stream, &mut guest_tx.stream, tx_event, rx_event];
        self.driven = true;
        bench::settle(engine, &mut [&mut guest_rx.stream, &mut net_rx.stream], sinks)
    }

    fn edge(&mut self, engine: &mut dyn Engine) -> Result<(), BenchError> {
        let [guest_rx, net_rx] = &mut self.sources;
        let [net_tx, guest_tx] = &mut self.sinks;
        let [tx_event, rx_event] = &mut self.events;
        let sinks: &mut [&mut Sink] = &mut [&mut net_tx.stream, &mut guest_tx.stream, tx_event, rx_event];
        self.driven = false;
        bench::edge(engine, &mut [&mut guest_rx.stream, &mut net_rx.stream], sinks)
    }

    /// One clock.
    ///
    /// # Errors
    /// If a stream breaks its rules.
    pub fn clock(&mut self, engine: &mut dyn Engine) -> Result<(), BenchError> {
        self.settle(engine)?;
        self.edge(engine)
    }

    /// Takes what came; `bases` are the serial numbers with which the turn began.
    ///
    /// # Errors
    /// If a frame has two events, or a stream broke its rules.
    pub fn take(&mut self, bases: [u16; 2], seen: &mut Seen) -> Result<(), Difference> {
        if let Some(error) = self.error.take() {
            return Err(error.into());
        }
        for ((sink, events), base) in self.events.iter_mut().zip(&mut seen.events).zip(bases) {
            while let Some((clock, item)) = sink.pop() {
                let event: Vec<u64> = item.iter().map(|field| field[0]).collect();
                let serial = u16::try_from(event[0] & 0xffff).unwrap_or(0).wrapping_sub(base);
                if events.insert(serial, event).is_some() {
                    return Err(Difference::SecondEvent { clock, serial });
                }
            }
        }
        for (sink, left) in self.sinks.iter_mut().zip(&mut seen.left) {
            while let Some((_, packet)) = sink.pop()? {
                left.push(packet);
            }
        }
        Ok(())
    }
}

/// A card for its driver: each clock of a register access is one of the traffic, too.
pub struct Busy<'a> {
    engine: &'a mut dyn Engine,
    ports: &'a mut Ports,
}

impl<'a> Busy<'a> {
    /// This card at these ports.
    pub fn new(engine: &'a mut dyn Engine, ports: &'a mut Ports) -> Self {
        Self { engine, ports }
    }

    fn keep(&mut self, result: Result<(), BenchError>) {
        if let Err(error) = result {
            self.ports.error.get_or_insert(error);
        }
    }
}

impl Engine for Busy<'_> {
    fn inputs(&self) -> &[PortInfo] {
        self.engine.inputs()
    }
    fn outputs(&self) -> &[PortInfo] {
        self.engine.outputs()
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        self.engine.set(index, value);
    }
    fn settle(&mut self) {
        if self.ports.driven {
            self.engine.settle();
        } else {
            let result = self.ports.settle(self.engine);
            self.keep(result);
        }
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        self.engine.get(index, value);
    }
    fn edge(&mut self) {
        // Who wants an edge has settled.
        let result = self.ports.edge(self.engine);
        self.keep(result);
    }
    fn fault(&self) -> Option<&EngineFault> {
        self.engine.fault()
    }
}
