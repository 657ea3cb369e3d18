//! Kubernetes: a manifest with an Indexed Job a phase of cells.

use serde_json::{Value, json};

use super::choices::{Choices, File};
use super::command::{Error, ask};
use super::kept::Queued;
use super::phases::{Phase, Work};
use super::task;

const TITLE: &str = "Kubernetes";

/// The manifests, as JSON, which Kubernetes reads as it reads YAML: one of the cells, whose pods have the shared stages made
/// before they begin (the store's locks let one of them do it), and one of the report, for when the cells have ended.
///
/// # Errors
/// No image was named.
pub(super) fn files(phases: &[Phase], choices: &Choices) -> Result<Vec<File>, Error> {
    let Some(image) = &choices.image else {
        return Err(Error::Choice(
            "--on kubernetes: expected --image NAME, a container image that has the program and is found by every node"
                .into(),
        ));
    };
    let volumes = volumes(choices)?;
    let list = |work: &[Work]| {
        let of = phases.iter().filter(|phase| work.contains(&phase.work));
        let items: Vec<Value> = of.map(|phase| job(phase, phases, choices, image, &volumes)).collect();
        json!({ "apiVersion": "v1", "kind": "List", "items": items })
    };
    let file = |name: &str, manifest: Value| File {
        name: name.into(),
        // OK because it holds texts and numbers only.
        text: serde_json::to_string_pretty(&manifest).expect("a manifest of plain values") + "\n",
    };
    let mut files = vec![file("cells.json", list(&[Work::Cells]))];
    if phases.iter().any(|phase| phase.work == Work::Ensembles) {
        files.push(file("ensembles.json", list(&[Work::Ensembles])));
    }
    files.push(file("report.json", list(&[Work::Report])));
    Ok(files)
}

/// Name, claim and path of each volume.
fn volumes(choices: &Choices) -> Result<Vec<(String, String, String)>, Error> {
    let parse = |(number, claim): (usize, &String)| match claim.split_once('=') {
        Some((claim, path)) if !claim.is_empty() && path.starts_with('/') => {
            Ok((format!("volume-{number}"), claim.to_owned(), path.to_owned()))
        }
        _ => Err(Error::Choice(format!(
            "--claim {claim}: expected CLAIM=/path, a persistent volume claim and where pods see it"
        ))),
    };
    choices.claims.iter().enumerate().map(parse).collect()
}

/// A name as Kubernetes allows it: small letters, digits and hyphens, 63 at most.
fn name(submission: &str, phase: &str) -> String {
    let plain = |letter: char| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    };
    // The end of a submission's name is its number.
    let letters: Vec<char> = submission.chars().map(plain).collect();
    let submission: String = letters[letters.len().saturating_sub(36)..].iter().collect();
    format!("icdbench-{}-{phase}", submission.trim_start_matches('-'))
}

fn job(phase: &Phase, phases: &[Phase], choices: &Choices, image: &str, volumes: &[(String, String, String)]) -> Value {
    let request = &phase.request;
    let mut resources = json!({ "cpu": request.cpus.to_string() });
    if let Some(gib) = request.memory_gib {
        resources["memory"] = json!(format!("{gib}Gi"));
    }
    if request.gpus > 0 {
        resources["nvidia.com/gpu"] = json!(request.gpus.to_string());
    }
    let mounts: Vec<Value> = volumes
        .iter()
        .map(|(name, _, path)| json!({ "name": name, "mountPath": path }))
        .collect();
    let container = |name: &str, phase: &str, number: &str| {
        json!({
            "name": name,
            "image": image,
            "command": ["sh", choices.folder.join(task::SCRIPT), phase, number],
            "resources": { "requests": resources, "limits": resources },
            "volumeMounts": mounts,
        })
    };
    // The stages before, each pod asking for all of them: who comes second finds them done.
    let mut before: Vec<&Phase> = Vec::new();
    let mut open = phase.after.clone();
    while let Some(place) = open.pop() {
        if phases[place].work.must_succeed() && !before.iter().any(|known| known.name == phases[place].name) {
            before.push(&phases[place]);
            open.extend(&phases[place].after);
        }
    }
    before.reverse();
    let init: Vec<Value> = before
        .iter()
        .map(|phase| container(&phase.name, &phase.name, "0"))
        .collect();
    let claims: Vec<Value> = volumes
        .iter()
        .map(|(name, claim, _)| json!({ "name": name, "persistentVolumeClaim": { "claimName": claim } }))
        .collect();
    let labels = json!({ "app": "icdbench", "icdbench-submission": name(&choices.submission, "all") });
    let tasks = phase.tasks.len() as u32;
    let most = choices.at_once.unwrap_or(tasks).min(tasks);
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": name(&choices.submission, &phase.name), "labels": labels },
        "spec": {
            "completionMode": "Indexed",
            "completions": tasks,
            "parallelism": most,
            // A pod that was evicted, or whose task could not run, is made again; one task's failures are its own.
            "backoffLimitPerIndex": choices.retries,
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": choices.notice_seconds,
                    "initContainers": init,
                    "containers": [container("task", &phase.name, "$(JOB_COMPLETION_INDEX)")],
                    "volumes": claims,
                },
            },
        },
    })
}

/// How the cells are queued; the report is for when they have ended.
pub(super) fn commands(phases: &[Phase], choices: &Choices) -> Vec<String> {
    let place = |name: &str| choices.folder.join(name).display().to_string();
    let mut commands = vec![format!("kubectl apply -f {}", place("cells.json"))];
    let wait = format!(
        "kubectl wait --for=condition=complete --timeout=-1s job -l icdbench-submission={}",
        name(&choices.submission, "all")
    );
    if phases.iter().any(|phase| phase.work == Work::Ensembles) {
        commands.push(wait.clone());
        commands.push(format!("kubectl apply -f {}", place("ensembles.json")));
    }
    commands.push(wait);
    commands.push(format!("kubectl apply -f {}", place("report.json")));
    commands
}

/// Queues the cells.
pub(super) fn queue(phases: &[Phase], choices: &Choices) -> Result<Vec<Queued>, Error> {
    let file = choices.folder.join("cells.json").display().to_string();
    ask(&["kubectl", "apply", "-f", &file].map(str::to_owned), TITLE)?;
    let jobs = phases.iter().enumerate().filter(|(_, phase)| phase.work == Work::Cells);
    let queued = jobs.map(|(place, phase)| Queued {
        phase: place,
        first: 0,
        id: format!("job/{}", name(&choices.submission, &phase.name)),
    });
    Ok(queued.collect())
}
