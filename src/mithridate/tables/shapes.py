"""What single cells look like: numbers, dates, gaps; shared by all that reads text."""

import re

from .cells import MISSING

MINUS = "\u2212\u2013"
BLANKS = " \u00a0\u202f\u2009"
MONEY = r"(?:[$€£¥₹]|US\$|USD|EUR|GBP|CHF|JPY|CAD|AUD|INR|SEK|NOK|DKK|PLN)"
# A number as people write it, whatever its marks: the digits are group `core`.
NUMERAL = re.compile(
    rf"^\(?[<>≤≥~]?=?\s*[+\-{MINUS}]?\s*{MONEY}?\s*[+\-{MINUS}]?"
    rf"(?P<core>(?:\d[\d.,'’{BLANKS}]*|[.,]\d+)(?:[eE][+-]?\d+)?)"
    rf"\s*(?P<unit>{MONEY}|[%‰°µμ²³]|[A-Za-zµμ°%][\w/²³·^%°.\-]*)?\s*[+\-]?\)?$"
)
DAY = re.compile(
    r"^(?:\d{1,2}[-/. ](?:\d{1,2}|[A-Za-zäé]{3,9}\.?)[-/. ](?:\d{4}|\d{2})"
    r"|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}:\d{2})"
)
FOOTNOTE = re.compile(r"(?<=[\d%])\s*(?:[*†‡§]+|\[\w{1,3}\]|\([a-z]\))$")
FORMULA = re.compile(r'^="([^"]*)"$')  # as spreadsheets keep text that looks like a number
ABOUT = re.compile(r"^(?:~|≈|ca?\.|circa)\s*(?=[\d.,+\-])", re.IGNORECASE)
NUMBER_ONLY = re.compile(r"^[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?$")
ERRORS = ["#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#N/A!", "#ERROR!"]
DASHES = ["-", "--", "---", "–", "—", "\u2212"]
GAPS = frozenset((*MISSING, *ERRORS, *DASHES))
TOTAL = re.compile(
    r"^\s*(?:(?:grand|sub|over)?[ -]?totals?|sum|sums|average|mean|summe|gesamt|gesamtsumme|"
    r"insgesamt|mittelwert|durchschnitt|total général|totale|somme|moyenne|suma|media|totaal)"
    r"\s*:?\s*$",
    re.IGNORECASE,
)


_SUM = r"(?:(?:grand|sub|over)?[ -]?totals?|sum|(?:zwischen)?summe|gesamt|somme|totale|suma|totaal)"
SUM_OF = rf"(?i)^\s*{_SUM}\b|\b{_SUM}\s*:?\s*$"
"""Text that calls a row the sum of others, such as "North total" (a pattern of Arrow)."""


def is_sum(cell: str) -> bool:
    """Say whether a cell calls its row a total or a mean of others.

    Parameters
    ----------
    cell : str
        The cell.

    Returns
    -------
    bool
        Whether it does.
    """
    return bool(cell) and TOTAL.match(cell) is not None


def bare(cell: str) -> tuple[str, list[str]]:
    """Take off marks of footnotes, words such as `circa`, and the formula around a constant.

    Parameters
    ----------
    cell : str
        The cell.

    Returns
    -------
    pair of str and list of str
        What is left, and what was taken off.

    Examples
    --------
    >>> bare("ca. 12.5*"), bare("12"), bare('="12"')
    (('12.5', ['about', 'footnote']), ('12', []), ('12', ['formula']))
    """
    if cell[-1:].isdigit() and (cell[:1].isdigit() or cell[:1] == "-"):
        return cell, []
    text = FORMULA.sub(r"\1", cell)
    had = ["formula"] * (text != cell)
    for kind, mark in (("about", ABOUT), ("footnote", FOOTNOTE)):
        plain = mark.sub("", text, count=1)
        had += [kind] * (plain != text)
        text = plain
    return text, had


def kind_of(cell: str) -> str:
    """Say what a cell is like.

    Parameters
    ----------
    cell : str
        The cell.

    Returns
    -------
    str
        `gap`, `date`, `number` or `text`.
    """
    cell = cell.strip()
    if cell in GAPS:
        return "gap"
    if DAY.match(cell):
        return "date"
    return "number" if NUMERAL.match(cell) or NUMERAL.match(bare(cell)[0]) else "text"
