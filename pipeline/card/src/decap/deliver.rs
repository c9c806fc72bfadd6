//! Turns the beats of a received frame into those of the inner frame.
//!
//! Ports: `rx` (the outer frame, `tuser` a [`Bound`]), `length` (its bytes up to the end of its IP datagram, read with its first beat), `tx`
//! (the inner frame, `tuser` the ENI). Latency: 2 clocks, counted from the first beat that holds all bytes of one that leaves.
//! Full rate. A frame without outer headers passes as it is. The ECN field and the IPv4 checksum are overlaid as whole bytes at
//! one of two places, with or without a tag.

use nitro_components::overlay::Overlay;
use nitro_components::spill::Spill;
use nitro_components::stream::{Beat, StreamRx, StreamTx};
use nitro_components::strip::Strip;
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::Layout;
use nitro_wire::formats::{ETHERNET, VLAN_TAG};
use rust_hdl::prelude::*;

use super::trim::Trim;
use super::{BOUND, Bound};

/// Bytes of the inner frame among which some are replaced.
const OVERLAY_BYTES: usize = 32;
/// [`OVERLAY_BYTES`] in bits.
const OVERLAY: usize = 8 * OVERLAY_BYTES;
/// Place of the IPv4 header checksum within its header.
const CHECKSUM_AT: usize = 10;

/// The last steps of the rx path.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Deliver<const W: usize, const K: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Outer frames.
    pub rx: StreamRx<Beat<W, K, BOUND>>,
    /// Bytes of the frame up to the end of its IP datagram.
    pub length: Signal<In, Bits<14>>,
    /// Inner frames.
    pub tx: StreamTx<Beat<W, K, 8>>,
    trim: Trim<W, K, BOUND>,
    whole: Spill<Beat<W, K, BOUND>>,
    strip: Strip<W, K, BOUND>,
    overlay: Overlay<W, K, BOUND, OVERLAY, OVERLAY_BYTES>,
    inner: Spill<Beat<W, K, 8>>,
    strip_bound: Cast<Bits<BOUND>, Bound>,
    overlay_bound: Cast<Bits<BOUND>, Bound>,
    inner_bound: Cast<Bits<BOUND>, Bound>,
    second_byte: Signal<Local, Bits<OVERLAY>>,
    checksum: Signal<Local, Bits<OVERLAY>>,
    /// Shifts that put a byte, or two, at their place: without and with a tag.
    second_byte_plain: Constant<Bits<16>>,
    second_byte_tagged: Constant<Bits<16>>,
    checksum_plain: Constant<Bits<16>>,
    checksum_tagged: Constant<Bits<16>>,
    /// The bytes to replace: of the second byte, of the checksum.
    second_byte_mask_plain: Constant<Bits<OVERLAY_BYTES>>,
    second_byte_mask_tagged: Constant<Bits<OVERLAY_BYTES>>,
    checksum_mask_plain: Constant<Bits<OVERLAY_BYTES>>,
    checksum_mask_tagged: Constant<Bits<OVERLAY_BYTES>>,
}

/// The shift that moves the low `bytes` bytes of an overlay to `place` bytes from its start.
fn shift(place: usize, bytes: usize) -> Constant<Bits<16>> {
    Constant::new((8 * (OVERLAY_BYTES - place - bytes)).to_bits())
}

/// The mask of `bytes` bytes at `place`.
fn mask(place: usize, bytes: usize) -> Constant<Bits<OVERLAY_BYTES>> {
    Constant::new((((1_u64 << bytes) - 1) << (OVERLAY_BYTES - place - bytes)).to_bits())
}

impl<const W: usize, const K: usize> Default for Deliver<W, K> {
    fn default() -> Self {
        let plain = ETHERNET.bytes();
        let tagged = ETHERNET.bytes() + VLAN_TAG.bytes();
        let lengths: Vec<usize> = [false, true]
            .into_iter()
            .flat_map(|ipv6| Layout::ALL.into_iter().map(move |layout| layout.outer_bytes(ipv6)))
            .collect();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            length: Signal::default(),
            tx: StreamTx::default(),
            trim: Trim::default(),
            whole: Spill::default(),
            strip: Strip::new(&lengths),
            overlay: Overlay::default(),
            inner: Spill::default(),
            strip_bound: Cast::default(),
            overlay_bound: Cast::default(),
            inner_bound: Cast::default(),
            second_byte: Signal::default(),
            checksum: Signal::default(),
            second_byte_plain: shift(plain + 1, 1),
            second_byte_tagged: shift(tagged + 1, 1),
            checksum_plain: shift(plain + CHECKSUM_AT, 2),
            checksum_tagged: shift(tagged + CHECKSUM_AT, 2),
            second_byte_mask_plain: mask(plain + 1, 1),
            second_byte_mask_tagged: mask(tagged + 1, 1),
            checksum_mask_plain: mask(plain + CHECKSUM_AT, 2),
            checksum_mask_tagged: mask(tagged + CHECKSUM_AT, 2),
        }
    }
}

impl<const W: usize, const K: usize> Logic for Deliver<W, K> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, trim, whole, strip, overlay, inner);
        self.trim.reset.next = self.reset.val();
        self.whole.reset.next = self.reset.val();
        self.strip.reset.next = self.reset.val();
        self.overlay.reset.next = self.reset.val();
        self.inner.reset.next = self.reset.val();

        StreamRx::<Beat<W, K, BOUND>>::link(&mut self.rx, &mut self.trim.rx);
        self.trim.length.next = self.length.val();
        StreamTx::<Beat<W, K, BOUND>>::join(&mut self.trim.tx, &mut self.whole.rx);
        StreamTx::<Beat<W, K, BOUND>>::join(&mut self.whole.tx, &mut self.strip.rx);
        self.strip_bound.i.next = self.whole.tx.payload.val().tuser;
        self.strip.layout.next = self.strip_bound.o.val().headers;
        StreamTx::<Beat<W, K, BOUND>>::join(&mut self.strip.tx, &mut self.overlay.rx);

        self.overlay_bound.i.next = self.strip.tx.payload.val().tuser;
        self.overlay.mask.next = bits::<OVERLAY_BYTES>(0);
        self.second_byte.next = bit_cast::<OVERLAY, 8>(self.overlay_bound.o.val().second_byte);
        self.checksum.next = bit_cast::<OVERLAY, 16>(self.overlay_bound.o.val().checksum);
        if self.overlay_bound.o.val().tagged {
            self.overlay.data.next = (self.second_byte.val() << self.second_byte_tagged.val())
                | (self.checksum.val() << self.checksum_tagged.val());
            if self.overlay_bound.o.val().set_ecn {
                self.overlay.mask.next = self.second_byte_mask_tagged.val();
                if !self.overlay_bound.o.val().is_ipv6 {
                    self.overlay.mask.next = self.second_byte_mask_tagged.val() | self.checksum_mask_tagged.val();
                }
            }
        } else {
            self.overlay.data.next = (self.second_byte.val() << self.second_byte_plain.val())
                | (self.checksum.val() << self.checksum_plain.val());
            if self.overlay_bound.o.val().set_ecn {
                self.overlay.mask.next = self.second_byte_mask_plain.val();
                if !self.overlay_bound.o.val().is_ipv6 {
                    self.overlay.mask.next = self.second_byte_mask_plain.val() | self.checksum_mask_plain.val();
                }
            }
        }

        self.inner_bound.i.next = self.overlay.tx.payload.val().tuser;
        self.inner.rx.payload.next.tuser = self.inner_bound.o.val().eni;
        self.inner.rx.payload.next.tlast = self.overlay.tx.payload.val().tlast;
        self.inner.rx.payload.next.tkeep = self.overlay.tx.payload.val().tkeep;
        self.inner.rx.payload.next.tdata = self.overlay.tx.payload.val().tdata;
        self.inner.rx.tvalid.next = self.overlay.tx.tvalid.val();
        self.overlay.tx.tready.next = self.inner.rx.tready.val();
        StreamTx::<Beat<W, K, 8>>::link(&mut self.tx, &mut self.inner.tx);
    }
}
