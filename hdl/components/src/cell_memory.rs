//! A memory of frames that are taken out in any order.
//!
//! Ports: `push`, `beat`, `commit`, `rewind`, `room`, `chain`; `fetch`, `payload`; `discard`; `ready`. Latency: 1 clock from a fetch to the
//! frame's first beat. One beat in and one beat out per clock, one-beat frames included.
//!
//! The memory is made of cells of `2^CB` beats. Free cells form a list, linked by a memory of their own; a frame takes cells from the list's
//! front, so that it is linked already when it is complete, and gives its cells back as a whole by one write, which links
//! them to the list's end. One cell always stays in the list, as the anchor of its end. After reset the list is made, a cell a clock.
//!
//! `commit` with a frame's last beat keeps the frame: `chain` says in that clock where it is. `rewind` instead, with or without a push, gives
//! up the frame's beats so far. A frame is fetched or discarded once; its cells are free afterwards. A fetch may take less than the frame:
//! the last beat taken has `tlast`, and the rest is forgotten.

use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::ram::Ram;
use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};

/// Bits of a cell's number.
pub const CELL: usize = 12;

/// Where a frame is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Chain {
    /// Its first cell.
    pub first: Bits<CELL>,
    /// Its last cell.
    pub last: Bits<CELL>,
    /// How many cells it has.
    pub cells: Bits<CELL>,
}

/// Which frame to take out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Fetch {
    /// Where it is.
    pub chain: Chain,
    /// How many of its bytes to take, at least 1, at most all.
    pub length: Bits<14>,
}

/// `2^CA` cells of `2^CB` beats, together `2^PA` beats of `W` bits = `K` bytes.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct CellMemory<const W: usize, const K: usize, const U: usize, const CA: usize, const CB: usize, const PA: usize>
{
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// A beat of the frame that arrives is written; only while there is `room`.
    pub push: Signal<In, Bit>,
    /// The beat.
    pub beat: Signal<In, Beat<W, K, U>>,
    /// The beat is the last of its frame, which is kept.
    pub commit: Signal<In, Bit>,
    /// The frame that arrives is given up, with this beat if one is pushed.
    pub rewind: Signal<In, Bit>,
    /// A beat may be pushed.
    pub room: Signal<Out, Bit>,
    /// Where the frame is that is committed in this clock.
    pub chain: Signal<Out, Chain>,
    /// Frames to take out.
    pub fetch: StreamRx<Fetch>,
    /// The frames that were fetched.
    pub payload: StreamTx<Beat<W, K, U>>,
    /// Frames to forget.
    pub discard: StreamRx<Chain>,
    /// The memory has been made after reset.
    pub ready: Signal<Out, Bit>,

    ram: Ram<Beat<W, K, U>, PA>,
    /// What follows a cell, for the end that writes. It must see the link that is made in the same clock.
    next_write: Ram<Bits<CELL>, CA, true>,
    /// The same for the end that reads: links of frames have been there for long.
    next_read: Ram<Bits<CELL>, CA>,

    // The end that writes.
    cell: Register<Bits<CELL>>,
    start: Register<Bits<CELL>>,
    place: Register<Bits<8>>,
    taken: Register<Bits<CELL>>,
    advance: Signal<Local, Bit>,
    ahead: Signal<Local, Bits<CELL>>,

    // The free list.
    free: Register<Bits<16>>,
    tail: Register<Bits<CELL>>,
    clearing: Register<Bit>,
    clear_cell: Register<Bits<CELL>>,
    freed: Signal<Local, Bit>,
    freed_chain: Signal<Local, Chain>,
    grown: Signal<Local, Bits<16>>,
    link: Signal<Local, Bit>,
    link_from: Signal<Local, Bits<CELL>>,
    link_to: Signal<Local, Bits<CELL>>,

    // The end that reads.
    reading: Register<Bit>,
    valid: Register<Bit>,
    read_cell: DFF<Bits<CELL>>,
    read_place: DFF<Bits<8>>,
    cut: DFF<Bit>,
    left: DFF<Bits<14>>,
    frame: DFF<Chain>,
    current: Signal<Local, Chain>,
    step: Signal<Local, Bit>,
    issue: Signal<Local, Bit>,
    at_cell: Signal<Local, Bits<CELL>>,
    at_place: Signal<Local, Bits<8>>,
    remaining: Signal<Local, Bits<14>>,
    ends: Signal<Local, Bit>,

    cells: Constant<Bits<16>>,
    last_cell: Constant<Bits<CELL>>,
    last_place: Constant<Bits<8>>,
    place_bits: Constant<Bits<8>>,
    beat_bits: Constant<Bits<8>>,
}

impl<const W: usize, const K: usize, const U: usize, const CA: usize, const CB: usize, const PA: usize> Default
    for CellMemory<W, K, U, CA, CB, PA>
{
    /// # Panics
    /// If the numbers do not fit together.
    fn default() -> Self {
        assert!(W == 8 * K && K.is_power_of_two(), "{K} byte enables do not fit {W} data bits");
        assert!(
            (2..=CELL).contains(&CA) && CB <= 7 && PA == CA + CB,
            "2^{CA} cells of 2^{CB} beats are not 2^{PA} beats"
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            push: Signal::default(),
            beat: Signal::default(),
            commit: Signal::default(),
            rewind: Signal::default(),
            room: Signal::default(),
            chain: Signal::default(),
            fetch: StreamRx::default(),
            payload: StreamTx::default(),
            discard: StreamRx::default(),
            ready: Signal::default(),
            ram: Ram::default(),
            next_write: Ram::default(),
            next_read: Ram::default(),
            cell: Register::default(),
            start: Register::default(),
            place: Register::default(),
            taken: Register::default(),
            advance: Signal::default(),
            ahead: Signal::default(),
            free: Register::new((1_u64 << CA).into()),
            tail: Register::new(((1_u64 << CA) - 1).into()),
            clearing: Register::new(true),
            clear_cell: Register::default(),
            freed: Signal::default(),
            freed_chain: Signal::default(),
            grown: Signal::default(),
            link: Signal::default(),
            link_from: Signal::default(),
            link_to: Signal::default(),
            reading: Register::default(),
            valid: Register::default(),
            read_cell: DFF::default(),
            read_place: DFF::default(),
            cut: DFF::default(),
            left: DFF::default(),
            frame: DFF::default(),
            current: Signal::default(),
            step: Signal::default(),
            issue: Signal::default(),
            at_cell: Signal::default(),
            at_place: Signal::default(),
            remaining: Signal::default(),
            ends: Signal::default(),
            cells: Constant::new((1_u64 << CA).into()),
            last_cell: Constant::new(((1_u64 << CA) - 1).into()),
            last_place: Constant::new(((1_u64 << CB) - 1).into()),
            place_bits: Constant::new(CB.to_bits()),
            beat_bits: Constant::new(u64::from(K.trailing_zeros()).into()),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize, const CA: usize, const CB: usize, const PA: usize> Logic
    for CellMemory<W, K, U, CA, CB, PA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ram, next_write, next_read);
        dff_setup!(self, clock, cell, start, place, taken, free, tail, clearing, clear_cell);
        dff_setup!(self, clock, reading, valid, read_cell, read_place, cut, left, frame);
        self.cell.reset.next = self.reset.val();
        self.start.reset.next = self.reset.val();
        self.place.reset.next = self.reset.val();
        self.taken.reset.next = self.reset.val();
        self.free.reset.next = self.reset.val();
        self.tail.reset.next = self.reset.val();
        self.clearing.reset.next = self.reset.val();
        self.clear_cell.reset.next = self.reset.val();
        self.reading.reset.next = self.reset.val();
        self.valid.reset.next = self.reset.val();
        self.ready.next = !self.clearing.q.val();

        // The end that writes. The cell behind the present one is always known: its number is read a clock ahead.
        self.room.next = !self.clearing.q.val() && (self.free.q.val() > 1);
        self.ram.write_address.next =
            (bit_cast::<PA, CELL>(self.cell.q.val()) << self.place_bits.val()) | bit_cast::<PA, 8>(self.place.q.val());
        self.ram.write_data.next = self.beat.val();
        self.ram.write_enable.next = self.push.val();
        self.chain.next.first = self.start.q.val();
        self.chain.next.last = self.cell.q.val();
        self.chain.next.cells = self.taken.q.val() + 1;
        self.advance.next = self.push.val()
            && !self.rewind.val()
            && (self.commit.val() || (self.place.q.val() == self.last_place.val()));
        self.ahead.next = self.cell.q.val();
        self.grown.next = self.free.q.val();
        if self.push.val() {
            self.place.d.next = self.place.q.val() + 1;
        }
        if self.advance.val() {
            self.ahead.next = self.next_write.read_data.val();
            self.place.d.next = bits::<8>(0);
            self.taken.d.next = self.taken.q.val() + 1;
            self.grown.next = self.free.q.val() - 1;
            if self.commit.val() {
                self.start.d.next = self.next_write.read_data.val();
                self.taken.d.next = bits::<CELL>(0);
            }
        } else if self.rewind.val() {
            self.ahead.next = self.start.q.val();
            self.place.d.next = bits::<8>(0);
            self.taken.d.next = bits::<CELL>(0);
            self.grown.next = self.free.q.val() + bit_cast::<16, CELL>(self.taken.q.val());
        }
        self.cell.d.next = self.ahead.val();
        self.next_write.read_address.next = bit_cast::<CA, CELL>(self.ahead.val());
        self.next_write.read_enable.next = true;

        // The end that reads.
        self.step.next = self.payload.tready.val() || !self.valid.q.val();
        self.issue.next = self.step.val() && (self.reading.q.val() || self.fetch.tvalid.val());
        self.fetch.tready.next = self.step.val() && !self.reading.q.val();
        if self.reading.q.val() {
            self.remaining.next = self.left.q.val() - 1;
            self.current.next = self.frame.q.val();
            if self.read_place.q.val() == self.last_place.val() {
                self.at_cell.next = self.next_read.read_data.val();
                self.at_place.next = bits::<8>(0);
            } else {
                self.at_cell.next = self.read_cell.q.val();
                self.at_place.next = self.read_place.q.val() + 1;
            }
        } else {
            self.remaining.next = (self.fetch.payload.val().length - 1) >> self.beat_bits.val();
            self.current.next = self.fetch.payload.val().chain;
            self.at_cell.next = self.fetch.payload.val().chain.first;
            self.at_place.next = bits::<8>(0);
        }
        self.ends.next = self.issue.val() && (self.remaining.val() == 0);
        self.ram.read_address.next = (bit_cast::<PA, CELL>(self.at_cell.val()) << self.place_bits.val())
            | bit_cast::<PA, 8>(self.at_place.val());
        self.ram.read_enable.next = self.issue.val();
        self.next_read.read_address.next = bit_cast::<CA, CELL>(self.at_cell.val());
        self.next_read.read_enable.next = self.issue.val();
        if self.issue.val() {
            self.reading.d.next = !self.ends.val();
            self.left.d.next = self.remaining.val();
            self.frame.d.next = self.current.val();
            self.read_cell.d.next = self.at_cell.val();
            self.read_place.d.next = self.at_place.val();
            self.cut.d.next = self.ends.val();
            self.valid.d.next = true;
        } else if self.payload.tready.val() {
            self.valid.d.next = false;
        }
        self.payload.payload.next = self.ram.read_data.val();
        self.payload.payload.next.tlast = self.cut.q.val();
        self.payload.tvalid.next = self.valid.q.val();

        // The free list: a frame that has been read goes first.
        self.discard.tready.next = !self.ends.val() && !self.clearing.q.val();
        self.freed.next = self.ends.val();
        self.freed_chain.next = self.current.val();
        if !self.ends.val() {
            self.freed.next = self.discard.tvalid.val() && !self.clearing.q.val();
            self.freed_chain.next = self.discard.payload.val();
        }
        self.link_from.next = self.tail.q.val();
        self.link_to.next = self.freed_chain.val().first;
        self.link.next = self.freed.val();
        self.free.d.next = self.grown.val();
        if self.freed.val() {
            self.tail.d.next = self.freed_chain.val().last;
            self.free.d.next = self.grown.val() + bit_cast::<16, CELL>(self.freed_chain.val().cells);
        }
        if self.clearing.q.val() {
            self.link_from.next = self.clear_cell.q.val();
            self.link_to.next = self.clear_cell.q.val() + 1;
            self.link.next = true;
            self.clear_cell.d.next = self.clear_cell.q.val() + 1;
            self.free.d.next = self.cells.val();
            if self.clear_cell.q.val() == self.last_cell.val() {
                self.clearing.d.next = false;
            }
        }
        self.next_write.write_address.next = bit_cast::<CA, CELL>(self.link_from.val());
        self.next_write.write_data.next = self.link_to.val();
        self.next_write.write_enable.next = self.link.val();
        self.next_read.write_address.next = bit_cast::<CA, CELL>(self.link_from.val());
        self.next_read.write_data.next = self.link_to.val();
        self.next_read.write_enable.next = self.link.val();
    }
}
