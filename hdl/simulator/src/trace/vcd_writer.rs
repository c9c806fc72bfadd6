//! Writes a VCD file: values are compared in the simulation's thread and formatted in a second one.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use nitro_netlist::Netlist;

use super::format::{Changes, Formatter};
use super::{TraceError, TraceOptions, TraceSource, select};
use crate::words::to_u32;

/// Clocks that may wait for the formatter; the simulation waits beyond them.
const QUEUE: usize = 256;

/// One traced signal.
struct Signal {
    /// Index into the netlist's trace.
    index: usize,
    /// Where its last value lies, in words.
    at: usize,
    words: usize,
}

/// Writes traced signals to a VCD file, only those that changed, one sample a clock.
///
/// The file appears under its name when [`VcdWriter::finish`] succeeds; until then, and if the writer is dropped before,
/// nothing is there.
///
/// Time `n * clock` is the rising edge that begins clock `n`: signals show what they settle to in that clock.
pub struct VcdWriter {
    path: PathBuf,
    partial: PathBuf,
    options: TraceOptions,
    signals: Vec<Signal>,
    last: Vec<u64>,
    value: Vec<u64>,
    clock: u64,
    written: Option<u64>,
    queue: Option<SyncSender<Changes>>,
    spent: Receiver<Changes>,
    formatter: Option<JoinHandle<io::Result<()>>>,
}

impl VcdWriter {
    /// Starts a file with the header for the selected signals of the netlist's trace.
    ///
    /// # Errors
    /// If the file cannot be created, or the options are not sound.
    pub fn create(path: &Path, netlist: &Netlist, options: &TraceOptions) -> Result<Self, TraceError> {
        if options.clock_nanoseconds == 0 || !options.clock_nanoseconds.is_multiple_of(2) {
            return Err(TraceError::ClockTime { nanoseconds: options.clock_nanoseconds });
        }
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(TraceError::NotAFile { path: path.to_owned() });
        }
        let selected = select(&netlist.name, &netlist.trace, &options.scopes)?;
        let io = |source| TraceError::Io { path: path.to_owned(), source };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(name);
        let file = BufWriter::with_capacity(1 << 20, File::create(&partial).map_err(io)?);
        let start = || -> io::Result<_> {
            let formatter = Formatter::new(file, netlist, &selected, options.clock_nanoseconds)?;
            let (queue, inbox) = sync_channel(QUEUE);
            let (outbox, spent) = sync_channel(QUEUE);
            let thread =
                std::thread::Builder::new().name("vcd".into()).spawn(move || run(formatter, &inbox, &outbox))?;
            Ok((queue, spent, thread))
        };
        let (queue, spent, formatter) = start().map_err(|source| {
            // The error that matters is the first.
            let _ = fs::remove_file(&partial);
            io(source)
        })?;
        let mut at = 0;
        let signals = selected
            .into_iter()
            .map(|index| {
                let words = netlist.nodes[netlist.trace[index].node.0 as usize].width.div_ceil(64) as usize;
                at += words;
                Signal { index, at: at - words, words }
            })
            .collect();
        Ok(Self {
            path: path.to_owned(),
            partial,
            options: options.clone(),
            signals,
            last: vec![0; at],
            value: Vec::new(),
            clock: 0,
            written: None,
            queue: Some(queue),
            spent,
            formatter: Some(formatter),
        })
    }

    /// Takes the values of the present clock; to be called once a clock, after settling and before the edge.
    ///
    /// # Errors
    /// If the disk failed meanwhile.
    pub fn sample(&mut self, source: &dyn TraceSource) -> Result<(), TraceError> {
        let clock = self.clock;
        self.clock += 1;
        if clock < self.options.from || clock > self.options.to {
            return Ok(());
        }
        let mut changes = self.spent.try_recv().unwrap_or_default();
        changes.signals.clear();
        changes.words.clear();
        changes.clock = clock;
        changes.first = self.written.is_none();
        for (position, signal) in self.signals.iter().enumerate() {
            let last = &mut self.last[signal.at..signal.at + signal.words];
            self.value.resize(signal.words, 0);
            source.value(signal.index, &mut self.value);
            if changes.first || self.value != last {
                last.copy_from_slice(&self.value);
                changes.signals.push(to_u32(position));
                changes.words.extend_from_slice(&self.value);
            }
        }
        self.written = Some(clock);
        match self.queue.as_ref().map(|queue| queue.send(changes)) {
            Some(Ok(())) => Ok(()),
            // The formatter has ended, which it does early only on an error.
            _ => self.close(),
        }
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

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// If the disk failed; then no file is left.
    pub fn finish(mut self) -> Result<(), TraceError> {
        self.close()?;
        fs::rename(&self.partial, &self.path).map_err(|source| TraceError::Io { path: self.path.clone(), source })
    }

    /// Lets the formatter end and gives its error.
    fn close(&mut self) -> Result<(), TraceError> {
        self.queue = None;
        let ended = match self.formatter.take() {
            Some(thread) => thread.join().unwrap_or_else(|_| Err(io::Error::other("the formatting thread panicked"))),
            None => Err(io::Error::other("it had failed before")),
        };
        ended.map_err(|source| TraceError::Io { path: self.path.clone(), source })
    }
}

impl Drop for VcdWriter {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.formatter.take() {
            let _ = thread.join();
        }
        // Gone already if it was finished.
        let _ = fs::remove_file(&self.partial);
    }
}

fn run(
    mut formatter: Formatter<BufWriter<File>>,
    inbox: &Receiver<Changes>,
    outbox: &SyncSender<Changes>,
) -> io::Result<()> {
    let mut last = None;
    for changes in inbox {
        formatter.clock(&changes)?;
        last = Some(changes.clock);
        // Buffers go back for reuse; one that finds no room is dropped.
        let _ = outbox.try_send(changes);
    }
    formatter.finish(last)?.get_ref().sync_data()
}
