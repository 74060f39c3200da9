//! Complementary suppression: the engine under [`crate::pattern`], which sees no count, and under the checker,
//! which sees them all.

use std::collections::BTreeMap;

use crate::graph::{EdgeId, Graph, NodeId};
use crate::table::{Levels, Place, Shape};
use crate::verdict::{Reason, Verdict};

/// Answers whether the union of these places may be known; nothing where that has to be asked.
pub(crate) type Oracle<'a> = dyn FnMut(&Cover, &Line) -> Option<bool> + 'a;

/// Which places of a table are released, on the way to a safe pattern.
#[derive(Clone, Debug)]
pub(crate) struct Cover {
    graph: Graph,
    shape: Shape,
    asked: Vec<EdgeId>,
    /// For each edge.
    verdicts: Vec<Verdict>,
}

/// Base cells whose sum is known to whoever holds the released places.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// In order.
    pub(crate) cells: Vec<u32>,
    pub(crate) origin: Origin,
}

/// How a sum is known.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// As a place, released or determined.
    Place(EdgeId),
    /// As what remains of a line.
    Remainder(Line),
}

/// A sum that is known, and the terms that it is taken apart into.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) sum: EdgeId,
    pub(crate) terms: Vec<EdgeId>,
    /// The terms that are not known.
    pub(crate) hidden: Vec<EdgeId>,
}

impl Cover {
    /// Starts with every place that is asked for released.
    pub(crate) fn new(shape: Shape, levels: Levels) -> Self {
        let graph = Graph::new(shape);
        let asked: Vec<_> = levels.places(shape).into_iter().filter_map(|place| graph.id(place)).collect();
        let mut verdicts = vec![Verdict::Suppressed(Reason::NotAsked); graph.edges().len()];
        for &edge in &asked {
            verdicts.get_mut(edge).into_iter().for_each(|verdict| *verdict = Verdict::Released);
        }
        Self { graph, shape, asked, verdicts }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns the places asked for, in order.
    pub(crate) fn asked(&self) -> &[EdgeId] {
        &self.asked
    }

    pub(crate) fn verdict(&self, edge: EdgeId) -> Verdict {
        self.verdicts.get(edge).copied().unwrap_or(Verdict::Suppressed(Reason::NotAsked))
    }

    /// Returns the verdict of every place that is asked for.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = (Place, Verdict)> {
        self.asked.iter().filter_map(|&id| Some((self.graph.edge(id)?.place, self.verdict(id))))
    }

    pub(crate) fn is_released(&self, edge: EdgeId) -> bool {
        self.verdict(edge).is_released()
    }

    /// Tells whether a place was asked for and is suppressed.
    pub(crate) fn is_hidden(&self, edge: EdgeId) -> bool {
        !matches!(self.verdict(edge), Verdict::Released | Verdict::Suppressed(Reason::NotAsked))
    }

    /// Suppresses a place if it was released until now.
    pub(crate) fn suppress(&mut self, edge: EdgeId, reason: Reason) {
        if let Some(verdict) = self.verdicts.get_mut(edge).filter(|verdict| verdict.is_released()) {
            *verdict = Verdict::Suppressed(reason);
        }
    }

    /// Suppresses until no hidden place is determined and every union that a line gives away is allowed; returns
    /// the unions that have to be asked first.
    ///
    /// Each turn of the loop suppresses at least one place more, so it ends.
    pub(crate) fn settle(&mut self, oracle: &mut Oracle<'_>) -> Vec<Vec<EdgeId>> {
        loop {
            self.break_bridges();
            let mut open = Vec::new();
            let refused = self.lines().into_iter().find(|line| match oracle(self, line) {
                Some(allowed) => !allowed,
                None => {
                    open.push(line.hidden.clone());
                    false
                }
            });
            match refused {
                Some(line) if self.widen(&line) => {}
                _ => return open,
            }
        }
    }

    /// Tells how dear it is to suppress a place that is released: cells before margins, and the total last of all.
    pub(crate) fn loss(&self, edge: EdgeId) -> u64 {
        match self.graph.edge(edge).map(|edge| edge.place) {
            Some(Place { row: Some(_), column: Some(_) }) => 1,
            Some(Place::TOTAL) => 1 << 40,
            _ => 1 << 16,
        }
    }

    /// Finds which hidden places the released ones determine.
    pub(crate) fn determined(&self) -> Vec<EdgeId> {
        let bridges = self.graph.bridges(|edge| !self.is_released(edge));
        (0..)
            .zip(bridges)
            .filter(|&(edge, is_bridge)| is_bridge && self.is_hidden(edge))
            .map(|(e, _)| e)
            .collect()
    }

    /// Puts every hidden place on a cycle of unknown ones.
    fn break_bridges(&mut self) {
        while let Some(&edge) = self.determined().first() {
            if !self.close_cycle(edge) {
                return;
            }
        }
    }

    /// Suppresses the cheapest places that close a cycle through `edge`.
    fn close_cycle(&mut self, edge: EdgeId) -> bool {
        let Some(&found) = self.graph.edge(edge) else { return false };
        let way = self.graph.cheapest_way(
            found.to,
            |node| node == found.from,
            |step| {
                let cost = if self.is_released(step.edge) { self.loss(step.edge) } else { 0 };
                (step.edge != edge).then_some(cost)
            },
        );
        let released: Vec<_> =
            way.into_iter().flatten().map(|step| step.edge).filter(|&id| self.is_released(id)).collect();
        released.iter().for_each(|&id| self.suppress(id, Reason::Complementary));
        !released.is_empty()
    }

    /// Lists every place that is known, and what remains of every known sum without its known terms: each set of base
    /// cells once.
    pub(crate) fn known(&self) -> Vec<Known> {
        let bridges = self.graph.bridges(|edge| !self.is_released(edge));
        let is_known = |edge: EdgeId| self.is_released(edge) || bridges.get(edge).copied().unwrap_or(false);
        let places = (0..self.graph.edges().len()).filter(|&edge| is_known(edge));
        let places = places.map(|edge| (vec![edge], Origin::Place(edge)));
        let lines = self.known_lines(&is_known).into_iter();
        let lines = lines.map(|line| (line.hidden.clone(), Origin::Remainder(line)));
        let mut all = BTreeMap::new();
        for (edges, origin) in places.chain(lines) {
            let places = edges.iter().filter_map(|&edge| self.graph.edge(edge));
            let mut cells: Vec<_> = places.flat_map(|edge| self.shape.base_cells(edge.place)).collect();
            cells.sort_unstable();
            all.entry(cells).or_insert(origin);
        }
        all.into_iter().map(|(cells, origin)| Known { cells, origin }).collect()
    }

    /// Makes a known sum unknown, as far as that takes one step.
    pub(crate) fn conceal(&mut self, origin: &Origin, reason: Reason) {
        match origin {
            Origin::Place(edge) if self.is_released(*edge) => self.suppress(*edge, reason),
            Origin::Place(edge) => drop(self.close_cycle(*edge)),
            Origin::Remainder(line) => drop(self.widen(line)),
        }
    }

    /// Counts the released places.
    pub(crate) fn released_len(&self) -> usize {
        self.asked.iter().filter(|&&edge| self.is_released(edge)).count()
    }

    /// Returns every line with a sum that is released or determined, and hidden terms.
    fn lines(&self) -> Vec<Line> {
        let bridges = self.graph.bridges(|edge| !self.is_released(edge));
        let is_known = |edge: EdgeId| self.is_released(edge) || bridges.get(edge).copied().unwrap_or(false);
        let mut lines = self.known_lines(&is_known);
        // A term that was not asked for is hidden in no table of its own; its cells are looked at instead.
        lines.retain(|line| line.hidden.iter().all(|&id| self.is_hidden(id)));
        lines
    }

    /// Returns every line with a known sum and unknown terms.
    fn known_lines(&self, is_known: &impl Fn(EdgeId) -> bool) -> Vec<Line> {
        let nodes = (0..self.graph.nodes_len()).filter_map(|node| self.graph.around(node).split_last());
        let plain = nodes.map(|(&sum, terms)| (sum, terms.to_vec()));
        let line = |(sum, terms): (EdgeId, Vec<EdgeId>)| {
            let hidden: Vec<_> = terms.iter().copied().filter(|&term| !is_known(term)).collect();
            (is_known(sum) && !hidden.is_empty()).then_some(Line { sum, terms, hidden })
        };
        plain.chain(self.refined(is_known)).filter_map(line).collect()
    }

    /// Takes the total apart by rows, and by columns: into the sums that are known and the cells of the others.
    fn refined(&self, is_known: &impl Fn(EdgeId) -> bool) -> Vec<(EdgeId, Vec<EdgeId>)> {
        let total = self.graph.id(Place::TOTAL).filter(|_| self.shape.is_crossed());
        let Some(total) = total else { return Vec::new() };
        let rows = self.shape.rows() as usize;
        let columns = self.shape.columns() as usize;
        let parts = |nodes: std::ops::Range<NodeId>| {
            let part = |node| match self.graph.around(node).split_last() {
                Some((&sum, cells)) if !is_known(sum) => cells.to_vec(),
                Some((&sum, _)) => vec![sum],
                None => Vec::new(),
            };
            let mut terms: Vec<_> = nodes.flat_map(part).collect();
            terms.sort_unstable();
            (total, terms)
        };
        vec![parts(0..rows), parts(rows + 1..rows + 1 + columns)]
    }

    /// Suppresses one more term of a line, or its sum where there is none left.
    fn widen(&mut self, line: &Line) -> bool {
        let released = line.terms.iter().copied().filter(|&term| self.is_released(term));
        let chosen = released.min_by_key(|&term| (self.loss(term), usize::MAX - self.crossings(term), term));
        match chosen {
            Some(term) => self.suppress(term, Reason::Complementary),
            None if self.is_released(line.sum) => self.suppress(line.sum, Reason::Complementary),
            None => return self.close_cycle(line.sum),
        }
        true
    }

    /// Counts the lines of a place in which another one is hidden.
    fn crossings(&self, edge: EdgeId) -> usize {
        let ends = self.graph.edge(edge).map_or([NodeId::MAX; 2], |edge| [edge.from, edge.to]);
        let has_hidden =
            |node: &&NodeId| self.graph.around(**node).iter().any(|&id| id != edge && self.is_hidden(id));
        ends.iter().filter(has_hidden).count()
    }
}
