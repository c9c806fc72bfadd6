//! Splits a packet stream into heads for the policy stages and payload that waits for their verdict.
//!
//! Ports: `rx`, `head`, `payload`. Latency: a head 1 clock after its frame's last beat, the payload's first beat 2
//! clocks after it. Moves one beat per clock, one-beat frames included, as long as heads are taken and the ring has
//! room.
//!
//! Store-and-forward: every frame makes one head, in order, once its last beat is in. The frame itself goes to the
//! payload ring, and leaves at `payload` if its head has `has_payload`; a bad frame makes a head that says why and
//! leaves nothing in the ring.

use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::keep::KeepCount;
use crate::ram::Ram;
use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};
use crate::wires::{SwapBytes, Wires};

/// What the policy stages see of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct FrameHead<const H: usize, const U: usize> {
    /// Why the frame is bad: 0 it is not, 1 stream error (error flag, or malformed byte enables), 2 longer than the
    /// maximum, 3 shorter than the minimum. The first that applies, in this order.
    pub reason: Bits<2>,
    /// The frame waits in the payload ring: exactly if `reason` is 0.
    pub has_payload: Bit,
    /// Bytes in the frame; 16,383 stands for all greater lengths. Beats with malformed byte enables count in full.
    pub length: Bits<14>,
    /// `tuser` of the last beat.
    pub tuser: Bits<U>,
    /// Number of the frame on this stream since reset, modulo 65,536.
    pub serial: Bits<16>,
    /// The frame's first `H` bits, byte 0 most significant; zero beyond the frame's end.
    pub window: Bits<H>,
}

/// Splits frames of `W`-bit beats; heads show `H` bits (a multiple of `W`), the ring holds `2^A` beats (`A` at most
/// 15).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Split<const W: usize, const K: usize, const U: usize, const H: usize, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Frames.
    pub rx: StreamRx<Beat<W, K, U>>,
    /// One for each frame.
    pub head: StreamTx<FrameHead<H, U>>,
    /// The good frames.
    pub payload: StreamTx<Beat<W, K, U>>,

    // The frame that arrives.
    keep: KeepCount<K>,
    mask: Wires<K, W>,
    swap: SwapBytes<W>,
    chunk: Vec<DFF<Bits<W>>>,
    beat: Register<Bits<8>>,
    length: Register<Bits<16>>,
    malformed: Register<Bit>,
    serial: Register<Bits<16>>,
    total: Signal<Local, Bits<16>>,
    capped: Signal<Local, Bits<16>>,
    added: Signal<Local, Bits<16>>,
    beat_malformed: Signal<Local, Bit>,
    error: Signal<Local, Bit>,
    reason: Signal<Local, Bits<2>>,
    part: Signal<Local, Bits<W>>,
    window: Signal<Local, Bits<H>>,
    accept: Signal<Local, Bit>,

    // The head that leaves.
    front: DFF<FrameHead<H, U>>,
    front_valid: Register<Bit>,

    // The payload ring.
    ram: Ram<Beat<W, K, U>, A>,
    ring_head: Register<Bits<A>>,
    ring_tail: Register<Bits<A>>,
    frame_start: Register<Bits<A>>,
    occupied: Register<Bits<16>>,
    pending: Register<Bits<16>>,
    payload_valid: Register<Bit>,
    pop: Signal<Local, Bit>,
    push: Signal<Local, Bit>,
    room: Signal<Local, Bits<16>>,

    number: Vec<Constant<Bits<8>>>,
    offset: Vec<Constant<Bits<16>>>,
    window_beats: Constant<Bits<8>>,
    depth: Constant<Bits<16>>,
    beat_bytes: Constant<Bits<16>>,
    max_bytes: Constant<Bits<16>>,
    min_bytes: Constant<Bits<16>>,
    error_flag: Constant<Bit>,
}

impl<const W: usize, const K: usize, const U: usize, const H: usize, const A: usize> Split<W, K, U, H, A> {
    /// Splits frames of `min_bytes` to `max_bytes`; with `error_flag` bit 0 of `tuser` marks a damaged frame at its
    /// last beat.
    ///
    /// # Panics
    /// If the widths do not fit together, or the ring cannot hold the longest frame.
    #[must_use]
    pub fn new(min_bytes: u16, max_bytes: u16, error_flag: bool) -> Self {
        assert!(W == 8 * K, "{K} byte enables do not fit {W} data bits");
        assert!(H > 0 && H.is_multiple_of(W) && H / W <= 255, "a window of {H} bits is not 1 to 255 beats of {W}");
        assert!(max_bytes <= 16_382, "frames of {max_bytes} bytes are too long for the head's length: at most 16,382");
        assert!(
            A <= 15 && K << A >= usize::from(max_bytes),
            "a ring of 2^{A} beats of {K} cannot hold {max_bytes} bytes"
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            head: StreamTx::default(),
            payload: StreamTx::default(),
            keep: KeepCount::default(),
            mask: Wires::repeat(),
            swap: SwapBytes::default(),
            chunk: (0..H / W).map(|_| DFF::default()).collect(),
            beat: Register::default(),
            length: Register::default(),
            malformed: Register::default(),
            serial: Register::default(),
            total: Signal::default(),
            capped: Signal::default(),
            added: Signal::default(),
            beat_malformed: Signal::default(),
            error: Signal::default(),
            reason: Signal::default(),
            part: Signal::default(),
            window: Signal::default(),
            accept: Signal::default(),
            front: DFF::default(),
            front_valid: Register::default(),
            ram: Ram::default(),
            ring_head: Register::default(),
            ring_tail: Register::default(),
            frame_start: Register::default(),
            occupied: Register::default(),
            pending: Register::default(),
            payload_valid: Register::default(),
            pop: Signal::default(),
            push: Signal::default(),
            room: Signal::default(),
            number: (0..H / W).map(|beat| Constant::new(beat.to_bits())).collect(),
            offset: (0..H / W).map(|beat| Constant::new((H - (beat + 1) * W).to_bits())).collect(),
            window_beats: Constant::new((H / W).to_bits()),
            depth: Constant::new((1_u64 << A).into()),
            beat_bytes: Constant::new(K.to_bits()),
            max_bytes: Constant::new(max_bytes.to_bits()),
            min_bytes: Constant::new(min_bytes.to_bits()),
            error_flag: Constant::new(error_flag),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize, const H: usize, const A: usize> Logic for Split<W, K, U, H, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ram);
        dff_setup!(self, clock, beat, length, malformed, serial, front, front_valid);
        dff_setup!(self, clock, ring_head, ring_tail, frame_start, occupied, pending, payload_valid);
        self.beat.reset.next = self.reset.val();
        self.length.reset.next = self.reset.val();
        self.malformed.reset.next = self.reset.val();
        self.serial.reset.next = self.reset.val();
        self.front_valid.reset.next = self.reset.val();
        self.ring_head.reset.next = self.reset.val();
        self.ring_tail.reset.next = self.reset.val();
        self.frame_start.reset.next = self.reset.val();
        self.occupied.reset.next = self.reset.val();
        self.pending.reset.next = self.reset.val();
        self.payload_valid.reset.next = self.reset.val();

        // Both the head's register and the ring must be able to take what arrives, whether or not this beat needs them.
        self.accept.next =
            (self.occupied.q.val() != self.depth.val()) && (self.head.tready.val() || !self.front_valid.q.val());
        self.rx.tready.next = self.accept.val();
        self.head.payload.next = self.front.q.val();
        self.head.tvalid.next = self.front_valid.q.val();
        if self.head.tready.val() {
            self.front_valid.d.next = false;
        }

        // Length and verdict up to and with this beat.
        self.keep.keep.next = self.rx.payload.val().tkeep;
        self.beat_malformed.next =
            !self.keep.contiguous.val() || (!self.rx.payload.val().tlast && !self.rx.payload.val().tkeep.all());
        self.added.next = self.keep.bytes.val();
        if self.beat_malformed.val() {
            self.added.next = self.beat_bytes.val();
        }
        self.total.next = self.length.q.val() + self.added.val();
        self.capped.next = self.total.val();
        if self.total.val() > 16_383 {
            self.capped.next = bits::<16>(16_383);
        }
        self.error.next = self.malformed.q.val()
            || self.beat_malformed.val()
            || (self.error_flag.val() && self.rx.payload.val().tuser.get_bit(0));
        self.reason.next = bits::<2>(0);
        if self.error.val() {
            self.reason.next = bits::<2>(1);
        } else if self.capped.val() > self.max_bytes.val() {
            self.reason.next = bits::<2>(2);
        } else if self.capped.val() < self.min_bytes.val() {
            self.reason.next = bits::<2>(3);
        }

        // The window: earlier beats, this one, zeros.
        self.mask.i.next = self.rx.payload.val().tkeep;
        self.swap.i.next = self.rx.payload.val().tdata & self.mask.o.val();
        self.window.next = bits::<H>(0);
        for i in 0..self.chunk.len() {
            self.chunk[i].clock.next = self.clock.val();
            self.chunk[i].d.next = self.chunk[i].q.val();
            self.part.next = self.chunk[i].q.val();
            if self.beat.q.val() == self.number[i].val() {
                self.part.next = self.swap.o.val();
                if self.rx.tvalid.val() {
                    self.chunk[i].d.next = self.swap.o.val();
                }
            } else if self.beat.q.val() < self.number[i].val() {
                self.part.next = bits::<W>(0);
            }
            self.window.next = self.window.val() | (bit_cast::<H, W>(self.part.val()) << self.offset[i].val());
        }

        // The ring's far end.
        self.pop.next = (self.occupied.q.val() != self.pending.q.val())
            && (self.payload.tready.val() || !self.payload_valid.q.val());
        self.ram.read_address.next = self.ring_head.q.val();
        self.ram.read_enable.next = self.pop.val();
        self.payload.payload.next = self.ram.read_data.val();
        self.payload.tvalid.next = self.payload_valid.q.val();
        self.room.next = self.occupied.q.val();
        if self.pop.val() {
            self.ring_head.d.next = self.ring_head.q.val() + 1;
            self.payload_valid.d.next = true;
            self.room.next = self.occupied.q.val() - 1;
        } else if self.payload.tready.val() {
            self.payload_valid.d.next = false;
        }
        self.occupied.d.next = self.room.val();

        // The ring's near end. What is over the maximum need not be written: it will not be read.
        self.push.next = self.rx.tvalid.val() && self.accept.val() && (self.capped.val() <= self.max_bytes.val());
        self.ram.write_address.next = self.ring_tail.q.val();
        self.ram.write_data.next = self.rx.payload.val();
        self.ram.write_enable.next = self.push.val();
        if self.push.val() {
            self.ring_tail.d.next = self.ring_tail.q.val() + 1;
            self.pending.d.next = self.pending.q.val() + 1;
            self.occupied.d.next = self.room.val() + 1;
        }

        if self.rx.tvalid.val() && self.accept.val() {
            if self.rx.payload.val().tlast {
                self.front_valid.d.next = true;
                self.front.d.next.reason = self.reason.val();
                self.front.d.next.has_payload = self.reason.val() == 0;
                self.front.d.next.length = bit_cast::<14, 16>(self.capped.val());
                self.front.d.next.tuser = self.rx.payload.val().tuser;
                self.front.d.next.serial = self.serial.q.val();
                self.front.d.next.window = self.window.val();
                self.beat.d.next = bits::<8>(0);
                self.length.d.next = bits::<16>(0);
                self.malformed.d.next = false;
                self.serial.d.next = self.serial.q.val() + 1;
                self.pending.d.next = bits::<16>(0);
                if self.reason.val() == 0 {
                    self.frame_start.d.next = self.ring_tail.q.val() + 1;
                } else {
                    self.ring_tail.d.next = self.frame_start.q.val();
                    self.occupied.d.next = self.room.val() - self.pending.q.val();
                }
            } else {
                self.length.d.next = self.capped.val();
                self.malformed.d.next = self.malformed.q.val() || self.beat_malformed.val();
                if self.beat.q.val() != self.window_beats.val() {
                    self.beat.d.next = self.beat.q.val() + 1;
                }
            }
        }
    }
}
