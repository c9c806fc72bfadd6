//! An engine on a thread of its own, with a stack that the largest block fits.
//!
//! A `rust_hdl` signal keeps three copies of its value at a byte a bit, and an unoptimised build moves whole blocks over
//! the stack: a card overflows the 2 MiB of a test's thread.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use nitro_netlist::Netlist;

use crate::engine::{Engine, EngineFault, PortInfo};
use crate::trace::{TraceSource, TracedEngine};

/// Stack of the engine's thread in bytes; only touched pages take memory.
const STACK: usize = 512 << 20;

/// Inputs to set, as (index, value), and what to do then.
enum Request {
    Settle(Vec<(usize, Vec<u64>)>),
    Edge,
    /// Read all traced signals.
    Sample,
}

/// All outputs or all traced signals, and the fault if there is one.
struct Reply {
    values: Vec<Vec<u64>>,
    fault: Option<EngineFault>,
}

/// Reads all traced signals.
type Sample<E> = fn(&mut E, &[usize]) -> Vec<Vec<u64>>;

/// Runs another engine on its own thread: one message a settling.
pub struct ThreadEngine {
    inputs: Vec<PortInfo>,
    outputs: Vec<PortInfo>,
    pending: Vec<(usize, Vec<u64>)>,
    values: Vec<Vec<u64>>,
    /// The traced signals as last sampled.
    traced: Vec<Vec<u64>>,
    fault: Option<EngineFault>,
    requests: Option<Sender<Request>>,
    replies: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
}

impl ThreadEngine {
    /// Builds the engine on its thread.
    ///
    /// # Errors
    /// If the thread cannot be started, or ended while it built the engine.
    pub fn new<E: Engine + 'static>(build: impl FnOnce() -> E + Send + 'static) -> Result<Self, EngineFault> {
        Self::start(move || Ok(build()), Vec::new(), |_, _| Vec::new())
    }

    /// The same with the signals of a netlist's trace readable; `build` gives an engine of the same block that can be
    /// traced.
    ///
    /// # Errors
    /// If the thread cannot be started, ended while it built the engine, or could not build it.
    pub fn traced<E: TracedEngine + 'static>(
        build: impl FnOnce() -> Result<E, EngineFault> + Send + 'static,
        netlist: &Netlist,
    ) -> Result<Self, EngineFault> {
        let words = |node: usize| netlist.nodes[node].width.div_ceil(64) as usize;
        let words = netlist.trace.iter().map(|signal| words(signal.node.0 as usize)).collect();
        Self::start(build, words, sample)
    }

    /// `words` is the size of each traced signal.
    fn start<E: Engine + 'static>(
        build: impl FnOnce() -> Result<E, EngineFault> + Send + 'static,
        words: Vec<usize>,
        sample: Sample<E>,
    ) -> Result<Self, EngineFault> {
        let (requests, inbox) = channel::<Request>();
        let (outbox, replies) = channel();
        let (hello, shape) = channel();
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .stack_size(STACK)
            .spawn(move || {
                let mut engine = match build() {
                    Ok(engine) => engine,
                    Err(fault) => return drop(hello.send(Err(fault))),
                };
                // The other side hangs up only by dropping the engine.
                if hello.send(Ok((engine.inputs().to_vec(), engine.outputs().to_vec()))).is_ok() {
                    serve(&mut engine, &words, sample, &inbox, &outbox);
                }
            })
            .map_err(|error| EngineFault::Thread { reason: error.to_string() })?;
        let (inputs, outputs) = match shape.recv() {
            Ok(Ok(shape)) => shape,
            Ok(Err(fault)) => {
                let _ = thread.join();
                return Err(fault);
            }
            Err(_) => {
                let _ = thread.join();
                return Err(EngineFault::Thread { reason: "it ended while it built the engine".into() });
            }
        };
        let values = outputs.iter().map(|port: &PortInfo| vec![0; port.width.div_ceil(64)]).collect();
        let requests = Some(requests);
        Ok(Self {
            inputs,
            outputs,
            pending: Vec::new(),
            values,
            traced: Vec::new(),
            fault: None,
            requests,
            replies,
            thread: Some(thread),
        })
    }

    fn ask(&mut self, request: Request) -> bool {
        let sent = self.requests.as_ref().is_some_and(|requests| requests.send(request).is_ok());
        if !sent {
            self.ended();
        }
        sent
    }

    /// Asks and waits.
    fn answer(&mut self, request: Request) -> Option<Vec<Vec<u64>>> {
        if !self.ask(request) {
            return None;
        }
        match self.replies.recv() {
            Ok(Reply { values, fault }) => {
                self.fault = fault;
                Some(values)
            }
            Err(_) => {
                self.ended();
                None
            }
        }
    }

    fn ended(&mut self) {
        self.fault.get_or_insert(EngineFault::Thread { reason: "it ended unexpectedly".into() });
    }
}

/// Reads all traced signals, each of so many words.
fn sample<E: TracedEngine>(engine: &mut E, words: &[usize]) -> Vec<Vec<u64>> {
    engine.take_changed(&mut vec![0; engine.groups().div_ceil(64)]);
    let value = |(index, &words): (usize, &usize)| {
        let mut value = vec![0; words];
        engine.value(index, &mut value);
        value
    };
    words.iter().enumerate().map(value).collect()
}

fn serve<E: Engine>(
    engine: &mut E,
    words: &[usize],
    sample: Sample<E>,
    inbox: &Receiver<Request>,
    outbox: &Sender<Reply>,
) {
    let widths: Vec<usize> = engine.outputs().iter().map(|port| port.width).collect();
    for request in inbox {
        let values = match request {
            Request::Edge => {
                engine.edge();
                continue;
            }
            Request::Sample => sample(engine, words),
            Request::Settle(inputs) => {
                for (index, value) in inputs {
                    engine.set(index, &value);
                }
                engine.settle();
                let output = |(index, width): (usize, &usize)| {
                    let mut value = vec![0; width.div_ceil(64)];
                    engine.get(index, &mut value);
                    value
                };
                widths.iter().enumerate().map(output).collect()
            }
        };
        let reply = Reply { values, fault: engine.fault().cloned() };
        if outbox.send(reply).is_err() {
            return;
        }
    }
}

impl Engine for ThreadEngine {
    fn inputs(&self) -> &[PortInfo] {
        &self.inputs
    }
    fn outputs(&self) -> &[PortInfo] {
        &self.outputs
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        self.pending.push((index, value.to_vec()));
    }
    fn settle(&mut self) {
        let inputs = std::mem::take(&mut self.pending);
        if let Some(values) = self.answer(Request::Settle(inputs)) {
            self.values = values;
        }
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        for (word, slot) in value.iter_mut().enumerate() {
            *slot = self.values[index].get(word).copied().unwrap_or(0);
        }
    }
    fn edge(&mut self) {
        self.ask(Request::Edge);
    }
    fn fault(&self) -> Option<&EngineFault> {
        self.fault.as_ref()
    }
}

/// Of an engine made by [`ThreadEngine::traced`]; any other has no signals.
impl TraceSource for ThreadEngine {
    fn value(&self, index: usize, value: &mut [u64]) {
        let sampled = self.traced.get(index).map_or(&[][..], Vec::as_slice);
        for (word, slot) in value.iter_mut().enumerate() {
            *slot = sampled.get(word).copied().unwrap_or(0);
        }
    }

    fn take_changed(&mut self, changed: &mut [u64]) {
        if let Some(values) = self.answer(Request::Sample) {
            self.traced = values;
        }
        changed[0] = 1;
    }
}

impl Drop for ThreadEngine {
    fn drop(&mut self) {
        // Hanging up ends the thread's loop.
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
