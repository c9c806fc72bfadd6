//! The real tools on small designs: what they accept, what they refuse, and what they measure.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::sync::Arc;

use nitro_simulator::{Engine, PortInfo, image_words};
use nitro_tools::{
    Effort, PlaceAndRoute, Placed, Synthesised, Technology, ToolError, Tools, VerilatedModel, VerilogDesign,
};

/// A register of 100 bits that adds, a product through a register, and a memory with a registered read port.
const DESIGN: &str = "
module top (
    input wire clock,
    input wire reset,
    input wire [99:0] a,
    input wire [2:0] address__0,
    input wire write,
    output wire [99:0] sum,
    output wire [99:0] next,
    output reg [39:0] word,
    output reg [31:0] product
);
    reg [99:0] sum_q;
    initial sum_q = 100'd5;
    always @(posedge clock) begin
        if (reset) sum_q <= 100'd5;
        else sum_q <= sum_q + a;
    end
    assign sum = sum_q;
    assign next = sum_q + a;
    initial product = 32'd0;
    always @(posedge clock) product <= a[15:0] * {16'd0, a[31:16]};
    reg [39:0] memory [0:7];
    integer index;
    initial begin
        for (index = 0; index < 8; index = index + 1) memory[index] = 40'd0;
        word = 40'd0;
    end
    always @(posedge clock) begin
        word <= memory[address__0];
        if (write) memory[address__0] <= a[39:0];
    end
endmodule
";

fn port(name: &str, width: usize) -> PortInfo {
    PortInfo { name: name.to_owned(), width }
}

fn model(text: &str) -> Result<VerilatedModel, ToolError> {
    let inputs = [port("reset", 1), port("a", 100), port("address__0", 3), port("write", 1)];
    let outputs = [port("sum", 100), port("next", 100), port("word", 40), port("product", 32)];
    let design = VerilogDesign { top: "top", text, clock: Some("clock"), inputs: &inputs, outputs: &outputs };
    let library = Tools::locate().unwrap().verilator().library(&design, Effort::Build)?;
    Ok(library.instantiate())
}

fn read(engine: &VerilatedModel, index: usize) -> u128 {
    let mut words = vec![0; engine.outputs()[index].width.div_ceil(64)];
    engine.get(index, &mut words);
    words.iter().rev().fold(0, |value, word| (value << 64) | u128::from(*word))
}

#[test]
fn a_verilated_model_counts_clocks_and_carries_wide_values() {
    let mut engine = model(DESIGN).unwrap();
    engine.settle();
    assert_eq!(read(&engine, 0), 5);
    let a = (1_u128 << 99) + 3;
    engine.set(1, &[3, 1 << 35]);
    engine.settle();
    assert_eq!((read(&engine, 0), read(&engine, 1)), (5, a + 5));
    engine.edge();
    engine.edge(); // Two edges without a look in between are two edges.
    engine.settle();
    assert_eq!(read(&engine, 0), 11, "the top bit wraps around");
    engine.set(0, &[1]);
    engine.edge();
    engine.settle();
    assert_eq!(read(&engine, 0), 5);
}

#[test]
fn inputs_set_after_an_edge_are_those_of_the_next_clock() {
    let mut engine = model(DESIGN).unwrap();
    engine.set(3, &[1]);
    engine.set(2, &[6]);
    engine.set(1, &[0x12_3456_789a, 0]);
    engine.edge();
    engine.set(3, &[0]);
    engine.set(1, &[0xffff, 0]);
    engine.settle();
    assert_eq!(read(&engine, 2), 0, "a read of the written address gives the old word");
    engine.edge();
    engine.settle();
    assert_eq!(read(&engine, 2), 0x12_3456_789a);
}

#[test]
fn a_whole_clock_at_once_is_the_same_as_its_steps() {
    let (mut whole, mut steps) = (model(DESIGN).unwrap(), model(DESIGN).unwrap());
    let words = image_words(whole.outputs());
    assert_eq!((image_words(whole.inputs()), words), (5, 6));
    let (mut found, mut expected) = (vec![u64::MAX; words], vec![0; words]);
    let mut random = nitro_simulator::random::Random::new(1);
    for clock in 0..200 {
        let inputs = [u64::from(clock % 50 == 49), random.word(), random.word() >> 28, random.word() >> 61, clock % 2];
        // Mixed with single steps now and then.
        if clock % 7 == 3 {
            steps.set(0, &[1]);
            steps.edge();
            whole.set(0, &[1]);
            whole.edge();
        }
        whole.clock(&inputs, &mut found);
        steps.set(0, &inputs[..1]);
        steps.set(1, &inputs[1..3]);
        steps.set(2, &inputs[3..4]);
        steps.set(3, &inputs[4..]);
        steps.settle();
        steps.get(0, &mut expected[..2]);
        steps.get(1, &mut expected[2..4]);
        steps.get(2, &mut expected[4..5]);
        steps.get(3, &mut expected[5..]);
        steps.edge();
        assert_eq!(found, expected, "clock {clock}");
    }
}

#[test]
fn the_distributions_verilator_runs_the_same_models() {
    let tools = Tools::locate().unwrap();
    let Some(verilator) = tools.system_verilator().unwrap() else { return };
    assert!(verilator.release().unwrap().starts_with("5."));
    let text = "module top(input wire [99:0] a, output wire [99:0] y); assign y = ~a; endmodule";
    let (inputs, outputs) = ([port("a", 100)], [port("y", 100)]);
    let design = VerilogDesign { top: "top", text, clock: None, inputs: &inputs, outputs: &outputs };
    let mut engine = verilator.library(&design, Effort::Build).unwrap().instantiate();
    let mut outputs = [0; 2];
    engine.clock(&[5, 1], &mut outputs);
    assert_eq!(outputs, [!5, !1 & 0xf_ffff_ffff]);
}

#[test]
fn models_are_independent_and_may_move_between_threads() {
    let mut first = model(DESIGN).unwrap();
    let second = model(DESIGN).unwrap();
    first.set(1, &[1, 0]);
    let first = std::thread::spawn(move || {
        (0..10).for_each(|_| first.edge());
        first.settle();
        first
    })
    .join()
    .unwrap();
    assert_eq!((read(&first, 0), read(&second, 0)), (15, 5));
}

#[test]
fn concurrent_builds_of_one_design_make_one_library() {
    let target = tempfile::tempdir_in(nitro_tools::target_directory().unwrap()).unwrap();
    let tools = Tools::locate().unwrap();
    // Tools as installed, with a cache of models of their own.
    let verilator = tools.verilator().with_cache(target.path());
    let text = "module top(input wire [8:0] a, output wire [8:0] y); assign y = ~a; endmodule";
    let (inputs, outputs) = ([port("a", 9)], [port("y", 9)]);
    let design = VerilogDesign { top: "top", text, clock: None, inputs: &inputs, outputs: &outputs };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut engine = verilator.library(&design, Effort::Build).unwrap().instantiate();
                engine.set(0, &[0x155]);
                engine.settle();
                assert_eq!(read(&engine, 0), 0xaa);
                engine.edge();
            });
        }
    });
    let left = std::fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = left.filter(|path| path.is_dir()).collect();
    assert_eq!(folders.len(), 2, "the runtime and one model, no leftovers: {folders:?}");
    let first = verilator.library(&design, Effort::Build).unwrap();
    assert_eq!(Arc::strong_count(&first), 1);
}

#[test]
fn lint_accepts_clean_verilog_and_refuses_any_warning() {
    let verilator = Tools::locate().unwrap().verilator();
    let top = "module top(input wire a, output wire y); part part(.a(a), .y(y)); endmodule\n";
    let part = "module part(input wire a, output wire y); assign y = ~a; endmodule\n";
    verilator.lint(&[("part.v", part), ("top.v", top)], "top").unwrap();
    let unused = "module top(input wire a, input wire b, output wire y); assign y = ~a; endmodule\n";
    match verilator.lint(&[("top.v", unused)], "top") {
        Err(ToolError::Lint { top, output, .. }) => {
            assert_eq!(top, "top");
            assert!(output.contains("UNUSEDSIGNAL") && output.contains("'b'"), "{output}");
        }
        other => panic!("expected a lint error, got {other:?}"),
    }
}

#[test]
fn a_port_list_that_differs_from_the_verilog_is_refused() {
    let error = model(&DESIGN.replace("[99:0] next", "[98:0] next")).unwrap_err();
    assert!(error.to_string().contains("WIDTHTRUNC"), "{error}");
    let renamed = DESIGN.replace("next", "later");
    let error = model(&renamed).unwrap_err();
    assert_eq!(error.to_string(), "the Verilog of `top` and its port list disagree: the Verilog has no port `next`");
}

#[test]
fn yosys_finds_the_memory_and_no_fault() {
    let checked = Tools::locate().unwrap().yosys().check(DESIGN, "top").unwrap();
    assert_eq!(checked.memories, 1);
    assert_eq!(checked.cells.get("$mul"), Some(&1), "{checked:?}");
}

#[test]
fn yosys_refuses_latches_undriven_wires_loops_and_double_drivers() {
    let yosys = Tools::locate().unwrap().yosys();
    let faulty = [
        "module top(input wire e, input wire a, output reg y); always @* if (e) y = a; endmodule",
        "module top(input wire a, output wire y); wire z; assign y = a & z; endmodule",
        "module top(input wire a, output wire y); wire z; assign z = y ^ a; assign y = ~z; endmodule",
        "module top(input wire a, input wire b, output wire y); assign y = a; assign y = b; endmodule",
        "module top(input wire a, output wire y); missing m(.a(a), .y(y)); endmodule",
        "module other(input wire a, output wire y); assign y = a; endmodule",
        "module top(input wire a, output wire y) assign y = a; endmodule",
    ];
    for text in faulty {
        match yosys.check(text, "top") {
            Err(ToolError::Yosys { output, .. } | ToolError::YosysWarning { output, .. }) => {
                assert!(!output.is_empty(), "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_large_memory_that_fits_no_ram_is_refused() {
    let verilog = |words: u32| {
        format!(
            "module top(input wire clock, input wire [1:0] write, input wire [19:0] address, input wire [15:0] data,
                output wire [31:0] both);
            reg [15:0] word;
            reg [15:0] memory [0:{}];
            always @(posedge clock) begin
                word <= memory[address[9:0]];
                if (write[0]) memory[address[9:0]] <= data;
                if (write[1]) memory[address[19:10]] <= ~data;
            end
            reg [15:0] other;
            always @(posedge clock) other <= memory[address[19:10]];
            assign both = {{other, word}};
            endmodule",
            words - 1
        )
    };
    let yosys = Tools::locate().unwrap().yosys();
    match yosys.check(&verilog(1024), "top") {
        Err(ToolError::UnmappedMemories { memories, .. }) => assert_eq!(memories, ["top/memory"]),
        other => panic!("old words through the other port: {other:?}"),
    }
    assert_eq!(yosys.check(&verilog(16), "top").unwrap().memories, 1);
    let read_at_once = |words: u32| {
        format!(
            "module top(input wire clock, input wire write, input wire [9:0] address, input wire [15:0] data, output wire [15:0] word);
            reg [15:0] memory [0:{}];
            always @(posedge clock) if (write) memory[address] <= data;
            assign word = memory[address];
            endmodule",
            words - 1
        )
    };
    match yosys.check(&read_at_once(1024), "top") {
        Err(ToolError::UnmappedMemories { memories, .. }) => assert_eq!(memories, ["top/memory"]),
        other => panic!("1,024 words within the clock: {other:?}"),
    }
    assert_eq!(yosys.check(&read_at_once(256), "top").unwrap().memories, 1, "distributed RAM");
}

#[test]
fn modules_count_with_their_parts() {
    let text = "module top(input wire clock, input wire [7:0] a, output wire [7:0] y);
            wire [3:0] low, high;
            half one(.clock(clock), .a(a[3:0]), .y(low));
            half two(.clock(clock), .a(a[7:4]), .y(high));
            reg [7:0] q;
            always @(posedge clock) q <= {low, high};
            assign y = q;
        endmodule
        module half(input wire clock, input wire [3:0] a, output wire [3:0] y);
            reg [3:0] q;
            always @(posedge clock) q <= a;
            assign y = q;
        endmodule";
    let areas = Tools::locate().unwrap().yosys().synthesise_modules(text, "top", Technology::Ecp5).unwrap();
    let shown: Vec<_> = areas.iter().map(|module| (module.depth, module.name.as_str(), module.area.ff)).collect();
    assert_eq!(shown, [(0, "top", 16), (1, "half", 4)]);
}

#[test]
fn synthesis_counts_cells_and_place_and_route_gives_a_frequency() {
    let tools = Tools::locate().unwrap();
    let mapped = tools.yosys().synthesise(DESIGN, "top", Technology::Ecp5).unwrap();
    assert!(mapped.area.ff >= 100 && mapped.area.carry >= 50, "{:?}", mapped.area);
    assert_eq!(mapped.area.multiplier, 1);
    assert!(mapped.logic_depth >= 10, "{}", mapped.logic_depth);
    assert!(mapped.netlist().exists());
    let placed = tools.nextpnr().place_and_route(&mapped, &PlaceAndRoute::default()).unwrap();
    assert!(placed.fmax_mhz.unwrap() > 50.0, "{placed:?}");
    assert_eq!(placed.utilisation["MULT18X18D"].used, 1);
    assert!(!placed.critical_path.is_empty());
}

#[test]
fn every_technology_counts_registers_memories_and_the_depth_of_logic() {
    let text = "module top(input wire clock, input wire [9:0] address, input wire [17:0] data, input wire write, output reg [17:0] q);
        reg [17:0] memory [0:1023];
        reg [17:0] read;
        always @(posedge clock) begin
            if (write) memory[address] <= data;
            read <= memory[address];
            q <= read ^ {data[0], data[17:1]};
        end
    endmodule";
    let yosys = Tools::locate().unwrap().yosys();
    for technology in Technology::ALL {
        let mapped = yosys.synthesise(text, "top", technology).unwrap();
        let area = &mapped.area;
        // Where block RAMs are too narrow or too short, some logic stands around several of them.
        let (rams, most) = if technology == Technology::Ice40 { (5, 80) } else { (1, 36) };
        assert_eq!(area.block_ram, rams, "{technology:?} {area:?}");
        assert!((18..=most).contains(&area.lut), "{technology:?} {area:?}");
        assert!((18..=most).contains(&area.ff), "{technology:?} {area:?}");
        assert!((1..=3).contains(&mapped.logic_depth), "{technology:?} {}", mapped.logic_depth);
        assert!(mapped.verilog().unwrap().contains("module top"), "{technology:?}");
        assert_eq!(place(&mapped).is_ok(), technology == Technology::Ecp5, "{technology:?}");
    }
}

fn place(mapped: &Synthesised) -> Result<Placed, ToolError> {
    Tools::locate().unwrap().nextpnr().place_and_route(mapped, &PlaceAndRoute::default())
}
