//! Cutting a design into regions that are evaluated as a whole or not at all.
//!
//! A *sink region* holds registers and memories that belong together: those of one part of the instance tree at one distance in
//! clocks, such as a stage of a pipeline. A *value region* holds logic that several other regions read: it is
//! evaluated once, before the clock edge, and kept. Everything else is evaluated where it is used.
//!
//! Regions read *sources*: cells (registers, read ports, inputs, kept values) and contents of memories.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use crate::graph::{Cell, CellInfo, Graph, Op, W, operands};
use crate::lower::{Lowered, MemoryRoot};

/// Something that changes at the clock edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Item {
    Register(usize),
    Memory(usize),
}

/// What a region reads and others change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    Cell(Cell),
    Contents(u32),
}

/// A region, by its kind and position in the order of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Region {
    Value(usize),
    Sink(usize),
}

/// The regions of a design.
pub(crate) struct Partition {
    /// Value regions in order: each reads only earlier ones. Values in topological order.
    pub(crate) values: Vec<Vec<W>>,
    /// Sink regions in order.
    pub(crate) sinks: Vec<Vec<Item>>,
    /// Cells of kept values.
    pub(crate) kept: HashMap<W, Cell>,
    /// Cells that a later sink region than their own still reads: they change after all regions.
    pub(crate) staged: BTreeSet<Cell>,
    /// Who reads a source.
    pub(crate) readers: HashMap<Source, BTreeSet<Region>>,
}

/// Sizes that steer the partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Words of state up to which a subtree of instances is one group.
    pub(crate) group: usize,
    /// Words of state below which neighbouring levels of a group are merged.
    pub(crate) level: usize,
    /// Operations up to which logic is repeated rather than kept.
    pub(crate) repeat: u32,
}

/// The roots of an item.
pub(crate) fn item_roots(lowered: &Lowered, item: Item) -> Vec<W> {
    match item {
        Item::Register(index) => lowered.registers[index].next.clone(),
        Item::Memory(index) => memory_roots(&lowered.memories[index]),
    }
}

fn memory_roots(memory: &MemoryRoot) -> Vec<W> {
    let mut roots = Vec::new();
    for read in &memory.reads {
        roots.extend([read.enable, read.address]);
    }
    for write in &memory.writes {
        roots.extend(&write.enable);
        roots.push(write.address);
        roots.extend(&write.data);
    }
    roots
}

/// The cells that an item changes.
pub(crate) fn item_cells(lowered: &Lowered, item: Item) -> Vec<Cell> {
    match item {
        Item::Register(index) => vec![lowered.registers[index].cell],
        Item::Memory(index) => lowered.memories[index].reads.iter().map(|read| read.data).collect(),
    }
}

/// Walks the logic behind roots, down to loads and kept values.
pub(crate) struct Walker {
    seen: Vec<u32>,
    stamp: u32,
}

impl Walker {
    pub(crate) fn new(graph: &Graph) -> Self {
        Self { seen: vec![0; graph.ops.len()], stamp: 0 }
    }

    /// Calls `visit` once for each node; its answer tells whether to go on to the operands.
    pub(crate) fn walk(&mut self, graph: &Graph, roots: &[W], mut visit: impl FnMut(W) -> bool) {
        self.stamp += 1;
        let mut stack: Vec<W> = roots.to_vec();
        while let Some(w) = stack.pop() {
            if std::mem::replace(&mut self.seen[w.0 as usize], self.stamp) == self.stamp {
                continue;
            }
            if visit(w) {
                operands(graph.op(w), |operand| stack.push(operand));
            }
        }
    }

    /// The sources behind roots; a kept value other than a root itself is a source.
    pub(crate) fn sources(&mut self, graph: &Graph, kept: &HashMap<W, Cell>, roots: &[W]) -> BTreeSet<Source> {
        let mut sources = BTreeSet::new();
        // A root is evaluated even if it is kept.
        let mut inner: Vec<W> = Vec::new();
        for root in roots {
            note(graph, *root, &mut sources);
            operands(graph.op(*root), |operand| inner.push(operand));
        }
        self.walk(graph, &inner, |w| {
            if let Some(&cell) = kept.get(&w) {
                sources.insert(Source::Cell(cell));
                return false;
            }
            note(graph, w, &mut sources);
            true
        });
        sources
    }
}

fn note(graph: &Graph, w: W, sources: &mut BTreeSet<Source>) {
    match *graph.op(w) {
        Op::Load(cell, _) => {
            sources.insert(Source::Cell(cell));
        }
        Op::Read { memory, .. } => {
            sources.insert(Source::Contents(memory));
        }
        _ => {}
    }
}

/// Cuts a design. `paths` are the scope paths of registers and memories.
pub(crate) fn partition(lowered: &mut Lowered, paths: &dyn Fn(Item) -> String, sizes: Sizes) -> Partition {
    let items: Vec<Item> =
        (0..lowered.registers.len()).map(Item::Register).chain((0..lowered.memories.len()).map(Item::Memory)).collect();
    let groups = groups(lowered, &items, paths, sizes);
    let home = homes(lowered, &groups);
    let kept_nodes = keep(lowered, &groups, sizes);
    let mut kept = HashMap::new();
    let mut clusters = cluster(lowered, &kept_nodes, &home);
    demote(lowered, &mut clusters, &groups);
    for &w in clusters.iter().flatten() {
        let width = (64 - lowered.graph.ones(w).leading_zeros()).max(1);
        lowered.graph.cells.push(CellInfo { width });
        kept.insert(w, Cell(u32::try_from(lowered.graph.cells.len() - 1).unwrap_or(u32::MAX)));
    }

    let mut walker = Walker::new(&lowered.graph);
    let reads: Vec<BTreeSet<Source>> = groups
        .iter()
        .map(|group| {
            let roots: Vec<W> = group.iter().flat_map(|&item| item_roots(lowered, item)).collect();
            let mut sources = root_sources(&mut walker, lowered, &kept, &roots);
            // What a port reads changes with the contents, at the same address too.
            for item in group {
                if let Item::Memory(index) = *item
                    && !lowered.memories[index].reads.is_empty()
                {
                    sources.insert(Source::Contents(u32::try_from(index).unwrap_or(u32::MAX)));
                }
            }
            sources
        })
        .collect();
    let order = order(lowered, &groups, &reads);
    let mut position = vec![0; groups.len()];
    for (place, &group) in order.iter().enumerate() {
        position[group] = place;
    }

    let mut readers: HashMap<Source, BTreeSet<Region>> = HashMap::new();
    for (group, reads) in reads.iter().enumerate() {
        for &source in reads {
            readers.entry(source).or_default().insert(Region::Sink(position[group]));
        }
    }
    for (index, values) in clusters.iter().enumerate() {
        for source in walker.sources(&lowered.graph, &kept, values) {
            readers.entry(source).or_default().insert(Region::Value(index));
        }
    }
    // Values of a region that only it reads would make it due again.
    for (index, values) in clusters.iter().enumerate() {
        for w in values {
            if let Some(readers) = readers.get_mut(&Source::Cell(kept[w])) {
                readers.remove(&Region::Value(index));
            }
        }
    }
    let mut staged = BTreeSet::new();
    for (group, items) in groups.iter().enumerate() {
        for cell in items.iter().flat_map(|&item| item_cells(lowered, item)) {
            let late = |region: &Region| matches!(region, Region::Sink(place) if *place > position[group]);
            if readers.get(&Source::Cell(cell)).is_some_and(|readers| readers.iter().any(late)) {
                staged.insert(cell);
            }
        }
    }
    let sinks: Vec<Vec<Item>> = order.iter().map(|&group| groups[group].clone()).collect();
    Partition { values: clusters, sinks, kept, staged, readers }
}

/// Sources of roots that are read, not evaluated, where they are kept.
pub(crate) fn root_sources(
    walker: &mut Walker,
    lowered: &Lowered,
    kept: &HashMap<W, Cell>,
    roots: &[W],
) -> BTreeSet<Source> {
    let mut sources = BTreeSet::new();
    walker.walk(&lowered.graph, roots, |w| {
        if let Some(&cell) = kept.get(&w) {
            sources.insert(Source::Cell(cell));
            return false;
        }
        note(&lowered.graph, w, &mut sources);
        true
    });
    sources
}

/// Words of state of an item.
fn weight(lowered: &Lowered, item: Item) -> usize {
    match item {
        Item::Register(index) => lowered.registers[index].next.len(),
        Item::Memory(index) => memory_roots(&lowered.memories[index]).len(),
    }
}

/// Items by instance subtree and by distance within it.
fn groups(lowered: &Lowered, items: &[Item], paths: &dyn Fn(Item) -> String, sizes: Sizes) -> Vec<Vec<Item>> {
    let scopes: Vec<Vec<String>> = items
        .iter()
        .map(|&item| {
            let mut scope: Vec<String> = paths(item).split('.').map(str::to_owned).collect();
            scope.pop();
            scope
        })
        .collect();
    let mut weights: HashMap<&[String], usize> = HashMap::new();
    for (scope, &item) in scopes.iter().zip(items) {
        for length in 0..=scope.len() {
            *weights.entry(&scope[..length]).or_default() += weight(lowered, item);
        }
    }
    let mut by_scope: BTreeMap<&[String], Vec<Item>> = BTreeMap::new();
    for (scope, &item) in scopes.iter().zip(items) {
        let length = (0..=scope.len()).find(|&length| weights[&scope[..length]] <= sizes.group);
        by_scope.entry(&scope[..length.unwrap_or(scope.len())]).or_default().push(item);
    }
    let mut walker = Walker::new(&lowered.graph);
    let levels = by_scope.into_values().flat_map(|items| levels(lowered, &mut walker, &items, sizes));
    levels.flat_map(|items| chunks(lowered, items, sizes)).collect()
}

/// Cuts what is too large for one region.
fn chunks(lowered: &Lowered, items: Vec<Item>, sizes: Sizes) -> Vec<Vec<Item>> {
    let mut chunks: Vec<Vec<Item>> = Vec::new();
    let mut room = 0;
    for item in items {
        let own = weight(lowered, item);
        match chunks.last_mut() {
            Some(last) if own <= room => last.push(item),
            _ => {
                chunks.push(vec![item]);
                room = 4 * sizes.group;
            }
        }
        room = room.saturating_sub(own);
    }
    chunks
}

/// Splits a group by the longest way, in registers, from the outside of the group.
fn levels(lowered: &Lowered, walker: &mut Walker, items: &[Item], sizes: Sizes) -> Vec<Vec<Item>> {
    let total: usize = items.iter().map(|&item| weight(lowered, item)).sum();
    if total <= 2 * sizes.level {
        return vec![items.to_vec()];
    }
    let mut writer = HashMap::new();
    let mut graph: DiGraph<Item, ()> = DiGraph::new();
    for &item in items {
        let node = graph.add_node(item);
        for cell in item_cells(lowered, item) {
            writer.insert(cell, node);
        }
    }
    let none = HashMap::new();
    for node in graph.node_indices() {
        let roots = item_roots(lowered, graph[node]);
        for source in root_sources(walker, lowered, &none, &roots) {
            if let Source::Cell(cell) = source
                && let Some(&from) = writer.get(&cell)
            {
                graph.add_edge(from, node, ());
            }
        }
    }
    let mut level = vec![0_usize; graph.node_count()];
    // Components come in reverse topological order: users before what they use, so they are taken from the back.
    for component in tarjan_scc(&graph).iter().rev() {
        let inside: BTreeSet<_> = component.iter().copied().collect();
        let above = component
            .iter()
            .flat_map(|&node| graph.neighbors_directed(node, petgraph::Direction::Incoming))
            .filter(|from| !inside.contains(from))
            .map(|from| level[from.index()] + 1)
            .max()
            .unwrap_or(0);
        for node in component {
            level[node.index()] = above;
        }
    }
    let mut by_level: BTreeMap<usize, Vec<Item>> = BTreeMap::new();
    for node in graph.node_indices() {
        by_level.entry(level[node.index()]).or_default().push(graph[node]);
    }
    let mut merged: Vec<Vec<Item>> = Vec::new();
    let mut room = 0;
    for items in by_level.into_values() {
        let own: usize = items.iter().map(|&item| weight(lowered, item)).sum();
        match merged.last_mut() {
            Some(last) if room > 0 && own < sizes.level => last.extend(items),
            _ => {
                merged.push(items);
                room = sizes.level;
            }
        }
        room = room.saturating_sub(own);
    }
    merged
}

/// The group that changes a cell.
fn homes(lowered: &Lowered, groups: &[Vec<Item>]) -> HashMap<Cell, usize> {
    let mut home = HashMap::new();
    for (index, group) in groups.iter().enumerate() {
        for cell in group.iter().flat_map(|&item| item_cells(lowered, item)) {
            home.insert(cell, index);
        }
    }
    home
}

/// Who needs a node's value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    Nobody,
    Group(usize),
    Value(W),
    Several,
}

impl User {
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, user) | (user, Self::Nobody) => user,
            (a, b) if a == b => a,
            _ => Self::Several,
        }
    }
}

/// The nodes to keep: what several groups, other kept values or outputs need and is not cheap to repeat.
fn keep(lowered: &Lowered, groups: &[Vec<Item>], sizes: Sizes) -> Vec<W> {
    let graph = &lowered.graph;
    let mut users = vec![User::Nobody; graph.ops.len()];
    for (index, group) in groups.iter().enumerate() {
        for root in group.iter().flat_map(|&item| item_roots(lowered, item)) {
            let user = &mut users[root.0 as usize];
            *user = user.join(User::Group(index));
        }
    }
    for root in lowered.outputs.iter().chain(&lowered.trace).flatten() {
        users[root.0 as usize] = User::Several;
    }
    let costs = costs(graph, sizes.repeat);
    let mut kept = Vec::new();
    for index in (0..graph.ops.len()).rev() {
        let w = W(u32::try_from(index).unwrap_or(u32::MAX));
        let user = users[index];
        if user == User::Nobody {
            continue;
        }
        let read = matches!(graph.op(w), Op::Read { .. });
        let wide = matches!(graph.op(w), Op::Wide { .. });
        let passed = if read || (user == User::Several && costs[index] > sizes.repeat && !wide) {
            kept.push(w);
            User::Value(w)
        } else {
            user
        };
        operands(graph.op(w), |operand| {
            let user = &mut users[operand.0 as usize];
            *user = user.join(passed);
        });
    }
    kept.reverse();
    kept
}

/// Operations in the tree below each node, up to just above `limit`.
fn costs(graph: &Graph, limit: u32) -> Vec<u32> {
    let mut costs: Vec<u32> = Vec::with_capacity(graph.ops.len());
    for op in &graph.ops {
        let mut cost = match op {
            Op::Const(_) | Op::Load(..) => 0,
            Op::Wide { .. } | Op::Read { .. } => limit + 1,
            _ => 1,
        };
        operands(op, |operand| cost += costs[operand.0 as usize]);
        costs.push(cost.min(limit + 1));
    }
    costs
}

/// Kept values by the group that they read most and by how many other clusters they build on.
fn cluster(lowered: &Lowered, kept_nodes: &[W], home: &HashMap<Cell, usize>) -> Vec<Vec<W>> {
    let graph = &lowered.graph;
    let mut walker = Walker::new(graph);
    let is_kept: BTreeSet<W> = kept_nodes.iter().copied().collect();
    let mut key: HashMap<W, (usize, usize)> = HashMap::new();
    let mut clusters: BTreeMap<(usize, usize), Vec<W>> = BTreeMap::new();
    for &w in kept_nodes {
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        let mut below: Vec<(usize, usize)> = Vec::new();
        let mut inner = Vec::new();
        operands(graph.op(w), |operand| inner.push(operand));
        walker.walk(graph, &inner, |inner| {
            if is_kept.contains(&inner) {
                below.push(key[&inner]);
                return false;
            }
            if let Op::Load(cell, _) = graph.op(inner) {
                *votes.entry(home.get(cell).copied().unwrap_or(usize::MAX)).or_default() += 1;
            }
            true
        });
        for (_, group) in &below {
            *votes.entry(*group).or_default() += 1;
        }
        let group = votes.iter().max_by_key(|(_, count)| **count).map_or(usize::MAX, |(&group, _)| group);
        let level = below.iter().map(|&(level, of)| level + usize::from(of != group)).max().unwrap_or(0);
        key.insert(w, (level, group));
        clusters.entry((level, group)).or_default().push(w);
    }
    clusters.into_values().collect()
}

/// Drops values that nothing outside their cluster needs: they are evaluated inside it.
fn demote(lowered: &Lowered, clusters: &mut [Vec<W>], groups: &[Vec<Item>]) {
    let graph = &lowered.graph;
    let mut walker = Walker::new(graph);
    let cluster_of: HashMap<W, usize> =
        clusters.iter().enumerate().flat_map(|(index, values)| values.iter().map(move |&w| (w, index))).collect();
    let mut needed: BTreeSet<W> = BTreeSet::new();
    let mut need = |walker: &mut Walker, roots: &[W], own: Option<usize>| {
        walker.walk(graph, roots, |w| match cluster_of.get(&w) {
            Some(&cluster) if Some(cluster) == own => true,
            Some(_) => {
                needed.insert(w);
                false
            }
            None => true,
        });
    };
    for group in groups {
        let roots: Vec<W> = group.iter().flat_map(|&item| item_roots(lowered, item)).collect();
        need(&mut walker, &roots, None);
    }
    let outputs: Vec<W> = lowered.outputs.iter().chain(&lowered.trace).flatten().copied().collect();
    need(&mut walker, &outputs, None);
    for (index, values) in clusters.iter().enumerate() {
        need(&mut walker, values, Some(index));
    }
    for values in clusters.iter_mut() {
        values.retain(|w| needed.contains(w));
    }
}

/// An order of the groups in which most words are read before they change (Eades, Lin and Smyth 1993).
fn order(lowered: &Lowered, groups: &[Vec<Item>], reads: &[BTreeSet<Source>]) -> Vec<usize> {
    let home = homes(lowered, groups);
    // From a reader to the writer, by words.
    let mut out: Vec<BTreeMap<usize, usize>> = vec![BTreeMap::new(); groups.len()];
    let mut into = out.clone();
    for (reader, reads) in reads.iter().enumerate() {
        for source in reads {
            let Source::Cell(cell) = source else { continue };
            let Some(&writer) = home.get(cell) else { continue };
            if writer != reader {
                let words = lowered.graph.cells[cell.0 as usize].width.div_ceil(64) as usize;
                *out[reader].entry(writer).or_default() += words;
                *into[writer].entry(reader).or_default() += words;
            }
        }
    }
    let mut left: BTreeSet<usize> = (0..groups.len()).collect();
    let (mut front, mut back) = (Vec::new(), Vec::new());
    let mut balance: Vec<(usize, usize)> =
        (0..groups.len()).map(|group| (out[group].values().sum(), into[group].values().sum())).collect();
    while !left.is_empty() {
        let sink = left.iter().copied().find(|&group| balance[group].0 == 0);
        let source = || left.iter().copied().find(|&group| balance[group].1 == 0);
        let chosen = match sink {
            Some(group) => {
                back.push(group);
                group
            }
            None => {
                let heaviest = |group: &usize| (balance[*group].0 + 1) as f64 / (balance[*group].1 + 1) as f64;
                let group = source()
                    .or_else(|| left.iter().copied().max_by(|a, b| heaviest(a).total_cmp(&heaviest(b))))
                    .unwrap_or_default();
                front.push(group);
                group
            }
        };
        left.remove(&chosen);
        for (&writer, &words) in &out[chosen] {
            if left.contains(&writer) {
                balance[writer].1 -= words;
            }
        }
        for (&reader, &words) in &into[chosen] {
            if left.contains(&reader) {
                balance[reader].0 -= words;
            }
        }
    }
    front.extend(back.into_iter().rev());
    front
}
