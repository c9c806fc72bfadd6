//! Wrong rules, planted in the netlist of a card: the check must find them, and cut the case short.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeSet;
use std::time::Instant;

use nitro_card::config::Config;
use nitro_check::whole::netlist;
use nitro_check::{Case, Soak, check, check_on};
use nitro_netlist::Netlist;
use nitro_netlist::netlist::{Node, NodeId, Op};
use nitro_simulator::InterpretedEngine;
use nitro_simulator::validate::validate;

/// Packets in which a wrong rule must have shown.
const PACKETS: u64 = 30_000;

fn operands(op: &Op) -> Vec<NodeId> {
    match op {
        Op::Not(a) | Op::ReduceAnd(a) | Op::ReduceOr(a) | Op::ReduceXor(a) | Op::Slice { of: a, .. } => vec![*a],
        Op::And(a, b) | Op::Or(a, b) | Op::Xor(a, b) | Op::Add(a, b) | Op::Sub(a, b) | Op::Mul(a, b) => vec![*a, *b],
        Op::Eq(a, b) | Op::Lt(a, b) | Op::Shl(a, b) | Op::Shr(a, b) => vec![*a, *b],
        Op::Mux { select, then, otherwise } => vec![*select, *then, *otherwise],
        Op::Concat(parts) => parts.clone(),
        _ => Vec::new(),
    }
}

fn op(netlist: &Netlist, id: NodeId) -> &Op {
    &netlist.nodes[id.0 as usize].op
}

/// What the next values of the registers of these paths are computed from within a clock.
fn cone(netlist: &Netlist, path: impl Fn(&str) -> bool) -> BTreeSet<NodeId> {
    let mut due: Vec<NodeId> =
        netlist.registers.iter().filter(|register| path(&register.path)).map(|register| register.d).collect();
    assert!(!due.is_empty(), "there is no such register");
    let mut cone = BTreeSet::new();
    while let Some(id) = due.pop() {
        if cone.insert(id) {
            due.extend(operands(op(netlist, id)));
        }
    }
    cone
}

/// The netlist with a change that is made somewhere.
fn plant(name: &str, change: impl FnOnce(&mut Netlist) -> usize) -> Netlist {
    let mut planted = netlist(Config::Tiny).clone();
    let places = change(&mut planted);
    assert!(places > 0, "{name}: there is no place to plant it");
    validate(&planted).unwrap();
    planted
}

/// `>` in the place of every `>=` (or `<` of `<=`) of 16 bits before these registers.
fn strict_compare(netlist: &mut Netlist, path: impl Fn(&str) -> bool) -> usize {
    let mut places = 0;
    for id in cone(netlist, path) {
        if let Op::Not(of) = *op(netlist, id)
            && let Op::Lt(a, b) = *op(netlist, of)
            && netlist.nodes[a.0 as usize].width == 16
        {
            netlist.nodes[id.0 as usize].op = Op::Lt(b, a);
            places += 1;
        }
    }
    places
}

/// Runs random cards until one differs. The case that is left fails on the planted card, and passes on the right one.
fn is_found(name: &str, planted: &Netlist) -> Case {
    let start = Instant::now();
    let engine = InterpretedEngine::new(planted);
    let soak = Soak { config: Config::Tiny, cards: PACKETS / 150, packets: PACKETS, seed: 2 };
    let found = soak.run(|| Ok(engine.clone()), |_| ()).expect_err(name);
    println!(
        "{name}: found after {:.1} s, {} packets left: {}",
        start.elapsed().as_secs_f64(),
        found.packets,
        found.difference
    );
    assert!(check_on(&found.case, engine).is_err(), "{name}: the case that is left passes");
    check(&found.case).unwrap_or_else(|error| panic!("{name}: the case fails on the right card, too: {error}"));
    assert!(found.packets <= 25, "{name}: {} packets are left", found.packets);
    *found.case
}

#[test]
fn greater_instead_of_greater_or_equal_in_security_groups() {
    let name = "security group ports";
    let planted =
        plant(name, |netlist| strict_compare(netlist, |path| path.contains("column") && path.contains("compared")));
    is_found(name, &planted);
}

#[test]
fn greater_instead_of_greater_or_equal_in_acls() {
    let name = "ACL ports";
    let planted =
        plant(name, |netlist| strict_compare(netlist, |path| path.contains("nacl") && path.ends_with("rest")));
    is_found(name, &planted);
}

#[test]
fn the_first_rule_of_an_acl_does_not_win() {
    let name = "ACL priority";
    let planted = plant(name, |netlist| {
        let mut places = 0;
        for id in cone(netlist, |path| path.contains("nacl") && path.ends_with("denied")) {
            if let Op::And(a, b) = *op(netlist, id) {
                let lowest = |id| matches!(op(netlist, id), Op::Add(..));
                let hits = if lowest(b) { a } else { b };
                if lowest(a) || lowest(b) {
                    netlist.nodes[id.0 as usize].op = Op::Slice { of: hits, offset: 0 };
                    places += 1;
                }
            }
        }
        places
    });
    is_found(name, &planted);
}

#[test]
fn an_established_connection_gets_the_timeout_of_a_new_one() {
    let name = "timeout";
    let planted = plant(name, |netlist| {
        let constant = |id: NodeId| match op(netlist, id) {
            Op::Constant(words) => Some(words[0]),
            _ => None,
        };
        let is_choice = |node: &Node| match node.op {
            // `tcp_established` and `tcp_transient`.
            Op::Mux { then, otherwise, .. } => {
                node.width == 3 && [constant(then), constant(otherwise)] == [Some(1), Some(0)]
            }
            _ => false,
        };
        let places: Vec<usize> = (0..netlist.nodes.len()).filter(|&node| is_choice(&netlist.nodes[node])).collect();
        for place in &places {
            netlist.nodes[*place].op = Op::Constant(vec![0]);
        }
        places.len()
    });
    is_found(name, &planted);
}

#[test]
fn connections_are_not_refreshed() {
    let name = "refresh";
    let planted = plant(name, |netlist| {
        let never = NodeId(u32::try_from(netlist.nodes.len()).unwrap());
        netlist.nodes.push(Node { op: Op::Constant(vec![0]), width: 1 });
        let registers = netlist.registers.iter_mut().filter(|register| register.path.ends_with("refresh.asked_valid"));
        registers.map(|register| register.d = never).count()
    });
    is_found(name, &planted);
}
