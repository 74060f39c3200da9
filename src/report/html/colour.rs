//! Colours of heat maps: ramps of one hue, or of two that people with any colour vision tell apart, and the text
//! that can be read on them.

use std::fmt::{self, Display, Formatter};

/// A colour of sRGB, each part from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Colour([f64; 3]);

/// From light to dark blue.
const UPWARDS: [Colour; 4] =
    [Colour::of(0xf1f6fb), Colour::of(0xa6cbe6), Colour::of(0x3a83bd), Colour::of(0x0b3a6b)];

/// From nearly white to dark orange.
const DOWNWARDS: [Colour; 4] =
    [Colour::of(0xf1f6fb), Colour::of(0xf5c48b), Colour::of(0xcc6d14), Colour::of(0x7a3b04)];

/// The range of the figures of a heat map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ramp {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Ramp {
    /// Takes in all values that are finite; with both signs or below zero, the ramp is even about zero.
    pub(super) fn over(values: impl Iterator<Item = f64>) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let range = finite.fold(None, |range: Option<(f64, f64)>, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
        let (low, high) = range.unwrap_or((0.0, 1.0));
        if low < 0.0 {
            let far = high.max(-low);
            return Self { low: -far, high: far };
        }
        Self { low, high }
    }

    /// Returns the colour of a value.
    pub(super) fn colour(&self, value: f64) -> Colour {
        if self.low < 0.0 {
            let stops = if value < 0.0 { &DOWNWARDS } else { &UPWARDS };
            return between(stops, (value / self.high).abs());
        }
        let width = self.high - self.low;
        between(&UPWARDS, if width > 0.0 { (value - self.low) / width } else { 0.5 })
    }

    /// Returns the value at a share of the range.
    pub(super) fn value(&self, share: f64) -> f64 {
        self.low + share * (self.high - self.low)
    }
}

impl Colour {
    const fn of(code: u32) -> Self {
        let [_, red, green, blue] = code.to_be_bytes();
        Self([red as f64 / 255.0, green as f64 / 255.0, blue as f64 / 255.0])
    }

    /// Tells whether white can be read on it better than black.
    pub(super) fn is_dark(self) -> bool {
        contrast(self.luminance(), 1.0) > contrast(self.luminance(), 0.0)
    }

    /// Returns the relative luminance of WCAG 2.
    fn luminance(self) -> f64 {
        let linear = |part: f64| {
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl Display for Colour {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0.map(|part| (part * 255.0).round());
        write!(f, "rgb({red}, {green}, {blue})")
    }
}

/// Returns the contrast ratio of WCAG 2 between two luminances.
fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Returns the colour at a share of the way over the stops.
fn between(stops: &[Colour; 4], share: f64) -> Colour {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) * 3.0 } else { 0.0 };
    let [first, second, third, fourth] = *stops;
    let (from, to, part) = match share {
        share if share < 1.0 => (first, second, share),
        share if share < 2.0 => (second, third, share - 1.0),
        share => (third, fourth, share - 2.0),
    };
    let mix = |from: f64, to: f64| from + part * (to - from);
    let ([r, g, b], [r2, g2, b2]) = (from.0, to.0);
    Colour([mix(r, r2), mix(g, g2), mix(b, b2)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_be_read_on_every_colour() {
        for ramp in [Ramp { low: 0.0, high: 1.0 }, Ramp { low: -1.0, high: 1.0 }] {
            for step in 0..=200 {
                let colour = ramp.colour(ramp.value(f64::from(step) / 200.0));
                let text = if colour.is_dark() { 1.0 } else { 0.0 };
                assert!(contrast(colour.luminance(), text) >= 4.5, "{colour}");
            }
        }
    }

    #[test]
    fn ramps_grow_darker_away_from_their_light_end() {
        let ramp = Ramp::over([-4.0, 2.0].into_iter());
        assert_eq!(ramp, Ramp { low: -4.0, high: 4.0 });
        let luminance = |value| ramp.colour(value).luminance();
        assert!(luminance(0.0) > luminance(1.0) && luminance(1.0) > luminance(4.0));
        assert!(luminance(0.0) > luminance(-1.0) && luminance(-1.0) > luminance(-4.0));
        assert_ne!(ramp.colour(3.0), ramp.colour(-3.0));
    }

    #[test]
    fn a_ramp_of_one_value_or_none_has_colours() {
        for ramp in
            [Ramp::over([7.0].into_iter()), Ramp::over([].into_iter()), Ramp::over([f64::NAN].into_iter())]
        {
            assert!(ramp.colour(7.0).luminance().is_finite());
        }
        assert_eq!(Ramp { low: 0.0, high: 1.0 }.colour(1.0).to_string(), "rgb(11, 58, 107)");
    }

    /// Reads the value of a variable, such as `--ink: #1b1f24`, in each scheme.
    fn variable(name: &str) -> Vec<Colour> {
        let sheet = include_str!("page.css").lines();
        let values = sheet.filter_map(|line| line.trim().strip_prefix(&format!("--{name}: #")));
        values.map(|code| Colour::of(u32::from_str_radix(code.trim_end_matches(';'), 16).unwrap())).collect()
    }

    #[test]
    fn text_of_the_page_can_be_read_in_both_schemes() {
        let papers = variable("paper");
        assert_eq!(papers.len(), 2);
        for (name, least) in [("ink", 7.0), ("muted", 4.5), ("link", 4.5), ("bar", 3.0)] {
            let colours = variable(name);
            assert_eq!(colours.len(), 2, "{name}");
            for (colour, paper) in colours.iter().zip(papers.iter().chain(&variable("panel"))) {
                assert!(contrast(colour.luminance(), paper.luminance()) >= least, "{name}");
            }
        }
    }
}
