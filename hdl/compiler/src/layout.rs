//! Where cells lie: narrow ones in arrays of bytes, half words and words, everything else in an array of 64-bit words.
//!
//! Cells of one region stand together, in the order of evaluation, so that a region touches few cache lines.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Cell, Graph};
use crate::lower::MemoryRoot;

/// The arrays of a state by the width of their elements.
pub(crate) const ARRAYS: [(char, u32); 4] = [('a', 8), ('b', 16), ('c', 32), ('d', 64)];

/// The place of every cell and memory.
pub(crate) struct Layout {
    places: BTreeMap<Cell, (usize, usize)>,
    stages: BTreeMap<Cell, Cell>,
    /// Elements of each array.
    pub(crate) lengths: [usize; 4],
    /// First word and address bits and words an entry of each memory.
    memories: Vec<(usize, u32, u32)>,
    /// Words of all memories.
    pub(crate) memory_words: usize,
}

impl Layout {
    /// Places cells in the order given; each staged cell gets a second place for its next value.
    pub(crate) fn new(
        graph: &mut Graph,
        order: impl IntoIterator<Item = Cell>,
        staged: &BTreeSet<Cell>,
        memories: &[MemoryRoot],
    ) -> Self {
        let mut layout = Self {
            places: BTreeMap::new(),
            stages: BTreeMap::new(),
            lengths: [0; 4],
            memories: Vec::new(),
            memory_words: 0,
        };
        for cell in order {
            layout.place(graph, cell);
        }
        for &cell in staged {
            let info = graph.cells[cell.0 as usize].clone();
            graph.cells.push(info);
            let stage = Cell(u32::try_from(graph.cells.len() - 1).unwrap_or(u32::MAX));
            layout.place(graph, stage);
            layout.stages.insert(cell, stage);
        }
        for memory in memories {
            let words = memory.width.div_ceil(64);
            layout.memories.push((layout.memory_words, memory.address_bits, words));
            layout.memory_words += (words as usize) << memory.address_bits;
        }
        layout
    }

    fn place(&mut self, graph: &Graph, cell: Cell) {
        let width = graph.cells[cell.0 as usize].width;
        let array = ARRAYS.iter().position(|&(_, bits)| width <= bits).unwrap_or(3);
        self.places.insert(cell, (array, self.lengths[array]));
        self.lengths[array] += width.div_ceil(64) as usize;
    }

    /// Where the next value of a cell waits that changes late.
    pub(crate) fn staged(&self, cell: Cell) -> Option<Cell> {
        self.stages.get(&cell).copied()
    }

    /// The array and the element that hold a word of a cell.
    pub(crate) fn place_of(&self, cell: Cell, word: u32) -> (usize, usize) {
        let (array, first) = self.places[&cell];
        (array, first + word as usize)
    }

    /// Element of the state that holds a word of a cell.
    pub(crate) fn element(&self, cell: Cell, word: u32) -> String {
        let (array, first) = self.places[&cell];
        format!("s.{}[{}]", ARRAYS[array].0, first + word as usize)
    }

    /// An expression for a word of a cell.
    pub(crate) fn load(&self, cell: Cell, word: u32) -> String {
        let element = self.element(cell, word);
        if self.places[&cell].0 == 3 { element } else { format!("({element} as u64)") }
    }

    /// A statement that changes a word of a cell.
    pub(crate) fn store(&self, cell: Cell, word: u32, value: &str) -> String {
        let (array, _) = self.places[&cell];
        let element = self.element(cell, word);
        if array == 3 {
            format!("{element} = {value};\n")
        } else {
            format!("{element} = {value} as u{};\n", ARRAYS[array].1)
        }
    }

    /// An expression for the first word of a memory's entry.
    pub(crate) fn entry(&self, memory: usize, address: &str) -> String {
        let (first, address_bits, words) = self.memories[memory];
        let mask = (1_u64 << address_bits) - 1;
        format!("{first} + (({address}) as usize & {mask:#x}) * {words}")
    }

    /// First word of a memory.
    pub(crate) fn memory(&self, memory: usize) -> usize {
        self.memories[memory].0
    }
}
