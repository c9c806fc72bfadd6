//! The packet ports of a card in the bench, and the card whose traffic goes on while software is at its registers.

use std::collections::BTreeMap;

use nitro_components::bench::{self, BenchError, Packet, PacketSink, PacketSource, Sink, Source};
use nitro_simulator::{Engine, EngineFault, PortInfo};

use super::service::MappingServer;
use super::{Difference, EVENT, Frame, LOCAL, Rates};

/// What came out of a card since a turn began.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Events by number: of frames from guests, of frames from the underlay, and of those of guests on the rx path.
    pub events: [BTreeMap<u16, Vec<u64>>; 3],
    /// Frames that left at `net_tx` and `guest_tx`.
    pub left: [Vec<Packet>; 2],
}

impl Seen {
    /// Number of the events and frames.
    #[must_use]
    pub fn all(&self) -> u64 {
        (self.disposed().iter().sum::<usize>() + self.frames().iter().sum::<usize>()) as u64
    }

    /// Number of the events.
    #[must_use]
    pub fn disposed(&self) -> [usize; 3] {
        self.events.each_ref().map(BTreeMap::len)
    }

    /// Frames of guests that went on in the rx path.
    #[must_use]
    pub fn crossed(&self) -> usize {
        self.events[0].values().filter(|event| event[LOCAL] == 1).count()
    }

    /// Number of the frames.
    #[must_use]
    pub fn frames(&self) -> [usize; 2] {
        self.left.each_ref().map(Vec::len)
    }
}

/// Sources and sinks at the packet ports, sinks of events, and the mapping service.
#[derive(Clone)]
pub struct Ports {
    /// The mapping service's end.
    pub server: MappingServer,
    sources: [PacketSource; 2],
    /// `net_tx`, `guest_tx`.
    sinks: [PacketSink; 2],
    events: [Sink; 2],
    /// Offers and answers of this clock are made.
    driven: bool,
    /// The first error of a clock that ran under the driver.
    error: Option<Difference>,
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
            server: MappingServer::new(engine, seed.wrapping_add(4))?,
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
        self.server.check_independence(check);
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

    /// The first half of a clock.
    ///
    /// # Errors
    /// If a stream breaks its rules.
    pub fn settle(&mut self, engine: &mut dyn Engine) -> Result<(), Difference> {
        let [guest_rx, net_rx] = &mut self.sources;
        let [net_tx, guest_tx] = &mut self.sinks;
        let [tx_event, rx_event] = &mut self.events;
        let (query, reply) = self.server.ports();
        let sinks: &mut [&mut Sink] = &mut [&mut net_tx.stream, &mut guest_tx.stream, tx_event, rx_event, query];
        let sources: &mut [&mut Source] = &mut [&mut guest_rx.stream, &mut net_rx.stream, reply];
        self.driven = true;
        Ok(bench::settle(engine, sources, sinks)?)
    }

    /// The second half of a clock.
    ///
    /// # Errors
    /// If a stream breaks its rules, or the card asks for what is no key.
    pub fn edge(&mut self, engine: &mut dyn Engine) -> Result<(), Difference> {
        let [guest_rx, net_rx] = &mut self.sources;
        let [net_tx, guest_tx] = &mut self.sinks;
        let [tx_event, rx_event] = &mut self.events;
        let (query, reply) = self.server.ports();
        let sinks: &mut [&mut Sink] = &mut [&mut net_tx.stream, &mut guest_tx.stream, tx_event, rx_event, query];
        let sources: &mut [&mut Source] = &mut [&mut guest_rx.stream, &mut net_rx.stream, reply];
        self.driven = false;
        bench::edge(engine, sources, sinks)?;
        self.server.answer()
    }

    /// Takes what came; `bases` are the serial numbers with which the turn began.
    ///
    /// # Errors
    /// If a frame has two events, or a stream broke its rules.
    pub fn take(&mut self, bases: [u16; 2], seen: &mut Seen) -> Result<(), Difference> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        for (side, sink) in self.events.iter_mut().enumerate() {
            while let Some((clock, item)) = sink.pop() {
                let event: Vec<u64> = item.iter().map(|field| field[0]).collect();
                let crossed = side == 1 && event[LOCAL] == 1;
                let base = bases[if crossed { 0 } else { side }];
                let serial = u16::try_from(event[0] & 0xffff).unwrap_or(0).wrapping_sub(base);
                if seen.events[if crossed { 2 } else { side }].insert(serial, event).is_some() {
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

    fn keep(&mut self, result: Result<(), Difference>) {
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
