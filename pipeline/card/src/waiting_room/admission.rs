//! The waiting room of a path with the rules that it asks.
//!
//! Ports: those of the [room](super::room), `table`, `commit`, `busy` and `ready` of the [rules](crate::security_group). Latency: that of the room.

use nitro_components::stream::{FlowRx, StreamRx, StreamTx};
use nitro_netlist::{Pack, Ports, hdl_gen};
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use super::room::WaitingRoom;
use super::{Completed, Completing, Decided, Undecided};
use crate::conntrack::record::{ConntrackAsk, ConntrackHit, ConntrackInsert, ConntrackInserted, ConntrackUpdate};
use crate::lookup::queries::Wake;
use crate::lookup::service::{MappingFound, MappingNeed};
use crate::security_group::scan::SecurityScan;
use crate::security_group::{ScanAsk, ScanResult};
use crate::table::TableWrite;

/// Admits records of `T`: `2^NQ` packets of `2^SQ` flows wait at most; `2^RA` rows of `2^RL` rules for `2^EA` interfaces.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Admission<T: Pack, const NQ: usize, const SQ: usize, const RL: usize, const RA: usize, const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// TCP packets that begin no connection need an entry.
    pub strict_tcp: Signal<In, Bit>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// Records in the order of their frames.
    pub rx: StreamRx<Undecided<T>>,
    /// Decided records.
    pub tx: StreamTx<Decided<T>>,
    /// Questions to the connection table.
    pub find: StreamTx<ConntrackAsk>,
    /// Its answers, in order.
    pub found: FlowRx<ConntrackHit>,
    /// Connections to be entered.
    pub insert: StreamTx<ConntrackInsert>,
    /// What became of that, in order.
    pub inserted: FlowRx<ConntrackInserted>,
    /// Packets of connections that passed.
    pub update: StreamTx<ConntrackUpdate>,
    /// A packet whose mapping is asked for.
    pub need: StreamTx<MappingNeed>,
    /// What came of it.
    pub mapping: FlowRx<MappingFound>,
    /// Packets that may ask again.
    pub wake: FlowRx<Wake>,
    /// The record whose turn it is, and its mapping.
    pub completing: Signal<Out, Completing<T>>,
    /// What they make.
    pub completed: Signal<In, Completed<T>>,
    /// Mappings that were found before now do not count any more.
    pub mark: Signal<In, Bit>,
    /// Packets are there that have found one before.
    pub draining: Signal<Out, Bit>,
    /// Writes to all tables.
    pub table: FlowRx<TableWrite>,
    /// Rule sets that have been written count from now on.
    pub commit: Signal<In, Bit>,
    /// Rules of replaced sets are still being read.
    pub busy: Signal<Out, Bit>,
    /// The rules have been cleared after reset.
    pub ready: Signal<Out, Bit>,
    room: WaitingRoom<T, NQ, SQ>,
    rules: SecurityScan<RL, RA, EA>,
}

impl<T: Pack, const NQ: usize, const SQ: usize, const RL: usize, const RA: usize, const EA: usize>
    Admission<T, NQ, SQ, RL, RA, EA>
{
    /// For the path of this direction; packets that wait hold at most so many cells of its memory.
    #[must_use]
    pub fn new(direction: Direction, most_cells: u16) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            strict_tcp: Signal::default(),
            now: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            find: StreamTx::default(),
            found: FlowRx::default(),
            insert: StreamTx::default(),
            inserted: FlowRx::default(),
            update: StreamTx::default(),
            need: StreamTx::default(),
            mapping: FlowRx::default(),
            wake: FlowRx::default(),
            completing: Signal::default(),
            completed: Signal::default(),
            mark: Signal::default(),
            draining: Signal::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            busy: Signal::default(),
            ready: Signal::default(),
            room: WaitingRoom::new(direction, most_cells, super::datagrams(NQ)),
            rules: SecurityScan::new(direction),
        }
    }
}

impl<T: Pack, const NQ: usize, const SQ: usize, const RL: usize, const RA: usize, const EA: usize> Logic
    for Admission<T, NQ, SQ, RL, RA, EA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, room, rules);
        self.room.reset.next = self.reset.val();
        self.rules.reset.next = self.reset.val();
        self.room.strict_tcp.next = self.strict_tcp.val();
        self.room.now.next = self.now.val();
        StreamRx::<Undecided<T>>::link(&mut self.rx, &mut self.room.rx);
        StreamTx::<Decided<T>>::link(&mut self.tx, &mut self.room.tx);
        StreamTx::<ConntrackAsk>::link(&mut self.find, &mut self.room.find);
        FlowRx::<ConntrackHit>::link(&mut self.found, &mut self.room.found);
        StreamTx::<ConntrackInsert>::link(&mut self.insert, &mut self.room.insert);
        FlowRx::<ConntrackInserted>::link(&mut self.inserted, &mut self.room.inserted);
        StreamTx::<ConntrackUpdate>::link(&mut self.update, &mut self.room.update);
        StreamTx::<MappingNeed>::link(&mut self.need, &mut self.room.need);
        FlowRx::<MappingFound>::link(&mut self.mapping, &mut self.room.mapping);
        FlowRx::<Wake>::link(&mut self.wake, &mut self.room.wake);
        self.completing.next = self.room.completing.val();
        self.room.completed.next = self.completed.val();
        self.room.mark.next = self.mark.val();
        self.draining.next = self.room.draining.val();
        StreamTx::<ScanAsk>::join(&mut self.room.scan, &mut self.rules.rx);
        StreamTx::<ScanResult>::join(&mut self.rules.tx, &mut self.room.scanned);
        FlowRx::<TableWrite>::link(&mut self.table, &mut self.rules.table);
        self.rules.commit.next = self.commit.val();
        self.busy.next = self.rules.busy.val();
        self.ready.next = self.rules.ready.val();
    }
}
