//! The table of word vectors that word models begin with.

use burn::module::Param;
use burn::tensor::Tensor;

use super::coding_model::Task;
use super::initialise::Initialiser;

/// What is wrong with word vectors of length `dimension` for this task; `pretrained` where they start from the
/// suite's.
pub fn check(dimension: usize, pretrained: bool, task: &Task) -> Result<(), String> {
    match (&task.word_vectors, pretrained) {
        (None, true) => Err("pretrained-embedding = true needs [text.word-vectors] in the suite".into()),
        (Some(vectors), true) if vectors.dimension != dimension => Err(format!(
            "embedding = {dimension}: the word vectors have dimension {}",
            vectors.dimension
        )),
        _ => Ok(()),
    }
}

/// `[word, dimension]`: the task's vectors where `pretrained`, else normal with deviation 1 (PyTorch's default). The
/// vector of padding is 0.
pub fn init(dimension: usize, pretrained: bool, task: &Task, initialiser: &mut Initialiser) -> Param<Tensor<2>> {
    let mut rows = match &task.word_vectors {
        Some(vectors) if pretrained => vectors.values.clone(),
        _ => initialiser.normal_values(task.vocabulary * dimension, 1.0),
    };
    let padding = task.padding as usize * dimension;
    rows[padding..padding + dimension].fill(0.0);
    initialiser.values([task.vocabulary, dimension], rows)
}
