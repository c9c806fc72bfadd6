//! The text of the generated module.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use nitro_netlist::Netlist;

use crate::Options;
use crate::context::Context;
use crate::graph::{Cell, Op, W};
use crate::layout::{ARRAYS, Layout};
use crate::lower::{Lowered, word_count, word_mask};
use crate::partition::{Item, Partition, Region, Source, Walker, item_cells, item_roots};
use crate::scope::{Scope, Unit, literal};

/// Operations up to which regions share a function: larger ones take the compiler disproportionate time.
const FUNCTION: usize = 400;
/// Sets of readers that a region tells apart; more would cost more than they save.
const READER_SETS: usize = 6;

struct Generator<'a> {
    netlist: &'a Netlist,
    lowered: &'a Lowered,
    partition: &'a Partition,
    layout: &'a Layout,
    options: Options,
    text: String,
}

/// Words of activity flags.
fn flag_words(regions: usize) -> usize {
    regions.div_ceil(64).max(1)
}

/// Processor features of the second copy: those of x86-64-v3 that matter here.
const WIDE_FEATURES: &str = "avx2,bmi1,bmi2,lzcnt,popcnt";

/// Writes a whole module.
pub(crate) fn generate(
    netlist: &Netlist,
    lowered: &Lowered,
    partition: &Partition,
    layout: &Layout,
    options: Options,
) -> String {
    let mut generator = Generator { netlist, lowered, partition, layout, options, text: String::new() };
    generator.state();
    generator.ports();
    generator.text.push_str(include_str!("prelude.rs"));
    let mut code = generator.regions(true);
    code.push_str(&generator.regions(false));
    let _ = writeln!(generator.text, "mod base {{\nuse super::*;\n{}}}", code.replace(ATTRIBUTE, ""));
    if options.wide {
        let attribute = format!("#[target_feature(enable = \"{WIDE_FEATURES}\")]");
        let _ = writeln!(
            generator.text,
            "#[cfg(target_arch = \"x86_64\")]\nmod wide {{\nuse super::*;\n{}}}",
            code.replace(ATTRIBUTE, &attribute)
        );
    }
    generator.clocks();
    if options.trace {
        generator.trace();
    }
    generator.text
}

/// Stands for the attributes of a function.
const ATTRIBUTE: &str = "#[attributes]";

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
        let wide = if self.options.wide { "wide()" } else { "false" };
        if self.options.wide {
            let features: Vec<String> = WIDE_FEATURES
                .split(',')
                .map(|feature| format!("std::arch::is_x86_feature_detected!(\"{feature}\")"))
                .collect();
            let _ = write!(
                self.text,
                "#[cfg(target_arch = \"x86_64\")]\nfn wide() -> bool {{\n    {}\n}}\n\
                 #[cfg(not(target_arch = \"x86_64\"))]\nfn wide() -> bool {{\n    false\n}}\n",
                features.join("\n        && ")
            );
        }
        let _ = write!(
            self.text,
            "/// The state of `{name}`.\n#[derive(Clone)]\npub struct State {{\n    a: [u8; {a}],\n    b: [u16; {b}],\n    c: [u32; {c}],\n    \
             d: [u64; {d}],\n    m: Box<[u64; {m}]>,\n    values: [u64; {values}],\n    sinks: [u64; {sinks}],\n    now: [u64; {sinks}],\n    \
             wide: bool,\n    moved: bool,\n    seen: Option<Box<Seen>>,\n}}\n\
             /// What a trace last saw.\n#[derive(Clone)]\nstruct Seen {{\n    a: [u8; {a}],\n    b: [u16; {b}],\n    c: [u32; {c}],\n    d: [u64; {d}],\n}}\n"
        );
        let _ = write!(
            self.text,
            "/// The state at power-up.\npub fn power_up() -> Box<State> {{\n    let mut s = Box::new(State {{\n        a: [0; {a}],\n        \
             b: [0; {b}],\n        c: [0; {c}],\n        d: [0; {d}],\n        m: vec![0; {m}].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!()),\n        \
             values: [u64::MAX; {values}],\n        sinks: [u64::MAX; {sinks}],\n        now: [0; {sinks}],\n        \
             wide: {wide},\n        moved: true,\n        seen: None,\n    }});\n"
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
            let mut mark = self.mark(self.readers(cell));
            if self.options.trace {
                mark.push_str("s.moved = true; ");
            }
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

    /// The functions of all value or all sink regions, and one that calls them for all states.
    fn regions(&self, values: bool) -> String {
        let count = if values { self.partition.values.len() } else { self.partition.sinks.len() };
        let (prefix, flags) = if values { ("settle", "values") } else { ("edge", "now") };
        let mut functions = String::new();
        let mut calls = String::new();
        let mut body = String::new();
        let (mut size, mut first, mut number) = (0, 0, 0);
        for index in 0..count {
            let text = if values { self.value_region(index) } else { self.sink_region(index) };
            size += text.lines().count();
            let (word, bit) = (index / 64, literal(1 << (index % 64)));
            let _ = match (self.options.guards, values) {
                (false, _) => writeln!(body, "{{\n{text}}}"),
                (true, true) => {
                    writeln!(body, "if s.{flags}[{word}] & {bit} != 0 {{\ns.{flags}[{word}] ^= {bit};\n{text}}}")
                }
                (true, false) => writeln!(body, "if s.{flags}[{word}] & {bit} != 0 {{\n{text}}}"),
            };
            if size >= FUNCTION || index % 64 == 63 || index + 1 == count {
                let _ = writeln!(
                    functions,
                    "{ATTRIBUTE}\n#[inline(never)]\nfn {prefix}_{number}(s: &mut State) {{\n{body}}}"
                );
                let mask = (first..=index).fold(0_u64, |mask, index| mask | 1 << (index % 64));
                let due = if self.options.guards {
                    format!("if s.{flags}[{word}] & {} != 0 ", literal(mask))
                } else {
                    String::new()
                };
                let _ = writeln!(calls, "for s in states.iter_mut() {{ {due}{{ {prefix}_{number}(s); }} }}");
                body.clear();
                size = 0;
                first = index + 1;
                number += 1;
            }
        }
        let (before, after) = if values { (self.before_settle(), String::new()) } else { self.around_edge() };
        let _ = writeln!(
            functions,
            "{ATTRIBUTE}\npub(super) fn {prefix}(states: &mut [State]) {{\n{before}{calls}{after}}}"
        );
        functions
    }

    /// Notes for traces that something is about to be evaluated.
    fn before_settle(&self) -> String {
        if !self.options.trace {
            return String::new();
        }
        let words = flag_words(self.partition.values.len());
        format!("for s in states.iter_mut() {{ s.moved |= s.values != [0; {words}]; }}\n")
    }

    /// What comes before and after the sink regions: flags change places, and late registers take their values.
    fn around_edge(&self) -> (String, String) {
        let sinks = flag_words(self.partition.sinks.len());
        let mut before = format!("for s in states.iter_mut() {{ s.now = s.sinks; s.sinks = [0; {sinks}];");
        if self.options.trace {
            let _ = write!(before, " s.moved |= s.now != [0; {sinks}];");
        }
        before.push_str(" }\n");
        let mut commit = String::new();
        for (index, items) in self.partition.sinks.iter().enumerate() {
            let mut copies = String::new();
            for cell in items.iter().flat_map(|&item| item_cells(self.lowered, item)) {
                if let Some(stage) = self.layout.staged(cell) {
                    let width = self.lowered.graph.cells[cell.0 as usize].width;
                    for word in 0..word_count(width) {
                        let (to, from) = (self.layout.element(cell, word), self.layout.element(stage, word));
                        let _ = write!(copies, "{to} = {from}; ");
                    }
                }
            }
            if !copies.is_empty() {
                let bit = literal(1 << (index % 64));
                let condition =
                    if self.options.guards { format!("if s.now[{}] & {bit} != 0 ", index / 64) } else { String::new() };
                let _ = writeln!(commit, "{condition}{{ {copies}}}");
            }
        }
        let after =
            if commit.is_empty() { String::new() } else { format!("for s in states.iter_mut() {{\n{commit}}}\n") };
        (before, after)
    }

    /// The functions that choose the code for the processor.
    fn clocks(&mut self) {
        for (name, what) in [("settle", "Lets inputs and state reach the outputs"), ("edge", "The rising clock edge")] {
            let wide = if self.options.wide {
                format!(
                    "    #[cfg(target_arch = \"x86_64\")]\n    if states.first().is_some_and(|s| s.wide) {{\n        \
                     // SAFETY: `wide` says that the processor has the features of that copy.\n        \
                     return unsafe {{ wide::{name}(states) }};\n    }}\n"
                )
            } else {
                String::new()
            };
            let _ = writeln!(
                self.text,
                "/// {what}, in each state.\npub fn {name}(states: &mut [State]) {{\n{wide}    base::{name}(states);\n}}"
            );
        }
    }

    /// What traces need: the value of each signal, and which may have changed. Signals of one group are made of the same elements of
    /// the state, which are compared with what was last seen of them.
    fn trace(&mut self) {
        const ARMS: usize = 200;
        let context = Context::new(
            &self.lowered.graph,
            self.layout,
            &self.lowered.memories,
            &self.partition.kept,
            std::collections::HashSet::new(),
            HashMap::new(),
            &[],
        );
        let mut scope = Scope::new(&context);
        let mut walker = Walker::new(&self.lowered.graph);
        let mut known: HashMap<&[W], usize> = HashMap::new();
        let mut groups: HashMap<BTreeSet<usize>, usize> = HashMap::new();
        let (mut arms, mut arm_of, mut group_of) = (Vec::new(), Vec::new(), Vec::new());
        for words in &self.lowered.trace {
            let arm = *known.entry(words).or_insert_with(|| {
                let values: Vec<String> = (0..)
                    .zip(words)
                    .map(|(index, &w): (usize, _)| format!("value[{index}] = {};", scope.value(w)))
                    .collect();
                arms.push(values.join(" "));
                let next = groups.len();
                group_of.push(*groups.entry(self.elements(&mut walker, words)).or_insert(next));
                arms.len() - 1
            });
            arm_of.push(arm);
        }
        self.trace_changes(&groups);
        let list = |values: &[usize]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            self.text,
            "static TRACE_ARM: [u32; {}] = [{}];\nstatic TRACE_GROUP: [u32; {}] = [{}];\n\
             /// The group of a traced signal.\npub fn trace_group(index: usize) -> usize {{\n    \
             TRACE_GROUP[TRACE_ARM[index] as usize] as usize\n}}",
            arm_of.len(),
            list(&arm_of),
            group_of.len(),
            list(&group_of)
        );
        let mut choose = String::new();
        for (number, arms) in arms.chunks(ARMS).enumerate() {
            let mut text = String::new();
            for (index, arm) in arms.iter().enumerate() {
                let _ = writeln!(text, "{} => {{ {arm} }}", number * ARMS + index);
            }
            let _ = writeln!(
                self.text,
                "#[inline(never)]\nfn trace_{number}(s: &State, arm: usize, value: &mut [u64]) {{\nmatch arm {{\n{text}_ => {{}}\n}}\n}}"
            );
            let _ = writeln!(choose, "{number} => trace_{number}(s, arm, value),");
        }
        let _ = writeln!(
            self.text,
            "/// The value of a traced signal as last settled.\npub fn trace_value(s: &State, index: usize, value: &mut [u64]) {{\n\
             let arm = TRACE_ARM[index] as usize;\nmatch arm / {ARMS} {{\n{choose}_ => {{}}\n}}\n}}"
        );
    }

    /// The elements of the state that values are made of, numbered through all arrays.
    fn elements(&self, walker: &mut Walker, words: &[W]) -> BTreeSet<usize> {
        let mut elements = BTreeSet::new();
        walker.walk(&self.lowered.graph, words, |w| {
            let place = match (self.partition.kept.get(&w), self.lowered.graph.op(w)) {
                (Some(&cell), _) => Some((cell, 0)),
                (None, &Op::Load(cell, word)) => Some((cell, word)),
                _ => None,
            };
            if let Some((cell, word)) = place {
                let (array, index) = self.layout.place_of(cell, word);
                elements.insert(self.layout.lengths[..array].iter().sum::<usize>() + index);
            }
            place.is_none()
        });
        elements
    }

    /// The function that finds the groups of what changed.
    fn trace_changes(&mut self, groups: &HashMap<BTreeSet<usize>, usize>) {
        let total: usize = self.layout.lengths.iter().sum();
        let mut of_element: Vec<Vec<usize>> = vec![Vec::new(); total];
        for (elements, &group) in groups {
            for &element in elements {
                of_element[element].push(group);
            }
        }
        let (mut starts, mut lists) = (vec![0], Vec::new());
        for groups in &mut of_element {
            groups.sort_unstable();
            lists.append(groups);
            starts.push(lists.len());
        }
        let list = |values: &[usize]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut compare = String::new();
        let mut base = 0;
        for (index, &(array, _)) in ARRAYS.iter().enumerate() {
            let length = self.layout.lengths[index];
            let _ =
                writeln!(compare, "compare(&s.{array}[..{length}], &mut seen.{array}[..{length}], {base}, changed);");
            base += length;
        }
        let count = groups.len();
        let _ = writeln!(
            self.text,
            "/// The number of groups of traced signals.\npub const TRACE_GROUPS: usize = {count};\n\
             static STARTS: [u32; {}] = [{}];\nstatic LISTS: [u32; {}] = [{}];\n\
             /// Sets the groups of the elements that changed.\n\
             fn compare<T: Copy + PartialEq>(now: &[T], seen: &mut [T], base: usize, changed: &mut [u64]) {{\n    \
             for (number, (now, seen)) in now.chunks(64).zip(seen.chunks_mut(64)).enumerate() {{\n        \
             if now == seen {{\n            continue;\n        }}\n        \
             for (index, (now, seen)) in now.iter().zip(seen.iter_mut()).enumerate() {{\n            \
             if now != seen {{\n                *seen = *now;\n                let element = base + 64 * number + index;\n                \
             for &group in &LISTS[STARTS[element] as usize..STARTS[element + 1] as usize] {{\n                    \
             changed[group as usize / 64] |= 1 << (group % 64);\n                }}\n            }}\n        }}\n    }}\n}}\n\
             /// Which groups may have changed since the last call.\npub fn take_changed(s: &mut State, changed: &mut [u64]) {{\n\
             if !s.moved {{ return; }}\ns.moved = false;\n\
             match s.seen.take() {{\nNone => {{\nfor group in 0..TRACE_GROUPS {{ changed[group / 64] |= 1 << (group % 64); }}\n\
             s.seen = Some(Box::new(Seen {{ a: s.a, b: s.b, c: s.c, d: s.d }}));\n}}\n\
             Some(mut seen) => {{\n{compare}s.seen = Some(seen);\n}}\n}}\n}}",
            starts.len(),
            list(&starts),
            lists.len(),
            list(&lists)
        );
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
        if self.options.guards {
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
}
