//! What a cell would take: one training step and one inference on its longest batch, timed, and scaled to its tokens. Of
//! several replicas one is timed, on its share of the batch.

use std::cell::{Cell as StdCell, RefCell};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::activation;

use super::{Stop, Workshop};
use crate::machine;
use crate::models::dropout::Noise;
use crate::models::{Initialiser, parameters};
use crate::plan::Cell;
use crate::pretraining::Pretraining;
use crate::text::{BatchSettings, evaluation_order};
use crate::train::{Budget, Learner, Observer, Optimiser, Part, StepReport, Stepper, mean_gradients, targets};

/// Time and memory a cell would take on this machine.
#[derive(Clone, Copy, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// Seconds with every epoch trained: early stopping can only make it less.
    pub seconds: f64,
    /// Peak resident memory of the process, in bytes, where the system says.
    pub memory_bytes: Option<u64>,
}

impl Workshop<'_> {
    /// Measures one step of a cell, after its stages before training. Costs a few steps' time.
    ///
    /// # Errors
    /// These stages cannot be had.
    pub fn estimate(&self, cell: &Cell) -> Result<Estimate, Stop> {
        let run = &self.plan.suite.runs[cell.run];
        let tokens = self.tokens(cell)?;
        let notes = self.notes(cell)?;
        let task = self.prepare(cell)?;
        let reading = self.reading(cell, &task);
        machine::reset_peak_memory();
        let before = machine::peak_memory();
        let autodiff = self.device.clone().autodiff();
        let mut model = run.model.init(&task, &mut Initialiser::new(cell.seed, &autodiff));
        let replicas = run.training.replicas;
        let settings = BatchSettings {
            batch_size: reading.batch_size / replicas,
            max_length: reading.length,
            bucket: 1,
        };
        // Longest first: the batch that decides the memory.
        let order = evaluation_order(&tokens.training.lengths(), settings);
        let longest = &order[0];
        let part = || Part {
            batch: reading
                .batch(&tokens.training, longest, &autodiff)
                .with_noise(Noise::new(cell.seed, 0)),
            targets: targets(&notes.training_gold, longest, task.codes, &autodiff),
        };
        // The first step pays for fresh memory and caches.
        let training = match Stepper::new(&run.training.optimiser, run.training.clip_norm) {
            Some(stepper) => {
                let mut learner = Learner::new(model, stepper);
                let seconds = second(|| {
                    learner.step(run.training.learning_rate, longest.len(), [part()].into_iter());
                });
                model = learner.model().clone();
                seconds
            }
            None => second(|| {
                mean_gradients(&model, longest.len(), [part()].into_iter());
            }),
        };
        let read = longest
            .iter()
            .map(|&note| tokens.training.note(note, reading.length).len());
        let read = read.sum::<usize>() as f64;
        let valid = model.valid();
        let started = Instant::now();
        let batch = reading.batch(&tokens.training, longest, self.device);
        parameters::host(activation::sigmoid(valid.logits(&batch)));
        let inference = started.elapsed().as_secs_f64() / read;
        let passes = match run.training.optimiser {
            // The line search looks at a point or two an iteration.
            Optimiser::Lbfgs(settings) => 1.25 * settings.iterations as f64,
            // One look at the training notes in the place of a step.
            Optimiser::Adam(_) | Optimiser::AdamW(_) | Optimiser::None => 1.0,
        };
        // On the CPU replicas share the processors and the process's memory; elsewhere each has a device of its own.
        let (at_once, in_memory) = match self.choice.class.runs_on_cpu() {
            true => (1.0, replicas as u64),
            false => (replicas as f64, 1),
        };
        let epochs = f64::from(run.training.epochs);
        let all = |store| reading.tokens(store) as f64;
        let training = passes * training / read * all(&tokens.training) / at_once;
        let validation = inference * all(&tokens.validation);
        // The share of all epochs that a budget lets it take.
        let steps = (notes.training_gold.len() as f64 / (reading.batch_size * run.training.accumulate) as f64).ceil();
        let share: f64 = run.training.budget.map_or(1.0, |budget| match budget {
            Budget::Steps(most) => most as f64 / (epochs * steps),
            Budget::Notes(most) => most as f64 / (epochs * passes * notes.training_gold.len() as f64),
            Budget::Tokens(most) => most as f64 / (epochs * passes * all(&tokens.training)),
            Budget::Seconds(most) => most / (epochs * training),
        });
        let epochs = epochs * share.min(1.0);
        Ok(Estimate {
            seconds: epochs * (training + validation) + inference * (all(&tokens.evaluation) + all(&tokens.validation)),
            memory_bytes: machine::peak_memory().zip(before).map(|(peak, before)| {
                let of_one = peak.saturating_sub(before);
                peak.saturating_add(of_one.saturating_mul(in_memory - 1))
            }),
        })
    }
}

impl Workshop<'_> {
    /// Measures two steps of the pretraining that a cell's run starts from, two more where its first epochs have shorter
    /// sequences, and one look at how far it has come; `None`
    /// where the run starts from none. Costs these and reading the notes.
    ///
    /// # Errors
    /// The notes or the encoder that it starts from cannot be had.
    pub fn estimate_pretraining(&self, cell: &Cell) -> Result<Option<Estimate>, Stop> {
        let Some((name, asked)) = self.pretraining_of(cell) else {
            return Ok(None);
        };
        machine::reset_peak_memory();
        let time = |settings: &Pretraining| {
            let timer = Timer {
                begun: Instant::now(),
                looked: StdCell::default(),
                steps: RefCell::default(),
                all: StdCell::default(),
            };
            self.begin_pretraining(cell, (name, settings), &timer)?;
            let step = timer.steps.borrow().last().copied().unwrap_or_default();
            Ok::<_, Stop>((step, timer.all.get() as f64, timer.looked.get()))
        };
        let mut settings = asked.clone();
        let looked_at = asked.development.sequences;
        settings.development.sequences = looked_at.min(asked.batch_size);
        let (first, all, look) = time(&settings)?;
        // The first epochs may have shorter sequences, of which an epoch has more.
        let (full, of_full) = match settings.first.take() {
            None => (first, all),
            Some(shorter) => {
                let (full, in_all_epochs, _) = time(&settings)?;
                let share = 1.0 - f64::from(shorter.epochs) / f64::from(asked.epochs);
                (full, (in_all_epochs * share).min(all))
            }
        };
        let every = asked.development.every as f64;
        let looks = 1.0 + f64::from(asked.epochs) + if every > 0.0 { (all / every).floor() } else { 0.0 };
        let look = look * looked_at as f64 / settings.development.sequences as f64;
        Ok(Some(Estimate {
            seconds: (all - of_full) * first + of_full * full + looks * look,
            memory_bytes: machine::peak_memory(),
        }))
    }
}

/// Times the first look and the first two steps of a pretraining, and stops it.
struct Timer {
    begun: Instant,
    /// Seconds of the look.
    looked: StdCell<f64>,
    /// Seconds of each step.
    steps: RefCell<Vec<f64>>,
    all: StdCell<u64>,
}

impl Observer for Timer {
    fn started(&self, _step: u64, steps: u64) {
        self.all.set(steps);
        self.looked.set(self.begun.elapsed().as_secs_f64());
    }

    fn stepped(&self, step: &StepReport) {
        let mut steps = self.steps.borrow_mut();
        if steps.is_empty() {
            let before = self.begun.elapsed().as_secs_f64() - step.seconds;
            self.looked.set(before - self.looked.get());
        }
        steps.push(step.seconds);
    }

    fn interrupted(&self) -> bool {
        // The first step pays for fresh memory and caches.
        self.steps.borrow().len() >= 2
    }
}

/// Seconds of the second of two runs.
fn second(mut run: impl FnMut()) -> f64 {
    run();
    let started = Instant::now();
    run();
    started.elapsed().as_secs_f64()
}
