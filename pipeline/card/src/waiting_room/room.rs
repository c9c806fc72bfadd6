//! The waiting room itself: records in a memory, and who leaves next.
//!
//! Ports: see the stage. A record of `rx` that is decided and has nobody of its flow before it goes straight to the output
//! register. Any other one is written to the memory, if there is a place, a slot, and its frame does not take more cells than
//! waiting packets may hold; else it goes on as dropped. In turn the memory is read for the inquiry, and when its answer is
//! there once more. If an entry is to be made, packets of other flows have their turns until that is done, and then the memory is read again. In the end the
//! record is offered to the output register, and taken in a clock that no record of `rx` needs: none is there, or it comes into the room, in its place if there is no
//! other. After 255 clocks without such a one it goes first.
//!
//! A later fragment is first compared with the [datagrams](super::fragments). If its first fragment is decided, its verdict
//! is too; if that waits, it is stored in the slot of that one, as the heir of the datagram's last packet before it: each
//! packet that leaves hands the first one's verdict on to its heir. Nothing of fragments comes in a clock in which a packet
//! leaves the room, so that no link is made to a place that is being left.
//!
//! A packet that only waits for others, or for its mapping, is not inquired about: it takes three clocks when its turn has come, so that a flow whose
//! first packet had to wait catches up with what comes behind.
//!
//! If the packet needs a mapping that it does not have, and everything before lets it pass, the record stays at the memory's
//! output until [`Mapped`] knows more: then it is judged once more. If the mapping service has to be asked, its turn is over.

use nitro_components::fifo::Fifo;
use nitro_components::ram::Ram;
use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, StreamRx, StreamTx};
use nitro_netlist::{Pack, Ports, hdl_gen};
use nitro_wire::policy::Direction;
use nitro_wire::{DropReason, Flow};
use rust_hdl::prelude::*;

use super::drain::Drain;
use super::fragments::{Fragments, Inherited, Remembered};
use super::heirs::Heirs;
use super::inquiry::Inquiry;
use super::mapped::Mapped;
use super::slots::{FlowSlots, PLACE, Turn};
use super::{Answer, Completed, Completing, Decided, Question, Undecided};
use crate::conntrack::record::{ConntrackAsk, ConntrackHit, ConntrackInsert, ConntrackInserted, ConntrackUpdate};
use crate::lookup::queries::Wake;
use crate::lookup::service::{MappingFound, MappingNeed};
use crate::reason::{Reason, reason};
use crate::security_group::{ScanAsk, ScanResult};

/// Nothing is being finished.
const IDLE: u64 = 0;
/// The record is at the memory's output.
const READ: u64 = 1;
/// An entry is asked for.
const INSERT: u64 = 2;
/// It is being made.
const INSERTING: u64 = 3;
/// The record is decided.
const OFFER: u64 = 4;
/// Its mapping is asked for.
const MAP: u64 = 5;

/// Entries that are being made at one time, as a power of two.
const ENTERING: usize = 2;

/// A waiting room for records of `T`: at most `2^NA` packets of at most `2^SA` flows.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct WaitingRoom<T: Pack, const NA: usize, const SA: usize> {
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
    /// Questions to the rules.
    pub scan: StreamTx<ScanAsk>,
    /// Their answers, in order.
    pub scanned: StreamRx<ScanResult>,
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
    /// What they make, [`COMPLETION`](super::COMPLETION) clocks later.
    pub completed: Signal<In, Completed<T>>,
    /// Mappings that were found before now do not count any more.
    pub mark: Signal<In, Bit>,
    /// Packets are there that have found one before.
    pub draining: Signal<Out, Bit>,

    slots: FlowSlots<SA, NA>,
    memory: Ram<Undecided<T>, NA>,
    inquiry: Inquiry,
    updates: Fifo<ConntrackUpdate, 2>,

    // Places of the memory: those never used yet come first.
    vacated: Fifo<Bits<PLACE>, NA>,
    fresh: Register<Bits<16>>,
    cells: Register<Bits<16>>,
    place: Signal<Local, Bits<PLACE>>,
    has_place: Signal<Local, Bit>,
    grown: Signal<Local, Bits<16>>,
    shrunk: Signal<Local, Bits<16>>,
    /// Whoever comes takes the place of who leaves.
    replaces: Signal<Local, Bit>,

    // Fragments, and what was known of a later one in the clock before.
    fragments: Fragments,
    looked: DFF<Remembered>,
    looked_known: DFF<Bit>,
    looked_valid: Register<Bit>,
    heirs: Heirs<NA>,
    is_fragment: Signal<Local, Bit>,
    links: Signal<Local, Bit>,
    outcome: Signal<Local, Inherited>,

    // Mappings.
    mapped: Mapped,
    drain: Drain<NA>,
    done: Signal<Local, Completed<T>>,
    policed: Signal<Local, Bit>,
    follows: Signal<Local, Bit>,
    groups: Signal<Local, Bits<64>>,
    by_groups: Signal<Local, Bit>,
    passes: Signal<Local, Bit>,
    wants: Signal<Local, Bit>,

    // Who comes.
    coming: Signal<Local, Undecided<T>>,
    settled: Signal<Local, Bit>,
    comes: Signal<Local, Bit>,
    /// It has a connection.
    hit: Signal<Local, Bit>,
    waits: Signal<Local, Bit>,
    /// It waits for more than its mapping.
    in_turn: Signal<Local, Bit>,
    fits: Signal<Local, Bit>,
    store: Signal<Local, Bit>,

    // Whose turn it is.
    reading: Register<Bit>,
    read_turn: DFF<Turn>,
    question: DFF<Question>,
    asking: Register<Bit>,
    start: Signal<Local, Bit>,
    /// Packets that need not be inquired about.
    plain: RamDistributed<Bit, NA>,
    direct: DFF<Bit>,
    start_direct: Signal<Local, Bit>,
    /// The connection of the packet whose turn it is.
    connection: Signal<Local, ConntrackHit>,

    // Who is finished.
    state: Register<Bits<3>>,
    answer: DFF<Answer>,
    reason: DFF<Bits<6>>,
    kind: DFF<Bits<3>>,
    refreshes: DFF<Bit>,
    inherits: DFF<Bit>,
    kept: Signal<Local, Undecided<T>>,
    finish: Signal<Local, Bit>,
    admitted: Signal<Local, Bit>,

    // Entries that are being made, of packets that wait for nothing else: their turns, and answers that have come.
    entering: Fifo<Turn, ENTERING>,
    entered: Fifo<ConntrackInserted, ENTERING>,
    unanswered: Register<Bits<4>>,
    returns: Signal<Local, Bit>,
    /// The next answer is for the packet whose turn it is.
    own: Signal<Local, Bit>,
    asked_entry: Signal<Local, Bit>,
    answered: Signal<Local, ConntrackInserted>,
    verdict: Signal<Local, Bits<6>>,

    // Who leaves.
    leaving: DFF<Decided<T>>,
    leaving_valid: Register<Bit>,
    free: Signal<Local, Bit>,
    offered: Signal<Local, Bit>,
    may_leave: Signal<Local, Bit>,
    /// If who is finished leaves, who comes has room.
    exchange: Signal<Local, Bit>,
    /// Clocks for which it could have left.
    overdue: Register<Bits<8>>,
    take_finished: Signal<Local, Bit>,
    take_coming: Signal<Local, Bit>,
    refresh: Signal<Local, Bit>,

    direction: Constant<Bit>,
    places: Constant<Bits<16>>,
    most_cells: Constant<Bits<16>>,
    idle: Constant<Bits<3>>,
    read: Constant<Bits<3>>,
    inserts: Constant<Bits<3>>,
    inserting: Constant<Bits<3>>,
    offers: Constant<Bits<3>>,
    maps: Constant<Bits<3>>,
    kind_none: Constant<Bits<3>>,
    kind_new: Constant<Bits<3>>,
    kind_established: Constant<Bits<3>>,
    kind_related: Constant<Bits<3>>,
    kind_untracked: Constant<Bits<3>>,
    queue_full: Reason,
    without_first: Reason,
    security_group: Reason,
    conntrack_full: Reason,
    over_allowance: Reason,
    miss_full: Reason,
}

/// A kind of flow as a constant.
fn kind(kind: Flow) -> Constant<Bits<3>> {
    Constant::new(u64::from(kind.code()).into())
}

impl<T: Pack, const NA: usize, const SA: usize> WaitingRoom<T, NA, SA> {
    /// A room of the path of this direction, whose packets hold at most so many cells of the path's memory, and that
    /// remembers so many datagrams.
    #[must_use]
    pub fn new(direction: Direction, most_cells: u16, datagrams: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            strict_tcp: Signal::default(),
            now: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            find: StreamTx::default(),
            found: FlowRx::default(),
            scan: StreamTx::default(),
            scanned: StreamRx::default(),
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
            slots: FlowSlots::default(),
            memory: Ram::default(),
            inquiry: Inquiry::default(),
            updates: Fifo::default(),
            vacated: Fifo::default(),
            fresh: Register::default(),
            cells: Register::default(),
            place: Signal::default(),
            has_place: Signal::default(),
            grown: Signal::default(),
            shrunk: Signal::default(),
            replaces: Signal::default(),
            fragments: Fragments::new(datagrams),
            looked: DFF::default(),
            looked_known: DFF::default(),
            looked_valid: Register::default(),
            heirs: Heirs::default(),
            is_fragment: Signal::default(),
            links: Signal::default(),
            outcome: Signal::default(),
            mapped: Mapped::default(),
            drain: Drain::default(),
            done: Signal::default(),
            policed: Signal::default(),
            follows: Signal::default(),
            groups: Signal::default(),
            by_groups: Signal::default(),
            passes: Signal::default(),
            wants: Signal::default(),
            coming: Signal::default(),
            settled: Signal::default(),
            comes: Signal::default(),
            hit: Signal::default(),
            waits: Signal::default(),
            in_turn: Signal::default(),
            fits: Signal::default(),
            store: Signal::default(),
            reading: Register::default(),
            read_turn: DFF::default(),
            question: DFF::default(),
            asking: Register::default(),
            start: Signal::default(),
            plain: RamDistributed::default(),
            direct: DFF::default(),
            start_direct: Signal::default(),
            connection: Signal::default(),
            state: Register::default(),
            answer: DFF::default(),
            reason: DFF::default(),
            kind: DFF::default(),
            refreshes: DFF::default(),
            inherits: DFF::default(),
            kept: Signal::default(),
            finish: Signal::default(),
            admitted: Signal::default(),
            entering: Fifo::default(),
            entered: Fifo::default(),
            unanswered: Register::default(),
            returns: Signal::default(),
            own: Signal::default(),
            asked_entry: Signal::default(),
            answered: Signal::default(),
            verdict: Signal::default(),
            leaving: DFF::default(),
            leaving_valid: Register::default(),
            free: Signal::default(),
            offered: Signal::default(),
            may_leave: Signal::default(),
            exchange: Signal::default(),
            overdue: Register::default(),
            take_finished: Signal::default(),
            take_coming: Signal::default(),
            refresh: Signal::default(),
            direction: Constant::new(direction == Direction::Ingress),
            places: Constant::new((1_u64 << NA).into()),
            most_cells: Constant::new(u64::from(most_cells).into()),
            idle: Constant::new(IDLE.into()),
            read: Constant::new(READ.into()),
            inserts: Constant::new(INSERT.into()),
            inserting: Constant::new(INSERTING.into()),
            offers: Constant::new(OFFER.into()),
            maps: Constant::new(MAP.into()),
            kind_none: kind(Flow::None),
            kind_new: kind(Flow::New),
            kind_established: kind(Flow::Established),
            kind_related: kind(Flow::Related),
            kind_untracked: kind(Flow::Untracked),
            queue_full: reason(DropReason::NewFlowQueueFull),
            without_first: reason(DropReason::FragmentWithoutFirst),
            security_group: reason(DropReason::SecurityGroup),
            conntrack_full: reason(DropReason::ConntrackFull),
            over_allowance: reason(DropReason::ConntrackAllowanceExceeded),
            miss_full: reason(DropReason::MissBufferFull),
        }
    }
}

impl<T: Pack, const NA: usize, const SA: usize> Logic for WaitingRoom<T, NA, SA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, slots, memory, inquiry, updates, vacated, fragments, heirs, mapped, drain, plain);
        clock!(self, clock, entering, entered);
        dff_setup!(self, clock, fresh, cells, reading, read_turn, question, asking, unanswered, overdue);
        dff_setup!(self, clock, looked, looked_known, looked_valid, direct);
        dff_setup!(self, clock, state, answer, reason, kind, refreshes, inherits, leaving, leaving_valid);
        self.slots.reset.next = self.reset.val();
        self.inquiry.reset.next = self.reset.val();
        self.updates.reset.next = self.reset.val();
        self.vacated.reset.next = self.reset.val();
        self.fragments.reset.next = self.reset.val();
        self.looked_valid.reset.next = self.reset.val();
        self.heirs.reset.next = self.reset.val();
        self.mapped.reset.next = self.reset.val();
        self.entering.reset.next = self.reset.val();
        self.entered.reset.next = self.reset.val();
        self.unanswered.reset.next = self.reset.val();
        self.overdue.reset.next = self.reset.val();
        self.drain.reset.next = self.reset.val();
        self.fresh.reset.next = self.reset.val();
        self.cells.reset.next = self.reset.val();
        self.reading.reset.next = self.reset.val();
        self.asking.reset.next = self.reset.val();
        self.state.reset.next = self.reset.val();
        self.leaving_valid.reset.next = self.reset.val();
        self.inquiry.strict_tcp.next = self.strict_tcp.val();
        self.fragments.now.next = self.now.val();
        StreamTx::<ConntrackAsk>::link(&mut self.find, &mut self.inquiry.find);
        FlowRx::<ConntrackHit>::link(&mut self.found, &mut self.inquiry.found);
        StreamTx::<ScanAsk>::link(&mut self.scan, &mut self.inquiry.scan);
        StreamRx::<ScanResult>::link(&mut self.scanned, &mut self.inquiry.scanned);
        StreamTx::<ConntrackUpdate>::link(&mut self.update, &mut self.updates.tx);
        StreamTx::<MappingNeed>::link(&mut self.need, &mut self.mapped.need);
        FlowRx::<MappingFound>::link(&mut self.mapping, &mut self.mapped.mapping);
        FlowRx::<Wake>::link(&mut self.wake, &mut self.slots.wake);

        // Who leaves: the output register takes one when it is free and the connection table can be told.
        self.free.next = !self.leaving_valid.q.val() || self.tx.tready.val();
        self.tx.payload.next = self.leaving.q.val();
        self.tx.tvalid.next = self.leaving_valid.q.val();
        if self.tx.tready.val() {
            self.leaving_valid.d.next = false;
        }
        self.kept.next = self.memory.read_data.val();
        self.offered.next = self.state.q.val() == self.offers.val();

        // Who comes: is it decided, and is nobody of its flow before it?
        self.coming.next = self.rx.payload.val();
        self.is_fragment.next =
            self.coming.val().flow.concerned && (self.coming.val().flow.is_first || self.coming.val().flow.is_later);
        self.settled.next = true;
        self.slots.tag.next = self.coming.val().flow.tag;
        // The pipeline asks for every packet: what has no key may have met another's connection.
        self.hit.next = self.coming.val().flow.hit.hit && self.coming.val().flow.has_key;
        // A SYN asks once more: what closed its connection may have been just before it, when the pipeline had asked already.
        self.in_turn.next = self.coming.val().flow.concerned
            && (!self.hit.val() || self.coming.val().flow.opens || self.slots.hit.val());
        self.waits.next = self.in_turn.val()
            || self.coming.val().flow.missing
            || (self.coming.val().flow.routed && self.slots.hit.val());
        if self.coming.val().flow.concerned && self.coming.val().flow.is_later {
            self.settled.next = self.looked_valid.q.val();
            self.slots.tag.next = self.looked.q.val().tag;
            self.in_turn.next = self.looked_known.q.val() && (self.looked.q.val().waiting || self.slots.hit.val());
            self.waits.next = self.in_turn.val()
                || (self.looked_known.q.val()
                    && self.coming.val().flow.missing
                    && (self.looked.q.val().inherited.reason == 0));
        }
        // A packet of the room leaves in a clock in which none of the path's wants to go on, be it that it comes into the room, maybe in the other
        // one's place; so that it costs the path no clock. If there is no such clock for long, it leaves all the same.
        self.grown.next = self.cells.q.val() + bit_cast::<16, 12>(self.coming.val().chain.cells);
        self.shrunk.next = self.grown.val() - bit_cast::<16, 12>(self.kept.val().chain.cells);
        self.has_place.next = (self.fresh.q.val() != self.places.val()) || self.vacated.tx.tvalid.val();
        self.fits.next = self.slots.room.val() && self.has_place.val() && (self.grown.val() <= self.most_cells.val());
        self.may_leave.next = self.offered.val() && self.free.val() && self.updates.rx.tready.val();
        self.exchange.next = self.may_leave.val()
            && self.waits.val()
            && !self.is_fragment.val()
            && self.slots.room_after.val()
            && (self.shrunk.val() <= self.most_cells.val());
        self.take_finished.next = self.may_leave.val()
            && (!self.rx.tvalid.val()
                || self.is_fragment.val()
                || self.overdue.q.val().all()
                || self.exchange.val()
                || (self.waits.val() && self.fits.val()));
        self.finish.next = self.take_finished.val();
        if !self.may_leave.val() || self.take_finished.val() {
            self.overdue.d.next = bits::<8>(0);
        } else {
            self.overdue.d.next = self.overdue.q.val() + 1;
        }
        self.comes.next =
            self.rx.tvalid.val() && self.settled.val() && !(self.is_fragment.val() && self.take_finished.val());
        self.store.next = self.comes.val() && self.waits.val() && (self.fits.val() || self.exchange.val());
        self.take_coming.next = self.comes.val()
            && !self.store.val()
            && !self.take_finished.val()
            && self.free.val()
            && self.updates.rx.tready.val();
        self.rx.tready.next = self.store.val() || self.take_coming.val();

        // What becomes of it if it does not wait. What should wait but cannot is dropped.
        self.outcome.next.reason = self.coming.val().reason;
        self.outcome.next.kind = self.kind_none.val();
        if self.coming.val().flow.concerned && self.coming.val().flow.is_later {
            if !self.looked_known.q.val() {
                self.outcome.next.reason = self.without_first.val();
            } else {
                self.outcome.next.kind = self.looked.q.val().inherited.kind;
                if self.looked.q.val().inherited.reason != 0 {
                    self.outcome.next.reason = self.looked.q.val().inherited.reason;
                }
            }
        } else if self.coming.val().flow.concerned {
            self.outcome.next.kind = self.kind_new.val();
            if self.hit.val() && self.coming.val().flow.is_error {
                self.outcome.next.kind = self.kind_related.val();
            } else if self.hit.val() {
                self.outcome.next.kind = self.kind_established.val();
            }
        }
        if self.in_turn.val() {
            self.outcome.next.reason = self.queue_full.val();
        } else if self.waits.val() {
            self.outcome.next.reason = self.miss_full.val();
        }

        self.place.next = bit_cast::<PLACE, 16>(self.fresh.q.val());
        self.vacated.tx.tready.next = false;
        self.replaces.next = !self.has_place.val();
        if self.replaces.val() {
            self.place.next = self.answer.q.val().turn.index;
        } else if self.fresh.q.val() == self.places.val() {
            self.place.next = self.vacated.tx.payload.val();
            self.vacated.tx.tready.next = self.store.val();
        } else if self.store.val() {
            self.fresh.d.next = self.fresh.q.val() + 1;
        }
        self.slots.append.next = self.store.val();
        self.slots.index.next = self.place.val();
        self.memory.write_address.next = bit_cast::<NA, PLACE>(self.place.val());
        self.memory.write_data.next = self.coming.val();
        self.memory.write_enable.next = self.store.val();

        // Fragments. What is looked up now is right in the next clock if nothing changes in this one: no packet leaves the
        // room, and none comes, as this one does not.
        self.looked.d.next = self.fragments.remembered.val();
        self.looked_known.d.next = self.fragments.known.val();
        self.looked_valid.d.next =
            self.rx.tvalid.val() && !self.rx.tready.val() && !self.take_finished.val() && self.heirs.ready.val();
        self.fragments.datagram.next.eni = self.coming.val().flow.ask.eni;
        self.fragments.datagram.next.own_ip = self.coming.val().flow.own_ip;
        self.fragments.datagram.next.peer_ip = self.coming.val().flow.ask.peer;
        self.fragments.datagram.next.protocol = self.coming.val().flow.ask.protocol;
        self.fragments.datagram.next.identification = self.coming.val().flow.identification;
        self.fragments.enter.next = self.coming.val().flow.concerned
            && self.coming.val().flow.is_first
            && (self.store.val() || self.take_coming.val());
        self.fragments.entered.next.tag = self.coming.val().flow.tag;
        self.fragments.entered.next.waiting = self.store.val();
        self.fragments.entered.next.last = self.place.val();
        self.fragments.entered.next.inherited = self.outcome.val();
        self.follows.next = self.store.val() && self.coming.val().flow.concerned && self.coming.val().flow.is_later;
        self.links.next = self.follows.val() && self.looked.q.val().waiting;
        self.fragments.link.next = self.links.val();
        self.fragments.linked.next = self.place.val();

        // Who leaves hands the first fragment's verdict on, to the heir or the datagram's entry.
        self.heirs.place.next = self.place.val();
        self.heirs.link.next = self.links.val();
        self.heirs.before.next = self.looked.q.val().last;
        self.heirs.settle.next = self.follows.val() && !self.links.val();
        self.heirs.settled.next = self.looked.q.val().inherited;
        self.heirs.leave.next = self.take_finished.val();
        self.heirs.left.next = self.answer.q.val().turn.index;
        self.heirs.is_later.next = self.kept.val().flow.is_later;
        self.heirs.own.next.reason = self.reason.q.val();
        self.heirs.own.next.kind = self.kind.q.val();
        self.fragments.decide.next = self.take_finished.val();
        self.fragments.left.next = self.answer.q.val().turn.index;
        self.fragments.decided.next = self.heirs.bequest.val();

        // Whose turn it is: the memory is read for the question while nobody is finished.
        self.plain.write_address.next = bit_cast::<NA, PLACE>(self.place.val());
        self.plain.write_data.next = !self.coming.val().flow.concerned
            || self.coming.val().flow.is_later
            || (self.hit.val() && !self.coming.val().flow.opens);
        self.plain.write_enable.next = self.store.val();
        self.plain.read_address.next = bit_cast::<NA, PLACE>(self.slots.ready.payload.val().index);
        // Who has an answer to return to comes before all others, and nobody else begins what may need one more.
        self.returns.next = (self.state.q.val() == self.idle.val()) && self.entered.tx.tvalid.val();
        self.entering.tx.tready.next = self.returns.val();
        self.entered.tx.tready.next = self.returns.val();
        self.start.next = self.slots.ready.tvalid.val()
            && (self.state.q.val() == self.idle.val())
            && !self.returns.val()
            && !self.plain.read_data.val()
            && !self.reading.q.val()
            && !self.asking.q.val();
        // Who has been inquired about comes first.
        self.start_direct.next = self.slots.ready.tvalid.val()
            && (self.state.q.val() == self.idle.val())
            && !self.returns.val()
            && self.entering.rx.tready.val()
            && self.plain.read_data.val()
            && !self.inquiry.tx.tvalid.val();
        self.slots.ready.tready.next = self.start.val() || self.start_direct.val();
        self.reading.d.next = self.start.val();
        self.read_turn.d.next = self.slots.ready.payload.val();
        self.inquiry.rx.payload.next = self.question.q.val();
        self.inquiry.rx.tvalid.next = self.asking.q.val();
        if self.inquiry.rx.tready.val() {
            self.asking.d.next = false;
        }
        if self.reading.q.val() {
            self.asking.d.next = true;
            self.question.d.next.turn = self.read_turn.q.val();
            self.question.d.next.has_key = self.kept.val().flow.has_key;
            self.question.d.next.find.key = self.kept.val().flow.key;
            self.question.d.next.find.is_open = self.kept.val().flow.opens;
            self.question.d.next.mid_stream = self.kept.val().flow.mid_stream;
            self.question.d.next.ask = self.kept.val().flow.ask;
        }

        // Who is finished.
        self.memory.read_address.next = bit_cast::<NA, PLACE>(self.slots.ready.payload.val().index);
        self.memory.read_enable.next = self.start.val() || self.start_direct.val();
        self.inquiry.tx.tready.next = (self.state.q.val() == self.idle.val())
            && !self.start.val()
            && !self.returns.val()
            && self.entering.rx.tready.val();
        self.insert.tvalid.next = self.state.q.val() == self.inserts.val();
        self.insert.payload.next.tag = self.direction.val();
        self.insert.payload.next.direction = self.direction.val();
        self.insert.payload.next.key = self.kept.val().flow.key;
        self.insert.payload.next.tcp_flags = self.kept.val().flow.tcp_flags;

        self.connection.next = self.answer.q.val().hit;
        if self.direct.q.val() {
            self.connection.next = self.kept.val().flow.hit;
        }

        // Its mapping: groups of its peer, if only those may admit it, and its way, if everything before lets it pass.
        self.policed.next =
            self.kept.val().flow.concerned && !self.kept.val().flow.is_later && !self.connection.val().hit;
        self.groups.next = self.kept.val().flow.groups;
        if self.mapped.known.val() {
            self.groups.next = self.mapped.groups.val();
        }
        self.admitted.next = self.answer.q.val().admitted || (self.answer.q.val().groups & self.groups.val()).any();
        self.by_groups.next = self.policed.val()
            && (self.answer.q.val().reason == 0)
            && !self.admitted.val()
            && self.answer.q.val().groups.any()
            && (self.direction.val() || self.kept.val().flow.missing);
        self.passes.next = true;
        if self.kept.val().flow.concerned && self.kept.val().flow.is_later {
            self.passes.next = self.heirs.inherited.val().reason == 0;
        } else if self.policed.val() {
            self.passes.next = (self.answer.q.val().reason == 0) && self.admitted.val();
        }
        self.wants.next =
            !self.mapped.known.val() && (self.by_groups.val() || (self.kept.val().flow.missing && self.passes.val()));
        self.mapped.ask.next = self.state.q.val() == self.maps.val();
        self.mapped.turn.next = self.answer.q.val().turn;
        self.mapped.tried.next = self.slots.tried.val();
        self.mapped.key.next.vni = self.kept.val().flow.vni;
        self.mapped.key.next.route_table = self.kept.val().flow.route_table;
        self.mapped.key.next.ip = self.kept.val().flow.ask.peer;
        self.mapped.forget.next = self.state.q.val() == self.idle.val();
        self.completing.next.applies = self.kept.val().flow.missing && self.mapped.known.val();
        self.completing.next.hit = self.mapped.hit.val();
        self.completing.next.reason_of_miss = self.mapped.reason_of_miss.val();
        self.completing.next.reason = self.kept.val().reason;
        self.completing.next.mapping = self.mapped.value.val();
        self.completing.next.record = self.kept.val().record;
        self.done.next = self.completed.val();
        self.drain.mark.next = self.mark.val();
        self.draining.next = self.drain.draining.val();
        self.drain.store.next = self.store.val();
        self.drain.has_mapping.next = !self.direction.val() && !self.coming.val().flow.missing;
        self.drain.place.next = self.place.val();
        self.drain.leave.next = self.take_finished.val();
        self.drain.left.next = self.answer.q.val().turn.index;
        self.drain.finds.next = self.mapping.tvalid.val() && self.mapping.payload.val().hit;
        self.drain.ends.next = self.state.q.val() == self.idle.val();
        // Its entry: packets of other flows have their turns meanwhile, unless the mapping that was found for it would be forgotten.
        self.asked_entry.next = self.insert.tready.val() && (self.state.q.val() == self.inserts.val());
        self.entering.rx.payload.next = self.answer.q.val().turn;
        self.entering.rx.tvalid.next = self.asked_entry.val() && !self.mapped.known.val();
        self.own.next = (self.state.q.val() == self.inserting.val()) && (self.unanswered.q.val() == bits::<4>(1));
        self.entered.rx.payload.next = self.inserted.payload.val();
        self.entered.rx.tvalid.next = self.inserted.tvalid.val() && !self.own.val();
        if self.asked_entry.val() && !self.inserted.tvalid.val() {
            self.unanswered.d.next = self.unanswered.q.val() + 1;
        } else if self.inserted.tvalid.val() && !self.asked_entry.val() {
            self.unanswered.d.next = self.unanswered.q.val() - 1;
        }
        self.verdict.next = bits::<6>(0);
        self.answered.next = self.entered.tx.payload.val();
        if self.own.val() {
            self.answered.next = self.inserted.payload.val();
        }
        if self.answered.val().allowance_exceeded {
            self.verdict.next = self.over_allowance.val();
        } else if !self.answered.val().made {
            self.verdict.next = self.conntrack_full.val();
        }

        if self.state.q.val() == self.idle.val() {
            if self.returns.val() {
                self.answer.d.next.turn = self.entering.tx.payload.val();
                self.direct.d.next = false;
                self.memory.read_address.next = bit_cast::<NA, PLACE>(self.entering.tx.payload.val().index);
                self.memory.read_enable.next = true;
                self.reason.d.next = self.verdict.val();
                self.kind.d.next = self.kind_new.val();
                self.refreshes.d.next = false;
                self.inherits.d.next = false;
                self.state.d.next = self.offers.val();
            } else if self.start_direct.val() {
                self.answer.d.next.turn = self.slots.ready.payload.val();
                self.direct.d.next = true;
                self.state.d.next = self.read.val();
            } else if self.inquiry.tx.tvalid.val() && !self.start.val() && self.entering.rx.tready.val() {
                self.direct.d.next = false;
                self.memory.read_address.next = bit_cast::<NA, PLACE>(self.inquiry.tx.payload.val().turn.index);
                self.memory.read_enable.next = true;
                self.answer.d.next = self.inquiry.tx.payload.val();
                self.state.d.next = self.read.val();
            }
        } else if (self.state.q.val() == self.read.val()) && self.wants.val() {
            self.state.d.next = self.maps.val();
        } else if self.state.q.val() == self.maps.val() {
            if self.mapped.parked.val() {
                self.state.d.next = self.idle.val();
            } else if self.mapped.known.val() {
                self.state.d.next = self.read.val();
            }
        } else if self.state.q.val() == self.read.val() {
            self.state.d.next = self.offers.val();
            self.refreshes.d.next = false;
            self.inherits.d.next = false;
            self.reason.d.next = self.done.val().reason;
            self.kind.d.next = self.kind_new.val();
            if !self.kept.val().flow.concerned {
                self.kind.d.next = self.kind_none.val();
            } else if self.kept.val().flow.is_later {
                self.kind.d.next = self.heirs.inherited.val().kind;
                if self.heirs.inherited.val().reason != 0 {
                    self.reason.d.next = self.heirs.inherited.val().reason;
                    self.inherits.d.next = true;
                }
            } else if self.connection.val().hit {
                if self.kept.val().flow.is_error {
                    self.kind.d.next = self.kind_related.val();
                } else {
                    self.kind.d.next = self.kind_established.val();
                    self.refreshes.d.next = self.done.val().reason == 0;
                }
            } else if self.answer.q.val().reason != 0 {
                self.reason.d.next = self.answer.q.val().reason;
            } else if !self.admitted.val() {
                self.reason.d.next = self.security_group.val();
                if self.mapped.known.val() && self.mapped.full.val() {
                    self.reason.d.next = self.miss_full.val();
                }
            } else if !self.kept.val().flow.tracks
                || (self.answer.q.val().untracked && !(self.strict_tcp.val() && self.kept.val().flow.is_tcp))
            {
                // Strict TCP demands a connection of every packet but the first, so there every flow has one.
                self.kind.d.next = self.kind_untracked.val();
            } else if self.done.val().reason == 0 {
                self.state.d.next = self.inserts.val();
            }
        } else if self.state.q.val() == self.inserts.val() {
            if self.insert.tready.val() {
                self.state.d.next = self.idle.val();
                if self.mapped.known.val() {
                    self.state.d.next = self.inserting.val();
                }
            }
        } else if self.state.q.val() == self.inserting.val() {
            if self.own.val() && self.inserted.tvalid.val() {
                self.state.d.next = self.offers.val();
                self.reason.d.next = self.verdict.val();
            }
        } else if self.take_finished.val() {
            self.state.d.next = self.idle.val();
        }
        self.slots.finish.next = self.finish.val();
        self.slots.finished.next = self.answer.q.val().turn;
        self.vacated.rx.payload.next = self.answer.q.val().turn.index;
        self.vacated.rx.tvalid.next = self.finish.val() && !(self.replaces.val() && self.store.val());

        if self.store.val() && self.finish.val() {
            self.cells.d.next = self.shrunk.val();
        } else if self.store.val() {
            self.cells.d.next = self.grown.val();
        } else if self.finish.val() {
            self.cells.d.next = self.cells.q.val() - bit_cast::<16, 12>(self.kept.val().chain.cells);
        }

        // Into the output register.
        self.refresh.next = false;
        self.updates.rx.payload.next.direction = self.direction.val();
        self.updates.rx.payload.next.id = self.coming.val().flow.hit.id;
        self.updates.rx.payload.next.generation = self.coming.val().flow.hit.generation;
        self.updates.rx.payload.next.tcp_flags = self.coming.val().flow.tcp_flags;
        if self.take_finished.val() {
            self.leaving_valid.d.next = true;
            self.leaving.d.next.reason = self.reason.q.val();
            self.leaving.d.next.inherits = self.inherits.q.val();
            self.leaving.d.next.kind = self.kind.q.val();
            self.leaving.d.next.chain = self.kept.val().chain;
            self.leaving.d.next.record = self.done.val().record;
            self.refresh.next = self.refreshes.q.val();
            self.updates.rx.payload.next.id = self.connection.val().id;
            self.updates.rx.payload.next.generation = self.connection.val().generation;
            self.updates.rx.payload.next.tcp_flags = self.kept.val().flow.tcp_flags;
        } else if self.take_coming.val() {
            self.leaving_valid.d.next = true;
            self.leaving.d.next.reason = self.outcome.val().reason;
            self.leaving.d.next.inherits = self.coming.val().flow.concerned
                && self.coming.val().flow.is_later
                && self.looked_known.q.val()
                && (self.looked.q.val().inherited.reason != 0);
            self.leaving.d.next.kind = self.outcome.val().kind;
            self.leaving.d.next.chain = self.coming.val().chain;
            self.leaving.d.next.record = self.coming.val().record;
            self.refresh.next = self.coming.val().flow.concerned
                && !self.coming.val().flow.is_later
                && !self.coming.val().flow.is_error
                && !self.waits.val()
                && (self.coming.val().reason == 0);
        }
        self.updates.rx.tvalid.next = self.refresh.val();
    }
}
