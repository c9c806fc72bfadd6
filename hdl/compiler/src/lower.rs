//! From the flat netlist to the word graph.

use nitro_netlist::Netlist;
use nitro_netlist::netlist::{MemoryId, NodeId, Op as NetOp, RegisterId};
use nitro_netlist::primitive::ReadDuringWrite;

use crate::graph::{Cell, CellInfo, Graph, W, WideOp, low};

/// A register and the words of its next value.
pub(crate) struct RegisterRoot {
    pub(crate) cell: Cell,
    pub(crate) next: Vec<W>,
}

/// A registered read port.
pub(crate) struct ReadRoot {
    pub(crate) enable: W,
    pub(crate) address: W,
    pub(crate) data: Cell,
    pub(crate) new: bool,
}

/// A write port.
pub(crate) struct WriteRoot {
    pub(crate) enable: Vec<W>,
    pub(crate) granularity: u32,
    pub(crate) address: W,
    pub(crate) data: Vec<W>,
}

/// A memory with its ports' operands.
pub(crate) struct MemoryRoot {
    pub(crate) width: u32,
    pub(crate) address_bits: u32,
    pub(crate) reads: Vec<ReadRoot>,
    pub(crate) writes: Vec<WriteRoot>,
}

/// The netlist as words.
pub(crate) struct Lowered {
    pub(crate) graph: Graph,
    pub(crate) inputs: Vec<Cell>,
    pub(crate) registers: Vec<RegisterRoot>,
    pub(crate) memories: Vec<MemoryRoot>,
    pub(crate) outputs: Vec<Vec<W>>,
    /// The words of every named signal, if the netlist has a trace.
    pub(crate) trace: Vec<Vec<W>>,
}

struct Lowerer<'a> {
    netlist: &'a Netlist,
    graph: Graph,
    words: Vec<Vec<W>>,
    inputs: Vec<Cell>,
    registers: Vec<Cell>,
    data: Vec<Vec<Cell>>,
}

/// Words of a value of `width` bits.
pub(crate) fn word_count(width: u32) -> u32 {
    width.div_ceil(64)
}

/// Mask of word `word` of a value of `width` bits.
pub(crate) fn word_mask(width: u32, word: u32) -> u64 {
    low(width - 64 * word)
}

/// Cuts every value of a valid netlist into words.
pub(crate) fn lower(netlist: &Netlist) -> Lowered {
    let mut lowerer = Lowerer {
        netlist,
        graph: Graph::default(),
        words: Vec::with_capacity(netlist.nodes.len()),
        inputs: Vec::new(),
        registers: Vec::new(),
        data: Vec::new(),
    };
    lowerer.cells();
    for index in 0..netlist.nodes.len() {
        let words = lowerer.node(index);
        lowerer.words.push(words);
    }
    lowerer.roots()
}

impl Lowerer<'_> {
    fn cells(&mut self) {
        let netlist = self.netlist;
        self.inputs = netlist.inputs.iter().map(|port| self.cell(port.width)).collect();
        self.registers = netlist.registers.iter().map(|register| self.cell(register.width)).collect();
        for memory in &netlist.memories {
            let data = memory.registered_reads.iter().map(|_| self.cell(memory.width)).collect();
            self.data.push(data);
        }
    }

    fn cell(&mut self, width: u32) -> Cell {
        self.graph.cells.push(CellInfo { width });
        Cell(u32::try_from(self.graph.cells.len() - 1).unwrap_or(u32::MAX))
    }

    fn load(&mut self, cell: Cell) -> Vec<W> {
        let width = self.graph.cells[cell.0 as usize].width;
        (0..word_count(width)).map(|word| self.graph.load(cell, word)).collect()
    }

    fn of(&self, node: NodeId) -> &[W] {
        &self.words[node.0 as usize]
    }

    fn first(&self, node: NodeId) -> W {
        self.of(node)[0]
    }

    fn zip(&mut self, a: NodeId, b: NodeId, combine: impl Fn(&mut Graph, W, W) -> W) -> Vec<W> {
        let (a, b) = (&self.words[a.0 as usize], &self.words[b.0 as usize]);
        a.iter().zip(b).map(|(&a, &b)| combine(&mut self.graph, a, b)).collect()
    }

    fn node(&mut self, index: usize) -> Vec<W> {
        let netlist = self.netlist;
        let node = &netlist.nodes[index];
        let width = node.width;
        let mut words = match &node.op {
            NetOp::Input(input) => self.load(self.inputs[*input as usize]),
            NetOp::Constant(value) => (0..word_count(width))
                .map(|word| {
                    let value = value.get(word as usize).copied().unwrap_or(0);
                    self.graph.constant(value & word_mask(width, word))
                })
                .collect(),
            NetOp::Register(RegisterId(register)) => self.load(self.registers[*register as usize]),
            NetOp::MemoryData { memory: MemoryId(memory), port } => {
                self.load(self.data[*memory as usize][*port as usize])
            }
            NetOp::MemoryRead { memory: MemoryId(memory), address } => {
                let address = self.first(*address);
                (0..word_count(width)).map(|word| self.graph.read(*memory, word, address, width)).collect()
            }
            NetOp::Not(a) => {
                let a = self.of(*a).to_vec();
                (0..).zip(a).map(|(word, a)| self.graph.not(a, word_mask(width, word))).collect()
            }
            NetOp::And(a, b) => self.zip(*a, *b, Graph::and),
            NetOp::Or(a, b) => self.zip(*a, *b, Graph::or),
            NetOp::Xor(a, b) => self.zip(*a, *b, Graph::xor),
            NetOp::Add(a, b) => self.add(*a, *b),
            NetOp::Sub(a, b) => self.sub(*a, *b),
            NetOp::Mul(a, b) if width <= 64 => self.zip(*a, *b, Graph::mul),
            NetOp::Mul(a, b) => {
                let operands = [self.of(*a), self.of(*b)].concat();
                self.wide(WideOp::Mul, width, operands)
            }
            NetOp::Eq(a, b) => {
                let differences = self.zip(*a, *b, Graph::xor);
                if let ([a], [b]) = (self.of(*a), self.of(*b)) {
                    let (a, b) = (*a, *b);
                    vec![self.graph.eq(a, b)]
                } else {
                    let any = self.any(&differences);
                    let zero = self.graph.constant(0);
                    vec![self.graph.eq(any, zero)]
                }
            }
            NetOp::Lt(a, b) => self.less(*a, *b),
            NetOp::Shl(a, amount) => self.shift(*a, *amount, width, WideOp::Shl),
            NetOp::Shr(a, amount) => self.shift(*a, *amount, width, WideOp::Shr),
            NetOp::Mux { select, then, otherwise } => {
                let select = self.first(*select);
                self.zip(*then, *otherwise, |graph, then, otherwise| graph.mux(select, then, otherwise))
            }
            NetOp::Concat(parts) => self.concat(parts, width),
            NetOp::Slice { of, offset } => self.slice(*of, *offset, width),
            NetOp::ReduceAnd(a) => {
                let width = netlist.nodes[a.0 as usize].width;
                let a = self.of(*a).to_vec();
                let mut all = self.graph.constant(1);
                for (word, a) in (0..).zip(a) {
                    let mask = self.graph.constant(word_mask(width, word));
                    let full = self.graph.eq(a, mask);
                    all = self.graph.and(all, full);
                }
                vec![all]
            }
            NetOp::ReduceOr(a) => {
                let a = self.of(*a).to_vec();
                let any = self.any(&a);
                let zero = self.graph.constant(0);
                let none = self.graph.eq(any, zero);
                vec![self.graph.not(none, 1)]
            }
            NetOp::ReduceXor(a) => {
                let a = self.of(*a).to_vec();
                let folded = a.into_iter().reduce(|a, b| self.graph.xor(a, b));
                let folded = folded.unwrap_or_else(|| self.graph.constant(0));
                vec![self.graph.parity(folded)]
            }
        };
        if let Some(top) = words.last_mut() {
            let mask = low(width - 64 * (word_count(width) - 1));
            *top = self.graph.mask(*top, mask);
        }
        words
    }

    fn any(&mut self, words: &[W]) -> W {
        let folded = words.iter().copied().reduce(|a, b| self.graph.or(a, b));
        folded.unwrap_or_else(|| self.graph.constant(0))
    }

    fn wide(&mut self, op: WideOp, width: u32, operands: Vec<W>) -> Vec<W> {
        let words = word_count(width);
        let wide = self.graph.wide(op, words, operands);
        (0..words).map(|word| self.graph.part(wide, word)).collect()
    }

    fn add(&mut self, a: NodeId, b: NodeId) -> Vec<W> {
        let (a, b) = (self.of(a).to_vec(), self.of(b).to_vec());
        let mut carry = self.graph.constant(0);
        let mut sums = Vec::new();
        for (a, b) in a.into_iter().zip(b) {
            let partial = self.graph.add(a, b);
            let over = self.graph.lt(partial, a);
            let sum = self.graph.add(partial, carry);
            let over_again = self.graph.lt(sum, partial);
            carry = self.graph.or(over, over_again);
            sums.push(sum);
        }
        sums
    }

    fn sub(&mut self, a: NodeId, b: NodeId) -> Vec<W> {
        let (a, b) = (self.of(a).to_vec(), self.of(b).to_vec());
        let mut borrow = self.graph.constant(0);
        let mut differences = Vec::new();
        for (a, b) in a.into_iter().zip(b) {
            let partial = self.graph.sub(a, b);
            let under = self.graph.lt(a, b);
            let difference = self.graph.sub(partial, borrow);
            let under_again = self.graph.lt(partial, borrow);
            borrow = self.graph.or(under, under_again);
            differences.push(difference);
        }
        differences
    }

    fn less(&mut self, a: NodeId, b: NodeId) -> Vec<W> {
        let (a, b) = (self.of(a).to_vec(), self.of(b).to_vec());
        let mut less = self.graph.constant(0);
        // From the lowest word up, a higher word overrules.
        for (a, b) in a.into_iter().zip(b) {
            let here = self.graph.lt(a, b);
            let equal = self.graph.eq(a, b);
            let below = self.graph.and(equal, less);
            less = self.graph.or(here, below);
        }
        vec![less]
    }

    fn shift(&mut self, a: NodeId, amount: NodeId, width: u32, op: WideOp) -> Vec<W> {
        let amount = match *self.of(amount) {
            [amount] => amount,
            _ => {
                let (low, high) = (self.first(amount), self.of(amount)[1..].to_vec());
                let high = self.any(&high);
                let zero = self.graph.constant(0);
                let fits = self.graph.eq(high, zero);
                let everything = self.graph.constant(u64::MAX);
                self.graph.mux(fits, low, everything)
            }
        };
        if width <= 64 {
            let a = self.first(a);
            return vec![match op {
                WideOp::Shl => self.graph.shl_by(a, amount),
                _ => self.graph.shr_by(a, amount),
            }];
        }
        let mut operands = self.of(a).to_vec();
        operands.push(amount);
        self.wide(op, width, operands)
    }

    fn concat(&mut self, parts: &[NodeId], width: u32) -> Vec<W> {
        let zero = self.graph.constant(0);
        let mut words = vec![zero; word_count(width) as usize];
        let mut offset = 0;
        for part in parts {
            for index in 0..self.of(*part).len() {
                let value = self.of(*part)[index];
                let at = offset + 64 * u32::try_from(index).unwrap_or(u32::MAX);
                let (word, shift) = ((at / 64) as usize, at % 64);
                let placed = self.graph.shl(value, shift);
                words[word] = self.graph.or(words[word], placed);
                if shift != 0 && word + 1 < words.len() {
                    let rest = self.graph.shr(value, 64 - shift);
                    words[word + 1] = self.graph.or(words[word + 1], rest);
                }
            }
            offset += self.netlist.nodes[part.0 as usize].width;
        }
        words
    }

    fn slice(&mut self, of: NodeId, offset: u32, width: u32) -> Vec<W> {
        let source = self.of(of).to_vec();
        (0..word_count(width))
            .map(|index| {
                let at = offset + 64 * index;
                let (word, shift) = ((at / 64) as usize, at % 64);
                let bits = (width - 64 * index).min(64);
                let mut value = self.graph.bits(source[word], shift, bits.min(64 - shift));
                if bits > 64 - shift {
                    let rest = self.graph.bits(source[word + 1], 0, bits - (64 - shift));
                    let rest = self.graph.shl(rest, 64 - shift);
                    value = self.graph.or(value, rest);
                }
                value
            })
            .collect()
    }

    fn roots(mut self) -> Lowered {
        let netlist = self.netlist;
        let mut registers = Vec::new();
        for (index, register) in netlist.registers.iter().enumerate() {
            let mut next = self.of(register.d).to_vec();
            if let Some(reset) = register.reset {
                let reset = self.first(reset);
                for (word, next) in (0..).zip(&mut next) {
                    let value = register.reset_value.get(word as usize).copied().unwrap_or(0);
                    let value = self.graph.constant(value & word_mask(register.width, word));
                    *next = self.graph.mux(reset, value, *next);
                }
            }
            registers.push(RegisterRoot { cell: self.registers[index], next });
        }
        let mut memories = Vec::new();
        for (memory, data) in netlist.memories.iter().zip(&self.data) {
            let reads = memory.registered_reads.iter().zip(data).map(|(read, &data)| ReadRoot {
                enable: self.first(read.enable),
                address: self.first(read.address),
                data,
                new: read.during_write == ReadDuringWrite::New,
            });
            let writes = memory.writes.iter().map(|write| WriteRoot {
                enable: self.of(write.enable).to_vec(),
                granularity: write.granularity,
                address: self.first(write.address),
                data: self.of(write.data).to_vec(),
            });
            memories.push(MemoryRoot {
                width: memory.width,
                address_bits: memory.address_bits,
                reads: reads.collect(),
                writes: writes.collect(),
            });
        }
        let outputs = netlist.outputs.iter().map(|port| self.of(port.node).to_vec()).collect();
        let trace = netlist.trace.iter().map(|signal| self.of(signal.node).to_vec()).collect();
        Lowered { graph: self.graph, inputs: self.inputs, registers, memories, outputs, trace }
    }
}
