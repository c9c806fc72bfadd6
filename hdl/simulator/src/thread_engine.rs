//! An engine on a thread of its own, with a stack that the largest block fits.
//!
//! A `rust_hdl` signal keeps three copies of its value at a byte a bit, and an unoptimised build moves whole blocks over
//! the stack: a card overflows the 2 MiB of a test's thread.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::engine::{Engine, EngineFault, PortInfo};

/// Stack of the engine's thread in bytes; only touched pages take memory.
const STACK: usize = 512 << 20;

/// Inputs to set, as (index, value), and what to do then.
enum Request {
    Settle(Vec<(usize, Vec<u64>)>),
    Edge,
}

/// All outputs, and the fault if there is one.
struct Reply {
    outputs: Vec<Vec<u64>>,
    fault: Option<EngineFault>,
}

/// Runs another engine on its own thread: one message a settling.
pub struct ThreadEngine {
    inputs: Vec<PortInfo>,
    outputs: Vec<PortInfo>,
    pending: Vec<(usize, Vec<u64>)>,
    values: Vec<Vec<u64>>,
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
    pub fn new<E: Engine>(build: impl FnOnce() -> E + Send + 'static) -> Result<Self, EngineFault> {
        let (requests, inbox) = channel::<Request>();
        let (outbox, replies) = channel();
        let (hello, shape) = channel();
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .stack_size(STACK)
            .spawn(move || {
                let mut engine = build();
                // The other side hangs up only by dropping the engine.
                if hello.send((engine.inputs().to_vec(), engine.outputs().to_vec())).is_ok() {
                    serve(&mut engine, &inbox, &outbox);
                }
            })
            .map_err(|error| EngineFault::Thread { reason: error.to_string() })?;
        let Ok((inputs, outputs)) = shape.recv() else {
            let _ = thread.join();
            return Err(EngineFault::Thread { reason: "it ended while it built the engine".into() });
        };
        let values = outputs.iter().map(|port: &PortInfo| vec![0; port.width.div_ceil(64)]).collect();
        let requests = Some(requests);
        Ok(Self { inputs, outputs, pending: Vec::new(), values, fault: None, requests, replies, thread: Some(thread) })
    }

    fn ask(&mut self, request: Request) -> bool {
        let sent = self.requests.as_ref().is_some_and(|requests| requests.send(request).is_ok());
        if !sent {
            self.ended();
        }
        sent
    }

    fn ended(&mut self) {
        self.fault.get_or_insert(EngineFault::Thread { reason: "it ended unexpectedly".into() });
    }
}

fn serve(engine: &mut dyn Engine, inbox: &Receiver<Request>, outbox: &Sender<Reply>) {
    let widths: Vec<usize> = engine.outputs().iter().map(|port| port.width).collect();
    for request in inbox {
        match request {
            Request::Edge => engine.edge(),
            Request::Settle(inputs) => {
                for (index, value) in inputs {
                    engine.set(index, &value);
                }
                engine.settle();
                let outputs = widths.iter().enumerate().map(|(index, width)| {
                    let mut value = vec![0; width.div_ceil(64)];
                    engine.get(index, &mut value);
                    value
                });
                let reply = Reply { outputs: outputs.collect(), fault: engine.fault().cloned() };
                if outbox.send(reply).is_err() {
                    return;
                }
            }
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
        if !self.ask(Request::Settle(inputs)) {
            return;
        }
        match self.replies.recv() {
            Ok(Reply { outputs, fault }) => {
                self.values = outputs;
                self.fault = fault;
            }
            Err(_) => self.ended(),
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

impl Drop for ThreadEngine {
    fn drop(&mut self) {
        // Hanging up ends the thread's loop.
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
