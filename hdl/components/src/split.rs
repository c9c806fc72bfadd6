//! Splits a packet stream into heads for the policy stages and payload that waits for their verdict.
//!
//! Ports: `rx`, `head`, `fetch`, `payload`, `discard`, `ready`. Latency: a head 1 clock after its frame's last beat, a frame's first beat 1
//! clock after its fetch. Moves one beat per clock, one-beat frames included, as long as heads are taken and the memory has
//! room.
//!
//! Store-and-forward: every frame makes one head, in order, once its last beat is in. The frame itself waits in a
//! [`CellMemory`] if its head has `has_payload`, until it is fetched or discarded, in any order; a bad frame makes a head that says
//! why and leaves nothing there.

use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::cell_memory::{CellMemory, Chain, Fetch};
use crate::keep::KeepCount;
use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};
use crate::wires::{SwapBytes, Wires};

/// What the policy stages see of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct FrameHead<const H: usize, const U: usize> {
    /// Why the frame is bad: 0 it is not, 1 stream error (error flag, or malformed byte enables), 2 longer than the
    /// maximum, 3 shorter than the minimum. The first that applies, in this order.
    pub reason: Bits<2>,
    /// The frame waits in the memory: exactly if `reason` is 0.
    pub has_payload: Bit,
    /// Where it is.
    pub chain: Chain,
    /// Bytes in the frame; 16,383 stands for all greater lengths. Beats with malformed byte enables count in full.
    pub length: Bits<14>,
    /// `tuser` of the last beat.
    pub tuser: Bits<U>,
    /// Number of the frame on this stream since reset, modulo 65,536.
    pub serial: Bits<16>,
    /// The frame's first `H` bits, byte 0 most significant; zero beyond the frame's end.
    pub window: Bits<H>,
}

/// Splits frames of `W`-bit beats; heads show `H` bits (a multiple of `W`), the memory has `2^CA` cells of `2^CB` beats, together
/// `2^PA` beats.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Split<
    const W: usize,
    const K: usize,
    const U: usize,
    const H: usize,
    const CA: usize,
    const CB: usize,
    const PA: usize,
> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Frames.
    pub rx: StreamRx<Beat<W, K, U>>,
    /// One for each frame.
    pub head: StreamTx<FrameHead<H, U>>,
    /// Good frames to take out.
    pub fetch: StreamRx<Fetch>,
    /// The frames that were fetched.
    pub payload: StreamTx<Beat<W, K, U>>,
    /// Good frames to forget.
    pub discard: StreamRx<Chain>,
    /// The memory has been made after reset.
    pub ready: Signal<Out, Bit>,

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

    memory: CellMemory<W, K, U, CA, CB, PA>,
    push: Signal<Local, Bit>,

    number: Vec<Constant<Bits<8>>>,
    offset: Vec<Constant<Bits<16>>>,
    window_beats: Constant<Bits<8>>,
    beat_bytes: Constant<Bits<16>>,
    max_bytes: Constant<Bits<16>>,
    min_bytes: Constant<Bits<16>>,
    error_flag: Constant<Bit>,
}

impl<const W: usize, const K: usize, const U: usize, const H: usize, const CA: usize, const CB: usize, const PA: usize>
    Split<W, K, U, H, CA, CB, PA>
{
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
            (K << CB) * ((1 << CA) - 1) >= usize::from(max_bytes),
            "2^{CA} cells of 2^{CB} beats of {K} bytes, less one, cannot hold {max_bytes} bytes"
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            head: StreamTx::default(),
            fetch: StreamRx::default(),
            payload: StreamTx::default(),
            discard: StreamRx::default(),
            ready: Signal::default(),
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
            memory: CellMemory::default(),
            push: Signal::default(),
            number: (0..H / W).map(|beat| Constant::new(beat.to_bits())).collect(),
            offset: (0..H / W).map(|beat| Constant::new((H - (beat + 1) * W).to_bits())).collect(),
            window_beats: Constant::new((H / W).to_bits()),
            beat_bytes: Constant::new(K.to_bits()),
            max_bytes: Constant::new(max_bytes.to_bits()),
            min_bytes: Constant::new(min_bytes.to_bits()),
            error_flag: Constant::new(error_flag),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize, const H: usize, const CA: usize, const CB: usize, const PA: usize>
    Logic for Split<W, K, U, H, CA, CB, PA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, memory);
        dff_setup!(self, clock, beat, length, malformed, serial, front, front_valid);
        self.beat.reset.next = self.reset.val();
        self.length.reset.next = self.reset.val();
        self.malformed.reset.next = self.reset.val();
        self.serial.reset.next = self.reset.val();
        self.front_valid.reset.next = self.reset.val();
        self.memory.reset.next = self.reset.val();

        // Both the head's register and the memory must be able to take what arrives, whether or not this beat needs them.
        self.accept.next = self.memory.room.val() && (self.head.tready.val() || !self.front_valid.q.val());
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

        // What is over the maximum need not be written: it will not be read.
        self.push.next = self.rx.tvalid.val() && self.accept.val() && (self.capped.val() <= self.max_bytes.val());
        self.memory.push.next = self.push.val();
        self.memory.beat.next = self.rx.payload.val();
        self.memory.commit.next = self.rx.payload.val().tlast && (self.reason.val() == 0);
        self.memory.rewind.next =
            self.rx.tvalid.val() && self.accept.val() && self.rx.payload.val().tlast && (self.reason.val() != 0);
        StreamRx::<Fetch>::link(&mut self.fetch, &mut self.memory.fetch);
        StreamRx::<Chain>::link(&mut self.discard, &mut self.memory.discard);
        StreamTx::<Beat<W, K, U>>::link(&mut self.payload, &mut self.memory.payload);
        self.ready.next = self.memory.ready.val();

        if self.rx.tvalid.val() && self.accept.val() {
            if self.rx.payload.val().tlast {
                self.front_valid.d.next = true;
                self.front.d.next.reason = self.reason.val();
                self.front.d.next.has_payload = self.reason.val() == 0;
                self.front.d.next.chain = self.memory.chain.val();
                self.front.d.next.length = bit_cast::<14, 16>(self.capped.val());
                self.front.d.next.tuser = self.rx.payload.val().tuser;
                self.front.d.next.serial = self.serial.q.val();
                self.front.d.next.window = self.window.val();
                self.beat.d.next = bits::<8>(0);
                self.length.d.next = bits::<16>(0);
                self.malformed.d.next = false;
                self.serial.d.next = self.serial.q.val() + 1;
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
