//! What bounds the counts of suppressed places: the range of one edge over all circulations within bounds.
//!
//! Who sees a release knows the counts of released places exactly and the others to be at least zero. The tables that fit
//! are the circulations of [`crate::graph`] within these bounds. From any of them the value of an edge is raised as far as
//! a flow in the residual network leads from its end back to its start, and lowered likewise (Gusfield 1988,
//! §4; Ford and Fulkerson). Capacities are integers, so the range over integer tables is that over all.

use crate::graph::{EdgeId, Graph, NodeId, Step};

/// Stands for no upper bound; sums of counts stay far below.
pub(crate) const UNBOUNDED: i128 = 1 << 100;

/// The least and the greatest value of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) low: i128,
    pub(crate) high: i128,
}

/// A circulation within bounds.
#[derive(Debug)]
pub(crate) struct Circulation<'a> {
    graph: &'a Graph,
    pipes: Vec<Pipe>,
}

#[derive(Clone, Copy, Debug)]
struct Pipe {
    bounds: Bounds,
    flow: i128,
}

impl Bounds {
    pub(crate) fn exactly(value: i128) -> Self {
        Self { low: value, high: value }
    }

    pub(crate) fn at_least(low: i128) -> Self {
        Self { low, high: UNBOUNDED }
    }
}

impl<'a> Circulation<'a> {
    /// Finds a circulation, if there is one.
    pub(crate) fn find(graph: &'a Graph, bounds: impl Iterator<Item = Bounds>) -> Option<Self> {
        let pipes = bounds.map(|bounds| Pipe { bounds, flow: bounds.low }).collect();
        let mut found = Self { graph, pipes };
        let mut excess = found.excess();
        while let Some(start) = excess.iter().position(|&at| at > 0) {
            let way = found.way(start, |node| excess.get(node).is_some_and(|&at| at < 0), None)?;
            let end = found.end(start, &way);
            let most =
                [excess.get(start).copied(), excess.get(end).map(|at| -at)].into_iter().flatten().min()?;
            let amount = found.push(&way, most);
            excess.get_mut(start).into_iter().for_each(|at| *at -= amount);
            excess.get_mut(end).into_iter().for_each(|at| *at += amount);
        }
        Some(found)
    }

    /// Returns how far the value of `edge` ranges, or `enough` if that is less; leaves it at the top of what
    /// was found.
    pub(crate) fn width(&mut self, edge: EdgeId, enough: i128) -> i128 {
        self.shift(edge, false, enough);
        self.shift(edge, true, enough)
    }

    /// Returns the room of a step in the residual network.
    pub(crate) fn room(&self, step: Step) -> i128 {
        self.pipes.get(step.edge).map_or(0, |pipe| match step.is_forward {
            true => pipe.bounds.high - pipe.flow,
            false => pipe.flow - pipe.bounds.low,
        })
    }

    /// Returns the value of an edge in this circulation.
    pub(crate) fn value(&self, edge: EdgeId) -> i128 {
        self.pipes.get(edge).map_or(0, |pipe| pipe.flow)
    }

    /// Gives an edge wider bounds.
    pub(crate) fn free(&mut self, edge: EdgeId, bounds: Bounds) {
        if let Some(pipe) = self.pipes.get_mut(edge) {
            pipe.bounds = bounds;
        }
    }

    /// Raises or lowers an edge by up to `most`, and returns by how much.
    fn shift(&mut self, edge: EdgeId, is_raised: bool, most: i128) -> i128 {
        let Some(&found) = self.graph.edge(edge) else { return 0 };
        let (start, end) = if is_raised { (found.to, found.from) } else { (found.from, found.to) };
        let mut moved = 0;
        while moved < most {
            let Some(mut way) = self.way(start, |node| node == end, Some(edge)) else { break };
            way.push(Step { edge, is_forward: is_raised });
            match self.push(&way, most - moved) {
                0 => break,
                amount => moved += amount,
            }
        }
        moved
    }

    /// Finds a shortest way with room.
    fn way(
        &self,
        start: NodeId,
        ends: impl Fn(NodeId) -> bool,
        without: Option<EdgeId>,
    ) -> Option<Vec<Step>> {
        let usable = |step: Step| (Some(step.edge) != without && self.room(step) > 0).then_some(1);
        self.graph.cheapest_way(start, ends, usable)
    }

    /// Pushes along a way as much as there is room for, at most `most`.
    fn push(&mut self, way: &[Step], most: i128) -> i128 {
        let amount = way.iter().map(|&step| self.room(step)).fold(most, i128::min);
        for step in way {
            let signed = if step.is_forward { amount } else { -amount };
            self.pipes.get_mut(step.edge).into_iter().for_each(|pipe| pipe.flow += signed);
        }
        amount
    }

    /// Returns what flows into each node beyond what flows out.
    fn excess(&self) -> Vec<i128> {
        let mut excess = vec![0; self.graph.nodes_len()];
        for (edge, pipe) in self.graph.edges().iter().zip(&self.pipes) {
            excess.get_mut(edge.to).into_iter().for_each(|at: &mut i128| *at += pipe.flow);
            excess.get_mut(edge.from).into_iter().for_each(|at| *at -= pipe.flow);
        }
        excess
    }

    fn end(&self, start: NodeId, way: &[Step]) -> NodeId {
        let last = way.last().and_then(|step| Some((step, self.graph.edge(step.edge)?)));
        last.map_or(start, |(step, edge)| if step.is_forward { edge.to } else { edge.from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Place, Shape};
    use crate::testing::{count_of, tables};

    #[test]
    fn ranges_are_those_of_all_tables_that_fit() {
        let mut state = 3_u64;
        let mut random = move |end: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        for round in 0..150 {
            let (rows, columns) = [(2, 2), (3, 1), (2, 3)][round % 3];
            let shape = Shape::new(rows, columns).unwrap();
            let counts: Vec<_> = (0..shape.cells_len()).map(|_| random(3)).collect();
            let graph = Graph::new(shape);
            let known: Vec<_> =
                shape.places().into_iter().filter(|p| *p == Place::TOTAL || random(3) > 0).collect();
            let bounds = graph.edges().iter().map(|edge| match known.contains(&edge.place) {
                true => Bounds::exactly(i128::from(count_of(shape, &counts, edge.place))),
                false => Bounds::at_least(0),
            });
            let mut circulation = Circulation::find(&graph, bounds).unwrap();
            let fits = |table: &Vec<u64>| {
                known.iter().all(|&p| count_of(shape, table, p) == count_of(shape, &counts, p))
            };
            let total = count_of(shape, &counts, Place::TOTAL);
            let fitting: Vec<_> =
                tables(shape.cells_len() as usize, total).into_iter().filter(fits).collect();
            for place in shape.places() {
                let values = fitting.iter().map(|table| count_of(shape, table, place));
                let width = values.clone().max().unwrap() - values.min().unwrap();
                let found = circulation.width(graph.id(place).unwrap(), UNBOUNDED);
                assert_eq!(found, i128::from(width), "{place:?} of {counts:?} with {known:?}");
            }
        }
    }

    #[test]
    fn figures_that_do_not_add_up_have_no_circulation() {
        let graph = Graph::new(Shape::new(2, 1).unwrap());
        let fixed = |values: [i128; 3]| values.into_iter().map(Bounds::exactly);
        assert!(Circulation::find(&graph, fixed([2, 3, 5])).is_some());
        assert!(Circulation::find(&graph, fixed([2, 3, 6])).is_none());
        assert!(Circulation::find(&graph, fixed([2, 3, 4])).is_none());
    }
}
