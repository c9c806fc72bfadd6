//! From nodes to instructions over buffers of slices.

use std::collections::HashMap;
use std::rc::Rc;

use nitro_netlist::netlist::{MemoryId, Netlist, NodeId, Op};

use super::program::{Instruction, Operation};
use super::runs::{self, Piece, Place, Run, Source, part, pieces, push};
use crate::optimise::operands;
use crate::words::{normalise, to_index, to_u32};

/// Stretches of equal bits of a constant from this length on are known as such, shorter ones are stored.
const KNOWN_STRETCH: u32 = 8;
/// A concatenation of more stretches than this is stored if it has several users.
const SCATTERED: usize = 8;

/// Some slices.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    pub(super) length: u32,
    /// It outlives the clock: a constant, an input, state.
    pub(super) permanent: bool,
    /// The first instruction that writes it.
    pub(super) defined: u32,
}

/// Turns nodes into instructions, operands first.
pub(super) struct Lowering<'a> {
    pub(super) netlist: &'a Netlist,
    pub(super) buffers: Vec<Buffer>,
    pub(super) code: Vec<Instruction<Place>>,
    /// The bits of all stored constants; they are buffer 0.
    pub(super) constants: Vec<bool>,
    stored: HashMap<(Vec<u64>, u32), u32>,
    values: Vec<Option<Rc<[Run]>>>,
    /// Values that have been made one stretch.
    whole: HashMap<NodeId, Place>,
    uses: Vec<u32>,
    inputs: Vec<Place>,
    registers: Vec<Place>,
    /// By memory and read port.
    data: Vec<Vec<Place>>,
    /// One slice that is all ones.
    always: Place,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(netlist: &'a Netlist) -> Self {
        let mut uses = vec![0; netlist.nodes.len()];
        for node in &netlist.nodes {
            operands(&node.op, |operand| uses[operand.0 as usize] += 1);
        }
        let mut lowering = Self {
            netlist,
            buffers: vec![Buffer { length: 0, permanent: true, defined: 0 }],
            code: Vec::new(),
            constants: Vec::new(),
            stored: HashMap::new(),
            values: vec![None; netlist.nodes.len()],
            whole: HashMap::new(),
            uses,
            inputs: Vec::new(),
            registers: Vec::new(),
            data: Vec::new(),
            always: Place::default(),
        };
        lowering.always = lowering.store(&[1], 1);
        lowering.inputs = netlist.inputs.iter().map(|port| lowering.permanent(port.width)).collect();
        lowering.registers = netlist.registers.iter().map(|register| lowering.permanent(register.width)).collect();
        lowering.data = netlist
            .memories
            .iter()
            .map(|memory| memory.registered_reads.iter().map(|_| lowering.permanent(memory.width)).collect())
            .collect();
        lowering
    }

    pub(super) fn input(&self, input: usize) -> Place {
        self.inputs[input]
    }

    pub(super) fn register(&self, register: usize) -> Place {
        self.registers[register]
    }

    pub(super) fn data(&self, memory: usize, port: usize) -> Place {
        self.data[memory][port]
    }

    fn buffer(&mut self, length: u32, permanent: bool) -> Place {
        self.buffers.push(Buffer { length, permanent, defined: to_u32(self.code.len()) });
        Place { buffer: to_u32(self.buffers.len() - 1), at: 0 }
    }

    fn permanent(&mut self, length: u32) -> Place {
        self.buffer(length, true)
    }

    /// Room for an intermediate value.
    pub(super) fn fresh(&mut self, length: u32) -> Place {
        self.buffer(length, false)
    }

    pub(super) fn emit(&mut self, operation: Operation, count: u32, d: Place, [a, b, s]: [Place; 3]) {
        self.code.push(Instruction { operation, count, d, a, b, s });
    }

    /// A constant's slices.
    fn store(&mut self, value: &[u64], width: u32) -> Place {
        let next = to_u32(self.constants.len());
        let at = *self.stored.entry((value.to_vec(), width)).or_insert(next);
        if at == next {
            let bits = (0..width as usize).map(|bit| value[bit / 64] >> (bit % 64) & 1 == 1);
            self.constants.extend(bits);
            self.buffers[0].length += width;
        }
        Place { buffer: 0, at }
    }

    /// The bits of a constant.
    pub(super) fn constant(&mut self, value: &[u64], width: u32) -> Vec<Run> {
        let value = normalise(value, width);
        let bit = |index: u32| value[to_index(u64::from(index / 64))] >> (index % 64) & 1 == 1;
        let known = |bit| if bit { Source::Ones } else { Source::Zeros };
        let mut stretches: Vec<(bool, u32)> = Vec::new();
        for index in 0..width {
            match stretches.last_mut() {
                Some((last, length)) if *last == bit(index) => *length += 1,
                _ => stretches.push((bit(index), 1)),
            }
        }
        if let [(bit, _)] = stretches[..] {
            return vec![Run::new(known(bit), width)];
        }
        let (mut runs, mut at) = (Vec::new(), 0);
        for (bit, length) in stretches {
            let source = if length >= KNOWN_STRETCH || width == 1 {
                known(bit)
            } else {
                Source::At(self.store(&value, width).plus(at))
            };
            push(&mut runs, Run::new(source, length));
            at += length;
        }
        runs
    }

    /// A value as one stretch of slices.
    pub(super) fn whole(&mut self, node: NodeId) -> Place {
        let value = self.value(node);
        if let [Run { source: Source::At(place), .. }] = value[..] {
            return place;
        }
        if let Some(&place) = self.whole.get(&node) {
            return place;
        }
        let width = self.netlist.nodes[node.0 as usize].width;
        let place = match &self.netlist.nodes[node.0 as usize].op {
            Op::Constant(constant) => self.store(&normalise(constant, width), width),
            _ => self.gather(&value),
        };
        self.whole.insert(node, place);
        place
    }

    /// Copies bits into a buffer of their own.
    pub(super) fn gather(&mut self, value: &[Run]) -> Place {
        let d = self.fresh(value.iter().map(|run| run.length).sum());
        let mut at = 0;
        for run in value {
            self.copy(d.plus(at), *run);
            at += run.length;
        }
        d
    }

    fn copy(&mut self, d: Place, run: Run) {
        let none = Place::default();
        match run.source {
            Source::Zeros => self.emit(Operation::Zeros, run.length, d, [none; 3]),
            Source::Ones => self.emit(Operation::Ones, run.length, d, [none; 3]),
            Source::At(a) => self.emit(Operation::Copy, run.length, d, [a, none, none]),
        }
    }

    /// A bitwise operation, stretch by stretch.
    fn bitwise<const N: usize>(&mut self, values: [&[Run]; N], f: impl Fn([Run; N]) -> Piece) -> Vec<Run> {
        let mut result = Vec::new();
        // Neighbouring new bits share a buffer.
        let mut new: Vec<(Operation, u32, [Place; 3])> = Vec::new();
        for cut in pieces(values) {
            let length = cut[0].length;
            match f(cut) {
                Piece::New(operation, a, b, s) => new.push((operation, length, [a, b, s])),
                Piece::Same(source) => {
                    self.flush(&mut new, &mut result);
                    push(&mut result, Run::new(source, length));
                }
            }
        }
        self.flush(&mut new, &mut result);
        result
    }

    fn flush(&mut self, new: &mut Vec<(Operation, u32, [Place; 3])>, result: &mut Vec<Run>) {
        let total = new.iter().map(|&(_, length, _)| length).sum();
        if total == 0 {
            return;
        }
        let d = self.fresh(total);
        let mut at = 0;
        for (operation, length, operands) in new.drain(..) {
            self.emit(operation, length, d.plus(at), operands);
            at += length;
        }
        push(result, Run::new(Source::At(d), total));
    }

    /// `select ? then : otherwise`
    pub(super) fn mux(&mut self, select: &[Run], then: &[Run], otherwise: &[Run]) -> Vec<Run> {
        match select.first().map(|run| run.source) {
            Some(Source::At(s)) => self.bitwise([then, otherwise], |cut| runs::mux(s, cut)),
            Some(Source::Ones) => then.to_vec(),
            _ => otherwise.to_vec(),
        }
    }

    /// An operation with a result of one slice.
    fn reduced(&mut self, operation: Operation, count: u32, a: Place, b: Place) -> Run {
        let d = self.fresh(1);
        self.emit(operation, count, d, [a, b, Place::default()]);
        Run::new(Source::At(d), 1)
    }

    /// Combines single bits.
    fn fold(&mut self, bits: Vec<Run>, of_none: Source, f: fn([Run; 2]) -> Piece) -> Vec<Run> {
        let mut result = vec![Run::new(of_none, 1)];
        for bit in bits {
            result = self.bitwise([&result, &[bit]], f);
        }
        result
    }

    /// One bit of all bits of a value.
    fn reduce(&mut self, operation: Operation, value: &[Run]) -> Vec<Run> {
        let mut bits = Vec::new();
        for run in value {
            bits.push(match run.source {
                Source::At(_) if run.length == 1 => *run,
                Source::At(a) => self.reduced(operation, run.length, a, Place::default()),
                Source::Ones if operation == Operation::Parity && run.length % 2 == 0 => Run::new(Source::Zeros, 1),
                constant => Run::new(constant, 1),
            });
        }
        match operation {
            Operation::All => self.fold(bits, Source::Ones, runs::and),
            Operation::Any => self.fold(bits, Source::Zeros, runs::or),
            _ => self.fold(bits, Source::Zeros, runs::xor),
        }
    }

    fn equal(&mut self, a: NodeId, b: NodeId) -> Vec<Run> {
        let (a, b) = (self.value(a), self.value(b));
        let mut bits = Vec::new();
        for [a, b] in pieces([&a[..], &b[..]]) {
            bits.push(match (a.source, b.source) {
                (Source::At(x), Source::At(y)) => self.reduced(Operation::Equal, a.length, x, y),
                (Source::At(x), Source::Zeros) | (Source::Zeros, Source::At(x)) => {
                    self.reduced(Operation::None, a.length, x, x)
                }
                (Source::At(x), Source::Ones) | (Source::Ones, Source::At(x)) if a.length > 1 => {
                    self.reduced(Operation::All, a.length, x, x)
                }
                (Source::At(x), Source::Ones) | (Source::Ones, Source::At(x)) => Run::new(Source::At(x), 1),
                (x, y) => Run::new(if x == y { Source::Ones } else { Source::Zeros }, 1),
            });
        }
        self.fold(bits, Source::Ones, runs::and)
    }

    /// A shift by a variable amount: a multiplexer for each bit of the amount.
    fn shift(&mut self, left: bool, value: NodeId, amount: NodeId, width: u32) -> Vec<Run> {
        let amount = self.value(amount);
        let mut value = self.value(value).to_vec();
        let total: u32 = amount.iter().map(|run| run.length).sum();
        let useful = (0..total).take_while(|&bit| bit < 32 && 1_u64 << bit < u64::from(width)).count();
        let useful = to_u32(useful);
        for bit in 0..useful {
            let by = 1 << bit;
            let mut shifted = Vec::new();
            if left {
                push(&mut shifted, Run::new(Source::Zeros, by));
                part(&value, 0, width - by).into_iter().for_each(|run| push(&mut shifted, run));
            } else {
                shifted = part(&value, by, width - by);
                push(&mut shifted, Run::new(Source::Zeros, by));
            }
            value = self.mux(&part(&amount, bit, 1), &shifted, &value);
        }
        let over = self.reduce(Operation::Any, &part(&amount, useful, total - useful));
        self.mux(&over, &[Run::new(Source::Zeros, width)], &value)
    }

    /// The entry of a memory at an address, where `enable` is set.
    pub(super) fn read(&mut self, memory: MemoryId, address: NodeId, enable: Option<NodeId>) -> Vec<Run> {
        let a = self.whole(address);
        let s = enable.map_or(self.always, |enable| self.whole(enable));
        let width = self.netlist.memories[memory.0 as usize].width;
        let d = self.fresh(width);
        self.emit(Operation::Read, memory.0, d, [a, Place::default(), s]);
        vec![Run::new(Source::At(d), width)]
    }

    /// The value of a node that has been lowered.
    pub(super) fn value(&self, node: NodeId) -> Rc<[Run]> {
        let value = &self.values[node.0 as usize];
        Rc::clone(value.as_ref().expect("operands are lowered before their users"))
    }

    /// Lowers a node and everything below it that has not been.
    pub(super) fn node(&mut self, root: NodeId) {
        let mut pending = vec![(root, false)];
        while let Some((node, ready)) = pending.pop() {
            if self.values[node.0 as usize].is_some() {
                continue;
            }
            if ready {
                let value = self.lower(node);
                self.values[node.0 as usize] = Some(value.into());
                continue;
            }
            pending.push((node, true));
            let from = pending.len();
            operands(&self.netlist.nodes[node.0 as usize].op, |operand| pending.push((operand, false)));
            // The first operand comes first.
            pending[from..].reverse();
        }
    }

    fn lower(&mut self, node: NodeId) -> Vec<Run> {
        let netlist = self.netlist;
        let (op, width) = (&netlist.nodes[node.0 as usize].op, netlist.nodes[node.0 as usize].width);
        let at = |place: Place| vec![Run::new(Source::At(place), width)];
        match op {
            Op::Input(input) => at(self.inputs[*input as usize]),
            Op::Constant(value) => self.constant(value, width),
            Op::Register(register) => at(self.registers[register.0 as usize]),
            Op::MemoryData { memory, port } => at(self.data[memory.0 as usize][*port as usize]),
            Op::MemoryRead { memory, address } => self.read(*memory, *address, None),
            Op::Not(a) => self.bitwise([&self.value(*a)], runs::not),
            Op::And(a, b) => self.bitwise([&self.value(*a), &self.value(*b)], runs::and),
            Op::Or(a, b) => self.bitwise([&self.value(*a), &self.value(*b)], runs::or),
            Op::Xor(a, b) => self.bitwise([&self.value(*a), &self.value(*b)], runs::xor),
            Op::Add(a, b) => self.arithmetic(Operation::Add, *a, *b, width),
            Op::Sub(a, b) => self.arithmetic(Operation::Subtract, *a, *b, width),
            Op::Mul(a, b) => self.arithmetic(Operation::Multiply, *a, *b, width),
            Op::Eq(a, b) => self.equal(*a, *b),
            Op::Lt(a, b) => {
                let count = netlist.nodes[a.0 as usize].width;
                let (a, b) = (self.whole(*a), self.whole(*b));
                vec![self.reduced(Operation::Less, count, a, b)]
            }
            Op::Shl(value, amount) => self.shift(true, *value, *amount, width),
            Op::Shr(value, amount) => self.shift(false, *value, *amount, width),
            Op::Mux { select, then, otherwise } => {
                self.mux(&self.value(*select), &self.value(*then), &self.value(*otherwise))
            }
            Op::Concat(parts) => self.concat(node, parts),
            Op::Slice { of, offset } => part(&self.value(*of), *offset, width),
            Op::ReduceAnd(a) => self.reduce(Operation::All, &self.value(*a)),
            Op::ReduceOr(a) => self.reduce(Operation::Any, &self.value(*a)),
            Op::ReduceXor(a) => self.reduce(Operation::Parity, &self.value(*a)),
        }
    }

    fn arithmetic(&mut self, operation: Operation, a: NodeId, b: NodeId, width: u32) -> Vec<Run> {
        let (a, b) = (self.whole(a), self.whole(b));
        let d = self.fresh(width);
        self.emit(operation, width, d, [a, b, Place::default()]);
        vec![Run::new(Source::At(d), width)]
    }

    fn concat(&mut self, node: NodeId, parts: &[NodeId]) -> Vec<Run> {
        let mut value = Vec::new();
        for &part in parts {
            self.value(part).iter().for_each(|&run| push(&mut value, run));
        }
        if value.len() > SCATTERED && self.uses[node.0 as usize] > 1 {
            let width = self.netlist.nodes[node.0 as usize].width;
            return vec![Run::new(Source::At(self.gather(&value)), width)];
        }
        value
    }
}
