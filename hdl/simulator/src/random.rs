//! Random netlists, for testing engines against each other.
//!
//! A netlist is made of a list of [`Draw`]s, one or a few nodes each, so that a property test shrinks a failing netlist by
//! dropping and simplifying draws; [`netlist`] makes the draws from a seed.

use nitro_netlist::netlist::{
    Memory, MemoryId, Netlist, Node, NodeId, Op, Port, Register, RegisterId, RegisteredRead, TraceSignal, Write,
};
use nitro_netlist::primitive::ReadDuringWrite;

use crate::words::{normalise, to_index, to_u32, word_count};

/// What one step of the making adds. Any values are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Selects the operation.
    pub kind: u8,
    /// Selects the width, 1 to [`MAX_WIDTH`] bits.
    pub width: u16,
    /// Select operands, offsets, constants and sizes.
    pub choices: [u32; 3],
}

/// The widest value of a random netlist in bits.
pub const MAX_WIDTH: u32 = 1100;

/// A small, good generator of pseudo-random words (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit` (at least 1).
    pub fn below(&mut self, limit: usize) -> usize {
        to_index(self.word() % (limit as u64).max(1))
    }

    /// True in `numerator` of 256 cases.
    pub fn chance(&mut self, numerator: u64) -> bool {
        self.word() >> 56 < numerator
    }

    /// A value of `width` bits; one in eight each is all zero or all ones, where bugs live.
    pub fn value(&mut self, width: u32) -> Vec<u64> {
        let kind = self.below(8);
        let words: Vec<u64> = (0..word_count(width))
            .map(|_| match kind {
                0 => 0,
                1 => u64::MAX,
                _ => self.word(),
            })
            .collect();
        normalise(&words, width)
    }
}

/// A netlist of so many draws from a seed.
#[must_use]
pub fn netlist(seed: u64, draws: usize) -> Netlist {
    build(&draw(seed, draws))
}

/// So many draws from a seed.
#[must_use]
pub fn draw(seed: u64, draws: usize) -> Vec<Draw> {
    let mut random = Random::new(seed);
    (0..draws)
        .map(|_| {
            let word = random.word();
            let [kind, width_low, width_high, ..] = word.to_le_bytes();
            let mut choice = || to_u32(random.below(1 << 32));
            Draw { kind, width: u16::from_le_bytes([width_low, width_high]), choices: [choice(), choice(), choice()] }
        })
        .collect()
}

/// Makes a well-formed netlist of draws: every operation occurs, registers and memories feed back.
#[must_use]
pub fn build(draws: &[Draw]) -> Netlist {
    let mut maker = Maker {
        netlist: Netlist { name: "random".into(), ..Netlist::default() },
        state: Vec::new(),
        conditions: Vec::new(),
        joined: Vec::new(),
        inserted: None,
    };
    // There is always something to choose from.
    maker.input(1);
    maker.input(64);
    for draw in draws {
        maker.draw(*draw);
    }
    maker.finish(draws)
}

/// A register or memory whose operands are chosen when all nodes exist.
enum Pending {
    Register(usize, Draw),
    /// One that takes a new value under conditions.
    Held(usize, Draw),
    Memory(usize, Draw),
}

struct Maker {
    netlist: Netlist,
    state: Vec<Pending>,
    /// Conditions that several things depend on, as enables in a design do.
    conditions: Vec<NodeId>,
    /// Concatenations, for slices of them.
    joined: Vec<NodeId>,
    /// The end of a chain of insertions into one value.
    inserted: Option<NodeId>,
}

/// Narrow widths mostly, some next to a word's end, some wide.
fn width_of(draw: Draw) -> u32 {
    let width = u32::from(draw.width);
    let (class, rest) = (width % 8, width / 8);
    match class {
        0 | 1 => 1,
        2 | 3 => 1 + rest % 16,
        4 => 1 + rest % 70,
        5 => 62 + rest % 5,
        6 => 126 + rest % 5,
        _ => 1 + rest % MAX_WIDTH,
    }
}

impl Maker {
    fn push(&mut self, op: Op, width: u32) -> NodeId {
        let id = NodeId(to_u32(self.netlist.nodes.len()));
        self.netlist.nodes.push(Node { op, width });
        id
    }

    fn width(&self, node: NodeId) -> u32 {
        self.netlist.nodes[node.0 as usize].width
    }

    fn constant(&mut self, seed: u32, width: u32) -> NodeId {
        let value = Random::new(u64::from(seed)).value(width);
        self.push(Op::Constant(value), width)
    }

    fn input(&mut self, width: u32) {
        let index = to_u32(self.netlist.inputs.len());
        let node = self.push(Op::Input(index), width);
        self.netlist.inputs.push(Port { name: format!("i{index}"), width, node });
    }

    /// Some existing node.
    fn any(&self, choice: u32) -> NodeId {
        NodeId(choice % to_u32(self.netlist.nodes.len()))
    }

    /// Some existing node, cut or extended to a width.
    fn operand(&mut self, choice: u32, width: u32) -> NodeId {
        let node = self.any(choice);
        let has = self.width(node);
        match has.cmp(&width) {
            std::cmp::Ordering::Equal => node,
            std::cmp::Ordering::Greater => {
                let offset = (choice >> 8) % (has - width + 1);
                self.push(Op::Slice { of: node, offset }, width)
            }
            std::cmp::Ordering::Less => {
                let rest = width - has;
                let filler = self.constant(choice, rest);
                let parts = if choice & 256 == 0 { vec![node, filler] } else { vec![filler, node] };
                self.push(Op::Concat(parts), width)
            }
        }
    }

    fn draw(&mut self, draw: Draw) {
        let width = width_of(draw);
        let [x, y, z] = draw.choices;
        match draw.kind % 48 {
            0 => self.input(width),
            1 => {
                self.constant(x, width);
            }
            2..=5 => self.register(width, draw),
            6 => self.memory(draw),
            7 | 8 => self.memory_read(draw),
            9 => self.unary(Op::Not, x, width, width),
            10 => self.unary(Op::ReduceAnd, x, width, 1),
            11 => self.unary(Op::ReduceOr, x, width, 1),
            12 => self.unary(Op::ReduceXor, x, width, 1),
            13 => self.binary(Op::And, x, y, width, width),
            14 => self.binary(Op::Or, x, y, width, width),
            15 => self.binary(Op::Xor, x, y, width, width),
            16 => self.binary(Op::Add, x, y, width, width),
            17 => self.binary(Op::Sub, x, y, width, width),
            18 => self.binary(Op::Mul, x, y, width, width),
            19 => self.binary(Op::Eq, x, y, width, 1),
            20 => self.binary(Op::Lt, x, y, width, 1),
            21 | 22 => {
                let value = self.operand(x, width);
                // A short amount hits, any node's value mostly shifts everything out.
                let amount = if z % 4 == 0 { self.any(y) } else { self.operand(y, 1 + z % 11) };
                let op = if draw.kind % 48 == 21 { Op::Shl(value, amount) } else { Op::Shr(value, amount) };
                self.push(op, width);
            }
            23..=26 => {
                let select = self.operand(x, 1);
                let (then, otherwise) = (self.operand(y, width), self.operand(z, width));
                self.push(Op::Mux { select, then, otherwise }, width);
            }
            27 | 28 => {
                let of = self.any(x);
                let has = self.width(of);
                let offset = y % has;
                self.push(Op::Slice { of, offset }, 1 + z % (has - offset));
            }
            29..=31 => self.concat(draw.choices),
            32..=34 => self.nested_mux(width, draw.choices),
            35..=38 => self.insert(width, draw.choices),
            39 | 40 => self.slice_of_concat(draw.choices),
            41 | 42 => self.decode(draw.choices),
            43 | 44 => {
                self.condition(x ^ z.rotate_left(16));
            }
            _ => self.held_register(width, draw),
        }
    }

    /// A condition: mostly one that there is, at times inverted or narrowed, or a new one.
    fn condition(&mut self, choice: u32) -> NodeId {
        let (kind, choice) = (choice % 16, choice / 16);
        let known = to_u32(self.conditions.len());
        let old = |maker: &Self, choice: u32| maker.conditions[(choice % known) as usize];
        let condition = match kind {
            0..=7 if known > 0 => return old(self, choice),
            8..=9 if known > 0 => self.push(Op::Not(old(self, choice)), 1),
            10..=12 if known > 0 => {
                let also = if choice & 1 == 0 { old(self, choice >> 8) } else { self.operand(choice >> 1, 1) };
                self.push(Op::And(old(self, choice >> 4), also), 1)
            }
            13 if known > 0 => self.push(Op::Or(old(self, choice), old(self, choice >> 8)), 1),
            _ => self.operand(choice, 1),
        };
        self.conditions.push(condition);
        condition
    }

    /// Multiplexers in the arms of a multiplexer, under the same or related conditions.
    fn nested_mux(&mut self, width: u32, [x, y, z]: [u32; 3]) {
        let mut value = self.operand(x, width);
        let mut other = self.operand(y, width);
        for level in 0..2 + z % 3 {
            let turn = z.rotate_right(5 * level + 3);
            let select = self.condition(turn);
            let (then, otherwise) = if turn & 1 == 0 { (value, other) } else { (other, value) };
            let next = self.push(Op::Mux { select, then, otherwise }, width);
            // The same arms come back, as default assignments do.
            (value, other) = (next, if turn & 2 == 0 { value } else { self.operand(turn ^ x, width) });
        }
    }

    /// Replaces some bits of a value, perhaps of the last one that got some replaced, perhaps under a condition.
    fn insert(&mut self, width: u32, [x, y, z]: [u32; 3]) {
        let base = match self.inserted {
            Some(base) if z % 4 != 0 => base,
            _ => self.operand(x, width.max(2)),
        };
        let value = self.insertion(base, y, z);
        let value = if z & 16 == 0 {
            value
        } else {
            let (select, has) = (self.condition(z >> 8), self.width(base));
            self.push(Op::Mux { select, then: value, otherwise: base }, has)
        };
        self.inserted = Some(value);
    }

    /// `base` with some of its bits replaced.
    fn insertion(&mut self, base: NodeId, y: u32, z: u32) -> NodeId {
        let has = self.width(base);
        let offset = y % has;
        let width = 1 + (y >> 12) % (has - offset);
        let mut parts = Vec::new();
        if offset > 0 {
            parts.push(self.push(Op::Slice { of: base, offset: 0 }, offset));
        }
        parts.push(self.operand(z.rotate_left(9), width));
        if offset + width < has {
            parts.push(self.push(Op::Slice { of: base, offset: offset + width }, has - offset - width));
        }
        self.push(Op::Concat(parts), has)
    }

    fn slice_of_concat(&mut self, [x, y, z]: [u32; 3]) {
        if self.joined.is_empty() {
            self.concat([x, y, z]);
        }
        if let Some(&of) = self.joined.get(x as usize % self.joined.len().max(1)) {
            let has = self.width(of);
            let offset = y % has;
            self.push(Op::Slice { of, offset }, 1 + z % (has - offset));
        }
    }

    /// A comparison with a constant, which becomes a condition.
    fn decode(&mut self, [x, y, z]: [u32; 3]) {
        let width = 1 + z % 6;
        let (value, constant) = (self.operand(x, width), self.constant(y, width));
        let op = if z & 64 == 0 { Op::Eq(value, constant) } else { Op::Lt(value, constant) };
        let condition = self.push(op, 1);
        self.conditions.push(condition);
    }

    /// A register that holds its value unless shared conditions say otherwise; bits of it may be replaced.
    fn held_register(&mut self, width: u32, draw: Draw) {
        let index = self.netlist.registers.len();
        self.register(width, draw);
        if let Some(last) = self.state.last_mut() {
            *last = Pending::Held(index, draw);
        }
    }

    fn unary(&mut self, op: fn(NodeId) -> Op, choice: u32, operand_width: u32, width: u32) {
        let operand = self.operand(choice, operand_width);
        self.push(op(operand), width);
    }

    fn binary(&mut self, op: fn(NodeId, NodeId) -> Op, x: u32, y: u32, operand_width: u32, width: u32) {
        let (left, right) = (self.operand(x, operand_width), self.operand(y, operand_width));
        self.push(op(left, right), width);
    }

    fn concat(&mut self, choices: [u32; 3]) {
        let mut parts: Vec<NodeId> = Vec::new();
        let mut width = 0;
        for turn in 0..1 + choices[0] % 14 {
            let part = self.any(choices[turn as usize % 3].rotate_left(turn * 5));
            if width + self.width(part) <= MAX_WIDTH {
                width += self.width(part);
                parts.push(part);
            }
        }
        if !parts.is_empty() {
            let joined = self.push(Op::Concat(parts), width);
            self.joined.push(joined);
        }
    }

    fn register(&mut self, width: u32, draw: Draw) {
        let index = self.netlist.registers.len();
        let node = self.push(Op::Register(RegisterId(to_u32(index))), width);
        let reset_value = Random::new(u64::from(draw.choices[2])).value(width);
        self.netlist.registers.push(Register { path: format!("r{index}"), width, reset_value, reset: None, d: node });
        self.state.push(Pending::Register(index, draw));
    }

    fn memory(&mut self, draw: Draw) {
        let [x, y, z] = draw.choices;
        let width = 1 + x % 150;
        let address_bits = 1 + y % 5;
        let index = self.netlist.memories.len();
        let memory = MemoryId(to_u32(index));
        let mut random = Random::new(u64::from(z));
        let filled = random.below((1 << address_bits) + 1);
        let ports = z % 3;
        self.netlist.memories.push(Memory {
            path: format!("m{index}"),
            width,
            address_bits,
            contents: (0..filled).map(|_| random.value(width)).collect(),
            registered_reads: Vec::new(),
            writes: Vec::new(),
        });
        for port in 0..ports {
            self.push(Op::MemoryData { memory, port }, width);
        }
        self.state.push(Pending::Memory(index, draw));
    }

    fn memory_read(&mut self, draw: Draw) {
        let [x, y, _] = draw.choices;
        if self.netlist.memories.is_empty() {
            return;
        }
        let memory = MemoryId(x % to_u32(self.netlist.memories.len()));
        let Memory { width, address_bits, .. } = self.netlist.memories[memory.0 as usize];
        let address = self.operand(y, address_bits);
        self.push(Op::MemoryRead { memory, address }, width);
    }

    fn connect_register(&mut self, index: usize, draw: Draw) {
        let [x, y, z] = draw.choices;
        let width = self.netlist.registers[index].width;
        let d = self.operand(x, width);
        let reset = (z % 3 == 0).then(|| self.operand(y, 1));
        let register = &mut self.netlist.registers[index];
        register.d = d;
        register.reset = reset;
    }

    fn connect_held(&mut self, index: usize, draw: Draw) {
        let [x, y, z] = draw.choices;
        let width = self.netlist.registers[index].width;
        // The register's own node is its `d` until it is connected.
        let q = self.netlist.registers[index].d;
        let mut next = q;
        for level in 0..1 + z % 3 {
            let turn = x.rotate_right(7 * level);
            let value = if turn & 4 == 0 { self.operand(turn, width) } else { self.insertion(next, turn, y) };
            let select = self.condition(y.rotate_right(6 * level));
            next = self.push(Op::Mux { select, then: value, otherwise: next }, width);
        }
        if z & 32 != 0 {
            // An enable of everything.
            let select = self.condition(z >> 6);
            next = self.push(Op::Mux { select, then: next, otherwise: q }, width);
        }
        let reset = (z & 64 != 0).then(|| self.condition(z >> 8));
        let register = &mut self.netlist.registers[index];
        register.d = next;
        register.reset = reset;
    }

    fn connect_memory(&mut self, index: usize, draw: Draw) {
        let mut random = Random::new(u64::from(draw.choices[0]) << 32 | u64::from(draw.choices[2]));
        let mut choice = || to_u32(random.below(1 << 32));
        let Memory { width, address_bits, .. } = self.netlist.memories[index];
        for _ in 0..draw.choices[2] % 3 {
            let read = RegisteredRead {
                enable: self.operand(choice(), 1),
                address: self.operand(choice(), address_bits),
                during_write: if choice() & 1 == 0 { ReadDuringWrite::Old } else { ReadDuringWrite::New },
            };
            self.netlist.memories[index].registered_reads.push(read);
        }
        for _ in 0..choice() % 3 {
            let divisors: Vec<u32> = (1..=width).filter(|divisor| width.is_multiple_of(*divisor)).collect();
            let granularity = divisors[choice() as usize % divisors.len()];
            let write = Write {
                enable: self.operand(choice(), width / granularity),
                granularity,
                address: self.operand(choice(), address_bits),
                data: self.operand(choice(), width),
            };
            self.netlist.memories[index].writes.push(write);
        }
    }

    fn finish(mut self, draws: &[Draw]) -> Netlist {
        for pending in std::mem::take(&mut self.state) {
            match pending {
                Pending::Register(index, draw) => self.connect_register(index, draw),
                Pending::Held(index, draw) => self.connect_held(index, draw),
                Pending::Memory(index, draw) => self.connect_memory(index, draw),
            }
        }
        // The last nodes, and some that the draws choose.
        let last = to_u32(self.netlist.nodes.len()) - 1;
        let chosen: Vec<NodeId> = (last.saturating_sub(3)..=last)
            .map(NodeId)
            .chain(draws.iter().step_by(4).map(|draw| self.any(draw.choices[0] ^ draw.choices[1])))
            .collect();
        for (index, node) in chosen.into_iter().enumerate() {
            let width = self.width(node);
            self.netlist.outputs.push(Port { name: format!("o{index}"), width, node });
        }
        for index in (0..self.netlist.nodes.len()).step_by(3) {
            let scope = (0..index / 3 % 3).map(|level| format!("s{level}")).collect();
            let node = NodeId(to_u32(index));
            self.netlist.trace.push(TraceSignal { scope, name: format!("n{index}"), variants: Vec::new(), node });
        }
        self.netlist
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_reference_implementation() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.word(), 6_457_827_717_110_365_317);
        assert_eq!(random.word(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn chances_are_kept() {
        let mut random = Random::new(7);
        let hits = (0..10_000).filter(|_| random.chance(64)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
        assert!(!random.chance(0) && random.chance(256));
    }
}
