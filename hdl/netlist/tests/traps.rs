//! Every trap of `rust_hdl` gives its named error (those that give the right result are in `kernels.rs`).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests may panic; the derive of rust_hdl makes undocumented items"
)]
#![allow(unused_mut, reason = "the macros of rust_hdl take their argument by name only")]

mod common;

use common::blocks::{Memory, Register};
use common::{Bench, error};
use nitro_netlist::design::Warning;
use nitro_netlist::primitive::{MemoryPort, Primitive, ReadDuringWrite, ReadTiming, describe};
use nitro_netlist::{ElaborateError, elaborate};
use rust_hdl::prelude::*;

/// A block of public signals and children with a kernel.
macro_rules! block {
    ($name:ident { $($field:ident: $type:ty),* $(,)? } $($kernel:tt)*) => {
        #[derive(LogicBlock, Default)]
        struct $name {
            $(pub $field: $type,)*
        }
        impl Logic for $name {
            $($kernel)*
        }
    };
}

type Byte = Bits<8>;

block!(Latched { c: Signal<In, Bit>, x: Signal<In, Byte>, y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        if self.c.val() {
            self.y.next = self.x.val();
        }
    }
);

#[test]
fn a_latch() {
    assert_eq!(error(&Latched::default()), ElaborateError::Latch { path: "top".into(), signal: "y".into() });
}

block!(LatchedLocal { c: Signal<In, Bit>, x: Signal<In, Byte>, y: Signal<Out, Byte>, t: Signal<Local, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = 0.into();
        if self.c.val() {
            self.t.next = self.x.val();
            self.y.next = self.t.val();
        }
    }
);

#[test]
fn a_latched_local() {
    assert_eq!(error(&LatchedLocal::default()), ElaborateError::Latch { path: "top".into(), signal: "t".into() });
}

block!(ExhaustiveMatch { m: Signal<In, Mode>, y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        match self.m.val() {
            Mode::Idle => {
                self.y.next = 1.into();
            }
            Mode::Busy => {
                self.y.next = 2.into();
            }
        }
    }
);

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
#[allow(dead_code, reason = "only the hardware takes the other value")]
enum Mode {
    Idle,
    Busy,
}

#[test]
fn an_exhaustive_match_is_no_latch() {
    let mut bench = Bench::new(&ExhaustiveMatch::default());
    assert_eq!(bench.get("y"), 1);
    bench.set("m", 1);
    assert_eq!(bench.get("y"), 2);
}

block!(Loop { x: Signal<In, Byte>, y: Signal<Out, Byte>, a: Signal<Local, Byte>, b: Signal<Local, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        self.a.next = self.b.val() + self.x.val();
        self.b.next = self.a.val() + 1;
        self.y.next = self.b.val();
    }
);

#[test]
fn a_combinational_loop() {
    let ElaborateError::CombinationalLoop { signals } = error(&Loop::default()) else { panic!("no loop") };
    assert_eq!(signals.first(), signals.last());
    assert!(signals.iter().any(|signal| signal == "top.b"), "{signals:?}");
}

block!(Inverter { i: Signal<In, Bit>, o: Signal<Out, Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.o.next = !self.i.val();
    }
);

block!(LoopAcross { y: Signal<Out, Bit>, one: Inverter, two: Inverter }
    #[hdl_gen]
    fn update(&mut self) {
        self.one.i.next = self.two.o.val();
        self.two.i.next = self.one.o.val();
        self.y.next = self.two.o.val();
    }
);

#[test]
fn a_loop_across_blocks() {
    let ElaborateError::CombinationalLoop { signals } = error(&LoopAcross::default()) else { panic!("no loop") };
    assert!(signals.iter().any(|signal| signal == "top.one.o"), "{signals:?}");
}

block!(DrivesInput { x: Signal<In, Byte>, y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        self.x.next = 1.into();
        self.y.next = self.x.val();
    }
);

block!(DrivesChild { y: Signal<Out, Bit>, one: Inverter }
    #[hdl_gen]
    fn update(&mut self) {
        self.one.i.next = true;
        self.one.o.next = false;
        self.y.next = self.one.o.val();
    }
);

#[test]
fn two_drivers() {
    let found = error(&DrivesInput::default());
    assert!(matches!(&found, ElaborateError::TwoDrivers { signal, .. } if signal == "x"), "{found}");
    let found = error(&DrivesChild::default());
    assert!(matches!(&found, ElaborateError::TwoDrivers { signal, .. } if signal == "one.o"), "{found}");
}

block!(Undriven { x: Signal<In, Byte>, y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {}
);

block!(UndrivenInput { y: Signal<Out, Bit>, one: Inverter }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.one.o.val();
    }
);

block!(UndrivenClock { x: Signal<In, Byte>, y: Signal<Out, Byte>, state: DFF<Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        self.state.d.next = self.x.val();
        self.y.next = self.state.q.val();
    }
);

#[test]
fn undriven_signals() {
    assert_eq!(error(&Undriven::default()), ElaborateError::Undriven { path: "top".into(), signal: "y".into() });
    let found = error(&UndrivenInput::default());
    assert!(matches!(&found, ElaborateError::UndrivenInput { instance, .. } if instance == "one"), "{found}");
    let found = error(&UndrivenClock::default());
    assert!(matches!(&found, ElaborateError::UndrivenInput { instance, .. } if instance == "state"), "{found}");
}

const LIMIT: u64 = 7;

block!(RustConstant { x: Signal<In, Byte>, y: Signal<Out, Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val() == LIMIT;
    }
);

#[derive(LogicBlock, Default)]
struct ConstGeneric<const N: u64> {
    pub x: Signal<In, Byte>,
    pub y: Signal<Out, Bit>,
}

impl<const N: u64> Logic for ConstGeneric<N> {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val() == N;
    }
}

#[test]
fn rust_constants_are_undeclared() {
    let found = error(&RustConstant::default());
    assert_eq!(found, ElaborateError::UndeclaredName { path: "top".into(), name: "LIMIT".into() });
    assert!(found.to_string().contains("Constant"), "{found}");
    let found = error(&ConstGeneric::<3>::default());
    assert_eq!(found, ElaborateError::UndeclaredName { path: "top".into(), name: "N".into() });
}

#[derive(LogicBlock, Default)]
struct GenericIndex<const N: usize> {
    pub x: [Signal<In, Byte>; 3],
    pub y: Signal<Out, Byte>,
}

impl<const N: usize> Logic for GenericIndex<N> {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x[N - 1].val();
    }
}

#[test]
fn an_index_of_const_generics() {
    let found = error(&GenericIndex::<3>::default());
    assert!(matches!(&found, ElaborateError::IndexNotConstant { index, .. } if index == "N-1"), "{found}");
}

block!(Asserts { x: Signal<In, Byte>, y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        assert!(self.x.val() == self.x.val());
        self.y.next = self.x.val();
    }
);

block!(Comments { x: Signal<In, Byte>, y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        println!("assertions are for test benches");
        self.y.next = self.x.val();
    }
);

#[test]
fn an_assertion_is_an_error_and_a_comment_is_not() {
    let found = error(&Asserts::default());
    assert!(matches!(found, ElaborateError::AssertInKernel { .. }), "{found}");
    elaborate(&Comments::default(), "top").unwrap();
}

/// `rust_hdl` takes this for a cast because of its name.
fn bits_swapped(x: Byte) -> Byte {
    (x << 4) | (x >> 4)
}

block!(FalseCast { x: Signal<In, Byte>, y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = bits_swapped(self.x.val());
    }
);

#[test]
fn a_function_whose_name_starts_with_bits() {
    let design = elaborate(&FalseCast::default(), "top").unwrap();
    assert_eq!(design.warnings(), [Warning::CastKeepsWidth { path: "top".into(), width: 8 }]);
    assert!(design.warnings()[0].to_string().contains("rename"));
}

block!(LiteralCompare { x: Signal<In, Byte>, y: Signal<Out, Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val() == 256;
    }
);

block!(LiteralCast { y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = bits::<8>(0x100);
    }
);

block!(LiteralAssigned { y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = 0x100.into();
    }
);

#[test]
fn literals_that_do_not_fit() {
    for found in [error(&LiteralCompare::default()), error(&LiteralAssigned::default())] {
        let expected = ElaborateError::LiteralTooWide { path: "top".into(), literal: "0x100".into(), width: 8 };
        assert_eq!(found, expected);
    }
    // Here already Rust panics, while the syntax tree is built.
    let found = error(&LiteralCast::default());
    assert!(matches!(found, ElaborateError::KernelPanicked { .. }), "{found}");
}

/// A leaf that says nothing of itself.
#[derive(Clone, Debug, Default, LogicBlock)]
struct Mystery {
    pub i: Signal<In, Bit>,
    pub o: Signal<Out, Bit>,
}

impl Logic for Mystery {
    fn update(&mut self) {
        self.o.next = self.i.val();
    }
    fn connect(&mut self) {
        self.o.connect();
    }
    fn hdl(&self) -> Verilog {
        Verilog::Custom("assign o = i;".into())
    }
}

block!(UsesMystery { x: Signal<In, Bit>, y: Signal<Out, Bit>, leaf: Mystery }
    #[hdl_gen]
    fn update(&mut self) {
        self.leaf.i.next = self.x.val();
        self.y.next = self.leaf.o.val();
    }
);

#[derive(LogicBlock, Default)]
struct NoKernel {
    pub x: Signal<In, Bit>,
    pub y: Signal<Out, Bit>,
}

impl Logic for NoKernel {
    fn update(&mut self) {
        self.y.next = self.x.val();
    }
}

#[test]
fn unknown_leaves() {
    let found = error(&UsesMystery::default());
    assert!(matches!(&found, ElaborateError::UnknownLeaf { path, .. } if path == "top.leaf"), "{found}");
    let found = error(&NoKernel::default());
    assert!(found.to_string().contains("hdl_gen"), "{found}");
}

/// A memory whose description asks for a port that it does not have.
#[derive(Clone, Debug, Default, LogicBlock)]
struct Broken {
    pub clock: Signal<In, Clock>,
    pub read_address: Signal<In, Bits<3>>,
    pub read_data: Signal<Out, Byte>,
}

impl Logic for Broken {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        let read = Some(ReadTiming::Registered(ReadDuringWrite::Old));
        let ports = vec![MemoryPort { prefix: "read_", read, write_granularity: None }];
        describe(Primitive::Memory { width: 8, address_bits: 3, contents: Vec::new(), ports });
        Verilog::Custom(String::new())
    }
}

#[test]
fn a_primitive_without_its_port() {
    let found = error(&Broken::default());
    assert!(matches!(&found, ElaborateError::BadPrimitive { port, .. } if port == "read_enable"), "{found}");
}

block!(Numbers { x: Signal<In, Signed<8>>, y: Signal<Out, Signed<8>> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val();
    }
);

block!(Negation { x: Signal<In, Byte>, y: Signal<Out, Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = unsigned_cast(signed_cast(self.x.val()));
    }
);

#[test]
fn signed_values() {
    for found in [error(&Numbers::default()), error(&Negation::default())] {
        assert!(matches!(found, ElaborateError::SignedNotSupported { .. }), "{found}");
    }
}

block!(TwoClocks { a: Signal<In, Clock>, b: Signal<In, Clock>, x: Signal<In, Bit>, y: Signal<Out, Bit>, s: DFF<Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.s.clock.next = self.a.val();
        self.s.d.next = self.x.val();
        self.y.next = self.s.q.val();
    }
);

block!(GatedClock { clock: Signal<In, Clock>, x: Signal<In, Bit>, y: Signal<Out, Bit>, s: DFF<Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.s.clock.next = !self.clock.val();
        self.s.d.next = self.x.val();
        self.y.next = self.s.q.val();
    }
);

block!(ClockFromData { x: Signal<In, Bit>, y: Signal<Out, Bit>, s: DFF<Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.s.clock.next = self.x.val().into();
        self.s.d.next = self.x.val();
        self.y.next = self.s.q.val();
    }
);

block!(MadeClock { x: Signal<In, Bit>, y: Signal<Out, Clock> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val().into();
    }
);

#[test]
fn clocks_come_from_the_root() {
    for found in [error(&TwoClocks::default()), error(&ClockFromData::default()), error(&MadeClock::default())] {
        assert!(matches!(found, ElaborateError::ClockNotFromRoot { .. }), "{found}");
    }
    let found = error(&GatedClock::default());
    assert!(matches!(found, ElaborateError::ClockAsData { .. }), "{found}");
}

block!(Collision { a_b: Signal<In, Bit>, a: Pair, y: Signal<Out, Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.a_b.val() && self.a.b.val();
    }
);

#[derive(Clone, Debug, Default, LogicInterface)]
struct Pair {
    pub b: Signal<In, Bit>,
}

block!(Keyword { assign: Signal<In, Bit>, logic: Signal<Out, Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.logic.next = self.assign.val();
    }
);

#[test]
fn names_that_collide_and_names_that_verilog_reserves() {
    let found = error(&Collision::default());
    assert!(matches!(&found, ElaborateError::NameCollision { name, .. } if name == "a_b"), "{found}");
    let text = elaborate(&Keyword::default(), "top").unwrap().verilog().text();
    assert!(text.contains("assign logic_ = assign_;"), "{text}");
}

block!(Ambiguous { x: Signal<In, Bits<16>>, i: Signal<In, Bits<2>>, y: Signal<Out, Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val().get_bit((self.i.val().index() + 1) * 2);
    }
);

block!(OutOfRange { x: Signal<In, Byte>, y: Signal<Out, Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val().get_bit(8);
    }
);

#[test]
fn indices() {
    let found = error(&Ambiguous::default());
    assert!(matches!(found, ElaborateError::AmbiguousIndex { .. }), "{found}");
    let found = error(&OutOfRange::default());
    assert_eq!(found, ElaborateError::IndexOutOfRange { path: "top".into(), index: 8, width: 8 });
}

block!(TriState { pin: Signal<InOut, Bit>, y: Signal<Out, Bit> }
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.pin.val();
    }
);

#[test]
fn tri_state() {
    assert!(matches!(error(&TriState::default()), ElaborateError::InOutNotSupported { .. }));
}

block!(Bounded { clock: Signal<In, Clock>, reset: Signal<In, Bit>, y: Signal<Out, Byte>, state: Register<Byte> }
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.state.reset.next = self.reset.val();
        self.state.d.next = self.state.q.val() << 300;
        self.y.next = self.state.q.val();
    }
);

#[test]
fn shifts_by_more_than_the_width_give_zero() {
    let netlist = elaborate(&Bounded::default(), "top").unwrap().flatten();
    let d = &netlist.nodes[netlist.registers[0].d.0 as usize];
    assert_eq!(d.op, nitro_netlist::netlist::Op::Constant(vec![0]));
}

#[test]
fn a_memory_alone_is_a_design() {
    let memory = Memory::<16, 2, 3>::new(ReadDuringWrite::Old, &[]);
    assert_eq!(elaborate(&memory, "memory").unwrap().flatten().memories[0].path, "core");
}
