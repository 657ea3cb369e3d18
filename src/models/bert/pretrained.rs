//! Starting an encoder from a pretrained one.

use super::{Encoder, EncoderConfig};
use crate::models::{Checkpoint, Task, parameters};

/// What keeps an encoder of these sizes from starting from the task's checkpoint, if it has one. Positions may differ.
pub(super) fn check(config: &EncoderConfig, task: &Task) -> Result<(), String> {
    let Some(checkpoint) = &task.checkpoint else {
        return Ok(());
    };
    for (setting, found, expected) in [
        ("encoder.layers", config.layers, checkpoint.layers),
        ("encoder.hidden", config.hidden, checkpoint.hidden),
        ("encoder.heads", config.heads, checkpoint.heads),
        ("encoder.intermediate", config.intermediate, checkpoint.intermediate),
    ] {
        if found != expected {
            return Err(format!(
                "{setting} = {found} and the run's checkpoint has {expected}: write the checkpoint's own sizes"
            ));
        }
    }
    for (what, found, expected) in [
        ("tokens", task.vocabulary, checkpoint.vocabulary),
        ("token types", super::encoder::TOKEN_TYPES, checkpoint.token_types),
    ] {
        if found != expected {
            return Err(format!(
                "the encoder has {found} {what} and the run's checkpoint {expected}: use another checkpoint"
            ));
        }
    }
    Ok(())
}

/// The encoder with the checkpoint's parameters, which passed [`check`]. Positions past the checkpoint's keep
/// their own, and so does a pooler that the checkpoint lacks.
pub(super) fn fill(encoder: Encoder, checkpoint: &Checkpoint) -> Encoder {
    let mut all = parameters::read(&encoder);
    for (path, own) in &mut all {
        if let Some(pretrained) = checkpoint.parameters.get(path) {
            let count = own.values.len().min(pretrained.values.len());
            own.values[..count].copy_from_slice(&pretrained.values[..count]);
        }
    }
    // OK because these are the encoder's own parameters, in their shapes.
    parameters::write(encoder, all).expect("the encoder's own parameters")
}
