//! Is a file that hangs given up, and does nobody else wait for it?

use super::*;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::io::Write;
use std::sync::mpsc::channel;
use std::time::Duration;
use tempfile::TempDir;

const SOON: Duration = Duration::from_millis(10);

/// In the place of a file: whoever opens it waits until somebody writes.
fn hangs(path: &Path) {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
}

fn of(path: &Path) -> impl FnOnce() -> io::Result<Vec<u8>> + Send + 'static {
    let path = path.to_owned();
    move || read(&path)
}

#[tokio::test]
async fn what_hangs_is_given_up_and_the_next_is_done() {
    let mut work = Aside::within(SOON);
    let (release, hangs) = channel::<()>();
    work.begin("a file", move || hangs.recv().is_ok());
    assert!(!work.is_idle());
    let given_up = work.done().await.unwrap_err();
    assert!(given_up.contains("a file could not be read within 10ms"), "{given_up}");
    assert!(work.is_idle());
    let mut work = Aside::within(PATIENCE);
    work.begin("another", || true);
    assert_eq!(work.done().await, Ok(true));
    release.send(()).unwrap();
}

#[tokio::test]
async fn what_panics_is_told() {
    let told = aside("a file", PATIENCE, || -> () { panic!("as a test may") }).await;
    assert!(told.unwrap_err().starts_with("a file: "));
}

#[tokio::test]
async fn nobody_asks_a_file_that_hangs_and_all_others_are_read() {
    let folder = TempDir::new().unwrap();
    let [pipe, link, good] = ["pipe", "link", "good"].map(|name| folder.path().join(name));
    hangs(&pipe);
    std::os::unix::fs::symlink(&pipe, &link).unwrap();
    fs::write(&good, "good").unwrap();
    // On a busy machine somebody may be given up before it is at the file.
    let told = format!("{} does not answer", pipe.display());
    while !aside("files", SOON, of(&pipe)).await.unwrap_err().contains(&told) {}

    // Were one of them asked, it would take that long.
    for path in [&pipe, &link] {
        let told = aside("files", PATIENCE, of(path)).await.unwrap().unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::TimedOut, "{told}");
    }
    assert!(metadata(&pipe).is_err(), "it has no stamp while it hangs");
    assert_eq!(aside("files", PATIENCE, of(&good)).await.unwrap().unwrap(), b"good");

    // Another in its place is another file, though somebody still waits for the one before.
    fs::rename(&pipe, folder.path().join("moved")).unwrap();
    fs::write(&pipe, "mended").unwrap();
    assert_eq!(aside("files", PATIENCE, of(&pipe)).await.unwrap().unwrap(), b"mended");

    // And when it answers, it is asked again.
    fs::File::options().write(true).open(folder.path().join("moved")).unwrap().write_all(b"late").unwrap();
    while metadata(&folder.path().join("moved")).is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_files_that_answer_may_take_longer_together() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let ((next, asked), (answer, read_one)) = (channel(), channel());
    let working = tokio::spawn(aside("files", PATIENCE, move || {
        while asked.recv().is_ok() {
            answer.send(read(&file).is_ok()).unwrap();
        }
    }));
    for _ in 0..5 {
        tokio::task::yield_now().await;
        next.send(()).unwrap();
        assert_eq!(read_one.recv(), Ok(true));
        tokio::time::advance(PATIENCE).await;
    }
    drop(next);
    assert_eq!(working.await.unwrap(), Ok(()));
}
