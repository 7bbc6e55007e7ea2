"""Downloads of every platform end in one layout; hostile ones write nothing else."""

import io
import json
import os
import shutil
import stat
import tarfile
import zipfile

import pytest

from course import cli
from course.collecting import archive

ECA, SIZES = "channel_attention", "receptive_fields"
CHAPTER = "vision/classification"


def zipped(path, members):
    """Write a zip of {name: text or bytes}."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.fixture
def collect(tmp_path, capsys):
    """Collect into a folder; return (code, {file: text}, manifest, output, errors)."""
    out = tmp_path / "submissions"

    def run(source, *more):
        code = cli.main(["collect", str(source), "--out", str(out), *more])
        said = capsys.readouterr()
        files = {
            p.relative_to(out).as_posix(): p.read_bytes().decode("utf-8", "replace")
            for p in sorted(out.rglob("*"))
            if p.is_file() and p.name not in ("manifest.jsonl", "left_out.jsonl")
        }
        lines = []
        if (out / "manifest.jsonl").exists():
            text = (out / "manifest.jsonl").read_text("utf-8")
            lines = [json.loads(line) for line in text.splitlines()]
        return code, files, lines, said.out, said.err

    return run


def test_canvas(collect, tmp_path):
    source = zipped(
        tmp_path / "submissions.zip",
        {
            f"levyanna_12_345_{ECA}.py": "anna 1",
            f"levyanna_12_346_{ECA}-2.py": "anna 3",
            f"levyanna_12_345_{ECA}-1.py": "anna 2",
            f"nilssonbo_LATE_13_350_{SIZES}.ipynb": "bo",
            "readme.py": "nobody's",
        },
    )
    code, files, manifest, out, err = collect(source)
    assert code == 0 and "2 files of 2 students" in out
    assert files == {
        f"levyanna/{CHAPTER}/{ECA}.py": "anna 3",
        f"nilssonbo/{CHAPTER}/{SIZES}.ipynb": "bo",
    }
    anna, bo = manifest
    assert anna["ids"] == {"canvas_id": "12", "submission_id": "346"}
    assert anna["attempt"] == 3 and not anna["late"] and bo["late"]
    assert anna["original"] == f"levyanna_12_346_{ECA}-2.py"
    assert err.count("is later and counts") == 2
    assert "readme.py: Canvas names files" in err


def test_moodle(collect, tmp_path):
    source = zipped(
        tmp_path / "moodle.zip",
        {
            f"Anna Lévy_101_assignsubmission_file_/{ECA}.py": "anna",
            f"Bo Ek_102_assignsubmission_file_/sub/{ECA} (1).py": "bo",
            "Chi_103_assignsubmission_file_/notes.txt": "text",
        },
    )
    _, files, manifest, _, err = collect(source)
    assert list(files) == [f"Anna_Lévy/{CHAPTER}/{ECA}.py", f"Bo_Ek/{CHAPTER}/{ECA}.py"]
    assert manifest[0]["ids"] == {"moodle_participant": "101"}
    assert "notes.txt: no .py and no .ipynb" in err


METADATA = """
submission_7:
  :submitters:
  - :name: Anna Lévy
    :sid: '0042'
    :email: anna@uni.example
  - :name: Bo Ek
    :sid: '0043'
    :email: bo@uni.example
  :created_at: 2026-11-20 10:00:00.000000000 Z
submission_8:
  :submitters: []
"""


def test_gradescope(collect, tmp_path):
    top = "assignment_1_export"
    members = {
        f"{top}/submission_metadata.yml": METADATA,
        f"{top}/submission_7/{ECA}.py": "both",
        f"{top}/submission_8/{ECA}.py": "nobody",
        f"{top}/submission_9/{ECA}.py": "unknown",
    }
    _, files, manifest, _, err = collect(zipped(tmp_path / "g.zip", members))
    assert list(files) == [f"{n}/{CHAPTER}/{ECA}.py" for n in ("Anna_Lévy", "Bo_Ek")]
    assert manifest[0]["ids"]["sid"] == "0042"
    assert manifest[0]["time"] == "2026-11-20T10:00:00+00:00"
    assert "names nobody for submission_8" in err and "submission_9" in err


def test_github(collect, tmp_path):
    inner = f"assignments/{CHAPTER}/{ECA}.py"
    for user in ("anna-l", "bo"):
        path = tmp_path / "class" / f"week-1-{user}" / inner
        path.parent.mkdir(parents=True)
        path.write_text(user)
    _, files, manifest, _, _ = collect(tmp_path / "class")
    assert files == {f"{u}/{CHAPTER}/{ECA}.py": u for u in ("anna-l", "bo")}
    assert manifest[1]["ids"] == {"github": "bo"}


def test_tar_and_one_exercise_for_all_files(collect, tmp_path):
    source = tmp_path / "class.tar.gz"
    with tarfile.open(source, "w:gz") as file:
        for name in ("anna/homework.py", "bo/final version.ipynb"):
            info = tarfile.TarInfo(name)
            info.size = 4
            file.addfile(info, io.BytesIO(b"text"))
        link = tarfile.TarInfo("eve/x.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    code, files, _, _, err = collect(source, "--exercise", ECA)
    assert code == 0
    assert list(files) == [f"anna/{CHAPTER}/{ECA}.py", f"bo/{CHAPTER}/{ECA}.ipynb"]
    assert "eve/x.py: a link or device" in err


def test_collected_again_later_work_replaces_earlier(collect, tmp_path):
    first = {f"anna/{ECA}.py": "first", f"anna/{SIZES}.py": "kept"}
    collect(zipped(tmp_path / "1.zip", first))
    again = {f"anna/{ECA}.ipynb": "second", f"Anna/{ECA}.py": "another Anna"}
    _, files, manifest, _, _ = collect(zipped(tmp_path / "2.zip", again))
    assert files == {
        f"Anna-2/{CHAPTER}/{ECA}.py": "another Anna",
        f"anna/{CHAPTER}/{ECA}.ipynb": "second",
        f"anna/{CHAPTER}/{SIZES}.py": "kept",
    }
    assert len(manifest) == 3


def test_zip_in_a_zip(collect, tmp_path):
    zipped(tmp_path / "inner.zip", {f"work/{ECA}.py": "anna"})
    zipped(tmp_path / "deep.zip", {"inner.zip": (tmp_path / "inner.zip").read_bytes()})
    members = {
        "anna/hand in.zip": (tmp_path / "inner.zip").read_bytes(),
        "bo/deep.zip": (tmp_path / "deep.zip").read_bytes(),
        "chi/broken.zip": b"PK no zip",
    }
    _, files, _, _, err = collect(zipped(tmp_path / "class.zip", members))
    assert files == {f"anna/{CHAPTER}/{ECA}.py": "anna"}
    assert "broken.zip is a damaged zip" in err


HOSTILE = {
    "../../evil/channel_attention.py": "leads out of the archive",
    "/tmp/evil/channel_attention.py": "an absolute path",
    "C:\\evil\\channel_attention.py": "an absolute path",
    "..\\..\\evil\\channel_attention.py": "leads out of the archive",
    "eve/a\nb/channel_attention.py": "control characters",
    "__MACOSX/eve/._channel_attention.py": "litter",
    "eve/.DS_Store": "litter",
}


def test_hostile_names_write_nothing_outside(collect, tmp_path):
    members = {**dict.fromkeys(HOSTILE, "evil"), f"anna/{ECA}.py": "good"}
    before = {p for p in tmp_path.parent.rglob("*")}
    _, files, _, _, err = collect(zipped(tmp_path / "x.zip", members))
    assert files == {f"anna/{CHAPTER}/{ECA}.py": "good"}
    for reason in HOSTILE.values():
        assert reason in err
    assert all(line.startswith("left out") for line in err.splitlines())
    new = {p for p in tmp_path.parent.rglob("*")} - before
    assert all(p == tmp_path / "x.zip" or "submissions" in p.parts for p in new)
    assert not os.path.exists("/tmp/evil")


def test_links_in_zips_and_folders(collect, tmp_path):
    source = tmp_path / "x.zip"
    with zipfile.ZipFile(source, "w") as file:
        info = zipfile.ZipInfo(f"eve/{ECA}.py")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
        file.writestr(f"anna/{ECA}.py", "good")
    _, files, _, _, err = collect(source)
    assert list(files) == [f"anna/{CHAPTER}/{ECA}.py"] and "a link, not a file" in err
    folder = tmp_path / "class" / "eve"
    folder.mkdir(parents=True)
    (folder / f"{ECA}.py").symlink_to("/etc/passwd")
    assert "a link, not a file" in collect(tmp_path / "class")[4]


def test_bombs(collect, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "SIZE_MAX", 1 << 20)
    source = tmp_path / "bomb.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"eve/{ECA}.py", bytes(50 << 20))
        file.writestr(f"anna/{ECA}.py", "good")
    _, files, _, _, err = collect(source)
    assert list(files) == [f"anna/{CHAPTER}/{ECA}.py"] and "larger than 1 MB" in err
    monkeypatch.setattr(archive, "MEMBERS_MAX", 3)
    many = zipped(tmp_path / "m.zip", {f"s{i}/{ECA}.py": "x" for i in range(9)})
    assert "more than 3 members" in collect(many)[4]


def test_names_of_students(collect, tmp_path):
    names = ["CON", "a" * 300, "=HYPERLINK(1)", "أحمد", "e\u0301mile", "..", "🙂"]
    folders = {}
    for name in names:
        members = {f"{name}/{ECA}.py": name, f"zoe/{ECA}.py": "zoe"}
        _, files, manifest, _, _ = collect(zipped(tmp_path / "x.zip", members))
        folders |= {e["name"]: e["student"] for e in manifest}
    assert folders["CON"] == "CON_" and folders["=HYPERLINK(1)"] == "HYPERLINK_1"
    assert folders["أحمد"] == "أحمد" and folders["émile"] == "émile"
    assert len(folders["a" * 300]) == 60 and ".." not in folders
    assert folders["🙂"] == "student"


def test_old_zip_names_in_utf8(collect, tmp_path):
    """macOS packs UTF-8 names without saying so."""
    source = zipped(tmp_path / "x.zip", {f"Zo/{ECA}.py": "z", f"a/{ECA}.py": "a"})
    raw = source.read_bytes().replace(b"Zo/", "é/".encode())
    source.write_bytes(raw)
    assert f"é/{CHAPTER}/{ECA}.py" in collect(source)[1]


@pytest.mark.parametrize(
    "argv, said",
    [
        (["nowhere.zip"], "nowhere.zip does not exist"),
        (["pyproject.toml"], "no folder, zip or tar"),
        (["course/samples", "--from", "blackboard"], "--from is one of canvas"),
        (["course/samples", "--from", "gradescope"], "is this from Gradescope?"),
        (["course/samples", "--assignment", "hw1"], "--assignment is for clones of"),
        (["course/samples", "--exercise", "chanel_attention"], "did you mean"),
    ],
)
def test_wrong_usage(argv, said, capsys, tmp_path):
    assert cli.main(["collect", *argv, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_damaged_archives(collect, tmp_path):
    whole = zipped(tmp_path / "x.zip", {f"a/{ECA}.py": "a" * 5000}).read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    assert collect(cut)[0] == 2
    broken = tmp_path / "broken.zip"
    broken.write_bytes(whole.replace(b"aaaa", b"bbbb", 1))
    assert "damaged" in collect(broken)[4]


def test_the_samples_are_a_class(collect):
    code, files, manifest, _, err = collect("course/samples")
    assert code == 0 and len(files) == len(manifest) == 9 and not err


def tarred(path, members, **facts):
    """Write a tar of {name: text}, each member with these facts."""
    with tarfile.open(path, "w:gz") as file:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            for key, value in facts.items():
                setattr(info, key, value)
            file.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize("time", [10**15, -(10**15)])
def test_impossible_times(collect, tmp_path, time):
    source = tarred(tmp_path / "x.tar.gz", {f"anna/{ECA}.py": "a"}, mtime=time)
    code, _, manifest, _, _ = collect(source)
    assert code == 0 and manifest[0]["time"].startswith("1970-01-01")


def test_damage_in_the_middle_of_a_tar(collect, tmp_path):
    noise = "".join(chr(33 + i * i * 7919 % 90) for i in range(30_000))
    source = tarred(tmp_path / "x.tar.gz", {f"anna/{ECA}.py": noise})
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    source.write_bytes(content)
    code, files, _, _, err = collect(source)
    assert code == 2 and not files and "is a damaged tar" in err


def test_names_that_are_not_text(collect, tmp_path):
    folder = tmp_path / "class"
    os.makedirs(os.fsencode(folder) + b"/b\xff")
    open(os.fsencode(folder) + b"/b\xff/" + f"{ECA}.py".encode(), "w").close()
    (folder / "anna").mkdir()
    (folder / "anna" / f"{ECA}.py").write_text("a")
    code, files, _, _, err = collect(folder)
    assert code == 0 and len(files) == 1 and "a name that is not UTF-8" in err


ODD = [
    "submission_7:\n  :submitters: [amy]\n",
    "submission_7:\n  :submitters: amy\n",
    "submission_7:\n  :submitters:\n  - :name: A\n  :created_at: 2024-13-45 10:00:00\n",
    "submission_7: 5\n",
    "[1, 2",
]


@pytest.mark.parametrize("metadata", ODD)
def test_odd_metadata_of_gradescope(collect, tmp_path, metadata):
    members = {"submission_metadata.yml": metadata, f"submission_7/{ECA}.py": "x"}
    code, files, _, out, _ = collect(zipped(tmp_path / "g.zip", members))
    assert code == 1 and not files and "nothing in " in out


def test_metadata_deeper_than_a_file(collect, tmp_path):
    members = {
        "a/b/submission_metadata.yml": METADATA,
        f"a/b/submission_7/{ECA}.py": "both",
        "top.py": "x",
    }
    code, files, _, _, err = collect(zipped(tmp_path / "g.zip", members))
    assert code == 0 and len(files) == 2 and "top.py" in err


def test_nothing_in_it(collect, tmp_path):
    code, files, manifest, out, _ = collect(zipped(tmp_path / "x.zip", {}))
    assert code == 1 and not files and not manifest and "nothing in" in out


def test_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    out = str(tmp_path / "file" / "out")
    assert cli.main(["collect", "course/samples", "--out", out]) == 2
    assert f"{out} cannot be written (Not a directory)" in capsys.readouterr().err


@pytest.mark.parametrize("inner", [f"{CHAPTER}/{ECA}.py", f"work/{ECA}.py"])
def test_archive_of_one_student(collect, tmp_path, inner):
    _, files, manifest, _, _ = collect(
        zipped(tmp_path / "x.zip", {f"amy/{inner}": "a"})
    )
    assert files == {f"amy/{CHAPTER}/{ECA}.py": "a"} and manifest[0]["name"] == "amy"


def test_one_odd_name_in_a_canvas_download(collect, tmp_path):
    members = {f"{n}_1{i}_5_{ECA}.py": n for i, n in enumerate(("ann", "bo", "chi"))}
    members[f"roe_o_124_1_{ECA}.py"] = "odd"
    code, files, _, _, err = collect(zipped(tmp_path / "x.zip", members))
    assert code == 0 and len(files) == 3 and "roe_o_124_1" in err


def test_a_student_does_not_choose_his_own_time(collect, tmp_path):
    """What lies in his zip is as old as he likes; the download knows better."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        old = zipfile.ZipInfo(f"work/{ECA}.py", (2026, 1, 1, 0, 0, 0))
        file.writestr(old, "eve")
    with zipfile.ZipFile(tmp_path / "submissions.zip", "w") as file:
        name = "eve_12_assignsubmission_file_/work.zip"
        info = zipfile.ZipInfo(name, (2026, 11, 20, 10, 0, 0))
        file.writestr(info, packed.getvalue())
        name = f"ann_13_assignsubmission_file_/{ECA}.py"
        info = zipfile.ZipInfo(name, (2026, 11, 20, 10, 0, 0))
        file.writestr(info, "ann")
    _, _, manifest, _, _ = collect(tmp_path / "submissions.zip")
    assert {entry["time"][:10] for entry in manifest} == {"2026-11-20"}


def test_a_name_that_ends_lines_in_its_middle(collect, tmp_path):
    """One student's file names do not make the manifest unreadable for all."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(f"a\u2028b\x85/{ECA}.py", "eve")
    members = {"eve_12_345_work.zip": packed.getvalue(), f"ann_13_346_{ECA}.py": "ann"}
    source = zipped(tmp_path / "submissions.zip", members)
    assert collect(source)[0] == 0
    code, files, *_ = collect(source)
    assert code == 0 and len(files) == 2


def test_users_of_github_whose_names_end_alike(collect, tmp_path):
    path = f"assignments/{CHAPTER}/{ECA}.py"
    members = {f"hw1-{user}/{path}": user for user in ("bob", "bob-main", "ann-main")}
    _, files, manifest, _, _ = collect(zipped(tmp_path / "x.zip", members))
    assert sorted(files.values()) == ["ann-main", "bob", "bob-main"]
    assert {entry["student"] for entry in manifest} == {"ann", "bob", "bob-main"}


def test_what_is_still_packed_is_listed(collect, tmp_path):
    source = tmp_path / "class"
    (source / "ann").mkdir(parents=True)
    (source / "ann/work.7z").write_bytes(b"7z")
    (source / "bo").mkdir()
    (source / f"bo/{ECA}.py").write_text("bo")
    _, files, _, _, err = collect(source)
    assert len(files) == 1 and "ann/work.7z: " in err


def test_zips_in_a_folder_are_read_as_in_a_zip(collect, tmp_path):
    source = tmp_path / "class"
    (source / "ann").mkdir(parents=True)
    zipped(source / "ann/work.zip", {f"{ECA}.py": "ann"})
    (source / "bo").mkdir()
    (source / "bo/work.tar.gz").write_bytes(b"?")
    (source / f"bo/{SIZES}.py").write_text("bo")
    code, files, _, _, err = collect(source)
    assert code == 0
    assert files == {f"ann/{CHAPTER}/{ECA}.py": "ann", f"bo/{CHAPTER}/{SIZES}.py": "bo"}
    assert "bo/work.tar.gz: packed in another way than zip: unpack it" in err


def test_times_of_a_canvas_download_are_those_of_the_download(collect, tmp_path):
    source = zipped(tmp_path / "x.zip", {f"bo_LATE_13_350_{ECA}.py": "bo"})
    _, _, (bo,), _, _ = collect(source)
    assert bo["late"] and bo["time"].startswith("1970")


def test_what_was_left_out_is_kept_until_it_is_mended(collect, tmp_path):
    files = {f"ann/{ECA}.py": "ann", "ida/essay.py": "?", "__MACOSX/x.py": "litter"}
    collect(zipped(tmp_path / "x.zip", files))
    collect(zipped(tmp_path / "y.zip", {f"bo/{ECA}.py": "bo", "cy/what.py": "?"}))
    lines = (tmp_path / "submissions/left_out.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    assert [(row["archive"], row["line"].partition(":")[0]) for row in told] == [
        ("x.zip", "ida/essay.py"),
        ("y.zip", "cy/what.py"),
    ]
    files |= {f"ida/{ECA}.py": files.pop("ida/essay.py")}
    collect(zipped(tmp_path / "x.zip", files))
    lines = (tmp_path / "submissions/left_out.jsonl").read_text().splitlines()
    assert len(lines) == 1 and "cy/what.py" in lines[0]


def test_users_of_github_whose_names_begin_alike(collect, tmp_path):
    path = f"assignments/{CHAPTER}/{ECA}.py"
    members = {f"hw1-{user}/{path}": user for user in ("al-smith", "al-jones")}
    source = zipped(tmp_path / "x.zip", members)
    _, _, _, _, err = collect(source)
    assert "users are what follows hw1-al-: if it is wrong, say --assignment" in err
    shutil.rmtree(tmp_path / "submissions")
    _, files, _, _, err = collect(source, "--assignment", "hw1")
    assert {name.partition("/")[0] for name in files} == {"al-smith", "al-jones"}
    assert not err
    one = zipped(tmp_path / "1.zip", {f"hw1-bo/{path}": "bo", "hw1-bo/x/y.py": "?"})
    shutil.rmtree(tmp_path / "submissions")
    _, files, *_ = collect(one, "--from", "github", "--assignment", "hw1")
    assert list(files) == [f"bo/{path.removeprefix('assignments/')}"]
