//! Statements of one region: what is evaluated where.
//!
//! A scope is a list of units. Logic that several units of a scope need, or one unit needs twice, is bound before its first use;
//! logic that only one arm of a branch needs is evaluated inside that arm. Registers change in place, so units are
//! ordered to read before others write, and what is still needed of an old value is saved first.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use crate::context::{Context, HEAVY};
use crate::graph::{Cell, Op, W, WideOp, operands};

/// Nesting of an expression from which on it is bound to a name.
const DEEP: u32 = 10;

/// A statement to be.
#[derive(Clone, Debug)]
pub(crate) enum Unit {
    /// A word of a register takes a value.
    Store { cell: Cell, word: u32, value: W },
    /// Words of cells, one after another, take words that stand one after another: `(cell, word)` and where from.
    Copy(Vec<(Place, Place)>),
    /// A value is kept.
    Keep { value: W, cell: Cell },
    /// A condition with statements under it.
    Branch { select: W, then: Vec<Unit>, otherwise: Vec<Unit> },
    /// A memory's ports.
    Memory(usize),
}

/// A word of state that a unit reads or writes.
pub(crate) type Place = (Cell, u32);

/// Words from which on a run of copies is a loop.
const RUN: usize = 3;

/// What a unit needs, at the moment of analysis.
#[derive(Default)]
struct Needs {
    /// Nodes evaluated for sure, with the number of their uses.
    strict: HashMap<W, u32>,
    /// Nodes evaluated in some arm only, with the number of arms.
    lazy: HashMap<W, u32>,
    /// State that is read.
    reads: HashSet<Place>,
    /// State that is written.
    writes: HashSet<Place>,
}

/// Writes the statements of a region.
pub(crate) struct Scope<'a> {
    context: &'a Context<'a>,
    text: String,
    names: HashMap<W, String>,
    old: HashMap<Place, String>,
    /// Undo log of `names` and `old`.
    named: Vec<W>,
    saved: Vec<Place>,
    next: u32,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            text: String::new(),
            names: HashMap::new(),
            old: HashMap::new(),
            named: Vec::new(),
            saved: Vec::new(),
            next: 0,
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn fresh(&mut self, prefix: char) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    fn is_leaf(&self, w: W) -> bool {
        self.names.contains_key(&w) || self.context.is_leaf(w)
    }

    /// Registers stores under their common conditions.
    pub(crate) fn group(&self, units: Vec<Unit>) -> Vec<Unit> {
        let context = self.context;
        let mut by_select: HashMap<W, (u32, u32, bool)> = HashMap::new();
        let select_of = |unit: &Unit| match unit {
            Unit::Store { value, .. } if !self.names.contains_key(value) && !context.is_leaf(*value) => {
                match *context.graph.op(*value) {
                    Op::Mux(select, then, otherwise) => Some((select, then, otherwise)),
                    _ => None,
                }
            }
            _ => None,
        };
        let holds = |unit: &Unit, arm: W| match unit {
            Unit::Store { cell, word, .. } => *context.graph.op(arm) == Op::Load(*cell, *word),
            _ => false,
        };
        for unit in &units {
            if let Some((select, then, otherwise)) = select_of(unit) {
                let entry = by_select.entry(select).or_default();
                entry.0 += 1;
                entry.1 += context.exclusive(then) + context.exclusive(otherwise);
                entry.2 |= holds(unit, then) || holds(unit, otherwise);
            }
        }
        let mut grouped: Vec<Unit> = Vec::new();
        let mut position: HashMap<W, usize> = HashMap::new();
        for unit in units {
            let Some((select, then, otherwise)) = select_of(&unit) else {
                grouped.push(unit);
                continue;
            };
            let (_, cost, hold) = by_select[&select];
            if !hold && cost < HEAVY {
                grouped.push(unit);
                continue;
            }
            let Unit::Store { cell, word, .. } = unit else { continue };
            let at = *position.entry(select).or_insert_with(|| {
                grouped.push(Unit::Branch { select, then: Vec::new(), otherwise: Vec::new() });
                grouped.len() - 1
            });
            if let Unit::Branch { then: then_units, otherwise: other_units, .. } = &mut grouped[at] {
                then_units.push(Unit::Store { cell, word, value: then });
                other_units.push(Unit::Store { cell, word, value: otherwise });
            }
        }
        grouped
    }

    /// Joins copies between words that stand one after another on both sides.
    fn runs(&self, units: Vec<Unit>) -> Vec<Unit> {
        let layout = self.context.layout;
        let mut joined = Vec::new();
        // Where a word goes, where it comes from, what its change is noted in; and both as cells.
        let mut copies = Vec::new();
        for unit in units {
            if let Unit::Store { cell, word, value } = unit
                && let Op::Load(from, from_word) = *self.context.graph.op(value)
                && layout.staged(cell).is_none()
                && !self.old.contains_key(&(from, from_word))
                && layout.place_of(cell, word).0 == layout.place_of(from, from_word).0
            {
                let accumulator = self.context.accumulator.get(&crate::partition::Source::Cell(cell)).copied();
                let places = (layout.place_of(cell, word), layout.place_of(from, from_word));
                copies.push((places.0, places.1, accumulator, ((cell, word), (from, from_word))));
            } else {
                joined.push(unit);
            }
        }
        copies.sort_unstable();
        let follows = |a: (usize, usize), b: (usize, usize)| a.0 == b.0 && a.1 + 1 == b.1;
        let mut run: Vec<(Place, Place)> = Vec::new();
        for (index, &(to, from, accumulator, places)) in copies.iter().enumerate() {
            run.push(places);
            let goes_on = copies.get(index + 1).is_some_and(|&(next_to, next_from, next_accumulator, _)| {
                follows(to, next_to) && follows(from, next_from) && accumulator == next_accumulator
            });
            if !goes_on {
                let run = std::mem::take(&mut run);
                let overlaps = run.iter().any(|(to, _)| run.iter().any(|(_, from)| from == to));
                if run.len() >= RUN && !overlaps {
                    joined.push(Unit::Copy(run));
                } else {
                    joined.extend(run.into_iter().map(|((cell, word), (from, from_word))| {
                        let value = self.context.graph.known_load(from, from_word);
                        Unit::Store { cell, word, value }
                    }));
                }
            }
        }
        joined
    }

    /// Whether a unit does nothing: a register keeps its value.
    fn is_hold(&self, unit: &Unit) -> bool {
        match unit {
            Unit::Store { cell, word, value } => {
                *self.context.graph.op(*value) == Op::Load(*cell, *word) && self.context.layout.staged(*cell).is_none()
            }
            _ => false,
        }
    }

    /// Collects what a unit needs.
    fn needs(&self, unit: &Unit) -> Needs {
        let mut needs = Needs::default();
        let mut arms: Vec<Vec<W>> = Vec::new();
        let mut roots = Vec::new();
        self.unit_roots(unit, &mut roots, &mut arms, &mut needs);
        self.close(&roots, arms, &mut needs);
        needs
    }

    /// All values that a unit needs in any case, and those of each arm.
    fn unit_roots(&self, unit: &Unit, roots: &mut Vec<W>, arms: &mut Vec<Vec<W>>, needs: &mut Needs) {
        match unit {
            Unit::Store { cell, word, value } => {
                roots.push(*value);
                needs.writes.insert((*cell, *word));
            }
            Unit::Copy(words) => {
                for (to, from) in words {
                    needs.writes.insert(*to);
                    needs.reads.insert(*from);
                }
            }
            Unit::Keep { value, .. } => roots.push(*value),
            Unit::Branch { select, then, otherwise } => {
                roots.push(*select);
                for units in [then, otherwise] {
                    let (mut inner, mut inner_arms) = (Vec::new(), Vec::new());
                    for unit in units {
                        self.unit_roots(unit, &mut inner, &mut inner_arms, needs);
                    }
                    inner.extend(inner_arms.into_iter().flatten());
                    arms.push(inner);
                }
            }
            Unit::Memory(index) => {
                let memory = &self.context.memories[*index];
                for read in &memory.reads {
                    roots.extend([read.enable, read.address]);
                    let width = self.context.graph.cells[read.data.0 as usize].width;
                    needs.writes.extend((0..width.div_ceil(64)).map(|word| (read.data, word)));
                }
                for write in &memory.writes {
                    roots.extend(&write.enable);
                    roots.push(write.address);
                    arms.push(write.data.clone());
                }
            }
        }
    }

    /// Follows roots and arms down; what several arms need is needed in any case.
    fn close(&self, roots: &[W], arms: Vec<Vec<W>>, needs: &mut Needs) {
        let context = self.context;
        let mut strict_roots = roots.to_vec();
        loop {
            let mut arms = arms.clone();
            needs.strict.clear();
            needs.lazy.clear();
            let mut stack = Vec::new();
            let visit = |w: W, needs: &mut Needs, stack: &mut Vec<W>| {
                if let Op::Load(cell, word) = *context.graph.op(w) {
                    needs.reads.insert((cell, word));
                }
                if self.is_leaf(w) {
                    return;
                }
                let uses = needs.strict.entry(w).or_default();
                *uses += 1;
                if *uses == 1 {
                    stack.push(w);
                }
            };
            for &root in &strict_roots {
                visit(root, needs, &mut stack);
            }
            while let Some(w) = stack.pop() {
                match *context.graph.op(w) {
                    Op::Mux(select, then, otherwise) if context.heavy(w) => {
                        visit(select, needs, &mut stack);
                        arms.push(vec![then]);
                        arms.push(vec![otherwise]);
                    }
                    ref op => operands(op, |operand| visit(operand, needs, &mut stack)),
                }
            }
            let mut hoisted = Vec::new();
            for arm in arms {
                let mut seen: HashSet<W> = HashSet::new();
                let mut stack = arm;
                while let Some(w) = stack.pop() {
                    if let Op::Load(cell, word) = *context.graph.op(w) {
                        needs.reads.insert((cell, word));
                    }
                    if self.is_leaf(w) || !seen.insert(w) {
                        continue;
                    }
                    if let Some(uses) = needs.strict.get_mut(&w) {
                        *uses += 1;
                        continue;
                    }
                    let arms = needs.lazy.entry(w).or_default();
                    *arms += 1;
                    if *arms == 2 {
                        hoisted.push(w);
                    }
                    operands(context.graph.op(w), |operand| stack.push(operand));
                }
            }
            if hoisted.is_empty() {
                return;
            }
            // Only the highest of them: what lies below becomes strict with it.
            strict_roots.extend(hoisted);
        }
    }

    /// Writes a scope.
    pub(crate) fn units(&mut self, units: Vec<Unit>) {
        let units: Vec<Unit> = units.into_iter().filter(|unit| !self.is_hold(unit)).collect();
        let units = self.runs(self.group(units));
        let needs: Vec<Needs> = units.iter().map(|unit| self.needs(unit)).collect();
        let mut shared: HashMap<W, u32> = HashMap::new();
        for needs in &needs {
            for w in needs.strict.keys().chain(needs.lazy.keys().filter(|w| !needs.strict.contains_key(w))) {
                *shared.entry(*w).or_default() += 1;
            }
        }
        let in_order = matches!(units.first(), Some(Unit::Keep { .. }));
        let order: Vec<usize> = if in_order { (0..units.len()).collect() } else { schedule(&needs) };
        let mark = (self.named.len(), self.saved.len());
        let mut later: HashMap<Place, u32> = HashMap::new();
        for place in needs.iter().flat_map(|needs| &needs.reads) {
            *later.entry(*place).or_default() += 1;
        }
        for index in order {
            for place in &needs[index].reads {
                if let Some(count) = later.get_mut(place) {
                    *count -= 1;
                }
            }
            let mut keep: Vec<Place> = needs[index]
                .writes
                .iter()
                .copied()
                .filter(|place| later.get(place).is_some_and(|&count| count > 0))
                .collect();
            keep.sort_unstable();
            for place in keep {
                if !self.old.contains_key(&place) && self.context.layout.staged(place.0).is_none() {
                    let name = self.fresh('o');
                    let load = self.load(place.0, place.1);
                    let _ = writeln!(self.text, "let {name} = {load};");
                    self.old.insert(place, name);
                    self.saved.push(place);
                }
            }
            self.bind(&needs[index], &shared);
            self.unit(&units[index]);
        }
        self.leave(mark);
    }

    fn leave(&mut self, (named, saved): (usize, usize)) {
        for w in self.named.drain(named..) {
            self.names.remove(&w);
        }
        for place in self.saved.drain(saved..) {
            self.old.remove(&place);
        }
    }

    fn name(&mut self, w: W, name: String) {
        self.names.insert(w, name);
        self.named.push(w);
    }

    /// Binds what is used more than once, or elsewhere too, or is nested too deep.
    fn bind(&mut self, needs: &Needs, shared: &HashMap<W, u32>) {
        let mut nodes: BTreeSet<W> = needs.strict.keys().copied().collect();
        // What another unit needs as well is bound here, wherever it is needed.
        let mut stack: Vec<W> =
            needs.lazy.keys().copied().filter(|w| shared.get(w).is_some_and(|&count| count > 1)).collect();
        while let Some(w) = stack.pop() {
            if !self.is_leaf(w) && nodes.insert(w) {
                operands(self.context.graph.op(w), |operand| stack.push(operand));
            }
        }
        let mut uses: HashMap<W, u32> = HashMap::new();
        for &w in &nodes {
            operands(self.context.graph.op(w), |operand| *uses.entry(operand).or_default() += 1);
        }
        let mut depth: HashMap<W, u32> = HashMap::new();
        for w in nodes {
            if self.is_leaf(w) {
                continue;
            }
            let count = needs.strict.get(&w).copied().unwrap_or(0).max(uses.get(&w).copied().unwrap_or(0));
            let mut below = 0;
            operands(self.context.graph.op(w), |operand| {
                below = below.max(depth.get(&operand).copied().unwrap_or(0));
            });
            let elsewhere = shared.get(&w).copied().unwrap_or(0) > 1;
            let wide = matches!(self.context.graph.op(w), Op::Wide { .. });
            if count > 1 || elsewhere || below >= DEEP || wide {
                self.bind_one(w);
            } else {
                depth.insert(w, below + 1);
            }
        }
    }

    fn bind_one(&mut self, w: W) {
        let value = self.evaluate(w);
        let name = self.fresh('t');
        let _ = writeln!(self.text, "let {name} = {value};");
        self.name(w, name);
    }

    /// The text of a leaf or of a whole expression.
    pub(crate) fn value(&mut self, w: W) -> String {
        if let Some(name) = self.names.get(&w) {
            return name.clone();
        }
        if let Some(&cell) = self.context.kept.get(&w)
            && !self.context.own.contains(&w)
        {
            return self.load(cell, 0);
        }
        self.evaluate(w)
    }

    fn load(&self, cell: Cell, word: u32) -> String {
        if let Some(name) = self.old.get(&(cell, word)) {
            return name.clone();
        }
        self.context.layout.load(cell, word)
    }

    /// A condition.
    fn condition(&mut self, w: W) -> String {
        if !self.is_leaf(w) {
            match *self.context.graph.op(w) {
                Op::Eq(a, b) => return format!("({} == {})", self.value(a), self.value(b)),
                Op::Lt(a, b) => return format!("({} < {})", self.value(a), self.value(b)),
                Op::Xor(a, b) if self.context.graph.value(b) == Some(1) && self.context.graph.ones(a) == 1 => {
                    return format!("({} == 0)", self.value(a));
                }
                _ => {}
            }
        }
        format!("({} != 0)", self.value(w))
    }

    fn evaluate(&mut self, w: W) -> String {
        match self.context.graph.op(w).clone() {
            Op::Const(value) => literal(value),
            Op::Load(cell, word) => self.load(cell, word),
            Op::And(a, b) => format!("({} & {})", self.value(a), self.value(b)),
            Op::Or(a, b) => format!("({} | {})", self.value(a), self.value(b)),
            Op::Xor(a, b) => format!("({} ^ {})", self.value(a), self.value(b)),
            Op::Add(a, b) => format!("add({}, {})", self.value(a), self.value(b)),
            Op::Sub(a, b) => format!("sub({}, {})", self.value(a), self.value(b)),
            Op::Mul(a, b) => format!("mul({}, {})", self.value(a), self.value(b)),
            Op::Eq(..) | Op::Lt(..) => {
                let condition = self.condition_of_comparison(w);
                format!("({condition} as u64)")
            }
            Op::Shl(a, by) => format!("({} << {by})", self.value(a)),
            Op::Shr(a, by) => format!("({} >> {by})", self.value(a)),
            Op::ShlBy(a, by) => format!("shl({}, {})", self.value(a), self.value(by)),
            Op::ShrBy(a, by) => format!("shr({}, {})", self.value(a), self.value(by)),
            Op::Parity(a) => format!("parity({})", self.value(a)),
            Op::Mux(select, then, otherwise) => {
                let condition = self.condition(select);
                let (then, otherwise) = if self.context.heavy(w) {
                    (self.arm(then), self.arm(otherwise))
                } else {
                    (self.value(then), self.value(otherwise))
                };
                format!("(if {condition} {{ {then} }} else {{ {otherwise} }})")
            }
            Op::Read { memory, word, address } => {
                let address = self.value(address);
                format!("s.m[{} + {word}]", self.context.layout.entry(memory as usize, &address))
            }
            Op::Wide { op, words, operands } => {
                let values: Vec<String> = operands.iter().map(|&operand| self.value(operand)).collect();
                let (first, rest) = values.split_at(words as usize);
                match op {
                    WideOp::Mul => format!("wide_mul([{}], [{}])", first.join(", "), rest.join(", ")),
                    WideOp::Shl => format!("wide_shl([{}], {})", first.join(", "), rest.join(", ")),
                    WideOp::Shr => format!("wide_shr([{}], {})", first.join(", "), rest.join(", ")),
                }
            }
            Op::Part(wide, word) => format!("{}[{word}]", self.value(wide)),
        }
    }

    fn condition_of_comparison(&mut self, w: W) -> String {
        match *self.context.graph.op(w) {
            Op::Eq(a, b) => format!("({} == {})", self.value(a), self.value(b)),
            Op::Lt(a, b) => format!("({} < {})", self.value(a), self.value(b)),
            _ => self.value(w),
        }
    }

    /// An arm that is evaluated on its own.
    fn arm(&mut self, w: W) -> String {
        if self.is_leaf(w) {
            return self.value(w);
        }
        let outer = std::mem::take(&mut self.text);
        let mark = (self.named.len(), self.saved.len());
        let mut needs = Needs::default();
        self.close(&[w], Vec::new(), &mut needs);
        needs.strict.insert(w, 0);
        self.bind(&needs, &HashMap::new());
        let value = self.value(w);
        self.leave(mark);
        let inner = std::mem::replace(&mut self.text, outer);
        format!("{inner}{value}")
    }

    fn unit(&mut self, unit: &Unit) {
        match unit {
            Unit::Store { cell, word, value } => {
                let value = self.value(*value);
                self.store(*cell, *word, &value);
            }
            Unit::Copy(words) => self.copy(words),
            Unit::Keep { value, cell } => {
                let text = self.value(*value);
                let name = self.fresh('v');
                let _ = writeln!(self.text, "let {name} = {text};");
                self.change(crate::partition::Source::Cell(*cell), &name, &self.context.layout.load(*cell, 0));
                let store = self.context.layout.store(*cell, 0, &name);
                self.text.push_str(&store);
                self.names.insert(*value, name);
                self.named.push(*value);
            }
            Unit::Branch { select, then, otherwise } => {
                let condition = self.condition(*select);
                let then = self.block(then.clone());
                let otherwise = self.block(otherwise.clone());
                let _ = match (then.is_empty(), otherwise.is_empty()) {
                    (true, true) => Ok(()),
                    (false, true) => writeln!(self.text, "if {condition} {{\n{then}}}"),
                    (true, false) => writeln!(self.text, "if !{condition} {{\n{otherwise}}}"),
                    (false, false) => writeln!(self.text, "if {condition} {{\n{then}}} else {{\n{otherwise}}}"),
                };
            }
            Unit::Memory(index) => self.memory(*index),
        }
    }

    fn block(&mut self, units: Vec<Unit>) -> String {
        let outer = std::mem::take(&mut self.text);
        self.units(units);
        std::mem::replace(&mut self.text, outer)
    }

    /// Notes that a source changes from `old` to `new`.
    fn change(&mut self, source: crate::partition::Source, new: &str, old: &str) {
        if let Some(accumulator) = self.context.accumulator.get(&source) {
            let _ = writeln!(self.text, "c{accumulator} |= {new} ^ {old};");
        }
    }

    /// A loop, unless what is copied had to be saved.
    fn copy(&mut self, words: &[(Place, Place)]) {
        let layout = self.context.layout;
        if words.iter().any(|(_, from)| self.old.contains_key(from)) {
            for &((cell, word), (from, from_word)) in words {
                let value = self.load(from, from_word);
                self.store(cell, word, &value);
            }
            return;
        }
        let Some(&((to, to_word), (from, from_word))) = words.first() else { return };
        let ((array, to), (_, from)) = (layout.place_of(to, to_word), layout.place_of(from, from_word));
        let (array, count) = (crate::layout::ARRAYS[array].0, words.len());
        let change = match self.context.accumulator.get(&crate::partition::Source::Cell(words[0].0.0)) {
            Some(accumulator) => ("let mut x = 0;", "x |= n ^ s.", format!("c{accumulator} |= x as u64;")),
            None => ("", "", String::new()),
        };
        let compare = if change.1.is_empty() { String::new() } else { format!("{}{array}[{to} + i];", change.1) };
        let _ = writeln!(
            self.text,
            "{{ {} for i in 0..{count} {{ let n = s.{array}[{from} + i]; {compare} s.{array}[{to} + i] = n; }} {} }}",
            change.0, change.2
        );
    }

    fn store(&mut self, cell: Cell, word: u32, value: &str) {
        let name = self.fresh('n');
        let _ = writeln!(self.text, "let {name} = {value};");
        let old = self.load(cell, word);
        self.change(crate::partition::Source::Cell(cell), &name, &old);
        let layout = self.context.layout;
        let text = match layout.staged(cell) {
            Some(stage) => layout.store(stage, word, &name),
            None => layout.store(cell, word, &name),
        };
        self.text.push_str(&text);
    }

    fn memory(&mut self, index: usize) {
        let memory = &self.context.memories[index];
        let words = memory.width.div_ceil(64);
        let layout = self.context.layout;
        let _ = writeln!(self.text, "{{");
        let mark = (self.named.len(), self.saved.len());
        // Everything is evaluated before any cell changes.
        let mut reads = Vec::new();
        for read in &memory.reads {
            let enable = self.condition(read.enable);
            let address = self.value(read.address);
            let (enabled, entry) = (self.fresh('e'), self.fresh('x'));
            let at = layout.entry(index, &address);
            let _ = writeln!(self.text, "let {enabled} = {enable};\nlet {entry} = {at};");
            reads.push((enabled, entry));
        }
        let mut writes = Vec::new();
        for write in &memory.writes {
            let enable: Vec<String> = write.enable.iter().map(|&w| self.value(w)).collect();
            let address = self.value(write.address);
            let (enabled, entry) = (self.fresh('e'), self.fresh('x'));
            let at = layout.entry(index, &address);
            let _ = writeln!(self.text, "let {enabled} = [{}];\nlet {entry} = {at};", enable.join(", "));
            writes.push((enabled, entry));
        }
        let mut before = Vec::new();
        for (read, (enabled, entry)) in memory.reads.iter().zip(&reads) {
            let name = self.fresh('r');
            if !read.new {
                let _ = writeln!(
                    self.text,
                    "let mut {name} = [0_u64; {words}];\nif {enabled} {{ {name}.copy_from_slice(&s.m[{entry}..{entry} + {words}]); }}"
                );
            }
            before.push(name);
        }
        for (write, (enabled, entry)) in memory.writes.iter().zip(&writes) {
            let outer = std::mem::take(&mut self.text);
            let inner_mark = (self.named.len(), self.saved.len());
            let mut needs = Needs::default();
            self.close(&write.data, Vec::new(), &mut needs);
            self.bind(&needs, &HashMap::new());
            let data: Vec<String> = write.data.iter().map(|&w| self.value(w)).collect();
            if write.granularity == memory.width {
                for (word, data) in data.iter().enumerate() {
                    let _ = writeln!(self.text, "s.m[{entry} + {word}] = {data};");
                }
            } else {
                let _ = writeln!(
                    self.text,
                    "write_groups(&mut s.m[{entry}..{entry} + {words}], &[{}], &{enabled}, {}, {});",
                    data.join(", "),
                    write.granularity,
                    memory.width / write.granularity,
                );
            }
            let contents = crate::partition::Source::Contents(u32::try_from(index).unwrap_or(u32::MAX));
            self.change(contents, "1", "0");
            self.leave(inner_mark);
            let inner = std::mem::replace(&mut self.text, outer);
            let _ = writeln!(self.text, "if {enabled} != [0; {}] {{\n{inner}}}", write.enable.len());
        }
        for ((read, (enabled, entry)), name) in memory.reads.iter().zip(&reads).zip(&before) {
            let outer = std::mem::take(&mut self.text);
            for word in 0..words {
                let value = if read.new { format!("s.m[{entry} + {word}]") } else { format!("{name}[{word}]") };
                // The cell itself, whatever was saved of it: nothing has changed it yet.
                let fresh = self.fresh('n');
                let _ = writeln!(self.text, "let {fresh} = {value};");
                // Comparing a long word costs more than what it may save.
                if words <= 2 {
                    self.change(crate::partition::Source::Cell(read.data), &fresh, &layout.load(read.data, word));
                } else if word == 0 {
                    self.change(crate::partition::Source::Cell(read.data), "1", "0");
                }
                let target = layout.staged(read.data).unwrap_or(read.data);
                let store = layout.store(target, word, &fresh);
                self.text.push_str(&store);
            }
            let inner = std::mem::replace(&mut self.text, outer);
            let otherwise = match layout.staged(read.data) {
                None => String::new(),
                Some(stage) => {
                    let copies: Vec<String> =
                        (0..words).map(|word| layout.store(stage, word, &layout.load(read.data, word))).collect();
                    format!(" else {{\n{}}}", copies.concat())
                }
            };
            let _ = writeln!(self.text, "if {enabled} {{\n{inner}}}{otherwise}");
        }
        self.leave(mark);
        let _ = writeln!(self.text, "}}");
    }
}

/// Orders units so that reads come before writes as far as that is possible.
fn schedule(needs: &[Needs]) -> Vec<usize> {
    let mut readers: HashMap<Place, Vec<usize>> = HashMap::new();
    for (index, needs) in needs.iter().enumerate() {
        for place in &needs.reads {
            readers.entry(*place).or_default().push(index);
        }
    }
    // How many other units still read what a unit writes, and whose writes a unit reads.
    let mut waiting = vec![0_usize; needs.len()];
    let mut writers: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (index, needs) in needs.iter().enumerate() {
        for place in &needs.writes {
            for &reader in readers.get(place).map_or(&[][..], Vec::as_slice) {
                if reader != index {
                    waiting[index] += 1;
                    writers[reader].push(index);
                }
            }
        }
    }
    let mut left: BTreeSet<(usize, usize)> = waiting.iter().enumerate().map(|(index, &count)| (count, index)).collect();
    let mut order = Vec::new();
    while let Some((_, index)) = left.pop_first() {
        order.push(index);
        for &writer in &writers[index] {
            if left.remove(&(waiting[writer], writer)) {
                waiting[writer] -= 1;
                left.insert((waiting[writer], writer));
            }
        }
    }
    order
}

/// A number as Rust writes it.
pub(crate) fn literal(value: u64) -> String {
    if value < 10 { format!("{value}_u64") } else { format!("{value:#x}_u64") }
}
