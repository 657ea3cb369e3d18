//! Painting a scene with `plotters`: as SVG and as PNG.
//!
//! The SVG backend is given a stand-in colour per role and dash pattern. Each is then replaced by
//! the light colour, a class and the pattern, and a style sheet inside the SVG gives the classes
//! their dark colours.

use std::io::Cursor;
use std::sync::OnceLock;

use image::{ColorType, ImageOutputFormat, write_buffer_with_format};
use plotters::prelude::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle, register_font};

use super::marks::{Anchor, Mark, Point};
use super::scene::{Scene, dashed};
use super::theme::{DASHES, FONTS, Ink, Rgb};
use super::tips;
use crate::report::escape;

const FAMILY: &str = "Noto Sans";
/// Height of a line of Noto Sans over its font size. `plotters` sizes bitmap text by the line.
const LINE_HEIGHT: f64 = 1.362;
/// What `plotters` divides the size of SVG text by.
const SVG_DIVISOR: f64 = 1.24;
/// Coordinates per pixel of the SVG: its backend knows whole numbers only.
const SVG_SCALE: u32 = 20;
/// PNG pixels per pixel of the scene.
const PNG_SCALE: u32 = 2;
/// Each PNG pixel is the mean of this many painted ones in each direction.
const OVERSAMPLING: u32 = 2;

/// Why a picture could not be painted.
#[derive(Debug, thiserror::Error)]
#[error("cannot paint the plot: {0}")]
pub struct PaintError(String);

/// Width of a text in pixels, set in Noto Sans.
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    register_fonts();
    let enlarged = 100.0; // The layout is in whole pixels, so it is made at a hundred times the size.
    let font = font(size * LINE_HEIGHT * enlarged, bold);
    let (width, _) = font.box_size(text).unwrap_or_default();
    f64::from(width) / enlarged
}

/// The scene as a standalone SVG document that needs nothing from outside.
pub fn svg(scene: &Scene) -> Result<String, PaintError> {
    let title = escape::html(&scene.title);
    let style = dark_style(&scene.id);
    let head = format!(
        "<title>{title}</title>\n<style>{style}.tip:focus{{stroke:#5A606B;stroke-width:30;outline:none}}</style>\n"
    );
    element(scene, " xmlns=\"http://www.w3.org/2000/svg\"", &head, &scene.id)
}

/// The scene as an element of an HTML page that has [`page_colours`]: a name space is implied there, and the page must not
/// name any address to load from.
pub fn inline_svg(scene: &Scene) -> Result<String, PaintError> {
    element(scene, "", "", PAGE)
}

fn element(scene: &Scene, name_space: &str, head: &str, classes: &str) -> Result<String, PaintError> {
    let mut marks = svg_marks(scene, classes)?;
    let Scene { width, height, .. } = scene;
    let title = escape::html(&scene.title);
    let picture = format!("role=\"img\" aria-label=\"{title}\"");
    // A picture has no parts that a keyboard could reach: with points it becomes one part of a group.
    let mut role = picture.clone();
    if !scene.tips.is_empty() {
        role = format!("role=\"group\" aria-label=\"{title}\"");
        marks = format!("<g {picture}>\n{marks}</g>\n{}", tips::circles(scene, SVG_SCALE));
    }
    Ok(format!(
        "<svg{name_space} width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" {role} font-family=\"{FONTS}\" \
         stroke-linecap=\"round\" stroke-linejoin=\"round\">\n{head}{marks}</svg>\n",
        width * SVG_SCALE,
        height * SVG_SCALE,
    ))
}

/// Prefix of the classes that the plots of a page share.
const PAGE: &str = "ink";

/// The colours of a page's plots as values of style properties: those on white, or those on black.
pub fn page_colours(dark: bool) -> String {
    let value = |ink: Ink| {
        let (on_white, on_black) = ink.colours();
        format!(
            "--{PAGE}-{}:{};",
            ink.class(),
            hex(if dark { on_black } else { on_white })
        )
    };
    Ink::all().map(value).collect()
}

/// What gives the marks of a page's plots these colours.
pub fn page_classes() -> String {
    let rules = |ink: Ink| {
        let class = ink.class();
        format!(".{PAGE}-f-{class}{{fill:var(--{PAGE}-{class})}}.{PAGE}-l-{class}{{stroke:var(--{PAGE}-{class})}}")
    };
    Ink::all().map(rules).collect()
}

/// The scene as a PNG of twice its size, in the light theme.
pub fn png(scene: &Scene) -> Result<Vec<u8>, PaintError> {
    register_fonts();
    let size = (scene.width * PNG_SCALE, scene.height * PNG_SCALE);
    let large = (size.0 * OVERSAMPLING, size.1 * OVERSAMPLING);
    let mut pixels = vec![0; (large.0 * large.1 * 3) as usize];
    {
        let mut backend = BitMapBackend::with_buffer(&mut pixels, large);
        let pen = Pen {
            scale: f64::from(PNG_SCALE * OVERSAMPLING),
            line_height: LINE_HEIGHT,
            ascent: LINE_HEIGHT / 2.0, // where `plotters` puts the baseline under the top of a bitmap text
            colour: |ink, _| ink.colours().0,
            cut_dashes: true,
        };
        pen.paint(&mut backend, scene)?;
    }
    let reduced = reduce(&pixels, size);
    // Not by `plotters`, which writes files itself and says nothing where the end of one does not get to the disk.
    let mut file = Cursor::new(Vec::new());
    write_buffer_with_format(
        &mut file,
        &reduced,
        size.0,
        size.1,
        ColorType::Rgb8,
        ImageOutputFormat::Png,
    )
    .map_err(failure)?;
    Ok(file.into_inner())
}

/// The marks as SVG elements with classes, without the document around them.
fn svg_marks(scene: &Scene, classes: &str) -> Result<String, PaintError> {
    register_fonts();
    let mut painted = String::new();
    {
        let size = (scene.width * SVG_SCALE, scene.height * SVG_SCALE);
        let mut backend = SVGBackend::with_string(&mut painted, size);
        let pen = Pen {
            scale: f64::from(SVG_SCALE),
            line_height: SVG_DIVISOR,
            ascent: 0.0,
            colour: stand_in,
            cut_dashes: false,
        };
        pen.paint(&mut backend, scene)?;
    }
    let start = painted.find('\n').map_or(0, |end| end + 1);
    let end = painted.rfind("</svg>").unwrap_or(painted.len());
    let mut marks = painted[start..end]
        .replace(" opacity=\"1\"", "")
        .replace(" dy=\"0.76em\"", "")
        .replace(" text-anchor=\"start\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(&format!(" font-family=\"{FAMILY}\""), "")
        .replace("\n</text>", "</text>")
        .replace(" \"/>", "\"/>");
    for ink in Ink::all() {
        let (class, light) = (ink.class(), hex(ink.colours().0));
        let fill = format!("fill=\"{light}\" class=\"{classes}-f-{class}\"");
        marks = marks.replace(&format!("fill=\"{}\"", hex(stand_in(ink, 0))), &fill);
        for dash in 0..DASHES.len() {
            let stroke = format!(
                "stroke=\"{light}\" class=\"{classes}-l-{class}\"{}",
                dash_attributes(dash)
            );
            marks = marks.replace(&format!("stroke=\"{}\"", hex(stand_in(ink, dash))), &stroke);
        }
    }
    Ok(whole_font_sizes(&marks))
}

/// The pattern of a dashed line; its ends are cut straight, as round ones would close the gaps.
fn dash_attributes(dash: usize) -> String {
    let pixels = DASHES[dash].iter();
    let units: Vec<String> = pixels
        .map(|pixels| (pixels * f64::from(SVG_SCALE)).to_string())
        .collect();
    if units.is_empty() {
        return String::new();
    }
    format!(" stroke-dasharray=\"{}\" stroke-linecap=\"butt\"", units.join(" "))
}

/// Rounds font sizes, which went through a division and back.
fn whole_font_sizes(svg: &str) -> String {
    let mut parts = svg.split("font-size=\"");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (size, rest) = part.split_once('"').unwrap_or((part, ""));
        let size: f64 = size.parse().unwrap_or_default();
        // The backend breaks the line before the words; a browser would show it as a space.
        let rest = rest.replacen(">\n", ">", 1);
        text += &format!("font-size=\"{:.0}\"{rest}", size);
    }
    text
}

/// The dark colours of all classes. Screens only: paper stays white.
fn dark_style(id: &str) -> String {
    let mut style = "@media screen and (prefers-color-scheme: dark){".to_owned();
    for ink in Ink::all() {
        let (class, (_, dark)) = (ink.class(), ink.colours());
        let dark = hex(dark);
        style += &format!(".{id}-f-{class}{{fill:{dark}}}.{id}-l-{class}{{stroke:{dark}}}");
    }
    style + "}"
}

/// A colour that no theme uses, one per role and dash pattern.
fn stand_in(ink: Ink, dash: usize) -> Rgb {
    let number = match ink {
        Ink::Surface => 0,
        Ink::Text => 1,
        Ink::Muted => 2,
        Ink::Axis => 3,
        Ink::Grid => 4,
        Ink::Series(index) => 5 + index as u8,
    };
    (0xFE, dash as u8, number)
}

fn hex((red, green, blue): Rgb) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// How a scene is brought onto a backend.
struct Pen {
    scale: f64,
    line_height: f64,
    ascent: f64,
    colour: fn(Ink, usize) -> Rgb,
    cut_dashes: bool,
}

impl Pen {
    fn paint<B: DrawingBackend>(&self, backend: &mut B, scene: &Scene) -> Result<(), PaintError> {
        let (width, height) = (f64::from(scene.width), f64::from(scene.height));
        let surface = self.style((Ink::Surface, 0), 1.0, 0.0);
        let (from, to) = (self.place((0.0, 0.0)), self.place((width, height)));
        backend.draw_rect(from, to, &surface, true).map_err(failure)?;
        for mark in &scene.marks {
            self.mark(backend, mark)?;
        }
        backend.present().map_err(failure)
    }

    fn mark<B: DrawingBackend>(&self, backend: &mut B, mark: &Mark) -> Result<(), PaintError> {
        match mark {
            Mark::Line { .. } => return self.line(backend, mark),
            Mark::Area { points, ink, opacity } => {
                let style = self.style((*ink, 0), *opacity, 0.0);
                let points = points.iter().map(|point| self.place(*point));
                backend.fill_polygon(points, &style)
            }
            Mark::Disc { at, radius, ink } => {
                let style = self.style((*ink, 0), 1.0, 0.0);
                let radius = (radius * self.scale).round() as u32;
                backend.draw_circle(self.place(*at), radius, &style, true)
            }
            Mark::Text {
                at,
                text,
                size,
                anchor,
                ink,
                bold,
            } => {
                let font = font(size * self.scale * self.line_height, *bold);
                let h_pos = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let style: TextStyle<'_> = font.color(&self.rgb(*ink, 0));
                let style = style.pos(Pos::new(h_pos, VPos::Top));
                let top = (at.0, at.1 - self.ascent * size);
                let text: String = text.chars().map(escape::shown).collect();
                backend.draw_text(&text, &style, self.place(top))
            }
        }
        .map_err(failure)
    }

    /// The bitmap backend knows no dashes, so that there a line is cut into them.
    fn line<B: DrawingBackend>(&self, backend: &mut B, mark: &Mark) -> Result<(), PaintError> {
        let Mark::Line {
            points,
            ink,
            width,
            opacity,
            dash,
        } = mark
        else {
            return Ok(());
        };
        let style = self.style((*ink, *dash), *opacity, *width);
        let pieces = match self.cut_dashes {
            true => dashed(points, DASHES[*dash]),
            false => vec![points.clone()],
        };
        for piece in pieces {
            let piece = piece.iter().map(|point| self.place(*point));
            backend.draw_path(piece, &style).map_err(failure)?;
        }
        Ok(())
    }

    fn place(&self, (x, y): Point) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn rgb(&self, ink: Ink, dash: usize) -> RGBColor {
        let (red, green, blue) = (self.colour)(ink, dash);
        RGBColor(red, green, blue)
    }

    fn style(&self, (ink, dash): (Ink, usize), opacity: f64, width: f64) -> ShapeStyle {
        ShapeStyle {
            color: self.rgb(ink, dash).mix(opacity),
            filled: true,
            stroke_width: (width * self.scale).round() as u32,
        }
    }
}

/// Averages each square of painted pixels into one.
fn reduce(pixels: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let (width, height, factor) = (width as usize, height as usize, OVERSAMPLING as usize);
    let mut reduced = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let mut sum = 0;
                for dy in 0..factor {
                    let row = (y * factor + dy) * width * factor;
                    for dx in 0..factor {
                        sum += usize::from(pixels[(row + x * factor + dx) * 3 + channel]);
                    }
                }
                reduced.push((sum / (factor * factor)) as u8);
            }
        }
    }
    reduced
}

/// The letters that Noto Sans has, as far as names are written in them. PNG pictures show a box for any other.
const LETTERS: [(char, char); 11] = [
    (' ', '~'),
    ('\u{a0}', '\u{527}'),
    ('\u{1d00}', '\u{1dca}'),
    ('\u{1e00}', '\u{1fff}'),
    ('\u{2000}', '\u{2044}'),
    ('\u{2070}', '\u{207f}'),
    ('\u{20a0}', '\u{20ba}'),
    ('\u{2190}', '\u{2195}'),
    ('\u{2202}', '\u{2206}'),
    ('\u{2260}', '\u{2265}'),
    ('\u{fffd}', '\u{fffd}'),
];

/// Whether PNG pictures show every letter of a text.
pub fn has_letters(text: &str) -> bool {
    let known = |letter: char| LETTERS.iter().any(|(first, last)| (*first..=*last).contains(&letter));
    text.chars().all(|letter| known(escape::shown(letter)))
}

fn font(size: f64, bold: bool) -> FontDesc<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

fn register_fonts() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let fonts = [
            (FontStyle::Normal, notosans::REGULAR_TTF),
            (FontStyle::Bold, notosans::BOLD_TTF),
        ];
        for (style, bytes) in fonts {
            // The bytes are compiled in, so a failure would fail every test of this module.
            let _ = register_font(FAMILY, style, bytes);
        }
    });
}

fn failure(error: impl std::fmt::Display) -> PaintError {
    PaintError(error.to_string())
}
