//! The package's own README: every command that a user without Rust needs.

use std::fmt::Write as _;

use crate::{Contents, cocotb, pages};

/// The README.
pub fn readme(contents: &Contents<'_>) -> String {
    let (top, config, version) = (contents.top(), contents.config, contents.version);
    let mut text = format!(
        "# `{top}`

Verilog-2005 of a block of the nitro VPC network card, configuration `{config}`, version {version}. One clock, one synchronous reset, active high; no
parameters, no includes, no vendor primitives. Memories are written so that synthesis finds block RAM and distributed RAM.

Streams are AXI4-Stream: `tvalid` never waits for `tready` and never falls without a transfer; byte 0 of a packet is `tdata[7:0]`; `tkeep` is contiguous, and
partial on the last beat only. A stream without `tready` is taken in every clock in which it is valid.

| file | what |
|---|---|
| `{top}.f` | the Verilog files, modules before those that use them |
| `{top}.core` | the same for FuseSoC, with targets `lint`, `sim`, `sim_verilator`, `synth` |
| `docs/` | a page a module: constants, ports, parts |
| `example/{top}_example.v` | how to instantiate it; a test bench that checks itself |
"
    );
    if contents.ports.has_registers() {
        text.push_str("| `registers/` | the register map: C header, SystemRDL, Markdown, JSON |\n");
    }
    let has_cocotb = cocotb::files(top).next().is_some();
    if has_cocotb {
        text.push_str("| `cocotb/` | test benches in Python |\n");
    }
    let _ = write!(
        text,
        "
## Commands

In this folder. With FuseSoC 2:

    fusesoc --cores-root . run --target lint nitro:card:{top}
    fusesoc --cores-root . run --target sim nitro:card:{top}
    fusesoc --cores-root . run --target sim_verilator nitro:card:{top}
    fusesoc --cores-root . run --target synth nitro:card:{top}

The same by hand:

    verilator --lint-only -Wall --top-module {top} -f {top}.f
    iverilog -g2005 -Wall -o example.vvp -c {top}.f example/{top}_example.v && vvp example.vvp
    verilator --binary --timing -CFLAGS -std=c++20 --top-module {top}_example -f {top}.f example/{top}_example.v && obj_dir/V{top}_example
    yosys -p \"read_verilog $(tr '\\n' ' ' < {top}.f); synth_ecp5 -top {top} -json {top}.json\"

The example prints `PASS` at its end. Verilator is version 5 or newer.
"
    );
    if has_cocotb {
        text.push_str(
            "
The test benches in Python want cocotb 2, and Verilator 5.036 or newer or Icarus Verilog:

    python3 -m pip install -r cocotb/requirements.txt
    python3 cocotb/run.py --sim verilator
    python3 cocotb/run.py --sim icarus
",
        );
    }
    text.push_str("\n## Modules\n\n| module | what |\n|---|---|\n");
    for module in contents.design.modules().iter().rev() {
        let _ = writeln!(text, "| [`{0}`](docs/{0}.md) | {1} |", module.name, pages::text(module));
    }
    text
}
