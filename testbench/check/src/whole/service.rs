//! The mapping service's end of a card under test, and software that interrupts.
#![allow(clippy::unwrap_used, reason = "a card has these ports, and values are as wide as they are")]

use std::collections::VecDeque;

use nitro_components::bench::{BenchError, Random, Sink, Source, get, set};
use nitro_driver::service::Key;
use nitro_model::{Query, Reply, Service};
use nitro_simulator::Engine;
use nitro_wire::registers;

use super::Difference;

/// Answers queries.
#[derive(Clone)]
pub struct MappingServer {
    query: Sink,
    reply: Source,
    service: Option<Service>,
    most_clocks: u64,
    /// What is to be replied, and when.
    due: Vec<(u64, Vec<u64>)>,
    /// Keys that have been asked for.
    pub asked: Vec<Key>,
    clock: u64,
    random: Random,
}

impl MappingServer {
    /// Answers nothing.
    ///
    /// # Errors
    /// If the block has no such ports.
    pub fn new(engine: &dyn Engine, seed: u64) -> Result<Self, BenchError> {
        Ok(Self {
            query: Sink::new(engine, "query", &["tdata"], 0.2, seed)?,
            reply: Source::new(engine, "reply", &["tdata"], 0.2, seed ^ 1)?,
            service: None,
            most_clocks: 0,
            due: Vec::new(),
            asked: Vec::new(),
            clock: 0,
            random: Random::new(seed ^ 2),
        })
    }

    /// Looks in every clock whether what is asked depends on `tready`.
    pub fn check_independence(&mut self, check: bool) {
        self.query.check_independence(check);
    }

    /// Answers as the service does, each query after at most so many clocks.
    pub fn serve(&mut self, service: Service, most_clocks: u64) {
        self.service = Some(service);
        self.most_clocks = most_clocks;
    }

    /// The two ports.
    pub fn ports(&mut self) -> (&mut Sink, &mut Source) {
        (&mut self.query, &mut self.reply)
    }

    /// After each clock.
    ///
    /// # Errors
    /// If the card asks for what is no key, or a mapping does not fit a reply.
    pub fn answer(&mut self) -> Result<(), Difference> {
        self.clock += 1;
        while let Some((_, item)) = self.query.pop() {
            let key = Key::from_query(&item[0])?;
            self.asked.push(key);
            let Some(service) = &self.service else { continue };
            let Key { vni, route_table, ip } = key;
            let reply = match service.answer(Query { vni, route_table, ip }) {
                Reply::Found(mapping) => key.reply(Some(&mapping)),
                Reply::Negative => key.reply(None),
                Reply::Silence => continue,
            };
            let clocks = self.random.below(self.most_clocks + 1);
            self.due.push((self.clock + clocks, reply?));
        }
        let now = self.clock;
        for (_, reply) in self.due.extract_if(.., |(due, _)| *due <= now) {
            self.reply.push(vec![reply]);
        }
        Ok(())
    }

    /// Replies with this, asked or not.
    ///
    /// # Panics
    /// If a value does not fit.
    pub fn say(&mut self, key: Key, mapping: Option<&nitro_wire::control::Mapping>) {
        self.reply.push(vec![key.reply(mapping).unwrap()]);
    }
}

/// Writes to registers while packets are under way.
#[derive(Clone, Debug, Default)]
pub struct Interruption {
    planned: VecDeque<(u16, u32)>,
    /// Clocks until then, once the turn has begun.
    wait: u64,
    begun: bool,
    /// Address and data of the present write are still to be taken.
    offered: [bool; 2],
    under_way: bool,
    /// The last answer has been taken.
    ended: bool,
    /// STATUS is read until no mappings are being ended.
    polls: bool,
    asks: bool,
    taken: bool,
    /// It has said so.
    pub acknowledged: bool,
}

impl Interruption {
    /// These writes, so many clocks into the next turn.
    pub fn plan(&mut self, clocks: u64, writes: &[(u16, u32)]) {
        self.wait = clocks;
        self.planned.extend(writes);
    }

    /// Reads STATUS after the writes, until no mappings are being ended.
    pub fn poll(&mut self) {
        self.polls = true;
    }

    /// A turn begins.
    pub fn begin(&mut self) {
        self.begun = true;
    }

    /// A turn has ended, and all that was to be written in it has been.
    pub fn end(&mut self) {
        self.begun = false;
    }

    /// Not all has been written.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.under_way || !self.planned.is_empty()
    }

    /// Before everything settles.
    ///
    /// # Panics
    /// If the block is no card.
    pub fn drive(&mut self, engine: &mut dyn Engine) {
        if self.polls && self.planned.is_empty() && !self.under_way && self.wait == 0 && !self.acknowledged {
            if !std::mem::replace(&mut self.asks, true) {
                self.taken = false;
                set(engine, "control_araddr", &[registers::STATUS.offset.into()]).unwrap();
                set(engine, "control_arvalid", &[1]).unwrap();
            }
            if std::mem::take(&mut self.taken) {
                set(engine, "control_arvalid", &[0]).unwrap();
            }
            set(engine, "control_rready", &[1]).unwrap();
        }
        if std::mem::take(&mut self.ended) {
            set(engine, "control_bready", &[0]).unwrap();
        }
        if !self.begun || self.planned.is_empty() && !self.under_way {
            return;
        }
        if self.wait > 0 {
            self.wait -= 1;
            return;
        }
        if !self.under_way
            && let Some((offset, value)) = self.planned.pop_front()
        {
            self.under_way = true;
            self.offered = [true; 2];
            set(engine, "control_awaddr", &[offset.into()]).unwrap();
            set(engine, "control_wdata", &[value.into()]).unwrap();
            set(engine, "control_wstrb", &[0xf]).unwrap();
        }
        for (port, offered) in ["control_awvalid", "control_wvalid"].iter().zip(self.offered) {
            set(engine, port, &[u64::from(offered)]).unwrap();
        }
        set(engine, "control_bready", &[u64::from(self.under_way)]).unwrap();
    }

    /// When everything has settled.
    ///
    /// # Panics
    /// If the block is no card, or refuses a write.
    pub fn observe(&mut self, engine: &mut dyn Engine) {
        if self.asks && get(engine, "control_rvalid").unwrap() == [1] {
            let status = u32::try_from(get(engine, "control_rdata").unwrap()[0]).unwrap();
            self.acknowledged = registers::STATUS.field("mapping_busy").unwrap().get(status) == 0;
            self.asks = false;
        }
        if self.asks && get(engine, "control_arready").unwrap() == [1] {
            self.taken = true;
        }
        if !self.under_way {
            return;
        }
        for (port, offered) in ["control_awready", "control_wready"].iter().zip(&mut self.offered) {
            *offered &= get(engine, port).unwrap() == [0];
        }
        if get(engine, "control_bvalid").unwrap() == [1] {
            assert_eq!(get(engine, "control_bresp").unwrap(), [0]);
            self.under_way = false;
            self.ended = true;
        }
    }
}
