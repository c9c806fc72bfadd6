//! Prints memories in the form that synthesis maps to block or distributed RAM.
//!
//! A registered read is a block of its own, apart from the writes: it returns the old word. A read of the new word
//! takes the bits that are being written over it. All writes of a memory stand in one block, in order, so that the last one wins.

use std::fmt::Write as _;

use super::emit::Printer;
use super::syntax::{literal, range, select};
use crate::design::{MemoryCell, ReadCell, SignalId};
use crate::netlist::{NodeId, Op};
use crate::primitive::{ReadDuringWrite, ReadTiming};

/// Whether the read port returns words that are written at the same edge.
pub(super) fn is_bypassed(read: &ReadCell) -> bool {
    read.timing == ReadTiming::Registered(ReadDuringWrite::New)
}

pub(super) fn print(printer: &mut Printer<'_>) {
    for memory in &printer.body().memories {
        array(printer, memory);
        for read in &memory.reads {
            read_port(printer, memory, read);
        }
        writes(printer, memory);
        printer.text.push('\n');
    }
}

/// The array and its power-up contents.
fn array(printer: &mut Printer<'_>, memory: &MemoryCell) {
    let (name, width) = (&memory.name, memory.width);
    let words = 1_u64 << memory.address_bits;
    let _ = writeln!(printer.state, "    reg {}{name} [0:{}];", range(width), words - 1);
    let block = printer.plan.fresh(&format!("{name}_init"));
    let index = printer.plan.fresh(&format!("{name}_index"));
    // FPGAs power up with zeros anyway, and a loop over thousands of wide words keeps synthesis busy for minutes.
    let is_zero = memory.contents.is_empty();
    if is_zero {
        printer.statement(0, "`ifndef SYNTHESIS");
    }
    printer.statement(4, &format!("initial begin : {block}"));
    if (memory.contents.len() as u64) < words {
        printer.statement(8, &format!("integer {index};"));
        let header = format!("for ({index} = 0; {index} < {words}; {index} = {index} + 1) begin");
        printer.statement(8, &header);
        printer.statement(12, &format!("{name}[{index}] = {};", literal(&[], width)));
        printer.statement(8, "end");
    }
    for (address, word) in memory.contents.iter().enumerate() {
        printer.statement(8, &format!("{name}[{address}] = {};", literal(word, width)));
    }
    printer.statement(4, "end");
    if is_zero {
        printer.statement(0, "`endif");
    }
}

/// The register or wire that holds a port's whole word, and the leaf signals that take their bits from it.
fn data_name(printer: &mut Printer<'_>, memory: &MemoryCell, read: &ReadCell) -> String {
    match read.data[..] {
        [single] => printer.body().signal(single).name.clone(),
        _ => printer.plan.fresh(&format!("{}_{}word", memory.name, read.prefix)),
    }
}

fn fields(printer: &mut Printer<'_>, memory: &MemoryCell, word: &str, data: &[SignalId]) {
    if data.len() < 2 {
        return;
    }
    let mut offset = 0;
    for &field in data {
        let signal = printer.body().signal(field);
        printer.wire(&signal.name, signal.width);
        let bits = printer.read(word, memory.width, offset, signal.width);
        printer.statement(4, &format!("assign {} = {bits};", signal.name));
        offset += signal.width;
    }
}

fn read_port(printer: &mut Printer<'_>, memory: &MemoryCell, read: &ReadCell) {
    let word = data_name(printer, memory, read);
    let address = printer.value(read.address);
    let Some(enable) = read.enable else {
        printer.wire(&word, memory.width);
        printer.statement(4, &format!("assign {word} = {}[{address}];", memory.name));
        fields(printer, memory, &word, &read.data);
        return;
    };
    let (clock, enable) = (printer.clock(), printer.value(enable));
    printer.reg(&word, memory.width, true);
    printer.statement(4, &format!("initial {word} = {};", literal(&[], memory.width)));
    printer.statement(4, &format!("always @(posedge {clock}) begin"));
    printer.statement(8, &format!("if ({enable}) begin"));
    printer.statement(12, &format!("{word} <= {}[{address}];", memory.name));
    if is_bypassed(read) {
        bypass(printer, memory, read, &word);
    }
    printer.statement(8, "end");
    printer.statement(4, "end");
    fields(printer, memory, &word, &read.data);
}

/// Takes what is being written to the word that is being read. Synthesis knows this form of a transparent read port.
fn bypass(printer: &mut Printer<'_>, memory: &MemoryCell, read: &ReadCell, word: &str) {
    for write in &memory.writes {
        let (written, wanted) = (printer.operand(write.address), printer.operand(read.address));
        for group in 0..memory.width / write.granularity {
            let set = enable_bit(printer, write.enable, group);
            let low = group * write.granularity;
            let value = data_bits(printer, write.data, low, write.granularity);
            let condition =
                if write.address == read.address { set } else { format!("{set} & ({written} == {wanted})") };
            printer.statement(12, &format!("if ({condition}) begin"));
            printer.statement(16, &format!("{} <= {value};", select(word, memory.width, low, write.granularity)));
            printer.statement(12, "end");
        }
    }
}

fn enable_bit(printer: &mut Printer<'_>, enable: NodeId, group: u32) -> String {
    if printer.body().nodes[enable.0 as usize].width == 1 {
        printer.operand(enable)
    } else {
        printer.bits(enable, group, 1)
    }
}

fn data_bits(printer: &mut Printer<'_>, data: NodeId, low: u32, width: u32) -> String {
    let node = &printer.body().nodes[data.0 as usize];
    if low == 0 && width == node.width && !matches!(node.op, Op::Input(_)) {
        return printer.value(data);
    }
    printer.bits(data, low, width)
}

fn writes(printer: &mut Printer<'_>, memory: &MemoryCell) {
    if memory.writes.is_empty() {
        return;
    }
    let clock = printer.clock();
    printer.statement(4, &format!("always @(posedge {clock}) begin"));
    for write in &memory.writes {
        let address = printer.value(write.address);
        for group in 0..memory.width / write.granularity {
            let set = enable_bit(printer, write.enable, group);
            let low = group * write.granularity;
            let value = data_bits(printer, write.data, low, write.granularity);
            let target = select(&format!("{}[{address}]", memory.name), memory.width, low, write.granularity);
            printer.statement(8, &format!("if ({set}) begin"));
            printer.statement(12, &format!("{target} <= {value};"));
            printer.statement(8, "end");
        }
    }
    printer.statement(4, "end");
}
