use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::files::{load, part_of};
use super::writer::Writers;
use super::*;

fn audio(recording: RecordingId, channels: u16, samples: &[i16]) -> Audio {
    Audio { recording, channels, samples: samples.to_vec() }
}

fn wav(path: &Path) -> (u16, Vec<i16>) {
    let mut reader = hound::WavReader::open(path).unwrap();
    let channels = reader.spec().channels;
    (channels, reader.samples::<i16>().map(Result::unwrap).collect())
}

const ID: RecordingId = RecordingId(1234);

#[test]
fn a_recording_appears_under_its_name_when_it_is_whole() {
    let state = tempfile::tempdir().unwrap();
    let mut writers = Writers::default();
    writers.begin(state.path(), ID, 2);
    writers.audio(&audio(ID, 2, &[1, 2, 3, 4]));
    let path = path_of(state.path(), ID);
    assert!(path.ends_with("recordings/000001/r1234.wav") && !path.exists());
    assert_eq!(writers.end(ID), Ok(()));
    assert_eq!(wav(&path), (2, vec![1, 2, 3, 4]));
    assert!(!part_of(&path).exists());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        load(state.path(), ID).unwrap().as_ref(),
        [1, 3],
        "what is played back is the caller's channel"
    );
}

#[test]
fn a_crash_costs_no_more_than_what_was_not_flushed() {
    let state = tempfile::tempdir().unwrap();
    let mut writers = Writers::default();
    for (recording, channels) in [(RecordingId(1), 1), (RecordingId(2), 2)] {
        writers.begin(state.path(), recording, channels);
        writers.audio(&audio(recording, channels, &[100; 1600]));
        writers.flush_all();
        writers.audio(&audio(recording, channels, &[200; 160]));
    }
    // A crash: no destructor runs.
    std::mem::forget(writers);
    let half = part_of(&path_of(state.path(), RecordingId(2)));
    let mut torn = fs::read(&half).unwrap();
    torn.push(7);
    fs::write(&half, torn).unwrap();
    assert_eq!(wav(&half).1.len(), 1600, "playable even before the repair");

    let mut repaired = repair_all(state.path()).unwrap();
    repaired.sort_by_key(|r| format!("{r:?}"));
    let kept = |id| Repaired::Kept(path_of(state.path(), RecordingId(id)));
    assert_eq!(repaired, [kept(1), kept(2)]);
    for (id, channels) in [(1, 1), (2, 2)] {
        let (found, samples) = wav(&path_of(state.path(), RecordingId(id)));
        assert_eq!((found, samples.len() >= 1600), (channels, true));
    }
    assert_eq!(repair_all(state.path()).unwrap(), []);
}

#[test]
fn what_lies_behind_an_old_header_is_not_lost() {
    let state = tempfile::tempdir().unwrap();
    let mut writers = Writers::default();
    writers.begin(state.path(), ID, 1);
    writers.audio(&audio(ID, 1, &[100; 800]));
    writers.flush_all();
    std::mem::forget(writers);
    let part = part_of(&path_of(state.path(), ID));
    let mut more = fs::read(&part).unwrap();
    more.extend([9u8; 400]);
    fs::write(&part, more).unwrap();
    repair_all(state.path()).unwrap();
    assert_eq!(wav(&path_of(state.path(), ID)).1.len(), 1000);
}

#[test]
fn a_part_without_sound_is_removed() {
    let state = tempfile::tempdir().unwrap();
    let path = path_of(state.path(), ID);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    for content in [&b""[..], b"RIFF", b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff"] {
        fs::write(part_of(&path), content).unwrap();
        assert_eq!(repair_all(state.path()).unwrap(), [Repaired::Removed(part_of(&path))]);
    }
    assert!(!path.exists());
}

#[test]
fn a_recording_that_cannot_be_written_says_so_at_its_end() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("recordings"), "a file where the folder belongs").unwrap();
    let mut writers = Writers::default();
    writers.begin(state.path(), ID, 1);
    writers.audio(&audio(ID, 1, &[1]));
    assert!(writers.end(ID).is_err());
    assert!(writers.end(RecordingId(99)).is_err());
}

#[test]
fn a_full_disk_is_told_at_once_and_once_and_the_part_stays() {
    let state = tempfile::tempdir().unwrap();
    let part = part_of(&path_of(state.path(), ID));
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    let (inbox, counters) = (Inbox::new(16), Arc::default());
    let config = Config { flush: Duration::from_millis(10) };
    let (recorder, thread) = Recorder::start(state.path(), &config, inbox.clone(), &counters).unwrap();
    recorder.begin(ID, 2);
    for _ in 0..10 {
        recorder.audio(audio(ID, 2, &[1; 16_000]));
    }
    recorder.end(ID);
    recorder.stop();
    thread.join().unwrap();
    for when in ["at once", "at its end"] {
        let told = inbox.pop();
        assert!(
            matches!(told, Some(Report::RecordingSaved { recording: ID, result: Err(_) })),
            "{when}: {told:?}"
        );
    }
    assert!(inbox.pop().is_none());
    assert_eq!((counters.recordings_failed.get(), counters.recording_audio_lost.get()), (1, 0));
    assert!(!path_of(state.path(), ID).exists());
}

/// Nobody takes what the recorder is given, as while a write hangs.
#[test]
fn a_disk_that_stalls_is_told_of_and_nobody_waits() {
    let (sender, jobs) = crossbeam_channel::unbounded();
    let (inbox, counters) = (Inbox::new(4), Arc::new(Counters::default()));
    let queued = Arc::new(AtomicUsize::new(0));
    let (thread, inbox_too) = (thread::current(), inbox.clone());
    let recorder =
        Recorder { jobs: sender, thread, queued, counters: Arc::clone(&counters), inbox: inbox_too };
    for _ in 0..QUEUED {
        recorder.audio(audio(ID, 1, &[1]));
    }
    assert!(inbox.pop().is_none() && jobs.len() == QUEUED);
    for _ in 0..100 {
        recorder.audio(audio(ID, 1, &[1]));
    }
    assert!(matches!(inbox.pop(), Some(Report::RecordingSaved { recording: ID, result: Err(_) })));
    assert_eq!((jobs.len(), counters.recording_audio_lost.get()), (QUEUED, 100), "what waits has a bound");
}

#[test]
fn the_thread_reports_what_it_saved_and_loaded() {
    let state = tempfile::tempdir().unwrap();
    let inbox = Inbox::new(16);
    let counters = Arc::default();
    let (recorder, thread) =
        Recorder::start(state.path(), &Config::default(), inbox.clone(), &counters).unwrap();
    recorder.begin(ID, 1);
    recorder.audio(audio(ID, 1, &[5, 6]));
    recorder.end(ID);
    recorder.load(ID);
    recorder.load(RecordingId(77));
    recorder.stop();
    thread.join().unwrap();
    assert!(matches!(inbox.pop(), Some(Report::RecordingSaved { recording: ID, result: Ok(()) })));
    let Some(Report::Loaded { recording: ID, result: Ok(samples) }) = inbox.pop() else {
        panic!("not loaded")
    };
    assert_eq!(samples.as_ref(), [5, 6]);
    assert!(matches!(inbox.pop(), Some(Report::Loaded { recording: RecordingId(77), result: Err(_) })));
}

#[test]
fn who_asks_a_thread_that_is_gone_is_told_and_does_not_wait() {
    let state = tempfile::tempdir().unwrap();
    let counters = Arc::new(Counters::default());
    let (recorder, thread) =
        Recorder::start(state.path(), &Config::default(), Inbox::new(4), &counters).unwrap();
    assert!(recorder.load(ID));
    recorder.stop();
    thread.join().unwrap();
    assert!(!recorder.load(ID));
    recorder.begin(ID, 1);
    recorder.audio(audio(ID, 1, &[1]));
    assert_eq!((counters.recordings_failed.get(), counters.recording_audio_lost.get()), (1, 1));
}
