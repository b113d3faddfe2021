"""The codec of a text file: a byte order mark, UTF-8, or the codepage that fits best."""

import codecs
import re

from .._text import quote
from ..errors import InputError

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WESTERN = "cp1252"
# What spreadsheets and exports outside of UTF-8 are written in; Western Europe comes first.
CODEPAGES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"]
CODEPAGES += ["shift_jis", "gb18030", "big5", "euc_kr", "cp437", "cp850", "mac_roman"]
LATIN = ("cp1250", "cp1254", "cp1257", "cp437", "cp850", "mac_roman")
ODD = 0.2  # the share of signs inside of words from which on a text is not Western
DENSE = 0.6  # the share of letters beyond ASCII that stand together from which on it is not either
EVIDENCE = 1 << 16  # bytes of lines beyond ASCII that are looked at
FOREIGN = 20  # letters beyond ASCII that are needed to prefer a codepage to the Western one


def bom_of(start: bytes) -> tuple[bytes, str]:
    """Read the byte order mark.

    Parameters
    ----------
    start : bytes
        The first bytes of a file.

    Returns
    -------
    pair of bytes and str
        The mark and its codec; both empty where there is none.
    """
    return next(((mark, name) for mark, name in BOMS if start.startswith(mark)), (b"", ""))


def is_utf8(sample: bytes) -> bool:
    """Say whether bytes are UTF-8, a character cut at the end aside.

    Parameters
    ----------
    sample : bytes
        The bytes.

    Returns
    -------
    bool
        Whether they are.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def codepage(sample: bytes, shown: str) -> str:
    """Guess the codepage of text that is not UTF-8.

    Windows-1252 is taken unless the text says plainly that it is another: charset-normalizer reads
    words of a language in another script, or signs would stand inside of words.

    Parameters
    ----------
    sample : bytes
        The first bytes of a file.
    shown : str
        What an error calls the file.

    Returns
    -------
    str
        The name of a codec.
    """
    import charset_normalizer

    lines = re.findall(rb"[^\r\n]*[\x80-\xff][^\r\n]*", sample)
    text = b"\n".join(dict.fromkeys(lines))[:EVIDENCE]
    beyond = sum(byte >= 0x80 for byte in text)
    western = _decodes(text, WESTERN)
    best = charset_normalizer.from_bytes(text, cp_isolation=CODEPAGES).best()
    if best is not None and best.encoding not in (WESTERN, "latin_1"):
        known = best.coherence > 0 or (western and _dense(text.decode(WESTERN)) > DENSE)
        other = best.encoding not in LATIN and beyond >= FOREIGN and known
        if other or not western or _odd(text.decode(WESTERN)) > ODD:
            return best.encoding
    if western:
        return WESTERN
    if _decodes(text, "latin-1"):
        return "latin-1"
    raise InputError(f"The file {shown} is in an unknown encoding; name it by --encoding.")


def _dense(text: str) -> float:
    """The share of letters beyond ASCII that stand beside another: few in Western languages."""
    beyond = [i for i, c in enumerate(text) if c > "\x7f" and c.isalpha()]
    beside = [i for i in beyond if text[i + 1 : i + 2] > "\x7f" or text[max(i - 1, 0)] > "\x7f"]
    return len(beside) / max(len(beyond), 1)


def _odd(text: str) -> float:
    """The share of characters beyond ASCII that stand inside a word and are no letters."""
    beyond = [i for i, character in enumerate(text) if character > "\x7f"]
    odd = [i for i in beyond if not text[i].isalpha() and text[max(i - 1, 0)].isalpha()]
    odd = [i for i in odd if text[i + 1 : i + 2].isalpha()]
    return len(odd) / max(len(beyond), 1)


def decoded(sample: bytes, codec: str, shown: str, whole: bool) -> str:
    """Decode a sample; a character cut at its end is left out.

    Parameters
    ----------
    sample : bytes
        The first bytes of a file.
    codec : str
        How they are encoded.
    shown : str
        What an error calls the file.
    whole : bool
        Whether the sample is the whole file, so that nothing is cut.

    Returns
    -------
    str
        The text.
    """
    try:
        return codecs.getincrementaldecoder(codec)().decode(sample, final=whole)
    except UnicodeDecodeError:
        raise InputError(
            f"The file {shown} is not in {quote(codec)}; give another --encoding."
        ) from None


def _decodes(text: bytes, codec: str) -> bool:
    try:
        text.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
