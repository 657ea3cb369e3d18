//! What stands at the points of a plot: the words, and the circles that show them to who points there or comes by keyboard.

use super::scene::{Scene, Tip};
use crate::report::escape;
use crate::report::spread::Spread;

/// Radius in pixels around a point in which it is meant.
const RADIUS: f64 = 9.0;

/// A quantity with its spread: `Micro-F1 (%) 61.2; ± 0.4 over 3 seeds; 95 % interval 59.8 to 62.7`.
pub(super) fn words(quantity: &str, value: &Spread, print: impl Fn(f64) -> String) -> String {
    let mut words = format!("{quantity} {}", print(value.mean));
    if let Some(sd) = value.sd {
        words += &format!("; ± {} over {} seeds", print(sd), value.n);
    }
    if let Some((low, high)) = value.interval {
        words += &format!("; 95 % interval {} to {}", print(low), print(high));
    }
    words
}

/// A score on the scale of its axis: percentages with one decimal.
pub(super) fn score(ratio: bool) -> fn(f64) -> String {
    match ratio {
        true => |value| format!("{value:.1}"),
        false => |value| format!("{value:.3}"),
    }
}

/// The circles of a scene's tips in the coordinates of an SVG with so many to the pixel; empty without any.
pub(super) fn circles(scene: &Scene, scale: u32) -> String {
    if scene.tips.is_empty() {
        return String::new();
    }
    let scaled = |pixels: f64| (pixels * f64::from(scale)).round() as i64;
    let circle = |Tip { at, text }: &Tip| {
        format!(
            "<circle class=\"tip\" cx=\"{}\" cy=\"{}\" r=\"{}\" tabindex=\"0\" role=\"img\"><title>{}</title></circle>\n",
            scaled(at.0),
            scaled(at.1),
            scaled(RADIUS),
            escape::html(text)
        )
    };
    let circles: String = scene.tips.iter().map(circle).collect();
    // Nothing is seen of them, and they can be pointed at all the same.
    format!("<g class=\"tips\" fill=\"none\" pointer-events=\"all\">\n{circles}</g>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_told_with_all_that_is_known_of_it() {
        let value = Spread {
            mean: 61.24,
            sd: Some(0.41),
            n: 3,
            interval: Some((59.8, 62.7)),
        };
        assert_eq!(
            words("Micro-F1 (%)", &value, score(true)),
            "Micro-F1 (%) 61.2; ± 0.4 over 3 seeds; 95 % interval 59.8 to 62.7"
        );
        let one = Spread::of([2.5]).unwrap();
        assert_eq!(words("GiB", &one, score(false)), "GiB 2.500");
    }

    #[test]
    fn circles_lie_where_the_points_are_and_hold_no_markup_of_a_name() {
        let mut scene = Scene::new("icd-x".into(), "x".into(), 10.0);
        assert_eq!(circles(&scene, 20), "");
        scene.tip((2.0, 3.5), "</title><script>: 1".into());
        let circles = circles(&scene, 20);
        assert!(circles.contains("cx=\"40\" cy=\"70\" r=\"180\""), "{circles}");
        assert!(
            circles.contains("<title>&lt;/title&gt;&lt;script&gt;: 1</title>"),
            "{circles}"
        );
    }
}
