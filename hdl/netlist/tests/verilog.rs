//! The shape of the Verilog. That it means the same as the netlist, and that no tool complains, is tested for every block of the project
//! by the agreement harness.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests may panic; the derive of rust_hdl makes undocumented items"
)]

mod common;

use common::blocks::{Memory, Register};
use nitro_netlist::elaborate;
use nitro_netlist::primitive::ReadDuringWrite;
use rust_hdl::prelude::*;

#[derive(Clone, Debug, Default, LogicBlock)]
struct Stage {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub enable: Signal<In, Bit>,
    pub i: Signal<In, Bits<8>>,
    pub o: Signal<Out, Bits<8>>,
    state: Register<Bits<8>>,
}

impl Logic for Stage {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.state.reset.next = self.reset.val();
        if self.enable.val() {
            self.state.d.next = bit_cast::<8, 4>(self.i.val().get_bits::<4>(4));
        }
        self.o.next = self.state.q.val();
    }
}

#[derive(LogicBlock, Default)]
struct Pipeline {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub enable: Signal<In, Bit>,
    pub i: Signal<In, Bits<8>>,
    pub o: Signal<Out, Bits<8>>,
    stage: [Stage; 3],
}

impl Logic for Pipeline {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..3 {
            self.stage[i].clock.next = self.clock.val();
            self.stage[i].reset.next = self.reset.val();
            self.stage[i].enable.next = self.enable.val();
        }
        self.stage[0].i.next = self.i.val();
        self.stage[1].i.next = self.stage[0].o.val();
        self.stage[2].i.next = self.stage[1].o.val() ^ self.stage[0].o.val();
        self.o.next = self.stage[2].o.val();
    }
}

const STAGE: &str = "\
`default_nettype none

module stage (
    input  wire clock,
    input  wire reset,
    input  wire enable,
    input  wire [7:0] i,
    output wire [7:0] o
);
    reg [7:0] state_q;

    initial state_q = 8'h0;
    always @(posedge clock) begin
        if (reset) begin
            state_q <= 8'h0;
        end else begin
            if (enable) begin
                state_q <= {4'h0, i[7:4]};
            end
        end
    end

    assign o = state_q;

    // Bits that nothing reads.
    (* unused *) wire unused;
    assign unused = &{1'b0, i[3:0]};
endmodule

`default_nettype wire
";

#[test]
fn one_readable_module_a_distinct_block() {
    let verilog = elaborate(&Pipeline::default(), "pipeline").unwrap().verilog();
    let names: Vec<_> = verilog.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((names, verilog.top.as_str()), (vec!["stage.v", "pipeline.v"], "pipeline"));
    assert_eq!(verilog.files[0].text, STAGE);
    let top = &verilog.files[1].text;
    assert_eq!(top.matches("    stage stage_").count(), 3, "{top}");
    assert!(
        top.contains("assign stage_2_i = stage_1_o ^ stage_0_o;") || top.contains("stage_0_o ^ stage_1_o"),
        "{top}"
    );
    assert!(!verilog.text().contains('$'));
}

#[derive(LogicBlock, Default)]
struct Shared {
    pub a: Signal<In, Bits<64>>,
    pub o: Signal<Out, Bits<64>>,
    t: Signal<Local, Bits<64>>,
}

impl Logic for Shared {
    #[hdl_gen]
    fn update(&mut self) {
        self.t.next = self.a.val();
        for _i in 0..40 {
            self.t.next = self.t.val() + (self.t.val() ^ self.a.val());
        }
        self.o.next = self.t.val();
    }
}

#[test]
fn shared_expressions_are_written_once() {
    let text = elaborate(&Shared::default(), "shared").unwrap().verilog().text();
    assert!(text.len() < 10_000, "{} characters", text.len());
    assert!(text.lines().all(|line| line.len() <= 120), "{text}");
}

#[test]
fn memories_in_the_form_that_synthesis_knows() {
    let print = |during_write| {
        let memory = Memory::<16, 2, 4>::new(during_write, &[3]);
        elaborate(&memory, "memory").unwrap().verilog().text()
    };
    let old = print(ReadDuringWrite::Old);
    assert!(old.contains("reg [15:0] core [0:15];"), "{old}");
    assert!(old.contains("core_read_data <= core[read_address];"), "{old}");
    assert!(old.contains("core[write_address][7:0] <= write_data[7:0];"), "{old}");
    assert!(old.contains("core[0] = 16'h3;"), "{old}");
    assert!(!old.contains("core_read_data[7:0] <="), "{old}");
    let new = print(ReadDuringWrite::New);
    assert!(new.contains("if (write_enable[0] & (write_address == read_address)) begin"), "{new}");
    assert!(new.contains("core_read_data[7:0] <= write_data[7:0];"), "{new}");
}
