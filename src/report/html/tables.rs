//! The figures of a statistic as a table.

use super::markup::Markup;
use crate::report::figures::{Group, Shown, UNDEFINED, View};

/// Writes a table with heads for screen readers, the margins last.
pub(super) fn table(page: &mut Markup, view: &View<'_>) {
    let label = format!("Table: {}", view.table.name);
    let scrolls: [(_, &dyn std::fmt::Display); 4] =
        [("class", &"scrolls"), ("role", &"region"), ("tabindex", &"0"), ("aria-label", &label)];
    page.element("div", &scrolls, |page| {
        page.element("table", &[], |page| {
            page.leaf("caption", &[], &view.description());
            if view.table.by.len() > 1 { crossed(page, view) } else { listed(page, view) }
        });
    });
}

/// Writes a row for each group, the records beside the figure.
fn listed(page: &mut Markup, view: &View<'_>) {
    let takes_number = view.table.kind.takes_number();
    page.element("thead", &[], |page| {
        page.element("tr", &[], |page| {
            if view.table.by.is_empty() {
                page.empty_cell();
            } else {
                page.leaf("th", &[("scope", &"col")], view.axis(0));
            }
            if takes_number {
                page.leaf("th", &[("scope", &"col")], "records");
            }
            page.leaf("th", &[("scope", &"col")], &view.subject());
        });
    });
    body(page, view, |page, row| {
        let Some(shown) = view.get(row, None) else { return };
        if takes_number {
            records(page, shown);
        }
        cell(page, shown, false);
    });
}

/// Writes the rows below each other and the columns side by side, the records below each figure.
fn crossed(page: &mut Markup, view: &View<'_>) {
    let columns = view.columns();
    page.element("thead", &[], |page| {
        page.element("tr", &[], |page| {
            page.leaf("th", &[("scope", &"col"), ("rowspan", &2)], view.axis(0));
            page.leaf("th", &[("scope", &"colgroup"), ("colspan", &columns.len())], view.axis(1));
        });
        page.element("tr", &[], |page| {
            for &column in &columns {
                let class = if column.is_none() { "total" } else { "group" };
                page.leaf("th", &[("scope", &"col"), ("class", &class)], view.head(1, column));
            }
        });
    });
    body(page, view, |page, row| {
        for &column in &columns {
            match view.get(row, column) {
                Some(shown) => cell(page, shown, true),
                None => page.empty_cell(),
            }
        }
    });
}

/// Writes the rows of the groups, then that of the margin.
fn body(page: &mut Markup, view: &View<'_>, fill: impl Fn(&mut Markup, Group)) {
    let (groups, margin): (Vec<_>, Vec<_>) = view.rows().into_iter().partition(Option::is_some);
    for (name, rows) in [("tbody", groups), ("tfoot", margin)] {
        if rows.is_empty() {
            continue;
        }
        page.element(name, &[], |page| {
            for row in rows {
                page.element("tr", &[], |page| {
                    page.leaf("th", &[("scope", &"row")], view.head(0, row));
                    fill(page, row);
                });
            }
        });
    }
}

/// Writes the records that a statistic rests on.
fn records(page: &mut Markup, shown: Shown<'_>) {
    match shown.count() {
        Some(count) => page.leaf("td", &[], &count.with_error()),
        None => cell(page, shown, false),
    }
}

/// Writes a figure, with its error and, in a crossed table, the records below it.
fn cell(page: &mut Markup, shown: Shown<'_>, holds_count: bool) {
    match shown {
        Shown::Suppressed => marked(page, "suppressed", "*", "suppressed"),
        Shown::Undefined { .. } => marked(page, "undefined", UNDEFINED, "no value for so few records"),
        Shown::Figure { number, count } => page.element("td", &[], |page| {
            page.text(&number.grouped());
            if number.standard_error.is_some() {
                page.text(" ");
                page.leaf("span", &[("class", &"error")], &number.error_text());
            }
            if let Some(count) = count.filter(|_| holds_count) {
                page.leaf("span", &[("class", &"records")], &format!("{} records", count.with_error()));
            }
        }),
    }
}

/// Writes a cell without a figure: a mark to see and a text to hear.
fn marked(page: &mut Markup, class: &str, mark: &str, text: &str) {
    page.element("td", &[("class", &class), ("title", &text)], |page| {
        page.leaf("span", &[("aria-hidden", &"true")], mark);
        page.leaf("span", &[("class", &"heard")], text);
    });
}

impl Markup {
    fn empty_cell(&mut self) {
        self.leaf("td", &[], "");
    }
}
