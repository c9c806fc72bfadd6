//! Packages in other people's hands: FuseSoC, Verilator, slang, the SystemRDL compiler, cocotb, as the package's README calls them.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use nitro_card::catalogue::{card_entry, catalogue};
use nitro_card::config::Config;
use nitro_package::Package;
use nitro_simulator::BlockEntry;
use nitro_tools::Tools;
use tempfile::TempDir;

/// A block of the smallest card, or that card.
fn block(name: &str) -> BlockEntry {
    if name == "card" {
        return card_entry(Config::Tiny);
    }
    let blocks = nitro_components::catalogue().into_iter().chain(catalogue(Config::Tiny));
    blocks.into_iter().find(|block| block.name == name).unwrap()
}

fn package(name: &str) -> Package {
    Package::new(&block(name).elaborate().unwrap(), Config::Tiny.name())
}

fn written(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    package(name).write(folder.path()).unwrap();
    folder
}

/// Runs a program in a folder; gives what it printed, all of it if it failed.
fn run(folder: &Path, mut command: Command, arguments: &[&str]) -> String {
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

fn files(package: &Package) -> BTreeMap<&str, &str> {
    package.files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect()
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let [first, second] = [package("card"), package("card")];
    assert_eq!(first, second);
    assert_eq!(files(&first).len(), first.files.len(), "no file stands there twice");
}

/// What is in the files of a card of another size differs only in modules that have a size, and in those that instantiate them.
#[test]
fn a_module_that_is_the_same_has_the_same_file() {
    let tiny = package("card");
    let edge = Package::new(&card_entry(Config::Edge).elaborate().unwrap(), Config::Edge.name());
    let (tiny, edge) = (files(&tiny), files(&edge));
    let same = |path: &str| tiny.get(path).is_some_and(|text| edge.get(path) == Some(text));
    for path in ["parser.v", "control_axi_lite.v", "responder_too_big_64_8.v", "fifo_turn_2.v", "registers/registers.h"]
    {
        assert!(same(path), "{path}");
    }
    assert!(tiny.contains_key("conntrack_3_2_4_1.v") && !edge.contains_key("conntrack_3_2_4_1.v"));
}

#[test]
fn fusesoc_lints_and_simulates_a_block_and_a_card() {
    let tools = Tools::locate().unwrap();
    for (name, shown) in [("fifo_16", "PASS"), ("cast_to_bits", "PASS"), ("card", "ID is 4e495452")] {
        let folder = written(name);
        let core = format!("nitro:card:{name}");
        for target in ["lint", "sim_verilator"] {
            let log =
                run(folder.path(), tools.program("fusesoc"), &["--cores-root", ".", "run", "--target", target, &core]);
            assert!(!log.contains("%Warning"), "{name}: {log}");
            assert!(target == "lint" || log.contains(shown) && log.contains("PASS"), "{name}: {log}");
        }
    }
}

#[test]
fn the_register_map_is_systemrdl() {
    let folder = written("card");
    let script = "import sys; from systemrdl import RDLCompiler
compiler = RDLCompiler(); compiler.compile_file(sys.argv[1]); root = compiler.elaborate()
nodes = [node for node in root.descendants() if type(node).__name__ == 'RegNode']
print(len(nodes), [hex(node.raw_absolute_address) for node in nodes if node.inst_name == 'COUNTER_SELECT'])";
    let shown =
        run(folder.path(), Tools::locate().unwrap().program("python3"), &["-c", script, "registers/registers.rdl"]);
    assert!(shown.ends_with("['0xb0']\n"), "{shown}");
}

#[test]
fn benches_in_python_pass() {
    let tools = Tools::locate().unwrap();
    for name in ["spill_512", "packet_fifo_64", "parser", "card"] {
        let folder = written(name);
        let log = run(folder.path(), tools.program("python3"), &["cocotb/run.py", "--sim", "verilator"]);
        assert!(log.contains(" 0 failed"), "{name}: {log}");
    }
}

/// The benches are no ornament: a parser that finds another hop limit does not pass.
#[test]
fn benches_in_python_find_a_planted_fault() {
    let folder = written("parser");
    let path = folder.path().join("parser.v");
    let text = std::fs::read_to_string(&path).unwrap();
    let planted =
        text.replace("assign tx_hop_limit = packet_q_hop_limit;", "assign tx_hop_limit = packet_q_hop_limit | 8'h40;");
    assert_ne!(planted, text);
    std::fs::write(&path, planted).unwrap();
    let mut command = Tools::locate().unwrap().program("python3");
    let output = command.args(["cocotb/run.py", "--sim", "verilator"]).current_dir(folder.path()).output().unwrap();
    let log = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("parser: 4 tests in verilator, 2 failed"), "{log}");
}
