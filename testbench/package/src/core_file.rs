//! The FuseSoC core description (CAPI2).

use crate::Contents;

/// Targets to lint, to simulate with two simulators, and to synthesise.
pub fn core_file(contents: &Contents<'_>) -> String {
    let (top, version, config) = (contents.top(), contents.version, contents.config);
    let sources: String = contents.sources.iter().map(|name| format!("      - {name}\n")).collect();
    format!(
        "CAPI=2:

name: nitro:card:{top}:{version}
description: Block {top} of the nitro VPC network card, configuration {config}

filesets:
  rtl:
    files:
{sources}    file_type: verilogSource-2005
  example:
    files:
      - example/{top}_example.v
    file_type: verilogSource-2005

targets:
  default: &default
    filesets: [rtl]
    toplevel: {top}
  lint:
    <<: *default
    description: Every warning of Verilator
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wall]
  sim: &sim
    filesets: [rtl, example]
    toplevel: {top}_example
    description: The example in Icarus Verilog
    default_tool: icarus
    tools:
      icarus:
        iverilog_options: [-g2005]
  sim_verilator:
    <<: *sim
    description: The example in Verilator 5
    default_tool: verilator
    tools:
      verilator:
        mode: binary
        verilator_options: [--timing, -O3, -CFLAGS, -std=c++20]
  synth:
    <<: *default
    description: Netlist for Lattice ECP5 in Yosys
    default_tool: yosys
    tools:
      yosys:
        arch: ecp5
        output_format: json
"
    )
}
