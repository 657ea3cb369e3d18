//! A number as it was printed.

/// A printed number and how far its rounding leaves it open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Printed {
    /// The number, in the unit of its column.
    pub value: f64,
    /// Digits after the point.
    pub decimals: usize,
    /// Whether commas stand between thousands.
    pub commas: bool,
}

impl Printed {
    /// Reads `0.5465`, `.1`, `82.7`, `9,591,040`, `47.1%`; `None` for what is no single number (`?`, names, `63.2 ± 0.2`).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('%');
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        let groups: Vec<&str> = unsigned.split(',').collect();
        let grouped = groups.len() == 1 || groups[1..].iter().all(|group| group.len() == 3);
        if text.is_empty() || !grouped || !groups.iter().all(|group| digits(group)) || !digits(decimals) {
            return None;
        }
        let value = text.replace(',', "").parse().ok()?;
        Some(Self {
            value,
            decimals: decimals.len(),
            commas: groups.len() > 1,
        })
    }

    /// Half of the last digit: the number before rounding lies no further away.
    pub fn rounding(self) -> f64 {
        0.5 * 10f64.powi(-(self.decimals as i32))
    }

    /// Whether a number may have been printed so.
    pub fn may_be(self, value: f64, tolerance: f64) -> bool {
        // What is exactly on the edge lies within, whatever the last bit says.
        (value - self.value).abs() <= self.rounding() + tolerance + 1e-9 * self.value.abs().max(1.0)
    }

    /// Another number with as many decimals, and commas where this one has them.
    pub fn alike(self, value: f64) -> String {
        match self.decimals {
            0 if self.commas => grouped(value),
            decimals => format!("{value:.decimals$}"),
        }
    }
}

/// A whole number with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    match value < 0.0 && digits != "0" {
        true => format!("-{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_their_rounding() {
        let cases = [
            ("0.5465", 0.5465, 4),
            (".1", 0.1, 1),
            ("82.7", 82.7, 1),
            ("9,591,040", 9_591_040.0, 0),
            ("47.1%", 47.1, 1),
            ("-3", -3.0, 0),
        ];
        for (text, value, decimals) in cases {
            let found = Printed::parse(text).unwrap();
            assert_eq!((found.value, found.decimals), (value, decimals), "{text}");
        }
        for text in [
            "?",
            "-",
            "",
            "gelu",
            "63.2 ± 0.2",
            "1,23",
            "5e3",
            "inf",
            "nan",
            "1.2.3",
            "12-15",
        ] {
            assert_eq!(Printed::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_may_be_what_rounds_to_it() {
        let printed = Printed::parse("54.7").unwrap();
        assert!(printed.may_be(54.65, 0.0) && printed.may_be(54.749, 0.0));
        assert!(!printed.may_be(54.64, 0.0) && printed.may_be(54.2, 0.5));
        assert_eq!(printed.alike(5.0), "5.0");
        assert_eq!(Printed::parse("2048").unwrap().alike(1024.0), "1024");
        assert_eq!(Printed::parse("9,591,040").unwrap().alike(14_167_513.4), "14,167,513");
    }
}
