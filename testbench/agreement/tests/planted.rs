//! The harness itself: it passes what agrees, and catches what was made to disagree.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.
#![allow(missing_docs)] // The blocks are small and only for these tests.

use nitro_agreement::{AgreementError, Budget, Case, CompareError, EngineKind, Style, Subject, agree, lint};
use nitro_netlist::Ports;
use nitro_netlist::primitive::{Primitive, describe};
use nitro_simulator::BlockEntry;
use rust_hdl::prelude::*;

/// Wires whose hand-written `update` reverses eight bits; the netlist is told `map`.
#[derive(Clone, Debug, LogicBlock)]
struct Reverse {
    pub i: Signal<In, Bits<8>>,
    pub o: Signal<Out, Bits<8>>,
    _map: Vec<usize>,
}

impl Reverse {
    fn told(map: [usize; 8]) -> Self {
        Self { i: Signal::default(), o: Signal::default(), _map: map.to_vec() }
    }
}

impl Logic for Reverse {
    fn update(&mut self) {
        let input = self.i.val();
        self.o.next = (0..8).fold(Bits::<8>::from(0), |value, bit| value.replace_bit(7 - bit, input.get_bit(bit)));
    }
    fn connect(&mut self) {
        self.o.connect();
    }
    fn hdl(&self) -> Verilog {
        describe(Primitive::Wires { input_width: 8, map: self._map.clone() });
        Verilog::Custom("// wires".into())
    }
}

/// Adds the reversed input to a sum while it is told to.
#[derive(Clone, Debug, LogicBlock, Ports)]
struct Accumulator {
    pub clock: Signal<In, Clock>,
    pub add: Signal<In, Bit>,
    pub value: Signal<In, Bits<8>>,
    pub sum: Signal<Out, Bits<8>>,
    pub is_large: Signal<Out, Bit>,
    reverse: Reverse,
    total: DFF<Bits<8>>,
}

impl Accumulator {
    fn told(map: [usize; 8]) -> Self {
        Self {
            clock: Signal::default(),
            add: Signal::default(),
            value: Signal::default(),
            sum: Signal::default(),
            is_large: Signal::default(),
            reverse: Reverse::told(map),
            total: DFF::default(),
        }
    }
}

impl Logic for Accumulator {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, total);
        self.reverse.i.next = self.value.val();
        if self.add.val() {
            self.total.d.next = self.total.q.val() + self.reverse.o.val();
        }
        self.sum.next = self.total.q.val();
        self.is_large.next = self.total.q.val() > 0x7F;
    }
}

const RIGHT: [usize; 8] = [7, 6, 5, 4, 3, 2, 1, 0];
/// Bits 3 and 4 are not crossed.
const WRONG: [usize; 8] = [7, 6, 5, 3, 4, 2, 1, 0];

fn right() -> BlockEntry {
    BlockEntry::of("accumulator", || Accumulator::told(RIGHT))
}

fn wrong() -> BlockEntry {
    BlockEntry::of("crossed", || Accumulator::told(WRONG))
}

#[test]
fn a_right_block_passes_lint_and_agrees_on_all_engines() {
    let checked = lint(&right()).unwrap();
    assert_eq!(checked.memories, 0);
    let budget = Budget::default();
    let clocks = agree(&right(), &EngineKind::ALL, budget).unwrap();
    assert!(clocks > u64::from(budget.groups), "{clocks}");
}

#[test]
fn a_netlist_that_differs_from_the_live_block_is_caught_and_cut_short() {
    let error = agree(&wrong(), &EngineKind::ALL, Budget::default()).unwrap_err();
    let AgreementError::Compare { source: CompareError::Disagreement(found), case: Some(case) } = &error else {
        panic!("expected a disagreement, got {error}");
    };
    assert_eq!(found.block, "crossed");
    assert!(["sum", "is_large"].contains(&found.port.as_str()), "{error}");
    assert_eq!(found.clock + 1, case.clocks, "the case ends where it fails");
    let values: Vec<_> = found.values.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(values, EngineKind::ALL);
    assert_ne!(found.values[0].1, found.values[1].1);
    assert_eq!(found.values[1].1, found.values[2].1, "the Verilog is the netlist's");
    let text = error.to_string();
    assert!(text.contains("rust_hdl 0x") && text.contains(&format!("\"seed\":{}", case.seed)), "{text}");
    // The reported case fails by itself, on any pair of engines that differ.
    for engine in [EngineKind::Interpreted, EngineKind::Verilator] {
        let subject = Subject::new(&wrong(), &[EngineKind::RustHdl, engine]).map(|subject| subject.check(&[*case]));
        assert!(matches!(subject, Ok(Err(_))), "{engine}");
    }
}

#[test]
fn lanes_are_independent() {
    let entry = right();
    let subject = Subject::new(&entry, &EngineKind::ALL).unwrap();
    let cases = Style::ALL.map(|style| Case { seed: 9, clocks: 60, style });
    assert_eq!(subject.check(&cases).unwrap(), 60 * Style::ALL.len() as u64);
    let entry = wrong();
    let subject = Subject::new(&entry, &[EngineKind::RustHdl, EngineKind::Interpreted]).unwrap();
    let quiet = Case { seed: 1, clocks: 1, style: Style::Uniform };
    assert!(subject.check(&[quiet]).is_ok());
    match subject.check(&[quiet, quiet, Case { clocks: 200, ..quiet }]) {
        Err(AgreementError::Compare { case: Some(case), source: CompareError::Disagreement(found) }) => {
            assert_eq!((case.clocks, found.lane), (200, 2));
        }
        other => panic!("expected a disagreement in lane 2, got {other:?}"),
    }
}
