"""The tables of docs/practical.md, from the records that benchmarks/practical.py wrote."""

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

START, END = "<!-- from benchmarks/practical.py -->", "<!-- end -->"
NAMES = {"ours": "`TableErrors`", "before": "default of 0.1.0", "cleanlab": "cleanlab"}
NAMES |= {"huber": "`Huber`", "lts": "`LeastTrimmedSquares`", "forest": "isolation forest"}
NAMES |= {"cells": "`CellErrors`"}
KINDS = {"bias": "+ 1.5 sd", "noise": "± 1 to 3 sd", "swap": "swapped", "x10": "×10 or ÷10"}
KINDS |= {"x1000": "×1000", "sign": "sign", "spike": "± 10 to 30 sd"}
SHAPES = {"twice": "rows twice, with the target of another row"}
SHAPES |= {"source": "all rows of one source + 1.5 sd, its name a column", "unit": "a feature ×10"}
KNOWN = 480_000_000
"""What harmed tables up to this CRC-32, not tuned on, was known when the last rules were made."""
SOME = 2000  # draws of tables for an interval
HARM, LOST = 1.05, 0.1


def page(folder: Path) -> str:
    """All tables and lists, as Markdown."""
    paths = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
    results = pd.concat([pd.read_json(path) for path in paths])
    results["rate"] = results["rate"].fillna(0.05 * (results.kind != "none"))
    results["seed"] = results.seed.fillna(0).astype(int) if "seed" in results else 0
    results = results.drop_duplicates(["table", "kind", "rate", "method", "seed"], keep="last")
    drawn, results = results, results[results.seed == 0]
    plain, wrong = results[results.kind == "none"], results[results.kind.isin(KINDS)]
    lines = [*unmodified(plain)]
    for tuned, part in wrong[wrong.rate == 0.05].groupby("tuned"):
        lines += with_errors(part, bool(tuned))
    lines += rates(wrong)
    lines += seeds(drawn[drawn.method == "ours"])
    lines += shapes(results[results.kind.isin(SHAPES)])
    lines += corrected(results[results.kind == "true"])
    lines += ["", *seconds(results)]
    return "\n".join(lines)


def parts(results):
    """Tables tuned on, and others: those of which something was known, and those never seen."""
    crc = results.table.map(lambda name: zlib.crc32(name.encode()))
    known = ~results.tuned & (crc <= KNOWN)
    yield "tuned on", results[results.tuned]
    yield "not tuned on, harm known", results[known]
    yield "not tuned on, never seen", results[~results.tuned & ~known]


def unmodified(plain):
    """Harm and rows rejected where nobody planted anything."""
    heads = "tables", "method", "number", "pairs harmed", "rows rejected, mean", "median"
    rows, harmed = [], []
    for name, part in parts(plain):
        for method in (method for method in NAMES if (part.method == method).any()):
            rest = part[part.method == method]
            share = 100 * rest.rejected / rest.rows
            cells = [f"{v:.1f} %" for v in (share.mean(), share.median(), share.quantile(0.9))]
            rows.append([name, NAMES[method], str(len(share)), harm(rest), *cells])
        ours = part[part.method == "ours"]
        worst = ours[ours[["ridge", "boosting"]].max(axis=1) > HARM]
        for one in worst.sort_values("boosting", ascending=False).itertuples():
            ratios = f"{one.ridge:.2f}", f"{one.boosting:.2f}"
            harmed.append([f"`{one.table}`", name, str(one.rows), str(one.rejected), *ratios])
    yield from table((*heads, "nine in ten below"), rows)
    yield from (
        "",
        "Every table that it harms, with the test error as a multiple of that with all rows:",
        "",
    )
    yield from table(("table", "", "rows", "rejected", "ridge", "boosted trees"), harmed)


def harm(rest):
    """Share of pairs of table and model that are harmed, and its interval over tables."""
    each = (rest[["ridge", "boosting"]] > HARM).mean(axis=1).groupby(rest.table).mean().to_numpy()
    draws = np.random.default_rng(0).choice(each, (SOME, len(each))).mean(axis=1)
    low, high = np.percentile(100 * draws, [2.5, 97.5])
    return f"{100 * each.mean():.1f} % ({low:.0f} to {high:.0f})"


def with_errors(part, tuned):
    """Average precision, the cut and the gain, by method and kind of error."""
    kinds = [kind for kind in KINDS if (part.kind == kind).any()]
    methods = [method for method in NAMES if (part.method == method).any()]
    every, asked = part, part.groupby("table").method.nunique()
    part = part[part.table.isin(asked.index[asked == len(methods)])]
    yield from ("", f"**{part.table.nunique()} tables {'' if tuned else 'not '}tuned on.**", "")
    cells = dict(list(part.groupby(["method", "kind"])))
    for title, figure in MEASURES.items():
        rows = [
            [NAMES[m], *(figure(cells[m, k]) if (m, k) in cells else "" for k in kinds)]
            for m in methods
        ]
        yield from (*table((title, *(KINDS[kind] for kind in kinds)), rows), "")
    if {"ours", "cleanlab"} <= set(methods):
        yield from against(every)


def against(part):
    """Average precision beside cleanlab's, table by table, and where it is lost."""
    both = part.pivot_table("ap", ["kind", "table"], "method")[["ours", "cleanlab"]].dropna()
    less = (both.ours - both.cleanlab).rename("less")
    means = [f"{KINDS[kind]} {interval(rest)}" for kind, rest in less.groupby("kind")]
    n = both.reset_index().table.nunique()
    yield f"Average precision, `TableErrors` less cleanlab on {n} tables: {', '.join(means)}."
    lost = both[less < -LOST].join(less).sort_values("less")
    named = [
        f"`{name}` {KINDS[kind]} {row.ours:.2f} / {row.cleanlab:.2f}"
        for (kind, name), row in lost.iterrows()
    ]
    yield f"Lost by over {LOST}: {', '.join(named) or 'none'}."


def rates(wrong):
    """Other shares of wrong rows."""
    if wrong.rate.nunique() < 2:
        return
    ours = wrong[wrong.method == "ours"]
    tables_of = ours.groupby("rate").table.agg(set)
    shared = set.intersection(*tables_of)
    kinds = set.intersection(*ours[ours.table.isin(shared)].groupby("rate").kind.agg(set))
    ours = ours[ours.table.isin(shared) & ours.kind.isin(kinds)]
    heads = "errors", "rows wrong", "average precision", "precision / recall", "gain of trees"
    yield from ("", f"**Other shares of wrong rows**, `TableErrors`, {len(shared)} tables.", "")
    yield from table(
        heads,
        [
            [KINDS[kind], f"{100 * rate:.0f} %", *(figure(rest) for figure in MEASURES.values())]
            for (kind, rate), rest in ours.groupby(["kind", "rate"])
        ],
    )


def seeds(ours):
    """Other draws of the rows that are judged and of the errors."""
    draws = ours.groupby("table").seed.nunique()
    ours = ours[ours.table.isin(draws.index[draws == draws.max()])]
    if ours.empty or draws.max() < 2:
        return
    n = ours.table.nunique()
    yield from ("", f"**Other draws of rows and errors**, `TableErrors`, {n} tables.", "")
    kinds = [kind for kind in KINDS if (ours.kind == kind).any()]
    rows = []
    for seed, part in ours.groupby("seed"):
        plain = part[part.kind == "none"]
        wrong = dict(list(part[(part.rate == 0.05)].groupby("kind")))
        means = [f"{wrong[kind].ap.mean():.2f}, {cut(wrong[kind])}" for kind in kinds]
        rows.append([str(seed + 1), harm(plain), *means])
    heads = ", ".join(("average precision", "precision / recall"))
    yield from table(("draw", "pairs harmed", *(f"{KINDS[k]}: {heads}" for k in kinds)), rows)
    each = ours[ours.rate == 0.05].groupby(["kind", "table"]).ap.std().groupby("kind").mean()
    shown = ", ".join(f"{KINDS[kind]} {each[kind]:.2f}" for kind in kinds)
    yield from (
        "",
        f"Average precision of one table from draw to draw, standard deviation: {shown}.",
    )


def shapes(wrong):
    """Errors that are no change of single targets, by every method that was asked."""
    if wrong.empty:
        return
    every = wrong.groupby("kind").table.nunique()
    yield from ("", f"**Other errors**, 5 % of the rows, {every.max()} tables not tuned on.", "")
    rows = [
        [SHAPES[kind], NAMES[method], *(figure(part) for figure in MEASURES.values())]
        for (kind, method), part in wrong.groupby(["kind", "method"])
    ]
    yield from table(("errors", "method", *MEASURES), rows)


def corrected(true):
    """Real errors that somebody corrected, table by table."""
    if true.empty:
        return
    heads = "real errors", "rows", "wrong", "method", "average precision", "precision / recall"
    rows = []
    for (name, method), rest in true.groupby(["table", "method"]):
        counts = [str(rest[column].iloc[0]) for column in ("rows", "bad")]
        rows.append([f"`{name}`", *counts, NAMES[method], f"{rest.ap.mean():.2f}", cut(rest)])
    yield ""
    yield from table(heads, rows)


def seconds(results):
    """The median time of each method."""
    by = results.groupby("method").seconds.median()
    yield (
        "Seconds a table, median, on a busy machine: "
        + ", ".join(f"{NAMES[method]} {by[method]:.1f}" for method in NAMES if method in by)
        + "."
    )


def cut(rest):
    """Precision and recall of the rows rejected, all tables together."""
    precision = rest.found.sum() / max(rest.rejected.sum(), 1)
    return f"{precision:.2f} / {rest.found.sum() / rest.bad.sum():.2f}"


def gain(rest):
    """The part of what wrong rows cost boosted trees that is won back, where they cost 5 %."""
    could = rest[rest.oracle < 0.95 * rest.was]
    share = ((could.was - could.left) / (could.was - could.oracle)).clip(-1, 1)
    return f"{share.mean():.2f}" if len(share) else ""


def interval(values):
    """Mean over tables and half the width of its 95 % interval."""
    return f"{values.mean():.2f} ±{1.96 * values.std(ddof=1) / len(values) ** 0.5:.2f}"


def table(heads, rows):
    """Lines of a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


MEASURES = {
    "average precision": lambda rest: interval(rest.groupby("table").ap.mean()),
    "precision / recall at the cut": cut,
    "gain of boosted trees, of the most there is": gain,
}


def write(path: Path, made: str) -> None:
    """Puts the tables between the marks of a page."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{START}\n\n{made}\n\n{END}{after}", encoding="utf-8")
