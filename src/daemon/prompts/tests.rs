use std::fs;
use std::path::Path;

use super::*;

fn write(root: &Path, path: &str, samples: &[i16]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|s| writer.write_sample(*s).unwrap());
    writer.finalize().unwrap();
}

fn files(root: &Path) -> Files {
    let mut files = Files::default();
    files.lay_over(root).unwrap();
    files
}

fn nothing() -> Prompts {
    let (catalog, library) = (Arc::default(), Arc::default());
    Prompts { catalog, library, doubts: Vec::new(), sounds: BTreeMap::new() }
}

fn zh() -> Language {
    Language::new("zh-CN")
}

#[test]
fn names_texts_and_lengths_come_from_files_and_manifest() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "zh-CN/greeting/hello.wav", &[100; 4000]);
    write(root.path(), "common/beep.wav", &[200; 800]);
    fs::write(root.path().join(MANIFEST), "[[prompt]]\nid = \"greeting/hello\"\ntext_zh = \"您好！\"\n")
        .unwrap();
    let prompts = nothing().renew(Levels::default(), &files(root.path())).unwrap();
    let id = prompts.catalog.find(&zh(), "greeting/hello").unwrap();
    let info = prompts.catalog.get(id).unwrap();
    assert_eq!((info.text.as_str(), info.duration), ("您好！", Duration::from_millis(500)));
    assert!(prompts.catalog.find(&zh(), "common/beep").is_some());
    assert_eq!(prompts.library.len(), 2);
}

#[test]
fn a_silent_and_an_endless_recording_are_doubted_and_after_a_reload_still() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "zh-CN/greeting/hello.wav", &[100; 4000]);
    write(root.path(), "zh-CN/greeting/mute.wav", &[0; 4000]);
    write(root.path(), "en-US/notice/law.wav", &[100; 8000 * 25]);
    write(root.path(), "common/hold-music.wav", &[100; 8000 * 25]);
    let first = nothing().renew(Levels::default(), &files(root.path())).unwrap();
    let again = first.renew(Levels::default(), &files(root.path())).unwrap();
    for prompts in [first, again] {
        let told: Vec<_> =
            prompts.doubts.iter().map(|(file, why)| (&file[file.len() - 8..], &**why)).collect();
        let long = "this recording takes 25.0 s: callers listen to 20 s at most";
        assert_eq!(told, [("/law.wav", long), ("mute.wav", "this recording is silent")]);
    }
}

#[test]
fn all_mistakes_are_named_at_once() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "zh-CN/greeting/hello.wav", &[i16::MAX; 400]);
    write(root.path(), "zh-CN/greeting/empty.wav", &[]);
    fs::write(root.path().join("zh-CN/greeting/text.wav"), "not sound").unwrap();
    let mut files = files(root.path());
    let manifest = |text: &str| (MANIFEST.to_owned(), text.to_owned());
    files.manifests.push(manifest("[[prompt]]\nid = \"greeting/lost\"\ntext_zh = \"丢\"\n"));
    files.manifests.push(manifest("[[prompt]]\ntext_zh = \"nameless\"\n"));
    let Err(Failure::Prompts { mistakes }) = nothing().renew(Levels::default(), &files) else {
        panic!("accepted")
    };
    for expected in [
        "hello.wav is clipped",
        "empty.wav holds no sound",
        "text.wav is not a WAV file",
        "greeting/lost has a text but no recording: zh-CN/greeting/lost.wav",
        "the manifest manifest.toml cannot be used",
        "missing field `id`",
    ] {
        assert!(mistakes.contains(expected), "{expected} is missing in:\n{mistakes}");
    }
}

#[test]
fn after_a_reload_old_ids_keep_their_sound() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "zh-CN/a/changed.wav", &[1000; 800]);
    write(root.path(), "zh-CN/a/same.wav", &[2000; 800]);
    write(root.path(), "zh-CN/a/removed.wav", &[3000; 800]);
    let before = nothing().renew(Levels::default(), &files(root.path())).unwrap();
    let id = |prompts: &Prompts, name: &str| prompts.catalog.find(&zh(), name);
    let (changed, removed) = (id(&before, "a/changed").unwrap(), id(&before, "a/removed").unwrap());

    write(root.path(), "zh-CN/a/changed.wav", &[1000; 1600]);
    fs::remove_file(root.path().join("zh-CN/a/removed.wav")).unwrap();
    let after = before.renew(Levels::default(), &files(root.path())).unwrap();

    assert_eq!(id(&after, "a/same"), id(&before, "a/same"));
    let renewed = id(&after, "a/changed").unwrap();
    assert_ne!(renewed, changed);
    let law = crate::base::Law::A;
    assert_eq!(after.library.get(changed, law).map(|s| s.len()), Some(800), "running calls hear the old one");
    assert_eq!(after.library.get(renewed, law).map(|s| s.len()), Some(1600));
    assert_eq!(id(&after, "a/removed"), None);
    assert!(after.catalog.get(removed).is_some());
}

#[test]
fn the_embedded_prompts_are_without_mistake() {
    let prompts = Prompts::load(None).unwrap();
    assert!(prompts.catalog.len() > 700, "{} prompts", prompts.catalog.len());
    assert_eq!(prompts.catalog.len(), prompts.library.len());
    assert_eq!(prompts.catalog.languages(), [Language::new("en-US"), zh()]);
    for name in ["common/beep", "common/hold-music"] {
        assert!(prompts.catalog.find(&zh(), name).is_some(), "{name}");
    }
}

#[test]
fn all_shipped_prompts_are_equally_loud_and_so_is_one_dropped_in_beside_them() {
    let root = tempfile::tempdir().unwrap();
    let quiet: Vec<i16> = (0..16_000).map(|n: i32| ((n * 7 % 400) - 200) as i16).collect();
    write(root.path(), "zh-CN/greeting/welcome.wav", &quiet);
    let prompts = Prompts::load(Some(root.path())).unwrap();
    for (id, info) in prompts.catalog.iter() {
        let octets = prompts.library.get(id, crate::base::Law::A).unwrap();
        let heard: Vec<i16> = octets.iter().map(|o| crate::media::decode(crate::base::Law::A, *o)).collect();
        let level = loudness::active_level(&heard, 8000).unwrap();
        let wanted = match info.name.as_str() {
            "common/beep" | "common/recording-beep" | "common/ring-back" => continue,
            "common/hold-music" => -24.0,
            _ => -20.0,
        };
        assert!((level - wanted).abs() < 0.7, "{}: {level:.1} dBFS", info.name);
    }
}
