//! Text that lines up on a terminal, where an East Asian character may take two columns (UAX #11).

use unicode_width::UnicodeWidthStr;

/// Columns of a terminal that lines are fitted into where they can be.
pub(super) const LINE_COLUMNS: usize = 80;

/// Spaces between columns.
const GAP: usize = 2;

/// How the texts of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A cell: its main text, and up to two more that line up on their own.
pub(super) type Parts = [String; 3];

/// A column with its head.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) head: String,
    pub(super) align: Align,
    pub(super) cells: Vec<Parts>,
}

impl Column {
    /// Makes a column of labels.
    pub(super) fn labels<'a>(head: &str, labels: impl Iterator<Item = &'a str>) -> Self {
        let cells = labels.map(|label| [label.to_owned(), String::new(), String::new()]).collect();
        Self { head: head.to_owned(), align: Align::Left, cells }
    }

    /// Returns the head and the cells, all of one width.
    fn lines(&self) -> Vec<String> {
        let widths = [0, 1, 2].map(|part| self.widest(part));
        let cells = self.cells.iter().map(|parts| {
            let parts = parts.iter().zip(widths).filter(|(_, width)| *width > 0);
            let padded: Vec<_> = parts.map(|(part, width)| pad(part, width, self.align)).collect();
            padded.join(" ")
        });
        let lines: Vec<_> = [self.head.clone()].into_iter().chain(cells).collect();
        let width = lines.iter().map(|line| line.width()).max().unwrap_or_default();
        lines.iter().map(|line| pad(line, width, self.align)).collect()
    }

    fn widest(&self, part: usize) -> usize {
        self.cells.iter().filter_map(|parts| Some(parts.get(part)?.width())).max().unwrap_or_default()
    }
}

/// Sets columns side by side: the heads, then a line for each row.
pub(super) fn side_by_side(columns: &[Column]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for column in columns {
        let set = column.lines();
        lines.resize(set.len().max(lines.len()), String::new());
        for (line, text) in lines.iter_mut().zip(set) {
            if !line.is_empty() {
                line.push_str(&" ".repeat(GAP));
            }
            line.push_str(&text);
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Returns how many columns the widest line takes.
pub(super) fn widest(lines: &[String]) -> usize {
    lines.iter().map(|line| line.width()).max().unwrap_or_default()
}

/// Breaks a text at spaces into lines of at most [`LINE_COLUMNS`]; `first` stands before the first line, as
/// many spaces before the others.
pub(super) fn wrap(first: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(first.width());
    let (mut lines, mut line, mut is_empty) = (Vec::new(), first.to_owned(), true);
    for word in text.split_whitespace() {
        if !is_empty && line.width() + 1 + word.width() > LINE_COLUMNS {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

fn pad(text: &str, width: usize, align: Align) -> String {
    let spaces = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Left => format!("{text}{spaces}"),
        Align::Right => format!("{spaces}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(texts: [&str; 3]) -> Parts {
        texts.map(str::to_owned)
    }

    #[test]
    fn wide_characters_count_two() {
        let labels = Column::labels("区", ["杭州", "abc"].into_iter());
        let cells = vec![parts(["1", "", ""]), parts(["23", "", ""])];
        let numbers = Column { head: "n".into(), align: Align::Right, cells };
        assert_eq!(side_by_side(&[labels, numbers]), ["区     n", "杭州   1", "abc   23"]);
    }

    #[test]
    fn parts_line_up_on_their_own() {
        let cells = vec![parts(["1", "± 10", ""]), parts(["*", "", ""]), parts(["234", "± 1", "(5)"])];
        let column = Column { head: "n".into(), align: Align::Right, cells };
        assert_eq!(column.lines(), ["           n", "  1 ± 10    ", "  *         ", "234  ± 1 (5)"]);
    }

    #[test]
    fn texts_are_broken_at_spaces() {
        let lines = wrap("- ", &"word ".repeat(20));
        assert_eq!(lines[0], format!("- {}", ["word"; 15].join(" ")));
        assert_eq!(lines[1], format!("  {}", ["word"; 5].join(" ")));
        assert_eq!(wrap("- ", &"宽".repeat(60)), [format!("- {}", "宽".repeat(60))]);
        assert_eq!(wrap("- ", "").len(), 1);
    }
}
