//! Prints clocks per second of the interpreter on a synthetic 512-bit pipeline:
//! `cargo run --release -p nitro-simulator --example speed`.

use std::time::{Duration, Instant};

use nitro_netlist::netlist::{
    Memory, MemoryId, Netlist, Node, NodeId, Op, Port, Register, RegisterId, RegisteredRead, TraceSignal, Write,
};
use nitro_netlist::primitive::ReadDuringWrite;
use nitro_simulator::random::Random;
use nitro_simulator::{Engine, InterpretedEngine, Interpreter, Options, TraceOptions, VcdWriter};

/// 512 data bits, 64 byte enables, 28 bits of side information.
const BEAT: u32 = 604;

/// Builds netlists with forward references to registers.
#[derive(Default)]
struct Maker {
    netlist: Netlist,
}

impl Maker {
    fn node(&mut self, op: Op, width: u32) -> NodeId {
        self.netlist.nodes.push(Node { op, width });
        NodeId(u32::try_from(self.netlist.nodes.len() - 1).expect("a small netlist"))
    }

    fn constant(&mut self, value: u64, width: u32) -> NodeId {
        let mut words = vec![0; width.div_ceil(64) as usize];
        words[0] = value;
        self.node(Op::Constant(words), width)
    }

    fn input(&mut self, name: &str, width: u32) -> NodeId {
        let index = u32::try_from(self.netlist.inputs.len()).expect("few inputs");
        let node = self.node(Op::Input(index), width);
        self.netlist.inputs.push(Port { name: name.into(), width, node });
        node
    }

    fn output(&mut self, name: &str, node: NodeId) {
        let width = self.netlist.nodes[node.0 as usize].width;
        self.netlist.outputs.push(Port { name: name.into(), width, node });
    }

    fn register(&mut self, width: u32) -> (RegisterId, NodeId) {
        let id = RegisterId(u32::try_from(self.netlist.registers.len()).expect("few registers"));
        let q = self.node(Op::Register(id), width);
        self.netlist.registers.push(Register { path: String::new(), width, reset_value: vec![], reset: None, d: q });
        (id, q)
    }

    fn drive(&mut self, register: RegisterId, d: NodeId) {
        self.netlist.registers[register.0 as usize].d = d;
    }

    fn slice(&mut self, of: NodeId, offset: u32, width: u32) -> NodeId {
        self.node(Op::Slice { of, offset }, width)
    }

    fn mux(&mut self, select: NodeId, then: NodeId, otherwise: NodeId) -> NodeId {
        let width = self.netlist.nodes[then.0 as usize].width;
        self.node(Op::Mux { select, then, otherwise }, width)
    }

    /// A spill register whose payload gets a field rewritten from a table looked up by another field.
    fn stage(&mut self, payload: NodeId, valid: NodeId, ready: NodeId, seed: u64) -> (NodeId, NodeId, NodeId) {
        // Control of the stage: a decision tree over sixteen fields, and counters.
        let mut decision = self.constant(seed & 0xff, 8);
        for field in 0..16 {
            let (offset, width) = (field * 31, 16);
            let value = self.slice(payload, offset, width);
            let wanted = self.constant(seed.rotate_left(field) & 0xffff, width);
            let equal = self.node(Op::Eq(value, wanted), 1);
            let less = self.node(Op::Lt(value, wanted), 1);
            let one = self.constant(u64::from(field) + 1, 8);
            let more = self.node(Op::Add(decision, one), 8);
            let chosen = self.mux(less, more, decision);
            decision = self.mux(equal, one, chosen);
        }
        let memory = MemoryId(u32::try_from(self.netlist.memories.len()).expect("few memories"));
        let looked_up = self.node(Op::MemoryData { memory, port: 0 }, 64);
        let write_data = self.slice(payload, 64, 64);
        self.netlist.memories.push(Memory {
            path: String::new(),
            width: 64,
            address_bits: 8,
            contents: Vec::new(),
            registered_reads: vec![RegisteredRead {
                enable: valid,
                address: decision,
                during_write: ReadDuringWrite::Old,
            }],
            writes: vec![Write { enable: valid, granularity: 64, address: decision, data: write_data }],
        });
        let (low, high) = (self.slice(payload, 0, 256), self.slice(payload, 320, BEAT - 320));
        let rewritten = self.node(Op::Concat(vec![low, looked_up, high]), BEAT);

        let (front, front_q) = self.register(BEAT);
        let (front_valid, front_valid_q) = self.register(1);
        let (back, back_q) = self.register(BEAT);
        let (back_valid, back_valid_q) = self.register(1);
        let upstream_ready = self.node(Op::Not(back_valid_q), 1);
        let empty = self.node(Op::Not(front_valid_q), 1);
        let free = self.node(Op::Or(ready, empty), 1);
        let refill = self.mux(back_valid_q, back_q, rewritten);
        let next_front = self.mux(free, refill, front_q);
        self.drive(front, next_front);
        let any = self.node(Op::Or(back_valid_q, valid), 1);
        let next_valid = self.mux(free, any, front_valid_q);
        self.drive(front_valid, next_valid);
        let accepted = self.node(Op::And(valid, upstream_ready), 1);
        let spill = self.mux(accepted, rewritten, back_q);
        let next_back = self.mux(free, back_q, spill);
        self.drive(back, next_back);
        let kept = self.node(Op::Or(back_valid_q, accepted), 1);
        let zero = self.constant(0, 1);
        let next_back_valid = self.mux(free, zero, kept);
        self.drive(back_valid, next_back_valid);
        let (count, count_q) = self.register(32);
        let one = self.constant(1, 32);
        let more = self.node(Op::Add(count_q, one), 32);
        let next_count = self.mux(accepted, more, count_q);
        self.drive(count, next_count);
        self.output("count", count_q);
        (front_q, front_valid_q, upstream_ready)
    }
}

/// A chain of stages. Readiness is a register of each stage, so stages are made from the back.
fn pipeline(stages: usize) -> Netlist {
    let mut maker = Maker::default();
    let mut payload = maker.input("rx_payload", BEAT);
    let mut valid = maker.input("rx_tvalid", 1);
    let ready = maker.input("tx_tready", 1);
    let mut random = Random::new(1);
    for _ in 0..stages {
        // Every stage sees the same readiness: a stall stops all.
        (payload, valid, _) = maker.stage(payload, valid, ready, random.word());
    }
    maker.output("tx_payload", payload);
    maker.output("tx_tvalid", valid);
    maker.netlist
}

/// Offers a random beat to each lane with a probability in percent, and holds the inputs otherwise.
fn stimulate(interpreter: &mut Interpreter, random: &mut Random, percent: usize) {
    for lane in 0..interpreter.lanes() {
        let offer = random.below(100) < percent;
        if offer {
            let words: [u64; 10] = std::array::from_fn(|_| random.word());
            interpreter.set(0, lane, &words);
        }
        interpreter.set(1, lane, &[u64::from(offer)]);
        interpreter.set(2, lane, &[u64::from(random.below(8) > 0)]);
    }
}

/// Clocks per second of one lane with every traced signal written, against none written but all kept.
fn trace_speed(netlist: &Netlist) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut rates = Vec::new();
    for traced in [false, true] {
        let mut engine = InterpretedEngine::traced(netlist);
        let mut writer = VcdWriter::create(&folder.path().join("x.vcd"), netlist, &TraceOptions::default())?;
        let mut random = Random::new(1);
        let (start, clocks) = (Instant::now(), 4000);
        for _ in 0..clocks {
            stimulate(&mut engine.interpreter, &mut random, 50);
            engine.settle();
            if traced {
                writer.sample(&engine)?;
            }
            engine.edge();
        }
        writer.finish()?;
        rates.push(f64::from(clocks) / start.elapsed().as_secs_f64());
    }
    let size = folder.path().join("x.vcd").metadata()?.len();
    println!(
        "{} traced signals: {:.0} clocks/s, with VCD {:.0}, {size} bytes",
        netlist.trace.len(),
        rates[0],
        rates[1]
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut netlist = pipeline(16);
    netlist.trace = (0..netlist.nodes.len())
        .step_by(4)
        .map(|index| TraceSignal {
            scope: vec![format!("stage_{}", index / 150)],
            name: format!("signal_{index}"),
            variants: Vec::new(),
            node: NodeId(u32::try_from(index).expect("a small netlist")),
        })
        .collect();
    trace_speed(&netlist)?;
    for stages in [16, 256] {
        let netlist = pipeline(stages);
        println!("{stages} stages, {} nodes", netlist.nodes.len());
        for lanes in [1, 4, 16, 64] {
            for percent in [100, 50, 1] {
                let start = Instant::now();
                let mut interpreter = Interpreter::with_options(&netlist, Options { lanes, ..Options::default() });
                let built = start.elapsed();
                let mut random = Random::new(1);
                let (start, mut clocks) = (Instant::now(), 0_u32);
                while start.elapsed() < Duration::from_millis(500) {
                    for _ in 0..16 {
                        stimulate(&mut interpreter, &mut random, percent);
                        interpreter.settle();
                        interpreter.edge();
                        clocks += 1;
                    }
                }
                let rate = f64::from(clocks) / start.elapsed().as_secs_f64();
                let lanes_in_all = u32::try_from(lanes).map_or(0.0, f64::from);
                println!(
                    "  {lanes:2} lanes, load {percent:3} %: ready in {:5.1} ms, {rate:7.0} clocks/s, sum {:8.0}",
                    built.as_secs_f64() * 1e3,
                    rate * lanes_in_all
                );
            }
        }
    }
    Ok(())
}
