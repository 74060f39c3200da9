//! Drawings of the released cells of a table, as SVG inside the page.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::markup::{Attributes, Markup, Path, Px};
use super::{bars, heat, histogram};
use crate::agreement::StatisticKind;
use crate::report::figures::{Group, Shown, View};

/// Width of a drawing, in its own pixels.
pub(super) const WIDTH: f64 = 720.0;

/// Most groups of an axis that are drawn.
const MAX_DRAWN: usize = 200;

/// Pixels of a text for each column that it takes on a terminal.
const COLUMN: f64 = 7.2;

/// Distance of the lines that mark what is suppressed.
const HATCH: f64 = 6.0;

/// A rectangle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Which way a text runs from its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Writes the drawing of a table by one or two groups, or why there is none.
pub(super) fn figure(page: &mut Markup, view: &View<'_>) {
    if view.table.by.is_empty() {
        return;
    }
    page.element("figure", &[], |page| match reason_for_none(view) {
        Some(reason) => page.leaf("p", &[("class", &"note")], reason),
        None => draw(page, view),
    });
}

fn draw(page: &mut Markup, view: &View<'_>) {
    let caption = match (view.table.kind, view.table.by.len()) {
        (StatisticKind::Histogram, _) if histogram::can_draw(view) => histogram::draw(page, view),
        (_, 1) => bars::draw(page, view),
        _ => heat::draw(page, view),
    };
    let hatched =
        if cells(view).any(|(.., shown)| shown == Shown::Suppressed) { " Hatched: suppressed." } else { "" };
    page.leaf("figcaption", &[], &format!("{caption}{hatched}"));
}

fn reason_for_none(view: &View<'_>) -> Option<&'static str> {
    let is_long = view.table.by.iter().any(|axis| axis.labels.len() > MAX_DRAWN);
    if is_long {
        return Some("Not drawn: more groups than a drawing can show.");
    }
    let is_bare = cells(view).all(|(.., shown)| shown.number().is_none());
    is_bare.then_some("Not drawn: no cell has a released figure.")
}

/// Lists the cells without the margins.
pub(super) fn cells<'a>(view: &View<'a>) -> impl Iterator<Item = (Group, Group, Shown<'a>)> {
    let is_margin = move |row: Group, column: Group, by: usize| row.is_none() || (by > 1 && column.is_none());
    let by = view.table.by.len();
    let columns = view.columns();
    let places =
        view.rows().into_iter().flat_map(move |row| columns.clone().into_iter().map(move |c| (row, c)));
    let inner: Vec<_> = places
        .filter(|&(row, column)| !is_margin(row, column, by))
        .filter_map(|(row, column)| Some((row, column, view.get(row, column)?)))
        .collect();
    inner.into_iter()
}

/// Returns a figure with the reach of its error.
pub(super) fn reach(shown: Shown<'_>) -> impl Iterator<Item = f64> {
    let reach = shown.number().map(|number| {
        let error = number.standard_error.unwrap_or_default();
        [number.number - error, number.number + error]
    });
    reach.into_iter().flatten()
}

/// Says what a cell shows.
pub(super) fn told(names: &[&str], shown: Shown<'_>) -> String {
    let count = shown.count().map(|count| format!(", {} records", count.with_error())).unwrap_or_default();
    let figure = match shown {
        Shown::Figure { number, .. } => number.with_error(),
        Shown::Suppressed => "suppressed".into(),
        Shown::Undefined { .. } => "no value".into(),
    };
    format!("{}: {figure}{count}", names.join(", "))
}

/// Writes a drawing of a height.
pub(super) fn svg(page: &mut Markup, view: &View<'_>, height: f64, fill: impl FnOnce(&mut Markup)) {
    let name = format!("Drawing of {}; the table holds the same figures", view.description());
    let view_box = format!("0 0 {} {}", Px(WIDTH), Px(height));
    page.element("svg", &[("viewBox", &view_box), ("role", &"img"), ("aria-label", &name)], fill);
}

/// Writes a text; at most `columns` of it, and all of it as its title.
pub(super) fn text(
    svg: &mut Markup,
    at: (f64, f64),
    anchor: Anchor,
    class: &str,
    text: &str,
    columns: usize,
) {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let short = short(text, columns);
    let (x, y) = (Px(at.0), Px(at.1));
    svg.element("text", &[("x", &x), ("y", &y), ("text-anchor", &anchor), ("class", &class)], |svg| {
        if short != text {
            svg.leaf("title", &[], text);
        }
        svg.text(&short);
    });
}

/// Writes lines.
pub(super) fn path(svg: &mut Markup, class: &str, path: &Path) {
    svg.empty("path", &[("class", &class), ("d", path)]);
}

/// Writes a rectangle with what it tells.
pub(super) fn rect(svg: &mut Markup, class: &str, area: Area, title: &str) {
    filled(svg, &[("class", &class)], area, title);
}

/// Writes a rectangle with attributes of its own.
pub(super) fn filled(svg: &mut Markup, attributes: Attributes<'_>, area: Area, title: &str) {
    let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(Px);
    let place: Attributes<'_> = &[("x", &x), ("y", &y), ("width", &width), ("height", &height)];
    svg.element("rect", &[place, attributes].concat(), |svg| svg.leaf("title", &[], title));
}

/// Writes a hatched rectangle with what it tells.
pub(super) fn hatched(svg: &mut Markup, area: Area, title: &str) {
    let Area { x, y, width, height } = area;
    let mut lines = Path::default();
    let mut from = HATCH;
    while from < width + height {
        let low = (x + (from - height).max(0.0), y + from.min(height));
        let high = (x + from.min(width), y + (from - width).max(0.0));
        lines = lines.line(low, high);
        from += HATCH;
    }
    path(svg, "hatch", &lines);
    rect(svg, "suppressed", area, title);
}

/// Returns about how wide a text is drawn.
pub(super) fn text_width(text: &str) -> f64 {
    u32::try_from(text.width()).map_or(WIDTH, f64::from) * COLUMN
}

/// Cuts a text to at most `columns` columns of a terminal.
fn short(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| match left.checked_sub(c.width().unwrap_or_default()) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_by_their_width() {
        assert_eq!(short("abcdef", 6), "abcdef");
        assert_eq!(short("abcdefg", 6), "abcde…");
        assert_eq!(short("杭州市上城区", 6), "杭州…");
        assert_eq!(short("杭州", 0), "…");
    }
}
