import errno
import hashlib
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from edgetui.adapters.files import local_files
from edgetui.adapters.files.local_files import LocalFiles, write_atomically
from edgetui.adapters.files.log_files import LogFiles
from edgetui.core import cancel
from edgetui.core.errors import EdgeError

needs_user = pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "state")


def old(path: Path) -> Path:
    """Give the file a time in the past, so that its digest may be remembered."""
    os.utime(path, ns=(time.time_ns() - 60 * 10**9,) * 2)
    return path


def test_text_comes_as_it_is(files: LocalFiles, tmp_path: Path) -> None:
    path = tmp_path / "score.py"
    path.write_bytes("a = 'ü'\r\nb\n".encode())
    assert files.read_text(str(path), "scoring.script") == "a = 'ü'\r\nb\n"


def test_a_byte_order_mark_is_dropped_and_kept_on_writing(files: LocalFiles, tmp_path: Path) -> None:
    path = tmp_path / "sample.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert files.read_text(str(path), "scoring.sample") == "{}"
    files.write_text(str(path), "[]", "scoring.sample")
    assert path.read_bytes() == b"\xef\xbb\xbf[]"


@pytest.mark.parametrize(
    ("content", "words"),
    [("x".encode("utf-16"), "UTF-16"), (b"a\nb\n\xff\xfa", ":3: byte 0xff"), (b"\x80\x04\x95", "not UTF-8")],
)
def test_what_is_no_utf8_is_said(files: LocalFiles, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(content)
    with pytest.raises(EdgeError) as caught:
        files.read_text(str(path), "scoring.script")
    assert words in caught.value.title
    assert (caught.value.field, caught.value.kind) == ("scoring.script", "input")
    assert "UTF-8" in caught.value.remedy


def test_missing_folder_and_pipe_are_told_apart(files: LocalFiles, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, words in [("none", "There is no file"), (".", "is a folder"), ("pipe", "cannot be read")]:
        with pytest.raises(EdgeError) as caught:
            files.read_text(str(tmp_path / name), "model.path")
        assert words in caught.value.title
        assert caught.value.field == "model.path"
        assert caught.value.remedy


@needs_user
def test_an_unreadable_file_names_the_permission(files: LocalFiles, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(EdgeError, match="No permission to read") as caught:
        files.fingerprint(str(path), "model.path")
    assert caught.value.field == "model.path"


def test_permission_denied_is_explained() -> None:
    error = local_files.explain(PermissionError(errno.EACCES, "Permission denied"), Path("/m.pkl"), "model.path")
    assert (error.title, error.detail) == ("No permission to read /m.pkl", "Permission denied")
    assert "permissions" in error.remedy


def test_a_file_too_large_for_a_text_is_refused(files: LocalFiles, tmp_path: Path) -> None:
    path = tmp_path / "big.py"
    with path.open("wb") as file:
        file.truncate(local_files.TEXT_LIMIT + 1)
    with pytest.raises(EdgeError, match="larger than 10 MiB"):
        files.read_text(str(path), "scoring.script")


def test_writing_keeps_permissions_line_ends_and_links(files: LocalFiles, tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_bytes(b"a\r\nb\r\n")
    real.chmod(0o751)
    link = tmp_path / "link.py"
    link.symlink_to(real)
    files.write_text(str(link), "a\nc\n", "scoring.script")
    assert link.is_symlink()
    assert real.read_bytes() == b"a\r\nc\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o751
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".tmp"] == []


def test_a_new_file_gets_its_folder_and_the_usual_mode(files: LocalFiles, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "new.txt"
    files.write_text(str(path), "x", "")
    usual = tmp_path / "usual"
    usual.touch()
    assert path.read_text() == "x"
    assert path.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "The disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "cannot be")]
)
def test_a_failing_disk_leaves_the_old_file(
    files: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    path = tmp_path / "score.py"
    path.write_text("old")

    def fail(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(EdgeError) as caught:
        files.write_text(str(path), "new", "scoring.script")
    assert words in caught.value.title
    assert caught.value.field == "scoring.script"
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["score.py"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_for_a_log_too(files: LocalFiles, tmp_path: Path) -> None:
    logs = tmp_path / "state" / "logs"
    logs.mkdir(parents=True)
    (logs / "build.log").symlink_to("/dev/full")
    with pytest.raises(EdgeError, match="The disk is full"):
        files.append_log("build.log", ["x" * 100_000])


def test_atomic_writing_never_shows_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    contents = {letter.encode() * 50_000 for letter in "abcd"}
    write_atomically(path, b"a" * 50_000)
    seen: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for content in sorted(contents) * 10:
        write_atomically(path, content)
    done.set()
    reader.join()
    assert seen <= contents


def test_a_fingerprint_of_a_file_is_its_sha256(files: LocalFiles, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"model" * 1000)
    assert files.fingerprint(str(path), "") == hashlib.sha256(b"model" * 1000).hexdigest()


def test_a_fingerprint_is_remembered_only_while_the_file_stands_still(files: LocalFiles, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"one")
    first = files.fingerprint(str(old(path)), "")
    assert list(files._digests._known.values()) == [first]
    path.write_bytes(b"two")  # the same size, a new time
    assert files.fingerprint(str(path), "") == hashlib.sha256(b"two").hexdigest()
    assert list(files._digests._known.values()) == [first]  # too fresh to be remembered


def test_a_folder_counts_names_and_contents(files: LocalFiles, tmp_path: Path) -> None:
    def folder(name: str, entries: dict[str, bytes]) -> str:
        for entry, content in entries.items():
            path = tmp_path / name / entry
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return files.fingerprint(str(tmp_path / name), "model.path")

    one = folder("one", {"a/x": b"1", "b": b"2"})
    assert folder("same", {"b": b"2", "a/x": b"1"}) == one
    assert len({one, folder("name", {"a/y": b"1", "b": b"2"}), folder("content", {"a/x": b"3", "b": b"2"})}) == 3
    assert folder("split", {"a": b"", "b": b"1"}) != folder("split2", {"a": b"1", "b": b""})


def test_links_never_lead_in_circles_nor_out_of_the_folder(files: LocalFiles, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "gone").symlink_to("nowhere")
    (folder / "file").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_bytes(b"1")
    first = files.fingerprint(str(folder), "")
    (tmp_path / "outside").write_bytes(b"22")
    assert files.fingerprint(str(folder), "") != first


def test_reading_a_large_file_can_be_stopped(files: LocalFiles, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"x")
    stop = cancel.Cancellation()
    stop.cancel()
    with cancel.using(stop), pytest.raises(EdgeError) as caught:
        files.fingerprint(str(path), "")
    assert caught.value.kind == "cancelled"


def test_logs_are_appended_and_private(files: LocalFiles) -> None:
    path = Path(files.append_log("build-1.log", ["one", "zwei ü"]))
    assert files.append_log("build-1.log", ["three"]) == str(path)
    assert path.read_text(encoding="utf-8") == "one\nzwei ü\nthree\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["../x", "/x", "", ".hidden", "a/b"])
def test_a_log_stays_in_its_folder(files: LocalFiles, name: str) -> None:
    with pytest.raises(EdgeError, match="no name for a log"):
        files.append_log(name, [])


def test_logs_are_listed_with_size_and_time_the_newest_first(files: LocalFiles, tmp_path: Path) -> None:
    assert files.logs() == []
    for name, age in (("build-a.log", 300), ("build-b.log", 100)):
        path = files.append_log(name, ["x" * 9])
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "state" / "logs" / "build-link.log").symlink_to("/etc/passwd")
    files.append_log("before-line1.json", ["what the device was told before"])
    assert [(log.name, log.size, log.changed) for log in files.logs()] == [
        ("build-b.log", 10, 999_900.0),
        ("build-a.log", 10, 999_700.0),
    ]


def test_the_oldest_logs_leave_when_a_new_one_begins_and_the_folder_is_full(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path, limit=2_500)
    (tmp_path / "before-line1.json").write_text("somebody's only copy" * 1_000)
    os.utime(tmp_path / "before-line1.json", (1, 1))
    for number in range(4):
        path = logs.append(f"build-{number}.log", ["x" * 999])
        os.utime(path, (1_000_000 + number, 1_000_000 + number))
    other = LogFiles(tmp_path, limit=2_500)  # another process, which has none of them open
    other.append("build-4.log", ["new"])
    # 4 kB were there: the two oldest left, and what has just begun never does.
    kept = ["before-line1.json", "build-2.log", "build-3.log", "build-4.log"]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
    assert logs.append("build-3.log", ["more"]).read_text() == "x" * 999 + "\nmore\n"


def test_a_log_that_may_still_be_written_is_never_removed(tmp_path: Path) -> None:
    mine, theirs = LogFiles(tmp_path, limit=10), LogFiles(tmp_path, limit=10)
    theirs.append("build-theirs.log", ["x" * 100])
    mine.append("build-mine.log", ["y" * 100])
    mine.append("build-next.log", ["z"])
    assert {path.name for path in tmp_path.iterdir()} == {"build-theirs.log", "build-mine.log", "build-next.log"}


def test_a_listing_is_ordered_bounded_and_leads_nowhere_else(files: LocalFiles, tmp_path: Path) -> None:
    root = tmp_path / "model"
    for name in ("b.bin", "a/2.bin", "a/1.bin", "c/d/e.bin"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    (root / "round").symlink_to(root)
    (root / "gone").symlink_to(tmp_path / "nowhere")
    assert files.listing(str(root), "model.path", 9) == ["b.bin", "a/1.bin", "a/2.bin", "c/d/e.bin"]
    assert files.listing(str(root), "model.path", 2) == ["b.bin", "a/1.bin"]
    with pytest.raises(EdgeError) as caught:
        files.listing(str(tmp_path / "nowhere"), "model.path", 9)
    assert caught.value.field == "model.path"
