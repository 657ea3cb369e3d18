//! What is wrong with the values of a suite that is well-formed.

use super::{Draw, Ensemble, Run, Search, Suite, Values, bounds};
use crate::data::{DatasetSettings, LabelRule, SyntheticError, Validation};
use crate::train::Optimiser;

/// Most cells of one suite: all of them are planned and shown at once.
const MOST_CELLS: usize = 10_000;

impl Suite {
    /// The first value that cannot be: its key as steps, and the problem.
    pub(super) fn check(&self) -> Result<(), (Vec<String>, String)> {
        let at = |key: &str, problem: &str| Err((vec![key.to_owned()], problem.to_owned()));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return at(
                "name",
                "expected letters, digits, `-` and `_`: it names the report's folder",
            );
        }
        let letters = self.name.len();
        if letters > bounds::MOST_LETTERS {
            let problem = format!("has {letters} letters: expected at most {}", bounds::MOST_LETTERS);
            return at("name", &format!("{problem}, as it names the report's folder"));
        }
        if self.lengths.is_empty() || self.lengths.contains(&0) {
            return at("lengths", "expected at least one length, each 1 or more");
        }
        if self.seeds.is_empty() {
            return at("seeds", "expected at least one seed");
        }
        for (key, unsorted) in [("lengths", repeats(&self.lengths)), ("seeds", repeats(&self.seeds))] {
            if unsorted {
                return at(key, "names a value twice");
            }
        }
        if self.runs.is_empty() {
            return at("run", "expected at least one [[run]]");
        }
        let (runs, seeds) = (self.runs.len(), self.seeds.len());
        let of_run = |run: &Run| run.lengths.as_ref().unwrap_or(&self.lengths).len();
        let lengths: usize = self.runs.iter().map(of_run).sum();
        let cells = lengths.saturating_mul(seeds);
        if cells > MOST_CELLS {
            let most = if seeds >= lengths / runs { "seeds" } else { "lengths" };
            let problem = format!("{runs} runs at {lengths} lengths in all with {seeds} seeds are {cells} cells");
            return at(most, &format!("{problem}: expected at most {MOST_CELLS} in one suite"));
        }
        self.check_data()?;
        let encoders = self
            .encoders
            .iter()
            .map(|(name, choice)| (vec!["encoder", name.as_str()], &choice.sha256));
        let vectors = self.text.iter().filter_map(|(name, choice)| {
            let sha256 = &choice.vector_file()?.sha256;
            Some((vec!["text", name.as_str(), "word-vectors"], sha256))
        });
        for (mut key, sha256) in encoders.chain(vectors) {
            let hexadecimal = sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
            if sha256.len() != 64 || !hexadecimal {
                key.push("sha256");
                let problem = format!("{sha256:?}: expected 64 hexadecimal digits, as sha256sum prints them");
                return Err((key.into_iter().map(str::to_owned).collect(), problem));
            }
        }
        let encoders = self
            .encoders
            .iter()
            .map(|(name, choice)| (vec!["encoder", name.as_str(), "get"], &choice.get));
        let vectors = self.text.iter().filter_map(|(name, choice)| {
            let get = &choice.vector_file()?.get;
            Some((vec!["text", name.as_str(), "word-vectors", "get"], get))
        });
        for (key, get) in encoders.chain(vectors) {
            if get.as_ref().is_some_and(|get| get.trim().is_empty()) {
                let problem = "\"\": expected how a user gets it, in a sentence or a command".to_owned();
                return Err((key.into_iter().map(str::to_owned).collect(), problem));
            }
        }
        let in_table = |mut table: Vec<String>, (name, problem): (&str, String)| {
            table.push(name.into());
            (table, problem)
        };
        let of_suite = || vec!["resources".to_owned()];
        self.resources.check().map_err(|found| in_table(of_suite(), found))?;
        for (index, run) in self.runs.iter().enumerate() {
            let own = || ["run", &index.to_string(), "resources"].map(str::to_owned).to_vec();
            run.resources.check().map_err(|found| in_table(own(), found))?;
            let all = run.resources.over(self.resources);
            let said_by = if run.resources.gpus.is_some() {
                own()
            } else {
                of_suite()
            };
            all.check_for(run.training.replicas)
                .map_err(|found| in_table(said_by, found))?;
        }
        self.resources
            .check_beside(self.runs.iter().map(|run| run.resources))
            .map_err(|found| in_table(of_suite(), found))?;
        self.check_word_vectors()?;
        let shares = [
            ("left-out-notes", self.limits.left_out_notes),
            ("unknown-codes", self.limits.unknown_codes),
            ("respelt-codes", self.limits.respelt_codes),
            ("repeated-texts", self.limits.repeated_texts),
        ];
        for (name, share) in shares.iter().filter_map(|(name, share)| Some((*name, (*share)?))) {
            if !(0.0..=1.0).contains(&share) {
                let key = ["limits", name].map(str::to_owned);
                return Err((key.to_vec(), format!("{share}: expected a share, 0 to 1")));
            }
        }
        if let Some(seconds) = self.limits.cell_seconds
            && !(seconds > 0.0 && seconds.is_finite())
        {
            let key = ["limits", "cell-seconds"].map(str::to_owned);
            return Err((key.to_vec(), format!("{seconds}: expected a number of seconds above 0")));
        }
        let in_evaluation = |(key, problem)| (vec!["evaluation".to_owned(), key], problem);
        self.evaluation.check().map_err(in_evaluation)?;
        if let Some(evidence) = &self.evidence {
            let in_evidence = |(key, problem): (&str, String)| (vec!["evidence".to_owned(), key.to_owned()], problem);
            evidence.check().map_err(in_evidence)?;
        }
        for (index, run) in self.runs.iter().enumerate() {
            self.check_run(index, run)?;
        }
        self.check_pretrainings()?;
        for (index, ensemble) in self.ensembles.iter().enumerate() {
            self.check_ensemble(index, ensemble)?;
        }
        self.search.as_ref().map_or(Ok(()), |search| self.check_search(search))
    }

    fn check_ensemble(&self, index: usize, ensemble: &Ensemble) -> Result<(), (Vec<String>, String)> {
        let at = |key: &str, problem: String| {
            let steps = ["ensemble", &index.to_string(), key].map(str::to_owned);
            Err((steps.to_vec(), problem))
        };
        if let Some(problem) = bounds::name(&ensemble.name) {
            return at("name", problem);
        }
        let titles: Vec<&str> = self.runs.iter().map(Run::title).collect();
        let earlier = self.ensembles[..index].iter().map(|other| other.name.as_str());
        if titles
            .iter()
            .copied()
            .chain(earlier)
            .any(|title| title == ensemble.name)
        {
            return at(
                "name",
                format!("{:?} is called so already: give it another name", ensemble.name),
            );
        }
        if ensemble.runs.len() < 2 || repeats(&ensemble.runs) {
            return at("runs", "expected at least two runs, each once".into());
        }
        for name in &ensemble.runs {
            let Some(run) = self.runs.iter().find(|run| run.title() == name) else {
                return at(
                    "runs",
                    format!("no run is called {name:?}; expected some of {}", titles.join(", ")),
                );
            };
            let lengths = run.lengths.as_ref().unwrap_or(&self.lengths);
            if let Some(length) = self.lengths.iter().find(|length| !lengths.contains(length)) {
                return at("runs", format!("{name:?} has no cell at the suite's length {length}"));
            }
        }
        if ensemble
            .weights
            .iter()
            .any(|weight| !(*weight >= 0.0 && weight.is_finite()))
        {
            return at(
                "weights",
                format!("{:?}: expected numbers of at least 0", ensemble.weights),
            );
        }
        // The threshold is chosen after the weights.
        let ranks = ["map", "r-precision"].contains(&ensemble.metric.as_str())
            || ensemble.metric.contains("-at-")
            || ensemble.metric.ends_with("-auc");
        match self.evaluation.knows(&ensemble.metric) {
            true if ranks => Ok(()),
            true => at(
                "metric",
                format!(
                    "{:?} goes by a threshold: expected one of ranks, such as map",
                    ensemble.metric
                ),
            ),
            false => at(
                "metric",
                format!(
                    "{:?} is not one this suite computes; `icdbench list` names them",
                    ensemble.metric
                ),
            ),
        }
    }

    fn check_search(&self, search: &Search) -> Result<(), (Vec<String>, String)> {
        let at = |steps: &[&str], problem: String| {
            let steps = ["search"].iter().chain(steps);
            Err((steps.map(|&step| step.to_owned()).collect(), problem))
        };
        if !self.evaluation.knows(&search.metric) {
            let problem = format!(
                "{:?} is not one this suite computes; `icdbench list` names them",
                search.metric
            );
            return at(&["metric"], problem);
        }
        if let Draw::Random { trials: 0, .. } = search.draw {
            return at(&["draw"], "trials 0: expected at least 1".into());
        }
        if search.settings.is_empty() {
            return at(&["settings"], "expected values to try for at least one run".into());
        }
        for (run, settings) in &search.settings {
            let titles: Vec<&str> = self.runs.iter().map(Run::title).collect();
            if !titles.contains(&run.as_str()) {
                let problem = format!("no run is called {run:?}; expected one of {}", titles.join(", "));
                return at(&["settings", run], problem);
            }
            for (path, values) in settings {
                let problem = match (values, search.draw) {
                    _ if search.budget.is_some() && path.starts_with("training.budget") => {
                        "search.budget is that of every trial: expected one of the two"
                    }
                    (Values::Listed(values), _) if values.is_empty() => "expected at least one value",
                    (Values::Listed(values), _) if has_equal(values) => "names a value twice: each would be one trial",
                    (Values::Range(_), Draw::Grid) => {
                        "a range is for draw = { random = .. }; list the values of a grid"
                    }
                    (Values::Range(range), _) if !range.is_possible() => {
                        "expected from below to, and both above 0 where the range is logarithmic"
                    }
                    _ => continue,
                };
                return at(&["settings", run, path], problem.into());
            }
        }
        Ok(())
    }

    /// What is said of the data: the same is asked again when it is read, long after.
    fn check_data(&self) -> Result<(), (Vec<String>, String)> {
        let at = |key: &[&str], problem: String| Err((key.iter().map(|&step| step.to_owned()).collect(), problem));
        if let DatasetSettings::Synthetic(settings) = &self.data
            && let Err(error) = settings.validate()
        {
            let key = match error {
                SyntheticError::Notes(_) => "notes",
                SyntheticError::MedianWords(_) => "median-words",
            };
            return at(&["data", "synthetic", key], error.to_string());
        }
        if let Validation::FractionOfTrain { fraction, .. } = self.division.validation
            && !(fraction > 0.0 && fraction < 1.0)
        {
            let problem = format!("{fraction}: expected a number between 0 and 1, both excluded");
            return at(&["division", "validation", "fraction-of-train"], problem);
        }
        match self.labels.rule {
            LabelRule::Top(0) | LabelRule::MinCount(0) => {
                at(&["labels", "rule"], "0: expected a number of at least 1".into())
            }
            _ => Ok(()),
        }
    }

    fn check_run(&self, index: usize, run: &Run) -> Result<(), (Vec<String>, String)> {
        let key = |last: &[&str]| {
            let mut steps = vec!["run".to_owned(), index.to_string()];
            steps.extend(last.iter().map(|&step| step.to_owned()));
            steps
        };
        if let Some(problem) = run.name.as_deref().and_then(bounds::name) {
            return Err((key(&["name"]), problem));
        }
        if let Some(lengths) = &run.lengths {
            if lengths.is_empty() || lengths.contains(&0) {
                return Err((key(&["lengths"]), "expected at least one length, each 1 or more".into()));
            }
            if repeats(lengths) {
                return Err((key(&["lengths"]), "names a value twice".into()));
            }
        }
        if !self.text.contains_key(&run.text) {
            return Err((key(&["text"]), undefined("text", &run.text, self.text.keys())));
        }
        if let Some(name) = &run.encoder
            && !self.encoders.contains_key(name)
            && !self.pretrainings.contains_key(name)
        {
            let known = self.encoders.keys().chain(self.pretrainings.keys());
            let problem = undefined("encoder", name, known);
            return Err((key(&["encoder"]), problem));
        }
        if let Some(other) = self.runs[..index].iter().find(|other| other.title() == run.title()) {
            let problem = format!("a second run called {:?}: give one of them a `name`", other.title());
            return Err((key(&[]), problem));
        }
        if run.training.encoder.is_some() && !run.model.takes_encoder() {
            let problem = format!("{} has no encoder: remove these rates", run.model.name());
            return Err((key(&["training", "encoder"]), problem));
        }
        if run.training.optimiser == Optimiser::None && !run.model.is_made_of_evidence() {
            let problem = format!(
                "\"none\" leaves {} as it is drawn: expected one that takes steps",
                run.model.name()
            );
            return Err((key(&["training", "optimiser"]), problem));
        }
        if matches!(run.training.optimiser, Optimiser::Lbfgs(_)) && run.model.is_shown_evidence() {
            let problem = "lbfgs goes over the notes without their evidence: set evidence-weight to 0, or use adam";
            return Err((key(&["training", "optimiser"]), problem.into()));
        }
        let known = |metric: &str| self.evaluation.knows(metric);
        run.training
            .check(known)
            .map_err(|(last, problem)| (key(&["training", &last]), problem))
    }
}

/// The problem with a name that no `[<table>.<name>]` defines.
pub(super) fn undefined<'a>(table: &str, name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let known = if known.is_empty() {
        "none is there".to_owned()
    } else {
        known.join(", ")
    };
    format!("{name:?} is not defined: expected one of [{table}.<name>]: {known}")
}

/// Whether two of the values are the same; 1 and 1.0 are.
fn has_equal(values: &[serde_json::Value]) -> bool {
    let same = |one: &serde_json::Value, other: &serde_json::Value| match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    };
    let mut pairs = values
        .iter()
        .enumerate()
        .flat_map(|(place, one)| values[..place].iter().map(move |other| (one, other)));
    pairs.any(|(one, other)| same(one, other))
}

pub(super) fn repeats<T: Ord + Clone>(values: &[T]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}
