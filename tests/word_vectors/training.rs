//! Whole trainings: threads, what is learnt, what is refused, and files of vectors.

use icdbench::text::{
    Normalisation, TextSettings, TokenizerSettings, VectorFormat, VectorScale, WordVectors, vector_file,
};
use icdbench::word_vectors::{Architecture, Error, Labels, Loss, Similarity, StarSpace, Word2Vec, starspace, word2vec};

use super::{SUBJECTS, Texts, starspace_settings, texts, word2vec_settings};

#[path = "../common/fit.rs"]
mod fit;

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
        .install(work)
}

fn of_word2vec(settings: &Word2Vec, texts: &Texts) -> Vec<f32> {
    word2vec(settings, &texts.corpus(), &mut |_| true).unwrap()
}

fn of_starspace(settings: &StarSpace, texts: &Texts) -> Vec<f32> {
    let labels = Labels {
        count: SUBJECTS as usize,
        of_text: &texts.subjects,
    };
    starspace(settings, &texts.corpus(), &labels, &mut |_| true).unwrap()
}

fn every_word2vec() -> Vec<Word2Vec> {
    let mut found = Vec::new();
    for architecture in [Architecture::Cbow, Architecture::SkipGram] {
        for (negative, hierarchical_softmax) in [(5, false), (0, true), (5, true)] {
            found.push(Word2Vec {
                architecture,
                negative,
                hierarchical_softmax,
                ..word2vec_settings()
            });
        }
    }
    found
}

fn every_starspace() -> Vec<StarSpace> {
    let mut found = Vec::new();
    for (loss, similarity) in [
        (Loss::Hinge, Similarity::Cosine),
        (Loss::Hinge, Similarity::Dot),
        (Loss::Softmax, Similarity::Dot),
    ] {
        found.push(StarSpace {
            loss,
            similarity,
            ..starspace_settings()
        });
    }
    found
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let texts = texts(700); // More than one job of 10,000 words.
    for settings in every_word2vec() {
        let [one, two, four] = [1, 2, 4].map(|threads| on_threads(threads, || of_word2vec(&settings, &texts)));
        assert!(one == two && one == four, "{settings:?}");
        let other = Word2Vec { seed: 2, ..settings };
        assert_ne!(one, of_word2vec(&other, &texts));
    }
    for settings in every_starspace() {
        let [one, two, four] = [1, 2, 4].map(|threads| on_threads(threads, || of_starspace(&settings, &texts)));
        assert!(one == two && one == four, "{settings:?}");
        let other = StarSpace { seed: 2, ..settings };
        assert_ne!(one, of_starspace(&other, &texts));
    }
}

/// The share of words of a subject whose nearest other word is of the same subject.
fn told_apart(vectors: &[f32], dimension: usize, texts: &Texts) -> f64 {
    let subjects = texts.subject_of();
    let rows: Vec<&[f32]> = vectors.chunks(dimension).collect();
    let dot = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
    let cosine = |one: &[f32], other: &[f32]| dot(one, other) / (dot(one, one) * dot(other, other)).sqrt();
    let own: Vec<usize> = (0..rows.len()).filter(|&word| subjects[word].is_some()).collect();
    assert_eq!(own.len(), 5 * SUBJECTS as usize);
    let nearest = |&word: &usize| {
        let others = own.iter().filter(|&&other| other != word);
        let near = others.max_by(|&&a, &&b| cosine(rows[word], rows[a]).total_cmp(&cosine(rows[word], rows[b])));
        subjects[*near.unwrap()] == subjects[word]
    };
    own.iter().filter(|word| nearest(word)).count() as f64 / own.len() as f64
}

#[test]
fn words_of_one_subject_come_together() {
    let texts = texts(2_000);
    for settings in every_word2vec() {
        let share = told_apart(&of_word2vec(&settings, &texts), settings.dimension, &texts);
        assert!(share > 0.9, "{share}: {settings:?}");
    }
    for settings in every_starspace() {
        let share = told_apart(&of_starspace(&settings, &texts), settings.dimension, &texts);
        assert!(share > 0.9, "{share}: {settings:?}");
    }
}

#[test]
fn no_vector_is_longer_than_starspaces_norm() {
    let settings = StarSpace {
        norm: 0.25,
        lr: 0.5,
        ..starspace_settings()
    };
    let vectors = of_starspace(&settings, &texts(300));
    for row in vectors.chunks(settings.dimension) {
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!(length <= 0.25 * 1.000_01, "{length}");
    }
}

#[test]
fn what_nothing_can_be_learnt_from_is_refused() {
    let texts = texts(20);
    let refused = |settings: &Word2Vec| word2vec(settings, &texts.corpus(), &mut |_| true).unwrap_err();
    let rare = Word2Vec {
        min_count: 1_000_000,
        ..word2vec_settings()
    };
    assert_eq!(
        refused(&rare),
        Error::TooFewWords {
            words: 0,
            min_count: 1_000_000
        }
    );
    let wild = Word2Vec {
        alpha: 1e39, // None of 32 bits.
        cbow_mean: false,
        ..word2vec_settings()
    };
    assert_eq!(
        refused(&wild),
        Error::Diverged {
            epochs: 3,
            setting: "alpha"
        }
    );
    let labels = Labels {
        count: 1,
        of_text: &vec![Vec::new(); 20],
    };
    let none = starspace(&starspace_settings(), &texts.corpus(), &labels, &mut |_| true);
    assert_eq!(none.unwrap_err(), Error::NoExample { texts: 20 });
}

#[test]
fn training_stops_when_it_is_asked_to_and_says_how_far_it_is() {
    let texts = texts(700);
    let mut last = 0;
    let mut asked = 0;
    let stopped = word2vec(&word2vec_settings(), &texts.corpus(), &mut |progress| {
        assert!(progress.done >= last && progress.done < progress.all);
        assert_eq!(progress.all, 3 * 700 * 30);
        last = progress.done;
        asked += 1;
        asked < 5
    });
    assert_eq!((stopped.unwrap_err(), asked), (Error::Stopped, 5));
    assert!(last > 0);
}

#[test]
fn files_of_both_formats_are_read_as_they_were_written() {
    let tokenizer = TextSettings {
        normalise: Normalisation::Caml,
        tokenizer: TokenizerSettings::Words {
            min_documents: 1,
            max_size: None,
        },
    };
    let tokenizer = fit::fit(&tokenizer, &["fever fièvre cough rash"]).unwrap();
    let words = ["cough", "fièvre", "other"];
    let values = [0.1f32, -2.5e-20, 1.0, f32::MIN_POSITIVE, 3.0, -0.333_333_34];
    let directory = tempfile::tempdir().unwrap();
    for format in [VectorFormat::Text, VectorFormat::Binary] {
        let path = directory.path().join("vectors");
        std::fs::write(&path, vector_file(format, words.into_iter(), &values)).unwrap();
        let read = WordVectors::read(&path, &tokenizer, 2, VectorScale::AsRead).unwrap();
        for (word, row) in words.iter().zip(values.chunks(2)).take(1) {
            assert_eq!(read.row(tokenizer.id(word).unwrap()), row, "{format:?}");
        }
        assert_eq!(
            read.found_words(),
            words.iter().filter(|word| tokenizer.id(word).is_some()).count()
        );
        let own = words.into_iter().zip(values.chunks(2));
        assert_eq!(WordVectors::of(&tokenizer, 2, VectorScale::AsRead, own.clone()), read);
        // Text goes through 64 bits, which round once more where a vector is rescaled.
        if format == VectorFormat::Binary {
            let unit = WordVectors::read(&path, &tokenizer, 2, VectorScale::UnitRows).unwrap();
            assert_eq!(WordVectors::of(&tokenizer, 2, VectorScale::UnitRows, own), unit);
        }
    }
    assert_eq!(vector_file(VectorFormat::Text, [].into_iter(), &[]), b"0 0\n");
}
