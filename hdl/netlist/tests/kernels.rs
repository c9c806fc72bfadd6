//! Kernels that are right: what every construct of the language means.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests may panic; the derive of rust_hdl makes undocumented items"
)]

mod common;

use common::Bench;
use common::blocks::{Memory, Register, Reverse};
use nitro_netlist::elaborate;
use nitro_netlist::primitive::ReadDuringWrite;
use rust_hdl::prelude::*;

#[derive(LogicBlock, Default)]
struct Counter {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub enable: Signal<In, Bit>,
    pub count: Signal<Out, Bits<8>>,
    pub wraps: Signal<Out, Bit>,
    value: Register<Bits<8>>,
    shadow: DFF<Bits<8>>,
}

impl Logic for Counter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, value, shadow);
        self.value.reset.next = self.reset.val();
        if self.enable.val() {
            self.value.d.next = self.value.q.val() + 1;
        }
        self.shadow.d.next = self.value.q.val();
        self.count.next = self.shadow.q.val();
        // The trap of widths: in Rust the sum has 8 bits.
        self.wraps.next = (self.value.q.val() + 1) == 0;
    }
}

#[test]
fn a_counter_counts_wraps_and_resets() {
    let mut bench = Bench::new(&Counter::default());
    assert_eq!(bench.netlist.registers.len(), 2);
    assert_eq!(bench.netlist.inputs.iter().map(|port| port.name.as_str()).collect::<Vec<_>>(), ["reset", "enable"]);
    bench.set("enable", 1);
    for clock in 0..600_u128 {
        assert_eq!(bench.get("value_q"), clock % 256);
        assert_eq!(bench.get("wraps"), u128::from(clock % 256 == 255));
        if clock > 0 {
            assert_eq!(bench.get("count"), (clock - 1) % 256);
        }
        bench.clock();
    }
    bench.set("reset", 1);
    bench.clock();
    assert_eq!(bench.get("value_q"), 0);
}

#[test]
fn equal_blocks_are_one_module() {
    let design = elaborate(&Counter::default(), "counter").unwrap();
    assert_eq!(design.modules().len(), 1);
    assert_eq!(design.name(), "counter");
}

#[derive(LogicBlock, Default)]
struct Operators {
    pub a: Signal<In, Bits<8>>,
    pub b: Signal<In, Bits<8>>,
    pub wide: Signal<In, Bits<100>>,
    pub amount: Signal<In, Bits<8>>,
    pub flag: Signal<In, Bit>,
    pub sum: Signal<Out, Bits<8>>,
    pub plus_flag: Signal<Out, Bits<8>>,
    pub difference: Signal<Out, Bits<8>>,
    pub logic: Signal<Out, Bits<8>>,
    pub product: Signal<Out, Bits<32>>,
    pub left: Signal<Out, Bits<100>>,
    pub right: Signal<Out, Bits<100>>,
    pub literal_left: Signal<Out, Bits<64>>,
    pub compare: Signal<Out, Bits<6>>,
    pub reduced: Signal<Out, Bits<3>>,
    pub narrow: Signal<Out, Bits<4>>,
    pub extended: Signal<Out, Bits<12>>,
    pub high: Signal<Out, Bits<8>>,
    pub dynamic: Signal<Out, Bits<4>>,
    pub replaced: Signal<Out, Bits<8>>,
    pub literal: Signal<Out, Bits<8>>,
    flags: Signal<Local, Bits<6>>,
}

impl Logic for Operators {
    #[hdl_gen]
    fn update(&mut self) {
        self.sum.next = self.a.val() + self.b.val() + 1;
        self.plus_flag.next = self.a.val() + self.flag.val();
        self.difference.next = 3 - self.a.val();
        self.logic.next = (self.a.val() & 0x0F) | (!self.b.val() ^ 0xFF);
        self.product.next = bit_cast::<16, 8>(self.a.val()) * bit_cast::<16, 8>(self.b.val());
        self.left.next = self.wide.val() << self.amount.val();
        self.right.next = self.wide.val() >> 4;
        self.literal_left.next = 3_u64 << self.amount.val();
        self.flags.next = 0.into();
        if (self.a.val() == self.b.val()) && !self.flag.val() {
            self.flags.next = self.flags.val().replace_bit(0, true);
        }
        if self.a.val() != self.b.val() {
            self.flags.next = self.flags.val().replace_bit(1, true);
        }
        if self.a.val() < self.b.val() {
            self.flags.next = self.flags.val().replace_bit(2, true);
        }
        if self.a.val() <= self.b.val() {
            self.flags.next = self.flags.val().replace_bit(3, true);
        }
        if (self.a.val() > 200) || (self.b.val() > 200) {
            self.flags.next = self.flags.val().replace_bit(4, true);
        }
        self.flags.next = self.flags.val().replace_bit(5, self.a.val() >= self.b.val());
        self.compare.next = self.flags.val();
        self.reduced.next = bits::<3>(0)
            .replace_bit(0, self.a.val().any())
            .replace_bit(1, self.a.val().all())
            .replace_bit(2, self.a.val().xor());
        self.narrow.next = bit_cast::<4, 8>(self.a.val());
        self.extended.next = bit_cast::<12, 8>(self.a.val());
        // Four bits beyond the end are zero.
        self.high.next = self.a.val().get_bits::<8>(4);
        self.dynamic.next = self.wide.val().get_bits::<4>(self.amount.val().index() * 4 + 1);
        self.replaced.next = self.a.val().replace_bit(self.amount.val().index(), self.flag.val());
        self.literal.next = bits::<8>(0xFF);
    }
}

#[test]
fn operators_follow_the_rules_of_rust() {
    let mut bench = Bench::new(&Operators::default());
    let wide = 0x1234_5678_9abc_def0_1357_u128;
    bench.set("wide", wide);
    for (a, b, amount, flag) in [(0, 0, 0, 0), (255, 255, 7, 1), (7, 200, 3, 1), (201, 5, 6, 0), (128, 129, 2, 1)] {
        bench.set("a", a);
        bench.set("b", b);
        bench.set("amount", amount);
        bench.set("flag", flag);
        assert_eq!(bench.get("sum"), (a + b + 1) % 256);
        assert_eq!(bench.get("plus_flag"), (a + flag) % 256);
        assert_eq!(bench.get("difference"), (259 - a) % 256);
        assert_eq!(bench.get("logic_"), (a & 15) | b);
        assert_eq!(bench.get("product"), a * b);
        assert_eq!(bench.get("left"), (wide << amount) & ((1 << 100) - 1));
        assert_eq!(bench.get("right"), wide >> 4);
        assert_eq!(bench.get("literal_left"), 3 << amount);
        let flags = [a == b && flag == 0, a != b, a < b, a <= b, a > 200 || b > 200, a >= b];
        assert_eq!(bench.get("compare"), flags.iter().rev().fold(0, |sum, &flag| sum << 1 | u128::from(flag)));
        let reduced = u128::from(a != 0) | u128::from(a == 255) << 1 | u128::from(a.count_ones() % 2 == 1) << 2;
        assert_eq!(bench.get("reduced"), reduced);
        assert_eq!(bench.get("narrow"), a % 16);
        assert_eq!(bench.get("extended"), a);
        assert_eq!(bench.get("high"), a >> 4);
        assert_eq!(bench.get("dynamic"), (wide >> (amount * 4 + 1)) & 15);
        assert_eq!(bench.get("replaced"), (a & !(1 << amount)) | flag << amount);
        assert_eq!(bench.get("literal"), 255);
    }
    // Too large an amount shifts everything out.
    bench.set("amount", 200);
    assert_eq!((bench.get("left"), bench.get("literal_left"), bench.get("dynamic")), (0, 0, 0));
}

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum Mode {
    Idle,
    Busy,
    Done,
}

impl Default for Header {
    fn default() -> Self {
        Self { kind: Bits::from(0), mode: Mode::Idle, length: Bits::from(0) }
    }
}

#[derive(Copy, Clone, Debug, PartialEq, LogicStruct)]
struct Header {
    kind: Bits<4>,
    mode: Mode,
    length: Bits<16>,
}

#[derive(Copy, Clone, Debug, PartialEq, LogicStruct, Default)]
struct Packet {
    header: Header,
    last: Bit,
}

#[derive(LogicBlock, Default)]
struct Machine {
    pub clock: Signal<In, Clock>,
    pub start: Signal<In, Bit>,
    pub code: Signal<In, Bits<16>>,
    pub mode: Signal<Out, Mode>,
    pub kind: Signal<Out, Bits<4>>,
    state: DFF<Mode>,
}

impl Logic for Machine {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        match self.state.q.val() {
            Mode::Idle => {
                if self.start.val() {
                    self.state.d.next = Mode::Busy;
                }
            }
            Mode::Busy => {
                self.state.d.next = Mode::Done;
            }
            Mode::Done => self.state.d.next = Mode::Idle,
        }
        self.mode.next = self.state.q.val();
        match self.code.val().index() {
            0x0800 => {
                self.kind.next = 1.into();
            }
            0x86dd => {
                self.kind.next = 2.into();
            }
            9 => {
                self.kind.next = 3.into();
            }
            0x10000 => {
                self.kind.next = 4.into();
            }
            _ => {
                self.kind.next = 5.into();
            }
        }
    }
}

#[test]
fn matches_on_enums_and_numbers() {
    let mut bench = Bench::new(&Machine::default());
    for (code, kind) in [(0x800, 1), (0x86dd, 2), (9, 3), (0, 5), (0xffff, 5)] {
        bench.set("code", code);
        assert_eq!(bench.get("kind"), kind);
    }
    let mut modes = Vec::new();
    bench.set("start", 1);
    for _ in 0..4 {
        modes.push(bench.get("mode"));
        bench.clock();
    }
    assert_eq!(modes, [0, 1, 2, 0]);
    let traced = bench.netlist.trace.iter().find(|signal| signal.name == "state_q").unwrap();
    assert_eq!(traced.variants, ["Idle", "Busy", "Done"]);
}

#[derive(LogicBlock, Default)]
struct Records {
    pub clock: Signal<In, Clock>,
    pub rx: Signal<In, Packet>,
    pub tx: Signal<Out, Packet>,
    pub length: Signal<Out, Bits<16>>,
    pub busy: Signal<Out, Bit>,
    store: Register<Packet>,
    pub reset: Signal<In, Bit>,
}

impl Logic for Records {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, store);
        self.store.reset.next = self.reset.val();
        self.store.d.next = self.rx.val();
        self.tx.next = self.store.q.val();
        self.tx.next.last = !self.store.q.val().last;
        // Nested fields are a trap of rust_hdl; here they are resolved.
        self.length.next = self.rx.val().header.length;
        self.busy.next = self.rx.val().header.mode == Mode::Busy;
        self.tx.next.header.length = self.store.q.val().header.length + 1;
    }
}

#[test]
fn records_are_split_into_their_fields() {
    let mut bench = Bench::new(&Records::default());
    let names: Vec<_> = bench.netlist.inputs.iter().map(|port| (port.name.as_str(), port.width)).collect();
    let fields = [("rx_header_kind", 4), ("rx_header_mode", 2), ("rx_header_length", 16), ("rx_last", 1), ("reset", 1)];
    assert_eq!(names, fields);
    assert_eq!(bench.netlist.registers.len(), 4);
    assert_eq!(bench.netlist.registers[2].path, "store_header_length");
    bench.set("rx_header_kind", 9);
    bench.set("rx_header_mode", 1);
    bench.set("rx_header_length", 0xffff);
    bench.set("rx_last", 1);
    assert_eq!((bench.get("length"), bench.get("busy"), bench.get("tx_last")), (0xffff, 1, 1));
    bench.clock();
    assert_eq!((bench.get("tx_header_kind"), bench.get("tx_header_mode")), (9, 1));
    assert_eq!((bench.get("tx_header_length"), bench.get("tx_last")), (0, 0));
}

#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "LinkTx"]
struct LinkRx {
    payload: Signal<In, Bits<8>>,
    tvalid: Signal<In, Bit>,
    tready: Signal<Out, Bit>,
}

#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "LinkRx"]
struct LinkTx {
    payload: Signal<Out, Bits<8>>,
    tvalid: Signal<Out, Bit>,
    tready: Signal<In, Bit>,
}

#[derive(Clone, Debug, Default, LogicBlock)]
struct Stage {
    pub clock: Signal<In, Clock>,
    pub rx: LinkRx,
    pub tx: LinkTx,
    value: DFF<Bits<8>>,
    valid: DFF<Bit>,
}

impl Logic for Stage {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, value, valid);
        self.rx.tready.next = self.tx.tready.val() || !self.valid.q.val();
        self.tx.payload.next = self.value.q.val();
        self.tx.tvalid.next = self.valid.q.val();
        if self.rx.tready.val() {
            self.value.d.next = self.rx.payload.val() + 1;
            self.valid.d.next = self.rx.tvalid.val();
        }
    }
}

#[derive(LogicBlock)]
struct Chain<const N: usize> {
    pub clock: Signal<In, Clock>,
    pub rx: LinkRx,
    pub tx: LinkTx,
    first: Stage,
    stage: Vec<Stage>,
    last: [Stage; 2],
}

impl<const N: usize> Default for Chain<N> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            rx: LinkRx::default(),
            tx: LinkTx::default(),
            first: Stage::default(),
            stage: vec![Stage::default(); N],
            last: Default::default(),
        }
    }
}

impl<const N: usize> Logic for Chain<N> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, first);
        for i in 0..N {
            self.stage[i].clock.next = self.clock.val();
        }
        for i in 0..2 {
            self.last[i].clock.next = self.clock.val();
        }
        LinkRx::link(&mut self.rx, &mut self.first.rx);
        LinkTx::join(&mut self.first.tx, &mut self.stage[0].rx);
        for i in 0..3 {
            self.stage[i + 1].rx.payload.next = self.stage[i].tx.payload.val();
            self.stage[i + 1].rx.tvalid.next = self.stage[i].tx.tvalid.val();
            self.stage[i].tx.tready.next = self.stage[i + 1].rx.tready.val();
        }
        LinkTx::join(&mut self.stage[3].tx, &mut self.last[0].rx);
        self.last[1].rx.payload.next = self.last[0].tx.payload.val();
        self.last[1].rx.tvalid.next = self.last[0].tx.tvalid.val();
        self.last[0].tx.tready.next = self.last[1].rx.tready.val();
        LinkTx::link(&mut self.tx, &mut self.last[1].tx);
    }
}

#[test]
fn vectors_of_blocks_links_and_joins() {
    let design = elaborate(&Chain::<4>::default(), "chain").unwrap();
    let names: Vec<_> = design.modules().iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, ["first", "chain"], "seven equal stages are one module");
    let mut bench = Bench::of(design.flatten());
    let ports: Vec<_> = bench.netlist.inputs.iter().map(|port| port.name.as_str()).collect();
    assert_eq!(ports, ["rx_tdata", "rx_tvalid", "tx_tready"]);
    assert!(bench.netlist.trace.iter().any(|signal| signal.scope == ["stage_2"] && signal.name == "rx_tvalid"));
    bench.set("rx_tvalid", 1);
    bench.set("tx_tready", 1);
    for clock in 0..20 {
        bench.set("rx_tdata", clock);
        assert_eq!(bench.get("tx_tvalid"), u128::from(clock >= 7));
        if clock >= 7 {
            assert_eq!(bench.get("tx_tdata"), clock - 7 + 7);
        }
        bench.clock();
    }
}

#[derive(LogicBlock)]
struct Loops {
    pub x: Signal<In, Bits<16>>,
    pub lane: [Signal<In, Bits<8>>; 4],
    pub sum: Signal<Out, Bits<8>>,
    pub reversed: Signal<Out, Bits<16>>,
    pub nibbles: Signal<Out, Bits<8>>,
    pub scaled: Signal<Out, Bits<16>>,
    pub wired: Signal<Out, Bits<4>>,
    pub mirrored: Signal<Out, Bits<4>>,
    factor: Constant<Bits<16>>,
    enabled: Constant<Bit>,
    reverse: Reverse,
}

impl Default for Loops {
    fn default() -> Self {
        Self {
            x: Signal::default(),
            lane: Default::default(),
            sum: Signal::default(),
            reversed: Signal::default(),
            nibbles: Signal::default(),
            scaled: Signal::default(),
            wired: Signal::default(),
            mirrored: Signal::default(),
            factor: Constant::new(Bits::from(3)),
            enabled: Constant::new(true),
            reverse: Reverse::default(),
        }
    }
}

impl Logic for Loops {
    #[hdl_gen]
    fn update(&mut self) {
        self.sum.next = 0.into();
        for i in 0..4 {
            self.sum.next = self.sum.val() + self.lane[i].val();
        }
        self.reversed.next = 0.into();
        for i in 0..16 {
            self.reversed.next = self.reversed.val().replace_bit(15 - i, self.x.val().get_bit(i));
        }
        self.nibbles.next = 0.into();
        for i in 0..2 {
            for j in 0..2 {
                self.nibbles.next = self.nibbles.val() ^ self.x.val().get_bits::<8>(i * 4 + j * 4);
            }
        }
        // Only the branch that Rust would execute counts, so this is no latch.
        if self.enabled.val() {
            self.scaled.next = bit_cast::<16, 32>(self.x.val() * self.factor.val());
        }
        self.reverse.i.next = bit_cast::<4, 16>(self.x.val());
        self.wired.next = self.reverse.o.val();
        // A child's input is read as what is assigned to it.
        self.mirrored.next = self.reverse.i.val();
    }
}

#[test]
fn loops_constants_and_wires() {
    let mut bench = Bench::new(&Loops::default());
    bench.set("x", 0x1234);
    for lane in 0..4_u128 {
        bench.set(&format!("lane_{lane}"), 100 + lane);
    }
    assert_eq!(bench.get("sum"), 406 % 256);
    assert_eq!(bench.get("reversed"), u128::from(0x1234_u16.reverse_bits()));
    assert_eq!(bench.get("nibbles"), 0x34 ^ 0x12);
    assert_eq!(bench.get("scaled"), 0x1234 * 3);
    assert_eq!((bench.get("wired"), bench.get("mirrored")), (2, 4));
}

#[derive(LogicBlock)]
struct Storage {
    pub clock: Signal<In, Clock>,
    pub address: Signal<In, Bits<3>>,
    pub data: Signal<In, Bits<16>>,
    pub write: Signal<In, Bits<2>>,
    pub read: Signal<In, Bit>,
    pub old: Signal<Out, Bits<16>>,
    pub new: Signal<Out, Bits<16>>,
    pub look: Signal<Out, Bits<16>>,
    first: Memory<16, 2, 3>,
    second: Memory<16, 2, 3>,
}

impl Logic for Storage {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, first, second);
        self.first.write_address.next = self.address.val();
        self.first.write_data.next = self.data.val();
        self.first.write_enable.next = self.write.val();
        self.first.read_address.next = self.address.val();
        self.first.read_enable.next = self.read.val();
        self.first.look_address.next = self.address.val() + 1;
        self.second.write_address.next = self.address.val();
        self.second.write_data.next = self.data.val();
        self.second.write_enable.next = self.write.val();
        self.second.read_address.next = self.address.val();
        self.second.read_enable.next = self.read.val();
        self.second.look_address.next = self.address.val();
        self.old.next = self.first.read_data.val();
        self.new.next = self.second.read_data.val();
        self.look.next = self.first.look_data.val();
    }
}

fn storage() -> Storage {
    Storage {
        clock: Signal::default(),
        address: Signal::default(),
        data: Signal::default(),
        write: Signal::default(),
        read: Signal::default(),
        old: Signal::default(),
        new: Signal::default(),
        look: Signal::default(),
        first: Memory::new(ReadDuringWrite::Old, &[0x11, 0x22, 0x33]),
        second: Memory::new(ReadDuringWrite::New, &[]),
    }
}

#[test]
fn memories_read_old_or_new_words() {
    let mut bench = Bench::new(&storage());
    bench.set("address", 2);
    bench.set("data", 0xabcd);
    bench.set("write", 0b10);
    bench.set("read", 1);
    bench.clock();
    assert_eq!((bench.get("old"), bench.get("new_")), (0x33, 0xab00));
    bench.set("write", 0);
    bench.set("read", 0);
    bench.set("address", 1);
    bench.clock();
    assert_eq!((bench.get("old"), bench.get("new_"), bench.get("look")), (0x33, 0xab00, 0xab33), "data hold");
    bench.set("read", 1);
    bench.clock();
    assert_eq!((bench.get("old"), bench.get("new_")), (0x22, 0));
}

#[derive(LogicBlock, Default)]
struct BusOfBits {
    pub x: Signal<In, Bits<4>>,
    pub y: Signal<Out, Bits<4>>,
    ripple: Signal<Local, Bits<4>>,
    reverse: Reverse,
}

impl Logic for BusOfBits {
    #[hdl_gen]
    fn update(&mut self) {
        // Bit 3 of the output comes from bit 0 of the input and the other way round: no loop, although the bus is one signal.
        self.ripple.next = self.x.val().replace_bit(0, self.reverse.o.val().get_bit(0));
        self.reverse.i.next = self.ripple.val();
        self.y.next = self.reverse.o.val();
    }
}

#[test]
fn a_bus_whose_bits_depend_on_one_another_is_no_loop() {
    let mut bench = Bench::new(&BusOfBits::default());
    bench.set("x", 0b1010);
    // i = x with bit 0 := o[0] = i[3] = 1; o = reverse(1011).
    assert_eq!(bench.get("y"), 0b1101);
}

#[test]
fn a_leaf_alone_is_a_design() {
    let mut bench = Bench::new(&Register::<Bits<8>>::new(Bits::from(0x5a)));
    assert_eq!(bench.get("q"), 0x5a);
    bench.set("d", 7);
    bench.clock();
    assert_eq!(bench.get("q"), 7);
}
