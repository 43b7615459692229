"""Downloads from a server on this machine that does all that servers do."""

import logging
import threading

import pytest

from cpm import downloading
from cpm.downloading import check_file, download
from cpm.errors import DownloadError

from .helpers.server import CONTENT, SHA256, SIZE


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "net.bin"


def part(path, content=None):
    """Return the .part file, having written it if there is content for it."""
    file = path.with_name("net.bin.part")
    if content is not None:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    return file


def assert_whole(path):
    assert path.read_bytes() == CONTENT and not part(path).exists()


@pytest.mark.parametrize("size", [SIZE, None])
@pytest.mark.parametrize("wish", ["", "no-range", "lengthless"])
def test_whole(server, path, wish, size):
    assert download(server.url + wish, path, size, SHA256) == SHA256
    assert_whole(path)
    assert server.ranges == [None]
    download(server.url + wish, path, size, SHA256)  # is there already
    assert len(server.ranges) == 1


def test_file_scheme(path, tmp_path):
    source = tmp_path / "a source.bin"
    source.write_bytes(CONTENT)
    part(path, CONTENT[:1000])
    assert download(source.as_uri(), path, SIZE, SHA256) == SHA256
    assert_whole(path)


def test_unknown_hash_is_said(server, path, caplog):
    with caplog.at_level(logging.WARNING):
        assert download(server.url, path) == SHA256
    assert "no hash is published" in caplog.text and SHA256 in caplog.text


@pytest.mark.parametrize(("wish", "size"), [("", SIZE), ("", None), ("vague", None), ("no-range", SIZE)])
def test_resume(server, path, wish, size):
    part(path, CONTENT[:1000])
    download(server.url + wish, path, size, SHA256)
    assert_whole(path)
    assert server.ranges == ["bytes=1000-"]


def test_resume_is_refused_where_it_does_not_fit(server, path):
    part(path, CONTENT[:1000])
    download(server.url + "shifted", path, SIZE, SHA256)
    assert_whole(path)
    assert server.ranges == ["bytes=1000-", None]


@pytest.mark.parametrize(
    ("wish", "size", "ranges"),
    [
        ("", SIZE, []),
        ("", None, [f"bytes={SIZE}-"]),
        ("vague", None, [f"bytes={SIZE}-", None]),
    ],
)
def test_part_that_is_complete(server, path, wish, size, ranges):
    part(path, CONTENT)
    download(server.url + wish, path, size, SHA256)
    assert_whole(path)
    assert server.ranges == ranges


@pytest.mark.parametrize("size", [SIZE, None])
def test_part_that_is_too_long(server, path, size):
    part(path, CONTENT + b"more")
    download(server.url, path, size, SHA256)
    assert_whole(path)


def test_cut_connections_are_resumed(server, path):
    server.cuts[:] = [1000, 0, 2000]
    download(server.url, path, SIZE, SHA256)
    assert_whole(path)
    assert server.ranges[0] is None and len(server.ranges) == 4
    assert server.ranges[1:] == ["bytes=1000-", "bytes=1000-", "bytes=3000-"]


def test_connections_that_are_cut_again_and_again(server, path):
    server.cuts[:] = [1000] * 9
    with pytest.raises(DownloadError, match=rf"broke off after 5000 of {SIZE} bytes, 5 times; it may be there later"):
        download(server.url, path, SIZE, SHA256)
    assert part(path).read_bytes() == CONTENT[:5000] and not path.exists()
    server.cuts[:] = []
    download(server.url, path, SIZE, SHA256)
    assert_whole(path)
    assert server.ranges[-1] == "bytes=5000-"


def test_interrupt_keeps_the_part(server, path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    part(path, CONTENT[:1000])
    monkeypatch.setattr(downloading, "_append", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download(server.url, path, SIZE, SHA256)
    assert part(path).read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize(
    ("size", "sha256", "message"),
    [
        (SIZE - 1, SHA256, rf"not the published file, {SIZE} bytes, expected {SIZE - 1}"),
        (SIZE + 1, SHA256, rf"not the published file, {SIZE} bytes, expected {SIZE + 1}"),
        (SIZE, "0" * 64, rf"not the published file, its SHA-256 is {SHA256}, expected {'0' * 64}"),
    ],
)
def test_another_file(server, path, size, sha256, message):
    with pytest.raises(DownloadError, match=message) as caught:
        download(server.url, path, size, sha256)
    assert str(caught.value).startswith(server.url) and "\n" not in str(caught.value)
    assert not path.exists() and not part(path).exists()


def test_wrong_part_is_not_kept(server, path):
    part(path, b"\0" * 1000)
    with pytest.raises(DownloadError, match="its SHA-256 is"):
        download(server.url, path, SIZE, SHA256)
    assert not path.exists() and not part(path).exists()


@pytest.mark.parametrize("size", [SIZE, None])
def test_endless_file(server, path, size, monkeypatch):
    monkeypatch.setattr(downloading, "_LARGEST", 5 << 20)
    with pytest.raises(DownloadError, match=rf"sends more than {size or 5 << 20} bytes"):
        download(server.url + "endless", path, size, SHA256)
    assert not path.exists() and not part(path).exists()


@pytest.mark.parametrize(
    ("wish", "message", "requests"),
    [
        ("status=404", r"HTTP status 404 \(Not Found\)$", 1),
        ("status=503", "HTTP status 503, 5 times; it may be there later", 5),
        ("status=416", r"HTTP status 416", 1),
        ("page", "answers with a web page, not with the file", 1),
        ("redirect=", r"HTTP status 302 .*infinite loop", 5),
        ("redirect=file:///etc/hostname", "HTTP status 302", 1),
        ("redirect=ftp://127.0.0.1/net.bin", "redirects to 'ftp://127.0.0.1/net.bin', which is not followed", 1),
    ],
)
def test_refusals(server, path, wish, message, requests):
    part(path, b"")
    with pytest.raises(DownloadError, match=message) as caught:
        download(server.url + wish, path, SIZE, SHA256)
    assert "\n" not in str(caught.value) and server.url in str(caught.value)
    assert len(server.ranges) == requests and not path.exists()


def test_redirect(server, path):
    download(server.url + "redirect=/whole", path, SIZE, SHA256)
    assert_whole(path)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://127.0.0.1/net.bin", "expected a URL of http, https or file"),
        ("data:text/plain,net", "expected a URL of http, https or file"),
        ("net.bin", "expected a URL of http, https or file"),
        ("http://[::1/net.bin", "not a URL"),
        ("http://127.0.0.1/a b", "not a URL"),
        ("http://127.0.0.1/ü", "not a URL"),
        ("http:///net.bin", "cannot be reached|not a URL"),
        ("file:///nowhere/net.bin", "No such file or directory"),
        ("http://127.0.0.1:1/net.bin", r"cannot be reached \(.*refused.*, 5 times"),
    ],
)
def test_urls(path, url, message, monkeypatch):
    monkeypatch.setattr(downloading, "_PAUSE", 0)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DownloadError, match=message) as caught:
        download(url, path)
    assert str(caught.value).startswith(url) and "\n" not in str(caught.value)


def test_many_at_once(server, path):
    """As several processes would: the lock does not know threads from processes."""
    hashes = []
    threads = [threading.Thread(target=lambda: hashes.append(download(server.url, path, SIZE))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hashes == [SHA256] * 4 and server.ranges == [None]
    assert_whole(path)


def test_check_file(path):
    part(path, CONTENT)
    file = part(path)
    assert check_file(file) == check_file(file, SIZE, SHA256) == SHA256
    for size, sha256, message in ((SIZE + 1, None, "bytes, expected"), (None, "0" * 64, "SHA-256 is")):
        with pytest.raises(DownloadError, match=rf"\.part: not the published file, .*{message}.*; delete it"):
            check_file(file, size, sha256)
    for wrong, message in ((path, "no such file"), (path.parent, "a folder")):
        with pytest.raises(DownloadError, match=f"{message}, expected a file$"):
            check_file(wrong)


@pytest.mark.parametrize("name", ["weights.bin.part", ".weights.bin.lock"])
@pytest.mark.parametrize("dangling", [False, True])
def test_links_in_the_place_of_parts_and_locks_are_not_followed(server, tmp_path, name, dangling):
    victim = tmp_path / "victim"
    if not dangling:
        victim.write_bytes(b"precious")
    (tmp_path / name).symlink_to(victim)
    with pytest.raises(OSError, match="a link, which is not followed") as caught:
        download(server.url, tmp_path / "weights.bin", SIZE)
    assert caught.value.filename == str(tmp_path / name)
    assert not (tmp_path / "weights.bin").exists()
    assert not victim.exists() if dangling else victim.read_bytes() == b"precious"
