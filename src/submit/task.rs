//! The one script that every scheduler's tasks call: a phase and a number become a call of the program.

use super::choices::Choices;
use super::phases::Phase;
use super::quote::{joined, quoted};

/// The script's name in a submission's folder.
pub(super) const SCRIPT: &str = "task.sh";

/// What waits for the program, passing on a request to end, and leaves its exit code in `code`. A shell's `wait` ends at a
/// signal that it has a trap for, and has to be called again.
pub(super) const WAIT: &str = r#"asked=
trap 'asked=yes; kill -TERM "$child" 2>/dev/null' TERM INT HUP
wait "$child"; code=$?
while [ -n "$asked" ]; do asked=; wait "$child"; code=$?; done
"#;

/// The script of the tasks: `task.sh PHASE NUMBER`, numbers from 0.
pub(super) fn script(choices: &Choices) -> String {
    let folder = quoted(&choices.folder.to_string_lossy());
    let working = quoted(&choices.working.to_string_lossy());
    let program = quoted(&choices.program.to_string_lossy());
    let global = joined(choices.global.iter().map(String::as_str));
    let wait = WAIT.lines().map(|line| format!("  {line}\n")).collect::<String>();
    format!(
        r#"#!/bin/sh
# One task of this submission: a line of PHASE.tasks, numbered from 0. Written by `icdbench submit`.
#   task.sh PHASE NUMBER [TRIES [log]]
# It ends with the program's exit code: 130 where it was asked to end and has kept how far it had come.
cd {working} || exit 2
line=$(sed -n "$(($2 + 1))p" {folder}/"$1".tasks)
[ -n "$line" ] || {{ echo "error: $1.tasks has no line $(($2 + 1))" >&2; exit 2; }}
tries=${{3:-1}}
[ "${{4:-}}" != log ] || exec >> {folder}/logs/"$1-$2.log" 2>&1
eval "set -- $line"
while :; do
  {program} {global} "$@" & child=$!
{wait}  case "$code" in
    130) exit "$code" ;;
    2 | 1[2-9][0-9]) tries=$((tries - 1)) ;; # it could not run, or was killed
    *) exit "$code" ;;
  esac
  [ "$tries" -gt 0 ] || exit "$code"
done
"#
    )
}

/// The file `PHASE.tasks`: a line of words for a shell each.
pub(super) fn lines(phase: &Phase, choices: &Choices) -> String {
    let suite = choices.folder.join("suite.toml").to_string_lossy().into_owned();
    let threads = phase.request.cpus.to_string();
    let line = |task: &super::phases::Task| {
        let mut words: Vec<&str> = vec![phase.work.command(), &suite, "--threads", &threads];
        words.extend(task.options.iter().map(String::as_str));
        if phase.work != super::phases::Work::Report {
            words.extend(choices.how.iter().map(String::as_str));
        }
        joined(words) + "\n"
    };
    phase.tasks.iter().map(line).collect()
}
