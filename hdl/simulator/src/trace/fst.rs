//! FST files, the compressed format of GTKWave.
//!
//! `fst-writer` writes everything but the names: it knows no attributes, which tables of an enum's names are. So it is
//! given no names, and the section of names that it writes is replaced ([`Hierarchy`]) before any values follow.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
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

/// Type of the section of names.
const HIERARCHY_LZ4: u8 = 6;

/// An FST file under way.
pub(super) struct FstSink {
    body: FstBodyWriter<BufWriter<File>>,
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
        let mut same_file = file.try_clone()?;
        let header = FstHeaderWriter::new(BufWriter::with_capacity(1 << 20, file), &info).map_err(io_error)?;
        let mut declarations =
            Declarations { header, hierarchy: Hierarchy::new(layout), layout, ids: vec![None; layout.values.len()] };
        let clock = declarations.open(&layout.top, |declarations| {
            let (clock, _) = declarations.signal("clock", 1, None, None)?;
            declarations.declare(&layout.scope)?;
            Ok(clock)
        })?;
        let Declarations { header, hierarchy, ids, .. } = declarations;
        // This ends with a seek, so that nothing is left in the buffer.
        let mut body = header.finish().map_err(io_error)?;
        replace_hierarchy(&mut same_file, &hierarchy.finish())?;
        // Only changes come here.
        body.set_deduplicate(false);
        Ok(Self {
            body,
            clock,
            ids: ids.into_iter().flatten().map(|(id, _)| id).collect(),
            clock_nanoseconds: u64::from(clock_nanoseconds),
            section_bytes,
            text: Vec::new(),
        })
    }
}

/// Puts another section of names in the place of the one that the file has. The file is left at its end.
fn replace_hierarchy(file: &mut File, names: &[u8]) -> io::Result<()> {
    let mut content = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut content)?;
    let mut replaced = Vec::with_capacity(content.len() + names.len());
    let mut rest = &content[..];
    // A section is its type, its length (which counts itself), and its content.
    while let Some((&kind, after)) = rest.split_first() {
        let length = after
            .first_chunk()
            .map(|length| u64::from_be_bytes(*length))
            .and_then(|length| usize::try_from(length).ok());
        let section = length.and_then(|length| rest.get(..1 + length));
        let Some(section) = section else {
            return Err(io::Error::other("the file's sections are not what `fst-writer` is known to write"));
        };
        if kind == HIERARCHY_LZ4 {
            let compressed = lz4_flex::block::compress(names);
            replaced.push(HIERARCHY_LZ4);
            replaced.extend((compressed.len() as u64 + 16).to_be_bytes());
            replaced.extend((names.len() as u64).to_be_bytes());
            replaced.extend(compressed);
        } else {
            replaced.extend(section);
        }
        rest = &rest[section.len()..];
    }
    file.rewind()?;
    file.write_all(&replaced)?;
    file.set_len(replaced.len() as u64)
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

    /// Marks the end of the last clock.
    fn finish(mut self: Box<Self>, last: Option<u64>) -> io::Result<()> {
        if let Some(last) = last {
            self.body.time_change((last + 1) * self.clock_nanoseconds).map_err(io_error)?;
        }
        self.body.finish().map_err(io_error)?.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A panic is how a test fails.
    use super::super::batch::Batch;
    use super::*;
    use crate::random::{Random, netlist};
    use crate::words::to_u32;

    /// The types of a file's sections.
    fn sections(mut content: &[u8]) -> Vec<u8> {
        let mut types = Vec::new();
        while let Some((kind, rest)) = content.split_first() {
            types.push(*kind);
            let length = u64::from_be_bytes(*rest.first_chunk().unwrap());
            content = &rest[usize::try_from(length).unwrap()..];
        }
        types
    }

    /// What is read back: the times, and every signal's changes.
    type Read = (Vec<u64>, Vec<Vec<(u32, String)>>);

    /// Writes 300 clocks in sections of so many bytes; gives the number of sections and what is read back.
    fn written(section_bytes: usize) -> (usize, Read) {
        let layout = Layout::new(&netlist(2, 60), &[]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let handle = File::options().read(true).write(true).open(file.path()).unwrap();
        let mut sink = Box::new(FstSink::with_sections(handle, &layout, 4, section_bytes).unwrap());
        let mut random = Random::new(3);
        for clock in 0..300 {
            let mut batch = Batch::default();
            for (index, value) in layout.values.iter().enumerate() {
                if clock == 0 || random.word().is_multiple_of(3) {
                    batch.push(to_u32(index), value.words()).copy_from_slice(&random.value(value.width));
                }
            }
            batch.end_clock(clock);
            batch.clocks(&layout).for_each(|changes| sink.clock(&changes).unwrap());
        }
        sink.finish(Some(299)).unwrap();
        // Header, names, widths, values: GTKWave stops reading values at a section to skip and takes a second one of names amiss.
        let sections = sections(&std::fs::read(file.path()).unwrap());
        let (head, values) = sections.split_at(3);
        assert_eq!(head, [0, HIERARCHY_LZ4, 3]);
        assert!(values.iter().all(|kind| *kind == 8), "{values:?}");
        let mut wave = wellen::simple::read(file.path()).unwrap();
        let signals: Vec<_> = wave.hierarchy().signals().collect();
        wave.load_signals(&signals);
        let changes = |signal: &wellen::SignalRef| {
            let changes = wave.get_signal(*signal).unwrap().iter_changes();
            changes.map(|(time, value)| (time, value.to_string())).collect()
        };
        (values.len(), (wave.time_table().to_vec(), signals.iter().map(changes).collect()))
    }

    #[test]
    fn sections_join_without_a_seam() {
        let (sections, whole) = written(usize::MAX);
        assert_eq!((sections, whole.0.len()), (1, 601));
        let (sections, parts) = written(20_000);
        assert!(sections >= 10, "{sections}");
        assert!(whole == parts);
    }
}
