//! GNU parallel: one script, phase after phase, on this machine or over ssh.

use std::process::Command;

use super::choices::{Choices, File};
use super::command::Error;
use super::kept::Queued;
use super::phases::Phase;
use super::quote::{joined, quoted};
use super::task;

const FILE: &str = "parallel.sh";

/// The script. GNU parallel has a shell read what it is given once more, so words are quoted twice.
pub(super) fn file(phases: &[Phase], choices: &Choices) -> File {
    let script = quoted(&quoted(&choices.folder.join(task::SCRIPT).to_string_lossy()));
    let options = joined(choices.options.iter().map(String::as_str));
    let jobs = choices.at_once.map_or("1".to_owned(), |most| most.to_string());
    let tries = choices.retries + 1;
    let mut text = format!(
        "#!/bin/sh\n# The tasks of {}, phase after phase. Written by `icdbench submit`. `--jobs` counts for each host; a host \
         that refuses is left out, and a task that\n# could not run is tried on another one. Called again, it does what is \
         not done.\nset -u\n",
        choices.suite
    );
    for phase in phases {
        // One after another: a host is enough.
        let last = phase.tasks.len() - 1;
        let then = if phase.work.must_succeed() { " || exit" } else { "" };
        // GPUs of its own for each task: {%} is the place among those that run on a host, from 1.
        let gpu = match phase.request.gpus {
            0 => String::new(),
            1 => "'CUDA_VISIBLE_DEVICES=$(({%} - 1))' ".into(),
            all => format!("'CUDA_VISIBLE_DEVICES=$(seq -s , $((({{%}} - 1) * {all})) $(({{%}} * {all} - 1)))' "),
        };
        text += &format!(
            "seq 0 {last} | parallel --will-cite --jobs {jobs} --retries {tries} --filter-hosts --line-buffer --tag {options} \
             {gpu}sh {script} {phase} {{}} 1 log{then}\n",
            phase = phase.name,
        );
    }
    File {
        name: FILE.into(),
        text,
    }
}

/// How it is done.
pub(super) fn command(choices: &Choices) -> Vec<String> {
    vec!["sh".into(), choices.folder.join(FILE).to_string_lossy().into_owned()]
}

/// Does it, in the foreground.
pub(super) fn run(choices: &Choices) -> Result<Vec<Queued>, Error> {
    super::command::find("parallel", "GNU parallel")?;
    let words = command(choices);
    let refused = |said: String| Error::Refused {
        command: words.join(" "),
        said,
        after: ". Called again, it does what is not done".into(),
    };
    let status = Command::new(&words[0]).args(&words[1..]).status();
    let status = status.map_err(|error| refused(error.to_string()))?;
    match status.success() {
        true => Ok(Vec::new()),
        false => Err(refused(format!("it ended with {status}"))),
    }
}
