//! What is wrong with the values of a suite that is well-formed.

use super::{Draw, Run, Search, Suite, Values};

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
        for (name, choice) in &self.encoders {
            let hexadecimal = choice.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
            if choice.sha256.len() != 64 || !hexadecimal {
                let key = ["encoder", name, "sha256"].map(str::to_owned);
                let problem = format!(
                    "{:?}: expected 64 hexadecimal digits, as sha256sum prints them",
                    choice.sha256
                );
                return Err((key.to_vec(), problem));
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
        for (index, run) in self.runs.iter().enumerate() {
            self.check_run(index, run)?;
        }
        self.search.as_ref().map_or(Ok(()), |search| self.check_search(search))
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
                    (Values::Listed(values), _) if values.is_empty() => "expected at least one value",
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

    fn check_run(&self, index: usize, run: &Run) -> Result<(), (Vec<String>, String)> {
        let key = |last: &[&str]| {
            let mut steps = vec!["run".to_owned(), index.to_string()];
            steps.extend(last.iter().map(|&step| step.to_owned()));
            steps
        };
        if !self.text.contains_key(&run.text) {
            return Err((key(&["text"]), undefined("text", &run.text, self.text.keys())));
        }
        if let Some(name) = &run.encoder
            && !self.encoders.contains_key(name)
        {
            let problem = undefined("encoder", name, self.encoders.keys());
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
        let known = |metric: &str| self.evaluation.knows(metric);
        run.training
            .check(known)
            .map_err(|(last, problem)| (key(&["training", &last]), problem))
    }
}

/// The problem with a name that no `[<table>.<name>]` defines.
fn undefined<'a>(table: &str, name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let known = if known.is_empty() {
        "none is there".to_owned()
    } else {
        known.join(", ")
    };
    format!("{name:?} is not defined: expected one of [{table}.<name>]: {known}")
}

fn repeats<T: Ord + Clone>(values: &[T]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}
