"""A table in S3 is cleaned as one on disk, and what is wrong on the way there is said plainly."""

import socket
import urllib.request

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

import mithridate
from mithridate.errors import InputError

from .test_audit import call
from .test_bigtable import cut, long_table

server = pytest.importorskip(
    "moto.server", reason="moto is not installed (pip install moto[server])"
)


@pytest.fixture(scope="module")
def address():
    """A server of its own on loopback, host:port."""
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"{host}:{port}"
    running.stop()


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def table():
    return long_table(2000)


@pytest.fixture
def bucket(address, table, tmp_path):
    """The table in two files of a bucket, and below it on disk."""
    here = tmp_path / "here"
    here.mkdir()
    cut(table, here, [700], group=300)
    s3 = fs.S3FileSystem(endpoint_override=address, scheme="http", allow_bucket_creation=True)
    s3.create_dir("bucket/table/year=2024")
    for path in here.iterdir():
        with s3.open_output_stream(f"bucket/table/year=2024/{path.name}") as file:
            file.write(path.read_bytes())
    return here


def url(address, where="bucket/table"):
    return f"s3://{where}?endpoint_override={address}&scheme=http&region=us-east-1"


def test_a_table_in_a_bucket_is_cut_as_on_disk(bucket, address, tmp_path):
    want = mithridate.clean(bucket, target="y", out=tmp_path / "want", defense="antidote")
    got = mithridate.clean(url(address), target="y", out=tmp_path / "got", defense="antidote")
    np.testing.assert_array_equal(got.mask, want.mask)
    assert not got.mask.all()
    for part in ("part-000.parquet", "part-001.parquet"):
        mine = pq.ParquetFile(tmp_path / "got" / "year=2024" / part).read()
        assert len(mine) == len(pq.ParquetFile(tmp_path / "want" / part).read())


def test_the_command_names_its_output_after_the_folder(bucket, address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said, err = call("clean", url(address), "--target", "y")
    assert code == 0, err
    assert said.startswith("Found: ")
    assert (tmp_path / "table.cleaned" / "year=2024" / "part-000.parquet").exists()


def test_one_file_of_a_bucket(bucket, address):
    one = url(address, "bucket/table/year=2024/part-000.parquet")
    assert len(mithridate.clean(one, target="y", defense="antidote").mask) == 700


def closed():
    """An address at which nothing answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{held.getsockname()[1]}"


def check_keys_after(address, count):
    """Makes the server look at the keys, after it has let so many requests pass."""
    reset, plain = f"http://{address}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(reset, count.encode(), plain)).close()


def test_a_run_that_lost_the_network_goes_on_where_it_was(bucket, address, tmp_path):
    def tell(stage, done, total):
        if stage.startswith("pass 3"):
            check_keys_after(address, "0")

    out = tmp_path / "out"
    try:
        with pytest.raises(InputError, match=r"cannot be reached .*credentials"):
            mithridate.clean(
                url(address),
                target="y",
                out=out,
                tell=tell,
                skip_bad_files=True,
                defense="antidote",
            )
    finally:
        check_keys_after(address, "inf")
    found = mithridate.clean(url(address), target="y", out=out, defense="antidote")
    assert (
        len(found.passes)
        == len(mithridate.clean(bucket, target="y", defense="antidote").passes) - 2
    )


@pytest.mark.parametrize("how", ["no bucket", "no folder", "no server", "no rights"])
def test_what_is_wrong_gets_one_sentence(how, bucket, address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = {"no bucket": "nowhere/table", "no folder": "bucket/nowhere"}.get(how, "bucket/table")
    if how == "no rights":
        check_keys_after(address, "0")
    try:
        where = closed() if how == "no server" else address
        code, out, err = call("clean", url(where, place), "--target", "y")
    finally:
        check_keys_after(address, "inf")
    assert code == 1 and out == ""
    assert "Traceback" not in err and "foresee" not in err
    said = err.strip().splitlines()[-1]
    assert ("There is no folder" if how in ("no bucket", "no folder") else "credentials") in said
    assert place in said
    assert {p.name for p in tmp_path.iterdir()} == {"here"}
