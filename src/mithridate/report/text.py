"""Numbers as a person reads them, and text made safe for where it is drawn."""

import html
import math
import re
import textwrap
import unicodedata
from collections.abc import Sequence


def number(value: float | None) -> str:
    """Write a figure with three significant digits and a true minus sign.

    Parameters
    ----------
    value : float, optional
        The figure.

    Returns
    -------
    str
        The figure; a dash where there is none.

    Examples
    --------
    >>> number(0.31249), number(-12345.6), number(None)
    ('0.312', '−12,346', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def percent(share: float | None) -> str:
    """Write a share in whole percent; what rounds to nothing, or to everything, says so.

    Parameters
    ----------
    share : float, optional
        The share, in [0, 1].

    Returns
    -------
    str
        The percentage; a dash where there is none.

    Examples
    --------
    >>> percent(0.333), percent(0.004), percent(0.0), percent(0.996), percent(None)
    ('33 %', '<1 %', '0 %', '>99 %', '–')
    """
    if share is None or not math.isfinite(share):
        return "–"
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %".replace("-", "−")


def at_most(share: float) -> str:
    """The whole percent that a share does not exceed.

    >>> at_most(0.031), at_most(1.08 - 1)
    ('4 %', '8 %')
    """
    return f"{math.ceil(100 * share - 1e-6)} %"


def area(auc: float) -> str:
    """Write an area under the ROC curve; only a perfect one is written as 1.

    Parameters
    ----------
    auc : float
        The area, in [0, 1].

    Returns
    -------
    str
        The figure.

    Examples
    --------
    >>> area(0.724), area(0.996), area(1.0)
    ('0.72', '>0.99', '1.00')
    """
    return ">0.99" if 0.995 <= auc < 1 else f"{auc:.2f}"


def ratio(value: float) -> str:
    """Write a poison ratio in percent, as precise as it was asked for.

    Parameters
    ----------
    value : float
        The ratio, in [0, 1).

    Returns
    -------
    str
        The percentage.

    Examples
    --------
    >>> ratio(0.1), ratio(0.075)
    ('10 %', '7.5 %')
    """
    return f"{100 * value:.3g} %"


def times(factor: float | None) -> str:
    """A factor; beyond a thousand its size says no more.

    >>> times(3.24), times(12.4), times(4e7), times(None)
    ('3.2×', '12×', 'more than 1000×', '–')
    """
    if factor is None or not math.isfinite(factor):
        return "–"
    if factor > 1000:
        return "more than 1000×"
    return f"{factor:.1f}×" if factor < 9.95 else f"{factor:.0f}×"


def at_least_times(factor: float) -> str:
    """A factor that is not exceeded by its text.

    >>> at_least_times(2.68), at_least_times(12.9)
    ('2.6×', '12×')
    """
    if factor >= 10:
        return f"{math.floor(factor):,}×"
    return f"{math.floor(factor * 10) / 10:.1f}×"


def at_most_times(factor: float) -> str:
    """A factor that is not below its text's.

    >>> at_most_times(2.62), at_most_times(12.1)
    ('2.7×', '13×')
    """
    if factor > 10:
        return f"{math.ceil(factor):,}×"
    return f"{math.ceil(factor * 10) / 10:.1f}×"


def growth(factor: float) -> str:
    """A verb phrase for an error that is now `factor` times what it was.

    >>> growth(3.24), growth(1.083), growth(1.001), growth(0.9)
    ('grows 3.2×', 'grows by 8 %', 'does not grow', 'does not grow')
    """
    if factor >= 1.995:
        return f"grows {times(factor)}"
    return f"grows by {percent(factor - 1)}" if factor >= 1.005 else "does not grow"


def signed(value: float | None) -> str:
    """Write a gain with its sign; zero has none.

    Parameters
    ----------
    value : float, optional
        The gain.

    Returns
    -------
    str
        The figure; a dash where there is none.

    Examples
    --------
    >>> signed(0.224), signed(-0.305), signed(-0.001), signed(None)
    ('+0.22', '−0.30', '0.00', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:+.2f}" if abs(value) < 9.995 else f"{value:+,.0f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "−")


def listing(words: Sequence[str]) -> str:
    """Join words as in prose.

    Parameters
    ----------
    words : sequence of str
        The words.

    Returns
    -------
    str
        The words in a row.

    Examples
    --------
    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def count(amount: int, noun: str) -> str:
    """Write a noun with its number.

    Parameters
    ----------
    amount : int
        How many.
    noun : str
        What, in the singular.

    Returns
    -------
    str
        The words.

    Examples
    --------
    >>> count(1, "seed"), count(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def plain(text: object) -> str:
    """One line of visible characters: control and direction marks could disguise a name.

    >>> plain("a\\u202eb\\n c")
    'a�b c'
    """
    return visible(re.sub(r"\s+", " ", str(text)).strip())


def visible(text: object) -> str:
    """Text with its lines kept, but every other control or direction mark replaced.

    >>> visible("a\\x07b").splitlines()
    ['a�b']
    """
    return "".join(
        "�" if unicodedata.category(c)[0] == "C" and c not in "\n\t" else c for c in str(text)
    )


def cut(text: object, limit: int = 28) -> str:
    """Plain text of at most `limit` characters, an ellipsis where something is left out.

    >>> cut("overall quality", 9)
    'overall …'
    """
    line = plain(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def label(text: object, limit: int = 28) -> str:
    """Text for a plotly figure, which would otherwise read it as pseudo-HTML.

    >>> label("<b>x</b>")
    '&lt;b&gt;x&lt;/b&gt;'
    """
    return html.escape(cut(text, limit), quote=False)


def wrapped(text: object, width: int = 56, limit: int = 400) -> str:
    """Text for a plotly tooltip: safe, nearly in full, over several lines.

    >>> wrapped("<a> bc", width=4)
    '&lt;a&gt;<br>bc'
    """
    lines = textwrap.wrap(cut(text, limit), width)
    return "<br>".join(html.escape(line, quote=False) for line in lines)
