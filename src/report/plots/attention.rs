//! Words of a generated note, shaded: by what a model reads for one of its codes, or by what an encoder guesses.

use super::marks::{Anchor, Mark};
use super::paint::text_width;
use super::scene::{Scene, WIDTH};
use super::theme::Ink;

/// Words of a generated note with what a model gives them. Never of a real note: its text may not be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The run or the encoder, and what it reads the note for.
    pub title: String,
    /// Tokens in their order, each with its share of the model's weights, or with how sure a guess is; 0 for no shade.
    pub tokens: Vec<(String, f32)>,
    /// Tokens of the note before and after those.
    pub left_out: [usize; 2],
}

const SIZE: f64 = 14.0;
const LINE: f64 = 24.0;
const MARGIN: f64 = 24.0;

/// The tokens in lines, the one with the greatest weight shaded most.
pub fn scene(id: String, title: &str, readings: &[Reading]) -> Scene {
    let mut scene = Scene::new(id, title.to_owned(), 0.0);
    let mut y = MARGIN;
    for reading in readings {
        scene.heading((MARGIN, y), &reading.title, SIZE);
        y += LINE;
        let greatest = reading
            .tokens
            .iter()
            .map(|(_, weight)| *weight)
            .fold(f32::MIN_POSITIVE, f32::max);
        let mut x = MARGIN;
        let more = |count: usize| (count > 0).then(|| (format!("({count} tokens)"), None));
        let [before, after] = reading.left_out.map(more);
        let tokens = reading
            .tokens
            .iter()
            .map(|(token, weight)| (token.clone(), Some(*weight / greatest)));
        for (token, share) in before.into_iter().chain(tokens).chain(after) {
            let width = text_width(&token, SIZE, false);
            if x + width > f64::from(WIDTH) - MARGIN {
                x = MARGIN;
                y += LINE;
            }
            if let Some(share) = share.filter(|share| *share > 0.02) {
                let (top, bottom) = (y - SIZE, y + 5.0);
                scene.marks.push(Mark::Area {
                    points: vec![
                        (x - 2.0, top),
                        (x + width + 2.0, top),
                        (x + width + 2.0, bottom),
                        (x - 2.0, bottom),
                    ],
                    ink: Ink::Series(4),
                    opacity: 0.7 * f64::from(share),
                });
            }
            let ink = if share.is_some() { Ink::Text } else { Ink::Muted };
            scene.text((x, y), &token, SIZE, Anchor::Start, ink);
            x += width + 6.0;
        }
        y += 2.0 * LINE;
    }
    scene.height = (y - LINE).ceil() as u32;
    scene
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_there_and_the_heaviest_is_shaded_most() {
        let reading = Reading {
            title: "caml, I10".into(),
            tokens: (0..60)
                .map(|place| (format!("word{place}"), if place == 7 { 0.5 } else { 0.5 / 59.0 }))
                .collect(),
            left_out: [3, 0],
        };
        let scene = scene("x".into(), "what", &[reading]);
        let texts = scene
            .marks
            .iter()
            .filter(|mark| matches!(mark, Mark::Text { .. }))
            .count();
        // A heading, 60 tokens, what stands before them.
        assert_eq!(texts, 62);
        let shades = scene.marks.iter().filter_map(|mark| match mark {
            Mark::Area { opacity, .. } => Some(*opacity),
            _ => None,
        });
        let shades: Vec<f64> = shades.collect();
        assert_eq!(shades.len(), 1);
        assert!((shades[0] - 0.7).abs() < 1e-6);
        let inside = |mark: &Mark| match mark {
            Mark::Text { at, .. } => at.0 < f64::from(WIDTH) && at.1 < f64::from(scene.height),
            _ => true,
        };
        assert!(scene.marks.iter().all(inside));
    }
}
