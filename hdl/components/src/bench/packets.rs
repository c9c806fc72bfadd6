//! Sources and sinks of packets.

use std::collections::VecDeque;

use nitro_simulator::Engine;

use super::{BenchError, Item, Sink, Source, input, output};

/// Fields of a beat.
const FIELDS: [&str; 4] = ["tuser", "tlast", "tkeep", "tdata"];

/// A packet's bytes and side information.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Its bytes, at least one.
    pub bytes: Vec<u8>,
    /// The same in all its beats.
    pub tuser: u64,
}

/// Offers packets at a receiving port of the block.
#[derive(Clone, Debug)]
pub struct PacketSource {
    /// The beats.
    pub stream: Source,
    beat_bytes: usize,
}

impl PacketSource {
    /// A source at the port `prefix`; `idle` is the probability of a bubble before each beat.
    ///
    /// # Errors
    /// If the block has no such port.
    pub fn new(engine: &dyn Engine, prefix: &str, idle: f64, seed: u64) -> Result<Self, BenchError> {
        let keep = input(engine, &format!("{prefix}_tkeep"))?;
        let beat_bytes = engine.inputs()[keep].width;
        Ok(Self { stream: Source::new(engine, prefix, &FIELDS, idle, seed)?, beat_bytes })
    }

    /// Bytes in a full beat.
    #[must_use]
    pub fn beat_bytes(&self) -> usize {
        self.beat_bytes
    }

    /// Queues a packet; one without bytes is none.
    pub fn push(&mut self, packet: &Packet) {
        let beats = packet.bytes.len().div_ceil(self.beat_bytes);
        for (number, bytes) in packet.bytes.chunks(self.beat_bytes).enumerate() {
            self.stream.push(beat(bytes, self.beat_bytes, number + 1 == beats, packet.tuser));
        }
    }
}

/// What stands in the bytes of a last beat that do not belong to the packet: a block must not care.
const UNUSED: u8 = 0xee;

/// The payload of a beat of `width` bytes that begins with these.
fn beat(bytes: &[u8], width: usize, last: bool, tuser: u64) -> Item {
    let mut full = bytes.to_vec();
    full.resize(width, UNUSED);
    let data = full.chunks(8).map(|bytes| bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
    let keep = (0..bytes.len().div_ceil(64)).map(|word| match bytes.len() - 64 * word {
        count @ 0..64 => (1 << count) - 1,
        _ => u64::MAX,
    });
    vec![vec![tuser], vec![u64::from(last)], keep.collect(), data.collect()]
}

/// Takes packets at a sending port of the block.
#[derive(Clone, Debug)]
pub struct PacketSink {
    /// The beats.
    pub stream: Sink,
    beat_bytes: usize,
    partial: Option<Packet>,
    complete: VecDeque<(u64, Packet)>,
}

impl PacketSink {
    /// A sink at the port `prefix`; `backpressure` is the probability in each clock that it is not ready.
    ///
    /// # Errors
    /// If the block has no such port.
    pub fn new(engine: &dyn Engine, prefix: &str, backpressure: f64, seed: u64) -> Result<Self, BenchError> {
        let keep = output(engine, &format!("{prefix}_tkeep"))?;
        let beat_bytes = engine.outputs()[keep].width;
        let stream = Sink::new(engine, prefix, &FIELDS, backpressure, seed)?;
        Ok(Self { stream, beat_bytes, partial: None, complete: VecDeque::new() })
    }

    /// The next packet that has been received, and the clock of its last beat.
    ///
    /// # Errors
    /// If a beat that has been received is malformed.
    pub fn pop(&mut self) -> Result<Option<(u64, Packet)>, BenchError> {
        while self.complete.is_empty() {
            let Some((clock, item)) = self.stream.pop() else { return Ok(None) };
            self.take(clock, &item)?;
        }
        Ok(self.complete.pop_front())
    }

    /// A packet has begun and not ended, as far as popped.
    #[must_use]
    pub fn inside_packet(&self) -> bool {
        self.partial.is_some()
    }

    fn take(&mut self, clock: u64, item: &Item) -> Result<(), BenchError> {
        let [tuser, last, keep, data] = item.as_slice() else { return Ok(()) };
        let (tuser, last) = (tuser.first().copied().unwrap_or(0), last.first().is_some_and(|&last| last != 0));
        let kept = |byte: usize| keep[byte / 64] >> (byte % 64) & 1 == 1;
        let count = (0..self.beat_bytes).take_while(|&byte| kept(byte)).count();
        let contiguous = (count..self.beat_bytes).all(|byte| !kept(byte));
        if !contiguous || count == 0 || (!last && count < self.beat_bytes) {
            return Err(BenchError::Keep { prefix: self.stream.prefix().to_owned(), keep: keep[0] });
        }
        let packet = self.partial.get_or_insert_with(|| Packet { bytes: Vec::new(), tuser });
        if packet.tuser != tuser {
            let (from, to) = (packet.tuser, tuser);
            return Err(BenchError::User { prefix: self.stream.prefix().to_owned(), from, to });
        }
        packet.bytes.extend((0..count).map(|byte| data[byte / 8].to_le_bytes()[byte % 8]));
        if last {
            self.complete.extend(self.partial.take().map(|packet| (clock, packet)));
        }
        Ok(())
    }
}
