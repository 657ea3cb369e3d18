//! The sections of a discharge summary: headings, order, how much of the text they take and which codes they may name.

use super::bank::Course;
use super::draw::Draw;

/// How a section is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Sentences in paragraphs.
    Prose,
    /// One item a line.
    Lines,
    /// One numbered item a line.
    Numbered,
}

/// One kind of section.
pub(super) struct Section {
    /// The pool in `phrases.txt`; `<pool>-mention` holds the sentences that name a code.
    pub(super) pool: &'static str,
    /// Ways to head it.
    pub(super) headings: &'static [&'static str],
    pub(super) layout: Layout,
    /// Percent of the notes that have it.
    presence: u32,
    /// Where it stands, before jitter.
    rank: u32,
    /// Its part of the text that names no code.
    pub(super) filler: u32,
    /// Its part of the mentions of lasting, acute and circumstantial codes.
    mentions: [u32; 3],
}

impl Section {
    /// Whether a note may have several of it.
    pub(super) fn repeated(&self) -> bool {
        REPEATED.iter().any(|section| section.pool == self.pool)
    }

    /// How often this section is the place of a mention of such a code.
    pub(super) fn mention_weight(&self, course: Course) -> u32 {
        match course {
            Course::Chronic => self.mentions[0],
            Course::Acute => self.mentions[1],
            Course::Status | Course::Event => self.mentions[2],
        }
    }
}

macro_rules! sections {
    ($($pool:literal $headings:tt $layout:ident $presence:literal $rank:literal $filler:literal $mentions:tt)*) => {
        &[$(Section { pool: $pool, headings: &$headings, layout: Layout::$layout, presence: $presence, rank: $rank,
            filler: $filler, mentions: $mentions }),*]
    };
}

/// The sections every note may have once.
static ONCE: &[Section] = sections! {
    "complaint" ["Chief Complaint", "Reason for Admission", "CC"] Lines 92 5 1 [0, 0, 0]
    "hpi" ["History of Present Illness", "HPI", "Present Illness"] Prose 100 15 15 [10, 16, 8]
    "pmh" ["Past Medical History", "PMH", "Past Medical and Surgical History"] Lines 94 28 3 [20, 0, 22]
    "social" ["Social History", "SH"] Prose 85 36 4 [0, 0, 5]
    "family" ["Family History", "FH"] Prose 78 42 2 [0, 0, 0]
    "meds-admission" ["Medications on Admission", "Preadmission Medications", "Home Medications"] Numbered 88 50 7 [4, 0, 3]
    "exam" ["Physical Exam", "Physical Examination", "Exam on Admission"] Lines 94 58 10 [3, 6, 0]
    "labs" ["Pertinent Results", "Laboratory Data", "Labs"] Lines 92 66 12 [2, 5, 0]
    "imaging" ["Imaging", "Studies", "Radiology"] Lines 82 72 9 [4, 8, 0]
    "procedures" ["Major Surgical or Invasive Procedure", "Procedures"] Lines 60 78 1 [0, 2, 0]
    "course" ["Brief Hospital Course", "Hospital Course", "Hospital Course by Problem"] Prose 100 86 20 [24, 34, 20]
    "meds-discharge" ["Discharge Medications", "Medications at Discharge"] Numbered 90 112 8 [4, 1, 3]
    "diagnosis" ["Discharge Diagnosis", "Discharge Diagnoses", "Final Diagnosis"] Numbered 62 118 1 [12, 15, 10]
    "condition" ["Discharge Condition", "Condition at Discharge"] Lines 84 124 1 [1, 1, 1]
    "instructions" ["Discharge Instructions", "Patient Instructions"] Prose 88 130 9 [3, 6, 3]
    "followup" ["Followup Instructions", "Follow-up", "Follow Up"] Lines 82 136 2 [5, 2, 3]
};

/// The sections that long notes repeat.
static REPEATED: &[Section] = sections! {
    "nursing" ["Nursing Note", "Nursing Shift Note"] Lines 40 92 8 [1, 2, 2]
    "progress" ["Progress Note", "Daily Progress Note"] Lines 38 92 8 [4, 4, 2]
    "consult" ["Consultation", "Consult Note", "Specialist Consultation"] Prose 22 92 10 [4, 4, 3]
};

/// Words of text for each repeated section, beyond the first thousand.
const WORDS_PER_REPEAT: u32 = 120;

/// The sections of a note of about `words` words, in order. History and hospital course are always there; shorter
/// notes have fewer of the others.
pub(super) fn layout(words: u32, draw: &mut Draw) -> Vec<&'static Section> {
    let mut ranked: Vec<(u32, &Section)> = Vec::new();
    for section in ONCE {
        let presence = if section.presence == 100 {
            100
        } else {
            section.presence * words.min(600) / 600
        };
        let rank = section.rank + draw.below(24);
        if draw.percent(presence) {
            ranked.push((rank, section));
        }
    }
    let shares: Vec<u32> = REPEATED.iter().map(|section| section.presence).collect();
    for _ in 0..words.saturating_sub(1_000) / WORDS_PER_REPEAT {
        let section = &REPEATED[draw.weighted(&shares).unwrap_or(0)];
        ranked.push((section.rank - 40 + draw.below(60), section));
    }
    ranked.sort_by_key(|&(rank, _)| rank); // stable, so that equal ranks keep their order
    ranked.into_iter().map(|(_, section)| section).collect()
}

/// Percent of the median length at each per-mille of the notes: a skewed curve like that of real discharge summaries
/// (one in ten beyond twice the median, a few beyond five times).
const LENGTHS: [(u32, u32); 10] = [
    (0, 30),
    (100, 50),
    (250, 71),
    (500, 100),
    (750, 146),
    (900, 212),
    (960, 290),
    (985, 420),
    (994, 580),
    (1000, 720),
];

/// A note length in words.
pub(super) fn length(median: u32, draw: &mut Draw) -> u32 {
    let at = draw.below(1_000);
    let step = LENGTHS.windows(2).find(|step| at < step[1].0).unwrap_or(&LENGTHS[8..]);
    let ((from, low), (to, high)) = (step[0], step[1]);
    let percent_times = u64::from(low) * u64::from(to - from) + u64::from(high - low) * u64::from(at - from);
    (percent_times * u64::from(median) / (100 * u64::from(to - from))) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_median_asked_for_and_a_long_tail() {
        let mut draw = Draw::new(4, 0);
        let mut lengths: Vec<u32> = (0..4_000).map(|_| length(1_600, &mut draw)).collect();
        lengths.sort_unstable();
        assert!((1_500..1_700).contains(&lengths[2_000]));
        assert!((3_200..3_600).contains(&lengths[3_600]));
        assert!(lengths[3_990] > 8_192 && lengths[3_999] < 11_600 && lengths[0] >= 480);
    }

    #[test]
    fn long_notes_repeat_ward_sections_and_short_ones_drop_most() {
        let mut draw = Draw::new(4, 1);
        let count = |sections: Vec<&Section>, pool| sections.iter().filter(|s| s.pool == pool).count();
        assert!(layout(9_000, &mut draw).len() > 30);
        assert!(layout(60, &mut draw).len() < 9);
        assert_eq!(count(layout(60, &mut draw), "hpi"), 1);
        assert_eq!(count(layout(60, &mut draw), "course"), 1);
    }
}
