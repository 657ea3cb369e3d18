//! The trait that every model implements, and the task it is built for.

use std::sync::Arc;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, activation};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch::Batch;
use super::evidence::Evidence;
use super::initialise::Initialiser;
use super::pretrained_encoder::PretrainedEncoder;
use super::work::{NoteSize, Work};

/// What a model's tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Words, of a vocabulary that is fitted on the training notes.
    Words,
    /// Pieces of words, of BERT's own vocabulary with its `[CLS]` and `[SEP]`.
    WordPieces,
}

/// How deep a parameter lies, from the codes down: what layer-wise learning rates go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Outside of an encoder: trained at the recipe's own rate.
    Head,
    /// In the encoder above its last layer, as BERT's pooler.
    Top,
    /// In the encoder's layer of that number; 0 is the one that reads the embeddings.
    Layer(usize),
    /// In the encoder below its first layer.
    Embeddings,
}

/// A model that gives every code of a label set a logit for each note of a batch.
///
/// A model knows Burn tensors, a [`Batch`] and a [`Task`]; it reads no files, knows no suite and
/// no metric, and prints nothing. Padding must never change a score, and neither may the notes
/// that happen to share a batch: the contract tests (`tests/contract.rs`) check both for every
/// model in the table.
pub trait CodingModel: Module {
    /// What a suite may write under `[run.model.<name>]`. Derive `Deserialize` with
    /// `deny_unknown_fields`, and give nothing that moves a score a default.
    type Config: Clone + Serialize + DeserializeOwned;

    /// One line for `icdbench list`: what it is, and the paper.
    const ABOUT: &'static str;

    /// Whether it has an encoder that can start from the task's [`PretrainedEncoder`]. A run that names one is
    /// refused for the others, and so are learning rates of an encoder's own.
    const TAKES_ENCODER: bool = false;

    /// Whether it is built from the task's [`Evidence`]: then this is kept with its weights.
    const MADE_OF_EVIDENCE: bool = false;

    /// What its tokens are where it was published.
    const TOKENS: Tokens;

    /// The smallest settings that train.
    fn tiny() -> Self::Config;

    /// The published settings, for notes of `length` tokens: what `icdbench bench` times. Label blocks are of a size
    /// for a CPU's caches.
    fn published(length: usize) -> Self::Config;

    /// The setting that says how many labels the head computes at a time; `None` where it computes all at once. Scores
    /// do not depend on it.
    fn label_block(_config: &mut Self::Config) -> Option<&mut usize> {
        None
    }

    /// The same settings with notes cut into segments of `segment` tokens of which neighbours share `overlap`, as far
    /// as the model has such settings: so that short notes go through what long ones do.
    fn segmented(config: Self::Config, _segment: usize, _overlap: usize) -> Self::Config {
        config
    }

    /// How deep the parameter of that path lies. A model that takes an encoder answers for what is in it, with
    /// [`bert::depth`](fn@super::bert::depth): a parameter that it forgets is trained at the head's rate.
    fn depth(_path: &str) -> Depth {
        Depth::Head
    }

    /// What is wrong with `config` for this task and sequence length: the setting, what was
    /// found, what was expected. Called before any compute is spent.
    fn check(config: &Self::Config, task: &Task, length: usize) -> Result<(), String>;

    /// How many of a note's first `length` tokens it reads. Notes are cut there, so that what it does not read moves
    /// neither its batches nor its tokens a second. `config` passed [`check`](Self::check).
    fn reads(_config: &Self::Config, length: usize) -> usize {
        length
    }

    /// The operations of a batch of such notes, of which it may read less than all, with so many codes to predict; as
    /// [`work`](mod@super::work) counts them. `None` where nothing is counted: the model computes no products, does
    /// not say, or has a step whose work depends on the notes' codes or marks. `config` passed [`check`](Self::check).
    fn work(_config: &Self::Config, _codes: usize, _notes: &[NoteSize]) -> Option<Work> {
        None
    }

    /// A model with parameters drawn from `initialiser`, on its device. `config` passed [`check`](Self::check).
    fn init(config: &Self::Config, task: &Task, initialiser: &mut Initialiser) -> Self;

    /// Logits, shape `[note, code]`.
    fn logits(&self, batch: &Batch) -> Tensor<2>;

    /// What is added to the loss beside the cross-entropy (a regulariser), shape `[1]`. It may depend
    /// on the batch's gold codes, `targets` of shape `[note, code]`.
    fn penalty(&self, _targets: &Tensor<2>) -> Option<Tensor<1>> {
        None
    }

    /// The loss (shape `[1]`, not tracked) and its gradient for every parameter. `targets` is
    /// `[note, code]`, 1 where the note has the code.
    ///
    /// The default runs [`logits`](Self::logits), takes [`cross_entropy`], adds the
    /// [`penalty`](Self::penalty) and backpropagates. Models whose head attends once per label
    /// override it to go over the labels block by block, which bounds the memory.
    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        backpropagated(self, batch, targets)
    }

    /// Whether [`explain`](Self::explain) gives something with these settings.
    fn explains(_config: &Self::Config) -> bool {
        false
    }

    /// How much each token speaks for each of `codes`, a tensor `[note, token]` for each, non-negative, rows summing to
    /// 1 over the note's tokens; `None` for a model that has no such weights.
    fn explain(&self, _batch: &Batch, _codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        None
    }
}

/// The default of [`CodingModel::gradients`], for models that override it in some of their settings.
pub fn backpropagated<M: CodingModel>(model: &M, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
    let mut loss = cross_entropy(model.logits(batch), targets.clone());
    if let Some(penalty) = model.penalty(&targets) {
        loss = loss + penalty;
    }
    let gradients = GradientsParams::from_grads(loss.backward(), model);
    (loss.inner(), gradients)
}

/// Attention weights `[note, token]` with zeros up to `width` tokens.
pub fn widened(attention: Tensor<2>, width: usize) -> Tensor<2> {
    let [notes, tokens] = attention.dims();
    if tokens == width {
        return attention;
    }
    let zeros = Tensor::zeros([notes, width - tokens], &attention.device());
    Tensor::cat(vec![attention, zeros], 1)
}

/// What a model is built for. Everything in it comes from the training notes only, but for what was
/// pretrained elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// Codes to predict.
    pub codes: usize,
    /// Entries of the token vocabulary, padding included.
    pub vocabulary: usize,
    /// The token id that fills rows up.
    pub padding: u32,
    /// The token id of BERT's `[CLS]`; `None` for a vocabulary of words.
    pub cls: Option<u32>,
    /// The token id of BERT's `[SEP]`.
    pub separator: Option<u32>,
    /// How many notes it is trained on.
    pub training_notes: usize,
    /// Per code, the training notes that have it.
    pub code_frequency: Vec<u32>,
    /// Per token id, the training notes that hold it; where the vocabulary counted them.
    pub document_frequency: Option<Vec<u32>>,
    /// Per token id, the root mean square of its count over the training notes.
    pub count_scale: Vec<f32>,
    /// Per code, the token ids of its description; empty where there is none.
    pub descriptions: Vec<Vec<u32>>,
    /// Pretrained word vectors, row-major `[vocabulary, dimension]`.
    pub word_vectors: Option<WordVectors>,
    /// The pretrained encoder to start from.
    pub encoder: Option<Arc<PretrainedEncoder>>,
    /// What annotators marked in the training notes; absent where the data set has no such marks or the tokenizer does not
    /// tell where its tokens lie.
    pub evidence: Option<Arc<Evidence>>,
}

/// Pretrained word vectors aligned with the vocabulary.
#[derive(Clone, Debug)]
pub struct WordVectors {
    /// Length of a vector.
    pub dimension: usize,
    /// Row-major `[vocabulary, dimension]`.
    pub values: Vec<f32>,
}

/// Binary cross-entropy of logits against 0/1 targets, both `[note, code]`, averaged over notes
/// and codes as every published system does; shape `[1]`.
///
/// Written as `max(x, 0) - x y + ln(1 + exp(-|x|))`, which does not overflow.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let cells = logits.shape().num_elements();
    ordered_sum(cross_entropy_cells(logits, targets)) / cells as f64
}

/// [`cross_entropy`] before averaging, shape `[note, code]`.
pub fn cross_entropy_cells(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<2> {
    activation::relu(logits.clone()) - logits.clone() * targets + (-logits.abs()).exp().log1p()
}

/// The sum of all elements, `[1]`, rows first. Burn's CPU backend adds up more than 4 million elements
/// in an order that depends on the threads; no row is that long.
pub fn ordered_sum<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    #[cfg(feature = "gpu")]
    if super::gpu::has_kernels(&tensor.device()) && !tensor.device().is_autodiff() {
        let count = tensor.shape().num_elements();
        let width = tensor.dims()[D - 1].max(1);
        let sums = super::gpu::column_sums(tensor.reshape([count / width, width]));
        return super::gpu::column_sums(sums.unsqueeze_dim(1));
    }
    tensor.sum_dim(D - 1).sum()
}
