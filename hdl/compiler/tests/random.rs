//! The compiled engine against the unoptimised interpreter on random netlists.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use nitro_compiler::Options;
use nitro_compiler::program::{Program, Stimulus};
use nitro_netlist::Netlist;
use nitro_simulator::{Engine, Interpreter, PortInfo, random};

/// The interpreter without its optimiser, so that nothing is shared with what is tested.
struct Plain(Interpreter);

impl Engine for Plain {
    fn inputs(&self) -> &[PortInfo] {
        self.0.inputs()
    }
    fn outputs(&self) -> &[PortInfo] {
        self.0.outputs()
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        self.0.set(index, 0, value);
    }
    fn settle(&mut self) {
        self.0.settle();
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        self.0.get(index, 0, value);
    }
    fn edge(&mut self) {
        self.0.edge();
    }
}

fn compare(first_seed: u64, count: u64, draws: usize, options: Options, clocks: usize) {
    let netlists: Vec<Netlist> = (first_seed..first_seed + count).map(|seed| random::netlist(seed, draws)).collect();
    let folder = tempfile::tempdir().unwrap();
    let program = Program::build(&netlists, options, folder.path()).unwrap();
    let compiled = program.run(Stimulus { seed: first_seed, clocks }).unwrap();
    for ((seed, netlist), compiled) in (first_seed..).zip(&netlists).zip(compiled) {
        let plain = nitro_simulator::Options { lanes: 1, trace: false, optimise: false };
        let mut interpreter = Plain(Interpreter::with_options(netlist, plain));
        let expected = Stimulus { seed, clocks }.hashes(&mut interpreter);
        let first = expected.iter().zip(&compiled).position(|(a, b)| a != b);
        assert_eq!(
            first,
            None,
            "netlist {seed} of {draws} draws differs in the 50 clocks from {} on",
            first.unwrap_or(0) * 50
        );
        assert_eq!(expected.len(), compiled.len());
    }
}

#[test]
fn random_netlists_agree_with_the_plain_interpreter() {
    compare(1000, 16, 60, Options { wide: false, ..Options::default() }, 500);
}

#[test]
fn regions_need_no_guards_and_no_optimiser_to_be_right() {
    compare(2000, 8, 60, Options { wide: false, guards: false, ..Options::default() }, 300);
    compare(3000, 8, 60, Options { wide: false, optimise: false, ..Options::default() }, 300);
}

#[test]
fn large_netlists_and_code_for_wide_vectors_agree() {
    compare(4000, 3, 700, Options::default(), 300);
}

#[test]
fn traces_change_no_output() {
    compare(5000, 4, 80, Options { wide: false, trace: true, ..Options::default() }, 300);
}

#[test]
fn what_cannot_be_compiled_is_an_error_with_a_name() {
    let mut netlist = random::netlist(1, 20);
    netlist.name = "broken".into();
    netlist.nodes[0].width = 0;
    let error = nitro_compiler::compile(&netlist, Options::default()).unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
}
