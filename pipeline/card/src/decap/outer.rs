//! Cuts the head window of a received frame into outer frame, tunnel header and inner frame.
//!
//! Ports: `rx` (from the split), `outer` (1 clock later, to the parser), `inner` and `tunnel` (2 clocks later, to the parser of
//! the inner frame and to the checks). Where the tunnel header starts follows from the EtherType alone; frames with a tag, IP
//! options or extension headers are no overlay packets, so what is cut out of them does not matter. A frame from a guest of this
//! card is its own inner frame; its VNI comes beside it.

use nitro_components::register::Register;
use nitro_components::split::FrameHead;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Wires;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::constants::{ethertype, geneve};
use nitro_wire::formats::{ETHERNET, GENEVE, GENEVE_OPTION, IPV4, IPV6, TOKEN_OPTION, UDP};
use nitro_wire::{Format, Layout};
use rust_hdl::prelude::*;

use super::{RX_WINDOW, Tunnel, cut, field};
use crate::record::{Frame, PARSE_WINDOW, PARSE_WINDOW_BYTES};
use crate::rx_path::entrance::Origin;

/// Clocks from `rx` to `outer`.
pub const OUTER_LATENCY: usize = 1;
/// Clocks from `rx` to `inner` and `tunnel`.
pub const INNER_LATENCY: usize = 2;

/// Bytes from the UDP header to the end of the inner frame's window, all options present.
const UNDER_BYTES: usize = UDP.bytes() + GENEVE.bytes() + Layout::All.option_bytes() + PARSE_WINDOW_BYTES;
/// [`UNDER_BYTES`] in bits.
const UNDER: usize = 8 * UNDER_BYTES;
/// Where the options start behind the start of the UDP header.
const OPTIONS: usize = UDP.bytes() + GENEVE.bytes();

/// First 32 bits of an option: class, type, reserved, length.
type OptionHeader = Bits<32>;

/// The cutter.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Outer {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Head of a frame.
    pub rx: FlowRx<FrameHead<RX_WINDOW, 1>>,
    /// Where that comes from.
    pub origin: Signal<In, Origin>,
    /// The outer frame.
    pub outer: FlowTx<Frame>,
    /// The inner frame; its length follows from the outer UDP length.
    pub inner: FlowTx<Frame>,
    /// The tunnel header that belongs to the inner frame.
    pub tunnel: Signal<Out, Tunnel>,

    // Clock 0: the head window.
    whole_window: Wires<RX_WINDOW, PARSE_WINDOW>,
    ethertype: Wires<RX_WINDOW, 16>,
    source_ipv4: Wires<RX_WINDOW, 32>,
    source_ipv6: Wires<RX_WINDOW, 128>,
    under_ipv4: Wires<RX_WINDOW, UNDER>,
    under_ipv6: Wires<RX_WINDOW, UNDER>,
    ethertype_ipv6: Constant<Bits<16>>,

    // Clock 1: everything from the UDP header on stands at one place.
    valid_1: Register<Bit>,
    frame_1: DFF<Frame>,
    under_1: DFF<Bits<UNDER>>,
    origin_1: DFF<Origin>,
    source_1: DFF<Bits<128>>,
    ipv6_1: DFF<Bit>,
    udp_length: Wires<UNDER, 16>,
    version: Wires<UNDER, 2>,
    option_length: Wires<UNDER, 6>,
    oam: Wires<UNDER, 1>,
    critical: Wires<UNDER, 1>,
    protocol: Wires<UNDER, 16>,
    vni: Wires<UNDER, 24>,
    option_0: Wires<UNDER, 32>,
    option_1: Wires<UNDER, 32>,
    option_2: Wires<UNDER, 32>,
    epoch: Wires<UNDER, 8>,
    token: Wires<UNDER, 64>,
    /// Inner frame's window by layout.
    inner_window: Vec<Wires<UNDER, PARSE_WINDOW>>,
    bridging: Constant<Bits<16>>,
    option_mask: Constant<OptionHeader>,
    token_option: Constant<OptionHeader>,
    srd_option: Constant<OptionHeader>,
    endpoint_option: Constant<OptionHeader>,
    /// By layout: the length of its options in words.
    layout_words: Vec<Constant<Bits<6>>>,
    /// By layout: the code.
    layout_code: Vec<Constant<Bits<2>>>,
    /// By layout: bytes from the start of the UDP header to the inner frame.
    layout_bytes: Vec<Constant<Bits<16>>>,
    layout: Signal<Local, Bits<2>>,
    layout_known: Signal<Local, Bit>,
    options_good: Signal<Local, Bit>,
    header_bytes: Signal<Local, Bits<16>>,
    window: Signal<Local, Bits<PARSE_WINDOW>>,

    // Clock 2.
    valid_2: Register<Bit>,
    inner_2: DFF<Frame>,
    tunnel_2: DFF<Tunnel>,
}

/// Class, type and length of an option, as the first word of the option shows them.
fn option_header(option_type: u8, option: &Format) -> Constant<OptionHeader> {
    let words = option.words() as u64;
    Constant::new((u64::from(geneve::OPTION_CLASS) << 16 | u64::from(option_type) << 8 | words).to_bits())
}

impl Default for Outer {
    fn default() -> Self {
        let udp_ipv4 = ETHERNET.bytes() + IPV4.bytes();
        let udp_ipv6 = ETHERNET.bytes() + IPV6.bytes();
        let token = OPTIONS + GENEVE_OPTION.bytes();
        let srd = OPTIONS + Layout::Token.option_bytes();
        let endpoint = OPTIONS + Layout::TokenSrd.option_bytes();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            origin: Signal::default(),
            outer: FlowTx::default(),
            inner: FlowTx::default(),
            tunnel: Signal::default(),
            whole_window: cut(0),
            ethertype: field(0, &ETHERNET, "ethertype"),
            source_ipv4: field(ETHERNET.bytes(), &IPV4, "src"),
            source_ipv6: field(ETHERNET.bytes(), &IPV6, "src"),
            under_ipv4: cut(8 * udp_ipv4),
            under_ipv6: cut(8 * udp_ipv6),
            ethertype_ipv6: Constant::new(u64::from(ethertype::IPV6).to_bits()),
            valid_1: Register::default(),
            frame_1: DFF::default(),
            under_1: DFF::default(),
            origin_1: DFF::default(),
            source_1: DFF::default(),
            ipv6_1: DFF::default(),
            udp_length: field(0, &UDP, "length"),
            version: field(UDP.bytes(), &GENEVE, "version"),
            option_length: field(UDP.bytes(), &GENEVE, "option_length"),
            oam: field(UDP.bytes(), &GENEVE, "oam"),
            critical: field(UDP.bytes(), &GENEVE, "critical"),
            protocol: field(UDP.bytes(), &GENEVE, "protocol"),
            vni: field(UDP.bytes(), &GENEVE, "vni"),
            option_0: cut(8 * OPTIONS),
            option_1: cut(8 * srd),
            option_2: cut(8 * endpoint),
            epoch: field(token, &TOKEN_OPTION, "epoch"),
            token: field(token, &TOKEN_OPTION, "token"),
            inner_window: Layout::ALL.map(|layout| cut(8 * (OPTIONS + layout.option_bytes()))).into(),
            bridging: Constant::new(u64::from(ethertype::TRANSPARENT_ETHERNET).to_bits()),
            // All but the three reserved bits, which a receiver ignores.
            option_mask: Constant::new(0xffff_ff1f_u64.to_bits()),
            token_option: option_header(geneve::TOKEN, &TOKEN_OPTION),
            srd_option: option_header(geneve::SRD, &nitro_wire::formats::SRD_OPTION),
            endpoint_option: option_header(geneve::ENDPOINT, &nitro_wire::formats::ENDPOINT_OPTION),
            layout_words: Layout::ALL.map(|layout| Constant::new((layout.option_bytes() / 4).to_bits())).into(),
            layout_code: Layout::ALL.map(|layout| Constant::new(u64::from(layout.code()).to_bits())).into(),
            layout_bytes: Layout::ALL.map(|layout| Constant::new((OPTIONS + layout.option_bytes()).to_bits())).into(),
            layout: Signal::default(),
            layout_known: Signal::default(),
            options_good: Signal::default(),
            header_bytes: Signal::default(),
            window: Signal::default(),
            valid_2: Register::default(),
            inner_2: DFF::default(),
            tunnel_2: DFF::default(),
        }
    }
}

impl Logic for Outer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid_1, frame_1, under_1, origin_1, source_1, ipv6_1, valid_2, inner_2, tunnel_2);
        self.valid_1.reset.next = self.reset.val();
        self.valid_2.reset.next = self.reset.val();

        self.whole_window.i.next = self.rx.payload.val().window;
        self.ethertype.i.next = self.rx.payload.val().window;
        self.source_ipv4.i.next = self.rx.payload.val().window;
        self.source_ipv6.i.next = self.rx.payload.val().window;
        self.under_ipv4.i.next = self.rx.payload.val().window;
        self.under_ipv6.i.next = self.rx.payload.val().window;
        self.valid_1.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            // The split's reasons have the codes of the drop reasons.
            self.frame_1.d.next.reason = bit_cast::<6, 2>(self.rx.payload.val().reason);
            self.frame_1.d.next.has_payload = self.rx.payload.val().has_payload;
            self.frame_1.d.next.length = self.rx.payload.val().length;
            self.frame_1.d.next.port = bit_cast::<8, 1>(self.rx.payload.val().tuser);
            self.frame_1.d.next.serial = self.rx.payload.val().serial;
            self.frame_1.d.next.window = self.whole_window.o.val();
            self.origin_1.d.next = self.origin.val();
            if self.ethertype.o.val() == self.ethertype_ipv6.val() {
                self.ipv6_1.d.next = true;
                self.source_1.d.next = self.source_ipv6.o.val();
                self.under_1.d.next = self.under_ipv6.o.val();
            } else {
                self.ipv6_1.d.next = false;
                self.source_1.d.next = bit_cast::<128, 32>(self.source_ipv4.o.val()) | 0xffff_0000_0000_u64;
                self.under_1.d.next = self.under_ipv4.o.val();
            }
        }
        self.outer.payload.next = self.frame_1.q.val();
        self.outer.tvalid.next = self.valid_1.q.val();

        self.udp_length.i.next = self.under_1.q.val();
        self.version.i.next = self.under_1.q.val();
        self.option_length.i.next = self.under_1.q.val();
        self.oam.i.next = self.under_1.q.val();
        self.critical.i.next = self.under_1.q.val();
        self.protocol.i.next = self.under_1.q.val();
        self.vni.i.next = self.under_1.q.val();
        self.option_0.i.next = self.under_1.q.val();
        self.option_1.i.next = self.under_1.q.val();
        self.option_2.i.next = self.under_1.q.val();
        self.epoch.i.next = self.under_1.q.val();
        self.token.i.next = self.under_1.q.val();

        // The length of the options tells the layout.
        self.layout.next = bits::<2>(0);
        self.layout_known.next = false;
        self.header_bytes.next = bits::<16>(0);
        self.inner_window[0].i.next = self.under_1.q.val();
        self.window.next = self.inner_window[0].o.val();
        for i in 0..4 {
            self.inner_window[i].i.next = self.under_1.q.val();
            if self.option_length.o.val() == self.layout_words[i].val() {
                self.layout.next = self.layout_code[i].val();
                self.layout_known.next = true;
                self.header_bytes.next = self.layout_bytes[i].val();
                self.window.next = self.inner_window[i].o.val();
            }
        }
        // Each option must be where its layout has it.
        self.options_good.next = (self.option_0.o.val() & self.option_mask.val()) == self.token_option.val();
        if self.layout.val() == 1 {
            self.options_good.next = ((self.option_0.o.val() & self.option_mask.val()) == self.token_option.val())
                && ((self.option_1.o.val() & self.option_mask.val()) == self.srd_option.val());
        } else if self.layout.val() == 2 {
            self.options_good.next = ((self.option_0.o.val() & self.option_mask.val()) == self.token_option.val())
                && ((self.option_1.o.val() & self.option_mask.val()) == self.endpoint_option.val());
        } else if self.layout.val() == 3 {
            self.options_good.next = ((self.option_0.o.val() & self.option_mask.val()) == self.token_option.val())
                && ((self.option_1.o.val() & self.option_mask.val()) == self.srd_option.val())
                && ((self.option_2.o.val() & self.option_mask.val()) == self.endpoint_option.val());
        }

        self.valid_2.d.next = self.valid_1.q.val();
        if self.valid_1.q.val() {
            self.inner_2.d.next = self.frame_1.q.val();
            self.inner_2.d.next.length = bit_cast::<14, 16>(self.udp_length.o.val() - self.header_bytes.val());
            self.inner_2.d.next.window = self.window.val();
            self.tunnel_2.d.next.good = self.layout_known.val()
                && self.options_good.val()
                && (self.udp_length.o.val() >= self.header_bytes.val())
                && (self.version.o.val() == 0)
                && (self.oam.o.val() == 0)
                && (self.critical.o.val() == 1)
                && (self.protocol.o.val() == self.bridging.val());
            self.tunnel_2.d.next.underlay_ipv6 = self.ipv6_1.q.val();
            self.tunnel_2.d.next.layout = self.layout.val();
            self.tunnel_2.d.next.vni = self.vni.o.val();
            self.tunnel_2.d.next.epoch = self.epoch.o.val();
            self.tunnel_2.d.next.token = self.token.o.val();
            self.tunnel_2.d.next.src_ip = self.source_1.q.val();
            self.tunnel_2.d.next.udp_length = self.udp_length.o.val();
            self.tunnel_2.d.next.local = self.origin_1.q.val().local;
            if self.origin_1.q.val().local {
                self.inner_2.d.next.length = self.frame_1.q.val().length;
                self.inner_2.d.next.window = self.frame_1.q.val().window;
                self.tunnel_2.d.next.vni = self.origin_1.q.val().vni;
            }
        }
        self.inner.payload.next = self.inner_2.q.val();
        self.inner.tvalid.next = self.valid_2.q.val();
        self.tunnel.next = self.tunnel_2.q.val();
    }
}
