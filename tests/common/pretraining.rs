//! Suites that pretrain an encoder, in seconds.

use super::suite_text;

/// `[text.pieces]` and `[pretrain.tiny]` on it, with every feature of the loop in use: pairs, shorter sequences, first epochs of shorter ones, accumulation,
/// clipping, decay, dropout, a schedule, looks between epochs.
pub const TABLES: &str = r#"
[text.pieces]
normalise = "none"
tokenizer = { train-word-piece = { vocabulary = 400, min-frequency = 2, lowercase = true } }

[pretrain.tiny]
text = "pieces"
unlabelled = []
encoder = { layers = 1, hidden = 8, heads = 2, intermediate = 16, positions = 50, dropout = 0.1, attention-dropout = 0.1, initializer-range = 0.02 }
start = "scratch"
objective = { masked = 0.15, as-mask = 0.8, as-random = 0.1, whole-word = true, next-sentence = true }
sentences = "line-ends-and-full-stops"
longest-sentence = 16
length = 32
first = { epochs = 2, length = 16 }
short-sequences = 0.3
epochs = 3
batch-size = 4
accumulate = 2
optimiser = { adamw = { betas = [0.9, 0.999], epsilon = 1e-6, weight-decay = 0.01, decay = "matrices" } }
learning-rate = 0.003
schedule = { linear = { warmup = 0.1 } }
clip-norm = 1.0
vocabulary-block = 64
development = { notes = { share = 0.125 }, sequences = 8, every = 3 }
seed = 1
"#;

/// LongBERT with the sizes of the tiny encoder, starting from it where `encoder` says so.
pub fn long_bert(name: &str, encoder: &str) -> String {
    format!(
        r#"
[[run]]
name = "{name}"
text = "pieces"
{encoder}
[run.model.long_bert]
encoder = {{ layers = 1, hidden = 8, heads = 2, intermediate = 16, positions = 50, dropout = 0.1, attention-dropout = 0.0, initializer-range = 0.02 }}
segment = 32
overlap = 0
label-block = 8
[run.training]
epochs = 2
batch-size = 8
accumulate = 1
bucket = 2
optimiser = {{ adamw = {{ betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.01, decay = "matrices" }} }}
learning-rate = 0.01
schedule = {{ linear = {{ warmup = 0.1 }} }}
clip-norm = 1.0
select = "last"
"#
    )
}

/// A suite on a few generated notes with the pretraining and these runs.
pub fn pretraining_suite(notes: u32, runs: &str) -> String {
    let text = suite_text(notes, runs);
    text.replacen("\n[evaluation]", &format!("{TABLES}\n[evaluation]"), 1)
}

/// A run that starts from the pretraining.
pub fn pretrained() -> String {
    long_bert("pretrained", "encoder = \"tiny\"")
}
