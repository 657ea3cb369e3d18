//! On which hardware something was timed: timings of two machines are not compared.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a timing depends on besides the program, in the words of whoever looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hardware {
    /// The processor's model.
    pub cpu: String,
    /// CPUs that the process may use.
    pub cpus: String,
    /// Threads that compute.
    pub threads: String,
    /// Memory of the machine.
    pub memory: String,
    /// The GPU's model, or `none`.
    pub gpu: String,
    /// The GPU's driver, or `none`.
    pub driver: String,
    /// Operating system and kernel.
    pub system: String,
}

/// The first thing in which two machines differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{field} of the base: found {base:?}, of the head: {head:?}; timings of different hardware are not compared: measure \
     both sides on one machine"
)]
pub struct Mismatch {
    /// What it is.
    pub field: &'static str,
    /// On the base's machine.
    pub base: String,
    /// On the head's.
    pub head: String,
}

impl Hardware {
    /// What it is made of, in the order in which it is compared.
    fn fields(&self) -> [(&'static str, &str); 7] {
        [
            ("cpu", &self.cpu),
            ("cpus", &self.cpus),
            ("threads", &self.threads),
            ("memory", &self.memory),
            ("gpu", &self.gpu),
            ("driver", &self.driver),
            ("system", &self.system),
        ]
    }

    /// Refuses to compare what ran on this machine with what ran on another.
    ///
    /// # Errors
    /// They differ; the first thing in which they do.
    pub fn same_as(&self, head: &Self) -> Result<(), Mismatch> {
        let both = self.fields().into_iter().zip(head.fields());
        match both.into_iter().find(|((_, base), (_, head))| base != head) {
            None => Ok(()),
            Some(((field, base), (_, head))) => Err(Mismatch {
                field,
                base: base.into(),
                head: head.into(),
            }),
        }
    }

    /// 16 hex digits that stand for it: the name of its history.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        for (field, value) in self.fields() {
            // Lengths, so that no value can look like two.
            hash.update(format!("{field} {} {value}\n", value.len()));
        }
        let mut key = String::new();
        for byte in &hash.finalize()[..8] {
            let _ = write!(key, "{byte:02x}"); // A string takes everything.
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Hardware {
        Hardware {
            cpu: "AMD EPYC".into(),
            cpus: "2".into(),
            threads: "2".into(),
            memory: "25 GB".into(),
            gpu: "none".into(),
            driver: "none".into(),
            system: "Linux".into(),
        }
    }

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(machine().same_as(&machine()), Ok(()));
        let other = Hardware {
            threads: "1".into(),
            system: "macOS".into(),
            ..machine()
        };
        let found = machine().same_as(&other).unwrap_err();
        assert_eq!(
            found.to_string(),
            "threads of the base: found \"2\", of the head: \"1\"; timings of different hardware are not compared: measure \
             both sides on one machine"
        );
    }

    #[test]
    fn every_field_moves_the_key_and_is_compared() {
        let written = serde_json::to_value(machine()).unwrap();
        let names: Vec<&String> = written.as_object().unwrap().keys().collect();
        for name in &names {
            let mut other = written.clone();
            other[name.as_str()] = "another".into();
            let other: Hardware = serde_json::from_value(other).unwrap();
            assert_eq!(machine().same_as(&other).unwrap_err().field, name.as_str());
            assert_ne!(machine().key(), other.key(), "{name}");
        }
        assert_eq!(machine().key().len(), 16);
    }
}
