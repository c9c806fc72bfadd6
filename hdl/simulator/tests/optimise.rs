//! What the optimiser must find.

use nitro_netlist::Netlist;
use nitro_netlist::netlist::{Memory, MemoryId, Node, NodeId, Op, Port, Register, RegisterId, TraceSignal, Write};
use nitro_simulator::optimise;

/// A netlist of the nodes; the last one drives the output.
fn design(nodes: Vec<(Op, u32)>, registers: Vec<Register>) -> Netlist {
    let nodes: Vec<Node> = nodes.into_iter().map(|(op, width)| Node { op, width }).collect();
    let port = |(index, node): (usize, &Node)| Port {
        name: format!("p{index}"),
        width: node.width,
        node: NodeId(u32::try_from(index).unwrap_or(0)),
    };
    let inputs = nodes.iter().enumerate().filter(|(_, node)| matches!(node.op, Op::Input(_))).map(port).collect();
    let outputs = nodes.iter().enumerate().skip(nodes.len() - 1).map(port).collect();
    Netlist { name: "d".into(), nodes, inputs, outputs, registers, ..Netlist::default() }
}

fn output(netlist: &Netlist) -> &Op {
    &netlist.nodes[netlist.outputs[0].node.0 as usize].op
}

fn register(width: u32, value: u64, reset: Option<NodeId>, d: NodeId) -> Register {
    Register { path: "r".into(), width, reset_value: vec![value], reset, d }
}

#[test]
fn constants_fold_and_dead_logic_goes() {
    let netlist = design(
        vec![
            (Op::Input(0), 8),
            (Op::Constant(vec![200]), 8),
            (Op::Constant(vec![100]), 8),
            (Op::Mul(NodeId(0), NodeId(0)), 8),
            (Op::Add(NodeId(1), NodeId(2)), 8),
        ],
        Vec::new(),
    );
    let optimised = optimise(&netlist, false);
    assert_eq!(*output(&optimised), Op::Constant(vec![44]));
    // The input stays, being a port.
    assert_eq!(optimised.nodes.len(), 2);
}

#[test]
fn a_register_that_never_leaves_its_reset_value_is_a_constant() {
    // The second register only ever takes the value of the first, which holds itself.
    let registers = vec![register(8, 5, Some(NodeId(0)), NodeId(1)), register(8, 5, None, NodeId(1))];
    let netlist =
        design(vec![(Op::Input(0), 1), (Op::Register(RegisterId(0)), 8), (Op::Register(RegisterId(1)), 8)], registers);
    let optimised = optimise(&netlist, false);
    assert_eq!(*output(&optimised), Op::Constant(vec![5]));
    assert!(optimised.registers.is_empty());
    // From another reset value it changes once.
    let mut changing = netlist;
    changing.registers[1].reset_value = vec![6];
    assert_eq!(optimise(&changing, false).registers.len(), 1);
}

#[test]
fn slices_see_through_concatenations() {
    let netlist = design(
        vec![
            (Op::Input(0), 100),
            (Op::Input(1), 30),
            (Op::Concat(vec![NodeId(1), NodeId(0)]), 130),
            (Op::Slice { of: NodeId(2), offset: 40 }, 20),
        ],
        Vec::new(),
    );
    let optimised = optimise(&netlist, false);
    let Op::Slice { of, offset } = *output(&optimised) else { panic!("{:?}", output(&optimised)) };
    assert_eq!(optimised.nodes[of.0 as usize].op, Op::Input(0));
    assert_eq!(offset, 10);
}

#[test]
fn multiplexers_under_a_known_condition_collapse() {
    let mux =
        |select, then, otherwise| Op::Mux { select: NodeId(select), then: NodeId(then), otherwise: NodeId(otherwise) };
    let netlist = design(
        vec![
            (Op::Input(0), 1),
            (Op::Input(1), 9),
            (Op::Input(2), 9),
            (Op::Not(NodeId(0)), 1),
            (mux(3, 1, 2), 9),
            (mux(0, 4, 2), 9),
        ],
        Vec::new(),
    );
    // Below a set condition the inner one takes its other arm.
    let optimised = optimise(&netlist, false);
    assert_eq!(*output(&optimised), Op::Input(2));
}

#[test]
fn a_memory_that_nothing_reads_goes_unless_it_is_traced() {
    let mut netlist = design(
        vec![
            (Op::Input(0), 4),
            (Op::Input(1), 1),
            (Op::MemoryRead { memory: MemoryId(0), address: NodeId(0) }, 4),
            (Op::Not(NodeId(0)), 4),
        ],
        Vec::new(),
    );
    netlist.memories.push(Memory {
        path: "m".into(),
        width: 4,
        address_bits: 4,
        contents: Vec::new(),
        registered_reads: Vec::new(),
        writes: vec![Write { enable: NodeId(1), granularity: 4, address: NodeId(0), data: NodeId(0) }],
    });
    netlist.trace.push(TraceSignal { scope: Vec::new(), name: "word".into(), variants: Vec::new(), node: NodeId(2) });
    assert!(optimise(&netlist, false).memories.is_empty());
    let traced = optimise(&netlist, true);
    assert_eq!(traced.memories.len(), 1);
    assert!(matches!(traced.nodes[traced.trace[0].node.0 as usize].op, Op::MemoryRead { .. }));
}
