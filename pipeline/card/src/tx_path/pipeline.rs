//! The fixed-latency part of the tx path: a frame's head goes in, its verdict comes out.
//!
//! Ports: `rx`, `tx`, `table`, `commit`, those of the mapping cache ([`lookup`](crate::lookup)), the card's configuration. Latency: [`LATENCY`], one frame per 2^fold clocks
//! ([`nacl::fold`](crate::nacl::fold)), in order.
//!
//! ```text
//! parser ─┬─> eni identify ─┬─> eni check ──> ask ──> lookup ──> nacl ──> answer ──> encap
//!         │                 ├─> mapping cache ──────────┘          │                   │
//!         │                 └─> rules of the ACL ──────────────────┘                   │
//!         └─> flow hash ───────────────────────────────────────────────────────────────┘
//! ```
//!
//! The stages judge in this order; the lookups that they need run side by side as soon as their keys are known.

use nitro_components::delay::Delay;
use nitro_components::hash_table::HashResult;
use nitro_components::stream::{FlowRx, FlowTx, StreamRx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use crate::conntrack;
use crate::conntrack::facts::ReadFacts;
use crate::conntrack::record::{ConntrackAsk, ConntrackHit};
use crate::encap::flow_hash::{self, FlowHash};
use crate::encap::outgoing::Outgoing;
use crate::encap::{self, Encap};
use crate::eni::tx::{self as eni, EniTx};
use crate::format::MappingValue;
use crate::lookup::cache::{CacheOp, Invalidate};
use crate::lookup::{self, Lookup};
use crate::nacl::Nacl;
use crate::parser::{self, Parser};
use crate::record::{Frame, Packet};
use crate::responder::answer::{self, ResponderAnswer};
use crate::responder::ask::{self, ResponderAsk};
use crate::responder::sum::{self, ReplySum};
use crate::table::TableWrite;
use crate::waiting_room::FlowFacts;

/// Clocks from the parser to encap.
const PARSED_TO_ENCAP: usize = eni::LATENCY + ask::LATENCY + lookup::LATENCY + answer::LATENCY;
/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = parser::LATENCY + PARSED_TO_ENCAP + encap::LATENCY;

// The sum of an answer is taken up one clock after its packet enters encap.
const _: () = assert!(sum::LATENCY == ask::LATENCY + lookup::LATENCY + answer::LATENCY + 1);

/// The stages of the tx path, for `2^EA` ENIs, tables of four ways of `2^LA` local addresses and `2^MA` mappings, and `2^NA`
/// rules in each comparator of the ACLs.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct TxPipeline<const EA: usize, const LA: usize, const MA: usize, const NA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Heads of frames.
    pub rx: FlowRx<Frame>,
    /// Their verdicts.
    pub tx: FlowTx<Outgoing>,
    /// What is known of the flow of the packet at `tx`.
    pub facts: Signal<Out, FlowFacts>,
    /// Questions to the connection table.
    pub connection: FlowTx<ConntrackAsk>,
    /// Its answers, [`conntrack::LATENCY`] clocks later.
    pub hit: FlowRx<ConntrackHit>,
    /// Writes to the tables.
    pub table: FlowRx<TableWrite>,
    /// Rule sets that have been written count from now on.
    pub commit: Signal<In, Bit>,
    /// Key of the tables' hashes, its first byte lowest.
    pub hash_key: Signal<In, Bits<128>>,
    /// Key of the flow hash, its first byte lowest.
    pub flow_key: Signal<In, Bits<128>>,
    /// The card's own underlay address.
    pub underlay_ip: Signal<In, Bits<128>>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// A miss of the mapping cache asks the mapping service.
    pub query_on_miss: Signal<In, Bit>,
    /// Operations of the mapping cache.
    pub op: StreamRx<CacheOp>,
    /// The operation is done.
    pub done: FlowTx<HashResult<MappingValue>>,
    /// Mappings to end.
    pub invalidate: FlowRx<Invalidate>,
    /// They are being ended.
    pub walking: Signal<Out, Bit>,
    /// A clock without a frame is wanted.
    pub pause: Signal<Out, Bit>,
    /// The tables have been cleared after reset.
    pub ready: Signal<Out, Bit>,
    parser: Parser,
    eni: EniTx<EA, LA>,
    flow_hash: FlowHash,
    hash_wait: Delay<Bits<32>>,
    tag_wait: Delay<Bits<32>>,
    question: ReadFacts,
    read_facts: ReadFacts,
    facts_wait: Delay<FlowFacts>,
    hit_wait: Delay<ConntrackHit>,
    ask: ResponderAsk,
    sum: ReplySum,
    lookup: Lookup<MA>,
    nacl: Nacl<EA, NA>,
    answer: ResponderAnswer,
    encap: Encap,
}

impl<const EA: usize, const LA: usize, const MA: usize, const NA: usize> Default for TxPipeline<EA, LA, MA, NA> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            facts: Signal::default(),
            connection: FlowTx::default(),
            hit: FlowRx::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            hash_key: Signal::default(),
            flow_key: Signal::default(),
            underlay_ip: Signal::default(),
            gateway_mac: Signal::default(),
            now: Signal::default(),
            query_on_miss: Signal::default(),
            op: StreamRx::default(),
            done: FlowTx::default(),
            invalidate: FlowRx::default(),
            walking: Signal::default(),
            pause: Signal::default(),
            ready: Signal::default(),
            parser: Parser::default(),
            eni: EniTx::default(),
            flow_hash: FlowHash::default(),
            hash_wait: Delay::new(PARSED_TO_ENCAP - flow_hash::LATENCY),
            tag_wait: Delay::new(encap::LATENCY),
            question: ReadFacts::new(Direction::Egress),
            read_facts: ReadFacts::new(Direction::Egress),
            facts_wait: Delay::new(encap::LATENCY),
            hit_wait: Delay::new(PARSED_TO_ENCAP + encap::LATENCY - conntrack::LATENCY),
            ask: ResponderAsk::default(),
            sum: ReplySum::default(),
            lookup: Lookup::new(eni::CHECK_LATENCY + ask::LATENCY),
            nacl: Nacl::new(Direction::Egress, eni::CHECK_LATENCY + ask::LATENCY + lookup::LATENCY),
            answer: ResponderAnswer::default(),
            encap: Encap::default(),
        }
    }
}

impl<const EA: usize, const LA: usize, const MA: usize, const NA: usize> Logic for TxPipeline<EA, LA, MA, NA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, clock, parser, eni, flow_hash, hash_wait, tag_wait, facts_wait, hit_wait, ask, sum, lookup, nacl,
            answer, encap
        );
        self.parser.reset.next = self.reset.val();
        self.eni.reset.next = self.reset.val();
        self.flow_hash.reset.next = self.reset.val();
        self.hash_wait.reset.next = self.reset.val();
        self.tag_wait.reset.next = self.reset.val();
        self.facts_wait.reset.next = self.reset.val();
        self.hit_wait.reset.next = self.reset.val();
        self.ask.reset.next = self.reset.val();
        self.sum.reset.next = self.reset.val();
        self.lookup.reset.next = self.reset.val();
        self.nacl.reset.next = self.reset.val();
        self.answer.reset.next = self.reset.val();
        self.encap.reset.next = self.reset.val();

        self.eni.table.payload.next = self.table.payload.val();
        self.eni.table.tvalid.next = self.table.tvalid.val();
        self.lookup.table.payload.next = self.table.payload.val();
        self.lookup.table.tvalid.next = self.table.tvalid.val();
        self.nacl.table.payload.next = self.table.payload.val();
        self.nacl.table.tvalid.next = self.table.tvalid.val();
        self.nacl.commit.next = self.commit.val();
        self.lookup.now.next = self.now.val();
        self.lookup.query_on_miss.next = self.query_on_miss.val();
        StreamRx::<CacheOp>::link(&mut self.op, &mut self.lookup.op);
        FlowTx::<HashResult<MappingValue>>::link(&mut self.done, &mut self.lookup.done);
        FlowRx::<Invalidate>::link(&mut self.invalidate, &mut self.lookup.invalidate);
        self.walking.next = self.lookup.walking.val();
        self.pause.next = self.lookup.pause.val();
        self.eni.hash_key.next = self.hash_key.val();
        self.lookup.hash_key.next = self.hash_key.val();
        self.flow_hash.flow_key.next = self.flow_key.val();
        self.eni.gateway_mac.next = self.gateway_mac.val();
        self.answer.gateway_mac.next = self.gateway_mac.val();
        self.sum.gateway_mac.next = self.gateway_mac.val();
        self.encap.gateway_mac.next = self.gateway_mac.val();
        self.encap.underlay_ip.next = self.underlay_ip.val();
        self.ready.next = self.eni.ready.val() && self.lookup.ready.val() && self.nacl.ready.val();

        FlowRx::<Frame>::link(&mut self.rx, &mut self.parser.rx);
        self.eni.rx.payload.next = self.parser.tx.payload.val();
        self.eni.rx.tvalid.next = self.parser.tx.tvalid.val();
        self.flow_hash.rx.payload.next = self.parser.tx.payload.val();
        self.flow_hash.rx.tvalid.next = self.parser.tx.tvalid.val();
        FlowTx::<Bits<32>>::join(&mut self.flow_hash.tx, &mut self.hash_wait.rx);
        self.encap.hash.payload.next = bit_cast::<14, 32>(self.hash_wait.tx.payload.val());
        self.encap.hash.tvalid.next = self.hash_wait.tx.tvalid.val();
        self.tag_wait.rx.payload.next = self.hash_wait.tx.payload.val();
        self.tag_wait.rx.tvalid.next = self.hash_wait.tx.tvalid.val();

        self.lookup.ask.payload.next = self.eni.identified.payload.val();
        self.lookup.ask.tvalid.next = self.eni.identified.tvalid.val();
        self.nacl.ask.payload.next = self.eni.identified.payload.val();
        self.nacl.ask.tvalid.next = self.eni.identified.tvalid.val();
        self.ask.rx.payload.next = self.eni.tx.payload.val();
        self.ask.rx.tvalid.next = self.eni.tx.tvalid.val();
        self.sum.rx.payload.next = self.eni.tx.payload.val();
        self.sum.rx.tvalid.next = self.eni.tx.tvalid.val();
        FlowTx::<Bits<24>>::join(&mut self.sum.tx, &mut self.encap.sum);
        FlowTx::<Packet>::join(&mut self.ask.tx, &mut self.lookup.rx);
        FlowTx::<Packet>::join(&mut self.lookup.tx, &mut self.nacl.rx);
        FlowTx::<Packet>::join(&mut self.nacl.tx, &mut self.answer.rx);
        self.encap.rx.payload.next = self.answer.tx.payload.val();
        self.encap.rx.tvalid.next = self.answer.tx.tvalid.val();

        // The connection is looked up as soon as the headers are read; the answer meets the verdict behind encap.
        self.question.packet.next = self.parser.tx.payload.val();
        self.question.eni.next = self.parser.tx.payload.val().port;
        self.connection.payload.next = self.question.ask.val();
        self.connection.tvalid.next = self.parser.tx.tvalid.val();
        FlowRx::<ConntrackHit>::link(&mut self.hit, &mut self.hit_wait.rx);
        self.read_facts.packet.next = self.answer.tx.payload.val();
        self.read_facts.eni.next = self.answer.tx.payload.val().eni;
        self.facts_wait.rx.payload.next = self.read_facts.facts.val();
        self.facts_wait.rx.payload.next.groups = self.answer.tx.payload.val().groups;
        self.facts_wait.rx.payload.next.routed = self.answer.tx.payload.val().routed;
        self.facts_wait.rx.payload.next.missing = self.answer.tx.payload.val().missing;
        // The peer of a solicitation is whom it asks for.
        self.facts_wait.rx.payload.next.ask.peer = self.answer.tx.payload.val().lookup_ip;
        self.facts_wait.rx.tvalid.next = self.answer.tx.tvalid.val();
        self.facts.next = self.facts_wait.tx.payload.val();
        self.facts.next.hit = self.hit_wait.tx.payload.val();
        self.facts.next.tag = self.tag_wait.tx.payload.val();
        FlowTx::<Outgoing>::link(&mut self.tx, &mut self.encap.tx);
    }
}
