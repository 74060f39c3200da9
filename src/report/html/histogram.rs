//! Adjoining bins, to scale where that leaves all of them visible.

use super::bars::titled;
use super::markup::{Markup, Path};
use super::plot::{Anchor, Area, WIDTH, cells, hatched, path, rect, svg, text, text_width, told};
use super::scale::Scale;
use crate::decimal::Decimal;
use crate::report::figures::{Shown, View};
use crate::report::grouped_text;
use crate::statistics::Number;

/// Height of the drawing, and its margins.
const HEIGHT: f64 = 320.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 266.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = WIDTH - 48.0;

/// Height of the hatched bin that is suppressed, whatever its figure is.
const HATCHED: f64 = 40.0;

/// Least width of a bin that is drawn to scale.
const LEAST_WIDTH: f64 = 14.0;

/// Relative difference below which bins are as wide as each other.
const SAME: f64 = 1e-9;

/// Half of the width of the ends of an error bar.
const CAP: f64 = 4.0;

/// What the height and the width of a bin mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    /// Bins are as wide as each other, so the height is the count.
    Count,
    /// Bins differ in width: the area is the count.
    Density,
    /// Bins differ too much; all are drawn as wide as each other, and the height is the count.
    NotToScale,
}

/// A bin with its borders.
struct Bin<'a> {
    label: &'a str,
    shown: Shown<'a>,
    left: f64,
    right: f64,
    /// What the count is divided by.
    width: f64,
    /// Whether the counts fit above all bins.
    is_told: bool,
}

/// Tells whether the borders of all bins are known.
pub(super) fn can_draw(view: &View<'_>) -> bool {
    let axis = view.table.by.first();
    axis.is_some_and(|axis| axis.edges.len() == axis.labels.len() + 1 && !axis.labels.is_empty())
}

/// Draws a table by bins; returns what the drawing shows.
pub(super) fn draw(page: &mut Markup, view: &View<'_>) -> String {
    let edges = view.table.by.first().map(|axis| &axis.edges[..]).unwrap_or_default();
    let measure = Measure::of(&numbers(edges));
    let places = measure.places(&numbers(edges));
    let bins = bins(view, measure, &numbers(edges), &places);
    let reaches = bins.iter().filter_map(|bin| Some((bin, bin.shown.number()?)));
    let values = reaches.flat_map(|(bin, number)| bin.reach(number));
    let scale = Scale::with_zero(values, (BOTTOM, TOP));
    svg(page, view, HEIGHT, |svg| {
        upright(svg, view, &scale, measure);
        bins.iter().for_each(|bin| bin.draw(svg, &scale));
        level(svg, view, edges, &places);
    });
    let error = if view.has_errors() { " Upright lines: ± one standard error." } else { "" };
    format!("Records by {}. {}{error}", view.axis(0), measure.note())
}

fn bins<'a>(view: &View<'a>, measure: Measure, edges: &[f64], places: &[f64]) -> Vec<Bin<'a>> {
    let borders = places.iter().zip(places.iter().skip(1));
    let widths = edges.iter().zip(edges.iter().skip(1)).map(|(from, to)| to - from);
    let cells = cells(view).collect::<Vec<_>>();
    let counts = cells.iter().filter_map(|(.., shown)| Some(text_width(&shown.number()?.grouped())));
    let least = borders.clone().map(|(left, right)| right - left).fold(f64::INFINITY, f64::min);
    let is_told = counts.fold(0.0, f64::max) <= least;
    let bins = cells.into_iter().zip(borders.zip(widths));
    bins.map(|((row, _, shown), ((&left, &right), width))| Bin {
        label: view.head(0, row),
        shown,
        left,
        right,
        width: if measure == Measure::Density { width } else { 1.0 },
        is_told,
    })
    .collect()
}

fn numbers(edges: &[Decimal]) -> Vec<f64> {
    edges.iter().map(|edge| edge.to_string().parse().unwrap_or_default()).collect()
}

impl Measure {
    fn of(edges: &[f64]) -> Self {
        let widths = || edges.iter().zip(edges.iter().skip(1)).map(|(from, to)| to - from);
        let (least, most) = (widths().fold(f64::INFINITY, f64::min), widths().fold(0.0, f64::max));
        let whole: f64 = widths().sum();
        if most - least <= SAME * most {
            Self::Count
        } else if least / whole * (RIGHT - LEFT) >= LEAST_WIDTH {
            Self::Density
        } else {
            Self::NotToScale
        }
    }

    /// Returns where the borders are drawn.
    fn places(self, edges: &[f64]) -> Vec<f64> {
        let (first, last) = (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(1.0));
        let bins = u32::try_from(edges.len().saturating_sub(1)).map_or(1.0, f64::from);
        let share = |(index, edge): (u32, &f64)| match self {
            Self::NotToScale => f64::from(index) / bins,
            Self::Count | Self::Density => (edge - first) / (last - first),
        };
        (0u32..).zip(edges).map(share).map(|share| LEFT + share * (RIGHT - LEFT)).collect()
    }

    fn note(self) -> &'static str {
        match self {
            Self::Count => "The height of a bin is the number of its records.",
            Self::Density => "Bins differ in width: the area of a bin is the number of its records.",
            Self::NotToScale => "Widths are not to scale; the height of a bin is the number of its records.",
        }
    }
}

/// Draws the axis of the heights.
fn upright(svg: &mut Markup, view: &View<'_>, scale: &Scale, measure: Measure) {
    for tick in scale.ticks() {
        let y = scale.at(tick);
        let class = if tick == 0.0 { "zero" } else { "grid" };
        path(svg, class, &Path::default().line((LEFT, y), (RIGHT, y)));
        text(svg, (LEFT - 8.0, y + 4.0), Anchor::End, "tick", &scale.label(tick), usize::MAX);
    }
    let subject = match measure {
        Measure::Density => format!("records per unit of {}", view.axis(0)),
        Measure::Count | Measure::NotToScale => "records".to_owned(),
    };
    text(svg, (2.0, 12.0), Anchor::Start, "axis", &titled(&subject, scale), 60);
}

/// Writes the borders of the bins, each or each second or third and so on as they fit.
fn level(svg: &mut Markup, view: &View<'_>, edges: &[Decimal], places: &[f64]) {
    let labels: Vec<_> = edges.iter().map(|edge| grouped_text(&edge.to_string())).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).zip(places.iter().copied()).collect();
    places.iter().for_each(|&x| path(svg, "border", &Path::default().line((x, BOTTOM), (x, BOTTOM + 5.0))));
    for &(label, x) in labels.iter().step_by(stride(&labels)) {
        text(svg, (x, BOTTOM + 19.0), Anchor::Middle, "tick", label, usize::MAX);
    }
    let middle = (LEFT + RIGHT) / 2.0;
    text(svg, (middle, BOTTOM + 42.0), Anchor::Middle, "axis", view.axis(0), 60);
}

/// Returns the least distance at which labels do not run into each other.
fn stride(labels: &[(&str, f64)]) -> usize {
    let fits = |one: &(&str, f64), next: &(&str, f64)| {
        (text_width(one.0) + text_width(next.0)) / 2.0 + 8.0 <= next.1 - one.1
    };
    let all_fit = |stride: &usize| {
        let (ones, nexts) = (labels.iter().step_by(*stride), labels.iter().step_by(*stride).skip(1));
        ones.zip(nexts).all(|(one, next)| fits(one, next))
    };
    (1..labels.len()).find(all_fit).unwrap_or(labels.len().max(1))
}

impl Bin<'_> {
    fn reach(&self, number: &Number) -> [f64; 2] {
        let error = number.standard_error.unwrap_or_default();
        [(number.number - error) / self.width, (number.number + error) / self.width]
    }

    fn draw(&self, svg: &mut Markup, scale: &Scale) {
        let title = told(&[self.label], self.shown);
        let middle = (self.left + self.right) / 2.0;
        let (x, width, zero) = (self.left, self.right - self.left, scale.at(0.0));
        match self.shown {
            Shown::Figure { number, .. } => {
                let value = scale.at(number.number / self.width);
                let area = Area { x, y: zero.min(value), width, height: (value - zero).abs() };
                rect(svg, "bar bin", area, &title);
                let [low, high] = self.reach(number).map(|value| scale.at(value));
                if number.standard_error.is_some() {
                    path(svg, "error", &error(middle, low, high));
                }
                self.label(svg, &number.grouped(), (middle, high.min(zero) - 5.0), "value");
            }
            Shown::Suppressed => {
                hatched(svg, Area { x, y: zero - HATCHED, width, height: HATCHED }, &title);
                self.label(svg, "suppressed", (middle, zero - HATCHED - 5.0), "value muted");
            }
            Shown::Undefined { .. } => {}
        }
    }

    /// Writes a text above the bin where there is room; the suppressed have a mark at least.
    fn label(&self, svg: &mut Markup, label: &str, at: (f64, f64), class: &str) {
        let fits = text_width(label) <= self.right - self.left;
        match self.shown {
            Shown::Suppressed if !fits => text(svg, at, Anchor::Middle, class, "*", usize::MAX),
            Shown::Suppressed => text(svg, at, Anchor::Middle, class, label, usize::MAX),
            _ if self.is_told => text(svg, at, Anchor::Middle, class, label, usize::MAX),
            _ => {}
        }
    }
}

fn error(x: f64, low: f64, high: f64) -> Path {
    let line = Path::default().line((x, low), (x, high));
    line.line((x - CAP, low), (x + CAP, low)).line((x - CAP, high), (x + CAP, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_decide_what_the_height_means() {
        assert_eq!(Measure::of(&[0.0, 0.1, 0.2, 0.3]), Measure::Count);
        assert_eq!(Measure::of(&[0.0, 18.0, 35.0, 60.0, 120.0]), Measure::Density);
        assert_eq!(Measure::of(&[0.0, 1.0, 1000.0]), Measure::NotToScale);
    }

    #[test]
    fn bins_adjoin_and_fill_the_width() {
        for edges in [vec![-1.0, 0.0, 3.0], vec![0.0, 1.0, 1000.0]] {
            let places = Measure::of(&edges).places(&edges);
            assert_eq!((places[0], places[2]), (LEFT, RIGHT));
            assert!(places[0] < places[1] && places[1] < places[2]);
        }
        let middle = LEFT + (RIGHT - LEFT) / 4.0;
        assert_eq!(Measure::Density.places(&[-1.0, 0.0, 3.0])[1], middle);
    }

    #[test]
    fn labels_stay_apart() {
        assert_eq!(stride(&[("0", 0.0), ("10", 100.0), ("20", 200.0)]), 1);
        assert_eq!(stride(&[("1,000", 0.0), ("2,000", 30.0), ("3,000", 60.0), ("4,000", 90.0)]), 2);
        assert_eq!(stride(&[("1,000", 0.0), ("2,000", 1.0)]), 2);
    }
}
