//! Word vectors that are trained here: beside Python's restatement of the methods, their tables, threads, and the stage.

mod common;

#[path = "word_vectors/parity.rs"]
mod parity;
#[path = "word_vectors/stage.rs"]
mod stage;
#[path = "word_vectors/tables.rs"]
mod tables;
#[path = "word_vectors/training.rs"]
mod training;

use icdbench::word_vectors::{Architecture, Loss, Sigmoid, Similarity, StarSpace, Word2Vec};

fn word2vec_settings() -> Word2Vec {
    Word2Vec {
        architecture: Architecture::Cbow,
        dimension: 20,
        epochs: 3,
        window: 4,
        min_count: 2,
        sample: 1e-2,
        negative: 5,
        ns_exponent: 0.75,
        hierarchical_softmax: false,
        cbow_mean: true,
        alpha: 0.05,
        min_alpha: 1e-4,
        initial: 0.5,
        sigmoid: Sigmoid::Exact,
        seed: 1,
        unlabelled: Vec::new(),
    }
}

fn starspace_settings() -> StarSpace {
    StarSpace {
        dimension: 20,
        epochs: 5,
        min_count: 1,
        loss: Loss::Hinge,
        similarity: Similarity::Cosine,
        margin: 0.05,
        neg_search_limit: 50,
        max_neg_samples: 10,
        batch_size: 5,
        lr: 0.05,
        adagrad: true,
        p: 0.5,
        init_rand_sd: 1e-3,
        norm: 1.0,
        seed: 1,
    }
}

/// Texts about one of a few subjects, each with words of its own among words of all; word `10 + 5 s ..` are subject `s`'s.
struct Texts {
    counts: Vec<u64>,
    words: Vec<u32>,
    ends: Vec<usize>,
    subjects: Vec<Vec<u32>>,
}

const SUBJECTS: u32 = 4;

fn texts(number: usize) -> Texts {
    let mut draws = icdbench::word_vectors::Draws::new(9, [9, 9]);
    let mut texts: Vec<Vec<u32>> = Vec::new();
    let mut subjects = Vec::new();
    for _ in 0..number {
        let subject = draws.below(SUBJECTS);
        subjects.push(vec![subject]);
        let mut word = || match draws.below(2) {
            0 => draws.below(10),
            _ => 10 + 5 * subject + draws.below(5),
        };
        texts.push((0..30).map(|_| word()).collect());
    }
    let size = 10 + 5 * SUBJECTS as usize;
    let mut counts = vec![0u64; size];
    texts.iter().flatten().for_each(|&word| counts[word as usize] += 1);
    // Numbered by falling count.
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by_key(|&word| std::cmp::Reverse(counts[word]));
    let mut number = vec![0u32; size];
    order.iter().zip(0..).for_each(|(&word, place)| number[word] = place);
    let mut ends = Vec::new();
    let mut words = Vec::new();
    for text in texts {
        words.extend(text.iter().map(|&word| number[word as usize]));
        ends.push(words.len());
    }
    Texts {
        counts: order.iter().map(|&word| counts[word]).collect(),
        words,
        ends,
        subjects,
    }
}

impl Texts {
    fn corpus(&self) -> icdbench::word_vectors::Corpus<'_> {
        icdbench::word_vectors::Corpus {
            counts: &self.counts,
            words: &self.words,
            ends: &self.ends,
        }
    }

    /// The subject of each word that is one's own.
    fn subject_of(&self) -> Vec<Option<u32>> {
        let mut found: Vec<Vec<u32>> = vec![Vec::new(); self.counts.len()];
        let mut start = 0;
        for (&end, subject) in self.ends.iter().zip(&self.subjects) {
            for &word in &self.words[start..end] {
                found[word as usize].push(subject[0]);
            }
            start = end;
        }
        let one = |subjects: &Vec<u32>| {
            subjects
                .iter()
                .all(|subject| *subject == subjects[0])
                .then(|| subjects[0])
        };
        found.iter().map(one).collect()
    }
}
