//! A bar for each group, with its standard error.

use super::markup::{Markup, Path};
use super::plot::{Anchor, Area, WIDTH, cells, hatched, path, reach, rect, svg, text, text_width, told};
use super::scale::Scale;
use crate::agreement::StatisticKind;
use crate::report::figures::{Shown, UNDEFINED, View};

/// Height of a group and of its bar.
const ROW: f64 = 28.0;
const BAR: f64 = 17.0;

/// Most columns of a label.
const LABEL_COLUMNS: usize = 26;

/// Height of the axis below the bars.
const AXIS: f64 = 44.0;

/// Length of the hatched bar of a suppressed group, whatever its figure is.
const HATCHED: f64 = 60.0;

/// Half of the height of the ends of an error bar.
const CAP: f64 = 4.0;

/// A group with its place.
struct Bar<'a> {
    label: &'a str,
    shown: Shown<'a>,
    middle: f64,
}

/// Draws a table by one group; returns what the drawing shows.
pub(super) fn draw(page: &mut Markup, view: &View<'_>) -> String {
    let cells: Vec<_> = cells(view).collect();
    let bars: Vec<Bar<'_>> = cells
        .iter()
        .zip(0u16..)
        .map(|(&(row, _, shown), index)| Bar {
            label: view.head(0, row),
            shown,
            middle: (f64::from(index) + 0.5) * ROW + 4.0,
        })
        .collect();
    let bottom = bars.last().map_or(0.0, |bar| bar.middle + ROW / 2.0 + 2.0);
    let overall = overall(view);
    let values = bars.iter().flat_map(|bar| reach(bar.shown)).chain(overall);
    let scale = Scale::with_zero(values, borders(&bars));
    svg(page, view, bottom + AXIS, |svg| {
        axis(svg, view, &scale, bottom);
        bars.iter().for_each(|bar| bar.draw(svg, &scale));
        if let Some(overall) = overall {
            path(
                svg,
                "overall",
                &Path::default().line((scale.at(overall), 0.0), (scale.at(overall), bottom)),
            );
        }
    });
    let error = if view.has_errors() { " Lines at the ends: ± one standard error." } else { "" };
    let dashed = if overall.is_some() { " Dashed: all groups together." } else { "" };
    format!("{} by {}.{error}{dashed}", capitalized(&view.subject()), view.axis(0))
}

/// Returns where the axis begins and ends, between the labels and the figures.
fn borders(bars: &[Bar<'_>]) -> (f64, f64) {
    let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
    let labels = widest(&mut bars.iter().map(|bar| text_width(bar.label)));
    let figures = widest(&mut bars.iter().map(|bar| text_width(&bar.figure())));
    let most = text_width(&"0".repeat(LABEL_COLUMNS));
    (labels.min(most) + 14.0, WIDTH - figures.min(WIDTH / 3.0) - 18.0)
}

/// Returns the figure of all groups, where it can be compared with that of one.
fn overall(view: &View<'_>) -> Option<f64> {
    let adds_up = matches!(
        view.table.kind,
        StatisticKind::Count | StatisticKind::Sum | StatisticKind::Histogram | StatisticKind::Crosstab
    );
    let total = view.get(None, None).filter(|_| !adds_up)?.number()?;
    Some(total.number).filter(|number| number.is_finite())
}

fn axis(svg: &mut Markup, view: &View<'_>, scale: &Scale, bottom: f64) {
    for tick in scale.ticks() {
        let x = scale.at(tick);
        let class = if tick == 0.0 { "zero" } else { "grid" };
        path(svg, class, &Path::default().line((x, 0.0), (x, bottom)));
        text(svg, (x, bottom + 16.0), Anchor::Middle, "tick", &scale.label(tick), usize::MAX);
    }
    let middle = (scale.at(f64::NEG_INFINITY) + scale.at(f64::INFINITY)) / 2.0;
    text(svg, (middle, bottom + 36.0), Anchor::Middle, "axis", &titled(&view.subject(), scale), 60);
}

/// Names an axis and its unit.
pub(super) fn titled(subject: &str, scale: &Scale) -> String {
    scale.unit_name().map_or(subject.to_owned(), |unit| format!("{subject}, {unit}"))
}

/// Writes the first letter large.
pub(super) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl Bar<'_> {
    fn figure(&self) -> String {
        match self.shown {
            Shown::Figure { number, .. } => number.with_error(),
            Shown::Suppressed => "suppressed".into(),
            Shown::Undefined { .. } => UNDEFINED.into(),
        }
    }

    fn draw(&self, svg: &mut Markup, scale: &Scale) {
        let (start, end) = (scale.at(f64::NEG_INFINITY), scale.at(f64::INFINITY));
        let (zero, top) = (scale.at(0.0), self.middle - BAR / 2.0);
        let baseline = self.middle + 4.0;
        text(svg, (start - 8.0, baseline), Anchor::End, "label", self.label, LABEL_COLUMNS);
        let title = told(&[self.label], self.shown);
        match self.shown {
            Shown::Figure { number, .. } => {
                let value = scale.at(number.number);
                let area = Area { x: zero.min(value), y: top, width: (value - zero).abs(), height: BAR };
                rect(svg, "bar", area, &title);
                if let Some(error) = number.standard_error {
                    let (low, high) = (number.number - error, number.number + error);
                    path(svg, "error", &self.error(scale.at(low), scale.at(high)));
                }
            }
            Shown::Suppressed => {
                let x = if zero + HATCHED <= end { zero } else { zero - HATCHED };
                hatched(svg, Area { x, y: top, width: HATCHED, height: BAR }, &title);
            }
            Shown::Undefined { .. } => {}
        }
        let class = if self.shown.number().is_some() { "value" } else { "value muted" };
        text(svg, (WIDTH - 2.0, baseline), Anchor::End, class, &self.figure(), usize::MAX);
    }

    fn error(&self, low: f64, high: f64) -> Path {
        let (top, bottom) = (self.middle - CAP, self.middle + CAP);
        let line = Path::default().line((low, self.middle), (high, self.middle));
        line.line((low, top), (low, bottom)).line((high, top), (high, bottom))
    }
}
