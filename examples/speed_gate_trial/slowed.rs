//! The engine `burn`, made slower in one cell: what a build is that does more work there.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use icdbench::bench::engine::{Engine, serve};
use icdbench::bench::protocol::{About, Failure, Kind, Load, Loaded, Logits, Memory, Ran};
use icdbench::bench::{Burn, Engines};

/// Names the slow cell to the engine's process.
const VARIABLE: &str = "SPEED_GATE_TRIAL";

/// What is added to each run.
#[derive(Clone, Copy, Debug)]
pub enum Added {
    /// Nothing.
    Nothing,
    /// So many turns of a loop: the same instructions each time.
    Turns(u64),
    /// Work for this share of the run's own time.
    Share(f64),
}

/// The cell that is slower.
#[derive(Clone, Debug)]
pub struct Slow {
    pub model: String,
    pub kind: Kind,
    pub added: Added,
}

impl Slow {
    pub fn nowhere() -> Self {
        Self {
            model: String::new(),
            kind: Kind::Inference,
            added: Added::Nothing,
        }
    }

    /// This program as a build of icdbench that is slower here: a file in `folder`.
    pub fn build(&self, name: &str, folder: &Path, threads: usize) -> anyhow::Result<Engines> {
        use std::os::unix::fs::PermissionsExt;
        let (kind, this) = (format!("{:?}", self.kind), std::env::current_exe()?);
        let added = match self.added {
            Added::Nothing => String::new(),
            Added::Turns(turns) => format!("turns {turns}"),
            Added::Share(share) => format!("share {share}"),
        };
        let path = folder.join(name);
        let text = format!(
            "#!/bin/sh\n{VARIABLE}='{} {kind} {added}' exec '{}' \"$@\"\n",
            self.model,
            this.display()
        );
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(Engines::new(path, threads, "python3".into())?)
    }

    fn read(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let [model, kind, what, number] = words[..] else {
            return Self::nowhere();
        };
        Self {
            model: model.into(),
            kind: match kind {
                "Step" => Kind::Step,
                _ => Kind::Inference,
            },
            added: match (what, number.parse()) {
                ("turns", Ok(turns)) => Added::Turns(turns as u64),
                ("share", Ok(share)) => Added::Share(share),
                _ => Added::Nothing,
            },
        }
    }
}

/// Answers as an engine, where this process was started as one.
pub fn served() -> anyhow::Result<bool> {
    let Ok(text) = std::env::var(VARIABLE) else {
        return Ok(false);
    };
    icdbench::machine::keep_freed_memory();
    let threads = std::env::args().skip_while(|argument| argument != "--threads").nth(1);
    let threads = threads.and_then(|threads| threads.parse().ok());
    icdbench::machine::computing_threads(threads.unwrap_or(1), true)?;
    let mut engine = Slowed {
        burn: Burn::default(),
        slow: Slow::read(&text),
        model: String::new(),
    };
    serve(&mut engine, std::io::stdin().lock(), std::io::stdout())?;
    Ok(true)
}

struct Slowed {
    burn: Burn,
    slow: Slow,
    model: String,
}

impl Engine for Slowed {
    fn about(&self) -> About {
        self.burn.about()
    }

    fn load(&mut self, load: &Load) -> Result<Loaded, Failure> {
        self.model.clone_from(&load.model);
        self.burn.load(load)
    }

    fn logits(&mut self, set: usize) -> Result<Logits, Failure> {
        self.burn.logits(set)
    }

    fn run(&mut self, kind: Kind, set: usize) -> Result<Ran, Failure> {
        let mut ran = self.burn.run(kind, set)?;
        if (&self.slow.model, self.slow.kind) == (&self.model, kind) {
            let begun = Instant::now();
            match self.slow.added {
                Added::Nothing => {}
                Added::Turns(turns) => (0..turns).for_each(|turn| _ = black_box(turn)),
                Added::Share(share) => while begun.elapsed().as_secs_f64() < share * ran.seconds {},
            }
            // As if it had been part of the run, which it is of a slower build's.
            ran.seconds += begun.elapsed().as_secs_f64();
        }
        Ok(ran)
    }

    fn memory(&mut self, reset: bool) -> Memory {
        self.burn.memory(reset)
    }
}
