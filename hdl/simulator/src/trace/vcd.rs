//! VCD files (IEEE 1364-2005, clause 18).

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use vcd::{IdCode, TimescaleUnit, VarType};

use super::batch::Changes;
use super::layout::{Layout, Scope};
use super::writer::Sink;
use super::{PROGRAM, digits};

/// Text that is kept before it is written.
const BUFFER: usize = 1 << 20;

/// One value in the file.
#[derive(Clone, Debug, Default)]
struct Signal {
    /// What follows a value: its identifier code, and for more than a bit the space before it.
    ending: Vec<u8>,
    /// For an enum the identifier code of the value's name, and the list of names, by index.
    texts: Vec<(String, usize)>,
}

/// A VCD file under way.
pub(super) struct VcdSink {
    file: File,
    layout: Arc<Layout>,
    signals: Vec<Signal>,
    clock_id: IdCode,
    clock_nanoseconds: u64,
    started: bool,
    text: Vec<u8>,
}

impl VcdSink {
    /// Writes the header.
    pub(super) fn new(file: File, layout: Arc<Layout>, clock_nanoseconds: u32) -> io::Result<Self> {
        let mut text = Vec::with_capacity(BUFFER);
        let mut header = vcd::Writer::new(&mut text);
        header.version(PROGRAM)?;
        header.timescale(1, TimescaleUnit::NS)?;
        header.add_module(&layout.top)?;
        let clock_id = header.add_wire(1, "clock")?;
        let mut declarations = Declarations {
            header,
            layout: &layout,
            ids: vec![None; layout.values.len()],
            texts: HashMap::new(),
            signals: vec![Signal::default(); layout.values.len()],
        };
        declarations.declare(&layout.scope)?;
        let Declarations { mut header, signals, .. } = declarations;
        header.upscope()?;
        header.enddefinitions()?;
        let clock_nanoseconds = u64::from(clock_nanoseconds);
        Ok(Self { file, layout, signals, clock_id, clock_nanoseconds, started: false, text })
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

/// Writes the declarations; names of one value share its identifier code.
struct Declarations<'a, W: Write> {
    header: vcd::Writer<W>,
    layout: &'a Layout,
    ids: Vec<Option<IdCode>>,
    /// Codes of the names of enums, by value and list of names.
    texts: HashMap<(usize, usize), IdCode>,
    signals: Vec<Signal>,
}

impl<W: Write> Declarations<'_, W> {
    fn declare(&mut self, scope: &Scope) -> io::Result<()> {
        for signal in &scope.signals {
            let width = self.layout.values[signal.value].width;
            match self.ids[signal.value] {
                Some(id) => self.header.var_def(VarType::Wire, width, id, &signal.name, None)?,
                None => {
                    let id = self.header.add_wire(width, &signal.name)?;
                    self.ids[signal.value] = Some(id);
                    let space = if width == 1 { "" } else { " " };
                    self.signals[signal.value].ending = format!("{space}{id}\n").into_bytes();
                }
            }
            let Some(variants) = signal.variants else { continue };
            let name = format!("{}_text", signal.name);
            match self.texts.get(&(signal.value, variants)) {
                Some(&id) => self.header.var_def(VarType::String, 1, id, &name, None)?,
                None => {
                    let id = self.header.add_var(VarType::String, 1, &name, None)?;
                    self.texts.insert((signal.value, variants), id);
                    self.signals[signal.value].texts.push((id.to_string(), variants));
                }
            }
        }
        for (name, inner) in &scope.inner {
            self.header.add_module(name)?;
            self.declare(inner)?;
            self.header.upscope()?;
        }
        Ok(())
    }
}

impl Sink for VcdSink {
    /// The rising edge with all changes, then the falling edge.
    fn clock(&mut self, changes: &Changes<'_>) -> io::Result<()> {
        let time = changes.clock * self.clock_nanoseconds;
        let first = !std::mem::replace(&mut self.started, true);
        let text = &mut self.text;
        writeln!(text, "#{time}")?;
        if first {
            text.extend_from_slice(b"$dumpvars\n");
        }
        writeln!(text, "1{}", self.clock_id)?;
        for (index, width, value) in changes.iter() {
            let signal = &self.signals[index];
            if width == 1 {
                text.push(b'0' + u8::from(value[0] & 1 == 1));
            } else {
                text.push(b'b');
                digits::short(value, text);
            }
            text.extend_from_slice(&signal.ending);
            for (id, variants) in &signal.texts {
                match self.layout.variant(*variants, value[0]) {
                    Some(name) => writeln!(text, "s{name} {id}")?,
                    None => writeln!(text, "sinvalid_{} {id}", value[0])?,
                }
            }
        }
        if first {
            text.extend_from_slice(b"$end\n");
        }
        writeln!(text, "#{}\n0{}", time + self.clock_nanoseconds / 2, self.clock_id)?;
        if self.text.len() >= BUFFER { self.write() } else { Ok(()) }
    }

    /// Marks the end of the last clock.
    fn finish(mut self: Box<Self>, last: Option<u64>) -> io::Result<()> {
        if let Some(last) = last {
            writeln!(self.text, "#{}", (last + 1) * self.clock_nanoseconds)?;
        }
        self.write()
    }
}
