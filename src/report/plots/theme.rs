//! Colours and dashes. The colours are those of Okabe and Ito (2008), made darker on white and
//! lighter on black until each has a contrast of at least 3:1 against its background.

/// A colour as red, green, blue.
pub type Rgb = (u8, u8, u8);

/// The series colours, in light and in dark.
pub const SERIES: [(Rgb, Rgb); 8] = [
    ((0x00, 0x72, 0xB2), (0x4F, 0xAE, 0xF0)), // blue
    ((0xD5, 0x5E, 0x00), (0xFF, 0x8B, 0x42)), // vermilion
    ((0x00, 0x8A, 0x66), (0x2F, 0xCB, 0x9C)), // bluish green
    ((0xB8, 0x4F, 0x8D), (0xE6, 0x9C, 0xC9)), // reddish purple
    ((0xAD, 0x7B, 0x00), (0xF0, 0xC0, 0x4A)), // orange, towards ochre
    ((0x2E, 0x94, 0xC9), (0x9A, 0xDC, 0xFA)), // sky blue
    ((0x3D, 0x3D, 0x46), (0xE8, 0xE8, 0xEC)), // black
    ((0x7A, 0x55, 0x3A), (0xCF, 0xA9, 0x8A)), // brown
];

/// Dash patterns in pixels, drawn and left out by turns: those of series, then that of reference lines.
pub const DASHES: [&[f64]; 5] = [&[], &[7.0, 4.0], &[2.5, 3.5], &[9.0, 3.5, 2.5, 3.5], &[2.0, 4.0]];
/// How many of them are for series.
pub const SERIES_DASHES: usize = 4;
/// The one of reference lines.
pub const REFERENCE_DASH: usize = 4;

/// Radius of a marker in pixels.
pub const MARKER_RADIUS: f64 = 4.5;

/// The fonts of SVG text, the first one there is: PNG text is always Noto Sans.
pub const FONTS: &str = "'Noto Sans', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";

/// What a colour is for. The theme says which colour that is, in light and in dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ink {
    /// The background.
    Surface,
    /// Text to be read.
    Text,
    /// Secondary text, reference lines.
    Muted,
    Axis,
    Grid,
    /// The nth series.
    Series(usize),
}

impl Ink {
    /// All roles, in a fixed order.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain = [Self::Surface, Self::Text, Self::Muted, Self::Axis, Self::Grid];
        plain.into_iter().chain((0..SERIES.len()).map(Self::Series))
    }

    /// The colour on white and on black.
    pub fn colours(self) -> (Rgb, Rgb) {
        match self {
            Self::Surface => ((0xFF, 0xFF, 0xFF), (0x16, 0x18, 0x1D)),
            Self::Text => ((0x1B, 0x1E, 0x25), (0xE9, 0xEB, 0xEF)),
            Self::Muted => ((0x5A, 0x60, 0x6B), (0xA6, 0xAD, 0xBA)),
            Self::Axis => ((0x8A, 0x90, 0x9C), (0x6C, 0x74, 0x82)),
            Self::Grid => ((0xE3, 0xE6, 0xEB), (0x2C, 0x30, 0x38)),
            Self::Series(index) => SERIES[index % SERIES.len()],
        }
    }

    /// The role as a part of a class name.
    pub fn class(self) -> String {
        match self {
            Self::Surface => "surface".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Muted => "muted".to_owned(),
            Self::Axis => "axis".to_owned(),
            Self::Grid => "grid".to_owned(),
            Self::Series(index) => format!("s{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance((red, green, blue): Rgb) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: Rgb, other: Rgb) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_ink_stands_out_from_its_background_in_light_and_in_dark() {
        let (white, black) = Ink::Surface.colours();
        for ink in Ink::all().filter(|ink| !matches!(ink, Ink::Surface | Ink::Grid)) {
            let least = if matches!(ink, Ink::Text | Ink::Muted) {
                4.5
            } else {
                3.0
            };
            let (light, dark) = ink.colours();
            assert!(contrast(light, white) >= least, "{ink:?} in light");
            assert!(contrast(dark, black) >= least, "{ink:?} in dark");
        }
    }
}
