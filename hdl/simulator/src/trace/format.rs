//! The text of a VCD file (IEEE 1364-2005, clause 18).

use std::io::{self, Write};

use nitro_netlist::netlist::{Netlist, TraceSignal};
use vcd::{TimescaleUnit, VarType};

/// One traced signal in the file.
pub(super) struct Signal {
    width: usize,
    /// Identifier of the value.
    id: String,
    /// Identifier of the value's name, and the names, for an enum.
    text: Option<(String, Vec<String>)>,
}

/// What changes at one clock: indices of signals, and their values one after another.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) clock: u64,
    /// Everything is dumped, being the first clock.
    pub(super) first: bool,
    pub(super) signals: Vec<u32>,
    pub(super) words: Vec<u64>,
}

/// Formats clock after clock.
pub(super) struct Formatter<W: Write> {
    output: W,
    signals: Vec<Signal>,
    clock_id: String,
    clock_nanoseconds: u64,
    line: Vec<u8>,
}

/// A scope with its own signals and those below, in order of first appearance.
#[derive(Default)]
struct Scope<'a> {
    signals: Vec<(usize, &'a TraceSignal)>,
    inner: Vec<(&'a str, Scope<'a>)>,
}

impl<'a> Scope<'a> {
    fn add(&mut self, path: &'a [String], position: usize, signal: &'a TraceSignal) {
        let Some((name, rest)) = path.split_first() else {
            self.signals.push((position, signal));
            return;
        };
        let known = self.inner.iter().position(|(known, _)| known == name);
        let at = known.unwrap_or_else(|| {
            self.inner.push((name, Scope::default()));
            self.inner.len() - 1
        });
        self.inner[at].1.add(rest, position, signal);
    }
}

impl<W: Write> Formatter<W> {
    /// Writes the header; `selected` are indices into the netlist's trace.
    pub(super) fn new(
        mut output: W,
        netlist: &Netlist,
        selected: &[usize],
        clock_nanoseconds: u32,
    ) -> io::Result<Self> {
        let mut top = Scope::default();
        for (position, &index) in selected.iter().enumerate() {
            let signal = &netlist.trace[index];
            top.add(&signal.scope, position, signal);
        }
        let mut text = Vec::new();
        let mut header = vcd::Writer::new(&mut text);
        header.timescale(1, TimescaleUnit::NS)?;
        header.add_module(if netlist.name.is_empty() { "top" } else { &netlist.name })?;
        let clock_id = header.add_wire(1, "clock")?.to_string();
        let mut signals: Vec<Option<Signal>> = selected.iter().map(|_| None).collect();
        declare(&mut header, netlist, &top, &mut signals)?;
        header.upscope()?;
        header.enddefinitions()?;
        output.write_all(&text)?;
        Ok(Self {
            output,
            signals: signals.into_iter().flatten().collect(),
            clock_id,
            clock_nanoseconds: u64::from(clock_nanoseconds),
            line: Vec::new(),
        })
    }

    /// Writes one clock: the rising edge with all changes, then the falling edge.
    pub(super) fn clock(&mut self, changes: &Changes) -> io::Result<()> {
        let time = changes.clock * self.clock_nanoseconds;
        let line = &mut self.line;
        line.clear();
        writeln!(line, "#{time}")?;
        if changes.first {
            line.extend_from_slice(b"$dumpvars\n");
        }
        writeln!(line, "1{}", self.clock_id)?;
        let mut words = &changes.words[..];
        for &index in &changes.signals {
            let signal = &self.signals[index as usize];
            let (value, rest) = words.split_at(signal.width.div_ceil(64));
            words = rest;
            write_value(line, signal, value)?;
        }
        if changes.first {
            line.extend_from_slice(b"$end\n");
        }
        writeln!(line, "#{}\n0{}", time + self.clock_nanoseconds / 2, self.clock_id)?;
        self.output.write_all(line)
    }

    /// Marks the end of the last clock and gives the output back.
    pub(super) fn finish(mut self, clocks: Option<u64>) -> io::Result<W> {
        if let Some(last) = clocks {
            writeln!(self.output, "#{}", (last + 1) * self.clock_nanoseconds)?;
        }
        self.output.flush()?;
        Ok(self.output)
    }
}

fn declare<W: Write>(
    header: &mut vcd::Writer<W>,
    netlist: &Netlist,
    scope: &Scope<'_>,
    signals: &mut [Option<Signal>],
) -> io::Result<()> {
    for &(position, signal) in &scope.signals {
        let width = netlist.nodes[signal.node.0 as usize].width;
        let id = header.add_wire(width, &signal.name)?.to_string();
        let text = if signal.variants.is_empty() {
            None
        } else {
            let id = header.add_var(VarType::String, 1, &format!("{}_text", signal.name), None)?;
            Some((id.to_string(), signal.variants.clone()))
        };
        signals[position] = Some(Signal { width: width as usize, id, text });
    }
    for (name, inner) in &scope.inner {
        header.add_module(name)?;
        declare(header, netlist, inner, signals)?;
        header.upscope()?;
    }
    Ok(())
}

/// The binary digits of every byte: most of a trace is wide values.
const DIGITS: [[u8; 8]; 256] = digits();

const fn digits() -> [[u8; 8]; 256] {
    let mut table = [[b'0'; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            if byte >> (7 - bit) & 1 == 1 {
                table[byte][bit] = b'1';
            }
            bit += 1;
        }
        byte += 1;
    }
    table
}

fn write_value(line: &mut Vec<u8>, signal: &Signal, value: &[u64]) -> io::Result<()> {
    if signal.width == 1 {
        writeln!(line, "{}{}", value[0] & 1, signal.id)?;
    } else {
        // A reader extends with zeros on the left, so those are left out.
        line.push(b'b');
        let top = value.iter().rposition(|&word| word != 0).unwrap_or(0);
        write!(line, "{:b}", value[top])?;
        for word in value[..top].iter().rev() {
            for byte in word.to_be_bytes() {
                line.extend_from_slice(&DIGITS[usize::from(byte)]);
            }
        }
        writeln!(line, " {}", signal.id)?;
    }
    if let Some((id, names)) = &signal.text {
        match names.get(crate::words::to_index(value[0])) {
            Some(name) => writeln!(line, "s{name} {id}")?,
            None => writeln!(line, "sinvalid_{} {id}", value[0])?,
        }
    }
    Ok(())
}
