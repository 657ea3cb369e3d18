//! SLURM: a script a phase, an array of tasks each.

use super::choices::{Accepted, Choices, File, InQueue};
use super::command::{Error, STAYS, ask};
use super::kept::{Kept, Queued};
use super::phases::Phase;
use super::quote::{joined, quoted};
use super::task;

const TITLE: &str = "SLURM";

/// Times that a task is queued again which was asked to end: each time it goes on from its last checkpoint.
const MOST_SITTINGS: u32 = 1000;

/// The same, of one that is asked to end as soon as it has begun.
const MOST_SHORT_SITTINGS: u32 = 10;

/// SLURM's own greatest size of an array where it does not say (slurm.conf, `MaxArraySize`).
const USUAL_ARRAY: usize = 1001;

/// The scripts, a phase each.
///
/// # Errors
/// A task would be told to end as soon as it begins.
pub(super) fn files(phases: &[Phase], choices: &Choices) -> Result<Vec<File>, Error> {
    let of_headers = [&choices.folder, &choices.working].map(|path| path.to_string_lossy());
    if let Some(path) = of_headers.iter().find(|path| path.contains(['"', '\\'])) {
        return Err(Error::Choice(format!(
            "{path}: SLURM's scripts cannot name a directory with \" or \\ in its path; use another one with --results"
        )));
    }
    if let Some(option) = choices
        .options
        .iter()
        .find(|option| option.starts_with("--clusters") || option.starts_with("-M"))
    {
        return Err(Error::Choice(format!(
            "{option}: jobs of another cluster could be neither followed nor cancelled from here; submit where that cluster is \
             the usual one"
        )));
    }
    let notice = choices.notice_seconds;
    let least = phases.iter().filter_map(|phase| phase.request.minutes).min();
    if let Some(minutes) = least.filter(|&minutes| u64::from(minutes) * 30 < u64::from(notice)) {
        return Err(Error::Choice(format!(
            "--notice {notice}: a task has {minutes} min: expected at most {} s, half of that, as SLURM may tell it half a \
             minute earlier still",
            minutes * 30
        )));
    }
    let file = |phase: &Phase| File {
        name: name(phase),
        text: script(phase, choices),
    };
    Ok(phases.iter().map(file).collect())
}

fn name(phase: &Phase) -> String {
    format!("{}.sbatch", phase.name)
}

fn script(phase: &Phase, choices: &Choices) -> String {
    let Choices {
        folder,
        retries,
        notice_seconds,
        suite,
        ..
    } = choices;
    let request = &phase.request;
    let place = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let mut options = vec![
        format!("--job-name=icdbench-{suite}-{}", phase.name),
        // An array's tasks have a log each: %a is their number.
        format!("--output={}/{}-%a.log", place("logs").replace('%', "%%"), phase.name),
        "--open-mode=append".into(),
        format!("--chdir={}", choices.working.display()),
        "--requeue".into(),
        format!("--signal=B:TERM@{notice_seconds}"),
        "--kill-on-invalid-dep=yes".into(),
        format!("--cpus-per-task={}", request.cpus),
    ];
    options.extend(request.memory_gib.map(|gib| format!("--mem={gib}G")));
    options.extend(request.minutes.map(|minutes| format!("--time={minutes}")));
    if request.gpus > 0 {
        options.push(format!("--gres=gpu:{}", request.gpus));
    }
    let options: String = options
        .iter()
        .map(|option| format!("#SBATCH {}\n", in_header(option)))
        .collect();
    let task = quoted(&place(task::SCRIPT));
    format!(
        r#"#!/bin/bash
# {count} of {suite}: {phase}. Written by `icdbench submit`.
{options}
# A part of an array that is larger than the centre allows has the number of its first task as its argument.
number=$((${{1:-0}} + ${{SLURM_ARRAY_TASK_ID:-0}}))
echo "icdbench: task $number, job $SLURM_JOB_ID on $(hostname), sitting $((${{SLURM_RESTART_COUNT:-0}} + 1))"
sh {task} {phase} "$number" & child=$!
{wait}echo "icdbench: task $number ended with $code"
# An array's last task has the array's own number as its job's, which stands for all of them.
job=${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}${{SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}}
case "$code" in
  130) # asked to end (its time, a pre-emption): it goes on from its checkpoint, unless it is never given the time to get to one
    if [ "$SECONDS" -lt {notice_seconds} ]; then most={MOST_SHORT_SITTINGS}; else most={MOST_SITTINGS}; fi ;;
  2 | 1[2-9][0-9]) most={retries} ;; # it could not run, or was killed
  *) most=0 ;;
esac
# A job that is being cancelled is no longer running, and stays cancelled.
if [ "${{SLURM_RESTART_COUNT:-0}}" -lt "$most" ] && [ "$(squeue -h -j "$job" -o %T)" = RUNNING ]; then
  echo "icdbench: task $number is queued again"
  scontrol requeue "$job" && sleep 60
fi
exit "$code"
"#,
        count = counted(phase.tasks.len()),
        phase = phase.name,
        wait = task::WAIT,
    )
}

fn counted(tasks: usize) -> String {
    match tasks {
        1 => "1 task".into(),
        several => format!("{several} tasks"),
    }
}

/// A header's line is cut at white space unless its value is quoted.
fn in_header(option: &str) -> String {
    match option.split_once('=') {
        Some((name, value)) => format!("{name}=\"{value}\""),
        None => option.into(),
    }
}

/// The parts of a phase that are arrays of their own: first task and how many.
fn parts(phase: &Phase, most: usize) -> Vec<(usize, usize)> {
    let all = phase.tasks.len();
    (0..all)
        .step_by(most.max(1))
        .map(|first| (first, most.min(all - first)))
        .collect()
}

/// How a part of a phase is queued, after jobs that have `ids`.
fn command(phase: &Phase, (first, count): (usize, usize), waits: &[String], choices: &Choices) -> Vec<String> {
    let mut words = vec!["sbatch".to_owned(), "--parsable".into()];
    let cap = choices.at_once.map_or(String::new(), |most| format!("%{most}"));
    words.push(format!("--array=0-{}{cap}", count - 1));
    if !waits.is_empty() {
        words.push(format!("--dependency={}", waits.join(",")));
    }
    words.extend(choices.options.iter().cloned());
    words.push(choices.folder.join(name(phase)).to_string_lossy().into_owned());
    if first > 0 {
        words.push(first.to_string());
    }
    words
}

/// What a phase waits for, from the ids of the parts of those before it.
fn waits(phase: &Phase, phases: &[Phase], ids: &[Vec<String>]) -> Vec<String> {
    let wait = |&before: &usize| {
        let kind = if phases[before].work.must_succeed() {
            "afterok"
        } else {
            "afterany"
        };
        format!("{kind}:{}", ids[before].join(":"))
    };
    phase.after.iter().map(wait).collect()
}

/// The commands, with names of phases for the ids that SLURM gives them.
pub(super) fn commands(phases: &[Phase], choices: &Choices) -> Vec<String> {
    let names: Vec<Vec<String>> = phases.iter().map(|phase| vec![format!("<{}>", phase.name)]).collect();
    let mut commands = Vec::new();
    for phase in phases {
        let waits = waits(phase, phases, &names);
        for part in parts(phase, USUAL_ARRAY) {
            let words = command(phase, part, &waits, choices);
            commands.push(joined(words.iter().map(String::as_str)));
        }
    }
    commands
}

/// The greatest size of an array here.
fn most() -> Result<usize, Error> {
    let said = ask(&["scontrol", "show", "config"].map(str::to_owned), TITLE)?;
    let line = said.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize"));
    let size = line.and_then(|rest| rest.trim_start_matches([' ', '=']).trim().parse().ok());
    // Task numbers are below it.
    match size {
        Some(0) => Err(Error::Choice(
            "this SLURM allows no arrays (MaxArraySize 0); use --on hyperqueue within one job, or --on parallel".into(),
        )),
        size => Ok(size.unwrap_or(USUAL_ARRAY)),
    }
}

/// Has SLURM look at the scripts.
pub(super) fn test(phases: &[Phase], choices: &Choices) -> Result<(), Error> {
    super::command::find("sbatch", TITLE)?;
    let most = most()?;
    for phase in phases {
        for part in parts(phase, most).into_iter().take(1) {
            let mut words = command(phase, part, &[], choices);
            words[1] = "--test-only".into();
            ask(&words, TITLE).map_err(|error| after(error, ". Nothing was queued"))?;
        }
    }
    Ok(())
}

/// Queues all phases; where one is refused, those before it are cancelled.
pub(super) fn queue(phases: &[Phase], choices: &Choices, accepted: &mut Accepted) -> Result<Vec<Queued>, Error> {
    let most = most()?;
    let mut ids: Vec<Vec<String>> = Vec::new();
    let mut queued = Vec::new();
    for (place, phase) in phases.iter().enumerate() {
        let waits = waits(phase, phases, &ids);
        let mut of_phase = Vec::new();
        for part in parts(phase, most) {
            let words = command(phase, part, &waits, choices);
            match ask(&words, TITLE).and_then(|said| id(&said, &words)) {
                Ok(id) => {
                    of_phase.push(id.clone());
                    queued.push(Queued {
                        phase: place,
                        first: part.0,
                        id,
                    });
                    if let Err(error) = accepted(&queued) {
                        return Err(taken_back(error, &queued));
                    }
                }
                Err(error) => return Err(taken_back(error, &queued)),
            }
        }
        ids.push(of_phase);
    }
    Ok(queued)
}

/// `--parsable` prints the id, and the cluster behind a semicolon.
fn id(said: &str, words: &[String]) -> Result<String, Error> {
    let id = said
        .lines()
        .last()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    match !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit()) {
        true => Ok(id.into()),
        false => Err(Error::Answer {
            command: joined(words.iter().map(String::as_str)),
            found: said.lines().next().unwrap_or_default().into(),
            expected: "the number of a job",
        }),
    }
}

fn taken_back(error: Error, queued: &[Queued]) -> Error {
    if queued.is_empty() {
        return after(error, ". Nothing was queued");
    }
    let mut words = vec!["scancel".to_owned()];
    words.extend(queued.iter().map(|queued| queued.id.clone()));
    match ask(&words, TITLE) {
        Ok(_) => after(
            error,
            ". What was queued before it was cancelled again: nothing is queued",
        ),
        Err(_) => after(
            error,
            &format!(". What was queued before it {STAYS}: {}", words.join(" ")),
        ),
    }
}

fn after(error: Error, then: &str) -> Error {
    match error {
        Error::Refused { command, said, .. } => Error::Refused {
            command,
            said,
            after: then.into(),
        },
        Error::Answer { .. } | Error::Kept(_) => Error::Refused {
            command: "icdbench submit".into(),
            said: error.to_string(),
            after: then.into(),
        },
        error => error,
    }
}

/// Cancels the jobs that have not ended: SLURM refuses a list that has one which it has forgotten.
pub(super) fn cancel(kept: &Kept) -> Result<(), Error> {
    let words = ["squeue", "--me", "--noheader", "--format=%F"].map(str::to_owned);
    let said = ask(&words, TITLE)?;
    let is_there = |queued: &&Queued| said.lines().any(|line| line.trim() == queued.id);
    let open: Vec<String> = kept
        .queued
        .iter()
        .filter(is_there)
        .map(|queued| queued.id.clone())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    ask(&[vec!["scancel".to_owned()], open].concat(), TITLE).map(|_| ())
}

/// Asks for all jobs of the user: SLURM refuses a list that has one which it has forgotten.
pub(super) fn look(kept: &Kept) -> Result<Vec<InQueue>, Error> {
    let words = ["squeue", "--me", "--noheader", "--array", "--format=%F|%K|%T|%N|%r"].map(str::to_owned);
    let said = ask(&words, TITLE)?;
    let task = |line: &str| {
        let [job, number, state, node, reason] = line.splitn(5, '|').collect::<Vec<_>>().try_into().ok()?;
        let queued = kept.queued.iter().find(|queued| queued.id == job)?;
        Some(InQueue {
            phase: queued.phase,
            task: queued.first + number.parse::<usize>().ok()?,
            state: state.to_lowercase(),
            about: if node.is_empty() { reason.into() } else { node.into() },
        })
    };
    Ok(said.lines().filter_map(task).collect())
}
