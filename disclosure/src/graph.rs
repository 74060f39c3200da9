//! A table with its margins as a circulation: every place is an edge, and every sum of the table is the balance
//! of a node.
//!
//! In a table of R rows and C columns there is a node for every row, one for the column of all rows together, and likewise
//! for columns. A cell flows from its row to its column, the sum of a row into its row, the sum of a column out of its
//! column, and the total closes the circle. What flows into a node flows out of it, and these balances are all
//! linear relations between places. A list has two nodes: its cells flow from one to the other, and the total
//! flows back.
//!
//! Two facts follow. The unknown edges have a unique solution at an edge exactly when it is a bridge, that is, on no
//! cycle of unknown edges (Gusfield, "A Graph Theoretic Approach to Statistical Data Security", SIAM J. Comput.
//! 17(3), 1988, theorem 3.1). And the greatest and least values of an edge are flows in the residual network
//! (see [`crate::flow`]).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::table::{Place, Shape};

/// Number of an edge; edges are in the order of [`Shape::places`].
pub(crate) type EdgeId = usize;

/// Number of a node.
pub(crate) type NodeId = usize;

/// A place as an edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) place: Place,
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
}

/// An edge passed along its direction or against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) edge: EdgeId,
    pub(crate) is_forward: bool,
}

/// The edges of a table and what meets at every node.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    edges: Vec<Edge>,
    /// The edges at each node, in order.
    around: Vec<Vec<EdgeId>>,
    ids: BTreeMap<Place, EdgeId>,
}

/// A node on the way: what it costs to get there, and the last step with the node before it.
#[derive(Clone, Copy, Debug)]
struct Reached {
    cost: u64,
    by: Option<(Step, NodeId)>,
}

/// A node as depth-first search came upon it.
#[derive(Clone, Copy, Debug)]
struct Visit {
    node: NodeId,
    by: Option<EdgeId>,
}

impl Graph {
    pub(crate) fn new(shape: Shape) -> Self {
        let mut places = shape.places();
        if shape.cells_len() == 1 {
            // The total of a single figure is its cell; here it is a second edge that is never known.
            places.push(Place::TOTAL);
        }
        let edges: Vec<Edge> = places.into_iter().map(|place| edge(shape, place)).collect();
        let nodes = edges.iter().map(|edge| edge.from.max(edge.to) + 1).max().unwrap_or(0);
        let mut around = vec![Vec::new(); nodes];
        for (id, edge) in edges.iter().enumerate() {
            for node in [edge.from, edge.to] {
                around.get_mut(node).into_iter().for_each(|at: &mut Vec<_>| at.push(id));
            }
        }
        let ids = edges.iter().enumerate().map(|(id, edge)| (edge.place, id)).collect();
        Self { edges, around, ids }
    }

    pub(crate) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    pub(crate) fn nodes_len(&self) -> usize {
        self.around.len()
    }

    pub(crate) fn edge(&self, id: EdgeId) -> Option<&Edge> {
        self.edges.get(id)
    }

    pub(crate) fn id(&self, place: Place) -> Option<EdgeId> {
        self.ids.get(&place).copied()
    }

    /// Returns the edges at a node in order; the last is the sum of the others.
    pub(crate) fn around(&self, node: NodeId) -> &[EdgeId] {
        self.around.get(node).map_or(&[], Vec::as_slice)
    }

    /// Returns the steps that leave a node, with where they lead.
    fn steps(&self, node: NodeId) -> impl Iterator<Item = (Step, NodeId)> {
        self.around(node).iter().filter_map(move |&edge| {
            let found = self.edges.get(edge)?;
            let is_forward = found.from == node;
            Some((Step { edge, is_forward }, if is_forward { found.to } else { found.from }))
        })
    }

    /// Finds the unknown edges that the known ones determine.
    pub(crate) fn bridges(&self, is_unknown: impl Fn(EdgeId) -> bool) -> Vec<bool> {
        let (visits, position) = self.depth_first(&is_unknown);
        let mut low = position.clone();
        let mut bridges = vec![false; self.edges.len()];
        for visit in visits.iter().rev() {
            let others = self.steps(visit.node).filter(|(step, _)| Some(step.edge) != visit.by);
            let reached = others.filter(|(step, _)| is_unknown(step.edge)).map(|(_, node)| at(&low, node));
            let own = at(&position, visit.node);
            let lowest = reached.fold(own, usize::min);
            // Beyond a bridge nothing leads back to before it.
            if let Some(bridge) = visit.by.filter(|_| lowest == own).and_then(|by| bridges.get_mut(by)) {
                *bridge = true;
            }
            low.get_mut(visit.node).into_iter().for_each(|low| *low = lowest);
        }
        bridges
    }

    /// Visits all nodes along unknown edges, depth first, and returns the visits with each node's place among them.
    fn depth_first(&self, is_unknown: &impl Fn(EdgeId) -> bool) -> (Vec<Visit>, Vec<usize>) {
        let mut position = vec![usize::MAX; self.nodes_len()];
        let mut visits = Vec::new();
        for root in 0..self.nodes_len() {
            let mut stack = vec![Visit { node: root, by: None }];
            while let Some(visit) = stack.pop() {
                let Some(new) = position.get_mut(visit.node).filter(|p| **p == usize::MAX) else {
                    continue;
                };
                *new = visits.len();
                visits.push(visit);
                let next = self.steps(visit.node).filter(|(step, _)| is_unknown(step.edge));
                stack.extend(next.map(|(step, node)| Visit { node, by: Some(step.edge) }));
            }
        }
        (visits, position)
    }

    /// Finds the cheapest way from a node to one of the targets; `cost` gives nothing for a step that may not
    /// be taken. Of equal ways one is chosen by the order of nodes and edges alone.
    pub(crate) fn cheapest_way(
        &self,
        start: NodeId,
        is_target: impl Fn(NodeId) -> bool,
        cost: impl Fn(Step) -> Option<u64>,
    ) -> Option<Vec<Step>> {
        let mut reached: Vec<Option<Reached>> = vec![None; self.nodes_len()];
        *reached.get_mut(start)? = Some(Reached { cost: 0, by: None });
        let mut queue = BinaryHeap::from([Reverse((0, start))]);
        while let Some(Reverse((spent, node))) = queue.pop() {
            if is_target(node) {
                return Some(way_back(&reached, node));
            }
            if reached.get(node).copied().flatten().is_none_or(|known| known.cost < spent) {
                continue;
            }
            for (step, next) in self.steps(node) {
                let Some(all) = cost(step).map(|cost| spent + cost) else {
                    continue;
                };
                let Some(known) = reached.get_mut(next) else { continue };
                if known.is_none_or(|known| all < known.cost) {
                    *known = Some(Reached { cost: all, by: Some((step, node)) });
                    queue.push(Reverse((all, next)));
                }
            }
        }
        None
    }
}

/// Follows the steps back to the start.
fn way_back(reached: &[Option<Reached>], end: NodeId) -> Vec<Step> {
    let mut way = Vec::new();
    let mut node = end;
    while let Some((step, before)) = reached.get(node).copied().flatten().and_then(|known| known.by) {
        way.push(step);
        node = before;
    }
    way.reverse();
    way
}

fn at(values: &[usize], index: usize) -> usize {
    values.get(index).copied().unwrap_or(usize::MAX)
}

fn edge(shape: Shape, place: Place) -> Edge {
    if !shape.is_crossed() {
        let (from, to) = if place.row.is_some() && place.column.is_some() { (0, 1) } else { (1, 0) };
        return Edge { place, from, to };
    }
    let row = place.row.unwrap_or(shape.rows()) as usize;
    let column = (shape.rows() + 1 + place.column.unwrap_or(shape.columns())) as usize;
    // Cells and the total go from rows to columns, sums of rows and of columns the other way.
    let is_single = place.row.is_some() == place.column.is_some();
    let (from, to) = if is_single { (row, column) } else { (column, row) };
    Edge { place, from, to }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn determined(shape: Shape, unknown: &[Place]) -> Vec<Place> {
        let graph = Graph::new(shape);
        let bridges = graph.bridges(|id| unknown.contains(&graph.edges()[id].place));
        (0..bridges.len()).filter(|&id| bridges[id]).map(|id| graph.edges()[id].place).collect()
    }

    /// Finds the determined places by elimination over the rationals, as fractions without a common denominator
    /// modulo a large prime.
    fn determined_by_elimination(shape: Shape, unknown: &[Place]) -> Vec<Place> {
        const P: i128 = (1 << 61) - 1;
        let inverse =
            |x: i128| (0..61).filter(|&i| i != 1).fold((1, x), |(r, s), _| (r * s % P, s * s % P)).0;
        let vector = |place| {
            let mut row = vec![0_i128; shape.cells_len() as usize];
            shape.base_cells(place).iter().for_each(|&cell| row[cell as usize] = 1);
            row
        };
        let mut basis: Vec<Vec<i128>> = Vec::new();
        let reduce = |basis: &[Vec<i128>], mut row: Vec<i128>| {
            for known in basis {
                let lead = known.iter().position(|&x| x != 0).unwrap();
                let factor = row[lead];
                row.iter_mut().zip(known).for_each(|(x, k)| *x = (*x - factor * k % P + P) % P);
            }
            row
        };
        for place in shape.places().into_iter().filter(|place| !unknown.contains(place)) {
            let row = reduce(&basis, vector(place));
            if let Some(lead) = row.iter().find(|&&x| x != 0) {
                let scale = inverse(*lead);
                basis.push(row.iter().map(|x| x * scale % P).collect());
            }
        }
        let spanned = |place: &&Place| reduce(&basis, vector(**place)).iter().all(|&x| x == 0);
        let mut found: Vec<_> = unknown.iter().filter(spanned).copied().collect();
        found.sort_by_key(|place| shape.places().iter().position(|p| p == place));
        found
    }

    #[test]
    fn a_single_gap_is_determined_and_a_rectangle_is_not() {
        let shape = Shape::new(3, 3).unwrap();
        assert_eq!(determined(shape, &[Place::cell(1, 1)]), [Place::cell(1, 1)]);
        let corners = [Place::cell(0, 0), Place::cell(0, 2), Place::cell(2, 0), Place::cell(2, 2)];
        assert!(determined(shape, &corners).is_empty());
        let with_tail = [&corners[..], &[Place::cell(1, 0)]].concat();
        assert_eq!(determined(shape, &with_tail), [Place::cell(1, 0)]);
    }

    #[test]
    fn a_list_needs_two_gaps_and_a_figure_none() {
        let list = Shape::new(4, 1).unwrap();
        assert_eq!(determined(list, &[Place::cell(2, 0)]), [Place::cell(2, 0)]);
        assert!(determined(list, &[Place::cell(2, 0), Place::cell(0, 0)]).is_empty());
        let single = Shape::new(1, 1).unwrap();
        let graph = Graph::new(single);
        assert_eq!(graph.bridges(|_| true), [false, false]);
    }

    #[test]
    fn bridges_are_what_elimination_determines() {
        let mut state = 7_u64;
        for round in 0..400 {
            let shapes = [(2, 2), (3, 3), (4, 2), (5, 1), (1, 4), (3, 5)];
            let (rows, columns) = shapes[round % shapes.len()];
            let shape = Shape::new(rows, columns).unwrap();
            let unknown: Vec<_> = shape
                .places()
                .into_iter()
                .filter(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 40) % 10 < 2 + round as u64 % 5
                })
                .collect();
            assert_eq!(
                determined(shape, &unknown),
                determined_by_elimination(shape, &unknown),
                "{unknown:?}"
            );
        }
    }
}
