//! GNU parallel: one script, phase after phase, on this machine or over ssh.

use std::process::Command;

use super::folder::Queued;
use super::phases::Phase;
use super::quote::{joined, quoted};
use super::scheduler::{Choices, Error, File};
use super::task;

const FILE: &str = "parallel.sh";

/// The script.
pub(super) fn file(phases: &[Phase], choices: &Choices) -> File {
    let place = |name: &str| quoted(&choices.folder.join(name).to_string_lossy());
    let options = joined(choices.options.iter().map(String::as_str));
    let jobs = choices.at_once.map_or("1".to_owned(), |most| most.to_string());
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
        text += &format!(
            "seq 0 {last} | parallel --will-cite --jobs {jobs} --retries {tries} --filter-hosts --line-buffer --tag {options} \
             sh {script} {phase}{then}\n",
            tries = choices.retries + 1,
            script = place(task::SCRIPT),
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
    super::scheduler::find("parallel", "GNU parallel")?;
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
