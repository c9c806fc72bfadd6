//! The text of the generated module.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use nitro_netlist::Netlist;

use crate::graph::{Cell, W};
use crate::layout::Layout;
use crate::lower::{Lowered, word_count, word_mask};
use crate::partition::{Item, Partition, Region, Source, item_cells, item_roots};
use crate::scope::{Context, Scope, Unit, literal};

/// Operations up to which regions share a function: larger ones take the compiler disproportionate time.
const FUNCTION: usize = 400;
/// Sets of readers that a region tells apart; more would cost more than they save.
const READER_SETS: usize = 6;

struct Generator<'a> {
    netlist: &'a Netlist,
    lowered: &'a Lowered,
    partition: &'a Partition,
    layout: &'a Layout,
    guards: bool,
    text: String,
}

/// Words of activity flags.
fn flag_words(regions: usize) -> usize {
    regions.div_ceil(64).max(1)
}

/// Writes a whole module.
pub(crate) fn generate(
    netlist: &Netlist,
    lowered: &Lowered,
    partition: &Partition,
    layout: &Layout,
    guards: bool,
) -> String {
    let mut generator = Generator { netlist, lowered, partition, layout, guards, text: String::new() };
    generator.state();
    generator.ports();
    let settle = generator.regions(true);
    let edge = generator.regions(false);
    generator.clocks(&settle, &edge);
    generator.text.push_str(include_str!("prelude.rs"));
    generator.text
}

impl Generator<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn state(&mut self) {
        let [a, b, c, d] = self.layout.lengths.map(|length| length.max(1));
        let m = self.layout.memory_words.max(1);
        let (values, sinks) = (flag_words(self.partition.values.len()), flag_words(self.partition.sinks.len()));
        let name = &self.netlist.name;
        let _ = write!(
            self.text,
            "/// The state of `{name}`.\n#[derive(Clone)]\npub struct State {{\n    a: [u8; {a}],\n    b: [u16; {b}],\n    c: [u32; {c}],\n    \
             d: [u64; {d}],\n    m: Box<[u64; {m}]>,\n    values: [u64; {values}],\n    sinks: [u64; {sinks}],\n    now: [u64; {sinks}],\n}}\n"
        );
        let _ = write!(
            self.text,
            "/// The state at power-up.\npub fn power_up() -> Box<State> {{\n    let mut s = Box::new(State {{\n        a: [0; {a}],\n        \
             b: [0; {b}],\n        c: [0; {c}],\n        d: [0; {d}],\n        m: vec![0; {m}].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!()),\n        \
             values: [u64::MAX; {values}],\n        sinks: [u64::MAX; {sinks}],\n        now: [0; {sinks}],\n    }});\n"
        );
        for (register, root) in self.netlist.registers.iter().zip(&self.lowered.registers) {
            for word in 0..word_count(register.width) {
                let value = register.reset_value.get(word as usize).copied().unwrap_or(0);
                let value = value & word_mask(register.width, word);
                if value != 0 {
                    let store = self.layout.store(root.cell, word, &literal(value));
                    self.text.push_str(&store);
                }
            }
        }
        for (index, memory) in self.netlist.memories.iter().enumerate() {
            let words = word_count(memory.width) as usize;
            let depth = 1_usize << memory.address_bits;
            let given: Vec<u64> = memory
                .contents
                .iter()
                .take(depth)
                .flat_map(|entry| {
                    (0..words).map(|word| {
                        let value = entry.get(word).copied().unwrap_or(0);
                        value & word_mask(memory.width, u32::try_from(word).unwrap_or(u32::MAX))
                    })
                })
                .collect();
            if given.iter().any(|&word| word != 0) {
                let first = self.layout.memory(index);
                let numbers: Vec<String> = given.iter().map(|word| format!("{word:#x}")).collect();
                let _ = writeln!(
                    self.text,
                    "static CONTENTS_{index}: [u64; {0}] = [{1}];\ns.m[{first}..{first} + {0}].copy_from_slice(&CONTENTS_{index});",
                    given.len(),
                    numbers.join(", "),
                );
            }
        }
        self.line("    s\n}");
    }

    /// Statements that make the readers of a source due.
    fn mark(&self, readers: Option<&BTreeSet<Region>>) -> String {
        let mut masks: BTreeMap<(bool, usize), u64> = BTreeMap::new();
        for region in readers.into_iter().flatten() {
            let (value, index) = match *region {
                Region::Value(index) => (true, index),
                Region::Sink(index) => (false, index),
            };
            *masks.entry((value, index / 64)).or_default() |= 1 << (index % 64);
        }
        let mut text = String::new();
        for ((value, word), mask) in masks {
            let array = if value { "values" } else { "sinks" };
            let _ = write!(text, "s.{array}[{word}] |= {}; ", literal(mask));
        }
        text
    }

    fn readers(&self, cell: Cell) -> Option<&BTreeSet<Region>> {
        self.partition.readers.get(&Source::Cell(cell))
    }

    fn ports(&mut self) {
        for (name, ports) in [("INPUTS", &self.netlist.inputs), ("OUTPUTS", &self.netlist.outputs)] {
            let list: Vec<String> = ports.iter().map(|port| format!("({:?}, {})", port.name, port.width)).collect();
            let _ = writeln!(
                self.text,
                "/// Names and widths of ports.\npub const {name}: &[(&str, usize)] = &[{}];",
                list.join(", ")
            );
        }
        self.line("/// Offers a value at an input.\npub fn set(s: &mut State, index: usize, value: &[u64]) {\n    match index {");
        let mut image = String::new();
        let mut at = 0;
        for (index, (&cell, port)) in self.lowered.inputs.iter().zip(&self.netlist.inputs).enumerate() {
            let words = word_count(port.width);
            let _ = writeln!(self.text, "{index} => {{ let mut c = 0;");
            let _ = writeln!(image, "{{ let mut c = 0;");
            for word in 0..words {
                let mask = literal(word_mask(port.width, word));
                let load = self.layout.load(cell, word);
                let store = self.layout.store(cell, word, "n");
                let _ = write!(
                    self.text,
                    "let n = value.get({word}).copied().unwrap_or(0) & {mask}; c |= n ^ {load}; {store}"
                );
                let _ = write!(image, "let n = inputs[{at}] & {mask}; c |= n ^ {load}; {store}");
                at += 1;
            }
            let mark = self.mark(self.readers(cell));
            let _ = writeln!(self.text, "if c != 0 {{ {mark} }} }}");
            let _ = writeln!(image, "if c != 0 {{ {mark} }} }}");
        }
        self.line("        _ => {}\n    }\n}");
        let _ = writeln!(
            self.text,
            "/// Offers values at all inputs.\npub fn set_all(s: &mut State, inputs: &[u64]) {{\nlet inputs = &inputs[..{at}];\n{image}}}"
        );
        self.outputs();
    }

    fn outputs(&mut self) {
        let mut get = String::new();
        let mut image = String::new();
        let mut at = 0;
        let empty = HashMap::new();
        let roots: Vec<W> = self.lowered.outputs.iter().flatten().copied().collect();
        let context = Context::new(
            &self.lowered.graph,
            self.layout,
            &self.lowered.memories,
            &self.partition.kept,
            std::collections::HashSet::new(),
            empty,
            &roots,
        );
        let mut scope = Scope::new(&context);
        for (index, words) in self.lowered.outputs.iter().enumerate() {
            let _ = writeln!(get, "{index} => {{");
            for (word, &w) in words.iter().enumerate() {
                let value = scope.value(w);
                let _ = writeln!(get, "if let Some(slot) = value.get_mut({word}) {{ *slot = {value}; }}");
                let _ = writeln!(image, "outputs[{at}] = {value};");
                at += 1;
            }
            let _ = writeln!(get, "}}");
        }
        let _ = writeln!(
            self.text,
            "/// Reads an output as last settled.\npub fn get(s: &State, index: usize, value: &mut [u64]) {{\n    value.fill(0);\n    match index {{\n{get}_ => {{}}\n}}\n}}"
        );
        let _ = writeln!(
            self.text,
            "/// Reads all outputs as last settled.\npub fn get_all(s: &State, outputs: &mut [u64]) {{\nlet outputs = &mut outputs[..{at}];\n{image}}}"
        );
    }

    /// Writes the functions of all value or all sink regions; gives their names and the flag words that they cover.
    fn regions(&mut self, values: bool) -> Vec<(String, usize)> {
        let count = if values { self.partition.values.len() } else { self.partition.sinks.len() };
        let prefix = if values { "settle" } else { "edge" };
        let mut functions = Vec::new();
        let mut body = String::new();
        let (mut size, mut first) = (0, 0);
        for index in 0..count {
            let text = if values { self.value_region(index) } else { self.sink_region(index) };
            size += text.lines().count();
            let (word, bit) = (index / 64, literal(1 << (index % 64)));
            let flags = if values { "values" } else { "now" };
            if !self.guards {
                let _ = writeln!(body, "{{\n{text}}}");
            } else if values {
                let _ = writeln!(body, "if s.{flags}[{word}] & {bit} != 0 {{\ns.{flags}[{word}] ^= {bit};\n{text}}}");
            } else {
                let _ = writeln!(body, "if s.{flags}[{word}] & {bit} != 0 {{\n{text}}}");
            }
            let ends_word = index % 64 == 63;
            if size >= FUNCTION || ends_word || index + 1 == count {
                let name = format!("{prefix}_{}", functions.len());
                let _ = writeln!(self.text, "#[inline(never)]\nfn {name}(s: &mut State) {{\n{body}}}");
                let mask = (first..=index).fold(0_u64, |mask, index| mask | 1 << (index % 64));
                let due =
                    if self.guards { format!("s.{flags}[{word}] & {} != 0", literal(mask)) } else { "true".into() };
                functions.push((format!("if {due} {{ {name}(s); }}"), word));
                body.clear();
                size = 0;
                first = index + 1;
            }
        }
        functions
    }

    fn value_region(&self, index: usize) -> String {
        let values = &self.partition.values[index];
        let kept = &self.partition.kept;
        let units = values.iter().map(|&value| Unit::Keep { value, cell: kept[&value] }).collect();
        let sources: Vec<Source> = values.iter().map(|value| Source::Cell(kept[value])).collect();
        self.region(units, values, &sources, values.iter().copied().collect())
    }

    fn sink_region(&self, index: usize) -> String {
        let items = &self.partition.sinks[index];
        let mut units = Vec::new();
        let mut sources = Vec::new();
        for &item in items {
            sources.extend(item_cells(self.lowered, item).into_iter().map(Source::Cell));
            match item {
                Item::Register(register) => {
                    let root = &self.lowered.registers[register];
                    units.extend((0..).zip(&root.next).map(|(word, &value)| Unit::Store {
                        cell: root.cell,
                        word,
                        value,
                    }));
                }
                Item::Memory(memory) => {
                    units.push(Unit::Memory(memory));
                    sources.push(Source::Contents(u32::try_from(memory).unwrap_or(u32::MAX)));
                }
            }
        }
        let roots: Vec<W> = items.iter().flat_map(|&item| item_roots(self.lowered, item)).collect();
        self.region(units, &roots, &sources, std::collections::HashSet::new())
    }

    fn region(&self, units: Vec<Unit>, roots: &[W], sources: &[Source], own: std::collections::HashSet<W>) -> String {
        let mut sets: Vec<BTreeSet<Region>> = Vec::new();
        let mut accumulator = HashMap::new();
        if self.guards {
            let mut by_set: BTreeMap<&BTreeSet<Region>, Vec<Source>> = BTreeMap::new();
            for source in sources {
                if let Some(readers) = self.partition.readers.get(source).filter(|readers| !readers.is_empty()) {
                    by_set.entry(readers).or_default().push(*source);
                }
            }
            let mut by_count: Vec<_> = by_set.into_iter().collect();
            by_count.sort_by_key(|(_, sources)| std::cmp::Reverse(sources.len()));
            for (number, (readers, sources)) in by_count.into_iter().enumerate() {
                if number < READER_SETS {
                    sets.push(readers.clone());
                } else {
                    sets[READER_SETS - 1].extend(readers);
                }
                for source in sources {
                    accumulator.insert(source, sets.len() - 1);
                }
            }
        }
        let context = Context::new(
            &self.lowered.graph,
            self.layout,
            &self.lowered.memories,
            &self.partition.kept,
            own,
            accumulator,
            roots,
        );
        let mut scope = Scope::new(&context);
        scope.units(units);
        let mut text = String::new();
        for number in 0..sets.len() {
            let _ = writeln!(text, "let mut c{number} = 0_u64;");
        }
        text.push_str(&scope.finish());
        for (number, readers) in sets.iter().enumerate() {
            let _ = writeln!(text, "if c{number} != 0 {{ {}}}", self.mark(Some(readers)));
        }
        text
    }

    fn clocks(&mut self, settle: &[(String, usize)], edge: &[(String, usize)]) {
        let calls = |functions: &[(String, usize)], flags: &str, guards: bool| {
            let mut text = String::new();
            let mut index = 0;
            while index < functions.len() {
                let word = functions[index].1;
                let of_word: Vec<&str> = functions[index..]
                    .iter()
                    .take_while(|(_, of)| *of == word)
                    .map(|(text, _)| text.as_str())
                    .collect();
                index += of_word.len();
                let condition = if guards { format!("s.{flags}[{word}] != 0") } else { "true".to_owned() };
                let _ = writeln!(text, "if {condition} {{\n{}\n}}", of_word.join("\n"));
            }
            text
        };
        let text = calls(settle, "values", self.guards);
        let _ = writeln!(
            self.text,
            "/// Lets inputs and state reach the outputs.\npub fn settle(s: &mut State) {{\n{text}}}"
        );
        let text = calls(edge, "now", self.guards);
        let sinks = flag_words(self.partition.sinks.len());
        let mut commit = String::new();
        for (index, items) in self.partition.sinks.iter().enumerate() {
            let mut copies = String::new();
            for cell in items.iter().flat_map(|&item| item_cells(self.lowered, item)) {
                if let Some(stage) = self.layout.staged(cell) {
                    let width = self.lowered.graph.cells[cell.0 as usize].width;
                    for word in 0..word_count(width) {
                        let _ = write!(
                            copies,
                            "{} = {}; ",
                            self.layout.element(cell, word),
                            self.layout.element(stage, word)
                        );
                    }
                }
            }
            if !copies.is_empty() {
                let bit = literal(1 << (index % 64));
                let condition =
                    if self.guards { format!("s.now[{}] & {bit} != 0", index / 64) } else { "true".to_owned() };
                let _ = writeln!(commit, "if {condition} {{ {copies}}}");
            }
        }
        let _ = writeln!(
            self.text,
            "/// The rising clock edge.\npub fn edge(s: &mut State) {{\ns.now = s.sinks;\ns.sinks = [0; {sinks}];\n{text}{commit}}}"
        );
    }
}
