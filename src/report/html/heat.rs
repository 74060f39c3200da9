//! A field of colours for a table by two groups.

use super::bars::capitalized;
use super::colour::Ramp;
use super::markup::{Markup, Px};
use super::plot::{Anchor, Area, WIDTH, cells, filled, hatched, svg, text, text_width, told};
use crate::report::figures::{Group, Shown, UNDEFINED, View};
use crate::report::grouped_text;

/// Most columns of a label.
const LABEL_COLUMNS: usize = 20;

/// Height of a cell, and its greatest width.
const HEIGHT: f64 = 30.0;
const MOST_WIDTH: f64 = 130.0;

/// Space between cells where they are wide enough for it.
const GAP: f64 = 2.0;

/// Steps of the legend and the size of each.
const STEPS: u32 = 36;
const STEP: f64 = 5.0;

/// Sine and cosine of the angle by which long heads are turned, 40 degrees.
const TURNED: (f64, f64) = (0.643, 0.766);

/// Where the cells are.
struct Layout {
    left: f64,
    top: f64,
    width: f64,
    turned: bool,
    /// Whether the figures fit into the cells.
    is_told: bool,
}

/// Draws the cells; returns what the drawing shows.
pub(super) fn draw(page: &mut Markup, view: &View<'_>) -> String {
    let groups = |groups: Vec<Group>| groups.into_iter().filter(Option::is_some).collect::<Vec<_>>();
    let (rows, columns) = (groups(view.rows()), groups(view.columns()));
    let layout = Layout::new(view, &rows, &columns);
    let ramp = Ramp::over(cells(view).filter_map(|(.., shown)| Some(shown.number()?.number)));
    let bottom = layout.top + count(rows.len()) * HEIGHT;
    svg(page, view, bottom + 62.0, |svg| {
        heads(svg, view, &layout, (&rows, &columns));
        for (row, column, shown) in cells(view) {
            let names = [view.head(0, row), view.head(1, column)];
            layout.cell(svg, &ramp, layout.area(row, column), &names, shown);
        }
        legend(svg, view, &ramp, (layout.left, bottom + 16.0));
    });
    format!("{} by {} and {}.", capitalized(&view.subject()), view.axis(0), view.axis(1))
}

impl Layout {
    fn new(view: &View<'_>, rows: &[Group], columns: &[Group]) -> Self {
        let widest = |axis: usize, groups: &[Group]| {
            let most = text_width(&"0".repeat(LABEL_COLUMNS));
            groups.iter().map(|group| text_width(view.head(axis, *group))).fold(0.0, f64::max).min(most)
        };
        let (left, head) = (widest(0, rows) + 12.0, widest(1, columns));
        let columns = count(columns.len());
        let turned = head + 6.0 > ((WIDTH - left) / columns).min(MOST_WIDTH);
        let (right, top) = if turned { (head * TURNED.1, head * TURNED.0 + 14.0) } else { (0.0, 18.0) };
        let width = ((WIDTH - left - right) / columns).min(MOST_WIDTH);
        let figures = cells(view).filter_map(|(.., shown)| Some(text_width(&shown.number()?.grouped())));
        let is_told = figures.fold(0.0, f64::max) <= width - 3.0 * GAP;
        Self { left, top: top + 20.0, width, turned, is_told }
    }

    fn area(&self, row: Group, column: Group) -> Area {
        let place = |group: Group| f64::from(group.unwrap_or_default());
        Area {
            x: self.left + place(column) * self.width,
            y: self.top + place(row) * HEIGHT,
            width: if self.width > 4.0 * GAP { self.width - GAP } else { self.width },
            height: HEIGHT - GAP,
        }
    }

    fn cell(&self, svg: &mut Markup, ramp: &Ramp, area: Area, names: &[&str], shown: Shown<'_>) {
        let title = told(names, shown);
        let at = (area.x + area.width / 2.0, area.y + area.height / 2.0 + 4.0);
        let (label, class) = match shown {
            Shown::Figure { number, .. } => {
                let colour = ramp.colour(number.number);
                filled(svg, &[("fill", &colour)], area, &title);
                (number.grouped(), if colour.is_dark() { "on-dark" } else { "on-light" })
            }
            Shown::Suppressed => {
                hatched(svg, area, &title);
                ("*".to_owned(), "star")
            }
            Shown::Undefined { .. } => (UNDEFINED.to_owned(), "value muted"),
        };
        let is_told = self.is_told || shown.number().is_none();
        if is_told && text_width(&label) <= area.width {
            text(svg, at, Anchor::Middle, class, &label, usize::MAX);
        }
    }
}

fn heads(svg: &mut Markup, view: &View<'_>, layout: &Layout, (rows, columns): (&[Group], &[Group])) {
    text(svg, (layout.left - 8.0, layout.top - 8.0), Anchor::End, "axis", view.axis(0), LABEL_COLUMNS);
    text(svg, (layout.left, 12.0), Anchor::Start, "axis", view.axis(1), 60);
    for &row in rows {
        let area = layout.area(row, None);
        let at = (layout.left - 8.0, area.y + area.height / 2.0 + 4.0);
        text(svg, at, Anchor::End, "label", view.head(0, row), LABEL_COLUMNS);
    }
    for &column in columns {
        let area = layout.area(None, column);
        let (x, y) = (area.x + area.width / 2.0, layout.top - 8.0);
        if layout.turned {
            let turn = format!("translate({} {}) rotate(-40)", Px(x), Px(y));
            let head = view.head(1, column);
            svg.element("g", &[("transform", &turn)], |svg| {
                text(svg, (0.0, 0.0), Anchor::Start, "label", head, LABEL_COLUMNS);
            });
        } else {
            text(svg, (x, y), Anchor::Middle, "label", view.head(1, column), LABEL_COLUMNS);
        }
    }
}

/// Draws the colours with the figures at both ends, and what is hatched.
fn legend(svg: &mut Markup, view: &View<'_>, ramp: &Ramp, (left, top): (f64, f64)) {
    let ends = [ramp.low, ramp.high].map(|end| ramp_text(view, end));
    let start = left + text_width(&ends[0]) + 6.0;
    text(svg, (left, top + 12.0), Anchor::Start, "tick", &ends[0], usize::MAX);
    for step in 0..STEPS {
        let colour = ramp.colour(ramp.value((f64::from(step) + 0.5) / f64::from(STEPS)));
        let area = Area { x: start + f64::from(step) * STEP, y: top, width: STEP + 0.5, height: 16.0 };
        filled(svg, &[("fill", &colour)], area, &view.subject());
    }
    let end = start + f64::from(STEPS) * STEP + 6.0;
    text(svg, (end, top + 12.0), Anchor::Start, "tick", &ends[1], usize::MAX);
    text(svg, (start, top + 34.0), Anchor::Start, "axis", &view.subject(), 60);
    if cells(view).any(|(.., shown)| shown == Shown::Suppressed) {
        let x = end + text_width(&ends[1]) + 24.0;
        hatched(svg, Area { x, y: top, width: 26.0, height: 16.0 }, "suppressed");
        text(svg, (x + 32.0, top + 12.0), Anchor::Start, "tick", "* suppressed", usize::MAX);
    }
}

/// Writes an end of the ramp as the figure there is written, or with as many digits.
fn ramp_text(view: &View<'_>, end: f64) -> String {
    let mut numbers = cells(view).filter_map(|(.., shown)| shown.number());
    let text = numbers.next().map(|number| {
        let digits = number.text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        format!("{end:.digits$}")
    });
    grouped_text(&text.unwrap_or_default())
}

fn count(len: usize) -> f64 {
    u32::try_from(len).map_or(1.0, f64::from).max(1.0)
}
