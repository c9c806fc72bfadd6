//! Takes samples: compares in the simulation's thread, and has a second one encode and write.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use nitro_netlist::Netlist;

use super::batch::{Batch, Changes};
use super::fst::FstSink;
use super::layout::Layout;
use super::vcd::VcdSink;
use super::{TraceError, TraceFile, TraceFormat, TraceOptions, TraceSource};
use crate::words::to_u32;

/// Batches that may wait for the second thread; the simulation waits beyond them.
const QUEUE: usize = 8;

/// Something that changes are written to, in order.
pub(super) trait Sink: Send {
    /// Writes one clock.
    fn clock(&mut self, changes: &Changes<'_>) -> io::Result<()>;
    /// Completes the file, whose last clock was `last`.
    fn finish(self: Box<Self>, last: Option<u64>) -> io::Result<()>;
}

/// A file that is being written.
struct Output {
    path: PathBuf,
    /// What it is called until it is whole.
    partial: PathBuf,
}

/// The values of each group of the source's signals.
struct Groups {
    /// Values of group `g` are `values[start[g]..start[g + 1]]`.
    start: Vec<u32>,
    values: Vec<u32>,
    /// One bit a group, for the source to fill.
    changed: Vec<u64>,
}

/// Writes traced signals to files, only those that changed, one sample a clock.
///
/// The files appear under their names when [`TraceWriter::finish`] succeeds; until then, and if the writer is dropped
/// before, nothing is there.
///
/// Time `n * clock` is the rising edge that begins clock `n`: signals show what they settle to in that clock.
pub struct TraceWriter {
    outputs: Vec<Output>,
    options: TraceOptions,
    layout: Arc<Layout>,
    /// Where the last sample of each value lies in `last`.
    at: Vec<usize>,
    last: Vec<u64>,
    groups: Option<Groups>,
    /// One bit a value: it is to be looked at.
    dirty: Vec<u64>,
    batch: Batch,
    clock: u64,
    started: bool,
    queue: Option<SyncSender<Batch>>,
    spent: Receiver<Batch>,
    thread: Option<JoinHandle<Result<(), TraceError>>>,
}

impl TraceWriter {
    /// Starts files for the selected signals of the netlist's trace.
    ///
    /// # Errors
    /// If a file cannot be created, or the options are not sound.
    pub fn create(files: &[TraceFile], netlist: &Netlist, options: &TraceOptions) -> Result<Self, TraceError> {
        if options.clock_nanoseconds == 0 || !options.clock_nanoseconds.is_multiple_of(2) {
            return Err(TraceError::ClockTime { nanoseconds: options.clock_nanoseconds });
        }
        let mut paths = BTreeSet::new();
        for TraceFile { path, .. } in files {
            if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
                return Err(TraceError::NotAFile { path: path.clone() });
            }
            if !paths.insert(path) {
                return Err(TraceError::SameFile { path: path.clone() });
            }
        }
        let layout = Arc::new(Layout::new(netlist, &options.scopes)?);
        let (queue, inbox) = sync_channel(QUEUE);
        let (outbox, spent) = sync_channel(QUEUE);
        let mut at = Vec::with_capacity(layout.values.len());
        let mut words = 0;
        for value in &layout.values {
            at.push(words);
            words += value.words();
        }
        let mut writer = Self {
            outputs: Vec::new(),
            options: options.clone(),
            at,
            last: vec![0; words],
            groups: None,
            dirty: vec![0; layout.values.len().div_ceil(64)],
            layout,
            batch: Batch::default(),
            clock: 0,
            started: false,
            queue: Some(queue),
            spent,
            thread: None,
        };
        // From here on an error removes what was created, by dropping the writer.
        let mut sinks = Vec::new();
        for file in files {
            let sink = writer.open(file).map_err(|source| TraceError::Io { path: file.path.clone(), source })?;
            sinks.push((file.path.clone(), sink));
        }
        let run = {
            let layout = Arc::clone(&writer.layout);
            move || run(&layout, sinks, &inbox, &outbox)
        };
        let thread = std::thread::Builder::new().name("trace".into()).spawn(run);
        let path = files.first().map(|file| file.path.clone()).unwrap_or_default();
        writer.thread = Some(thread.map_err(|source| TraceError::Io { path, source })?);
        Ok(writer)
    }

    fn open(&mut self, file: &TraceFile) -> io::Result<Box<dyn Sink>> {
        let mut name = file.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let partial = file.path.with_file_name(name);
        let handle = File::options().read(true).write(true).create(true).truncate(true).open(&partial)?;
        self.outputs.push(Output { path: file.path.clone(), partial });
        let (layout, nanoseconds) = (Arc::clone(&self.layout), self.options.clock_nanoseconds);
        Ok(match file.format {
            TraceFormat::Vcd => Box::new(VcdSink::new(handle, layout, nanoseconds)?),
            TraceFormat::Fst => Box::new(FstSink::new(handle, layout, nanoseconds)?),
        })
    }

    /// Takes the values of the present clock; to be called once a clock, after settling and before the edge, always with
    /// the same source.
    ///
    /// # Errors
    /// If the disk failed meanwhile.
    pub fn sample(&mut self, source: &mut dyn TraceSource) -> Result<(), TraceError> {
        let clock = self.clock;
        self.clock += 1;
        if clock < self.options.from || clock > self.options.to {
            return Ok(());
        }
        let layout = &*self.layout;
        let groups = self.groups.get_or_insert_with(|| Groups::new(layout, source));
        groups.collect(source, &mut self.dirty);
        let all = !std::mem::replace(&mut self.started, true);
        if all {
            self.dirty.fill(u64::MAX);
        }
        for (base, word) in (0..).step_by(64).zip(&mut self.dirty) {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                let index = base + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let Some(value) = layout.values.get(index) else { break };
                let at = self.at[index];
                let last = &mut self.last[at..at + value.words()];
                let read = self.batch.push(to_u32(index), last.len());
                source.value(value.signal, read);
                if !all && read == last {
                    self.batch.pop(last.len());
                } else {
                    last.copy_from_slice(read);
                }
            }
        }
        self.batch.end_clock(clock);
        if self.batch.is_full() { self.send() } else { Ok(()) }
    }

    /// Passes over clocks in which nothing changes.
    pub fn skip(&mut self, clocks: u64) {
        self.clock = self.clock.saturating_add(clocks);
    }

    /// The number of clocks sampled.
    #[must_use]
    pub fn clocks(&self) -> u64 {
        self.clock
    }

    /// Whether a sample of the present clock would be written: outside the window a source need not be ready for one.
    #[must_use]
    pub fn is_open(&self) -> bool {
        (self.options.from..=self.options.to).contains(&self.clock)
    }

    /// The names and the distinct values that the trace shows.
    #[must_use]
    pub fn size(&self) -> TraceSize {
        fn names(scope: &super::layout::Scope) -> usize {
            scope.signals.len() + scope.inner.iter().map(|(_, inner)| names(inner)).sum::<usize>()
        }
        TraceSize { names: names(&self.layout.scope), values: self.layout.values.len() }
    }

    /// Completes the files and gives them their names.
    ///
    /// # Errors
    /// If the disk failed; then no file is left.
    pub fn finish(mut self) -> Result<(), TraceError> {
        self.send()?;
        self.close()?;
        for Output { path, partial } in &self.outputs {
            fs::rename(partial, path).map_err(|source| TraceError::Io { path: path.clone(), source })?;
        }
        Ok(())
    }

    /// Hands the batch over.
    fn send(&mut self) -> Result<(), TraceError> {
        let empty = self.spent.try_recv().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, empty);
        match self.queue.as_ref().map(|queue| queue.send(batch)) {
            Some(Ok(())) => Ok(()),
            // The thread has ended, which it does early only on an error.
            _ => self.close(),
        }
    }

    /// Lets the thread end and gives its error.
    fn close(&mut self) -> Result<(), TraceError> {
        self.queue = None;
        let failed = |what| {
            let path = self.outputs.first().map(|output| output.path.clone()).unwrap_or_default();
            Err(TraceError::Io { path, source: io::Error::other(what) })
        };
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or_else(|_| failed("the thread that writes it panicked")),
            None => failed("it had failed before"),
        }
    }
}

impl Drop for TraceWriter {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for output in &self.outputs {
            // Gone already if it was finished.
            let _ = fs::remove_file(&output.partial);
        }
    }
}

/// How much a trace shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceSize {
    /// Named signals.
    pub names: usize,
    /// Distinct values behind them.
    pub values: usize,
}

impl Groups {
    /// Sorts the values by group.
    fn new(layout: &Layout, source: &dyn TraceSource) -> Self {
        let count = source.groups();
        let mut start = vec![0; count + 1];
        let group_of: Vec<usize> = layout.values.iter().map(|value| source.group(value.signal)).collect();
        for &group in &group_of {
            start[group + 1] += 1;
        }
        for group in 0..count {
            start[group + 1] += start[group];
        }
        let mut next = start.clone();
        let mut values = vec![0; group_of.len()];
        for (value, &group) in (0..).zip(&group_of) {
            values[next[group] as usize] = value;
            next[group] += 1;
        }
        Self { start, values, changed: vec![0; count.div_ceil(64)] }
    }

    /// Marks the values of the groups that the source reports.
    fn collect(&mut self, source: &mut dyn TraceSource, dirty: &mut [u64]) {
        self.changed.fill(0);
        source.take_changed(&mut self.changed);
        for (base, &word) in (0..).step_by(64).zip(&self.changed) {
            let mut bits = word;
            while bits != 0 {
                let group = base + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let range = self.start[group] as usize..self.start[group + 1] as usize;
                for &value in &self.values[range] {
                    dirty[value as usize / 64] |= 1 << (value % 64);
                }
            }
        }
    }
}

fn run(
    layout: &Layout,
    mut sinks: Vec<(PathBuf, Box<dyn Sink>)>,
    inbox: &Receiver<Batch>,
    outbox: &SyncSender<Batch>,
) -> Result<(), TraceError> {
    let mut last = None;
    for mut batch in inbox {
        for changes in batch.clocks(layout) {
            for (path, sink) in &mut sinks {
                sink.clock(&changes).map_err(|source| TraceError::Io { path: path.clone(), source })?;
            }
            last = Some(changes.clock);
        }
        batch.clear();
        // Buffers go back for reuse; one that finds no room is dropped.
        let _ = outbox.try_send(batch);
    }
    for (path, sink) in sinks {
        sink.finish(last).map_err(|source| TraceError::Io { path, source })?;
    }
    Ok(())
}
