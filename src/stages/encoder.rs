//! Stage `encoder`: a pretrained encoder, read from the directory that the suite names. It is kept where it lies.

use std::sync::Arc;

use super::made::Loaded;
use super::{Error, Stop, Workshop};
use crate::models::Task;
use crate::plan::Cell;
use crate::pretrained::PretrainedBert;
use crate::suite::Run;
use crate::text::Tokenizer;

impl Workshop<'_> {
    /// A task with the encoder of a cell's run, where it names one.
    pub(super) fn with_encoder(&self, cell: &Cell, task: Task) -> Result<Task, Stop> {
        let run = &self.plan.suite.runs[cell.run];
        let Some(name) = &run.encoder else {
            return Ok(task);
        };
        let loaded = self.encoder(name)?;
        let tokenizer = self.tokenizer(cell)?;
        same_vocabulary(run, name, &tokenizer, &loaded.tokens)?;
        tokenizer.reads_as(&loaded.said).map_err(|source| Error::Text {
            name: run.text.clone(),
            source,
        })?;
        Ok(Task {
            encoder: Some(loaded.encoder.clone()),
            ..task
        })
    }

    fn encoder(&self, name: &str) -> Result<Arc<Loaded>, Error> {
        if let Some(found) = self.encoders.borrow().get(name) {
            return Ok(found.clone());
        }
        let choice = &self.plan.suite.encoders[name];
        let found = PretrainedBert::read(&choice.directory, Some(&choice.sha256));
        let mut found = found.map_err(|source| Error::Encoder {
            name: name.into(),
            source: Box::new(source),
        })?;
        self.observer.notice(&format!("[encoder.{name}] {}", found.report));
        let loaded = Arc::new(Loaded {
            tokens: std::mem::take(&mut found.tokens),
            said: found.said.clone(),
            encoder: Arc::new(found.into_encoder()),
        });
        self.encoders.borrow_mut().insert(name.to_owned(), loaded.clone());
        Ok(loaded)
    }
}

/// Refuses a tokenizer with other tokens than the encoder was trained with.
fn same_vocabulary(run: &Run, name: &str, tokenizer: &Tokenizer, tokens: &[String]) -> Result<(), Error> {
    let next = "name the encoder's own vocab.txt, vocab.json or tokenizer.json as the tokenizer's `file`";
    let wrong = |problem: String| Error::Run {
        run: run.title().into(),
        problem,
    };
    let found = tokenizer.size();
    if found != tokens.len() {
        return Err(wrong(format!(
            "[text.{}] has {found} tokens and [encoder.{name}] was trained with {}: {next}",
            run.text,
            tokens.len()
        )));
    }
    let same = |(id, token): &(u32, &String)| tokenizer.token(*id) == Some(token);
    match (0..).zip(tokens).find(|pair| !same(pair)) {
        None => Ok(()),
        Some((id, _)) => Err(wrong(format!(
            "[text.{}] and [encoder.{name}] have another token for id {id}: {next}",
            run.text
        ))),
    }
}
