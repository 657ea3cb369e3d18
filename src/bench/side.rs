//! Engines as a user names them.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Engines that come with the program.
const NAMES: [&str; 3] = ["burn", "candle", "pytorch"];

/// An engine as a user names it, `ENGINE[:MODE][@DEVICE]`: `burn`, `burn@cuda:1`, `pytorch:compiled@cuda`, `./mine.py`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// `burn`, `candle`, `pytorch`, or the path of a program that speaks the protocol.
    pub engine: String,
    /// One of its modes.
    pub mode: Option<String>,
    /// Where it computes.
    pub device: String,
}

impl Side {
    /// The program's own models on the CPU.
    pub fn burn() -> Self {
        Self {
            engine: "burn".into(),
            mode: None,
            device: "cpu".into(),
        }
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, device) = match text.rsplit_once('@') {
            // Of a path: no device has a / in its name, and what exists is what is meant.
            Some((_, device)) if device.contains('/') => (text, "cpu"),
            Some((path, _)) if path.contains('/') && Path::new(text).exists() => (text, "cpu"),
            Some(both) => both,
            None => (text, "cpu"),
        };
        let is_path = name.contains('/');
        let (engine, mode) = match name.split_once(':') {
            Some((engine, mode)) if !is_path => (engine, Some(mode.to_owned())),
            _ => (name, None),
        };
        if !is_path && !NAMES.contains(&engine) {
            let known = NAMES.join(", ");
            return Err(format!(
                "engine {engine:?} is not known: expected {known}, or the path of a program with a / in it"
            ));
        }
        Ok(Self {
            engine: engine.into(),
            mode,
            device: device.into(),
        })
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.engine)?;
        if let Some(mode) = &self.mode {
            write!(f, ":{mode}")?;
        }
        match self.device.as_str() {
            "cpu" => Ok(()),
            device => write!(f, "@{device}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_read_as_they_are_shown() {
        for (text, engine, mode, device) in [
            ("burn", "burn", None, "cpu"),
            ("burn@cuda:1", "burn", None, "cuda:1"),
            ("pytorch:compiled", "pytorch", Some("compiled"), "cpu"),
            ("pytorch:compiled-bf16@cuda", "pytorch", Some("compiled-bf16"), "cuda"),
            ("./a:b.py", "./a:b.py", None, "cpu"),
            ("./dir@2/engine.py", "./dir@2/engine.py", None, "cpu"),
            ("./dir@2/engine.py@cuda:1", "./dir@2/engine.py", None, "cuda:1"),
            ("./engine@cuda", "./engine", None, "cuda"),
        ] {
            let side: Side = text.parse().unwrap();
            assert_eq!(
                (side.engine.as_str(), side.mode.as_deref(), side.device.as_str()),
                (engine, mode, device)
            );
            assert_eq!(side.to_string(), text);
        }
        // What exists is what is meant.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine@2");
        std::fs::write(&path, "").unwrap();
        let text = path.to_str().unwrap();
        let side: Side = text.parse().unwrap();
        assert_eq!((side.engine.as_str(), side.device.as_str()), (text, "cpu"));
        assert_eq!(side.to_string(), text);
        let error = "tensorflow".parse::<Side>().unwrap_err();
        assert!(error.contains("burn, candle, pytorch"), "{error}");
    }
}
