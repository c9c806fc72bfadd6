//! FST files, the compressed format of GTKWave.
//!
//! `fst-writer` writes everything but the names: it knows no attributes, which tables of an enum's names are. So the section of
//! names that it writes stays without names and is marked as one to skip, and the real one ([`Hierarchy`]) follows as the
//! file's last section, where the format's own library has it, too.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;

use fst_writer::{
    FstBodyWriter, FstFileType, FstHeaderWriter, FstInfo, FstScopeType, FstSignalId, FstSignalType, FstVarDirection,
    FstVarType, FstWriteError,
};

use super::batch::Changes;
use super::fst_hierarchy::Hierarchy;
use super::layout::{Layout, Scope};
use super::writer::Sink;
use super::{PROGRAM, digits};

/// Changes in bytes that are kept before a section is written: sections of this size compress well and a viewer loads them one by
/// one.
const SECTION_BYTES: usize = 64 << 20;

/// Where the section of names begins: after the header, whose length the format fixes.
const HIERARCHY_POSITION: u64 = 330;
/// Section types.
const HIERARCHY_LZ4: u8 = 6;
const SKIP: u8 = 255;

/// An FST file under way.
pub(super) struct FstSink {
    body: FstBodyWriter<BufWriter<File>>,
    hierarchy: Vec<u8>,
    clock: FstSignalId,
    ids: Vec<FstSignalId>,
    clock_nanoseconds: u64,
    section_bytes: usize,
    text: Vec<u8>,
}

fn io_error(error: FstWriteError) -> io::Error {
    match error {
        FstWriteError::Io(error) => error,
        other => io::Error::other(other),
    }
}

impl FstSink {
    /// Declares the signals.
    pub(super) fn new(file: File, layout: Arc<Layout>, clock_nanoseconds: u32) -> io::Result<Self> {
        Self::with_sections(file, &layout, clock_nanoseconds, SECTION_BYTES)
    }

    fn with_sections(file: File, layout: &Layout, clock_nanoseconds: u32, section_bytes: usize) -> io::Result<Self> {
        let info = FstInfo {
            start_time: 0,
            timescale_exponent: -9,
            version: PROGRAM.to_owned(),
            // The same run gives the same file.
            date: String::new(),
            file_type: FstFileType::Verilog,
        };
        let header = FstHeaderWriter::new(BufWriter::with_capacity(1 << 20, file), &info).map_err(io_error)?;
        let mut declarations =
            Declarations { header, hierarchy: Hierarchy::new(layout), layout, ids: vec![None; layout.values.len()] };
        let clock = declarations.open(&layout.top, |declarations| {
            let (clock, _) = declarations.signal("clock", 1, None, None)?;
            declarations.declare(&layout.scope)?;
            Ok(clock)
        })?;
        let Declarations { header, hierarchy, ids, .. } = declarations;
        let mut body = header.finish().map_err(io_error)?;
        // Only changes come here.
        body.set_deduplicate(false);
        Ok(Self {
            body,
            hierarchy: hierarchy.finish(),
            clock,
            ids: ids.into_iter().flatten().map(|(id, _)| id).collect(),
            clock_nanoseconds: u64::from(clock_nanoseconds),
            section_bytes,
            text: Vec::new(),
        })
    }
}

/// A signal's number, as both know it.
type Id = (FstSignalId, u64);

/// Declares signals twice: to the writer of values, which numbers them, and by name.
struct Declarations<'a> {
    header: FstHeaderWriter<BufWriter<File>>,
    hierarchy: Hierarchy,
    layout: &'a Layout,
    ids: Vec<Option<Id>>,
}

impl Declarations<'_> {
    fn open<R>(&mut self, name: &str, inside: impl FnOnce(&mut Self) -> io::Result<R>) -> io::Result<R> {
        self.header.scope("", "", FstScopeType::Module).map_err(io_error)?;
        self.hierarchy.scope(name);
        let result = inside(self)?;
        self.header.up_scope().map_err(io_error)?;
        self.hierarchy.up();
        Ok(result)
    }

    fn signal(&mut self, name: &str, width: u32, variants: Option<usize>, known: Option<Id>) -> io::Result<Id> {
        let (kind, alias) = (FstSignalType::bit_vec(width), known.map(|(id, _)| id));
        let id = self.header.var("", kind, FstVarType::Wire, FstVarDirection::Implicit, alias).map_err(io_error)?;
        let number = self.hierarchy.signal(name, width, variants, known.map(|(_, number)| number));
        Ok((id, number))
    }

    fn declare(&mut self, scope: &Scope) -> io::Result<()> {
        for signal in &scope.signals {
            let width = self.layout.values[signal.value].width;
            let id = self.signal(&signal.name, width, signal.variants, self.ids[signal.value])?;
            self.ids[signal.value] = Some(id);
        }
        for (name, inner) in &scope.inner {
            self.open(name, |declarations| declarations.declare(inner))?;
        }
        Ok(())
    }
}

impl Sink for FstSink {
    /// The rising edge with all changes, then the falling edge.
    fn clock(&mut self, changes: &Changes<'_>) -> io::Result<()> {
        let time = changes.clock * self.clock_nanoseconds;
        if self.body.size() >= self.section_bytes {
            // A section ends right before a new time, or not at all.
            self.body.flush().map_err(io_error)?;
        }
        self.body.time_change(time).map_err(io_error)?;
        self.body.signal_change(self.clock, b"1").map_err(io_error)?;
        for (index, width, value) in changes.iter() {
            self.text.clear();
            digits::full(value, width, &mut self.text);
            self.body.signal_change(self.ids[index], &self.text).map_err(io_error)?;
        }
        self.body.time_change(time + self.clock_nanoseconds / 2).map_err(io_error)?;
        self.body.signal_change(self.clock, b"0").map_err(io_error)
    }

    /// Marks the end of the last clock, and adds the names.
    fn finish(mut self: Box<Self>, last: Option<u64>) -> io::Result<()> {
        if let Some(last) = last {
            self.body.time_change((last + 1) * self.clock_nanoseconds).map_err(io_error)?;
        }
        let mut output = self.body.finish().map_err(io_error)?;
        output.seek(SeekFrom::Start(HIERARCHY_POSITION))?;
        output.write_all(&[SKIP])?;
        output.seek(SeekFrom::End(0))?;
        let compressed = lz4_flex::block::compress(&self.hierarchy);
        output.write_all(&[HIERARCHY_LZ4])?;
        // The section's length counts the two lengths.
        output.write_all(&(compressed.len() as u64 + 16).to_be_bytes())?;
        output.write_all(&(self.hierarchy.len() as u64).to_be_bytes())?;
        output.write_all(&compressed)?;
        output.flush()
    }
}
