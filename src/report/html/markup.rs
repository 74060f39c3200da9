//! Markup that is balanced and escaped by the way it is written.

use std::fmt::{self, Display, Formatter, Write as _};

/// Attributes of an element; the values are escaped.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// A page under construction, HTML that is well-formed XML too.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Begins a page.
    pub(super) fn page() -> Self {
        Self("<!DOCTYPE html>\n".into())
    }

    /// Returns what was written.
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Writes an element with whatever `fill` writes inside.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        fill: impl FnOnce(&mut Self),
    ) {
        self.tag(name, attributes, ">");
        fill(self);
        self.0.extend(["</", name, ">"]);
        if is_block(name) {
            self.0.push('\n');
        }
    }

    /// Writes an element with a text inside.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |inside| inside.text(text));
    }

    /// Writes an element with nothing inside.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.tag(name, attributes, " />");
        self.0.push('\n');
    }

    /// Writes a text.
    pub(super) fn text(&mut self, text: &str) {
        self.0.extend(text.chars().map(Escaped));
    }

    /// Writes the style sheet, which is the program's own.
    pub(super) fn style(&mut self, sheet: &'static str) {
        self.0.extend(["<style>\n", sheet, "</style>\n"]);
    }

    fn tag(&mut self, name: &'static str, attributes: Attributes<'_>, end: &'static str) {
        self.0.extend(["<", name]);
        for (attribute, value) in attributes {
            self.0.extend([" ", attribute, "=\""]);
            self.text(&value.to_string());
            self.0.push('"');
        }
        self.0.push_str(end);
    }
}

/// A character as it stands in a text or in an attribute.
struct Escaped(char);

impl Extend<Escaped> for String {
    fn extend<T: IntoIterator<Item = Escaped>>(&mut self, characters: T) {
        for Escaped(character) in characters {
            match character {
                '&' => self.push_str("&amp;"),
                '<' => self.push_str("&lt;"),
                '>' => self.push_str("&gt;"),
                '"' => self.push_str("&quot;"),
                '\'' => self.push_str("&#39;"),
                // No document may hold these.
                '\u{fffe}' | '\u{ffff}' => self.push('\u{fffd}'),
                control if control.is_control() && !matches!(control, '\n' | '\t') => self.push('\u{fffd}'),
                other => self.push(other),
            }
        }
    }
}

/// A length or place in pixels, to a hundredth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", if self.0.is_finite() { self.0 } else { 0.0 });
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The lines of a path.
#[derive(Debug, Default)]
pub(super) struct Path(String);

impl Path {
    /// Adds a line.
    pub(super) fn line(mut self, from: (f64, f64), to: (f64, f64)) -> Self {
        let [a, b, c, d] = [from.0, from.1, to.0, to.1].map(Px);
        // A string takes everything.
        let _ = write!(self.0, "M{a} {b}L{c} {d}");
        self
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tells whether a line may end behind an element.
fn is_block(name: &str) -> bool {
    !matches!(name, "span" | "a" | "code" | "strong" | "th" | "td" | "tspan")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_attributes_are_escaped() {
        let mut markup = Markup::default();
        markup.leaf("span", &[("title", &"\"><b a='&'>")], "</span>&\u{0}\u{1b}\u{85}\u{ffff}\n");
        let expected = "<span title=\"&quot;&gt;&lt;b a=&#39;&amp;&#39;&gt;\">\
            &lt;/span&gt;&amp;\u{fffd}\u{fffd}\u{fffd}\u{fffd}\n</span>";
        assert_eq!(markup.finish(), expected);
    }

    #[test]
    fn lengths_are_short_and_finite() {
        let cases = [(1.0, "1"), (10.0, "10"), (0.126, "0.13"), (-2.5, "-2.5"), (f64::NAN, "0")];
        for (length, text) in cases {
            assert_eq!(Px(length).to_string(), text);
        }
        assert_eq!(Path::default().line((0.0, 1.0), (2.5, 3.0)).to_string(), "M0 1L2.5 3");
    }
}
