//! The compiled engine against the unoptimised interpreter on random netlists.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use nitro_compiler::Options;
use nitro_compiler::program::{Goal, Program};
use nitro_netlist::Netlist;
use nitro_simulator::random::Random;
use nitro_simulator::{Engine, Interpreter, PortInfo, image_words, random};

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

/// Random netlists side by side, as one program.
fn compare(first_seed: u64, count: u64, draws: usize, options: Options, clocks: usize) {
    let netlists: Vec<Netlist> = (first_seed..first_seed + count).map(|seed| random::netlist(seed, draws)).collect();
    let netlist = Netlist::side_by_side("netlists", &netlists);
    let mut compiled = Program::build(&netlist, options, Goal::Build).unwrap().start().unwrap();
    let plain = nitro_simulator::Options { lanes: 1, trace: false, optimise: false };
    let mut plain = Plain(Interpreter::with_options(&netlist, plain));
    let mut random = Random::new(first_seed);
    let (mut expected, mut found) = (vec![0; image_words(plain.outputs())], vec![0; image_words(plain.outputs())]);
    let mut image = vec![0; image_words(plain.inputs())];
    for clock in 0..clocks {
        let mut at = 0;
        for port in plain.inputs() {
            // Inputs mostly stay as they are, so that logic comes to rest now and then.
            if clock == 0 || random.word().is_multiple_of(4) {
                let value = random.value(u32::try_from(port.width).unwrap());
                image[at..at + port.words()].copy_from_slice(&value);
            }
            at += port.words();
        }
        plain.clock(&image, &mut expected);
        compiled.clock(&image, &mut found);
        assert_eq!(compiled.fault(), None);
        let mut at = 0;
        for port in plain.outputs() {
            let words = at..at + port.words();
            assert_eq!(
                found[words.clone()],
                expected[words],
                "output {} in clock {clock}; p<n> is netlist {first_seed} + n of {draws} draws",
                port.name
            );
            at += port.words();
        }
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
