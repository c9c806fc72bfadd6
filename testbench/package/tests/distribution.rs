//! Packages in the hands of programs that no package registry has: Icarus Verilog, and the distribution's Verilator and Yosys.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::Path;
use std::process::Command;

use nitro_card::catalogue::{card_entry, catalogue};
use nitro_card::config::Config;
use nitro_package::Package;
use nitro_tools::Tools;
use tempfile::TempDir;

fn written(name: &str) -> TempDir {
    let blocks = nitro_components::catalogue().into_iter().chain(catalogue(Config::Tiny));
    let block = blocks.chain([card_entry(Config::Tiny)]).find(|block| block.name == name).unwrap();
    let folder = tempfile::tempdir().unwrap();
    Package::new(&block.elaborate().unwrap(), Config::Tiny.name()).write(folder.path()).unwrap();
    folder
}

/// Runs a program in a folder; gives what it printed.
fn run(folder: &Path, mut command: Command, arguments: &[&str]) -> String {
    let output = command.args(arguments).current_dir(folder).output().unwrap_or_else(|error| {
        panic!("{:?}: {error}; this test needs the packages iverilog, verilator and yosys", command.get_program())
    });
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

#[test]
fn icarus_has_nothing_to_say_and_runs_the_example_with_unknown_states() {
    for name in ["card", "parser", "cast_to_bits"] {
        let folder = written(name);
        let (list, example) = (format!("{name}.f"), format!("example/{name}_example.v"));
        let said = run(
            folder.path(),
            Command::new("iverilog"),
            &["-g2005", "-Wall", "-o", "example.vvp", "-c", &list, &example],
        );
        assert_eq!(said, "", "{name}");
        let said = run(folder.path(), Command::new("vvp"), &["-n", "example.vvp"]);
        assert!(said.ends_with("PASS\n"), "{name}: {said}");
    }
}

#[test]
fn an_older_verilator_has_nothing_to_say() {
    let folder = written("card");
    let said = run(
        folder.path(),
        Command::new("verilator"),
        &["--lint-only", "-Wall", "--top-module", "card", "-f", "card.f"],
    );
    assert!(!said.contains("%Warning"), "{said}");
}

/// As the package's README says, with the distribution's Yosys, which has a Tcl that FuseSoC needs.
#[test]
fn fusesoc_simulates_in_icarus_and_synthesises() {
    let folder = written("responder_sum");
    let tools = Tools::locate().unwrap();
    // The environment's own Yosys has no Tcl.
    let fusesoc = || {
        let program = tools.program("fusesoc").get_program().to_owned();
        Command::new(program)
    };
    let arguments = |target| ["--cores-root", ".", "run", "--target", target, "nitro:card:responder_sum"];
    let said = run(folder.path(), fusesoc(), &arguments("sim"));
    assert!(said.contains("PASS"), "{said}");
    let said = run(folder.path(), fusesoc(), &arguments("synth"));
    let log = std::fs::read_to_string(folder.path().join("build/nitro_card_responder_sum_0.1.0/synth-yosys/yosys.log"));
    let log = log.unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(log.contains("TRELLIS_FF"), "{log}");
}

#[test]
fn benches_in_python_pass_in_icarus() {
    for name in ["spill_512", "packet_fifo_64", "parser", "card"] {
        let folder = written(name);
        let log =
            run(folder.path(), Tools::locate().unwrap().program("python3"), &["cocotb/run.py", "--sim", "icarus"]);
        assert!(log.contains(" 0 failed"), "{name}: {log}");
    }
}
