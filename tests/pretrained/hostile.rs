//! Files that somebody made to break the program: an error each, before memory or stack is spent.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::pickles::{Pickle, saved, zip};
use super::{Tiny, config, fixture};

fn assert_refused(bytes: &[u8], words: &[&str]) {
    for name in ["pytorch_model.bin", "model.safetensors"] {
        // Old pickles begin like a header of safetensors may: the name decides.
        if name == "model.safetensors" && !bytes.starts_with(b"PK") {
            continue;
        }
        let tiny = Tiny::without_weights();
        tiny.write(name, bytes);
        tiny.assert_refused(words);
    }
}

/// The pickle in each of the places of a weights file that hold one.
fn everywhere(pickle: &[u8]) -> Vec<Vec<u8>> {
    let magic = &fixture("legacy.bin")[..15];
    let version = b"\x80\x02M\xe9\x03.";
    let machine = b"\x80\x02}.";
    vec![
        saved(pickle, &BTreeMap::new()),
        pickle.to_vec(),
        [magic, pickle].concat(),
        [magic, version, pickle].concat(),
        [magic, version, machine, pickle].concat(),
        [magic, version, machine, b"\x80\x02}.", pickle].concat(),
    ]
}

#[test]
fn nested_pickles_are_refused() {
    const DEEP: usize = 100_000;
    let deep: [(&[u8], &[u8]); 6] = [
        (b"]", b"a"),
        (b"(", b"t"),
        (b"}K\x01", b"s"),
        (b"", b"\x85"),
        (b"cm\nn\n", b"\x81"),
        (b"(", b"Q"),
    ];
    for (open, close) in deep {
        let inside: &[u8] = b"N";
        let pickle = Pickle::new()
            .put(&open.repeat(DEEP))
            .put(inside)
            .put(&close.repeat(DEEP))
            .stop();
        for bytes in everywhere(&pickle) {
            assert_refused(&bytes, &[": "]);
        }
    }
    // By names that lead from one dictionary to the next.
    let pickle = Pickle::new().put(&Pickle::default().put(b"}").text("model").0.repeat(DEEP));
    let pickle = pickle.put(b"N").put(&b"s".repeat(DEEP)).stop();
    assert_refused(
        &saved(&pickle, &BTreeMap::new()),
        &["it holds no dictionary of tensors"],
    );
}

#[test]
fn a_pickle_that_refers_to_itself_ends() {
    let itself = Pickle::new().put(b"}q\0").text("model").put(b"h\0s").stop();
    assert_refused(&saved(&itself, &BTreeMap::new()), &["no dictionary of tensors"]);
    // Each doubles the one before: two to the power of 200 values, if anything copied them.
    let mut doubled = Pickle::new().put(b"]q\0");
    for _ in 0..200 {
        doubled = doubled.put(b"h\0h\0\x86q\0");
    }
    assert_refused(&saved(&doubled.stop(), &BTreeMap::new()), &["no dictionary of tensors"]);
}

#[test]
fn a_list_that_is_copied_without_end_is_refused() {
    let pair = b"K\x01K\x01\x86a";
    let list = Pickle::new().put(b"]q\0").put(&pair.repeat(100_000)).put(b"0");
    let call = b"ccollections\nOrderedDict\nh\0\x85R0";
    let pickle = list.put(&call.repeat(100_000)).put(b"N").stop();
    assert_refused(&saved(&pickle, &BTreeMap::new()), &["repeats its lists without end"]);
}

#[test]
fn too_many_operations_are_refused() {
    let pickle = Pickle::new().put(&b"N0".repeat(1 << 20)).put(b"N").stop();
    assert_refused(&saved(&pickle, &BTreeMap::new()), &["more than 1048576 operations"]);
}

#[test]
fn lengths_beyond_the_file_are_refused_before_they_are_believed() {
    let beyond: [&[u8]; 8] = [
        b"X\xff\xff\xff\xff",
        b"T\xff\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x96\xff\xff\xff\xff\0\0\0\0",
        b"\x8b\xff\xff\xff\x7f",
        b"\x8b\xff\xff\xff\xff",
    ];
    for operation in beyond {
        for bytes in everywhere(&Pickle::new().put(operation).put(b"short").stop()) {
            assert_refused(&bytes, &["not a whole weights file"]);
        }
    }
}

#[test]
fn operations_without_their_values_are_refused() {
    let short: [&[u8]; 16] = [
        b"", b"0", b"1", b"2", b"t", b"a", b"e", b"s", b"u", b"R", b"b", b"Q", b"h\x05", b"\x93", b"(K\x01u", b"(a",
    ];
    for operations in short {
        for bytes in everywhere(&Pickle::new().put(operations).stop()) {
            assert_refused(&bytes, &[": "]);
        }
    }
    assert_refused(
        &saved(&Pickle::new().put(b"\x82\x01").stop(), &BTreeMap::new()),
        &["the operation 0x82, which no state of a model needs"],
    );
}

/// A checkpoint whose table of tokens is described so.
fn table(offset: i32, shape: &[i32], strides: &[i32], elements: usize) -> Vec<u8> {
    let name = "embeddings.word_embeddings.weight";
    let pickle = Pickle::new().put(b"}").text(name).tensor("0", offset, shape, strides);
    saved(
        &pickle.put(b"s").stop(),
        &BTreeMap::from([("0".into(), vec![0.5; elements])]),
    )
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    for (offset, shape, strides, words) in [
        (0, &[-9, 4][..], &[4, 1][..], "a size below 0"),
        (0, &[9, 4], &[-4, 1], "a size below 0"),
        (-1, &[9, 4], &[4, 1], "a size below 0"),
        (0, &[9, 4], &[4], "another number of strides"),
        (1, &[9, 4], &[4, 1], "it ends before its end"),
        (i32::MAX, &[9, 4], &[4, 1], "it ends before its end"),
        (0, &[9, 4], &[i32::MAX, i32::MAX], "it ends before its end"),
        (
            0,
            &[i32::MAX, i32::MAX],
            &[i32::MAX, 1],
            "has shape [2147483647, 2147483647]",
        ),
    ] {
        assert_refused(&table(offset, shape, strides, 36), &[words]);
    }
    // More elements than there are, by strides of 0.
    assert_refused(&table(0, &[9, 4], &[0, 0], 1), &["it ends before its end"]);
}

#[test]
fn sizes_in_the_configuration_are_bounded_before_anything_is_made_of_them() {
    for (key, size) in [
        ("num_hidden_layers", 1_000_000_000u64),
        ("num_hidden_layers", u64::MAX),
        ("hidden_size", 1 << 62),
        ("vocab_size", u64::MAX),
        ("intermediate_size", 1 << 40),
        ("max_position_embeddings", 1 << 33),
        ("type_vocab_size", 1 << 33),
    ] {
        let most = if key == "num_hidden_layers" { 1024 } else { 1 << 24 };
        let words = format!("{key} is {size}, expected at most {most}");
        Tiny::with_config(key, json!(size)).assert_refused(&["config.json", &words]);
    }
    Tiny::with_config("num_hidden_layers", json!(1024)).assert_refused(&["no tensor encoder.layer.2"]);
    for wrong in [json!(-1), json!(1e300), json!(1.5)] {
        Tiny::with_config("hidden_size", wrong).assert_refused(&["config.json: not the config.json of a BERT"]);
    }
}

#[test]
fn deeply_nested_json_is_refused() {
    let deep = ["[", "{\"a\":"].map(|open| open.repeat(200_000));
    for deep in &deep {
        let tiny = Tiny::new();
        tiny.write("config.json", deep);
        tiny.assert_refused(&["config.json: not the config.json of a BERT"]);
        let whole = config().to_string().replace("\"bert\"", deep);
        tiny.write("config.json", whole);
        tiny.assert_refused(&["config.json: not the config.json of a BERT"]);
        let tiny = Tiny::without_weights();
        tiny.write("model.safetensors.index.json", deep);
        tiny.assert_refused(&["model.safetensors.index.json", "not a whole weights file"]);
        // The header of safetensors.
        let header = format!("{{\"a\":{deep}");
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        tiny.write("model.safetensors", bytes);
        tiny.assert_refused(&["model.safetensors", "not a whole weights file"]);
    }
}

#[test]
fn headers_of_safetensors_are_not_believed() {
    let with_header = |length: u64, header: &str| {
        let tiny = Tiny::without_weights();
        let bytes = [&length.to_le_bytes()[..], header.as_bytes(), &[0; 64]].concat();
        tiny.write("model.safetensors", bytes);
        tiny
    };
    for length in [u64::MAX, u64::MAX - 7, 1 << 40, 99_999_999, 0] {
        with_header(length, "{}").assert_refused(&["model.safetensors: not a whole weights file"]);
    }
    let name = "embeddings.word_embeddings.weight";
    let most = u64::MAX;
    for (shape, from, to) in [
        (json!([9, 4]), 0, 144),
        (json!([-9, 4]), 0, 64),
        (json!([most, 4]), 0, 64),
        (json!([1u64 << 32, 1u64 << 32]), 0, 64),
        (json!([16]), 64, 128),
        (json!([16]), 64, 0),
        (json!([0]), most, most),
    ] {
        let header = json!({ name: { "dtype": "F32", "shape": shape, "data_offsets": [from, to] } }).to_string();
        with_header(header.len() as u64, &header).assert_refused(&["model.safetensors: not a whole weights file"]);
    }
    // More bytes than there can be.
    let step = 1u64 << 61;
    let tensors: serde_json::Map<String, serde_json::Value> = (0..7)
        .map(|number| {
            let place = json!([number * step, (number + 1) * step]);
            (
                format!("t{number}"),
                json!({ "dtype": "U8", "shape": [step], "data_offsets": place }),
            )
        })
        .collect();
    let header = serde_json::to_string(&tensors).unwrap();
    with_header(header.len() as u64, &header).assert_refused(&["model.safetensors: not a whole weights file"]);
}

#[test]
fn archives_that_lead_nowhere_are_refused() {
    let whole = fixture("zip.bin");
    // Each number of the list of files, as large as it can be.
    let first = whole.windows(4).position(|part| part == b"PK\x01\x02").unwrap();
    for (offset, width) in [(20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)] {
        let mut bytes = whole.clone();
        bytes[first + offset..first + offset + width].fill(0xff);
        assert_refused(&bytes, &[": "]);
    }
    // Where the list begins, in the record for large archives, which PyTorch always writes, and in the other.
    for (record, offset, width) in [(b"PK\x06\x06", 48, 8), (b"PK\x06\x07", 8, 8)] {
        let place = whole.windows(4).rposition(|part| part == record).unwrap() + offset;
        for byte in [0xff, 0xfe, 1] {
            let mut bytes = whole.clone();
            bytes[place..place + width].fill(byte);
            assert_refused(&bytes, &["not a whole weights file"]);
        }
    }
    let mut small = zip(&[("a/data.pkl", b"")]);
    let end = small.len() - 6;
    small[end..end + 4].fill(0xfe);
    assert_refused(&small, &["not a whole weights file"]);
    let mut compressed = whole;
    compressed[first + 10] = 8;
    assert_refused(&compressed, &["its files are compressed"]);
    assert_refused(
        &zip(&[("a/data.pkl", b""), ("a/data.pkl", b"")]),
        &["two files of one name"],
    );
}

#[test]
fn a_file_that_never_ends_is_refused() {
    let tiny = Tiny::new();
    fs::remove_file(tiny.path("vocab.txt")).unwrap();
    // Sparse: it takes no room, and a reader would see a gigabyte of zeros.
    fs::File::create(tiny.path("vocab.txt"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    tiny.assert_refused(&["vocab.txt", "it has more than 256 MiB"]);
    let tiny = Tiny::without_weights();
    fs::File::create(tiny.path("model.safetensors"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    tiny.assert_refused(&["model.safetensors: it has 1099511627776 bytes, far more than the encoder of config.json"]);
}

/// Whatever a byte of a weights file becomes: an encoder or an error, never a panic.
#[test]
fn no_byte_can_break_the_program() {
    let safetensors = fs::read(Tiny::new().path("model.safetensors")).unwrap();
    let files = [
        ("model.safetensors", safetensors),
        ("pytorch_model.bin", fixture("zip.bin")),
        ("pytorch_model.bin", fixture("legacy.bin")),
        ("pytorch_model.bin", fixture("protocol5.bin")),
    ];
    let mut state = 1u64;
    let mut below = |bound: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % bound
    };
    for (name, whole) in files {
        let tiny = Tiny::without_weights();
        // Headers, pickles and lists of files, more often than the numbers of tensors: up to four bytes at a time.
        for _ in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..=below(4) {
                let start = below(bytes.len());
                let near = match below(3) {
                    0 => start,
                    1 => start % 3000,
                    _ => bytes.len() - 1 - start % 3000,
                };
                bytes[near] = [0, 1, 0x7f, 0x80, 0xff, b'(', b'R', b't', b'9'][below(9)];
            }
            tiny.write(name, &bytes);
            if let Err(error) = tiny.read() {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
    }
}
