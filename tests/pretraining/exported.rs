//! The directory that comes out: read back by this program, and loaded by `transformers` where it is installed.

use std::process::Command;

use burn::tensor::Device;
use icdbench::models::bert::Encoder;
use icdbench::models::layers::Packed;
use icdbench::models::{Initialiser, Pass, Task, parameters};
use icdbench::pretrained::PretrainedBert;
use icdbench::text::{TokenizerKind, published};

use super::{given, settings, undisturbed};

#[test]
fn the_directory_is_read_back_and_hugging_face_computes_the_same_states() {
    for pairs in [true, false] {
        let mut settings = settings();
        settings.objective.next_sentence = pairs;
        let given = given(&settings, 20);
        let pretrained = undisturbed(&settings, &given, None);
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("encoder");
        pretrained.write(&directory, &given.tokenizer).unwrap();
        // A second time there is no room for it.
        assert!(pretrained.write(&directory, &given.tokenizer).is_err());

        let read = PretrainedBert::read(&directory, None).unwrap();
        let own = parameters::read(&pretrained.model);
        for (path, values) in &read.parameters {
            assert_eq!(&own[&format!("encoder.{path}")], values, "{path}");
        }
        for (path, values) in &read.heads {
            assert_eq!(&own[path], values, "{path}");
        }
        assert_eq!(own.len(), read.parameters.len() + read.heads.len());
        assert_eq!(read.tokens.len(), given.tokenizer.size());
        let said = published(&directory.join("vocab.txt"), TokenizerKind::WordPiece)
            .unwrap()
            .said;
        given.tokenizer.reads_as(&said).unwrap();

        // States of sequences of several lengths.
        let device = Device::flex();
        let sequences: Vec<Vec<i32>> = vec![vec![2, 5, 6, 9, 10, 3], vec![2, 3], (2..22).collect()];
        let task = Task {
            vocabulary: given.tokenizer.size(),
            encoder: Some(std::sync::Arc::new(read.into_encoder())),
            ..Task::default()
        };
        let encoder = Encoder::init(&settings.encoder, &task, false, &mut Initialiser::new(1, &device));
        let states = encoder.forward(&Packed::new(&sequences, 0, &device), Pass::default());
        let bytes: Vec<u8> = parameters::host(states)
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect();
        let [ids, ours, text] = ["ids.json", "ours.f32", "text.txt"].map(|name| parent.path().join(name));
        std::fs::write(&ids, serde_json::to_string(&sequences).unwrap()).unwrap();
        std::fs::write(&ours, bytes).unwrap();
        std::fs::write(&text, "Chest pain, no feverful coughs.\nPÁIN o b c\n").unwrap();
        let lines = std::fs::read_to_string(&text).unwrap();
        let tokens: Vec<Vec<u32>> = lines.lines().map(|line| given.tokenizer.encode(line)).collect();
        let tokens_file = parent.path().join("tokens.json");
        std::fs::write(&tokens_file, serde_json::to_string(&tokens).unwrap()).unwrap();

        let python = |arguments: &[&str]| Command::new("python3").args(arguments).output();
        let there = python(&["-c", "import torch, transformers"]);
        if !there.is_ok_and(|found| found.status.success()) {
            eprintln!("skipped: there is no python3 with torch and transformers here");
            continue;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/pretrained_states.py");
        let paths = [&directory, &ids, &ours, &text, &tokens_file].map(|path| path.to_str().unwrap());
        let found = python(&[&[script], &paths[..]].concat()).unwrap();
        let said = String::from_utf8_lossy(&found.stdout).into_owned();
        assert!(
            found.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&found.stderr)
        );
        assert!(said.contains("largest difference"), "{said}");
        eprint!("{said}");
    }
}
