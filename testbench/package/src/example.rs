//! The example: a test bench in plain Verilog that instantiates the top, resets it, and looks whether it is alive.

use std::fmt::Write as _;

use crate::Contents;
use crate::ports::range;

/// Clocks of the check.
const CLOCKS: u32 = 200;
/// The register `ID`.
const ID: u32 = 0x4e49_5452;

/// A module that ends the simulation by itself, and says `PASS` or why not.
pub fn test_bench(contents: &Contents<'_>) -> String {
    let (top, ports) = (contents.top(), &contents.ports);
    let mut text = format!(
        "// How to instantiate `{top}`, and a check that it is alive: after reset every output that controls a transfer is known{}.
// Ends by itself and prints PASS or FAIL.

`default_nettype none

module {top}_example;
",
        if ports.has_registers() { ",\n// and the register ID answers over AXI4-Lite" } else { "" }
    );
    if ports.clock().is_some() {
        text.push_str("    reg clock = 1'b0;\n    always #4 clock = ~clock;\n\n");
    }
    if ports.has("reset") {
        text.push_str("    reg reset = 1'b1;\n");
    }
    for input in ports.inputs() {
        let _ = writeln!(text, "    reg {}{} = {}'h0;", range(input.width), input.name, input.width);
    }
    for output in ports.outputs() {
        let _ = writeln!(text, "    wire {}{};", range(output.width), output.name);
    }
    let connections: Vec<_> = ports.signals().map(|port| format!("        .{0}({0})", port.name)).collect();
    let _ = writeln!(text, "\n    {top} dut (\n{}\n    );\n", connections.join(",\n"));
    let controls: Vec<_> = ports.controls().map(|port| port.name.as_str()).collect();
    let known = match controls.as_slice() {
        [] => "1'b1".to_owned(),
        names => format!("^{{{}}} !== 1'bx", names.join(", ")),
    };
    let step = if ports.clock().is_some() { "@(posedge clock); #1;" } else { "#8;" };
    text.push_str("    integer failures = 0;\n");
    if ports.has_registers() {
        text.push_str(REGISTER_READ);
    }
    let _ = writeln!(text, "    integer step = 0;\n    initial begin\n        repeat (4) begin {step} end");
    if ports.has("reset") {
        text.push_str("        reset = 1'b0;\n");
    }
    let _ = writeln!(
        text,
        "        for (step = 0; step < {CLOCKS}; step = step + 1) begin
            {step}
            if (!({known})) failures = failures + 1;
        end"
    );
    if ports.has_registers() {
        let _ = writeln!(
            text,
            "        read_register(12'h000);
        $display(\"ID is %h\", control_rdata);
        if (control_rdata !== 32'h{ID:08x}) failures = failures + 1;"
        );
    }
    let _ = writeln!(
        text,
        "        if (failures == 0) $display(\"PASS\");
        else $display(\"FAIL: %0d failures\", failures);
        $finish;
    end
endmodule

`default_nettype wire"
    );
    text
}

/// Leaves the value in `control_rdata` until the next clock.
const REGISTER_READ: &str = "
    task read_register(input [11:0] address);
        begin
            control_araddr = address;
            control_arvalid = 1'b1;
            while (control_arready !== 1'b1) begin @(posedge clock); #1; end
            @(posedge clock); #1;
            control_arvalid = 1'b0;
            while (control_rvalid !== 1'b1) begin @(posedge clock); #1; end
            control_rready = 1'b1;
        end
    endtask

";
