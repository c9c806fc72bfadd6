//! The mapping service of a VPC file at the card's ports.

use std::collections::VecDeque;
use std::net::IpAddr;

use nitro_driver::DriverError;
use nitro_driver::service::Key;
use nitro_simulator::Engine;
use nitro_vpc::{Answer, MappingService, Vpc};
use nitro_wire::FormatError;

use crate::runner::{RunError, port, value};

/// Answers each query after some clocks, in order.
pub struct Replies {
    service: MappingService,
    card: IpAddr,
    after: u64,
    query_tdata: usize,
    query_tvalid: usize,
    query_tready: usize,
    reply_tdata: usize,
    reply_tvalid: usize,
    reply_tready: usize,
    /// Words of a query.
    words: usize,
    /// Replies, and the clocks from which on they are offered.
    due: VecDeque<(u64, Vec<u64>)>,
    offered: bool,
}

/// A message that has no room for its values; those of a checked VPC file have.
fn unfit(error: FormatError) -> RunError {
    RunError::Driver(DriverError::Format(error))
}

impl Replies {
    /// The service of this VPC file, which takes so many clocks for a reply.
    pub fn new(vpc: &Vpc, engine: &dyn Engine, after: u64) -> Result<Self, RunError> {
        let output = |name: &str| port(engine.outputs(), name);
        let input = |name: &str| port(engine.inputs(), name);
        let query_tdata = output("query_tdata")?;
        Ok(Self {
            service: MappingService::new(vpc),
            card: vpc.card.underlay_ip,
            after,
            query_tdata,
            query_tvalid: output("query_tvalid")?,
            query_tready: input("query_tready")?,
            reply_tdata: input("reply_tdata")?,
            reply_tvalid: input("reply_tvalid")?,
            reply_tready: output("reply_tready")?,
            words: engine.outputs()[query_tdata].width.div_ceil(64),
            due: VecDeque::new(),
            offered: false,
        })
    }

    /// A reply is under way.
    pub fn is_busy(&self) -> bool {
        !self.due.is_empty()
    }

    /// Before everything settles.
    pub fn drive(&mut self, engine: &mut dyn Engine, clock: u64) {
        engine.set(self.query_tready, &[1]);
        let next = self.due.front().filter(|(due, _)| *due <= clock);
        if let (Some((_, reply)), false) = (next, self.offered) {
            engine.set(self.reply_tdata, reply);
            self.offered = true;
        }
        engine.set(self.reply_tvalid, &[u64::from(self.offered)]);
    }

    /// When everything has settled; is anything transferred?
    pub fn observe(&mut self, engine: &dyn Engine, clock: u64) -> Result<bool, RunError> {
        let mut transferred = false;
        if self.offered && value(engine, self.reply_tready) != 0 {
            self.due.pop_front();
            self.offered = false;
            transferred = true;
        }
        if value(engine, self.query_tvalid) != 0 {
            let mut words = vec![0; self.words];
            engine.get(self.query_tdata, &mut words);
            let key = Key::from_query(&words).map_err(unfit)?;
            let reply = match self.service.answer(self.card, key.vni, key.ip) {
                Answer::Found(mapping) => key.reply(Some(&mapping)),
                Answer::Negative => key.reply(None),
            };
            self.due.push_back((clock + 1 + self.after, reply.map_err(unfit)?));
            transferred = true;
        }
        Ok(transferred)
    }
}
