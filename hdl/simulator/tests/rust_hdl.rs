//! The engine on `rust_hdl`'s own rules against the interpreter on the elaborated netlist.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(missing_docs, reason = "blocks of a test")]

use nitro_netlist::{Ports, Record};
use nitro_simulator::random::Random;
use nitro_simulator::{BlockEntry, Engine, EngineFault, RustHdlEngine, ThreadEngine};
use rust_hdl::prelude::*;

#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Header {
    pub length: Bits<11>,
    pub marked: Bit,
    pub address: Bits<70>,
}

/// One register, `n` levels down for a chain of `n` blocks.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Deepest {
    pub clock: Signal<In, Clock>,
    pub i: Signal<In, Header>,
    pub o: Signal<Out, Header>,
    state: DFF<Header>,
}

impl Logic for Deepest {
    #[hdl_gen]
    fn update(&mut self) {
        self.state.clock.next = self.clock.val();
        self.state.d.next = self.i.val();
        self.o.next = self.state.q.val();
    }
}

#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Middle {
    pub clock: Signal<In, Clock>,
    pub i: Signal<In, Header>,
    pub o: Signal<Out, Header>,
    before: DFF<Header>,
    inner: Deepest,
    after: DFF<Header>,
}

impl Logic for Middle {
    #[hdl_gen]
    fn update(&mut self) {
        self.before.clock.next = self.clock.val();
        self.inner.clock.next = self.clock.val();
        self.after.clock.next = self.clock.val();
        self.before.d.next = self.i.val();
        self.inner.i.next = self.before.q.val();
        self.after.d.next = self.inner.o.val();
        self.o.next = self.after.q.val();
    }
}

/// Registers at four depths, fed from shallower and from deeper ones.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Ladder {
    pub clock: Signal<In, Clock>,
    pub i: Signal<In, Header>,
    pub o: Signal<Out, Header>,
    pub sum: Signal<Out, Bits<11>>,
    first: DFF<Header>,
    left: Middle,
    right: Middle,
    total: DFF<Bits<11>>,
}

impl Logic for Ladder {
    #[hdl_gen]
    fn update(&mut self) {
        self.first.clock.next = self.clock.val();
        self.left.clock.next = self.clock.val();
        self.right.clock.next = self.clock.val();
        self.total.clock.next = self.clock.val();
        self.first.d.next = self.i.val();
        self.left.i.next = self.first.q.val();
        self.right.i.next = self.left.o.val();
        self.o.next = self.right.o.val();
        self.total.d.next = self.total.q.val() + self.first.q.val().length + self.i.val().length;
        self.sum.next = self.total.q.val();
    }
}

/// Its output chases its own tail while `run` is set.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Loop {
    pub clock: Signal<In, Clock>,
    pub run: Signal<In, Bit>,
    pub o: Signal<Out, Bit>,
    a: Inverter,
}

#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Inverter {
    pub i: Signal<In, Bit>,
    pub o: Signal<Out, Bit>,
}

impl Logic for Inverter {
    #[hdl_gen]
    fn update(&mut self) {
        self.o.next = !self.i.val();
    }
}

impl Logic for Loop {
    #[hdl_gen]
    fn update(&mut self) {
        self.a.i.next = self.run.val() && self.a.o.val();
        self.o.next = self.a.o.val();
    }
}

fn names(ports: &[nitro_simulator::PortInfo]) -> Vec<(&str, usize)> {
    ports.iter().map(|port| (port.name.as_str(), port.width)).collect()
}

#[test]
fn records_are_ports_by_field() {
    let engine = RustHdlEngine::new(Box::new(Ladder::default()));
    // A record's last field is its lowest, and ports are listed from the lowest up.
    assert_eq!(names(engine.inputs()), [("i_address", 70), ("i_marked", 1), ("i_length", 11)]);
    assert_eq!(names(engine.outputs()), [("o_address", 70), ("o_marked", 1), ("o_length", 11), ("sum", 11)]);
}

#[test]
fn both_engines_agree_clock_by_clock() {
    let entry = BlockEntry::of("ladder", Ladder::default);
    let mut live = entry.rust_hdl().unwrap();
    let mut interpreted = entry.interpreted().unwrap();
    assert_eq!(live.inputs(), interpreted.inputs());
    assert_eq!(live.outputs(), interpreted.outputs());
    let mut random = Random::new(1);
    let mut seen_nonzero = 0;
    for clock in 0..200 {
        for input in 0..live.inputs().len() {
            let value = random.value(u32::try_from(live.inputs()[input].width).unwrap());
            live.set(input, &value);
            interpreted.set(input, &value);
        }
        live.settle();
        interpreted.settle();
        for output in 0..live.outputs().len() {
            let (mut a, mut b) = ([0; 2], [0; 2]);
            live.get(output, &mut a);
            interpreted.get(output, &mut b);
            assert_eq!(a, b, "{} in clock {clock}", live.outputs()[output].name);
            seen_nonzero += usize::from(a != [0; 2]);
        }
        live.edge();
        interpreted.edge();
    }
    assert!(seen_nonzero > 400);
    assert_eq!(live.fault(), None);
}

#[test]
fn a_loop_is_reported() {
    let mut engine = RustHdlEngine::new(Box::new(Loop::default()));
    assert_eq!(engine.fault(), None);
    engine.set(0, &[1]);
    engine.settle();
    assert!(matches!(engine.fault(), Some(EngineFault::DoesNotSettle { .. })));
}

#[test]
fn a_failing_thread_is_reported() {
    let build = || -> RustHdlEngine { panic!("as intended by this test") };
    assert!(matches!(ThreadEngine::new(build), Err(EngineFault::Thread { .. })));
}
