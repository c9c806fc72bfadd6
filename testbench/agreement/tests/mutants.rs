//! How good are the stimuli? Change one operation of a netlist at a time: random cases must notice.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use nitro_agreement::{Case, EngineKind, Lanes, RandomStimulus, Stimulus, Style, Subject, compare};
use nitro_components::{fifo, fifo_block, packet_fifo, spill, stream};
use nitro_netlist::Netlist;
use nitro_netlist::netlist::Op;
use nitro_simulator::validate::validate;
use nitro_simulator::{BlockEntry, Interpreter};
use rust_hdl::prelude::*;

type Beat = stream::Beat<64, 8, 4>;

const GROUPS: u64 = 4;
const CLOCKS: u32 = 300;
const LANES: usize = Style::ALL.len();

/// The netlist with one operation replaced by a similar one, if there is a similar one.
fn mutant(netlist: &Netlist, node: usize) -> Option<Netlist> {
    let mut mutant = netlist.clone();
    let op = &mut mutant.nodes[node].op;
    *op = match op.clone() {
        Op::And(left, right) | Op::Xor(left, right) => Op::Or(left, right),
        Op::Or(left, right) => Op::And(left, right),
        Op::Add(left, right) => Op::Sub(left, right),
        Op::Sub(left, right) => Op::Add(left, right),
        Op::Eq(left, right) => Op::Lt(left, right),
        Op::Lt(left, right) => Op::Lt(right, left),
        Op::Not(of) => Op::Slice { of, offset: 0 },
        Op::Mux { select, then, otherwise } => Op::Mux { select, then: otherwise, otherwise: then },
        Op::ReduceOr(of) => Op::ReduceAnd(of),
        Op::ReduceAnd(of) | Op::ReduceXor(of) => Op::ReduceOr(of),
        Op::Shl(of, amount) => Op::Shr(of, amount),
        Op::Shr(of, amount) => Op::Shl(of, amount),
        _ => return None,
    };
    validate(&mutant).is_ok().then_some(mutant)
}

fn is_noticed(subject: &Subject<'_>, mutant: &Netlist) -> bool {
    (0..GROUPS).any(|group| {
        let stimulus = |(lane, &style): (usize, &Style)| -> Box<dyn Stimulus> {
            let case = Case { seed: group * 100 + lane as u64, clocks: CLOCKS, style };
            Box::new(RandomStimulus::new(&case, subject.inputs()))
        };
        let mut stimuli: Vec<_> = Style::ALL.iter().enumerate().map(stimulus).collect();
        let lanes = |netlist| Lanes::Interpreter(Box::new(Interpreter::new(netlist, LANES)));
        let mut engines =
            [(EngineKind::Interpreted, lanes(subject.netlist())), (EngineKind::Interpreted, lanes(mutant))];
        compare(subject.name(), &mut engines, &mut stimuli).is_err()
    })
}

#[test]
fn random_cases_notice_nearly_every_changed_operation() {
    let entries = [
        BlockEntry::of("spill", spill::Spill::<Bits<8>>::default),
        BlockEntry::of("fifo", fifo::Fifo::<Beat, 4>::default),
        BlockEntry::of("fifo_block", fifo_block::FifoBlock::<Beat, 4>::default),
        BlockEntry::of("packet_fifo", packet_fifo::PacketFifo::<64, 8, 4, 5>::default),
    ];
    for entry in &entries {
        let subject = Subject::new(entry, &[]).unwrap();
        let netlist = subject.netlist();
        let mutants: Vec<Netlist> = (0..netlist.nodes.len()).filter_map(|node| mutant(netlist, node)).collect();
        let noticed = mutants.iter().filter(|mutant| is_noticed(&subject, mutant)).count();
        assert!(mutants.len() >= 5, "{}: {} mutants", entry.name, mutants.len());
        // Some mutants are equivalent to the original.
        assert!(noticed * 100 >= mutants.len() * 90, "{}: {noticed} of {}", entry.name, mutants.len());
    }
}
