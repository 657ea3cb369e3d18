//! HyperQueue: one job file with all tasks and what they wait for.

use serde::Serialize;

use super::choices::{Choices, File, InQueue};
use super::command::{Error, ask};
use super::kept::{Kept, Queued};
use super::phases::Phase;
use super::task;

const TITLE: &str = "HyperQueue";
const FILE: &str = "job.toml";

/// A job file (HyperQueue's documentation, "Job definition file").
#[derive(Serialize)]
struct Job {
    name: String,
    task: Vec<Task>,
}

#[derive(Serialize)]
struct Task {
    id: usize,
    command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deps: Vec<usize>,
    stdout: String,
    stderr: String,
    crash_limit: u32,
    request: Vec<Request>,
}

#[derive(Serialize)]
struct Request {
    resources: std::collections::BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_request: Option<String>,
}

/// The job file. A worker that is lost has its tasks run by another one.
pub(super) fn file(phases: &[Phase], choices: &Choices) -> File {
    let place = |name: &str| choices.folder.join(name).to_string_lossy().into_owned();
    let first = |phase: usize| phases[..phase].iter().map(|phase| phase.tasks.len()).sum::<usize>();
    let of_phase = |(place_of_phase, phase): (usize, &Phase)| {
        let number = first(place_of_phase);
        let deps: Vec<usize> = phase
            .after
            .iter()
            .flat_map(|&before| (0..phases[before].tasks.len()).map(move |task| (before, task)))
            .map(|(before, task)| first(before) + task)
            .collect();
        let mut resources = std::collections::BTreeMap::from([("cpus", phase.request.cpus.to_string())]);
        if phase.request.gpus > 0 {
            resources.insert("gpus/nvidia", phase.request.gpus.to_string());
        }
        // HyperQueue gives up what waits for a task that failed: a cell that failed has its record, and ends well.
        let ending = if phase.work.must_succeed() { "" } else { " || :" };
        let call = format!("sh \"$0\" \"$@\"{ending}");
        let script = place(task::SCRIPT);
        let tries = (choices.retries + 1).to_string();
        let tasks = (0..phase.tasks.len()).map(|task| {
            let log = place(&format!("logs/{}-{task}.log", phase.name));
            Task {
                id: number + task,
                command: ["sh", "-c", &call, &script, &phase.name, &task.to_string(), &tries]
                    .map(str::to_owned)
                    .to_vec(),
                deps: deps.clone(),
                stdout: log.clone(),
                stderr: log,
                crash_limit: choices.retries + 1,
                request: vec![Request {
                    resources: resources.clone(),
                    time_request: phase.request.minutes.map(|minutes| format!("{minutes}m")),
                }],
            }
        });
        tasks.collect::<Vec<_>>()
    };
    let job = Job {
        name: format!("icdbench-{}", choices.suite),
        task: phases.iter().enumerate().flat_map(of_phase).collect(),
    };
    // OK because numbers, texts and lists of them are all that it holds.
    let text = toml::to_string(&job).expect("a job file of plain values");
    File {
        name: FILE.into(),
        text: format!(
            "# The tasks of {}. Written by `icdbench submit`: hq job submit-file {FILE}\n{text}",
            choices.suite
        ),
    }
}

/// How it is queued.
pub(super) fn command(choices: &Choices) -> Vec<String> {
    let file = choices.folder.join(FILE).to_string_lossy().into_owned();
    let mut words = ["hq", "--output-mode=quiet", "job", "submit-file"]
        .map(str::to_owned)
        .to_vec();
    words.extend(choices.options.iter().cloned());
    words.push(file);
    words
}

pub(super) fn queue(choices: &Choices) -> Result<Vec<Queued>, Error> {
    let id = ask(&command(choices), TITLE)?;
    Ok(vec![Queued { phase: 0, first: 0, id }])
}

/// Asks for the states of the job's tasks.
pub(super) fn look(kept: &Kept) -> Result<Vec<InQueue>, Error> {
    let Some(queued) = kept.queued.first() else {
        return Ok(Vec::new());
    };
    let words = ["hq", "--output-mode=json", "task", "list", &queued.id].map(str::to_owned);
    let said = ask(&words, TITLE)?;
    #[derive(serde::Deserialize)]
    struct Told {
        id: usize,
        state: String,
    }
    let told: std::collections::BTreeMap<String, Vec<Told>> =
        serde_json::from_str(&said).map_err(|_| Error::Answer {
            command: words.join(" "),
            found: said.lines().next().unwrap_or_default().into(),
            expected: "tasks by job, in JSON",
        })?;
    let mut places = kept
        .phases
        .iter()
        .enumerate()
        .flat_map(|(phase, of)| (0..of.tasks.len()).map(move |task| (phase, task)));
    let places: Vec<(usize, usize)> = places.by_ref().collect();
    let open = told
        .into_values()
        .flatten()
        .filter(|told| matches!(told.state.as_str(), "waiting" | "running"));
    let found = open.filter_map(|told| {
        let &(phase, task) = places.get(told.id)?;
        let state = if told.state == "waiting" { "pending" } else { "running" };
        Some(InQueue {
            phase,
            task,
            state: state.into(),
            about: String::new(),
        })
    });
    Ok(found.collect())
}
