"""Reads archives and folders of submissions without trusting a name or a size in them.

Nothing is unpacked: members are read into memory, within bounds, and what is not a
plain file with a sane name is left out, with a reason.
"""

import io
import stat
import tarfile
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SIZE_MAX = 20 << 20  # bytes of one file
TOTAL_MAX = 4 << 30  # bytes of all files of an archive
MEMBERS_MAX = 200_000
LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", ".ipynb_checkpoints", "__pycache__")
SYSTEM = "litter of the system it was packed on"
PACKED = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
WANTED = (".py", ".ipynb", ".yml", ".zip")


class Unreadable(Exception):
    """The archive as a whole cannot be used; says what to do."""


@dataclass(frozen=True)
class File:
    """One file of an archive.

    Args:
        path: PurePosixPath inside the archive, clean and relative.
        time: seconds since 1970, or 0 if it is not known.
        content: bytes.
    """

    path: PurePosixPath
    time: float
    content: bytes


@dataclass(frozen=True)
class LeftOut:
    """A member that was not read, and why."""

    name: str
    reason: str


def members(path):
    """Yield a File or LeftOut for every member of a zip, tar or folder.

    Raises:
        Unreadable: it is none of them, or damaged.
    """
    path = Path(path)
    if path.is_dir():
        yield from of_folder(path)
    elif zipfile.is_zipfile(path):
        yield from of_zip(path, path.name)
    elif path.is_file() and tarfile.is_tarfile(path):
        yield from of_tar(path)
    else:
        raise Unreadable(f"{path} is no folder, zip or tar: download it again")


def of_folder(folder):
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            yield LeftOut(name, "a link, not a file")
        elif path.is_file():
            clean, reason = cleaned(name)
            if reason is None and path.stat().st_size > SIZE_MAX:
                reason = f"larger than {SIZE_MAX >> 20} MB"
            if reason:
                yield LeftOut(name, reason)
            elif path.suffix.lower() == ".zip":
                yield from inner(clean, path.read_bytes(), path.stat().st_mtime)
            else:
                yield File(clean, path.stat().st_mtime, path.read_bytes())


def of_zip(source, name, nested=False):
    """Read a zip; one that lies in it, as students send them, is read too."""
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError) as e:
        raise Unreadable(f"{name} is a damaged zip ({e}): download it again") from None
    total = 0
    with archive:
        for count, info in enumerate(archive.infolist()):
            if info.is_dir():
                continue
            if count >= MEMBERS_MAX:
                yield LeftOut(info.filename, f"more than {MEMBERS_MAX:,} members")
                return
            path, reason = cleaned(decoded(info))
            if stat.S_ISLNK(info.external_attr >> 16):
                reason = "a link, not a file"
            if reason is None:
                content, reason = unpacked(archive, info, TOTAL_MAX - total)
            if reason:
                yield LeftOut(info.filename, reason)
                continue
            total += len(content)
            if path.suffix.lower() == ".zip" and not nested:
                yield from inner(path, content, seconds(info.date_time))
            else:
                yield File(path, seconds(info.date_time), content)


def inner(path, content, time):
    """Yield the members of a zip in a zip, as if it were a folder of its name.

    Their time is that of the zip: what is written in it, its maker chose.
    """
    try:
        for member in of_zip(io.BytesIO(content), path.name, nested=True):
            if isinstance(member, File):
                whole = path.with_suffix("") / member.path
                yield File(whole, time, member.content)
            else:
                yield LeftOut(f"{path}/{member.name}", member.reason)
    except Unreadable as e:
        yield LeftOut(str(path), str(e))


def unpacked(archive, info, room):
    """Return (content, None), or (None, why not): sizes in a zip may be lies."""
    if info.flag_bits & 1:
        return None, "encrypted"
    bound = min(SIZE_MAX, room)
    try:
        with archive.open(info) as member:
            content = member.read(bound + 1)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as e:
        return None, f"damaged ({e})"
    except Exception as e:  # zlib.error, lzma.LZMAError and their like share no base
        return None, f"damaged ({type(e).__name__})"
    if len(content) > bound:
        return None, f"larger than {bound >> 20} MB"
    return content, None


def of_tar(path):
    total = 0
    try:
        with tarfile.open(path) as archive:
            for count, info in enumerate(archive):
                clean, reason = cleaned(info.name)
                if info.isdir():
                    continue
                if count >= MEMBERS_MAX:
                    yield LeftOut(info.name, f"more than {MEMBERS_MAX:,} members")
                    return
                if not info.isfile():
                    reason = "a link or device, not a file"
                elif info.size > min(SIZE_MAX, TOTAL_MAX - total):
                    reason = f"larger than {SIZE_MAX >> 20} MB"
                if reason:
                    yield LeftOut(info.name, reason)
                    continue
                total += info.size
                yield File(clean, info.mtime, archive.extractfile(info).read())
            while archive.fileobj.read(1 << 20):
                pass  # the sum that tells of damage stands at the end
    except Exception as e:  # what decompressors raise has no common base
        raise Unreadable(f"{path} is a damaged tar ({e}): download it again") from None


def decoded(info):
    """Return a member's name: zips without the UTF-8 flag often hold UTF-8 anyway."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def cleaned(name):
    """Return (path, None) for a sane relative name, or (None, why it is left out)."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    if any("\ud800" <= c <= "\udfff" for c in name):
        return None, "a name that is not UTF-8"
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or (parts and parts[0].endswith(":")):
        return None, "an absolute path"
    if ".." in parts:
        return None, "a path that leads out of the archive"
    if any(ord(c) < 32 or c == "\x7f" for c in name):
        return None, "a name with control characters"
    if not parts or any(p in LITTER or p.startswith("._") for p in parts):
        return None, SYSTEM
    path = PurePosixPath(*parts)
    if path.suffix.lower() in PACKED:
        return None, "packed in another way than zip: unpack it"
    if path.suffix.lower() not in WANTED:
        return None, "no .py and no .ipynb"
    return path, None


def seconds(date_time):
    """Return the time of a zip's member, kept without a time zone, as UTC."""
    import calendar

    try:
        return float(calendar.timegm((*date_time, 0, 0, 0)))
    except (ValueError, OverflowError):
        return 0.0
