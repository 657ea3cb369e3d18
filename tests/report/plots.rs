//! What is drawn, and that all of it can be seen.

use icdbench::report::plots::marks::{Anchor, Mark};
use icdbench::report::plots::paint;
use icdbench::report::plots::scene::Scene;

use super::*;

/// Whether every element is closed in the order it was opened.
fn well_formed(xml: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in xml.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else {
            return false;
        };
        if tag.matches('"').count() % 2 != 0 {
            return false;
        }
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    open.is_empty()
}

fn scenes<'p>(page: &'p Page<'_>) -> Vec<&'p Scene> {
    page.figures().map(|figure| &figure.scene).collect()
}

fn scene_has(scene: &Scene, words: &str) -> bool {
    let is = |mark: &Mark| matches!(mark, Mark::Text { text, .. } if text == words);
    scene.marks.iter().any(is)
}

#[test]
fn every_svg_is_well_formed_follows_the_theme_and_names_itself() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let scenes = scenes(&page);
    assert_eq!(scenes.len(), 8);
    for scene in scenes {
        let svg = paint::svg(scene).unwrap();
        assert!(well_formed(&svg), "{}", scene.id);
        assert!(svg.contains("@media screen and (prefers-color-scheme: dark)"));
        assert!(svg.contains("fill=\"#FFFFFF\"") && svg.contains("{fill:#16181D}"));
        assert!(svg.contains("role=\"img\" aria-label=\"") && svg.contains("<title>"));
        assert!(!svg.contains("#FE0"), "a stand-in colour is left in {}", scene.id);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn names_of_any_letters_make_well_formed_pictures_without_control_characters() {
    let cells = typeset::NAMES.iter().map(|name| scored(cell(name, 512, 1), 0.4));
    let records: Vec<Reported> = cells.collect();
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    for scene in scenes(&page) {
        let svg = paint::svg(scene).unwrap();
        assert!(well_formed(&svg), "{}", scene.id);
        assert!(
            !svg.chars().any(|letter| letter.is_control() && letter != '\n'),
            "{}",
            scene.id
        );
        // One picture names many runs at once, cut to the room there is, one names two of them.
        let of_some = ["icd-tokens", "icd-scatter"].contains(&scene.id.as_str());
        assert!(svg.contains("a &amp; b") || of_some, "{}", scene.id);
    }
    let html = html::page(&page).unwrap();
    assert!(!html.chars().any(|letter| letter.is_control() && letter != '\n'));
}

#[test]
fn a_training_of_any_number_of_epochs_is_drawn_at_once() {
    let mut long = scored(cell("caml", 512, 1), 0.4);
    let outcome = long.record.outcome.as_mut().unwrap();
    outcome.epochs.last_mut().unwrap().epoch = u32::MAX;
    let records = [long];
    let suite = suite(Vec::new());
    let started = std::time::Instant::now();
    let page = page(&records, &suite);
    let labels = figure(&page, "training").scene.marks.len();
    assert!(labels < 200, "{labels} marks");
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn no_label_of_a_plot_is_cut_off_at_the_edge() {
    let long = "a_model_with_a_rather_long_name_and_a_setting";
    let suites = [
        mixed().0,
        vec![scored(cell("caml", 512, 1), 0.4), scored(cell(long, 512, 1), 0.99)],
        (0..12)
            .map(|run| scored(cell(&format!("{long}_{run}"), 512 << (run % 3), 1), 0.08 * run as f64))
            .collect(),
    ];
    for records in suites {
        let suite = suite(Vec::new());
        for scene in scenes(&page(&records, &suite)) {
            for mark in &scene.marks {
                let Mark::Text {
                    at,
                    text,
                    size,
                    anchor,
                    bold,
                    ..
                } = mark
                else {
                    continue;
                };
                let width = paint::text_width(text, *size, *bold);
                let left = at.0
                    - match anchor {
                        Anchor::Start => 0.0,
                        Anchor::Middle => width / 2.0,
                        Anchor::End => width,
                    };
                assert!(*size >= 12.0, "{text}");
                assert!(
                    left >= 0.0 && left + width <= f64::from(scene.width),
                    "{}: {text}",
                    scene.id
                );
                assert!(
                    at.1 - size >= 0.0 && at.1 + 0.3 * size <= f64::from(scene.height),
                    "{}: {text}",
                    scene.id
                );
            }
        }
    }
}

#[test]
fn one_length_gives_a_dot_per_run_and_no_headline_table() {
    let records = [
        scored(cell("caml", 512, 1), 0.4),
        scored(cell("long_bert", 512, 1), 0.5),
    ];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    assert!(page.tables().all(|table| table.id != "headline"));
    let scene = &figure(&page, "lengths").scene;
    assert!(scene.title.contains("at length 512"));
    assert!(["caml †", "40.0", "50.0"].iter().all(|words| scene_has(scene, words)));
}

#[test]
fn several_tasks_have_their_own_sections_and_plot_files() {
    let mut other = cell("caml", 512, 1);
    other.labels = "top 50".to_owned();
    let records = [scored(cell("caml", 512, 1), 0.4), scored(other, 0.6)];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let stems: Vec<&str> = page.figures().map(|figure| figure.stem.as_str()).collect();
    let tasks = page.blocks.iter().filter(|block| matches!(block.body, Body::Task));
    assert!(
        tasks
            .map(|block| &block.heading)
            .eq(["codiesp, all codes, test", "codiesp, top 50, test"])
    );
    assert!(stems.contains(&"lengths-codiesp-all-codes-test") && stems.contains(&"lengths-codiesp-top-50-test"));
}

#[test]
fn speed_and_memory_are_drawn_from_two_lengths_on_and_name_the_machine() {
    let mut records = vec![
        scored(cell("caml", 512, 1), 0.4),
        scored(cell("long_bert", 512, 1), 0.5),
    ];
    let suite = suite(Vec::new());
    let one_length = page(&records, &suite);
    let of_lengths = ["speed", "memory"];
    assert!(
        one_length
            .figures()
            .all(|figure| !of_lengths.contains(&figure.stem.as_str()))
    );
    assert!(one_length.tables().all(|table| table.id != "gains"));
    records.push(scored(cell("caml", 8192, 1), 0.45));
    let page = page(&records, &suite);
    let figures = of_lengths.map(|stem| figure(&page, stem));
    for figure in &figures {
        let caption = &figure.caption;
        assert!(
            caption.starts_with("Measured on Example CPU 3.0 GHz, 8 threads, device flex."),
            "{caption}"
        );
    }
    // 39.1 and 2.44 notes a second, 2.0 and 4.5 GiB.
    assert!(
        ["2", "5", "10", "20", "50"]
            .iter()
            .all(|tick| scene_has(&figures[0].scene, tick))
    );
    assert!(scene_has(&figures[1].scene, "0") && scene_has(&figures[1].scene, "5"));
}
