//! The interpreter against a naive evaluator, on random netlists and random stimulus.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod common;

use common::{Reference, bits, words};
use nitro_netlist::Netlist;
use nitro_netlist::netlist::{Memory, MemoryId, Node, NodeId, Op, Port, RegisteredRead, Write};
use nitro_netlist::primitive::ReadDuringWrite;
use nitro_simulator::random::{Draw, Random, build, netlist};
use nitro_simulator::validate::validate;
use nitro_simulator::{Interpreter, Options, RestoreError, optimise};
use proptest::prelude::*;

/// New values for some inputs of a lane: they hold at times, so that logic comes to rest.
fn stimulate(random: &mut Random, interpreter: &mut Interpreter, lane: usize, reference: &mut Reference<'_>) {
    if random.below(3) == 0 {
        return;
    }
    for input in 0..interpreter.inputs().len() {
        if random.below(3) > 0 {
            let width = interpreter.inputs()[input].width;
            let value = random.value(u32::try_from(width).unwrap());
            interpreter.set(input, lane, &value);
            reference.inputs[input] = bits(&value, width);
        }
    }
}

fn read(interpreter: &Interpreter, output: usize, lane: usize) -> Vec<u64> {
    let mut value = vec![0; interpreter.outputs()[output].width.div_ceil(64)];
    interpreter.get(output, lane, &mut value);
    value
}

/// Runs every lane with its own stimulus against its own reference and compares all outputs and traced signals.
fn check(netlist: &Netlist, options: Options, clocks: usize, seed: u64) -> Result<(), TestCaseError> {
    validate(netlist).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let mut interpreter = Interpreter::with_options(netlist, options);
    let mut references: Vec<_> = (0..options.lanes).map(|_| Reference::new(netlist)).collect();
    let mut random = Random::new(seed);
    for clock in 0..clocks {
        for (lane, reference) in references.iter_mut().enumerate() {
            stimulate(&mut random, &mut interpreter, lane, reference);
            reference.settle();
        }
        interpreter.settle();
        for (lane, reference) in references.iter().enumerate() {
            for (output, port) in netlist.outputs.iter().enumerate() {
                let expected = words(reference.value(port.node));
                prop_assert_eq!(
                    read(&interpreter, output, lane),
                    expected,
                    "output {} of lane {} in clock {}",
                    output,
                    lane,
                    clock
                );
            }
            for index in 0..interpreter.trace_signals() {
                let expected = words(reference.value(netlist.trace[index].node));
                let mut value = vec![0; expected.len()];
                interpreter.trace_value(index, lane, &mut value);
                prop_assert_eq!(value, expected, "{} of lane {} in clock {}", netlist.trace[index].name, lane, clock);
            }
        }
        // What an output shows is as of the settling, whatever changes afterwards.
        let settled: Vec<_> = (0..netlist.outputs.len()).map(|output| read(&interpreter, output, 0)).collect();
        interpreter.edge();
        references.iter_mut().for_each(Reference::edge);
        for (output, settled) in settled.into_iter().enumerate() {
            prop_assert_eq!(read(&interpreter, output, 0), settled);
        }
    }
    Ok(())
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let draw =
        (any::<u8>(), any::<u16>(), any::<[u32; 3]>()).prop_map(|(kind, width, choices)| Draw { kind, width, choices });
    prop::collection::vec(draw, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn one_lane_agrees(draws in draws(), seed: u64) {
        check(&build(&draws), Options::default(), 12, seed)?;
    }

    #[test]
    fn many_lanes_agree(draws in draws(), seed: u64, lanes in 2_usize..6) {
        check(&build(&draws), Options { lanes, ..Options::default() }, 8, seed)?;
    }

    #[test]
    fn traced_and_unoptimised_agree(draws in draws(), seed: u64) {
        check(&build(&draws), Options { trace: true, ..Options::default() }, 8, seed)?;
        check(&build(&draws), Options { trace: true, optimise: false, ..Options::default() }, 8, seed)?;
    }

    #[test]
    fn the_optimiser_keeps_netlists_well_formed(draws in draws()) {
        let netlist = build(&draws);
        for trace in [false, true] {
            let optimised = optimise(&netlist, trace);
            prop_assert!(validate(&optimised).is_ok(), "{:?}", validate(&optimised));
            prop_assert_eq!(optimised.inputs.len(), netlist.inputs.len());
            prop_assert_eq!(optimised.outputs.len(), netlist.outputs.len());
        }
    }

    #[test]
    fn snapshots_replay(draws in draws(), seed: u64) {
        let netlist = build(&draws);
        let mut interpreter = Interpreter::new(&netlist, 2);
        let mut reference = Reference::new(&netlist);
        let mut random = Random::new(seed);
        let mut run = |interpreter: &mut Interpreter, random: &mut Random| {
            let mut seen = Vec::new();
            for _ in 0..6 {
                for lane in 0..2 {
                    stimulate(random, interpreter, lane, &mut reference);
                }
                interpreter.settle();
                seen.extend((0..netlist.outputs.len()).flat_map(|output| [0, 1].map(|lane| read(interpreter, output, lane))));
                interpreter.edge();
            }
            seen
        };
        run(&mut interpreter, &mut random);
        let (snapshot, then) = (interpreter.snapshot(), random.clone());
        let first = run(&mut interpreter, &mut random);
        interpreter.restore(&snapshot).unwrap();
        prop_assert_eq!(run(&mut interpreter, &mut then.clone()), first);
    }

    #[test]
    fn a_forked_lane_goes_on_like_its_origin(draws in draws(), seed: u64) {
        let netlist = build(&draws);
        let mut interpreter = Interpreter::new(&netlist, 3);
        let mut reference = Reference::new(&netlist);
        let mut random = Random::new(seed);
        for clock in 0..12 {
            for lane in 0..3 {
                // After the fork lane 2 gets the stimulus of lane 0.
                let mut same = random.clone();
                stimulate(&mut random, &mut interpreter, lane, &mut reference);
                if clock >= 6 && lane == 0 {
                    stimulate(&mut same, &mut interpreter, 2, &mut reference);
                }
                if clock >= 6 && lane == 1 {
                    break;
                }
            }
            interpreter.settle();
            if clock >= 6 {
                for output in 0..netlist.outputs.len() {
                    prop_assert_eq!(read(&interpreter, output, 0), read(&interpreter, output, 2));
                }
            }
            interpreter.edge();
            if clock == 5 {
                interpreter.fork(0, 2);
            }
        }
    }
}

#[test]
fn large_netlists_agree() {
    for seed in 0..4 {
        check(&netlist(seed, 600), Options { lanes: 2, ..Options::default() }, 10, seed).unwrap();
    }
}

#[test]
fn a_snapshot_of_another_interpreter_is_refused() {
    let netlist = netlist(1, 20);
    let snapshot = Interpreter::new(&netlist, 1).snapshot();
    assert_eq!(Interpreter::new(&netlist, 1).restore(&snapshot), Err(RestoreError));
}

/// With its operands at rest a memory still reads its own write a clock later.
#[test]
fn a_memory_at_rest_reads_what_it_wrote() {
    let one = |op, width| Node { op, width };
    let netlist = Netlist {
        name: "rest".into(),
        nodes: vec![
            one(Op::Constant(vec![1]), 1),
            one(Op::Constant(vec![3]), 4),
            one(Op::Constant(vec![99]), 8),
            one(Op::MemoryData { memory: MemoryId(0), port: 0 }, 8),
            one(Op::MemoryRead { memory: MemoryId(0), address: NodeId(1) }, 8),
        ],
        outputs: [3, 4].map(|node| Port { name: format!("o{node}"), width: 8, node: NodeId(node) }).to_vec(),
        memories: vec![Memory {
            path: "m".into(),
            width: 8,
            address_bits: 4,
            contents: Vec::new(),
            registered_reads: vec![RegisteredRead {
                enable: NodeId(0),
                address: NodeId(1),
                during_write: ReadDuringWrite::Old,
            }],
            writes: vec![Write { enable: NodeId(0), granularity: 8, address: NodeId(1), data: NodeId(2) }],
        }],
        ..Netlist::default()
    };
    let mut interpreter = Interpreter::new(&netlist, 1);
    let mut seen = Vec::new();
    for _ in 0..3 {
        interpreter.settle();
        seen.push([0, 1].map(|output| read(&interpreter, output, 0)[0]));
        interpreter.edge();
    }
    assert_eq!(seen, [[0, 0], [0, 99], [99, 99]]);
}
