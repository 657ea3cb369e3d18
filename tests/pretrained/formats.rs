//! What weights come as: protocols, checkpoints of training, prefixes, several files; and what only looks like weights.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use candle_core::{DType, Tensor};
use icdbench::pretrained::PretrainedBert;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::pickles::{Pickle, saved, zip};
use super::{Naming, TODAY, Tiny, fixture, shapes, tensors, value};

fn expected() -> icdbench::models::parameters::Parameters {
    Tiny::new().read().unwrap().parameters
}

fn with_bytes(name: &str, bytes: &[u8]) -> Tiny {
    let tiny = Tiny::without_weights();
    tiny.write(name, bytes);
    tiny
}

/// The dictionary of the tiny BERT's tensors, and their storages.
fn state(prefix: &str) -> (Pickle, BTreeMap<String, Vec<f32>>) {
    let mut pickle = Pickle::default().put(b"}(");
    let mut storages = BTreeMap::new();
    for (number, (name, shape)) in shapes().into_iter().enumerate() {
        let key = number.to_string();
        let shape: Vec<i32> = shape.iter().map(|&size| size as i32).collect();
        let strides: Vec<i32> = (1..=shape.len()).map(|at| shape[at..].iter().product()).collect();
        pickle = pickle
            .text(&format!("{prefix}{name}"))
            .tensor(&key, 0, &shape, &strides);
        let elements = shape.iter().product::<i32>() as usize;
        storages.insert(key, (0..elements).map(|element| value(&name, element)).collect());
    }
    (pickle.put(b"u"), storages)
}

#[test]
fn checkpoints_of_training_of_any_protocol_are_read() {
    let expected = expected();
    for name in ["protocol4.bin", "protocol5.bin"] {
        let found = with_bytes("pytorch_model.bin", &fixture(name)).read().unwrap();
        assert_eq!(found.parameters, expected, "{name}");
        assert!(found.report.left_over.is_empty(), "{:?}", found.report.left_over);
    }
    for keys in [&["state_dict"][..], &["model"], &["checkpoint", "model", "state_dict"]] {
        let (inner, storages) = state("bert.");
        let mut pickle = Pickle::new();
        for key in keys {
            pickle = pickle.put(b"}").text("epoch").int(3).put(b"s").text(key);
        }
        let pickle = pickle.put(&inner.0).put(&b"s".repeat(keys.len())).stop();
        let found = with_bytes("pytorch_model.bin", &saved(&pickle, &storages))
            .read()
            .unwrap();
        assert_eq!(found.parameters, expected, "{keys:?}");
    }
}

#[test]
fn wrappers_of_training_leave_their_prefixes() {
    let expected = expected();
    for prefix in [
        "module.",
        "_orig_mod.",
        "model.",
        "module.bert.",
        "_orig_mod.module.model.bert.",
    ] {
        let naming = Naming { prefix, ..TODAY };
        let found = Tiny::with(&tensors(naming, DType::F32)).read().unwrap();
        assert_eq!(found.parameters, expected, "{prefix}");
    }
    let naming = Naming {
        prefix: "question_encoder.",
        ..TODAY
    };
    Tiny::with(&tensors(naming, DType::F32)).assert_refused(&[
        "no tensor embeddings.word_embeddings.weight",
        "it holds question_encoder.embeddings.word_embeddings.weight: save that encoder alone",
    ]);
}

#[test]
fn tensors_that_share_a_storage_or_lie_across_it_are_read() {
    let (pickle, storages) = state("");
    let (name, shape) = shapes().into_iter().next_back().unwrap();
    assert_eq!((name.as_str(), &shape[..]), ("pooler.dense.weight", &[4, 4][..]));
    // Its transpose, three elements into a storage that something else begins.
    let mut across = vec![9e9; 3];
    across.extend((0..16).map(|at| value(&name, at % 4 * 4 + at / 4)));
    let last = storages.len() - 1;
    let plain = Pickle::default()
        .text(&name)
        .tensor(&last.to_string(), 0, &[4, 4], &[4, 1]);
    let strided = Pickle::default().text(&name).tensor("across", 3, &[4, 4], &[1, 4]);
    let bytes = pickle.0;
    let at = bytes.windows(plain.0.len()).position(|part| part == plain.0).unwrap();
    let bytes = [
        &Pickle::new().0,
        &bytes[..at],
        &strided.0,
        &bytes[at + plain.0.len()..],
        b".",
    ]
    .concat();
    let mut storages = storages;
    storages.insert("across".into(), across);
    let found = with_bytes("pytorch_model.bin", &saved(&bytes, &storages))
        .read()
        .unwrap();
    assert_eq!(found.parameters, expected());
}

/// The tensors in two files by name, and the index.
fn sharded(edit: impl Fn(&mut serde_json::Value)) -> Tiny {
    let tiny = Tiny::without_weights();
    let mut shards: [HashMap<String, Tensor>; 2] = Default::default();
    let mut map = serde_json::Map::new();
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    for (number, (name, tensor)) in tensors(TODAY, DType::F32).into_iter().enumerate() {
        map.insert(name.clone(), json!(names[number % 2]));
        shards[number % 2].insert(name, tensor);
    }
    for (name, tensors) in names.iter().zip(&shards) {
        candle_core::safetensors::save(tensors, tiny.path(name)).unwrap();
    }
    let mut index = json!({ "metadata": { "total_size": 1 }, "weight_map": map });
    edit(&mut index);
    tiny.write("model.safetensors.index.json", index.to_string());
    tiny
}

#[test]
fn weights_in_several_files_are_one() {
    let tiny = sharded(|_| {});
    let found = tiny.read().unwrap();
    assert_eq!(found.parameters, expected());
    let text = found.report.to_string();
    assert!(
        text.starts_with("model.safetensors.index.json (2 files): loaded"),
        "{text}"
    );
    // As `cat model-*.safetensors | sha256sum` prints it.
    let mut hash = Sha256::new();
    for number in [1, 2] {
        hash.update(fs::read(tiny.path(&format!("model-0000{number}-of-00002.safetensors"))).unwrap());
    }
    let sha256 = format!("{:x}", hash.finalize());
    assert_eq!(found.weights_sha256, sha256);
    assert!(PretrainedBert::read(tiny.0.path(), Some(&sha256)).is_ok());
    let message = PretrainedBert::read(tiny.0.path(), Some(&"0".repeat(64)))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("of its 2 files one after another, as `cat FILES | sha256sum`"),
        "{message}"
    );

    fs::remove_file(tiny.path("model-00002-of-00002.safetensors")).unwrap();
    tiny.assert_refused(&["model-00002-of-00002.safetensors: cannot read it"]);
    let pooler = "pooler.dense.weight";
    for outside in ["../other.safetensors", "/etc/passwd", "a/b.safetensors", ".."] {
        let tiny = sharded(|index| index["weight_map"][pooler] = json!(outside));
        tiny.assert_refused(&[
            "model.safetensors.index.json: it names the file",
            "expected files beside it",
        ]);
    }
    let swapped = |index: &mut serde_json::Value| {
        let file = &mut index["weight_map"][pooler];
        let other = file.as_str().unwrap().contains("00001-of");
        *file = json!(format!("model-0000{}-of-00002.safetensors", 1 + usize::from(other)));
    };
    sharded(swapped).assert_refused(&["holds pooler.dense.weight, which it does not"]);
    sharded(|index| *index = json!({})).assert_refused(&["model.safetensors.index.json", "missing field `weight_map`"]);
}

#[test]
fn a_pytorch_index_is_read_too() {
    let tiny = with_bytes("pytorch_model-00001-of-00001.bin", &fixture("zip.bin"));
    let whole = with_bytes("pytorch_model.bin", &fixture("zip.bin")).read().unwrap();
    let names = whole.report.loaded.iter().chain(&whole.report.left_over);
    let map: BTreeMap<&String, &str> = names.map(|name| (name, "pytorch_model-00001-of-00001.bin")).collect();
    tiny.write("pytorch_model.bin.index.json", json!({ "weight_map": map }).to_string());
    assert_eq!(tiny.read().unwrap().parameters, expected());
}

#[test]
fn what_is_no_state_of_a_model_is_called_what_it_is() {
    let none = BTreeMap::new();
    let whole_model = Pickle::new()
        .put(b"ctransformers.models.bert.modeling_bert\nBertModel\n)\x81}b")
        .stop();
    let (inner, storages) = state("");
    let two = Pickle::new().put(b"}(").text("student").put(&inner.0).text("teacher");
    // The same dictionary twice is one: it is the second, of other values, that makes two.
    let two = two.put(&state("bert.").0.0).put(b"u").stop();
    let tar = [&[b'x'; 257][..], b"ustar", &[0; 300]].concat();
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        (
            "pytorch_model.bin",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 440473133\n".to_vec(),
            &["pytorch_model.bin: it is a Git LFS pointer", "git lfs pull"],
        ),
        (
            "model.safetensors",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 440473133\n".to_vec(),
            &["model.safetensors: it is a Git LFS pointer", "git lfs pull"],
        ),
        (
            "model.safetensors",
            b"<!doctype html><html>".to_vec(),
            &["it is a web page", "fetch the raw file"],
        ),
        (
            "pytorch_model.bin",
            saved(&whole_model, &none),
            &[
                "a whole object of the class transformers.models.bert.modeling_bert.BertModel",
                "torch.save(model.state_dict(), file)",
            ],
        ),
        (
            "pytorch_model.bin",
            saved(&two, &storages),
            &[
                "it holds 2 encoders, in saved[\"student\"] and saved[\"teacher\"]",
                "torch.save(saved[\"student\"], file)",
            ],
        ),
        (
            "pytorch_model.bin",
            Pickle::new().put(b"}").stop(),
            &["a pickle that torch.save did not write", "save_pretrained"],
        ),
        (
            "pytorch_model.bin",
            zip(&[("other.txt", b"x")]),
            &["a zip archive that torch.save did not write"],
        ),
        ("pytorch_model.bin", tar, &["a tar archive: unpack it"]),
        (
            "pytorch_model.bin",
            b"\x1f\x8b\x08 and so on and on".to_vec(),
            &["compressed with gzip: unpack it"],
        ),
        (
            "pytorch_model.bin",
            b"\x89HDF\r\n\x1a\n and so on".to_vec(),
            &["an HDF5 file of TensorFlow"],
        ),
        (
            "pytorch_model.bin",
            b"a file of something else".to_vec(),
            &["neither safetensors nor what torch.save"],
        ),
    ];
    for (name, bytes, words) in cases {
        let tiny = with_bytes(name, bytes);
        tiny.assert_refused(words);
        let message = tiny.read().unwrap_err().to_string();
        assert!(!message.contains("not a whole weights file"), "{message}");
    }
    // Not even where the suite knows the hash of the file that is meant: its absence is what is wrong.
    let tiny = with_bytes("model.safetensors", &cases[1].1);
    let message = PretrainedBert::read(tiny.0.path(), Some(&"0".repeat(64)))
        .unwrap_err()
        .to_string();
    assert!(message.contains("git lfs pull"), "{message}");
}

#[test]
fn a_format_is_told_by_its_content() {
    let expected = expected();
    let safetensors = fs::read(Tiny::new().path("model.safetensors")).unwrap();
    for (name, bytes) in [
        ("pytorch_model.bin", safetensors),
        ("model.safetensors", fixture("zip.bin")),
    ] {
        assert_eq!(with_bytes(name, &bytes).read().unwrap().parameters, expected, "{name}");
    }
}

#[test]
fn stand_ins_for_the_small_files_are_named_too() {
    for name in ["config.json", "vocab.txt"] {
        let tiny = Tiny::new();
        tiny.write(
            name,
            "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 4\n",
        );
        tiny.assert_refused(&[name, "it is a Git LFS pointer", "git lfs pull"]);
    }
}
