//! The owner's colour, for links and buttons. Owns its tones: an owner sets one colour, and it must
//! be readable in the light and in the dark theme.

use std::str::FromStr;

use super::Unfit;

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// The minimum contrast of readable text (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;

/// A theme: the surfaces that a link may be on, the colour that is mixed into the owner's until it
/// is readable there, and the percentage of the tone in the paper behind a selected item. A test
/// compares the surfaces with the style sheet.
struct Theme {
    paper: Colour,
    raised: Colour,
    sunken: Colour,
    towards: Colour,
    tint: u32,
}

const BLACK: Colour = Colour([0; 3]);
const WHITE: Colour = Colour([255; 3]);

const LIGHT: Theme = Theme {
    paper: Colour([0xfa, 0xf8, 0xf4]),
    raised: WHITE,
    sunken: Colour([0xf1, 0xed, 0xe6]),
    towards: BLACK,
    tint: 10,
};

const DARK: Theme = Theme {
    paper: Colour([0x12, 0x10, 0x19]),
    raised: Colour([0x1b, 0x18, 0x25]),
    sunken: Colour([0x1e, 0x1a, 0x29]),
    towards: WHITE,
    tint: 14,
};

impl FromStr for Colour {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Colour, Unfit> {
        let digits = text.strip_prefix('#').ok_or(Unfit::Colour)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Unfit::Colour);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| Unfit::Colour)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Colour([red, green, blue]))
    }
}

impl Colour {
    /// This colour mixed with `parts` percent of another.
    fn mixed(self, other: Colour, parts: u32) -> Colour {
        let mix = |at: usize| {
            let of = |colour: Colour| u32::from(colour.0.get(at).copied().unwrap_or_default());
            let sum = of(self) * (100 - parts) + of(other) * parts;
            u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
        };
        Colour([mix(0), mix(1), mix(2)])
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// The nearest tone that is readable in a theme.
    fn tone(self, theme: &Theme) -> Colour {
        let mut tones = (0..=100).map(|parts| self.mixed(theme.towards, parts));
        tones.find(|tone| theme.is_readable(*tone)).unwrap_or(theme.towards)
    }

    /// The CSS rules that give pages this colour, on screens only, not in print.
    pub(super) fn sheet(self) -> String {
        let rules = |theme: &Theme| {
            let tone = self.tone(theme);
            let soft = theme.paper.mixed(tone, theme.tint);
            let names = [("accent", tone), ("accent-soft", soft), ("on-accent", theme.paper)];
            let rules = names.map(|(name, colour)| format!("--{name}: {};", colour.hex()));
            format!(":root {{ {} }}", rules.join(" "))
        };
        format!(
            "@media screen {{\n{}\nbody::before {{ background: var(--accent); }}\n}}\n\
             @media screen and (prefers-color-scheme: dark) {{\n{}\n}}\n",
            rules(&LIGHT),
            rules(&DARK),
        )
    }
}

impl Theme {
    fn is_readable(&self, tone: Colour) -> bool {
        let tinted = self.paper.mixed(tone, self.tint);
        let surfaces = [self.paper, self.raised, self.sunken, tinted];
        surfaces.into_iter().all(|surface| tone.contrast(surface) >= READABLE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    #[test]
    fn a_colour_has_six_digits() {
        assert_eq!(colour("#5b2A86"), Colour([0x5b, 0x2a, 0x86]));
        for bad in ["", "#", "#fff", "5b2a86", "#5b2a8", "#5b2a867", "#5b2a8g", "#+b2a86", "red"] {
            assert_eq!(bad.parse::<Colour>(), Err(Unfit::Colour), "{bad}");
        }
        assert_eq!("#ééé".parse::<Colour>(), Err(Unfit::Colour));
    }

    #[test]
    fn contrast_is_computed_as_in_wcag() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((colour("#777777").contrast(WHITE) - 4.478).abs() < 0.001);
    }

    #[test]
    fn a_readable_colour_is_unchanged() {
        assert_eq!(colour("#5b2a86").tone(&LIGHT), colour("#5b2a86"));
        assert_eq!(colour("#f2bf70").tone(&DARK), colour("#f2bf70"));
        assert_ne!(colour("#f2bf70").tone(&LIGHT), colour("#f2bf70"));
    }

    proptest! {
        #[test]
        fn every_colour_is_readable_in_both_themes(bytes: [u8; 3]) {
            for theme in [&LIGHT, &DARK] {
                let tone = Colour(bytes).tone(theme);
                prop_assert!(theme.is_readable(tone), "{}", tone.hex());
                // The label of a button.
                prop_assert!(theme.paper.contrast(tone) >= READABLE);
            }
        }
    }

    #[test]
    fn the_surfaces_are_those_of_the_style_sheet() {
        let sheet = include_str!("../../static/style.css");
        let (light, dark) = sheet.split_once("prefers-color-scheme: dark").unwrap();
        for (part, theme) in [(light, &LIGHT), (dark, &DARK)] {
            let surfaces =
                [("paper", theme.paper), ("raised", theme.raised), ("sunken", theme.sunken)];
            for (name, colour) in surfaces {
                let rule = format!("--{name}: {};", colour.hex());
                assert!(part.contains(&rule), "{rule}");
            }
        }
    }
}
